"""Frame: one picture from meshes, step by step; holds the buffers that pictures of one size share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.errors import ShapeError, UsageError
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled, lanes, select
from failatlas.simulators.raster import lines, picture
from failatlas.simulators.raster.camera import Camera
from failatlas.simulators.raster.mesh import BACKGROUND, Mesh
from failatlas.simulators.raster.picture import Radiance
from failatlas.simulators.raster.points import Points, Pool, points
from failatlas.simulators.raster.visibility import Visibility


class Frame:
    """Draws pictures of one size: `see`, fill the colours, `paint`, lines and glass as wanted, `radiance`.

    Args:
        width_px: picture width.
        height_px: picture height.
        supersampling: samples a pixel and side, 1 … 4; 2 looks smooth, 1 is fastest.
        fine: materials that are shaded at every sample: small, shiny or sharply drawn ones (eyes, rims).

    Raises:
        UsageError: a size below 1 or a supersampling outside of 1 … 4.

    One thread uses a frame at a time; threads take one each. The points of a call last until the next one like it; what
    `radiance` returns is new.
    """

    def __init__(self, width_px: int, height_px: int, supersampling: int = 2, fine: Sequence[int] = ()) -> None:
        if width_px < 1 or height_px < 1 or supersampling not in (1, 2, 3, 4):
            raise UsageError(
                f"a frame of {width_px} × {height_px} px, {supersampling} × {supersampling} samples each",
                remedy="ask for at least 1 × 1 px and 1 … 4 samples a side",
            )
        self._size = (height_px, width_px)
        self._s = supersampling
        self._fine = np.zeros(256, np.bool_)
        self._fine[list(fine)] = True
        self._seen = Visibility.of_size(width_px * supersampling, height_px * supersampling)
        self._glass = Visibility.of_size(width_px * supersampling, height_px * supersampling)
        self._samples = np.zeros((height_px * supersampling, width_px * supersampling, 3), np.float32)
        self._materials = np.zeros(0, np.uint8)
        self._pools = (Pool(), Pool())
        self._points: Points | None = None
        self._glass_points: Points | None = None

    def see(self, camera: Camera, mesh: Mesh) -> Points:
        """Draw the opaque bodies; ``colours`` of what comes back are to be filled before `paint`.

        Raises:
            ShapeError: the camera's picture is not of this frame's size.
        """
        self._points = self._look(camera, mesh, self._seen, None, 3)
        self._materials = mesh.materials
        return self._points

    def paint(self, background: Radiance) -> None:
        """Colour every sample, from its point or from the (h, w, 3) linear light behind everything.

        Raises:
            UsageError: nothing was seen yet.
            ShapeError: the background is not of this frame's size.
        """
        if self._points is None:
            raise UsageError("nothing to paint", where="Frame.paint", remedy="call see() first")
        if background.shape != (*self._size, 3):
            raise ShapeError(f"background of shape {background.shape}", where="Frame.paint", remedy="give (h, w, 3)")
        spread = picture.spread if HAS_NUMBA else picture.spread_numpy
        behind = np.ascontiguousarray(background, np.float32)
        spread(self._points.of_sample, self._points.colours, behind, self._s, self._samples)

    def draw_lines(
        self, camera: Camera, starts: ArrayLike, ends: ArrayLike, widths_cm: ArrayLike, rgba: ArrayLike
    ) -> None:
        """Blend thin round things over the picture, where nothing opaque lies before them.

        Args:
            camera: the one that saw.
            starts: (m, 3) world cm; neighbours that share an end join without a gap.
            ends: (m, 3) world cm.
            widths_cm: (m,) or one thickness.
            rgba: (m, 4) or (4,): linear light and opacity.
        """
        both = camera.project(np.concatenate([np.asarray(starts), np.asarray(ends)]))
        both[:, :2] *= self._s
        a, b = both[: len(both) // 2], both[len(both) // 2 :]
        scale = camera.focal * camera.width_px * self._s
        thick = np.broadcast_to(np.asarray(widths_cm, np.float64), (len(a),))
        widths = np.stack([thick * a[:, 2], thick * b[:, 2]], axis=1) * scale
        colours = np.broadcast_to(np.asarray(rgba, np.float32), (len(a), 4))
        lines.draw_lines(a, b, widths, colours, self._seen.nearness, self._samples)

    def see_through(self, camera: Camera, mesh: Mesh) -> Points:
        """Draw glass: its foremost surface, where that lies before the opaque; fill four ``colours``, then `blend`."""
        self._glass_points = self._look(camera, mesh, self._glass, self._seen, 4)
        return self._glass_points

    def blend(self) -> None:
        """Lay the glass over the picture.

        Raises:
            UsageError: no glass was seen.
        """
        if self._glass_points is None:
            raise UsageError("no glass to blend", where="Frame.blend", remedy="call see_through() first")
        cover = picture.cover if HAS_NUMBA else picture.cover_numpy
        cover(self._glass_points.of_sample, self._glass_points.colours, self._samples)
        self._glass_points = None

    def radiance(self) -> Radiance:
        """(h, w, 3) float32: linear light of the picture, the mean of each pixel's samples."""
        out = np.empty((*self._size, 3), np.float32)
        average = picture.average if HAS_NUMBA else picture.average_numpy
        average(self._samples, self._s, out)
        return out

    def material_map(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the material that each sample sees, 255 = background; glass and lines do not count."""
        lookup = np.append(self._materials, np.uint8(BACKGROUND))
        return lookup[self._seen.owner]  # owner −1 picks the last

    def is_visible(self, camera: Camera, places: ArrayLike, slack: ArrayLike = 0.01) -> NDArray[np.bool_]:
        """(n, 3) world cm → (n,): inside the picture and not hidden by an opaque body.

        Args:
            camera: the one that saw.
            places: such as landmarks on a surface.
            slack: (n,) or one share of the depth by which a place may lie behind what is seen there.
        """
        return self.is_visible_at(camera.project(places), slack)

    def is_visible_at(self, spots: NDArray[np.float64], slack: ArrayLike = 0.01) -> NDArray[np.bool_]:
        """As `is_visible`, of (n, 3) places that the camera projected already."""
        out = np.empty(len(spots), np.bool_)
        each = np.broadcast_to(np.asarray(slack, np.float64), (len(spots),))
        _compare(spots, each, float(self._s), self._seen.nearness, out)
        return out

    def _look(self, camera: Camera, mesh: Mesh, into: Visibility, behind: Visibility | None, channels: int) -> Points:
        if (camera.height_px, camera.width_px) != self._size:
            raise ShapeError(
                f"a camera of {camera.width_px} × {camera.height_px} px",
                where=f"a frame of {self._size[1]} × {self._size[0]} px",
                remedy="give both the same size",
            )
        lens = camera.lens(self._s)
        view = into.look(mesh, camera.pose(), lens, behind=behind)
        return points(mesh, view, into, lens, self._s, self._fine, self._pools[channels - 3], channels)


@compiled(exact=True)
def _compare(spots: Lane, slack: Lane, s: float, nearness: Lane, out: Lane) -> None:
    """Whether each place is inside the picture, and no farther than what is drawn there."""
    height, width = nearness.shape
    for i in lanes(spots.shape[0]):
        column, line = np.floor(spots[i, 0] * s), np.floor(spots[i, 1] * s)
        inside = (column >= 0.0) & (column < width) & (line >= 0.0) & (line < height)  # not nan either
        seen = nearness[np.int64(select(inside, line, 0.0)), np.int64(select(inside, column, 0.0))]
        out[i] = inside & (spots[i, 2] * (1.0 + slack[i]) >= seen)
