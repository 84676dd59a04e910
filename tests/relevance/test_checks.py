"""Checks count what they say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from failatlas.relevance.checks import conservation_error, non_finite, silent, warnings_of
from failatlas.relevance.composites import composite_of, composites


def test_conservation_error_has_no_share_of_nothing() -> None:
    error = conservation_error(np.array([1.0, 0.0, np.inf, -2.0]), np.array([2.0, 0.0, 1.0, -2.0]))
    np.testing.assert_array_equal(error, [0.5, np.nan, np.nan, 0.0])


def test_counts_of_broken_and_silent_heatmaps() -> None:
    maps = np.zeros((4, 2, 2), dtype=np.float32)
    maps[0, 0, 0], maps[1, 1, 1] = np.nan, np.inf
    assert (non_finite(maps), silent(maps)) == (2, 2)


def test_warnings_are_silent_when_all_is_well() -> None:
    maps = {"a": np.ones((2, 3), dtype=np.float32)}
    assert warnings_of(maps, {"a": np.array([0.1, 0.2])}, ()) == ()
    (line,) = warnings_of(maps, {"a": np.array([0.1, 0.2])}, (), tolerance=0.15)
    assert line == "a: conservation error of 1 of 2 images is above 0.15 (worst 0.2)"


def test_every_composite_is_found_by_its_name_and_says_its_source() -> None:
    for name, composite in composites.items():
        assert composite_of(name) is composite
        assert composite.name == name
        assert composite.source


def test_importing_the_room_does_not_load_torch() -> None:
    code = "import sys, failatlas.relevance; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
