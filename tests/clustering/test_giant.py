"""A giant is divided where its parts are clear, and left whole where a division would cut through one blob."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from failatlas.clustering import cluster
from failatlas.clustering.dbscan import Dbscan, _Cut
from failatlas.clustering.giant import FEWEST, divide
from failatlas.errors import UsageError
from failatlas.seeds import generator


def chain(n_links: int, each: int, seed: int = 0) -> np.ndarray:
    """Blobs in a row that touch each other, and one far away: density sees two clusters."""
    draw = generator(seed, "chain")
    blobs = [draw.normal((4.0 * link, 0), 1.0, (each, 2)) for link in range(n_links)]
    return np.concatenate([*blobs, draw.normal((0, 60), 0.5, (each, 2))]).astype(np.float32)


def test_a_heap_with_clear_parts_is_divided_into_them() -> None:
    rows = chain(5, 120)
    truth = np.repeat(np.arange(6), 120)
    labels = (truth == 5).astype(np.int64)
    division = divide(rows, labels, parts=5)
    assert division.parts == 5
    assert adjusted_rand_score(truth, division.labels) > 0.85
    assert "divided into 5" in division.notes[0]
    assert (np.diff(np.bincount(division.labels)) <= 0).all()  # still by falling size


def test_the_number_of_parts_is_chosen_when_nobody_gives_it() -> None:
    division = divide(chain(6, 100), np.repeat([0, 1], [600, 100]))
    assert division.parts >= 4
    assert division.curves


@pytest.mark.parametrize("dimensions", [16, 64])
def test_one_round_blob_stays_whole(dimensions: int) -> None:
    rows = generator(1, "blob").normal(size=(400, dimensions)).astype(np.float32)
    division = divide(rows, np.repeat([0, 1], [390, 10]))
    assert division.parts == 1
    assert "no parts" in division.notes[0]


@pytest.mark.parametrize("method", ["dbscan", "hdbscan"])
@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.6, 0.2, 0.2)])
def test_a_true_cluster_of_over_half_of_the_rows_survives_in_umap_space(method, shares) -> None:
    draw = generator(2, "shares")
    truth = np.repeat(np.arange(len(shares)), [round(share * 400) for share in shares])
    rows = draw.normal(size=(len(shares), 64))[truth] * 3 + draw.normal(size=(400, 64))
    found = cluster(rows.astype(np.float32), "umap", method)
    assert adjusted_rand_score(truth, found.labels) > 0.98


def test_no_giant_no_division() -> None:
    rows, labels = chain(5, 60), np.repeat([0, 1], [180, 180])
    assert divide(rows, labels).labels is labels
    assert divide(rows[:40], np.zeros(40, np.int64)).parts == 1  # under FEWEST
    assert FEWEST > 40


def test_parts_one_leaves_a_giant_whole_and_nonsense_is_refused() -> None:
    rows = chain(5, 60)
    assert divide(rows, np.zeros(len(rows), np.int64), parts=1).parts == 1
    with pytest.raises(UsageError):
        cluster(rows, "none", "dbscan", parts=0)
    with pytest.raises(UsageError):
        cluster(rows, "none", "hdbscan", parts="many")


def test_given_parts_bring_the_same_clusters_back() -> None:
    rows = chain(6, 100)
    first = cluster(rows, "none", "dbscan")
    again = cluster(
        rows, "none", "dbscan", **{name: first.parameters[name] for name in first.parameters if "dbscan" in name}
    )
    np.testing.assert_array_equal(first.labels, again.labels)


def test_of_radii_that_score_alike_the_one_that_tells_more_is_taken() -> None:
    rows = generator(3, "alike").normal(size=(200, 16)).astype(np.float32)
    whole, split = np.repeat([0, 1], [190, 10]), np.repeat([0, 1, 2], [90, 90, 20])
    dbscan = Dbscan()

    def taken(*scores: float) -> list[int]:
        cuts = [_Cut(labels, 0.1, 2, score) for labels, score in zip((whole, split), scores, strict=True)]
        return np.bincount(dbscan._readable(rows, cuts).labels).tolist()

    assert taken(0.86, 0.80) == [90, 90, 20]
    assert taken(0.86, 0.70) == [190, 10]  # a true giant scores far above what breaks it
    assert taken(0.80, 0.86) == [90, 90, 20]
    parted = chain(5, 38)
    rows[:, :2] = np.concatenate([parted[:190], parted[:10] + 500])
    rows[:, 2:] = 0
    assert taken(0.86, 0.80) == [190, 10]  # this one can be divided afterwards
