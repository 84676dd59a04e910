"""Space: every quantity of a driver's picture, with unit and range."""

from __future__ import annotations

from failatlas.parameters import Parameter, Space
from failatlas.simulators.driver.cloth import PATTERNS
from failatlas.simulators.driver.eyes import IRIS_COLOURS
from failatlas.simulators.driver.glasses import COLOURS as RIM_COLOURS
from failatlas.simulators.driver.glasses import SHAPES
from failatlas.simulators.driver.hair import HAIR_COLOURS, STYLES
from failatlas.simulators.driver.hand import PLACES
from failatlas.simulators.driver.head import N_SHAPE
from failatlas.simulators.driver.mask import COLOURS as MASK_COLOURS
from failatlas.simulators.driver.torso import COLLARS

IDENTITY = (
    *(
        Parameter(f"shape_{k}", -2, 2, 0, meaning="shape of the head: one principal component, in σ")
        for k in range(N_SHAPE)
    ),
    Parameter("skin_tone", 0, 1, 0.35, meaning="0 lightest … 1 darkest"),
    Parameter("skin_gloss", 0.1, 1, 0.4, meaning="how much skin shines"),
    Parameter("freckles", 0, 1, 0, meaning="density on light skin"),
    Parameter("lip_colour", 0, 1, 0.6, meaning="how much lips differ from skin"),
    Parameter("hair_style", choices=tuple(STYLES), default="short", meaning="cut"),
    Parameter("hair_colour", choices=tuple(HAIR_COLOURS), default="brown", meaning="colour of the hair"),
    Parameter("hairline", -0.6, 1.6, 0, "cm", meaning="how much higher the hairline is"),
    Parameter("brow_colour", choices=tuple(HAIR_COLOURS), default="brown", meaning="colour of brows and beard"),
    Parameter("brow_density", 0.3, 1, 0.75, meaning="how full the brows are"),
    Parameter("beard", choices=("none", "stubble", "full"), meaning="none, of a few days, or grown"),
    Parameter("iris_colour", choices=tuple(IRIS_COLOURS), default="brown", meaning="colour of the eyes"),
)
"""What makes a person; see `subjects`."""

POSE = (
    Parameter("head_yaw", -75, 75, 0, "deg", meaning="> 0 to the picture's right"),
    Parameter("head_pitch", -50, 50, 0, "deg", meaning="> 0 up"),
    Parameter("head_roll", -40, 40, 0, "deg", meaning="> 0 clockwise in the picture"),
    Parameter("gaze_yaw", -40, 40, 0, "deg", meaning="relative to the head; > 0 to the picture's right"),
    Parameter("gaze_pitch", -30, 30, 0, "deg", meaning="relative to the head; > 0 up"),
    Parameter("eye_open_left", 0, 1, 1, meaning="0 shut … 1 wide awake"),
    Parameter("eye_open_right", 0, 1, 1, meaning="0 shut … 1 wide awake"),
    Parameter("jaw", 0, 1, 0, meaning="0 shut … 1 wide open"),
    Parameter("smile", -1, 1, 0, meaning="-1 corners of the mouth down … 1 up"),
    Parameter("brows", -1, 1, 0, meaning="-1 drawn down … 1 raised"),
    Parameter("pupil_size", 0.25, 0.75, 0.42, meaning="share of the iris"),
    Parameter("redness", 0, 1, 0.2, meaning="veins in the white of the eye"),
)

WORN = (
    Parameter("glasses", choices=("none", "clear", "sun"), meaning="none, clear lenses or dark ones"),
    Parameter("glasses_shape", choices=tuple(SHAPES), meaning="shape of the lenses"),
    Parameter("glasses_colour", choices=tuple(RIM_COLOURS), meaning="colour of the frame"),
    Parameter("mask", choices=("none", *MASK_COLOURS), meaning="colour of a mask over nose and mouth"),
    Parameter("hand", choices=("none", "bare", "sleeve"), meaning="a hand before the face, bare or out of a sleeve"),
    Parameter("hand_place", choices=tuple(PLACES), meaning="what the hand lies on"),
    Parameter("hand_side", choices=("left", "right"), meaning="of the person"),
    Parameter("belt", choices=("left", "right", "none"), meaning="shoulder that the belt crosses"),
    Parameter("collar", choices=COLLARS, meaning="round, high, or of a shirt"),
    Parameter("clothing_hue", 0, 360, 215, "deg", circular=True, meaning="hue of the clothes"),
    Parameter("clothing_colour", 0, 0.45, 0.35, meaning="saturation"),
    Parameter("clothing_light", 0.1, 0.85, 0.4, meaning="0 black … 1 white"),
    Parameter("clothing_pattern", choices=PATTERNS, meaning="weave of the clothes"),
    Parameter("seat", choices=("black", "grey", "beige"), meaning="colour of the seat"),
)

LIGHT = (
    Parameter("time", choices=("day", "dusk", "night"), meaning="what is outside, and how much light comes in"),
    Parameter(
        "sun_azimuth", -180, 180, 40, "deg", circular=True, meaning="0 behind the camera, 90 the picture's right"
    ),
    Parameter("sun_elevation", -10, 80, 35, "deg", meaning="of sun or street lamp"),
    Parameter("light_intensity", 0, 2.5, 1, meaning="of sun or street lamp; 1 is usual for the time"),
    Parameter("ambient", 0.1, 2, 1, meaning="light of sky and cabin; 1 is usual for the time"),
    Parameter("headlights", 0, 1, 0.25, meaning="of others, on the face, at night"),
    Parameter("dashboard", 0, 1, 0.4, meaning="glow of the instruments at night"),
)

CAMERA = (
    Parameter("sensor", choices=("colour", "ir"), meaning="ir: near infra-red, lit by a lamp beside the lens"),
    Parameter("bright_pupil", choices=("no", "yes"), meaning="the infra-red lamp is seen in the pupils"),
    Parameter("exposure_stops", -5, 5, 0, "stop", meaning="light doubles a stop"),
    Parameter("iso", 0, 12_800, 200, meaning="sensitivity, so noise; 0 is a noiseless sensor"),
    Parameter("defocus_px", 0, 4, 0, "px", meaning="radius of the blur disc of a lens out of focus"),
    Parameter("motion_px", 0, 12, 0, "px", meaning="way of a point during the exposure"),
    Parameter("motion_deg", 0, 180, 0, "deg", circular=True, meaning="direction of that way; 0 level, 90 upright"),
    Parameter("vignetting", 0, 1, 0.15, meaning="share of light that the corners lose"),
    Parameter("jpeg_quality", 0, 95, 0, integer=True, meaning="quality of compression; 0 stores without loss"),
)

_VIEWS = {
    "face": (
        Parameter("camera_x", -25, 25, 0, "cm", meaning="> 0 to the picture's right"),
        Parameter("camera_y", -25, 25, 0, "cm", meaning="> 0 above the eyes"),
        Parameter("camera_z", 50, 90, 66, "cm", meaning="distance from the eyes"),
        Parameter("focal", 1.8, 3.6, 2.45, "widths", meaning="focal length in picture widths"),
    ),
    "eye": (
        Parameter("eye", choices=("left", "right"), meaning="of the person, in the middle of the picture"),
        Parameter("camera_x", -25, 25, 0, "cm", meaning="> 0 to the picture's right"),
        Parameter("camera_y", -25, 25, 0, "cm", meaning="> 0 above the eyes"),
        Parameter("camera_z", 50, 90, 66, "cm", meaning="distance from the eyes"),
        Parameter("focal", 8, 16, 11, "widths", meaning="focal length in picture widths"),
        Parameter("shift_x", -0.6, 0.6, 0, "cm", meaning="the eye's place off the middle"),
        Parameter("shift_y", -0.6, 0.6, 0, "cm", meaning="the eye's place off the middle"),
    ),
}
VIEWS = tuple(_VIEWS)


def space(view: str) -> Space:
    """All parameters of a view."""
    return Space((*IDENTITY, *POSE, *WORN, *LIGHT, *CAMERA, *_VIEWS[view]))
