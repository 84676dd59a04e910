"""D1, D7, D9, D10, M1, M2, P3: a bad input costs itself and is counted; too many stop the run with all work kept."""

from __future__ import annotations

import csv
import re
import shutil

import numpy as np
import pytest

from failatlas.store import RunStore


@pytest.fixture
def copied(world, tmp_path):
    """A copy of the images that a test may harm: the folder, and one path of an image by its number."""
    folder = tmp_path / "copy"
    shutil.copytree(world.images, folder)
    return folder


def of(words, **changes):
    """Arguments with other values: ``of(words, images=…)``."""
    words = list(words)
    for name, value in changes.items():
        flag = f"--{name.replace('_', '-')}"
        if flag in words:
            words[words.index(flag) + 1] = value
        else:
            words += [flag, value]
    return words


def image(folder, number):
    return folder / "images" / f"image-{number:03d}.png"


def stages(run):
    with RunStore.open(run, create=False, read_only=True) as store:
        return {entry.stage: entry.sequence for entry in store.entries()}


def test_D1_a_truncated_image_costs_only_itself_and_is_counted(failatlas, world, copied, tmp_path):
    for number in (0, 50):  # an error-inducing one and one handled correctly
        path = image(copied, number)
        path.write_bytes(path.read_bytes()[:200])
    run = tmp_path / "run"
    done = failatlas(*of(world.with_network, images=copied), "--out", run, "--json")
    assert done.status == 0, done.err
    assert (done.json["images"], done.json["errors"], done.json["quarantined"]) == (70, 23, 2)
    page = (run / "report" / "index.html").read_text()
    assert "E_IMG_TRUNCATED" in page
    assert "images/image-050.png" in page
    with (run / "clusters.csv").open() as file:
        assert "images/image-000.png" not in [row["image_id"] for row in csv.DictReader(file)]


def test_P3_too_many_bad_images_stop_the_run_and_what_is_done_is_kept(failatlas, world, copied, tmp_path):
    harmed = {number: image(copied, number).read_bytes() for number in range(60, 71)}
    for number in harmed:
        image(copied, number).write_bytes(b"no image")
    words = (*of(world.without_network, images=copied), "--out", tmp_path / "run", "--json")
    stopped = failatlas(*words)
    assert stopped.status == 3
    assert stopped.json["error"]["code"] == "E_TOO_MANY_BAD"
    assert stopped.json["error"]["what"] == "11 bad images, 10 allowed (11 × E_IMG_UNREADABLE)"
    kept = stages(tmp_path / "run")["survey"]
    allowed = failatlas(*words, "--max-bad", "0.2")
    assert (allowed.status, allowed.json["quarantined"]) == (0, 11)
    assert stages(tmp_path / "run")["survey"] == kept  # not done again


MEDDLING = """
import os
from pathlib import Path
from torch import nn

class Meddling(nn.Module):
    '''Answers the colour; at its first batch one of the images changes on the disk, another vanishes.'''

    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1))
        for layer in (self.layer[0], self.layer[2]):
            nn.init.eye_(layer.weight.data[:, :, 0, 0])
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        changed, gone = Path(os.environ["MEDDLE"]).read_text().splitlines()
        if Path(gone).exists():
            Path(changed).write_bytes(Path(gone).read_bytes())
            Path(gone).unlink()
        return self.layer(x).mean((2, 3)).flip(1)
"""


@pytest.mark.parametrize("pipeline", ["pixels+none+kmeans", "hudd"])
def test_D9_an_image_that_changes_midway_is_quarantined(failatlas, world, copied, tmp_path, pipeline):
    (tmp_path / "net.py").write_text(MEDDLING)
    (tmp_path / "names").write_text(f"{image(copied, 0)}\n{image(copied, 1)}")
    words = ("analyze", "--images", copied, "--model", f"{tmp_path}/net.py:Meddling", "--pipeline", pipeline,
             "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    done = failatlas(*words, env={"MEDDLE": str(tmp_path / "names")})
    assert done.status == 0, done.err
    assert (done.json["errors"], done.json["quarantined"]) == (24, 2)
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    assert "E_IMG_CHANGED" in page
    assert "E_IMG_MISSING" in page
    # the next run sees the images as they are now
    again = failatlas(*words, env={"MEDDLE": str(tmp_path / "names")})
    assert (again.json["images"], again.json["quarantined"]) == (71, 1)


def test_D7_duplicates_and_leakage_are_said_aloud(failatlas, world, tmp_path):
    from failatlas.images import ImageSet, write_manifest

    records = []
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(20):
        shutil.copy(image(world.images, number), folder / f"a{number}.png")
    shutil.copy(folder / "a3.png", folder / "twin.png")
    pixels = np.zeros((21, 2, 2), np.uint8)
    names = [*(f"a{number}.png" for number in range(20)), "twin.png"]
    labels = [*world.labels[:20], world.labels[3]]
    records = ImageSet.from_arrays(pixels, labels, names, ["train"] + ["test"] * 2 + ["train"] + ["test"] * 17).records
    write_manifest(folder / "manifest.csv", records)
    done = failatlas(*of(world.with_network, images=folder, pipeline="pixels+none+kmeans"), "--out", tmp_path / "run")
    assert done.status == 0, done.err
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    assert "1 exact and 0 near duplicates between test and train" in page


class TestD10:
    """Degenerate sets: a stated result, never nan, never a traceback."""

    @pytest.fixture
    def analysed(self, failatlas, world, tmp_path):
        def analyse(pixels, labels, *more):
            from PIL import Image

            folder = tmp_path / "set"
            folder.mkdir()
            for number, picture in enumerate(pixels):
                Image.fromarray(picture).save(folder / f"{number}.png")
            with (folder / "manifest.csv").open("w", newline="") as file:
                table = csv.writer(file)
                table.writerow(["path", "label"])
                table.writerows([f"{number}.png", label] for number, label in enumerate(labels))
            words = of(world.with_network, images=folder)
            done = failatlas(*words, "--classes", "blue,green,red", "--out", tmp_path / "run", "--json", *more)
            page = tmp_path / "run" / "report" / "index.html"
            text = page.read_text() if page.exists() else ""
            assert ">nan" not in text.lower()
            assert "nan %" not in text
            return done, text

        return analyse

    def test_D10_no_error_inducing_image_is_a_result(self, analysed, world):
        done, page = analysed(world.pixels[24:40], world.labels[24:40])
        assert done.status == 0, done.err
        assert (done.json["images"], done.json["errors"], done.json["clusters"], done.json["noise"]) == (16, 0, [], 0)
        assert "no error-inducing image" in page.lower()

    def test_D10_all_images_error_inducing(self, analysed, world):
        done, _ = analysed(world.pixels[:24], world.labels[:24])
        assert done.status == 0, done.err
        assert (done.json["images"], done.json["errors"]) == (24, 24)
        assert sum(cluster["size"] for cluster in done.json["clusters"]) + done.json["noise"] == 24

    @pytest.mark.parametrize("pipeline", ["hudd", "pixels+pca+dbscan", "activations+none+kmeans"])
    def test_D10_one_image(self, analysed, world, pipeline):
        done, _ = analysed(world.pixels[:1], world.labels[:1], "--pipeline", pipeline)
        assert done.status == 0, done.err
        assert (done.json["images"], done.json["errors"]) == (1, 1)

    @pytest.mark.parametrize("pipeline", ["hudd", "pixels+none+ward", "pixels+pca+hdbscan"])
    def test_D10_two_error_inducing_images(self, analysed, world, pipeline):
        done, _ = analysed(world.pixels[[0, 1, *range(30, 40)]], [*world.labels[:2], *world.labels[30:40]],
                           "--pipeline", pipeline)  # fmt: skip
        assert done.status == 0, done.err
        assert done.json["errors"] == 2

    @pytest.mark.parametrize("pipeline", ["hudd", "pixels+pca+dbscan", "activations+none+ward", "pixels+none+hdbscan"])
    def test_D10_all_images_alike(self, analysed, world, pipeline):
        done, page = analysed(world.pixels[[0] * 30], [world.labels[0]] * 30, "--pipeline", pipeline)
        assert done.status == 0, done.err
        assert (done.json["images"], done.json["errors"]) == (30, 30)
        assert "29" in page  # exact duplicates are counted

    def test_D10_a_single_class(self, analysed, world):
        reds = [i for i in range(72) if world.labels[i] == "red"]
        done, _ = analysed(world.pixels[reds], ["red"] * len(reds))
        assert done.status == 0, done.err

    def test_D10_an_unlabelled_set_says_that_nothing_can_be_judged(self, analysed, world):
        done, page = analysed(world.pixels[:5], [""] * 5)
        assert done.status == 0, done.err
        assert (done.json["images"], done.json["errors"]) == (0, 0)
        assert "5 images left out: no label" in page

    def test_D10_an_unknown_label_is_named(self, analysed, world):
        done, _ = analysed(world.pixels[:3], ["red", "gren", "blue"])
        assert done.status == 3
        assert "did you mean 'green'" in done.json["error"]["remedy"]


def test_M1_a_weight_that_is_not_finite_is_named(failatlas, world, tmp_path):
    from safetensors.numpy import load_file, save_file

    weights = load_file(world.weights)
    weights["3.weight"][0, 0, 0, 0] = np.nan
    save_file(weights, tmp_path / "nan.safetensors")
    done = failatlas(*of(world.with_network, weights=tmp_path / "nan.safetensors"), "--out", tmp_path / "run", "--json")
    assert done.status == 3
    assert "3.weight" in done.json["error"]["what"] + done.json["error"]["where"]


POISONED = """
import torch
from torch import nn

class Poisoned(nn.Module):
    '''Gives nan for every image that holds one pure black pixel.'''

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)
        nn.init.eye_(self.layer.weight.data[:, :, 0, 0])
        nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        y = self.layer(x).mean((2, 3)).flip(1)
        return torch.where((x.amax(1) == 0).any(-1).any(-1, keepdim=True), torch.nan, y)
"""


def test_M1_a_poisoned_image_costs_itself_and_not_its_batch(failatlas, world, copied, tmp_path):
    from PIL import Image

    (tmp_path / "net.py").write_text(POISONED)
    for number in (2, 33):
        pixels = world.pixels[number].copy()
        pixels[8, 8] = 0
        Image.fromarray(pixels).save(image(copied, number))
    done = failatlas("analyze", "--images", copied, "--model", f"{tmp_path}/net.py:Poisoned", "--pipeline",
                     "pixels+none+kmeans", "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    assert (done.json["images"], done.json["errors"], done.json["quarantined"]) == (70, 23, 2)
    assert "E_MODEL_NAN" in (tmp_path / "run" / "report" / "index.html").read_text()


def test_M1_a_wrong_number_of_classes_is_said_with_both_numbers(failatlas, world, tmp_path):
    done = failatlas(*world.with_network, "--classes", "blue,green,red,grey", "--out", tmp_path / "run", "--json")
    assert done.status == 3
    assert "3" in done.json["error"]["what"]
    assert "4" in done.json["error"]["what"]


UNKNOWN = """
import torch
from torch import nn

class Rolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        x = torch.cumprod(torch.relu(self.first(x)) + 0.5, dim=2)
        return self.last(torch.relu(x).mean((2, 3)))
"""


def test_M1_an_operator_without_a_rule_is_named_and_the_fallback_marked(failatlas, world, tmp_path):
    (tmp_path / "net.py").write_text(UNKNOWN)
    words = ("analyze", "--images", world.images, "--model", f"{tmp_path}/net.py:Rolled", "--pipeline", "hudd",
             "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    refused = failatlas(*words)
    assert refused.status == 3
    assert refused.json["error"]["code"] == "E_LRP_OPERATOR"
    assert "cumprod" in refused.json["error"]["what"]
    passed = failatlas(*words, "--fallback", "gradient")
    assert passed.status == 0, passed.err
    assert "cumprod" in (tmp_path / "run" / "report" / "index.html").read_text()


BIASED = """
import torch
from torch import nn

class Biased(nn.Module):
    '''Half of what it says comes from biases, which no input earned.'''

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)
        nn.init.constant_(self.first.bias, 3.0)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)).mean((2, 3)))
"""


def test_M2_relevance_that_is_lost_is_a_warning_with_a_number_in_the_report(failatlas, world, tmp_path):
    (tmp_path / "net.py").write_text(BIASED)
    done = failatlas("analyze", "--images", world.images, "--model", f"{tmp_path}/net.py:Biased", "--pipeline", "hudd",
                     "--composite", "epsilon", "--repeats", "0", "--out", tmp_path / "run", "--json")  # fmt: skip
    assert done.status == 0, done.err
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    assert re.search(r"Relevance is not conserved at \d of \d layers \(worst: \w+, [\d.,]+ %", page)
