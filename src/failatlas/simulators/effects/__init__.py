"""Effects: what a camera does to light, and what happens to pixels; nothing is changed in place."""

from failatlas.simulators.effects.blur import box_blur, defocus, motion_blur
from failatlas.simulators.effects.camera import CAMERA, Camera, exposure, infrared, jpeg, vignetting
from failatlas.simulators.effects.light import Light, Picture, to_light, to_pixels
from failatlas.simulators.effects.noise import laplacian_noise, sensor_noise

__all__ = [
    "CAMERA",
    "Camera",
    "Light",
    "Picture",
    "box_blur",
    "defocus",
    "exposure",
    "infrared",
    "jpeg",
    "laplacian_noise",
    "motion_blur",
    "sensor_noise",
    "to_light",
    "to_pixels",
    "vignetting",
]
