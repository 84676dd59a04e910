import numpy as np
import pytest

from failatlas.errors import ShapeError
from failatlas.images.records import ImageRecord
from failatlas.rootcauses.columns import joined, measured_columns, metadata_columns, numbers


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


def test_measured_properties_follow_the_outcomes_and_are_missing_where_an_image_was_set_aside():
    from failatlas.images import ImageSet
    from failatlas.images.survey import survey

    pixels = np.stack([np.full((4, 4), grey, np.uint8) for grey in (0, 255, 51)])
    surveyed = survey(ImageSet.from_arrays(pixels, ids=["black", "white", "grey"]))
    columns = measured_columns(surveyed, ["grey", "gone", "black"])
    assert columns["brightness"] == pytest.approx([0.2, np.nan, 0.0], nan_ok=True)
    assert list(columns) == list(surveyed.names)
