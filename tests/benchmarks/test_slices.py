"""Slice discovery: measures by hand, marks and methods on toys whose slices are known."""

import importlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def slices(name):
    return importlib.import_module(f"benchmarks.slices.{name}")


def test_the_predicted_slice_with_the_best_average_precision_stands_for_the_true_one():
    truth = np.array([True, True, False, False])
    scores = np.array([[0.9, 0.6], [0.1, 0.9], [0.5, 0.2], [0.2, 0.7]])
    found = slices("measures").match(truth, scores)
    # column 0 ranks in, out, out, in: (1/1 + 2/4) / 2; column 1 ranks in, out, in, out: (1/1 + 2/3) / 2
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_a_complement_can_be_the_best_match():
    truth = np.array([True, True, False, False, False])
    scores = np.array([[0.1], [0.2], [0.9], [0.8], [0.7]])
    m = slices("measures")
    found = m.match(truth, scores)
    assert found.average_precision == 1.0
    # the older rule knows no complements
    assert m.precision_at(truth, scores[:, 0], 3) == 0.0


def test_precision_at_10_and_25_count_the_highest_scores():
    truth = np.zeros(100, bool)
    truth[[*range(8), *range(50, 54)]] = True  # 8 of the first 10, and 8 of the first 25
    scores = np.linspace(1, 0, 100)[:, None]
    found = slices("measures").match(truth, scores)
    assert (found.precision_10, found.precision_25) == (0.8, 8 / 25)
    assert not found.is_found  # more than 0.8 is asked
    truth[8] = True
    assert slices("measures").match(truth, scores).is_found


def test_of_equal_scores_the_earlier_ranks_higher():
    truth = np.array([False, True, True])
    assert slices("measures").precision_at(truth, np.ones(3), 2) == 0.5


@pytest.mark.parametrize("name", ["watermark", "brightness", "border", "texture"])
def test_a_mark_lightens_and_never_darkens(name):
    marks = slices("marks")
    images = np.random.default_rng(0).integers(0, 255, (5, 28, 28), dtype=np.uint8)
    images[:, :, :4] = 0
    mark = marks.draw_mark(name, np.random.default_rng(1))
    marked = marks.put(mark, images)
    assert marked.dtype == np.uint8
    assert (marked >= images).all()
    assert all((one != two).any() for one, two in zip(marked, images, strict=True))


def test_settings_are_drawn_alike_and_development_has_other_partitions():
    settings = slices("settings")
    assert settings.draw("correlation", 3) == settings.draw("correlation", 3)
    assert settings._style_seed(1) != settings._style_seed(settings.DEVELOPMENT)
    assert len(settings.draw("correlation", 7).positives) == 5


def toy(seed=0, n=600):
    """Two labels in eight columns; of label 1 a far-off group of a tenth is always missed, and few others."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    rows = random.normal(0, 1, (n, 8)).astype(np.float32)
    rows[:, 0] += 4 * labels
    inside = (labels == 1) & (random.random(n) < 0.2)
    rows[inside, 1] += 8
    wrong = inside | (random.random(n) < 0.04)
    positive = np.where(wrong, 1 - labels, labels) * 0.8 + 0.1
    probabilities = np.column_stack([1 - positive, positive])
    return slices("networks").Answers(labels, probabilities, {"toy": rows, "activations": rows, "stages": rows}), inside


@pytest.mark.parametrize("name", ["domino", "spotlight", "planespot", "kmeans", "rootcauses"])
def test_every_method_finds_a_group_that_is_far_off_and_always_missed(name):
    discovery, _ = toy(0)
    scored, inside = toy(1)
    method = getattr(slices(f"methods.{name}"), name)
    scores = method(discovery, scored, "toy", 0)
    assert scores.shape == (600, 5)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    assert slices("measures").match(inside, scores).precision_10 >= 0.9


def test_the_slopes_of_a_spotlight_are_those_of_its_cost():
    spotlight = slices("methods.spotlight")
    random = np.random.default_rng(3)
    x, loss = random.normal(size=(50, 3)).astype(np.float32), random.random(50).astype(np.float32)
    squares, place = np.square(x).sum(axis=1), np.array([0.3, -0.2, 0.1, -0.5])
    for least in (2.0, 40.0):  # without and with something lacking
        _, slope = spotlight.slopes(x, squares, loss, place, least, 5.0)
        for axis in range(4):
            nudge = np.eye(4)[axis] * 1e-2
            ends = [spotlight.slopes(x, squares, loss, place + sign * nudge, least, 5.0)[0] for sign in (1, -1)]
            assert slope[axis] == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=2e-2, abs=1e-4)
