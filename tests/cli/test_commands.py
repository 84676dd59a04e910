"""What every command does."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image


def test_parts_lists_every_kind(failatlas):
    from failatlas.clustering import clusterers
    from failatlas.features import extractors
    from failatlas.reduction import reducers

    kinds = failatlas("parts", "--json").json
    names = {kind: [row["name"] for row in rows] for kind, rows in kinds.items()}
    assert set(names) == {
        "presets", "extractors", "reducers", "clusterers", "describers", "composites", "operators", "simulators",
        "scenarios",
    }  # fmt: skip
    assert {"driver", "road", "signs"} <= set(names["simulators"])
    assert {"mask", "noise"} <= set(names["scenarios"])
    assert names["extractors"] == [part.name for part in extractors]
    assert names["reducers"] == [part.name for part in reducers]
    assert names["clusterers"] == [part.name for part in clusterers]
    assert {"hudd", "safe", "best"} <= set(names["presets"])
    assert {"hudd", "epsilon", "alpha2-beta1", "gamma"} <= set(names["composites"])
    assert any("convolution" in name for name in names["operators"])
    assert names["describers"]
    shown = failatlas("parts").out
    assert all(name in shown for rows in names.values() for name in rows)


def test_every_part_that_parts_lists_makes_a_pipeline():
    from failatlas import api
    from failatlas.pipelines import parse

    parts = api.parts()
    for extractor in parts["extractors"]:
        for reducer in parts["reducers"]:
            for clusterer in parts["clusterers"]:
                text = f"{extractor.name}+{reducer.name}+{clusterer.name}"
                assert str(parse(text)) == text


def test_cases_lists_the_built_in_ones(failatlas):
    rows = failatlas("cases", "--json").json["cases"]
    known = {row["name"]: row for row in rows}
    assert "MIT" in known["fashion"]["licence"]
    assert known["fashion"]["weaknesses"] == []
    assert {"test", "improvement", "train"} == set(known["ts"]["splits"])
    assert "graffiti" in known["ts"]["weaknesses"]


def test_cases_make_writes_images_and_a_manifest(failatlas, fashion, tmp_path):
    with (fashion / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 150
    assert {"id", "path", "label", "split"} <= set(rows[0])
    for row in rows:
        with Image.open(fashion / row["path"]) as picture:
            assert picture.size == (28, 28)
    again = tmp_path / "again"
    failatlas("cases", "make", "fashion", "--split", "test", "-n", "150", "--out", again)
    assert (again / "manifest.csv").read_bytes() == (fashion / "manifest.csv").read_bytes()
    other = tmp_path / "other"
    failatlas("cases", "make", "fashion", "--split", "test", "-n", "150", "--seed", "3", "--out", other)
    assert (other / "manifest.csv").read_bytes() != (fashion / "manifest.csv").read_bytes()


def test_a_made_case_is_analysed_with_its_own_network(failatlas, fashion, tmp_path):
    done = failatlas("analyze", "--case", "fashion", "--images", fashion, "--pipeline", "activations+pca+dbscan",
                     "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["images"] == 150
    assert 5 <= done.json["errors"] <= 30  # about one in ten


def test_a_case_is_ranked_by_costs_of_ones_own(failatlas, fashion, tmp_path):
    from failatlas.cases.fashion import CLASSES

    cost = {"Shirt": {"T-shirt/top": 50}}
    (tmp_path / "cost.json").write_text(json.dumps(cost))
    words = ("analyze", "--case", "fashion", "--images", fashion, "--pipeline", "pixels+none+ward", "--references",
             "20", "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    plain, costly = failatlas(*words), failatlas(*words, "--cost", tmp_path / "cost.json")
    assert (plain.status, costly.status) == (0, 0), costly.err
    assert costly.json["clusters"][0]["risk"] > plain.json["clusters"][0]["risk"]
    assert set(cost) <= set(CLASSES)


@pytest.mark.parametrize("pipeline", ["safe", "pixel-heatmap+pca+kmeans", "heatmap+none+hdbscan"])
def test_other_pipelines_run_on_real_failures(failatlas, fashion, tmp_path, pipeline):
    done = failatlas("analyze", "--case", "fashion", "--images", fashion, "--pipeline", pipeline, "--references", "20",
                     "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["errors"] == sum(cluster["size"] for cluster in done.json["clusters"]) + done.json["noise"]


def test_best_runs_on_real_failures(failatlas, fashion, tmp_path):
    done = failatlas("analyze", "--case", "fashion", "--images", fashion, "--references", "20", "--repeats", "0",
                     "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["pipeline"] == "stages+none+consensus"


def test_report_writes_the_same_report_again_and_elsewhere(failatlas, run, tmp_path):
    first = (run / "report" / "index.html").read_bytes()
    shutil.rmtree(run / "report")
    again = failatlas("report", run, "--json")
    assert again.json == {"run": str(run), "report": str(run / "report" / "index.html")}
    assert (run / "report" / "index.html").read_bytes() == first
    assert failatlas("report", run, "--out", tmp_path / "elsewhere").status == 0
    assert (tmp_path / "elsewhere" / "index.html").read_bytes() == first


def test_report_opens_a_run_from_any_folder(nursery, world, tmp_path):
    words = ["analyze", "--images", "images", "--model", "net.py:build", "--weights", "net.safetensors",
             "--pipeline", "pixels+none+ward", "--repeats", "0", "--out", tmp_path / "run"]  # fmt: skip
    assert nursery.call(*words, cwd=world.root).status == 0
    for command in (("report", tmp_path / "run"), ("explain", tmp_path / "run", "--image", "images/image-000.png")):
        done = nursery.call(*command, cwd=tmp_path)
        assert done.status == 0, done.err


def test_report_refuses_images_that_changed(failatlas, world, tmp_path):
    copy = tmp_path / "images"
    shutil.copytree(world.images, copy)
    words = list(world.without_network)
    words[words.index("--images") + 1] = copy
    assert failatlas(*words, "--out", tmp_path / "run").status == 0
    manifest = copy / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("red", "green"))
    done = failatlas("report", tmp_path / "run", "--json")
    assert done.status == 3
    assert "not the one that was analysed" in done.json["error"]["what"]


def test_M4_a_network_that_changed_is_refused(failatlas, world, tmp_path):
    from safetensors.numpy import load_file, save_file

    shutil.copy(world.weights, tmp_path / "net.safetensors")
    words = list(world.with_network)
    words[words.index("--weights") + 1] = tmp_path / "net.safetensors"
    words[words.index("--pipeline") + 1] = "pixels+none+ward"
    assert failatlas(*words, "--out", tmp_path / "run").status == 0
    weights = load_file(tmp_path / "net.safetensors")
    weights["7.bias"] += 0.25
    save_file(weights, tmp_path / "net.safetensors")
    for command in (("report",), ("explain", "--image", "images/image-000.png"), ("assign", "--images", world.images)):
        done = failatlas(command[0], tmp_path / "run", *command[1:], "--json")
        assert done.status == 3
        assert done.json["error"]["code"] == "E_MODEL_CHANGED"


def test_explain_writes_a_picture_a_layer(failatlas, run):
    done = failatlas("explain", run, "--image", "images/image-003.png", "--json")
    assert list(done.json) == ["image", "expected", "predicted", "files"]
    assert (done.json["expected"], done.json["predicted"]) == ("blue", "red")
    assert len(done.json["files"]) >= 4
    for file in done.json["files"]:
        assert file.startswith(str(run / "explained"))
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert np.asarray(picture.convert("RGB")).std() > 0
    assert failatlas("explain", run, "--image", "images/image-003.png", "--out", run / "x").status == 0
    assert len(list((run / "x").iterdir())) == len(done.json["files"])


def test_explain_of_a_black_box_says_what_it_needs(failatlas, finished):
    done = failatlas("explain", finished["quick"], "--image", "images/image-003.png", "--json")
    assert done.status == 3
    assert "white box" in done.json["error"]["what"]


@pytest.mark.parametrize("pipeline", ["hudd", "pixels+pca+dbscan", "activations+none+kmeans"])
def test_assign_puts_the_images_of_a_cluster_back_into_it(failatlas, world, tmp_path, pipeline):
    words = list(world.with_network)
    words[words.index("--pipeline") + 1] = pipeline
    run = tmp_path / "run"
    assert failatlas(*words, "--out", run).status == 0
    with (run / "clusters.csv").open(newline="") as file:
        known = {row["image_id"]: int(row["cluster"]) for row in csv.DictReader(file)}
    done = failatlas("assign", run, "--images", world.images, "--json")
    assert done.status == 0, done.err
    assert set(done.json) == {"images", "assigned", "quarantined", "assignments", "file"}
    found = {row["image"]: row["cluster"] for row in done.json["assignments"]}
    assert {image: found[image] for image, cluster in known.items() if cluster >= 0} == {
        image: cluster for image, cluster in known.items() if cluster >= 0
    }
    with open(done.json["file"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image_id", "cluster", "distance"]
    assert {row["image_id"]: int(row["cluster"]) for row in rows} == found


def test_assign_quarantines_what_cannot_be_read(failatlas, run, world, tmp_path):
    copy = tmp_path / "images"
    shutil.copytree(world.images, copy)
    (copy / "images" / "image-004.png").write_bytes(b"")
    done = failatlas("assign", run, "--images", copy, "--json")
    assert done.status == 0
    assert (done.json["images"], len(done.json["quarantined"])) == (71, 1)
    assert done.json["quarantined"][0]["code"] == "E_IMG_TRUNCATED"


def test_assign_needs_features_that_it_can_extract(failatlas, finished, world):
    done = failatlas("assign", finished["quick"], "--images", world.images, "--json")
    assert done.status == 2
    assert "failatlas.cluster" in done.json["error"]["remedy"]


def test_doctor_finds_a_healthy_network_healthy(failatlas, fashion):
    done = failatlas("doctor", "--case", "fashion", "--images", fashion, "--json")
    assert done.status == 0, done.out
    assert not [finding for finding in done.json["findings"] if finding["level"] == "problem"]


def test_doctor_prints_the_option_that_mends_a_wrong_normalisation(failatlas, fashion, tmp_path):
    """The same network behind a layer that undoes mean 0.5 and std 0.5: fed with values in [0, 1] it fails."""
    from safetensors.torch import save_file

    from failatlas.cases import cases

    save_file(cases.create("fashion").model().module.state_dict(), tmp_path / "net.safetensors")
    (tmp_path / "net.py").write_text(
        "from collections import OrderedDict\n"
        "from torch import nn\n"
        "from failatlas.cases.fashion import network\n"
        "class Net(nn.Sequential):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x * 0.5 + 0.5)\n"
        "def build():\n"
        "    return Net(OrderedDict(network().named_children()))\n"
    )
    words = ["doctor", "--images", fashion, "--model", f"{tmp_path}/net.py:build", "--weights",
             tmp_path / "net.safetensors", "--preprocess", "grey", "--classes",
             "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"]  # fmt: skip
    sick = failatlas(*words)
    assert sick.status == 1, sick.err
    (said,) = [line for line in sick.out.splitlines() if line.startswith("✗")]
    assert said.endswith("Next: --preprocess symmetric,grey")
    assert failatlas(*words, "--preprocess", "symmetric,grey").status == 0


def test_doctor_says_what_keeps_a_network_from_running(failatlas, world):
    done = failatlas("doctor", "--images", world.images, "--model", world.module, "--preprocess", "grey", "--json")
    assert done.status == 1
    assert any(finding["level"] == "problem" and finding["remedy"] for finding in done.json["findings"])


def test_verify_json_names_every_damage(failatlas, run):
    blob = next(run.glob("blobs/*/*.npy"))
    blob.unlink()
    done = failatlas("verify", run, "--json")
    assert done.status == 1
    assert {damage["kind"] for damage in done.json["damages"]} == {"missing"}
    json.dumps(done.json)


@pytest.mark.full
def test_demo_explains_the_failures_of_the_built_in_case(failatlas, tmp_path):
    done = failatlas("demo", "--out", tmp_path / "demo", "--pipeline", "activations+pca+dbscan", "--json")
    assert done.status == 0, done.err
    assert done.json["images"] == 10_000
    assert 900 <= done.json["errors"] <= 1200
