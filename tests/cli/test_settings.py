"""--config: a TOML file with any of the settings; flags override it; a slip offers the nearest name."""

from __future__ import annotations

import json

import pytest

import failatlas as failatlas_api


@pytest.fixture
def config(world, tmp_path):
    def write(text=""):
        file = tmp_path / "settings.toml"
        file.write_text(
            f"images = {json.dumps(str(world.images))}\npredictions = {json.dumps(str(world.predictions))}\n"
            f'features = {json.dumps(str(world.features))}\npipeline = "pixels+none+ward"\nrepeats = 0\n{text}'
        )
        return file

    return write


def test_settings_come_from_the_file_and_flags_override_them(failatlas, config, tmp_path):
    done = failatlas("analyze", "--config", config("seed = 3\n"), "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.err
    assert done.json["pipeline"] == "supplied+none+ward"
    done = failatlas("analyze", "--config", config("seed = 3\n"), "--pipeline", "pixels+none+dbscan", "--out",
                     tmp_path / "run", "--json")  # fmt: skip
    assert done.json["pipeline"] == "supplied+none+dbscan"
    settings = failatlas_api.open_run(tmp_path / "run").settings
    assert (settings.seed, settings.pipeline) == (3, "pixels+none+dbscan")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("piepline = 'best'\n", "did you mean 'pipeline'"),
        ("out = 'x'\n", "unknown setting 'out'"),
        ("seed = true\n", "'seed' has the wrong type"),
        ("seed = 'x'\n", "'seed' has the wrong type"),
        ("bands = ['a']\n", "'bands' holds 'a'"),
        ("bands = [nan]\n", "'bands'"),
        ("classes = [1]\n", "'classes' holds 1"),
        ("layer_score = 'scald'\n", "did you mean 'scaled'"),
        ("fallback = 'nothing'\n", "gradient"),
        ("task = 'regresion'\n", "did you mean 'regression'"),
        ("max_bad = nan\n", "max_bad"),
        ("batch_size = 0\n", "batch_size"),
        ("preprocess = 'imagnet'\n", "imagnet"),
        ("seed = \n", "not valid TOML"),
        ("[table]\nseed = 1\n", "unknown setting 'table'"),
    ],
)
def test_a_wrong_setting_is_named_before_any_work(failatlas, config, world, tmp_path, text, says):
    words = ["--model", world.module] if "preprocess" in text else []
    file = config(text)
    if words:
        file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("predictions")))
    done = failatlas("analyze", "--config", file, *words, "--out", tmp_path / "run", "--json")
    assert done.status == 2, done.err
    assert says in done.err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_missing_settings_file_is_named(failatlas, tmp_path):
    done = failatlas("doctor", "--config", tmp_path / "gone.toml", "--json")
    assert (done.status, done.json["error"]["where"]) == (2, str(tmp_path / "gone.toml"))
