"""The simulator "road": a steering network's view through the windscreen, with the wheel angle that it should give."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import UsageError
from failatlas.parameters import Space, Value, Values
from failatlas.registry import Parameter
from failatlas.seeds import generator
from failatlas.simulators.noise import table
from failatlas.simulators.road import layout
from failatlas.simulators.road.alignment import Pose, course
from failatlas.simulators.road.furnishing import furnish
from failatlas.simulators.road.items import paint
from failatlas.simulators.road.light import Light, light
from failatlas.simulators.road.painting import background, developed
from failatlas.simulators.road.picture import SKY, blank
from failatlas.simulators.road.pursuit import goal, wheel_angle_deg
from failatlas.simulators.road.space import SPACE
from failatlas.simulators.road.view import View, view
from failatlas.simulators.road.visibility import line_share
from failatlas.simulators.road.windscreen import cover, sun_pixel
from failatlas.simulators.simulator import Rendering, simulators

_SMALLEST_PX, _LARGEST_PX = 32, 1024


@simulators.register(
    "road",
    parameters={
        "height_px": Parameter(96, "32 … 1024", "finer pictures, more time: about in proportion to the pixels"),
        "width_px": Parameter(192, "32 … 1024", "a wider picture of the same scene: the field of view is horizontal"),
    },
    source="pure pursuit: Coulter 1992; the task: Bojarski et al. 2016 (DAVE-2, 66 × 200 px)",
)
class Road:
    """Steering from the view through the windscreen: road, weather, light and traffic.

    Twice as wide as high by default: DAVE-2's 66 × 200 px cut the sky off, which hides glare and a crest's horizon.

    Labels: ``steering_deg`` of the front wheels by pure pursuit, right > 0; ``goal_x_m``, how far right of the car's
    axis the point lies that it pursues; ``lead_gap_m`` to the rear of the vehicle ahead, nan without one;
    ``line_share``, how much of the own lane's two lines can be seen (`visibility.line_share`).

    Raises:
        UsageError: a size outside its range.
    """

    space: Space = SPACE

    def __init__(self, height_px: int = 96, width_px: int = 192) -> None:
        for name, size in (("height_px", height_px), ("width_px", width_px)):
            if isinstance(size, bool) or not isinstance(size, int) or not _SMALLEST_PX <= size <= _LARGEST_PX:
                raise UsageError(
                    f"parameter {name!r} is {size!r}", remedy=f"give {_SMALLEST_PX} … {_LARGEST_PX}", code="E_PARAMETER"
                )
        self.height_px, self.width_px = height_px, width_px

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture; see `simulators.Simulator`."""
        full = SPACE.validated(values)
        lane = course(float(full["curvature_1pm"]), float(full["curvature_rate_1pm2"]))
        pose = Pose(float(full["offset_m"]), math.radians(float(full["heading_deg"])))
        camera, sun = view(full, self.height_px, self.width_px), light(full)
        # each room of the scene has its own stream, so that rain moves no tree
        surface = layout.surface(full, generator(seed, "road", "surface"))
        horizon = layout.horizon(full, generator(seed, "road", "horizon"))
        things = furnish(full, seed, camera, lane, surface, sun)
        picture = blank(camera)
        paint(camera, sun, table(), things, picture)
        background(camera, lane, surface, sun, horizon, table(), things.footprints, picture)
        aside, _ = goal(lane, pose)
        labels: dict[str, Value] = {
            "steering_deg": wheel_angle_deg(aside),
            "goal_x_m": aside,
            "lead_gap_m": things.gap_m,
            "line_share": line_share(camera, lane, surface, picture.front),
        }
        free = _is_sky(picture.front, camera, sun)
        cover(picture.canvas, full, generator(seed, "road", "windscreen"), camera, sun, table(), free)
        return Rendering(developed(picture.canvas, sun.exposure), full, labels)


def _is_sky(depth: NDArray[np.float32], camera: View, sun: Light) -> bool:
    """Whether the sun stands in the picture's open sky, or above its upper edge."""
    at = sun_pixel(camera, sun)
    if at is None:
        return False
    column, row = int(at[0]), max(int(at[1]), 0)
    if not (0 <= column < depth.shape[1] and row < depth.shape[0]):
        return False
    return bool(depth[row, column] >= SKY)
