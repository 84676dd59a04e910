"""Lines: brightness as the area says, no dashes, hidden by what is in front."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.simulators.raster.lines import draw_lines

WHITE = np.array([[1, 1, 1, 1]], np.float32)


def drawn(start, end, width, nearness=None, **more):
    samples = np.zeros((40, 60, 3), np.float32)
    starts, ends = np.atleast_2d(np.asarray(start, float)), np.atleast_2d(np.asarray(end, float))
    widths = np.broadcast_to(np.asarray(width, float), (len(starts), 2))
    nearness = np.zeros((40, 60), np.float32) if nearness is None else nearness
    draw_lines(starts, ends, widths, np.repeat(WHITE, len(starts), 0), nearness, samples, **more)
    return samples[:, :, 0]


@pytest.mark.parametrize("width", [0.05, 0.4, 1.0, 2.5])
@pytest.mark.parametrize("angle", [0, 13, 45, 77, 90, 171])
def test_a_line_gives_the_light_of_its_area_however_thin_and_turned(width, angle):
    half = 15 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    middle = np.array([30.3, 20.1])
    light = drawn([*(middle - half), 0.1], [*(middle + half), 0.1], width).sum()
    assert light == pytest.approx(30 * width, rel=0.05)


@pytest.mark.parametrize("angle", np.arange(0, 90, 7).tolist())
def test_a_thin_line_has_no_dashes(angle):
    half = 18 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    image = drawn([*(np.array([30.2, 20.4]) - half), 0.1], [*(np.array([30.2, 20.4]) + half), 0.1], 0.3)
    across = image.sum(axis=0 if angle < 45 else 1)
    inner = across[across > 0][3:-3]
    assert inner.max() / inner.min() < 1.35


def test_pieces_that_meet_look_like_one_line():
    whole = drawn([5, 20.3, 0.1], [55, 20.3, 0.1], 0.4)
    ends = np.linspace(5, 55, 8)
    row = np.full(8, 20.3), np.full(8, 0.1)
    joints = np.stack([ends, *row], 1)
    assert drawn(joints[:-1], joints[1:], 0.4) == pytest.approx(whole, abs=0.05)


def test_a_line_is_hidden_behind_and_seen_before_a_body():
    wall = np.zeros((40, 60), np.float32)
    wall[:, 30:] = 0.02
    behind = drawn([5, 20, 0.01], [55, 20, 0.01], 1.0, wall)
    assert behind[:, :30].sum() == pytest.approx(25, rel=0.05)
    assert behind[:, 30:].sum() == 0
    assert drawn([5, 20, 0.03], [55, 20, 0.03], 1.0, wall).sum() == pytest.approx(50, rel=0.05)


def test_of_two_lines_the_near_one_is_on_top_in_either_order():
    starts = np.array([[5, 20.5, 0.02], [5, 20.5, 0.01]])
    ends = starts + np.array([50, 0, 0])
    colours = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], np.float32)
    for order in ([0, 1], [1, 0]):
        samples = np.zeros((40, 60, 3), np.float32)
        draw_lines(starts[order], ends[order], np.ones((2, 2)), colours[order], np.zeros((40, 60), np.float32), samples)
        assert samples[20, 30].tolist() == [1, 0, 0]


@pytest.mark.parametrize("end", [[np.nan, 1, 0.1], [1e9, 1e9, 0.1], [5, 20, 0.1]], ids=["nan", "far off", "no length"])
@pytest.mark.parametrize("numba", [True, False])
def test_odd_lines_draw_nothing_wrong(end, numba):
    image = drawn([5, 20, 0.1], end, 1.0, numba=numba)
    assert np.isfinite(image).all()
    assert 0 <= image.min() <= image.max() <= 1


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_numpy_draws_the_same(seed):
    pytest.importorskip("numba")
    random = np.random.default_rng(seed)
    starts, ends = random.uniform([-10, -10, 0.01], [70, 50, 0.1], (2, 20, 3))
    widths = random.uniform(0.1, 3, (20, 2))
    wall = random.uniform(0, 0.1, (40, 60)).astype(np.float32)
    rgba = random.uniform(size=(20, 4)).astype(np.float32)
    one, other = np.zeros((2, 40, 60, 3), np.float32)
    draw_lines(starts, ends, widths, rgba, wall, one, numba=True)
    draw_lines(starts, ends, widths, rgba, wall, other, numba=False)
    assert one == pytest.approx(other, abs=1e-5)
