"""One list of degenerate inputs for every extractor in the registry, other people's too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError
from failatlas.features import extract, extractors, open_extractor
from failatlas.features.learning import Lessons, Unkept
from failatlas.images import ImageSet
from failatlas.images.records import Batch
from failatlas.models import Preprocess
from failatlas.models.module import TorchModel

NAMES = [part.name for part in extractors]
PRETRAINED = ("backbone", "lite2", "resnet50", "stages", "vgg16")
TUNED = tuple(f"{name}-tuned" for name in PRETRAINED if name != "stages")
TAUGHT = (*TUNED, "autoencoder", "own-tuned")
BLIND = (*PRETRAINED, *TAUGHT, "own", "pixels")  # they see images, not the network under test
OTHER = {
    "activations": {"layer": "3"},
    "autoencoder": {"columns": 9},
    "heatmap": {"layer": "3"},
    **{name: {"backbone_preprocess": "unit,18x16"} for name in ("own", "own-tuned")},
    "pixel-heatmap": {"composite": "zplus"},
    "pixels": {"side": 8},
    **{name: {"side": 64} for name in (*PRETRAINED, *TUNED)},
}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(6 * 36, 5),
    )  # fmt: skip
    return TorchModel(module, Preprocess(size=(16, 16)))


@pytest.fixture(scope="module")
def images():
    return ImageSet.from_arrays(np.random.default_rng(0).integers(0, 256, (9, 20, 18, 3), dtype=np.uint8))


def opened(name, model, **options):
    """An extractor for speed: of small images, of a layer that is named; one that learns is taught."""
    small = {"side": 64 if options else 48}  # at 32 px lite2 answers noise with zeros
    own = {"backbone": f"{Path(__file__).with_name('backbones.py')}:maps", "backbone_preprocess": "unit,16x16"}
    quick = {
        "autoencoder": {"side": 16},
        "heatmap": {"layer": "6"},
        **dict.fromkeys(("own", "own-tuned"), own),
        **dict.fromkeys((*PRETRAINED, *TUNED), small),
    }.get(name, {})
    if name in TAUGHT:
        return taught(name, tuple({**quick, **options, "epochs": 1}.items()))
    return open_extractor(name, model, **{**quick, **options})


@cache  # learning costs seconds, and its weights are read from megabytes
def taught(name, said):
    extractor = open_extractor(name, None, **dict(said))
    pixels = np.random.default_rng(1).integers(0, 256, (6, 20, 18, 3), dtype=np.uint8)
    lessons = Lessons.answered(ImageSet.from_arrays(pixels, labels=list("ababab")), "classification")
    return extractor.taught(extractor.learn(lessons, seed=0, checkpoints=Unkept()))


def rows(extractor, images, batch_size=4):
    n = len(images)
    return extract(extractor, images, np.arange(n), np.zeros(n, np.int64), batch_size=batch_size)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_finite_float32_in_the_order_of_the_set(name, model, images):
    found = rows(opened(name, model), images)
    assert found.ids == images.ids
    assert found.indices.tolist() == list(range(9))
    assert found.matrix.dtype == np.float32
    assert found.matrix.ndim == 2
    assert np.isfinite(found.matrix).all()
    assert not found.matrix.flags.writeable
    assert found.matrix.std() > 0
    backwards = rows(opened(name, model), images.select(range(8, -1, -1)))
    np.testing.assert_allclose(backwards.matrix[::-1], found.matrix, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_the_same_twice_and_in_batches_of_any_size(name, model, images):
    found = rows(opened(name, model), images)
    assert (rows(opened(name, model), images).matrix == found.matrix).all()
    for size in (1, 2, 9):
        np.testing.assert_allclose(
            rows(opened(name, model), images, size).matrix, found.matrix, rtol=1e-4, atol=1e-5
        )  # BLAS sums batches of another size in another order


@pytest.mark.parametrize("name", NAMES)
def test_one_image_and_none(name, model, images):
    extractor = opened(name, model)
    assert rows(extractor, images.select([3])).matrix.shape == (1, rows(extractor, images).matrix.shape[1])
    assert rows(extractor, images.select([])).ids == ()
    assert len(rows(extractor, images.select([])).matrix) == 0


@pytest.mark.parametrize("name", NAMES)
def test_identical_images_have_identical_rows(name, model, images):
    pixels = np.repeat(images.read(0).pixels[None], 5, axis=0)
    found = rows(opened(name, model), ImageSet.from_arrays(pixels), 5).matrix
    np.testing.assert_allclose(found, found[[0] * 5], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_one_colour_have_finite_rows(name, model, value):
    found = rows(opened(name, model), ImageSet.from_arrays(np.full((2, 20, 18, 3), value, np.uint8)))
    assert len(found.ids) == 2
    assert np.isfinite(found.matrix).all()


@pytest.mark.parametrize("name", NAMES)
def test_images_of_different_sizes_share_a_batch(name, model):
    draw = np.random.default_rng(1)
    shapes = [(20, 18, 3), (1, 1, 3), (40, 7, 3), (3, 50, 3)]
    pixels = tuple(draw.integers(0, 256, shape, dtype=np.uint8) for shape in shapes)
    found = opened(name, model).extract(Batch((0, 1, 2, 3), pixels), np.zeros(4, np.int64))
    assert len(found) == 4
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_digest_names_everything_that_decides_the_rows(name, model):
    digest = opened(name, model).digest
    assert len(digest) == 64
    assert opened(name, model).digest == digest
    assert opened(name, model, **OTHER[name]).digest != digest
    # another network, for those that look into it
    other = TorchModel(nn.Sequential(*model.module[:-1], nn.Linear(216, 5)), model.preprocess)
    is_of_network = name not in BLIND
    assert (opened(name, other).digest != digest) is is_of_network
    scaled = TorchModel(model.module, Preprocess(size=(16, 16), scale=1.0))
    assert (opened(name, scaled).digest != digest) is is_of_network


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BLIND])
def test_a_black_box_is_refused_with_the_next_step(name):
    with pytest.raises(ModelError) as refused:
        open_extractor(name, None)
    assert "--pipeline best" in refused.value.remedy


@pytest.mark.parametrize("name", NAMES)
def test_parameters_have_a_range_and_a_meaning(name):
    part = extractors.get(name)
    assert part.source
    assert part.summary.endswith(".")
    for parameter in part.parameters.values():
        assert parameter.range
        assert parameter.meaning


def test_every_extractor_has_its_row_here():
    assert set(NAMES) == set(OTHER)


@pytest.mark.parametrize("name", ["heatmap", "pixel-heatmap"])
def test_relevance_starts_from_the_output_that_is_asked_for(name, model, images):
    extractor = opened(name, model)
    of = [extract(extractor, images, np.arange(9), np.full(9, output)).matrix for output in (0, 3)]
    assert not np.allclose(of[0], of[1])


def test_rows_that_are_not_finite_are_quarantined_one_by_one(images):
    class Spoilt:
        digest = "0"

        def extract(self, batch, score):
            rows = np.ones((len(score), 3), np.float32)
            rows[np.asarray(batch.indices) == 4] = np.nan
            return rows

    found = rows(Spoilt(), images)
    assert [entry.id for entry in found.quarantined] == [images.ids[4]]
    assert found.quarantined[0].code == "E_FEATURES_NAN"
    assert images.ids[4] not in found.ids
    assert len(found.matrix) == 8
