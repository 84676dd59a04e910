"""Fine-tuned trunks: they learn what is asked, keep nothing of the head, and learn the same bytes twice."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError
from failatlas.features import extract, open_extractor, own
from failatlas.features.learning import Learner, Lessons, Unkept
from failatlas.features.trunk import Trunk
from failatlas.features.tuned import MAPS_BYTES, MOST, Tuned
from failatlas.images import ImageSet
from failatlas.models import Preprocess


def upper():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        ).eval()  # fmt: skip


def trunk(shape=(3, 12, 12), digest="0" * 64, build=upper):
    """A trunk whose lower part hands the image on."""
    preprocess = Preprocess(size=shape[1:])
    return Trunk("toy", preprocess, digest, shape, 4, partial(own._images, 3), build, None)


def shapes(n=160, seed=0):
    """Vertical or horizontal bars of random colour and place; how bright they are is a number to be told."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 40, (n, 12, 12, 3), dtype=np.uint8)
    upright, bright = draw.integers(0, 2, n), draw.integers(100, 250, n)
    for image, is_upright, value, at in zip(pixels, upright, bright, draw.integers(0, 10, n), strict=True):
        colour = draw.permutation([value, value // 2, value // 4])
        if is_upright:
            image[:, at : at + 2] = colour
        else:
            image[at : at + 2] = colour
    return pixels, upright, bright / 250.0


def classes(n=160, seed=0):
    pixels, upright, _ = shapes(n, seed)
    return ImageSet.from_arrays(pixels, labels=[("lying", "upright")[i] for i in upright], split="train")


def rows(extractor, images):
    return extract(extractor, images, np.arange(len(images)), np.zeros(len(images), np.int64)).matrix


def told(learner, images, task="classification", seed=0):
    found = learner.learn(Lessons.answered(images, task), seed=seed, checkpoints=Unkept())
    return learner.taught(found), found


def separation(found, upright):
    """Distance between the means of the two classes in units of the spread within them."""
    first, second = found[upright == 0], found[upright == 1]
    within = np.sqrt((first.var(axis=0) + second.var(axis=0)).sum() / 2)
    return np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) / within


def test_tuned_rows_tell_new_images_of_the_classes_apart_better_than_frozen_ones(fast):
    pixels, upright, _ = shapes(100, seed=1)
    new = ImageSet.from_arrays(pixels)
    taught, found = told(Tuned(trunk(), epochs=40), classes())
    with torch.inference_mode():
        frozen = upper()(torch.from_numpy(pixels.transpose(0, 3, 1, 2) / np.float32(255))).numpy()
    assert found.curves[0].criterion == "held-out cross-entropy"
    assert found.curves[0].y.min() < 0.5 * np.log(2)  # log 2 = a guess
    assert separation(rows(taught, new), upright) > 2 * separation(frozen, upright)


def test_numbers_are_learnt_in_units_of_their_spread(fast):
    pixels, _, bright = shapes()
    images = ImageSet.from_arrays(pixels, targets=1000 * bright + 5)
    taught, found = told(Tuned(trunk(), epochs=40), images, "regression")
    assert found.curves[0].criterion == "held-out squared error / variance"
    assert found.curves[0].y.min() < 0.4  # 1 = the mean
    assert rows(taught, images).shape == (160, 4)


def test_landmarks_that_nobody_marked_teach_nothing(fast):
    pixels, _, bright = shapes()
    targets = np.stack([bright, np.where(np.arange(160) % 3 == 0, 0.0, bright)], axis=1)
    _, found = told(Tuned(trunk(), epochs=3), ImageSet.from_arrays(pixels, targets=targets), "landmarks")
    never = np.stack([bright, np.zeros(160)], axis=1)
    _, blank = told(Tuned(trunk(), epochs=3), ImageSet.from_arrays(pixels, targets=never), "landmarks")
    for each in (found, blank):
        assert np.isfinite(each.curves[0].y).all()


def test_the_same_lessons_and_seed_teach_the_same_bytes_and_others_do_not():
    learner = Tuned(trunk(), epochs=2)
    first, again, other = (told(learner, classes(40), seed=seed)[1].digest for seed in (0, 0, 1))
    assert first == again != other
    pixels, upright, _ = shapes(40)
    swapped = ImageSet.from_arrays(pixels, labels=[("upright", "lying")[i] for i in upright])
    renamed = ImageSet.from_arrays(pixels, labels=[("a", "b")[i] for i in upright])
    assert told(learner, renamed)[1].digest == first  # names are not learnt, which are alike is
    assert told(learner, swapped)[1].digest != first


def test_only_the_upper_part_is_kept():
    found = told(Tuned(trunk(), epochs=1), classes(20))[1]
    assert set(found.weights) == set(upper().state_dict())
    assert any((found.weights[name] != value.numpy()).any() for name, value in upper().state_dict().items())


def test_the_digest_covers_trunk_and_what_was_learnt():
    learner = Tuned(trunk(), epochs=1)
    first, second = (told(learner, classes(20), seed=seed)[0] for seed in (0, 1))
    assert len({learner.digest, first.digest, second.digest}) == 3
    assert Tuned(trunk(digest="1" * 64), epochs=1).recipe != learner.recipe != Tuned(trunk(), epochs=2).recipe
    assert first.recipe == learner.recipe


def test_maps_of_the_lessons_fit_their_memory():
    assert Tuned(trunk()).most_lessons == MOST
    wide = Tuned(trunk((512, 28, 28)))
    assert wide.most_lessons == MAPS_BYTES // (512 * 28 * 28 * 2) < MOST
    assert Tuned(trunk((4096, 512, 512))).most_lessons == 1


def test_maps_are_made_once_and_read_back():
    class Kept(Unkept):
        def __init__(self):
            self.parts, self.made = {}, 0

        def part(self, number, compute):
            if number not in self.parts:
                self.made += 1
                self.parts[number] = compute()
            return self.parts[number]

    kept, learner = Kept(), Tuned(trunk(), epochs=1)
    lessons = Lessons.answered(classes(300), "classification")
    first = learner.learn(lessons, seed=0, checkpoints=kept)
    assert kept.made == len(kept.parts) == 2  # of 256
    again = learner.learn(lessons, seed=0, checkpoints=kept)
    assert kept.made == 2
    assert first.digest == again.digest


def test_lessons_that_cannot_be_read_are_left_out_with_their_answers(tmp_path):
    from PIL import Image

    pixels, upright, _ = shapes(30)
    for i, (image, name) in enumerate(zip(pixels, upright, strict=True)):
        (tmp_path / str(name)).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / str(name) / f"{i:02d}.png")
    whole = told(Tuned(trunk(), epochs=2), ImageSet.open(tmp_path))[1]
    (tmp_path / "0" / "aa.png").write_bytes(b"no image")
    found = told(Tuned(trunk(), epochs=2), ImageSet.open(tmp_path))[1]
    assert found.digest == whole.digest
    assert found.notes[-1] == "1 of the images to learn from could not be read"


def test_untaught_unanswered_or_unreadable_it_says_what_to_do(tmp_path):
    learner = Tuned(trunk())
    with pytest.raises(ModelError, match="'toy-tuned' has not learnt yet"):
        rows(learner, classes(2))
    with pytest.raises(ModelError, match="learns from answers") as refused:
        learner.learn(Lessons.unanswered(classes(4), np.arange(4)), seed=0, checkpoints=Unkept())
    assert "--train" in refused.value.remedy
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"no image")
    with pytest.raises(ModelError, match="no image to learn from can be read"):
        told(learner, ImageSet.open(tmp_path))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_lessons_or_one_class_are_learnt_without_a_number_that_is_none(n):
    images = classes(n).select([0] if n == 1 else range(n))
    taught, found = told(Tuned(trunk(), epochs=2), images)
    assert np.isfinite(rows(taught, images)).all()
    assert np.isfinite(found.curves[0].y).all()


@pytest.mark.parametrize("name", ["backbone", "lite2", "resnet50", "vgg16"])
def test_every_pretrained_backbone_has_its_tuned_twin(name):
    twin = open_extractor(f"{name}-tuned", None, side=48, epochs=1)
    assert isinstance(twin, Learner)
    assert twin.is_supervised
    images = classes(6)
    taught, found = told(twin, images)
    before, after = rows(open_extractor(name, None, side=48), images), rows(taught, images)
    assert after.shape == before.shape
    # one epoch bends it and does not break it
    assert np.abs(after - before).max() > 0
    assert np.corrcoef(after.ravel(), before.ravel())[0, 1] > 0.8
    assert found.notes[0].startswith(f"{name}-tuned learned from 6 images of split train: cross-entropy, held-out loss")


@pytest.fixture
def fast(monkeypatch):
    """So few and small lessons take larger steps."""
    monkeypatch.setattr("failatlas.features.tuned._RATE", 1e-2)
    monkeypatch.setattr("failatlas.features.tuned._HEAD_RATE", 1e-2)


def test_a_backbone_of_the_users_own_learns_in_all_its_layers():
    backbone = f"{Path(__file__).with_name('backbones.py')}:maps"
    learner = open_extractor("own-tuned", None, backbone=backbone, backbone_preprocess="unit,16x16", epochs=2)
    upper = learner._trunk.upper()
    found = told(learner, classes(20))[1].weights
    assert all((found[name] != value.detach().numpy()).any() for name, value in upper.named_parameters())
    # its batch statistics come from more images than the lessons are
    statistics = [(name, value) for name, value in upper.named_buffers() if value.is_floating_point()]
    assert len(statistics) == 2
    assert all((found[name] == value.numpy()).all() for name, value in statistics)
