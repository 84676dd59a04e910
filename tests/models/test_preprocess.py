from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from failatlas.errors import ShapeError, UsageError
from failatlas.models.model import Preprocess
from failatlas.models.preprocess import NAMED, apply, option, parse_preprocess


def image(seed: int = 0, size: tuple[int, int] = (6, 5)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def test_normalisation_follows_its_formula_pixel_by_pixel():
    preprocess = Preprocess(scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    batch = [image(0), image(1)]
    out = apply(preprocess, batch)
    assert out.shape == (2, 3, 6, 5)
    assert out.dtype == np.float32
    for n, picture in enumerate(batch):
        for c in range(3):
            for h in range(6):
                for w in range(5):
                    x = float(picture[h, w, c])
                    assert out[n, c, h, w] == pytest.approx(
                        (x / 255 - (0.4, 0.5, 0.6)[c]) / (0.2, 0.3, 0.4)[c], abs=1e-5
                    )


def test_grey_equals_pillow_for_every_pixel():
    picture = image(3, (64, 64))
    out = apply(Preprocess(channels=1, scale=1.0), [picture])
    assert np.array_equal(out[0, 0], np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float32))


def test_bgr_is_rgb_backwards():
    batch = [image()]
    rgb, bgr = (apply(Preprocess(bgr=flag), batch) for flag in (False, True))
    assert np.array_equal(bgr, rgb[:, ::-1])


def test_shrinking_averages_instead_of_dropping_pixels():
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    out = apply(Preprocess(size=(8, 8), scale=1.0), [stripes])
    assert np.abs(out - 127.5).max() < 8  # without antialiasing it would be 0 or 255


def test_images_of_the_right_size_are_not_resampled_and_others_match_them():
    batch = [image(0, (8, 8)), image(1, (16, 16))]
    out = apply(Preprocess(size=(8, 8), scale=1.0), batch)
    assert np.array_equal(out[0].transpose(1, 2, 0), batch[0])


def test_different_sizes_without_a_size_name_both():
    with pytest.raises(ShapeError, match="5×6 and 6×5"):
        apply(Preprocess(), [image(0, (6, 5)), image(1, (5, 6))])


def test_no_images_give_no_rows():
    assert apply(Preprocess(channels=1), []).shape == (0, 1, 0, 0)


@pytest.mark.parametrize(
    "wrong", [{"channels": 2}, {"mean": (0.1, 0.2)}, {"std": (0.0,)}, {"scale": float("nan")}, {"size": (0, 4)}]
)
def test_a_contradiction_is_a_usage_error(wrong):
    with pytest.raises(UsageError):
        apply(dataclasses.replace(Preprocess(), **wrong), [image()])


numbers = st.floats(0.01, 4.0, allow_nan=False).map(lambda v: round(v, 4))


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        Preprocess,
        size=st.none() | st.tuples(st.integers(1, 500), st.integers(1, 500)),
        channels=st.just(3),
        scale=numbers,
        mean=st.tuples(numbers) | st.tuples(numbers, numbers, numbers),
        std=st.tuples(numbers),
        bgr=st.booleans(),
    )
)
def test_the_option_text_brings_back_the_same_preprocessing(preprocess):
    assert parse_preprocess(option(preprocess)) == preprocess


def test_every_named_preprocessing_is_its_own_option():
    assert {name: option(preprocess) for name, preprocess in NAMED.items()} == {name: name for name in NAMED}


@pytest.mark.parametrize("word", ["imagnet", "mean=", "mean=a", "scale=1/0", "3x", "std=0"])
def test_a_word_that_is_not_understood_lists_the_words_that_are(word):
    with pytest.raises(UsageError):
        parse_preprocess(word)
