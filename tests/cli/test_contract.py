"""The contract of the command line: one document on stdout, progress on stderr, one line and one status a failure."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys

import pytest

KEYS = [
    "run",
    "images",
    "errors",
    "quarantined",
    "pipeline",
    "choice",
    "clusters",
    "noise",
    "variance",
    "known_causes",
    "report",
]
CLUSTER = ["id", "size", "share", "risk", "medoid", "stability", "rules"]


def one_line(text):
    """The only line of a failure."""
    assert text.count("\n") == 1, text
    assert re.match(r"E_[A-Z_0-9]+: ", text), text
    return text


def test_analyze_json_has_exactly_the_documented_keys(failatlas, world, tmp_path):
    done = failatlas(*world.with_network, "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.err
    assert list(done.json) == KEYS
    assert all(list(cluster) == CLUSTER for cluster in done.json["clusters"])
    assert done.json["pipeline"] == "heatmap+none+hudd"
    assert (done.json["images"], done.json["errors"], done.json["quarantined"]) == (72, 24, 0)
    sizes = [cluster["size"] for cluster in done.json["clusters"]]
    assert sum(sizes) + done.json["noise"] == 24
    assert all(math.isclose(c["share"], c["size"] / 24) for c in done.json["clusters"])
    risks = [cluster["risk"] for cluster in done.json["clusters"]]
    assert risks == sorted(risks, reverse=True)
    assert all(set(rule) == {"rule", "precision", "recall"} for c in done.json["clusters"] for rule in c["rules"])
    assert os.path.isfile(done.json["report"])
    assert "surveying images (72)" in done.err


def test_analyze_tells_a_person_the_same_and_nothing_on_stderr_when_quiet(failatlas, world, tmp_path):
    done = failatlas(*world.without_network, "--out", tmp_path / "run", "--quiet")
    assert done.status == 0
    assert done.err == ""
    assert "24 of 72 images are error-inducing (supplied+none+dbscan)." in done.out
    assert f"Report: {tmp_path / 'run' / 'report' / 'index.html'}" in done.out


def test_clusters_csv_has_the_documented_columns_and_agrees_with_json(failatlas, world, tmp_path):
    done = failatlas(*world.without_network, "--out", tmp_path / "run", "--json")
    with (tmp_path / "run" / "clusters.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image_id", "path", "label", "prediction", "cluster"]
    assert {row["image_id"] for row in rows} == set(world.kinds)
    of_cluster = {c["id"]: [row for row in rows if int(row["cluster"]) == c["id"]] for c in done.json["clusters"]}
    assert all(len(of_cluster[c["id"]]) == c["size"] for c in done.json["clusters"])
    assert sum(int(row["cluster"]) == -1 for row in rows) == done.json["noise"]
    # the planted causes: no cluster mixes them
    for members in of_cluster.values():
        assert len({world.kinds[row["image_id"]] for row in members}) == 1
    assert all(row["label"] != row["prediction"] and row["path"] == row["image_id"] for row in rows)


# every command as a person would call it; {run} is a copy of a finished run, {new} a folder to write
COMMANDS = {
    "demo": None,  # analyses 10,000 photographs: `make demo` runs it
    "analyze": "analyze --images {images} --predictions {predictions} --features {features} --out {new}",
    "report": "report {run}",
    "explain": "explain {run} --image images/image-003.png",
    "assign": "assign {run} --images {images}",
    "benchmark": "benchmark --images {images} --predictions {predictions} --inject none --pipelines pixels+none+ward "
    "--rare none --repeats 0 --out {new}",
    "doctor": "doctor --images {images} --model {model} --weights {weights}",
    "verify": "verify {run}",
    "cases": "cases",
    "cases make": "cases make fashion -n 3 --out {new}",
    "parts": "parts",
}


@pytest.fixture
def words(world, run, tmp_path):
    places = {"run": run, "new": tmp_path / "new", "images": world.images, "predictions": world.predictions,
              "features": world.features, "model": world.module, "weights": world.weights}  # fmt: skip

    def fill(name):
        return [word.format(**places) for word in COMMANDS[name].split()]

    return fill


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name]])
def test_every_command_prints_one_document_with_json_and_text_without(failatlas, words, name):
    text = failatlas(*words(name))
    assert text.status == 0, text.err
    assert text.out
    with pytest.raises(json.JSONDecodeError):
        json.loads(text.out)
    document = failatlas(*words(name), "--json")
    assert document.status == 0, document.err
    assert isinstance(document.json, dict)


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name]])
def test_every_command_is_silent_on_stderr_when_quiet(failatlas, words, name):
    done = failatlas(*words(name), "--quiet", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json


def test_every_command_has_the_common_options_and_help():
    from failatlas.cli.main import group

    named = dict(group.commands)
    named["cases make"] = group.commands["cases"].commands["make"]
    assert set(named) == set(COMMANDS)
    for name, command in named.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--quiet", "--debug"} <= options, name
        assert command.help, name
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert getattr(parameter, "help", None) or parameter.show_default or parameter.type.name == "choice", (
                    name,
                    parameter.name,
                )


def test_no_option_of_the_settings_is_missing_on_the_command_line():
    from dataclasses import fields

    from failatlas.cli.main import group
    from failatlas.runs.settings import Settings

    flags = {parameter.name for parameter in group.commands["analyze"].params}
    assert {field.name for field in fields(Settings)} <= flags


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from failatlas.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'umap', 'numba', 'onnx', 'onnxruntime', 'PIL', 'rich', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Exit status: 0 done, 1 findings" in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("analyse", 2, "analyze"),
        ("analyze --out {new} --nonsense", 2, "--nonsense"),
        ("analyze --images {images}", 2, "--out"),
        ("analyze --images {images} --out {new}", 2, "--predictions"),
        ("analyze --out {new} --model {model}", 2, "--images"),
        ("analyze --images {images} --predictions {predictions} --model {model} --out {new}", 2, "not both"),
        ("analyze --images {images} --predictions {predictions} --out {new} --pipeline hud", 2, "did you mean 'hudd'"),
        ("analyze --images {images} --predictions {predictions} --out {new} --pipeline pixel+none+ward", 2, "'pixels'"),
        ("analyze --images {images} --predictions {predictions} --out {new} --pipeline pixels+ward+pca", 2, "ward"),
        (
            "analyze --images {images} --predictions {predictions} --out {new} --pipeline pixels+none+kmean",
            2,
            "'kmeans'",
        ),
        ("analyze --images {images} --predictions {predictions} --out {new} --composite epsilno", 2, "'epsilon'"),
        ("analyze --images {images} --predictions {predictions} --out {new} --max-bad 3", 2, "max_bad"),
        ("analyze --images {images} --predictions {predictions} --out {new} --repeats -1", 2, "repeats"),
        ("analyze --case fashon --out {new}", 2, "did you mean 'fashion'"),
        ("analyze --case fashion --split tset --out {new}", 2, "test"),
        ("analyze --case fashion --classes a,b --out {new}", 2, "its own task and classes"),
        ("analyze --case fashion --preprocess imagenet --out {new}", 2, "its own preprocessing"),
        (
            "analyze --images {images} --model {model} --weights {weights} --pipeline hudd --layer 77 --out {new}",
            2,
            "77",
        ),
        ("analyze --images {images} --model {model}x --out {new}", 3, "did you mean 'build'"),
        ("analyze --images {images} --model gone.onnx --out {new}", 3, "gone.onnx"),
        ("analyze --images {gone} --predictions {predictions} --out {new}", 3, "--images"),
        ("analyze --images {images} --split train --predictions {predictions} --out {new}", 3, "there are: test"),
        ("analyze --images {images} --predictions {gone} --out {new}", 3, "--predictions"),
        ("analyze --images {images} --predictions {predictions} --features {gone}.npy --out {new}", 3, "--features"),
        ("analyze --images {images} --predictions {predictions} --pipeline hudd --out {new}", 3, "--pipeline best"),
        ("analyze --images {images} --model {model} --task regression --out {new}", 2, "--threshold"),
        ("analyze --images {images} --model {model} --task detection --out {new}", 2, "regression"),
        ("report {gone}", 3, "no run folder"),
        ("verify {gone}", 3, "no run folder"),
        ("assign {gone} --images {images}", 3, "no run folder"),
        ("explain {run} --image nobody.png", 2, "clusters.csv"),
        ("explain {run}", 2, "--image"),
        ("doctor --images {images} --predictions {predictions}", 2, "--model"),
        ("cases make fashon --out {new}", 2, "did you mean 'fashion'"),
        ("cases make fashion --split tset --out {new}", 2, "test"),
        ("cases make fashion -n 0 --out {new}", 2, "-n"),
    ],
)
def test_a_mistake_is_one_line_with_its_status_and_the_next_step(failatlas, world, run, tmp_path, words, status, says):
    places = {"run": run, "new": tmp_path / "new", "gone": tmp_path / "gone", "images": world.images,
              "predictions": world.predictions, "model": world.module, "weights": world.weights}  # fmt: skip
    arguments = [word.format(**places) for word in words.split()]
    done = failatlas(*arguments, "--json")
    assert done.status == status, done.err
    error = done.json["error"]
    assert list(error) == ["code", "what", "where", "remedy"]
    assert says in done.err.splitlines()[-1]
    assert error["remedy"]
    plain = failatlas(*arguments)
    assert plain.status == status
    assert plain.out == ""
    assert "Traceback" not in plain.err


def test_debug_adds_the_traceback_and_nothing_else_changes(failatlas, world, tmp_path):
    done = failatlas("report", tmp_path / "gone", "--debug", "--json")
    assert done.status == 3
    assert "Traceback (most recent call last)" in done.err
    assert done.json["error"]["code"] == "E_STORE_MISSING"


def test_progress_of_a_log_reads_well(nursery, wide_words, tmp_path):
    done = nursery.call(*wide_words, "--out", tmp_path / "run")
    assert done.status == 0
    lines = done.err.splitlines()
    assert lines[0] == "hashing images (576) …"
    assert all(re.fullmatch(r"[a-z ]+( \(\d+\))? …|[a-z ]+: \d+/\d+, about \d+ s left", line) for line in lines), lines
    assert "\r" not in done.err
    assert "\x1b" not in done.err


@pytest.fixture
def wide_words(world, tmp_path):
    words = list(world.without_network)
    words[words.index("--images") + 1] = str(world.wide(tmp_path / "wide"))
    at = words.index("--features")
    del words[at : at + 2]
    return words


def test_a_reader_that_has_seen_enough_is_no_failure(finished):
    command = (
        f"{sys.executable} -c 'from failatlas.cli import main; main()' parts | head -c 20; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("0\n"), done
    assert done.stderr == ""


def test_a_terminal_of_few_signs_escapes_what_it_lacks(command, finished):
    done = command("parts", env={"PYTHONIOENCODING": "ascii"})
    assert done.status == 0, done.err
    assert done.out.isascii()
    done = command("report", finished["quick"], env={"PYTHONIOENCODING": "ascii"})
    assert (done.status, done.err.isascii()) == (0, True)
