"""Every registered reducer × every degenerate input."""

import numpy as np
import pytest

from failatlas.errors import DataError, ShapeError
from failatlas.reduction import reducers

random = np.random.default_rng(0)
DEGENERATE = {
    "no rows": np.zeros((0, 3), np.float32),
    "one row": np.ones((1, 3), np.float32),
    "two rows": np.array([[0, 1, 2], [3, 4, 5]], np.float32),
    "two equal rows": np.ones((2, 3), np.float32),
    "one column": random.standard_normal((60, 1)).astype(np.float32),
    "all identical": np.full((60, 4), 3.7, np.float32),
    "two spots": np.repeat(np.array([[0, 0, 1], [1, 0, 0]], np.float32), 40, axis=0),
    "three spots": np.repeat(np.array([[0, 0, 1], [1, 0, 0], [5, 5, 5]], np.float32), 30, axis=0),
    "constant columns": np.hstack([random.standard_normal((70, 2)), np.ones((70, 3))]).astype(np.float32),
    "huge and tiny": (random.standard_normal((64, 5)) * [1e-12, 1e-6, 1, 1e6, 1e12]).astype(np.float32),
    "far more columns than rows": random.standard_normal((10, 400)).astype(np.float32),
    "49 rows": random.standard_normal((49, 30)).astype(np.float32),
    "52 rows": random.standard_normal((52, 60)).astype(np.float32),
    "integers": random.integers(0, 3, (60, 4)),
}
NAMES = [part.name for part in reducers]


@pytest.mark.parametrize("case", DEGENERATE, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_degenerate_rows_reduce_to_finite_rows_and_the_same_bytes_again(name: str, case: str):
    rows = DEGENERATE[case].astype(np.float32)
    before = rows.tobytes()
    first = reducers.create(name)
    embedding = first.fit_transform(rows)
    assert embedding.dtype == np.float32
    assert embedding.shape[0] == len(rows)
    assert embedding.shape[1] >= 1
    assert np.isfinite(embedding).all()
    assert rows.tobytes() == before
    assert isinstance(first.parameters_, dict)
    assert isinstance(first.curves_, tuple)
    assert isinstance(first.notes_, tuple)
    assert all(isinstance(note, str) and note for note in first.notes_)
    assert all(len(curve.x) == len(curve.y) and np.isfinite(curve.y).all() for curve in first.curves_)
    assert reducers.create(name).fit_transform(rows).tobytes() == embedding.tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_D10_rows_that_are_not_finite_are_refused_by_row(name: str, value: float):
    rows = np.zeros((5, 3))
    rows[3, 1] = value
    with pytest.raises(DataError, match="not finite") as caught:
        reducers.create(name).fit_transform(rows)  # type: ignore[arg-type]
    assert caught.value.where == "row 3"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(4,), (2, 2, 2), (3, 0)])
def test_rows_of_another_shape_are_refused(name: str, shape: tuple[int, ...]):
    with pytest.raises(ShapeError, match="got shape"):
        reducers.create(name).fit_transform(np.zeros(shape, np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_text_is_refused(name: str):
    with pytest.raises(DataError, match="must be numbers"):
        reducers.create(name).fit_transform(np.array([["a", "b"]]))  # type: ignore[arg-type]
