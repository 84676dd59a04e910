"""Every registered clusterer × every degenerate input."""

import numpy as np
import pytest

from failatlas.clustering import clusterers
from failatlas.errors import DataError, ShapeError, UsageError

random = np.random.default_rng(0)
DEGENERATE = {
    "no rows": np.zeros((0, 3)),
    "one row": np.ones((1, 3)),
    "two rows": np.array([[0, 1, 2], [3, 4, 5]]),
    "two equal rows": np.ones((2, 3)),
    "three rows": np.array([[0.0], [1], [5]]),
    "four rows in two pairs": np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]]),
    "one column": random.standard_normal((60, 1)),
    "all identical": np.full((60, 4), 3.7),
    "nearly identical": 1e4 + random.standard_normal((40, 3)) * 1e-3,
    "two spots": np.repeat([[0, 0, 1], [1, 0, 0]], [25, 15], axis=0),
    "copies and singles": np.concatenate([np.zeros((30, 2)), random.standard_normal((10, 2))]),
    "more clusters than rows": np.eye(3),
    "a line": np.linspace(0, 1, 50)[:, None] * np.ones(3),
    "noise in many dimensions": random.standard_normal((45, 60)),
    "huge and tiny": random.standard_normal((30, 3)) * [1e-12, 1, 1e12],
}
NAMES = [part.name for part in clusterers]


def assert_labels_keep_the_contract(labels: np.ndarray, n: int) -> None:
    assert labels.shape == (n,)
    assert labels.dtype == np.int64
    assert n == 0 or labels.min() >= -1
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    inside = names >= 0
    assert names[inside].tolist() == list(range(inside.sum()))
    sizes = list(zip((-counts[inside]).tolist(), first[inside].tolist(), strict=True))
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("case", DEGENERATE, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_degenerate_rows_get_labels_by_contract_and_the_same_again(name: str, case: str):
    rows = DEGENERATE[case].astype(np.float32)
    before = rows.tobytes()
    first = clusterers.create(name)
    labels = first.fit_predict(rows)
    assert_labels_keep_the_contract(labels, len(rows))
    assert first.labels_.tolist() == labels.tolist()
    assert rows.tobytes() == before
    assert first.parameters_
    assert all(isinstance(value, int | float | str) for value in first.parameters_.values())
    assert all(type(value).__module__ == "builtins" for value in first.parameters_.values())
    for curve in first.curves_:
        assert len(curve.x) == len(curve.y) > 0
        assert np.isfinite(curve.y).all()
        assert (np.diff(curve.x) > 0).all()
        assert curve.chosen in curve.x or curve.criterion.startswith("nearest-neighbour")
    assert all(isinstance(note, str) and note for note in first.notes_)
    assert clusterers.create(name).fit_predict(rows).tobytes() == labels.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_copies_of_one_row_share_a_label(name: str):
    rows = DEGENERATE["copies and singles"].astype(np.float32)
    assert len(set(clusterers.create(name).fit_predict(rows)[:30].tolist())) == 1


@pytest.mark.parametrize("name", NAMES)
def test_groups_far_apart_are_found_whole(name: str, four_groups):
    rows, truth = four_groups
    labels = clusterers.create(name).fit_predict(rows)
    inside = labels >= 0
    assert inside.mean() > 0.85  # DBSCAN without reduction calls the fringe noise
    assert len({(a, b) for a, b in zip(labels[inside].tolist(), truth[inside].tolist(), strict=True)}) == 4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_D10_rows_that_are_not_finite_are_refused_by_row(name: str, value: float):
    rows = np.zeros((5, 3), np.float32)
    rows[3, 1] = value
    with pytest.raises(DataError, match="not finite") as caught:
        clusterers.create(name).fit_predict(rows)
    assert caught.value.where == "row 3"


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_another_shape_are_refused(name: str):
    with pytest.raises(ShapeError):
        clusterers.create(name).fit_predict(np.zeros(4, np.float32))


@pytest.mark.parametrize("part", list(clusterers), ids=lambda part: part.name)
def test_impossible_parameters_are_refused_before_any_work(part):
    for name in part.parameters:
        if name != "seed":
            for value in (0, -1, "many"):
                with pytest.raises(UsageError, match=name):
                    clusterers.create(part.name, **{name: value}).fit_predict(np.zeros((0, 2), np.float32))


@pytest.mark.parametrize("part", list(clusterers), ids=lambda part: part.name)
def test_given_parameters_are_used_and_reported(part):
    given = {"n_clusters": 3, "eps": 2.5, "min_samples": 4, "min_cluster_size": 6}
    parameters = {name: given[name] for name in part.parameters if name in given}
    clusterer = clusterers.create(part.name, **parameters)
    rows = np.random.default_rng(1).standard_normal((40, 2)).astype(np.float32)
    clusterer.fit_predict(rows)
    assert {name: clusterer.parameters_[name] for name in parameters} == parameters
    # 20 clusters of 5 rows cannot be: every part says what it did instead, or calls the rows noise
    few = clusterers.create(part.name, **dict.fromkeys(parameters, 20)).fit_predict(rows[:5])
    assert_labels_keep_the_contract(few, 5)
