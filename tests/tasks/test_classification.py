from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks import Classification
from failatlas.tasks.classification import entropy

CLASSES = ("cat", "dog", "eel")


def records(*labels: str | None) -> list[ImageRecord]:
    return [ImageRecord(f"{i}.png", f"{i}.png", label=label) for i, label in enumerate(labels)]


def test_the_largest_output_is_the_answer_and_the_first_wins_a_tie():
    outputs = np.array([[1, 2, 3], [3, 3, 0], [0, 0, 0]], dtype=np.float32)
    verdict = Classification(CLASSES).judge(outputs, records("eel", "dog", "cat"))
    assert verdict.predicted == ("eel", "cat", "cat")
    assert verdict.is_error.tolist() == [False, True, False]
    assert verdict.severity.tolist() == [0, 1, 0]
    assert verdict.score.tolist() == [2, 0, 0]


def test_severity_is_the_cost_of_the_confusion_expected_first():
    cost = [[0, 1, 2], [3, 0, 4], [5, 6, 0]]
    outputs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1, 2]]
    verdict = Classification(CLASSES, cost).judge(outputs, records(*(c for c in CLASSES for _ in range(3))))
    assert verdict.severity.tolist() == [0, 1, 2, 3, 0, 4, 5, 6, 0]


rows = st.lists(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_uncertainty_is_the_entropy_of_the_softmax(logits):
    outputs = np.array(logits, dtype=np.float32)
    logit_rows = ~((outputs >= 0).all(axis=1) & (np.abs(outputs.sum(axis=1) - 1) <= 1e-3))
    share = np.exp(outputs.astype(float) - outputs.max(axis=1, keepdims=True))
    expected = scipy_entropy(share / share.sum(axis=1, keepdims=True), axis=1) / math.log(3)
    assert np.allclose(entropy(outputs)[logit_rows], expected[logit_rows], atol=1e-6)
    assert ((entropy(outputs) >= 0) & (entropy(outputs) <= 1)).all()


def test_probabilities_are_not_softened_again():
    outputs = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=np.float32)
    assert np.allclose(entropy(outputs), [math.log(2) / math.log(3), 0, 1], atol=1e-6)


def test_huge_logits_do_not_overflow():
    assert entropy(np.array([[3e38, 0, -3e38]], dtype=np.float32)).tolist() == [0.0]


def test_a_verdict_does_not_depend_on_its_batch():
    outputs = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    whole = Classification(CLASSES).judge(outputs, records(*["cat"] * 9))
    for i in range(9):
        alone = Classification(CLASSES).judge(outputs[i : i + 1], records("cat"))
        assert alone.uncertainty[0] == whole.uncertainty[i]
        assert alone.predicted[0] == whole.predicted[i]


def test_D10_an_unknown_label_names_its_image_and_the_nearest_class():
    with pytest.raises(DataError, match="'dgo'") as caught:
        Classification(CLASSES).judge(np.zeros((2, 3), np.float32), records("cat", "dgo"))
    assert caught.value.where == "1.png"
    assert "did you mean 'dog'?" in caught.value.remedy
    assert caught.value.exit_status == 3


def test_D10_unknown_labels_can_be_left_out_and_unlabelled_images_always_are():
    task = Classification(CLASSES, unknown="leave out")
    assert [task.gap(record) for record in records("cat", "dgo", None)] == ["", "unknown label", "no label"]
    with pytest.raises(DataError, match="no label"):
        task.judge(np.zeros((1, 3), np.float32), records(None))


def test_D10_a_single_class_and_no_images_give_a_verdict():
    verdict = Classification(["cat"]).judge(np.zeros((2, 1), np.float32), records("cat", "cat"))
    assert not verdict.is_error.any()
    assert verdict.uncertainty.tolist() == [0, 0]
    assert Classification(CLASSES).judge(np.zeros((0, 3), np.float32), []).predicted == ()


def test_M1_a_wrong_number_of_outputs_has_both_numbers():
    with pytest.raises(ShapeError, match="gives 5 outputs, the task has 3 classes"):
        Classification(CLASSES).judge(np.zeros((1, 5), np.float32), records("cat"))


def test_outputs_that_are_not_finite_are_refused_with_their_image():
    with pytest.raises(DataError, match="not finite") as caught:
        Classification(CLASSES).judge(np.array([[0, 0, 0], [0, np.inf, 0]], np.float32), records("cat", "dog"))
    assert caught.value.where == "1.png"


@pytest.mark.parametrize("classes", [(), ("cat", "cat")])
def test_classes_must_be_there_once(classes):
    with pytest.raises(DataError):
        Classification(classes)


def test_verdicts_are_read_only():
    verdict = Classification(CLASSES).judge(np.zeros((1, 3), np.float32), records("cat"))
    for array in (verdict.is_error, verdict.severity, verdict.uncertainty, verdict.score):
        assert not array.flags.writeable
