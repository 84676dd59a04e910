from __future__ import annotations

import numpy as np
import pytest

from failatlas.errors import ModelError, ShapeError
from failatlas.models.callable import CallableModel
from failatlas.models.model import Model, Preprocess


def test_without_preprocessing_the_function_gets_the_images_untouched(pixels):
    seen = []
    CallableModel(lambda images: seen.extend(images) or np.zeros((len(images), 2))).predict(pixels)
    assert all(a is b for a, b in zip(seen, pixels, strict=True))


def test_with_preprocessing_it_gets_one_array(pixels):
    model = CallableModel(lambda batch: batch.mean((2, 3)), Preprocess(scale=1.0))
    assert np.allclose(model.predict(pixels), np.stack(pixels).mean((1, 2)), atol=1e-3)
    assert isinstance(model, Model)


def test_a_failing_function_is_one_line(pixels):
    def function(images):
        raise KeyError("weights\nof the second line")

    with pytest.raises(ModelError, match="KeyError") as caught:
        CallableModel(function).predict(pixels)
    assert "\n" not in str(caught.value)


def test_too_few_rows_are_a_shape_error(pixels):
    with pytest.raises(ShapeError, match="for 5 images"):
        CallableModel(lambda images: np.zeros((3, 2))).predict(pixels)


def test_the_digest_sees_source_and_version():
    def one(images):
        return [[1.0] for _ in images]

    def two(images):
        return [[2.0] for _ in images]

    models = [CallableModel(one, name="f"), CallableModel(two, name="f"), CallableModel(one, name="f", version="2")]
    assert len({model.digest for model in models}) == 3
    assert CallableModel(one, name="f").digest == models[0].digest
