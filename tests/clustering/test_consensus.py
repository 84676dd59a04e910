"""Consensus finds causes by direction among failures of no common cause, each once, the rare ones too."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from failatlas.clustering.agreement import agreement
from failatlas.clustering.consensus import Consensus
from failatlas.seeds import generator

WIDTH = 60


def failures(sizes: tuple[int, ...], scattered: int, spread: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows: one direction a cause, its members around it, and some that share nothing; truth "-" for those."""
    draw = generator(0, "consensus", *sizes, scattered)
    directions = np.linalg.qr(draw.normal(size=(WIDTH, len(sizes))))[0].T
    rows = [d + spread * draw.normal(size=(n, WIDTH)) / np.sqrt(WIDTH) for d, n in zip(directions, sizes, strict=True)]
    rows.append(draw.normal(size=(scattered, WIDTH)) / np.sqrt(WIDTH))
    whole = np.concatenate(rows)
    truth = np.repeat([*map(str, range(len(sizes))), "-"], [*sizes, scattered])
    return (whole / np.linalg.norm(whole, axis=1, keepdims=True)).astype(np.float32), truth


def test_every_cause_is_one_pure_cluster_and_what_shares_nothing_is_noise():
    rows, truth = failures((120, 80, 60, 40, 30), 100)
    labels = Consensus().fit_predict(rows)
    found = agreement(labels, truth, ("0", "1", "2", "3", "4"))
    assert found.coverage == 1
    assert found.n_clusters == 5
    assert found.purity > 0.98
    assert (labels[truth == "-"] < 0).mean() > 0.8
    assert (labels[truth != "-"] >= 0).mean() > 0.9


@pytest.mark.parametrize("n_rare", [12, 20])
def test_a_rare_cause_beside_frequent_ones_is_found(n_rare):
    rows, truth = failures((150, 150, 100, n_rare), 0)
    labels = Consensus().fit_predict(rows)
    rare = labels[truth == "3"]
    assert (rare == rare[0]).mean() > 0.9
    assert rare[0] >= 0
    assert (truth[labels == rare[0]] == "3").all()


def test_order_of_rows_changes_names_at_most():
    rows, _ = failures((90, 70, 50, 30), 60)
    order = generator(0, "order").permutation(len(rows))
    labels, again = Consensus().fit_predict(rows), Consensus().fit_predict(rows[order])
    assert adjusted_rand_score(labels[order], again) > 0.98


def test_a_cause_seen_in_two_ways_is_one_cluster_unless_told_otherwise():
    draw = generator(0, "two ways")
    axes = np.linalg.qr(draw.normal(size=(WIDTH, 5)))[0].T
    # two ways share most of their direction: cosine 0.92, and 0.6 seen from the middle
    centres = [2 * axes[0] + 0.4 * axes[1], 2 * axes[0] - 0.4 * axes[1], *(2 * axes[2:])]
    rows = np.concatenate([c + 0.3 * draw.normal(size=(60, WIDTH)) / np.sqrt(WIDTH) for c in centres])
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    truth = np.repeat([0, 0, 1, 2, 3], 60)
    together, apart = Consensus(), Consensus(alike=0.9)
    assert together.fit_predict(rows).max() + 1 == 4
    assert adjusted_rand_score(truth, together.labels_) > 0.98
    assert apart.fit_predict(rows).max() + 1 == 5
    assert apart.parameters_["alike"] == 0.9


def test_more_is_asked_of_members_the_more_noise_there_is():
    rows, _ = failures((80, 60, 40), 60, spread=1.2)
    shares = [(Consensus(belongs=share).fit_predict(rows) < 0).mean() for share in (0.3, 0.7, 1.0)]
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize(
    ("n", "size"), [(1649, 16), (1000, 10), (500, 10), (134, 10), (60, 6), (20, 2), (3, 2), (0, 2)]
)
def test_the_smallest_cluster_is_one_percent_but_ten_where_that_is_a_tenth_or_less(n, size):
    clusterer = Consensus()
    labels = clusterer.fit_predict(generator(0, "n", n).normal(size=(n, 6)).astype(np.float32))
    assert clusterer.parameters_["min_cluster_size"] == size
    assert n < 2 or all(count >= size for count in np.bincount(labels[labels >= 0]))


@pytest.mark.parametrize(("groups", "members"), [(9, 100), (40, 30)])
def test_groups_far_apart_are_all_found_in_whatever_order_rows_come(groups, members):
    # their neighbour graph falls into parts, of which a solver may return any mixture of the slowest walks
    draw = np.random.default_rng(0)
    centres = 30 * draw.normal(size=(groups, 40))
    rows = (np.repeat(centres, members, axis=0) + draw.normal(size=(groups * members, 40))).astype(np.float32)
    truth = np.repeat(np.arange(groups), members)
    for order in (np.arange(len(rows)), draw.permutation(len(rows))):
        labels = Consensus().fit_predict(rows[order])
        pairs = set(zip(truth[order].tolist(), labels.tolist(), strict=True))
        assert len(pairs) == groups, "a group was divided, mixed or lost"
        assert labels.min() == 0
