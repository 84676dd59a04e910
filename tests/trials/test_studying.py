"""Studies of a small world: every step once, resumed after a kill, the same scores wherever and by however many."""

from __future__ import annotations

import csv
import json
import random
import signal
import time

import numpy as np
import pytest

from failatlas import api
from failatlas.errors import UsageError
from failatlas.store import RunStore

PIPELINES = "pixels+pca+dbscan,pixels+none+ward,hudd,pixel-heatmap+none+ward"
MEASURED = {"seconds", "extract_s", "reduce_s", "cluster_s", "peak_mb", "front", "shared_seconds",
            "from_scratch_seconds", "saving", "memory", "run", "report", "factors"}  # fmt: skip
ONE = {"FAILATLAS_PROCESSES": "1"}


def words(world, *, pipelines=PIPELINES, inject="infrared,infrared+darkness", rare="10"):
    return ("benchmark", "--images", world.images, "--model", world.module, "--weights", world.weights,
            "--inject", inject, "--per-scenario", "12", "--pipelines", pipelines, "--rare", rare,
            "--repeats", "3", "--json")  # fmt: skip


def lasting(value):
    """A study's JSON without what no two runs share."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in MEASURED}
    return [lasting(item) for item in value] if isinstance(value, list) else value


def state(run, tree):
    """Everything that a finished study leaves, but for what was measured on the way."""
    with RunStore.open(run, create=False, read_only=True) as store:
        content = store.content_hash()
    assert not [file for file in run.rglob("*") if ".tmp" in file.name], "temporary files are left"
    with (run / "pipelines.csv").open(newline="") as file:
        table = [{k: v for k, v in row.items() if k not in MEASURED} for row in csv.DictReader(file)]
    return content, table, lasting(json.loads((run / "study.json").read_text())), tree(run / "injected")


@pytest.fixture(scope="module")
def finished(nursery, world, tmp_path_factory):
    """An unbroken study: its folder and its document."""
    run = tmp_path_factory.mktemp("study") / "run"
    done = nursery.call(*words(world), "--out", run, env=ONE)
    assert done.status == 0, done.err
    return run, done


@pytest.fixture(scope="module")
def unbroken(finished, tree):
    return state(finished[0], tree)


def test_every_pipeline_is_scored_and_every_cause_counted(finished):
    document = finished[1].json
    assert [row["name"] for row in document["pipelines"]] == [
        "pixels+pca+dbscan", "pixels+none+ward", "heatmap+none+hudd", "pixel-heatmap+none+ward"
    ]  # fmt: skip
    assert all(row["error"] == "" for row in document["pipelines"])
    assert document["causes"] == ["infrared", "darkness+infrared"]
    assert (document["natural"], document["failures"]) == (24, 48)
    assert document["sizes"] == {"natural": 24, "darkness+infrared": 12, "infrared": 12}
    assert [(t["scenario"], t["kept"]) for t in document["injected"]] == [("infrared", 12), ("darkness+infrared", 12)]
    for row in document["pipelines"]:
        assert 0 < row["purity"] <= 1
        assert row["seconds"] == pytest.approx(row["extract_s"] + row["reduce_s"] + row["cluster_s"])
        assert row["peak_mb"] > 10
        assert set(row["rare"]) == {"10"}
    # pictures without colours are like no other, dark ones least of all: pixels tell them apart
    assert document["pipelines"][1]["coverage"] == 1


def test_stability_is_measured_of_presets_and_leaders_alone(finished):
    rows = {row["name"]: row for row in finished[1].json["pipelines"]}
    assert rows["heatmap+none+hudd"]["stability"] is not None
    leaders = [row for row in rows.values() if row["stability"] is not None]
    assert all(0 <= row["stability"] <= 1 for row in leaders)
    best = max(rows.values(), key=lambda row: (row["purity"] + row["coverage"], -row["redundancy"]))
    assert best["stability"] is not None


def test_the_table_and_the_report_are_there(finished):
    run, done = finished
    assert (run / "pipelines.csv").read_text().count("\n") == 5
    assert done.json["report"] == str(run / "report" / "index.html")
    assert "pixel-heatmap+none+ward" in (run / "report" / "index.html").read_text()


def test_every_image_is_extracted_once_an_extractor(finished):
    with RunStore.open(finished[0], create=False, read_only=True) as store:
        stages = [entry.stage for entry in store.entries()]
    assert sorted(stage for stage in stages if stage.startswith("features")) == [
        "features heatmap",
        "features pixel-heatmap",
        "features pixels",
    ]
    # pca for the balanced and two rare mixtures; four pipelines each
    n_mixtures = stages.count("study reduce")
    assert n_mixtures > 1
    assert stages.count("study cluster") == 4 * n_mixtures


def test_again_nothing_is_done_and_the_costs_are_those_measured(nursery, world, finished, tree, unbroken):
    run, done = finished
    again = nursery.call(*words(world), "--out", run, env=ONE)
    assert again.status == 0, again.err
    assert "reducing" not in again.err
    assert "clustering" not in again.err
    assert "extracting" not in again.err
    assert again.json == done.json
    assert state(run, tree) == unbroken


def test_more_pipelines_cost_only_what_is_new(nursery, world, finished, tmp_path):
    import shutil

    run = shutil.copytree(finished[0], tmp_path / "run")
    done = nursery.call(*words(world, pipelines=f"{PIPELINES},pixels+pca+ward"), "--out", run, env=ONE)
    assert done.status == 0, done.err
    assert "reducing" not in done.err
    assert "extracting" not in done.err
    assert "pipelines: clustering (1)" in done.err


# each somewhere else in the study: injecting, extracting, reducing, clustering, the rare mixtures, the table
@pytest.mark.parametrize(
    "point",
    [
        "before_result_commit:kill:14",
        pytest.param("after_shard_fsync:kill:4", marks=pytest.mark.full),
        pytest.param("during_temp_write:kill:9", marks=pytest.mark.full),
        pytest.param("after_result_commit:kill:9", marks=pytest.mark.full),
        pytest.param("after_fact_commit:kill:20", marks=pytest.mark.full),
        pytest.param("after_rename:kill:20", marks=pytest.mark.full),
        pytest.param("before_result_commit:kill:20", marks=pytest.mark.full),
        pytest.param("after_temp_fsync:kill:40", marks=pytest.mark.full),
    ],
)
def test_F1_killed_at_a_fail_point_the_same_command_finishes_the_study(nursery, world, unbroken, tree, tmp_path, point):
    run = tmp_path / "run"
    killed = nursery.call(*words(world), "--out", run, env=ONE, failpoint=point)
    assert killed.status == -signal.SIGKILL
    resumed = nursery.call(*words(world), "--out", run, env=ONE)
    assert resumed.status == 0, resumed.err
    assert state(run, tree) == unbroken


@pytest.mark.full
@pytest.mark.parametrize("moment", range(6))
def test_F1_killed_at_a_random_time_the_study_finishes(nursery, world, unbroken, tree, tmp_path, moment):
    run = tmp_path / "run"
    running = nursery.start(*words(world), "--out", run, env=ONE)
    time.sleep(random.Random(moment).uniform(0.2, 6))
    running.kill()
    running.wait()
    assert nursery.call(*words(world), "--out", run, env=ONE).status == 0
    assert state(run, tree) == unbroken


def test_R4_workers_locale_zone_and_umask_change_no_score(nursery, world, unbroken, tree, tmp_path):
    env = {"FAILATLAS_PROCESSES": "2", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}
    done = nursery.call(*words(world), "--out", tmp_path / "run", env=env, umask=0o077)
    assert done.status == 0, done.err
    assert state(tmp_path / "run", tree) == unbroken


def test_F10_interrupted_it_stops_and_goes_on(nursery, world, unbroken, tree, tmp_path):
    run = tmp_path / "run"
    running = nursery.start(*words(world), "--out", run, env=ONE)
    running.until("clustering")
    running.kill(signal.SIGINT)
    done = running.wait()
    assert done.status == 130
    assert "run the same command again" in done.out + done.err
    assert nursery.call(*words(world), "--out", run, env=ONE).status == 0
    assert state(run, tree) == unbroken


class TestDegenerate:
    @pytest.fixture
    def studied(self, world, tmp_path, monkeypatch):
        """Study some images of the world in this process: ``studied(positions, pipelines=…)``."""
        from failatlas.images import ImageSet

        monkeypatch.setenv("FAILATLAS_PROCESSES", "1")

        def run(positions, labels=None, **more):
            labels = labels or [world.labels[i] for i in positions]
            images = ImageSet.from_arrays(world.pixels[positions], labels, split="test")
            said = {"inject": (), "pipelines": ("pixels+pca+dbscan", "hudd"), "rare": (10.0,), "repeats": 2, **more}
            made = api.benchmark(world.module, images, out=tmp_path / "run", weights=world.weights,
                                 classes=("blue", "green", "red"), **said)  # fmt: skip
            made.report()
            text = json.dumps(made.to_json(), allow_nan=False)
            page = (tmp_path / "run" / "report" / "index.html").read_text()
            assert ">nan" not in page.lower()
            return made.study, text

        return run

    def test_D10_no_failure_at_all_is_a_result(self, studied):
        study, _ = studied(list(range(30, 40)))
        assert [entry.error for entry in study.entries] == ["there is no failure to group"] * 2
        assert "nothing to compare" in " ".join(study.notes)
        assert (study.n_failures, study.front) == (0, ())

    def test_D10_a_scenario_without_failures_says_so(self, studied):
        study, _ = studied(list(range(24, 72)), inject=("blur",), per_scenario=5)
        assert (study.tallies[0].scenario, study.tallies[0].kept) == ("blur", 0)
        assert study.n_failures == 0

    @pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.full)])
    def test_D10_hardly_any_failure(self, studied, count):
        study, _ = studied(list(range(count)))
        assert study.n_failures == count
        assert study.causes == ()
        assert "coverage is not measured" in " ".join(study.notes)
        assert all(entry.score is not None or entry.error for entry in study.entries)

    @pytest.mark.full
    def test_D10_a_single_class(self, studied, world):
        reds = [i for i in range(72) if world.labels[i] == "red"]
        study, _ = studied(reds)
        assert all(entry.score is not None for entry in study.entries)

    def test_all_failures_of_one_cause(self, studied):
        study, _ = studied(list(range(24, 72)), inject=("infrared",), per_scenario=12)
        assert (study.causes, study.n_natural) == (("infrared",), 0)
        assert study.entries[0].score.agreement.purity == 1


def test_an_extractor_that_cannot_run_costs_its_own_pipelines_alone(world, tmp_path, monkeypatch):
    monkeypatch.setenv("FAILATLAS_PROCESSES", "1")

    def answer(pixels):
        """A black box: whatever is brightest."""
        means = np.stack([picture.reshape(-1, 3).mean(axis=0) for picture in pixels])
        return means[:, ::-1].astype(np.float32)

    names = ("pixels+none+ward", "hudd", "pixel-heatmap+pca+kmeans", "backbone-tuned+none+ward")
    made = api.benchmark(answer, world.images, out=tmp_path / "run", inject=(), rare=(), repeats=0, pipelines=names)
    first, hudd, pixel, tuned = made.study.entries
    assert first.error == ""
    assert first.score is not None
    assert all("white box" in entry.error or "black box" in entry.error for entry in (hudd, pixel))
    assert "--train" in tuned.error
    assert all(entry.score is None for entry in (hudd, pixel, tuned))
    assert [row["error"] != "" for row in made.study.table()] == [False, True, True, True]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"pipelines": ("pixels+none+kmaens",)}, "kmeans"),
        ({"inject": ("nois",)}, "noise"),
        ({"rare": (60.0,)}, "rare"),
        ({"per_scenario": 0}, "per_scenario"),
        ({"repeats": -1}, "repeats"),
        ({"pipelnes": ("all",)}, "pipelnes"),
    ],
)
def test_a_wrong_setting_is_said_before_anything_is_done(world, tmp_path, said, message):
    with pytest.raises(UsageError, match=message):
        api.benchmark(world.module, world.images, out=tmp_path / "run", weights=world.weights, **said)
    assert not (tmp_path / "run" / "injected").exists()


def test_features_of_the_user_are_refused(world, tmp_path):
    with pytest.raises(UsageError, match="extracts features itself"):
        api.benchmark(None, world.images, out=tmp_path / "run", predictions=world.predictions, features=world.features)


def test_without_a_network_nothing_can_be_injected(world, tmp_path):
    with pytest.raises(UsageError, match="--inject none"):
        api.benchmark(None, world.images, out=tmp_path / "run", predictions=world.predictions)


def test_the_folder_of_an_analysis_is_left_alone(failatlas, world, tmp_path):
    assert failatlas(*world.without_network, "--out", tmp_path / "run").status == 0
    before = (tmp_path / "run" / "report" / "index.html").read_bytes()
    done = failatlas(*words(world), "--out", tmp_path / "run")
    assert done.status == 2
    assert "holds an analysis" in done.json["error"]["what"]
    assert (tmp_path / "run" / "report" / "index.html").read_bytes() == before
