"""The autoencoder: what it learns of coloured shapes, and that the same lessons teach it the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.errors import ModelError, UsageError
from failatlas.features import extract, open_extractor
from failatlas.features.autoencoder import Autoencoder
from failatlas.features.learning import Lessons, Unkept
from failatlas.images import ImageSet
from failatlas.images.records import Batch

SMALL = {"side": 32, "columns": 8, "epochs": 12}


def shapes(n=120, seed=0):
    """A bright square on grey: its column (0–15) and its colour (red or blue) are drawn."""
    draw = np.random.default_rng(seed)
    pixels = np.full((n, 24, 24, 3), 90, np.uint8)
    place, colour = draw.integers(0, 16, n), draw.integers(0, 2, n)
    for image, x, c in zip(pixels, place, colour, strict=True):
        image[8:16, x : x + 8, 2 * c] = 250
    return ImageSet.from_arrays(pixels), place, colour


def lessons(images):
    return Lessons.unanswered(images, np.arange(len(images)))


def rows(extractor, images):
    return extract(extractor, images, np.arange(len(images)), np.zeros(len(images), np.int64)).matrix


@pytest.fixture(scope="module")
def taught():
    learner = Autoencoder(**SMALL)
    found = learner.learn(lessons(shapes()[0]), seed=0, checkpoints=Unkept())
    return learner.taught(found), found


def test_it_draws_images_it_has_not_seen_better_than_by_their_mean(taught):
    held = taught[1].curves[0]
    assert held.criterion == "held-out share of variance lost"
    assert held.y.min() < 0.5  # 1 = the mean image
    assert held.chosen == held.x[np.argmin(held.y)]


def test_rows_of_new_images_say_what_and_where(taught):
    images, place, colour = shapes(60, seed=1)
    known, known_place, known_colour = shapes()
    apart = np.linalg.norm(rows(taught[0], images)[:, None] - rows(taught[0], known)[None], axis=2)
    nearest = apart.argmin(axis=1)
    assert np.mean(colour == known_colour[nearest]) > 0.95
    assert np.mean(np.abs(place - known_place[nearest]) <= 2) > 0.9


def test_the_same_lessons_and_seed_teach_the_same_bytes():
    quick = Autoencoder(side=16, columns=8, epochs=2)
    first, again, other = (quick.learn(lessons(shapes(40)[0]), seed=seed, checkpoints=Unkept()) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest
    assert first.notes == again.notes


def test_answers_are_ignored():
    images, _, colour = shapes(20)
    labelled = Lessons(images, np.arange(20), tuple(map(str, colour)), np.zeros((20, 0), np.float32))
    quick = Autoencoder(side=16, columns=8, epochs=1)
    found = [quick.learn(each, seed=0, checkpoints=Unkept()).digest for each in (lessons(images), labelled)]
    assert found[0] == found[1]


def test_only_the_encoder_and_the_standard_are_kept(taught):
    weights = taught[1].weights
    assert {"mean", "spread"} < set(weights)
    assert sum(a.size for a in weights.values()) == 3 * 32 * 32 + 1 + sum(
        a * b * 16 + b for a, b in ((3, 16), (16, 32), (32, 64), (64, 128))
    ) + (128 * 4 * 8 + 8)


def test_notes_say_what_was_reached_and_how_it_ended(taught):
    (note,) = taught[1].notes
    assert note.startswith("autoencoder learned from 120 images: share of variance lost, held-out loss 0.")
    assert "bound of 12 epochs" in note or "stopped early" in note


def test_images_that_cannot_be_read_are_counted(tmp_path):
    from PIL import Image

    for i in range(3):
        Image.fromarray(np.full((8, 8, 3), 80 * i, np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    images = ImageSet.open(tmp_path)
    found = Autoencoder(side=16, columns=8, epochs=1).learn(lessons(images), seed=0, checkpoints=Unkept())
    assert "1 of the images to learn from could not be read" in found.notes
    broken = images.select([images.ids.index("broken.png")])
    with pytest.raises(ModelError, match="no image to learn from can be read"):
        Autoencoder(side=16).learn(lessons(broken), seed=0, checkpoints=Unkept())


def test_untaught_it_says_what_to_do():
    with pytest.raises(ModelError, match="has not learnt yet") as refused:
        open_extractor("autoencoder", None).extract(Batch((), ()), np.zeros(0, np.int64))
    assert "learn" in refused.value.remedy


@pytest.mark.parametrize("side", [8, 40])
def test_a_side_that_cannot_be_halved_four_times_is_refused_when_it_is_opened(side):
    with pytest.raises(UsageError, match=f"side {side}"):
        open_extractor("autoencoder", None, side=side)


def test_the_recipe_names_what_decides_what_is_learnt():
    recipes = {open_extractor("autoencoder", None, **options).recipe for options in ({}, {"side": 32}, {"columns": 8})}
    assert len(recipes) == 3


@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_image_two_or_three_are_enough(n):
    images = shapes(n)[0]
    learner = Autoencoder(side=16, columns=8, epochs=2)
    taught = learner.taught(learner.learn(lessons(images), seed=0, checkpoints=Unkept()))
    assert rows(taught, images).shape == (n, 8)


def test_images_that_are_all_alike_are_learnt_without_a_number_that_is_none():
    images = ImageSet.from_arrays(np.full((6, 9, 9, 3), 77, np.uint8))
    learner = Autoencoder(side=16, columns=8, epochs=2)
    found = rows(learner.taught(learner.learn(lessons(images), seed=0, checkpoints=Unkept())), images)
    assert np.isfinite(found).all()
