"""Schema: `parameters.json` beside a manifest belongs to the set, wherever the set goes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError
from failatlas.images import ImageSet
from failatlas.images.schema import FILE
from failatlas.parameters import Parameter, Space

SPACE = Space((Parameter("yaw", -90, 90, unit="deg"), Parameter("glasses", choices=("none", "sun"))))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A manifest of two images, both splits, and its schema; no picture is needed to list them."""
    rows = "path,split,yaw,glasses\na.png,test,3,sun\nb.png,train,-3,none\n"
    (tmp_path / "manifest.csv").write_text(rows)
    (tmp_path / FILE).write_text(SPACE.to_text())
    return tmp_path


@pytest.mark.parametrize("name", ["", "manifest.csv"])
def test_the_schema_is_read_beside_the_manifest(made, name):
    images = ImageSet.open(made / name)
    assert images.parameters == SPACE
    assert repr(images) == "<ImageSet 2 images, unlabelled, split test, train, 2 parameters>"


def test_every_part_of_a_set_keeps_it(made):
    images = ImageSet.open(made, split="test")
    assert images.parameters == SPACE
    assert images.select([0]).parameters == SPACE
    assert images.pinned({}).parameters == SPACE
    assert pickle.loads(pickle.dumps(images)).parameters == SPACE


def test_the_digest_covers_it_and_that_of_a_set_without_one_stays(made):
    with_schema = ImageSet.open(made).record_digest()
    (made / FILE).write_text(Space([Parameter("yaw", -90, 80)]).to_text())
    other = ImageSet.open(made).record_digest()
    (made / FILE).unlink()
    without = ImageSet.open(made)
    assert without.parameters is None
    assert len({with_schema, other, without.record_digest()}) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"schema": 1, "schema": 1}', "twice"),
        ("[]", "not a table of parameters"),
        ('{"schema": 2, "parameters": []}', "not a table of parameters"),
        ('{"schema": 1, "parameters": [{"low": 0}]}', "parameter 0 has no name"),
        ('{"schema": 1, "parameters": [{"name": "yaw", "low": 3, "high": 3}]}', "'yaw' has the range"),
        ('{"schema": 1, "parameters": [{"name": "yaw", "size": 3}]}', "unknown field 'size'"),
        (" " * (4 * 1024 * 1024 + 1), "more than"),
    ],
)
def test_D11_a_malformed_schema_names_its_file(made, text, says):
    (made / FILE).write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        ImageSet.open(made)
    assert str(made / FILE) in str(caught.value)


def test_a_folder_called_like_it_is_none(made):
    (made / FILE).unlink()
    (made / FILE).mkdir()
    assert ImageSet.open(made).parameters is None


def test_a_folder_without_a_manifest_has_no_parameters(folder, encode, photo):
    (folder / FILE).write_text(json.dumps(SPACE.to_json()))
    assert ImageSet.open(folder).parameters is None


def test_arrays_may_bring_theirs():
    pixels = np.zeros((2, 4, 4), np.uint8)
    images = ImageSet.from_arrays(pixels, metadata={"yaw": [1, 2]}, parameters=SPACE)
    assert images.parameters is SPACE
    assert images.record_digest() != ImageSet.from_arrays(pixels, metadata={"yaw": [1, 2]}).record_digest()
