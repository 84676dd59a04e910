"""Space: what can be chosen about a picture of a sign, with units, ranges and defaults."""

from __future__ import annotations

from dataclasses import replace

from failatlas.parameters import Parameter, Space
from failatlas.simulators.effects import CAMERA
from failatlas.simulators.signs.classes import CLASSES

# the camera's own ranges serve any picture; beyond these, nobody could tell what is on a plate of 60 px
_CAMERA_RANGES = {  # low, high, default
    "exposure_stops": (-4.0, 4.0, 0.0),
    "motion_px": (0.0, 16.0, 0.0),
    "motion_deg": (0.0, 180.0, 0.0),
    "defocus_px": (0.0, 6.0, 0.0),
    "vignetting": (0.0, 0.6, 0.0),
    "iso": (0.0, 25_600.0, 200.0),
    "jpeg_quality": (0.0, 95.0, 0.0),
}

SPACE = Space(
    (
        Parameter("sign", choices=tuple(sign.key for sign in CLASSES), meaning="the class"),
        Parameter(
            "distance_m",
            4,
            60,
            14,
            "m",
            meaning="from camera to plate; far plates have few pixels and much air before them",
        ),
        Parameter("sign_height_m", 1.2, 6, 2.4, "m", meaning="of the plate's middle above the road"),
        Parameter(
            "plate_share", 0.2, 0.95, 0.62, meaning="plate's width as a share of the picture's, facing the camera"
        ),
        Parameter("offset_x", -0.35, 0.35, 0, meaning="plate's middle right of the picture's, as a share of its width"),
        Parameter("offset_y", -0.35, 0.35, 0, meaning="plate's middle above the picture's, as a share of its height"),
        Parameter(
            "yaw_deg",
            -180,
            180,
            0,
            "deg",
            circular=True,
            meaning="face turned to the picture's right; beyond ±90 its back shows",
        ),
        Parameter("tilt_deg", -30, 30, 0, "deg", meaning="face turned up"),
        Parameter("roll_deg", -45, 45, 0, "deg", meaning="plate and pole turned counter-clockwise"),
        Parameter("time", choices=("day", "dusk", "night"), meaning="by day the sun lights, by night the headlights"),
        Parameter(
            "sun_azimuth_deg",
            -180,
            180,
            150,
            "deg",
            circular=True,
            meaning="0: behind the sign; 180: behind the camera",
        ),
        Parameter("sun_elevation_deg", 2, 70, 35, "deg", meaning="height of the sun"),
        Parameter("sun_strength", 0, 1, 0.8, meaning="0: overcast; 1: clear"),
        Parameter("headlights", 0, 1, 0.6, meaning="the car's own, which the plate reflects at dusk and night"),
        Parameter("weather", choices=("clear", "rain", "fog", "snow"), meaning="what is in the air"),
        Parameter("weather_strength", 0, 1, 0.5, meaning="fog: visibility from 350 m down to 25 m"),
        Parameter("dirt", 0, 1, 0, meaning="mud, more of it below"),
        Parameter("fading", 0, 1, 0, meaning="colours bleached by the sun, red most"),
        Parameter("rust", 0, 1, 0, meaning="from the edge and from scratches"),
        Parameter("sticker_share", 0, 0.6, 0, meaning="share of the plate under stickers, about"),
        Parameter("graffiti", 0, 1, 0, meaning="sprayed lines"),
        Parameter("snow_cover", 0, 1, 0, meaning="snow that sticks to the plate"),
        Parameter("occluder", choices=("leaves", "branch"), meaning="what stands before the plate"),
        Parameter("occluder_share", 0, 0.9, 0, meaning="share of the plate behind it, about"),
        Parameter(
            "occluder_side_deg", -180, 180, 60, "deg", circular=True, meaning="where it comes from; 0 right, 90 above"
        ),
        Parameter("shadow", 0, 1, 0, meaning="depth of the shadows of branches on the plate"),
        Parameter("backdrop", choices=("trees", "town", "road", "sky"), meaning="what is behind"),
        Parameter(
            "neighbour",
            choices=("none", "pole", "sign"),
            meaning="a lamp post, or a sign that faces away, further back",
        ),
        Parameter("second_plate", choices=("no", "yes"), meaning="a white plate with text below"),
        *(
            replace(parameter, low=low, high=high, default=default)
            for parameter in CAMERA
            if parameter.name in _CAMERA_RANGES
            for low, high, default in (_CAMERA_RANGES[parameter.name],)
        ),
    )
)
