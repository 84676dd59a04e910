"""Every way in: predictions alone, ONNX, .pt2, a module with weights; every task; a cost matrix; hostile files."""

from __future__ import annotations

import csv
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from failatlas.images.delimited import unescape_formula


def rows_of(run):
    with (run / "clusters.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def table(file, header, rows):
    with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        writer.writerows(rows)
    return file


@pytest.fixture
def analysed(failatlas, tmp_path):
    def analyse(*words, status=0, pipeline="pixels+none+ward"):
        done = failatlas(
            "analyze", *words, "--pipeline", pipeline, "--repeats", "0", "--out", tmp_path / "run", "--json"
        )
        assert done.status == status, done.err
        return done

    return analyse


def test_predictions_alone_are_enough(analysed, world, tmp_path):
    done = analysed("--images", world.images, "--predictions", world.predictions)
    assert (done.json["errors"], done.json["pipeline"]) == (24, "pixels+none+ward")
    assert all(row["label"] != row["prediction"] for row in rows_of(tmp_path / "run"))


def test_labels_may_stand_in_the_predictions_file_and_a_changed_one_is_seen(analysed, world, tmp_path):
    folder = tmp_path / "flat"
    shutil.copytree(world.images / "images", folder)
    with world.predictions.open(newline="") as opened:
        answers = list(csv.DictReader(opened))
    labels = {f"images/{file.name}": label for file, label in zip(sorted(folder.iterdir()), world.labels, strict=True)}
    rows = [[row["id"].removeprefix("images/"), row["prediction"], labels[row["id"]]] for row in answers]
    file = table(tmp_path / "answers.csv", ["id", "prediction", "label"], rows)
    first = analysed("--images", folder, "--predictions", file)
    assert first.json["errors"] == 24
    # an error-inducing image that is still one, but another confusion: the features stay, the explanation must not
    wrong = next(row for row in rows if row[1] != row[2])
    wrong[2] = next(name for name in ("red", "green", "blue") if name not in wrong[1:])
    table(file, ["id", "prediction", "label"], rows)
    analysed("--images", folder, "--predictions", file)
    assert next(row for row in rows_of(tmp_path / "run") if row["image_id"] == wrong[0])["label"] == wrong[2]
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    assert f"{wrong[2]} → {wrong[1]}" in page or f"{wrong[2]} taken for {wrong[1]}" in page


@pytest.mark.parametrize("kind", ["pt2", "onnx", "module"])
def test_the_same_network_in_every_format_fails_on_the_same_images(analysed, world, tmp_path, kind):
    model = _saved(world, tmp_path, kind)
    done = analysed("--images", world.images, *model)
    assert done.json["errors"] == 24
    assert {row["image_id"] for row in rows_of(tmp_path / "run")} == set(world.kinds)


def test_a_pt2_is_a_white_box(analysed, world, tmp_path):
    done = analysed("--images", world.images, *_saved(world, tmp_path, "pt2"), pipeline="hudd")
    assert done.json["pipeline"] == "heatmap+none+hudd"


def test_an_onnx_file_is_a_black_box_and_hudd_says_what_to_do(analysed, world, tmp_path):
    done = analysed("--images", world.images, *_saved(world, tmp_path, "onnx"), pipeline="hudd", status=3)
    assert "--pipeline best" in done.json["error"]["remedy"]


def _saved(world, folder, kind):
    import torch
    from safetensors.torch import load_file

    if kind == "module":
        return ["--model", world.module, "--weights", world.weights]
    scope = {}
    exec(world.network.read_text(), scope)
    module = scope["build"]().eval()
    module.load_state_dict(load_file(world.weights))
    if kind == "pt2":
        shapes = ({0: torch.export.Dim("n", min=1)},)
        torch.export.save(
            torch.export.export(module, (torch.zeros(2, 3, 16, 16),), dynamic_shapes=shapes), folder / "net.pt2"
        )
        return ["--model", folder / "net.pt2"]
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    state = [numpy_helper.from_array(value.numpy(), name) for name, value in module.state_dict().items()]
    nodes = [
        helper.make_node("Conv", ["x", "0.weight", "0.bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "3.weight", "3.bias"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("Gemm", ["g", "7.weight", "7.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])], state,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "net.onnx")
    return ["--model", folder / "net.onnx"]


REGRESSOR = """
from torch import nn

class Brightness(nn.Module):
    '''Predicts {count} numbers from mean colours.'''

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 1), nn.Linear(3, {count})
        nn.init.eye_(self.one.weight.data[:, :, 0, 0])
        nn.init.zeros_(self.one.bias)
        nn.init.constant_(self.two.weight, 10 / 3)
        nn.init.zeros_(self.two.bias)

    def forward(self, x):
        return self.two(self.one(x).mean((2, 3)))
"""


@pytest.mark.parametrize(("task", "count"), [("regression", 1), ("regression", 2), ("landmarks", 4)])
def test_numbers_are_analysed_end_to_end(failatlas, world, tmp_path, task, count):
    """The target is what the network says, but for the marked images, where it is 3 or 6 more."""
    (tmp_path / "net.py").write_text(REGRESSOR.format(count=count))
    shutil.copytree(world.images / "images", tmp_path / "set" / "images")
    truth = world.pixels.mean((1, 2, 3)) / 255 * 10
    far = {"upper": 3.0, "lower": 6.0}
    rows = []
    for number, value in enumerate(truth):
        name = f"images/image-{number:03d}.png"
        rows.append([name, *[value + far.get(world.kinds.get(name, ""), 0.0)] * count])
    header = ["path", "target"] if count == 1 else ["path", *(f"target_{i}" for i in range(count))]
    table(tmp_path / "set" / "manifest.csv", header, rows)
    words = ("analyze", "--images", tmp_path / "set", "--model", f"{tmp_path}/net.py:Brightness", "--task", task,
             "--threshold", "2", "--bands", "5", "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    done = failatlas(*words, "--pipeline", "hudd")
    assert done.status == 0, done.err
    assert done.json["errors"] == 24
    assert {row["image_id"] for row in rows_of(tmp_path / "run")} == set(world.kinds)
    assert (tmp_path / "run" / "report" / "index.html").read_text().count(task)


def test_a_cost_matrix_changes_the_ranking(analysed, world, tmp_path):
    """Two causes of 15 and 9 images: the smaller one comes first when what it confuses is a hundred times as bad."""
    names = ("blue", "green", "red")
    answers = []
    for number, label in enumerate(world.labels):
        image = f"images/image-{number:03d}.png"
        step = {"upper": -1, "lower": 1}.get(world.kinds.get(image, ""), 0)
        answers.append([image, names[(names.index(label) + step) % 3]])
    file = table(tmp_path / "answers.csv", ["id", "prediction"], answers)
    cost = [[{0: 0, 1: 100, 2: 1}[(p - e) % 3] for p in range(3)] for e in range(3)]
    table(tmp_path / "cost.csv", ["expected", *names], [[e, *row] for e, row in zip(names, cost, strict=True)])
    words = ("--images", world.images, "--predictions", file, "--features", world.features)
    plain = analysed(*words, pipeline="pixels+none+dbscan").json["clusters"]
    costly = analysed(*words, "--cost", tmp_path / "cost.csv", pipeline="pixels+none+dbscan").json["clusters"]
    assert [cluster["size"] for cluster in plain] == [15, 9]
    assert [cluster["size"] for cluster in costly] == [9, 15]
    assert costly[0]["risk"] == pytest.approx(100 * plain[1]["risk"])
    assert costly[1]["risk"] == pytest.approx(plain[0]["risk"])


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.pkl", "net.joblib", "net.pt2"])
def test_H1_a_pickle_is_refused_and_never_runs(analysed, world, tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Payload(tmp_path / "canary")))
    done = analysed("--images", world.images, "--model", tmp_path / name, status=4)
    assert done.json["error"]["remedy"]
    assert not (tmp_path / "canary").exists()


def test_H1_features_that_hold_objects_are_refused(analysed, world, tmp_path):
    np.save(tmp_path / "feats.npy", np.array([Payload(tmp_path / "canary")] * 72, dtype=object), allow_pickle=True)
    analysed(
        "--images", world.images, "--predictions", world.predictions, "--features", tmp_path / "feats.npy", status=4
    )
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "path",
    ["../secret.png", "/etc/passwd", "a/../../x.png", "file:///etc/passwd", "http://example.org/a.png", r"\\h\s"],
)
def test_H5_a_manifest_that_leaves_its_folder_is_refused(analysed, world, tmp_path, path):
    manifest = table(tmp_path / "manifest.csv", ["path", "label"], [[path, "red"]])
    done = analysed("--images", manifest, "--predictions", world.predictions, status=4)
    assert done.json["error"]["code"] == "E_UNSAFE"


def test_D9_a_link_out_of_the_set_is_not_followed_unless_trusted(analysed, world, tmp_path):
    folder = tmp_path / "linked"
    shutil.copytree(world.images, folder)
    target = folder / "images" / "image-001.png"
    shutil.move(target, tmp_path / "outside.png")
    target.symlink_to(tmp_path / "outside.png")
    words = ("--images", folder, "--predictions", world.predictions)
    assert analysed(*words).json["quarantined"] == 1
    assert "E_IMG_LINK" in (tmp_path / "run" / "report" / "index.html").read_text()
    assert analysed(*words, "--trust-links").json["quarantined"] == 0


NAMES = ["-rf", "new\nline", "😀", "=cmd|' C calc'!A0", "@sum", "<b>x", "a,b;\"c'", "e\u0301", "é", "CON", "x" * 200,
         "\udcff\udcfe", "; touch x", "%s{0}"]  # fmt: skip


def test_D8_D11_H17_names_survive_csv_json_and_report(failatlas, world, tmp_path):
    folder = tmp_path / "set"
    for label in ("red", "=1+1"):
        (folder / label).mkdir(parents=True)
    named = {}
    for number, name in enumerate(NAMES):
        label = "=1+1" if number % 2 else "red"  # neither is predicted: every image is an error
        Image.fromarray(world.pixels[30]).save(tmp_path / "one.png")  # red
        shutil.copy(tmp_path / "one.png", (folder / label / f"{name}.png").as_posix())
        named[f"{label}/{name}.png"] = label
    answers = table(tmp_path / "answers.csv", ["path", "prediction"], [[name, "-x"] for name in named])
    done = failatlas("analyze", "--images", folder, "--predictions", answers, "--pipeline", "pixels+none+ward",
                     "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["errors"] == len(NAMES)
    rows = rows_of(tmp_path / "run")
    assert {unescape_formula(row["image_id"]): unescape_formula(row["label"]) for row in rows} == named
    assert all(not cell.startswith(("=", "@", "-", "+")) for row in rows for cell in list(row.values())[:4])
    assert {unescape_formula(row["prediction"]) for row in rows} == {"-x"}
    medoids = {cluster["medoid"] for cluster in done.json["clusters"]}
    assert medoids <= set(named)
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "<b>x" not in page
    again = failatlas("assign", tmp_path / "run", "--images", folder, "--json")
    assert again.status == 0, again.err
    with (tmp_path / "run" / "assigned.csv").open(newline="", errors="surrogateescape") as opened:
        assigned = list(csv.DictReader(opened))
    assert {unescape_formula(row["image_id"]) for row in assigned} == set(named)


def test_D8_half_a_surrogate_pair_in_json_is_written_as_an_escape(analysed, world, tmp_path):
    shutil.copy(world.images / "images" / "image-030.png", tmp_path / "a.png")
    (tmp_path / "m.jsonl").write_text('{"path": "a.png", "id": "x\\ud800y", "label": "\\ud800"}\n')
    (tmp_path / "p.jsonl").write_text('{"id": "x\\ud800y", "prediction": "red"}\n')
    done = analysed("--images", tmp_path / "m.jsonl", "--predictions", tmp_path / "p.jsonl")
    assert done.json["clusters"][0]["medoid"] == "x\ud800y"
    assert [(row["image_id"], row["label"]) for row in rows_of(tmp_path / "run")] == [(r"x\ud800y", r"\ud800")]


def test_H17_a_file_that_looks_like_an_option_is_a_file(nursery, world, tmp_path):
    shutil.copytree(world.images, tmp_path / "-rf")
    done = nursery.call("analyze", "--images=-rf", "--predictions", world.predictions, "--features", world.features,
                        "--pipeline", "pixels+none+ward", "--repeats", "0", "--out", "-run", "--json",
                        cwd=tmp_path)  # fmt: skip
    assert done.status == 0, done.err
    assert nursery.call("report", "--json", "--", "-run", cwd=tmp_path).status == 0


def test_H18_no_absolute_path_of_this_machine_is_in_the_report(failatlas, world, tmp_path):
    for kind in ("pt2", "module"):
        run = tmp_path / kind
        done = failatlas("analyze", "--images", world.images, *_saved(world, tmp_path, kind), "--pipeline",
                         "pixels+none+ward", "--repeats", "0", "--out", run)  # fmt: skip
        assert done.status == 0, done.err
        for file in (run / "report").rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert str(tmp_path).encode() not in data, (kind, file)
                assert str(world.root).encode() not in data, (kind, file)
        assert str(tmp_path).encode() not in (run / "clusters.csv").read_bytes()
