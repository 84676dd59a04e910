from __future__ import annotations

import json

import pytest

from failatlas.errors import DataError
from failatlas.tasks import Classification, ClassOrder, Landmarks, Regression, class_order, from_json

TASKS = [
    Classification(("cat", "dog")),
    Classification(("cat", "dog"), [[0, 2.5], [1, 0]], unknown="leave out"),
    Regression(1.5, (2.0, 3.0), "°"),
    Regression((1.0, 2.0)),
    Landmarks(4.0, max_px=8.0, bands_px=(6.0,), layout="xxyy"),
]


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_a_task_survives_json(task):
    text = json.dumps(task.to_json())
    back = from_json(json.loads(text))
    assert type(back) is type(task)
    assert json.dumps(back.to_json()) == text


@pytest.mark.parametrize("wrong", [{}, {"task": "detection"}, {"task": "regression"}, {"task": "landmarks", "x": 1}])
def test_what_is_no_task_is_a_data_error(wrong):
    with pytest.raises(DataError):
        from_json(wrong)


def test_the_user_then_the_model_then_the_labels_say_the_class_order():
    labels = ["dog", "cat", None]
    assert class_order(["b", "a"], ["x"], labels) == ClassOrder(("b", "a"), "--classes")
    assert class_order([], ["x", "y"], labels) == ClassOrder(("x", "y"), "the model")
    assert class_order([], [], labels) == ClassOrder(("cat", "dog"), "sorted labels")
    assert class_order([], [], ["10", "2", "1"]).names == ("1", "2", "10")
    assert class_order([], [], [None]).names == ()
