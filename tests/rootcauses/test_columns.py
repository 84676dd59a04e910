import numpy as np
import pytest

from failatlas.errors import ShapeError
from failatlas.images.records import ImageRecord
from failatlas.rootcauses.columns import joined, metadata_columns, numbers


def test_a_column_with_one_text_in_it_is_text_and_missing_entries_are_empty():
    records = [
        ImageRecord("a", "a", metadata={"yaw": 3.5, "camera": "left"}),
        ImageRecord("b", "b", metadata={"camera": 7.0}),
        ImageRecord("c", "c"),
    ]
    columns = metadata_columns(records)
    assert columns["camera"] == ("left", "7", "")
    assert columns["yaw"].tolist()[0] == 3.5
    assert np.isnan(columns["yaw"][1:]).all()
    assert metadata_columns([]) == {}


def test_a_metadata_column_never_hides_a_measured_property_of_the_same_name():
    table = joined(1, properties={"brightness": np.array([1.0])}, metadata={"brightness": np.array([2.0])})
    assert {name: column.tolist() for name, column in table.items()} == {
        "brightness": [1.0],
        "metadata.brightness": [2.0],
    }


def test_a_column_of_the_wrong_length_is_named():
    with pytest.raises(ShapeError, match="'camera' has 1 entries for 2 images"):
        joined(2, metadata={"camera": ("left",)})


def test_directions_of_a_full_turn_are_not_compared_as_more_or_less():
    table = {"wind_deg": np.array([0.0, 350.0]), "yaw_deg": np.array([-20.0, 20.0]), "camera": ("a", "b")}
    assert list(numbers(table)) == ["yaw_deg"]
