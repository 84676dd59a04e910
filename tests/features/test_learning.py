"""Lessons: who is drawn to learn from; trainings: early stop, best weights, divergence, resuming to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import DataError, ModelError
from failatlas.features.learning import Learner, Learnt, Lessons, Unkept
from failatlas.features.training import Plan, load, one_thread, seeded, split, train, weights_of
from failatlas.images import ImageSet

PLAN = Plan(epochs=6, patience=2, batch=4)


class Kept:
    """Checkpoints in memory that stop after some epochs, as a kill would."""

    def __init__(self, most=99):
        self.states, self.most = [], most

    def last(self):
        return self.states[-1] if self.states else None

    def keep(self, state):
        self.states.append({name: np.array(array) for name, array in state.items()})
        if len(self.states) == self.most:
            raise KeyboardInterrupt

    def part(self, number, compute):
        return compute()


def images(n=10, labels=None, targets=None, split=None):
    pixels = np.zeros((n, 4, 4, 3), np.uint8)
    return ImageSet.from_arrays(pixels, labels=labels, targets=targets, split=split)


def line(checkpoints, seed=0, rate=0.05, plan=PLAN, slope=2.0):
    """Fit y = slope · x by one weight; returns the module and how it went."""
    x = torch.linspace(-1, 1, 20)[:, None]
    with seeded(seed, "weights"):
        module = nn.Linear(1, 1)

    def loss(rows):
        return ((module(x[rows]) - slope * x[rows]) ** 2).mean()

    found = train(module, [(module, rate)], loss, 20, plan, seed=seed, purpose="line", checkpoints=checkpoints)
    return module, found


def test_a_draw_takes_every_class_as_often_while_it_lasts_and_keeps_the_order_of_the_set():
    lessons = Lessons.answered(images(100, labels=["a"] * 90 + ["b"] * 7 + ["c"] * 3), "classification")
    drawn = lessons.drawn(15, seed=1)
    counts = {name: drawn.labels.count(name) for name in "abc"}
    assert counts == {"a": 6, "b": 6, "c": 3}
    assert drawn.indices.tolist() == sorted(set(drawn.indices.tolist()))
    assert drawn.labels == tuple(lessons.images.records[i].label for i in drawn.indices)
    assert lessons.drawn(15, seed=1).indices.tolist() == drawn.indices.tolist()
    assert lessons.drawn(15, seed=2).indices.tolist() != drawn.indices.tolist()
    assert lessons.drawn(100, seed=1) is lessons


def test_lessons_without_an_answer_are_left_out():
    lessons = Lessons.answered(images(4, labels=["a", None, "b", None]), "classification")
    assert lessons.indices.tolist() == [0, 2]
    assert lessons.labels == ("a", "b")
    assert lessons.targets.shape == (2, 0)


def test_numbers_are_learnt_by_every_other_task_and_unmarked_landmarks_are_nan():
    targets = np.array([[1.0, 0.0], [2.0, -3.0]])
    plain = Lessons.answered(images(2, targets=targets), "regression")
    np.testing.assert_array_equal(plain.targets, targets.astype(np.float32))
    marked = Lessons.answered(images(2, targets=targets), "landmarks").targets
    np.testing.assert_array_equal(np.isnan(marked), targets <= 0)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_training_set_without_answers_is_refused_with_the_next_step(task):
    with pytest.raises(DataError) as refused:
        Lessons.answered(images(3), task)
    assert "--train" in refused.value.remedy


def test_answers_decide_the_hash_and_the_pictures_do_not():
    one = Lessons.answered(images(2, labels=["a", "b"]), "classification")
    same = Lessons.answered(images(2, labels=["a", "b"]).pinned({}), "classification")
    other = Lessons.answered(images(2, labels=["a", "c"]), "classification")
    assert one.answers == same.answers != other.answers
    assert Lessons.unanswered(images(2), np.arange(2)).answers != one.answers


def test_the_source_names_number_and_split():
    assert Lessons.unanswered(images(3, split="train"), np.arange(2)).source == "2 images of split train"


def test_what_was_learnt_has_one_digest_whatever_the_order_of_its_names():
    a, b = np.ones(2, np.float32), np.zeros((1, 2), np.float32)
    assert Learnt({"a": a, "b": b}, (), 1, ()).digest == Learnt({"b": b, "a": a}, (), 1, ()).digest
    assert Learnt({"a": a, "b": b}, (), 1, ()).digest != Learnt({"a": a + 1, "b": b}, (), 1, ()).digest


def test_a_fifth_is_held_out_and_never_learnt_from():
    rows, held = split(50, 0, "x")
    assert (len(rows), len(held)) == (40, 10)
    assert sorted([*rows.tolist(), *held.tolist()]) == list(range(50))


def test_a_training_reaches_the_least_squares_line():
    module, found = line(Unkept(), plan=Plan(epochs=60, patience=60, batch=4))
    assert module.weight.item() == pytest.approx(2.0, abs=0.02)
    assert module.bias.item() == pytest.approx(0.0, abs=0.02)
    assert found.losses[found.best - 1, 1] < 1e-3


def test_the_weights_kept_are_those_of_the_epoch_with_the_lowest_held_out_loss():
    kept = Kept()
    module, found = line(kept, rate=1.5)  # so fast that later epochs are worse
    best = int(np.argmin(found.losses[:, 1]))
    assert found.best == best + 1
    np.testing.assert_array_equal(
        np.concatenate([array.ravel() for array in weights_of(module).values()]), kept.states[best]["module"]
    )


def test_it_stops_early_when_nothing_gets_better_and_says_so():
    _, found = line(Unkept(), rate=0.0)
    assert len(found.losses) == 1 + PLAN.patience
    assert "stopped early" in found.ending
    _, bound = line(Unkept(), rate=0.01)
    assert len(bound.losses) == PLAN.epochs
    assert "bound of 6 epochs" in bound.ending


def test_F2_resumed_after_any_epoch_it_ends_with_the_same_bytes():
    module, found = line(Unkept())
    for epoch in range(1, len(found.losses)):
        stopped = Kept(epoch)
        with pytest.raises(KeyboardInterrupt):
            line(stopped)
        stopped.most = 99
        again, resumed = line(stopped)
        assert resumed.losses.tobytes() == found.losses.tobytes()
        assert [a.tobytes() for a in weights_of(again).values()] == [a.tobytes() for a in weights_of(module).values()]


def test_the_seed_decides_the_weights():
    first, second = line(Unkept(), seed=1)[0], line(Unkept(), seed=2)[0]
    assert first.weight.item() != second.weight.item()


def test_M3_a_training_that_diverges_keeps_its_best_epoch_and_says_so():
    x = torch.ones(10, 1)
    module = nn.Linear(1, 1)
    calls = []

    def loss(rows):
        calls.append(rows)
        return (module(x[rows]) ** 2).mean() * (1.0 if len(calls) < 8 else float("nan"))

    found = train(module, [(module, 0.1)], loss, 10, PLAN, seed=0, purpose="x", checkpoints=Unkept())
    assert "the loss became nan in epoch" in found.ending
    assert all(np.isfinite(array).all() for array in weights_of(module).values())
    assert np.isfinite(found.losses).all()


def test_M3_a_training_that_diverges_at_once_is_refused():
    with pytest.raises(ModelError) as refused:
        line(Unkept(), slope=float("nan"))
    assert refused.value.name == "E_TRAINING_DIVERGED"
    with pytest.raises(ModelError, match="nothing to learn from"):
        train(nn.Linear(1, 1), [], lambda rows: None, 0, PLAN, seed=0, purpose="x", checkpoints=Unkept())


def test_weights_of_another_network_are_refused():
    with pytest.raises(DataError) as refused:
        load(nn.Linear(2, 1), weights_of(nn.Linear(3, 1)))
    assert refused.value.name == "E_LEARNT"


def test_torch_is_left_as_it_was():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    with one_thread(), seeded(0, "x"):
        assert torch.get_num_threads() == 1
        torch.rand(1)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_only_extractors_that_learn_are_learners():
    from failatlas.features import open_extractor

    assert isinstance(open_extractor("autoencoder", None), Learner)
    assert not isinstance(open_extractor("pixels", None), Learner)
