"""``failatlas benchmark`` as a person types it: lists with settings in them, a settings file, what it prints."""

from __future__ import annotations

import click
import pytest

from failatlas.cli.commands.benchmark import _Percents, _Words, told
from failatlas.injection import Tally
from failatlas.studies import Entry, Study


def words(world, *more):
    return ("benchmark", "--images", world.images, "--predictions", world.predictions, "--inject", "none",
            "--rare", "none", "--repeats", "0", *more)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ("all",)),
        ("none", ()),
        ("noise, blur", ("noise", "blur")),
        ("noise,motion:length_px=12,angle_deg=90,blur", ("noise", "motion:length_px=12,angle_deg=90", "blur")),
        ("mask+noise:attenuate=8,none", ("mask+noise:attenuate=8", "none")),
    ],
)
def test_a_list_keeps_the_settings_of_its_names_together(text, names):
    assert _Words().convert(text, None, None) == names


def test_an_empty_list_and_percents_that_are_none_are_refused():
    with pytest.raises(click.UsageError):
        _Words().convert(" , ", None, None)
    with pytest.raises(click.UsageError):
        _Percents().convert("ten", None, None)
    assert _Percents().convert("none", None, None) == ()
    assert _Percents().convert("10,2.5", None, None) == (10.0, 2.5)


def test_a_person_reads_the_ranking_what_could_not_run_and_where_it_lies(failatlas, world, tmp_path):
    done = failatlas(*words(world, "--pipelines", "pixels+none+ward,hudd", "--out", tmp_path / "run", "--quiet"))
    assert done.status == 0, done.err
    assert done.err == ""
    assert "24 failures: 24 of the network's own, the rest injected; 0 known causes to be found." in done.out
    assert "pixels+none+ward" in done.out
    assert "heatmap+none+hudd could not run: " in done.out
    assert f"Table: {tmp_path / 'run' / 'pipelines.csv'}" in done.out
    assert f"Report: {tmp_path / 'run' / 'report' / 'index.html'}" in done.out


def test_a_settings_file_says_the_same_as_flags(failatlas, world, tmp_path):
    (tmp_path / "study.toml").write_text(
        f'images = "{world.images}"\npredictions = "{world.predictions}"\n'
        'inject = []\npipelines = ["pixels+none+ward"]\nrare = [5]\nrepeats = 0\npipeline = "auto"\n'
    )
    done = failatlas("benchmark", "--config", tmp_path / "study.toml", "--rare", "none", "--out", tmp_path / "run",
                     "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert [row["name"] for row in done.json["pipelines"]] == ["pixels+none+ward"]
    assert done.json["pipelines"][0]["rare"] == {}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--pipelines", "pixels+none+wrad"), "ward"),
        (("--pipelines", "pixels", "--inject", "nosie"), "pixels"),
        (("--inject", "noise"), "--inject none"),
        (("--rare", "80"), "rare"),
    ],
)
def test_a_wrong_word_is_one_line_and_status_2(failatlas, world, tmp_path, more, said):
    done = failatlas(*words(world, *more), "--out", tmp_path / "run", "--json")
    assert done.status == 2
    assert said in done.json["error"]["what"] + done.json["error"]["remedy"]


def test_a_study_in_which_nothing_could_run_ends_with_status_1(failatlas, world, tmp_path):
    done = failatlas(*words(world, "--pipelines", "own+none+ward"), "--out", tmp_path / "run", "--json")
    assert done.status == 1, done.err
    assert "--backbone" in done.json["pipelines"][0]["error"]


def test_what_cannot_be_injected_is_refused_before_the_first_image(failatlas, world, tmp_path):
    done = failatlas(*words(world, "--inject", "noise"), "--out", tmp_path / "run")
    assert done.status == 2
    assert "surveying" not in done.err


def test_a_study_in_which_nothing_ran_is_told_too(capsys):
    entry = Entry("a+b+c", "a", "b", "c", False, None, error="no network")
    told(Study("x", (entry,), (Tally("blur", 9, 0, "0 of 9 tried fail"),), 0, 0, (), {}, 0, 0.0, notes=("nothing",)))
    out = capsys.readouterr().out
    assert "blur: 0 of 9 tried fail" in out
    assert "a+b+c could not run: no network." in out
    assert "Note: nothing." in out
