from __future__ import annotations

import numpy as np
import pytest

from failatlas.errors import DataError
from failatlas.images.imageset import ImageSet
from failatlas.models import load_model
from failatlas.models.predictions import read_predictions
from failatlas.outcomes import classes_of, from_predictions, run
from failatlas.tasks import Classification, Landmarks, Regression

TASK = Classification(("cat", "dog"))


def images(ids=("a/1.png", "a/2.png", "b/3.png", "b/1.png"), labels=("cat", "dog", "cat", "dog"), targets=None):
    n = len(ids)
    return ImageSet.from_arrays(np.zeros((n, 4, 4), np.uint8), labels=labels, ids=ids, targets=targets)


def outcomes(tmp_path, text, pictures=None, task=TASK):
    (tmp_path / "p.csv").write_text(text)
    return from_predictions(read_predictions(tmp_path / "p.csv"), pictures or images(), task)


def test_predictions_of_a_network_give_the_outcomes_of_that_network(tmp_path):
    draw = np.random.default_rng(0)
    pictures = ImageSet.from_arrays(
        draw.integers(0, 256, (9, 4, 4, 3), dtype=np.uint8), labels=["cat", "dog", "cat"] * 3
    )
    truth = run(load_model(lambda batch: [[i[..., 0].mean(), i[..., 1].mean()] for i in batch]), pictures, TASK)
    lines = ["path,prediction,cat,dog"]
    for name, answer, row in zip(truth.ids, truth.predicted, truth.outputs, strict=True):
        lines.append(f"{name},{answer},{float(row[0])!r},{float(row[1])!r}")
    read = outcomes(tmp_path, "\n".join([lines[0], *reversed(lines[1:])]), pictures)
    assert read.ids == truth.ids
    assert np.array_equal(read.outputs, truth.outputs)
    assert np.array_equal(read.is_error, truth.is_error)
    assert np.array_equal(read.uncertainty, truth.uncertainty)


def test_ids_full_paths_and_unique_file_names_find_their_image(tmp_path):
    read = outcomes(tmp_path, "id,prediction\na/1.png,cat\n/data/x/a/2.png,cat\n3.png,cat\nC:\\x\\b\\1.png,cat\n")
    assert read.ids == ("a/1.png", "a/2.png", "b/3.png", "b/1.png")
    assert read.is_error.tolist() == [False, True, False, True]
    assert np.isnan(read.uncertainty).all()
    assert read.outputs.tolist() == [[1, 0]] * 4


def test_what_does_not_match_is_counted_on_both_sides(tmp_path):
    read = outcomes(tmp_path, "id,prediction\na/1.png,cat\n1.png,dog\nzebra.png,dog\n")
    assert read.ids == ("a/1.png",)
    assert dict(read.left_out) == {"no prediction": 3}
    assert any("2 predictions match no image, first '1.png'" in note for note in read.notes)


def test_labels_of_the_file_serve_unlabelled_images(tmp_path):
    read = outcomes(tmp_path, "id,prediction,label\na,cat,dog\nb,dog,\n", images(("a", "b"), (None, None)))
    assert read.expected == ("dog",)
    assert dict(read.left_out) == {"no label": 1}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id,prediction\nzebra.png,cat\n", 2, "none of 1 predictions"),
        ("id,prediction\na/1.png,cat\na/2.png,dgo\n", 3, "'dgo' is not a class"),
        ("id,prediction,label\na/1.png,cat,dog\n", 2, "the file expects 'dog', the image set 'cat'"),
        ("id,prediction\na/2.png,cat\nx/a/2.png,cat\n", 3, "same image"),
        ("id,prediction,cat,dog\na/1.png,cat,1,2\n", 2, "'dog' has the largest number"),
        ("id,prediction,cat,dog\na/1.png,dog,1,2\na/2.png,dog,nan,2\n", 3, "'cat' is not a finite number"),
        ("id,prediction,x\na/1.png,,1\n", 2, "nothing is predicted"),
    ],
)
def test_D10_errors_carry_file_and_line(tmp_path, text, line, said):
    with pytest.raises(DataError, match=said) as caught:
        outcomes(tmp_path, text)
    assert caught.value.where == f"p.csv line {line}"


def test_class_numbers_alone_are_enough(tmp_path):
    read = outcomes(tmp_path, "id,prob_cat,prob_dog\na/1.png,0.4,0.6\na/2.png,0.1,0.9\n")
    assert read.predicted == ("dog", "dog")
    assert read.notes == ("same answer everywhere: the network calls all 2 images 'dog'; look at preprocessing",)


def test_regression_reads_numbers_and_targets(tmp_path):
    text = "id,prediction,target\na,1.0,1.5\nb,3,1.5\n"
    read = outcomes(tmp_path, text, images(("a", "b"), (None, None)), Regression(1.0))
    assert read.is_error.tolist() == [False, True]


def test_landmarks_read_numbered_columns(tmp_path):
    text = "id,prediction_0,prediction_1\na,10,10\nb,30,10\n"
    pictures = images(("a", "b"), (None, None), targets=np.array([[10.0, 12.0], [10.0, 12.0]]))
    assert outcomes(tmp_path, text, pictures, Landmarks(4.0)).is_error.tolist() == [False, True]


def test_classes_come_from_labels_and_answers_together(tmp_path):
    (tmp_path / "p.csv").write_text("id,prediction,label\na/1.png,owl,cat\na/2.png,dog,eel\n")
    assert classes_of(read_predictions(tmp_path / "p.csv"), images()).names == ("cat", "dog", "eel", "owl")
