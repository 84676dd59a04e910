"""``failatlas cases``: make a rendered set, choose its scenes, resume it; train a network again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def signs(nursery, tmp_path_factory):
    """30 rendered test signs."""
    folder = tmp_path_factory.mktemp("signs") / "set"
    done = nursery.call("cases", "make", "ts", "-n", "30", "--out", folder, "--json")
    assert done.status == 0, done.err
    assert done.json == {"case": "ts", "split": "test", "images": 30, "manifest": str(folder / "manifest.csv")}
    return folder


def test_a_rendered_set_has_images_parameters_and_truth(signs):
    table = rows(signs)
    declared = {row["name"] for row in json.loads((signs / "parameters.json").read_text())["parameters"]}
    assert len(table) == len(list((signs / "images").iterdir())) == 30
    assert declared | {"path", "label", "split", "known_cause", "visible_share"} <= set(table[0])
    assert all((signs / row["path"]).is_file() for row in table)
    assert all(row["label"] == row["sign"] for row in table)


def test_where_chooses_scenes_by_parameter_and_by_measured_label(nursery, tmp_path):
    where = "weather = rain and plate_width_px > 28"
    done = nursery.call("cases", "make", "ts", "-n", "6", "--where", where, "--out", tmp_path / "set")
    assert done.status == 0, done.err
    table = rows(tmp_path / "set")
    assert len(table) == 6
    assert all(row["weather"] == "rain" and float(row["plate_width_px"]) > 28 for row in table)


def test_a_scenario_is_the_known_cause_and_its_values_are_told(nursery, signs, tmp_path):
    words = ("cases", "make", "ts", "-n", "6", "--scenario", "darkness+noise", "--out", tmp_path / "set")
    assert nursery.call(*words).status == 0
    changed = rows(tmp_path / "set")
    assert {row["known_cause"] for row in changed} == {"darkness+noise"}
    assert all(float(row["darkness_stops"]) > 0 for row in changed)
    # the same scenes, other pixels
    assert [row["sign"] for row in changed] == [row["sign"] for row in rows(signs)[:6]]
    assert (tmp_path / "set" / changed[0]["path"]).read_bytes() != (signs / changed[0]["path"]).read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ts", "--where", "wether = rain"), "did you mean 'weather'"),
        (("ts", "--where", "weather = hail"), "clear | rain | fog | snow"),
        (("ts", "--where", "distance_m > far"), "distance_m"),
        (("ts", "--where", "distance_m >"), "distance_m >"),
        (("ts", "--scenario", "mask"), "mask"),
        (("ts", "--scenario", "mosk"), "did you mean"),
        (("ts", "--split", "val"), "test"),
        (("fasion",), "did you mean 'fashion'"),
        (("fashion", "--where", "x > 1"), "photographs"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(nursery, tmp_path, words, says):
    done = nursery.call("cases", "make", *words, "-n", "5", "--out", tmp_path / "set", "--quiet")
    assert done.status == 2
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "set" / "manifest.csv").exists()


def test_another_set_in_the_folder_is_refused_and_nothing_is_touched(nursery, signs):
    before = tree(signs)
    done = nursery.call("cases", "make", "ts", "-n", "30", "--seed", "1", "--out", signs, "--quiet")
    assert done.status == 2
    assert "seed 0" in done.err
    assert tree(signs) == before


@pytest.mark.parametrize("point", ["after_temp_write:kill:9", "after_rename:kill:20", "after_rename:kill:32"])
def test_F1_a_set_killed_at_any_point_goes_on_to_the_same_bytes(nursery, signs, tmp_path, point):
    words = ("cases", "make", "ts", "-n", "30", "--out", tmp_path / "set")
    assert nursery.call(*words, failpoint=point).status == -9
    assert not (tmp_path / "set" / "manifest.csv").exists()
    assert nursery.call(*words).status == 0
    assert tree(tmp_path / "set") == tree(signs)


def test_H5_a_made_set_is_opened_like_any_other(failatlas, signs, tmp_path):
    """Its manifest is a table from outside: a path that leaves the folder is refused in it too."""
    text = (signs / "manifest.csv").read_text()
    for bad in ("../outside.png", "/etc/passwd", "file:///etc/passwd", "http://localhost/a.png"):
        (tmp_path / "manifest.csv").write_text(text.replace(rows(signs)[0]["path"], bad, 1))
        done = failatlas("analyze", "--case", "ts", "--images", tmp_path, "--out", tmp_path / "run", "--quiet")
        assert done.status == 4, done.err


def test_D10_a_set_without_failures_or_with_one_image_says_so(failatlas, nursery, tmp_path):
    words = ("cases", "make", "ts", "-n", "1", "--where", "distance_m < 9 and time = day", "--out", tmp_path / "set")
    assert nursery.call(*words).status == 0
    done = failatlas(
        "analyze", "--case", "ts", "--images", tmp_path / "set", "--out", tmp_path / "run", "--json", "--quiet"
    )
    assert done.status == 0, done.err
    assert done.json["clusters"] == []


@pytest.mark.full
def test_the_reference_network_is_made_again(failatlas, tmp_path):
    done = failatlas("cases", "train", "ts", "--out", tmp_path, "--json", "--quiet")
    assert done.status == 0, done.err
    from failatlas.cases import cases

    assert done.json["test"]["rate"] == pytest.approx(cases.create("ts").card()["test"]["rate"], abs=0.03)
