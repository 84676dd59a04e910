"""Effects: what a camera does to light, and what happens to pixels; nothing is changed in place."""

from failatlas.simulators.effects.blur import box_blur, defocus, motion_blur
from failatlas.simulators.effects.camera import CAMERA, Camera, exposure, infrared, jpeg, vignetting
from failatlas.simulators.effects.effect import STAGES, Effect, Points, effect, effects
from failatlas.simulators.effects.framing import occlusion, rotation, scaling, watermark
from failatlas.simulators.effects.light import Light, Picture, to_light, to_pixels
from failatlas.simulators.effects.noise import laplacian_noise, sensor_noise
from failatlas.simulators.effects.tone import brightness, contrast, darkness, haze

__all__ = [
    "CAMERA",
    "STAGES",
    "Camera",
    "Effect",
    "Light",
    "Picture",
    "Points",
    "box_blur",
    "brightness",
    "contrast",
    "darkness",
    "defocus",
    "effect",
    "effects",
    "exposure",
    "haze",
    "infrared",
    "jpeg",
    "laplacian_noise",
    "motion_blur",
    "occlusion",
    "rotation",
    "scaling",
    "sensor_noise",
    "to_light",
    "to_pixels",
    "vignetting",
    "watermark",
]
