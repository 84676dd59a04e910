"""Classes: the 43 signs of the German Traffic Sign Recognition Benchmark, in its order.

Source: J. Stallkamp et al., *Man vs. computer: Benchmarking machine learning algorithms for traffic sign recognition*,
Neural Networks 32, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignClass:
    """One class.

    Attributes:
        number: position in the benchmark, 0–42.
        key: the choice of the parameter ``sign``.
        name: the usual English name, as labels give it.
    """

    number: int
    key: str
    name: str


_TABLE = (
    ("speed-20", "Speed limit (20km/h)"),
    ("speed-30", "Speed limit (30km/h)"),
    ("speed-50", "Speed limit (50km/h)"),
    ("speed-60", "Speed limit (60km/h)"),
    ("speed-70", "Speed limit (70km/h)"),
    ("speed-80", "Speed limit (80km/h)"),
    ("end-speed-80", "End of speed limit (80km/h)"),
    ("speed-100", "Speed limit (100km/h)"),
    ("speed-120", "Speed limit (120km/h)"),
    ("no-passing", "No passing"),
    ("no-passing-trucks", "No passing for vehicles over 3.5 metric tons"),
    ("right-of-way", "Right-of-way at the next intersection"),
    ("priority-road", "Priority road"),
    ("yield", "Yield"),
    ("stop", "Stop"),
    ("no-vehicles", "No vehicles"),
    ("no-trucks", "Vehicles over 3.5 metric tons prohibited"),
    ("no-entry", "No entry"),
    ("caution", "General caution"),
    ("curve-left", "Dangerous curve to the left"),
    ("curve-right", "Dangerous curve to the right"),
    ("double-curve", "Double curve"),
    ("bumpy", "Bumpy road"),
    ("slippery", "Slippery road"),
    ("narrows-right", "Road narrows on the right"),
    ("road-work", "Road work"),
    ("signals", "Traffic signals"),
    ("pedestrians", "Pedestrians"),
    ("children", "Children crossing"),
    ("bicycles", "Bicycles crossing"),
    ("ice", "Beware of ice/snow"),
    ("animals", "Wild animals crossing"),
    ("end-limits", "End of all speed and passing limits"),
    ("turn-right", "Turn right ahead"),
    ("turn-left", "Turn left ahead"),
    ("ahead", "Ahead only"),
    ("ahead-right", "Go straight or right"),
    ("ahead-left", "Go straight or left"),
    ("keep-right", "Keep right"),
    ("keep-left", "Keep left"),
    ("roundabout", "Roundabout mandatory"),
    ("end-no-passing", "End of no passing"),
    ("end-no-passing-trucks", "End of no passing by vehicles over 3.5 metric tons"),
)

CLASSES = tuple(SignClass(number, key, name) for number, (key, name) in enumerate(_TABLE))
BY_KEY = {sign.key: sign for sign in CLASSES}
