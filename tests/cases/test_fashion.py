"""The fashion case study: what it ships is whole, and its network fails about as often as its card says."""

import re
from importlib import resources

import numpy as np
import pytest

from failatlas.cases import cases
from failatlas.cases.fashion import CLASSES, FULL_SET
from failatlas.cases.making import make
from failatlas.errors import DataError, UsageError
from failatlas.images import ImageSet
from failatlas.outcomes import run


@pytest.fixture(scope="module")
def fashion():
    return cases.create("fashion")


@pytest.mark.parametrize("split", ["test", "improvement"])
def test_a_split_has_ten_thousand_photographs_of_all_classes(fashion, split) -> None:
    images = fashion.images(split)
    assert len(images) == 10_000
    assert set(images.classes) == set(CLASSES)
    assert images.read(7).pixels.shape == (28, 28, 3)


def test_the_network_reaches_the_accuracy_of_its_card(fashion) -> None:
    card = (resources.files("failatlas.cases") / "data/fashion/network.md").read_text(encoding="utf-8")
    stated = float(re.search(r"test photographs: ([\d.]+)%", card)[1]) / 100
    outcomes = run(fashion.model(), fashion.images("test"), fashion.task(), batch_size=500)
    assert abs((1 - outcomes.is_error.mean()) - stated) < 0.001
    assert 900 < outcomes.is_error.sum() < 1300


def test_the_training_split_is_the_full_sets_or_says_how_to_get_it(fashion) -> None:
    if FULL_SET.is_dir():
        assert len(fashion.images("train")) == 50_000
    else:
        with pytest.raises(UsageError, match="not shipped"):
            fashion.images("train")


def test_an_unknown_split_is_an_error_that_names_the_known_ones(fashion) -> None:
    with pytest.raises(UsageError) as caught:
        fashion.images("holdout")
    assert "improvement" in caught.value.remedy


def test_a_changed_shipped_file_is_refused(fashion, monkeypatch) -> None:
    from failatlas.cases import fashion as module

    monkeypatch.setitem(module.SHA256, "test-labels.gz", "0" * 64)
    with pytest.raises(DataError, match="has changed"):
        fashion.images("test")


def test_made_files_hold_the_same_pixels_and_labels(fashion, tmp_path) -> None:
    source = fashion.images("test")
    manifest, count = make(source, tmp_path / "made", count=25, seed=3)
    made = ImageSet.open(manifest)
    assert (count, len(made)) == (25, 25)
    where = {image: i for i, image in enumerate(source.ids)}
    for i, record in enumerate(made.records):
        original = where[record.id]
        assert record.label == source.records[original].label
        np.testing.assert_array_equal(made.read(i).pixels, source.read(original).pixels)


def test_making_twice_gives_the_same_bytes(fashion, tmp_path) -> None:
    files = []
    for name in ("a", "b"):
        make(fashion.images("test"), tmp_path / name, count=5, seed=1)
        files.append({f.relative_to(tmp_path / name): f.read_bytes() for f in (tmp_path / name).rglob("*.*")})
    assert files[0] == files[1]
