"""Departure forgets what correctly handled images show, and keeps in which direction a failure leaves them."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from failatlas.errors import DataError, ShapeError
from failatlas.reduction.departure import FEWEST, departure
from failatlas.seeds import generator

D = 12


@pytest.fixture(scope="module")
def scene():
    """Four contents far apart, in which correct rows vary; two causes that move a row a little, the same in each."""
    draw = generator(0, "departure")
    contents = draw.normal(0, 20, (4, D))
    causes = np.eye(D)[[3, 7]] * 6
    correct = np.concatenate([content + draw.normal(0, 0.5, (100, D)) for content in contents])
    which_content, which_cause = np.repeat(np.arange(4), 40), np.tile(np.arange(2), 80)
    rows = contents[which_content] + causes[which_cause] + draw.normal(0, 0.5, (160, D))
    return rows.astype(np.float32), correct.astype(np.float32), which_content, which_cause


def test_failures_of_one_cause_come_together_whatever_they_show(scene):
    rows, correct, which_content, which_cause = scene
    assert silhouette_score(rows, which_content) > 0.7 > 0.1 > silhouette_score(rows, which_cause)
    found = departure(rows, correct)
    assert silhouette_score(found, which_cause) > 0.5
    assert silhouette_score(found, which_content) < 0.1


def test_rows_are_unit_vectors_and_the_arguments_stay_as_they_are(scene):
    rows, correct, *_ = scene
    before = rows.tobytes(), correct.tobytes()
    found = departure(rows, correct)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert (rows.tobytes(), correct.tobytes()) == before
    assert departure(rows, correct).tobytes() == found.tobytes()


def slow_cosines(rows, correct):
    """(n, n) cosines of departures straight from the inverse covariance, a row's own copy left out."""
    scale = correct.std(axis=0)
    rows, correct = rows / scale, correct / scale
    covariance = np.cov(correct.T, bias=True)
    inverse = np.linalg.inv(0.9 * covariance + 0.1 * np.trace(covariance) / D * np.eye(D))
    departures = []
    for row in rows:
        others = correct[np.abs(correct - row).max(axis=1) > 1e-9]
        away = [(row - other) @ inverse @ (row - other) for other in others]
        departures.append(row - others[np.argsort(away)[:20]].mean(axis=0))
    products = np.array(departures) @ inverse @ np.array(departures).T
    return products / np.sqrt(np.outer(np.diag(products), np.diag(products)))


def test_departures_are_those_of_the_mahalanobis_distance(scene):
    rows, correct, *_ = (part.astype(np.float64) for part in scene)
    found = departure(rows[:40], correct)
    np.testing.assert_allclose(found @ found.T, slow_cosines(rows[:40], correct), atol=1e-2)


def test_a_correct_row_is_not_compared_with_itself(scene):
    correct = scene[1].astype(np.float64)
    found = departure(correct[:40], correct)
    np.testing.assert_allclose(found @ found.T, slow_cosines(correct[:40], correct), atol=1e-2)


def test_units_of_a_column_do_not_matter(scene):
    rows, correct, *_ = scene
    scale = np.logspace(-2, 2, D).astype(np.float32)
    np.testing.assert_allclose(departure(rows * scale, correct * scale), departure(rows, correct), atol=2e-3)


@pytest.mark.parametrize("spoilt", ["constant column", "all identical"])
def test_degenerate_columns_give_finite_rows(scene, spoilt):
    rows, correct, *_ = (part.copy() for part in scene)
    for part in (rows, correct):
        part[:, 0 : 1 if spoilt == "constant column" else D] = 3
    assert np.isfinite(departure(rows, correct)).all()


def test_no_rows_have_no_departures(scene):
    assert departure(scene[0][:0], scene[1]).shape == (0, D)


def test_what_cannot_be_compared_is_refused(scene):
    rows, correct, *_ = scene
    with pytest.raises(ShapeError, match="departure"):
        departure(rows[:, :5], correct)
    with pytest.raises(ShapeError, match="at least 50"):
        departure(rows, correct[: FEWEST - 1])
    with pytest.raises(DataError, match="correct rows are not finite"):
        departure(rows, np.full((60, D), np.nan, np.float32))
