"""Compiled loops: the same numbers without Numba, and code kept where nobody else can write."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from failatlas.simulators import compiled
from failatlas.simulators.raster import points

USE = """
import numpy as np
from failatlas.simulators.compiled import HAS_NUMBA, WHY_NOT, compiled, lanes, select
@compiled
def folded(x, out):
    for i in lanes(x.shape[0]):
        out[i] = select((x[i] > 0.5) & (x[i] < 3.0), np.sqrt(x[i]), np.floor(x[i]))
out = np.empty(4, np.float32)
folded(np.array([0.25, 1.0, 2.25, 3.5], np.float32), out)
print(HAS_NUMBA, WHY_NOT, out.round(4).tolist(), sep="|")
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "FAILATLAS_RENDERER"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean | environment)


@pytest.mark.parametrize(
    ("code", "environment", "has", "why"),
    [
        (USE, {}, "True", ""),
        (USE, {"FAILATLAS_RENDERER": "numpy"}, "False", "switched off"),
        ("import sys; sys.modules['numba'] = None\n" + USE, {}, "False", "ModuleNotFoundError"),
    ],
    ids=["numba", "switched off", "fails to import"],
)
def test_one_formula_gives_the_same_numbers_whoever_runs_it(code, environment, has, why):
    done = run(code, **environment)
    assert done.stderr == ""
    with_numba, reason, numbers = done.stdout.strip().split("|")
    assert (with_numba, numbers) == (has, "[0.0, 1.0, 1.5, 3.0]")
    assert reason.startswith(why)


def test_an_unknown_renderer_is_an_error_that_names_the_known_ones():
    done = run("import failatlas.simulators.compiled", FAILATLAS_RENDERER="opengl")
    assert "E_USAGE: unknown renderer 'opengl'" in done.stderr
    assert "numba or numpy" in done.stderr


@pytest.fixture
def nothing_writable(monkeypatch, tmp_path):
    config = pytest.importorskip("numba").config
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(compiled, "_writable", lambda folder: False)
    monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    compiled._private_folder.cache_clear()
    yield config
    compiled._private_folder.cache_clear()


def test_where_nothing_can_be_written_code_is_kept_in_a_folder_of_this_user_alone(nothing_writable, tmp_path):
    compiled._find_cache(__file__)
    folder = nothing_writable.CACHE_DIR
    assert folder == str(tmp_path / f"failatlas-numba-{os.getuid()}")
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_a_folder_that_others_can_write_is_not_trusted(nothing_writable, tmp_path):
    trap = tmp_path / f"failatlas-numba-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    compiled._find_cache(__file__)
    assert str(trap) != nothing_writable.CACHE_DIR
    assert stat.S_IMODE(os.stat(nothing_writable.CACHE_DIR).st_mode) == 0o700


def test_numba_is_left_alone_where_it_finds_a_place_itself(nothing_writable, monkeypatch):
    monkeypatch.setattr(compiled, "_writable", lambda folder: True)
    compiled._find_cache(__file__)
    assert nothing_writable.CACHE_DIR == ""


def test_a_changed_callee_in_another_file_makes_kept_code_stale(monkeypatch):
    pytest.importorskip("numba")
    caller = points._interpolate.py_func
    before = compiled._stamp(caller)
    assert points._interpolate._cache._cache_file._source_stamp == before
    real = compiled._hash
    monkeypatch.setattr(compiled, "_hash", lambda file: b"changed" if file == compiled.__file__ else real(file))
    assert compiled._stamp(caller) != before


def test_select_evaluates_to_either_side_without_leaving_float32():
    out = np.empty(2, np.float32)
    compiled.select(True, np.float32(1), np.float32(2))
    out[:] = [compiled.select(flag, np.float32(0.1), np.float32(0.2)) for flag in (True, False)]
    assert out.tolist() == [np.float32(0.1), np.float32(0.2)]
