from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from failatlas.errors import UsageError
from failatlas.settings import read, resolve


@dataclass(frozen=True)
class Some:
    seed: int = 0
    share: float = 0.5
    loud: bool = False
    names: tuple[str, ...] = ()
    place: Path | None = None
    task: str = "classification"


def test_a_later_layer_wins_and_none_means_not_said():
    found = resolve(Some, {"seed": 3, "share": 1, "names": ["a", "b"]}, {"seed": 4, "share": None, "place": "x/y"})
    assert found == Some(seed=4, share=1.0, names=("a", "b"), place=Path("x/y"))
    assert isinstance(found.share, float)


def test_an_unknown_key_offers_the_nearest_or_lists_all():
    with pytest.raises(UsageError, match="unknown setting 'sed'") as refused:
        resolve(Some, {"sed": 3})
    assert refused.value.remedy == "did you mean 'seed'?"
    with pytest.raises(UsageError) as refused:
        resolve(Some, {"zzz": 3})
    assert refused.value.remedy == "known: loud, names, place, seed, share, task"


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("seed", True, "give a whole number"),
        ("seed", 1.0, "give a whole number"),
        ("share", "0.5", "give a number"),
        ("share", True, "give a number"),
        ("loud", 1, "give true or false"),
        ("names", "a,b", "give a list"),
        ("place", 3, "give a path"),
        ("task", {"a": 1}, "give a text"),
    ],
)
def test_a_value_of_another_type_says_what_to_give(key, value, remedy):
    with pytest.raises(UsageError, match=f"setting '{key}' has the wrong type") as refused:
        resolve(Some, {key: value})
    assert refused.value.remedy == remedy


@pytest.mark.parametrize("data", [b"seed = ", b"\xff\xfe", b"seed = 1\nseed = 2"])
def test_a_malformed_file_is_one_line_with_its_place(tmp_path, data):
    (tmp_path / "c.toml").write_bytes(data)
    with pytest.raises(UsageError, match="not valid TOML") as refused:
        read(tmp_path / "c.toml")
    assert refused.value.where.endswith("c.toml")
    assert "\n" not in str(refused.value)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(UsageError, match="no such settings file"):
        read(tmp_path / "c.toml")
