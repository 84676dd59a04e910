from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.images.imageset import ImageSet
from failatlas.models import Preprocess, load_model, parse_preprocess
from failatlas.models.doctor import examine
from failatlas.models.doctor.inputs import mcnemar
from failatlas.models.preprocess import NAMED, apply
from failatlas.tasks import Classification, Regression

CLASSES = ("brick", "grass", "sea", "snow", "coal")
COLOURS = np.array([(150, 60, 50), (70, 130, 60), (60, 100, 160), (225, 225, 230), (40, 40, 45)], dtype=np.float64)


@pytest.fixture
def images():
    draw = np.random.default_rng(2)
    which = np.arange(120) % 5
    noise = draw.normal(0, 18, (120, 12, 12, 3))
    pixels = np.clip(COLOURS[which][:, None, None] + noise, 0, 255).astype(np.uint8)
    return ImageSet.from_arrays(pixels, labels=[CLASSES[i] for i in which])


class Nearest(nn.Module):
    """Nearest class colour, as a linear network: logits 2 μ·x − |μ|², exact for one way of preprocessing."""

    def __init__(self, preprocess: Preprocess, order=range(5)):
        super().__init__()
        swatches = [np.broadcast_to(COLOURS[i].astype(np.uint8), (1, 1, 3)) for i in order]
        centres = torch.from_numpy(apply(preprocess, swatches)[:, :, 0, 0])
        self.head = nn.Linear(centres.shape[1], 5)
        with torch.no_grad():
            self.head.weight.copy_(2 * centres)
            self.head.bias.copy_(-(centres**2).sum(1))

    def forward(self, x):
        return self.head(x.mean((2, 3)))


def task() -> Classification:
    return Classification(CLASSES)


def finding(examination, check):
    found = [f for f in examination.findings if f.check == check]
    assert found, f"no check {check!r} in {examination}"
    return found[0]


@pytest.mark.parametrize("name", [*NAMED, "imagenet,bgr"])
def test_a_sound_network_has_no_problem_whatever_its_range(images, name):
    preprocess = parse_preprocess(name)
    examination = examine(load_model(Nearest(preprocess), preprocess=preprocess), images, task())
    assert examination.is_ok, str(examination)
    assert finding(examination, "label alignment").what.startswith("100%")
    assert "none of" in finding(examination, "normalisation").what


@pytest.mark.parametrize(
    ("right", "given"),
    [
        ("raw", "unit"),
        ("imagenet", "raw"),
        ("imagenet", "unit"),
        ("unit", "raw"),
        ("unit,bgr", "unit"),
        ("symmetric", "raw"),
    ],
)
def test_a_wrong_normalisation_is_named_with_the_option_that_mends_it(images, right, given):
    network = Nearest(parse_preprocess(right))
    model = load_model(network, preprocess=parse_preprocess(given))
    examination = examine(model, images, task())
    problem = finding(examination, "normalisation")
    assert problem.level == "problem"
    better = parse_preprocess(problem.remedy.removeprefix("--preprocess "))
    assert examine(load_model(network, preprocess=better), images, task()).is_ok
    assert "[" in problem.what  # rates come with their intervals


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 0), (4, 1, 2, 3, 0)])
def test_shuffled_classes_are_found_and_the_right_order_proposed(images, order):
    network = Nearest(Preprocess(), order)
    problem = finding(examine(load_model(network), images, task()), "label alignment")
    assert problem.level == "problem"
    names = problem.remedy.removeprefix('--classes "').removesuffix('"').split(",")
    assert names == [CLASSES[i] for i in order]
    assert examine(load_model(network), images, Classification(names)).is_ok


def test_swapped_channels_are_preferred_to_swapped_classes_when_both_explain_the_answers(images):
    # brick and sea are nearly each other's mirror in red and blue
    examination = examine(load_model(Nearest(parse_preprocess("unit,bgr"))), images, task())
    assert "up to the order of classes" in finding(examination, "normalisation").what
    assert finding(examination, "normalisation").remedy == "--preprocess unit,bgr"
    assert finding(examination, "label alignment").level == "ok"


def test_random_answers_are_at_chance_and_no_order_is_proposed(images):
    draw = np.random.default_rng(0)
    table = {images.read(i).pixels.tobytes(): draw.normal(size=5) for i in range(len(images))}
    examination = examine(load_model(lambda batch: [table[i.tobytes()] for i in batch]), images, task())
    assert "no better than chance" in finding(examination, "label alignment").what
    assert "left to the function" in finding(examination, "normalisation").what


def test_M1_wrong_class_count_has_both_numbers(images):
    examination = examine(load_model(Nearest(Preprocess())), images, Classification((*CLASSES, "fog")))
    assert finding(examination, "classes").what == "5 outputs for 6 classes"
    assert not examination.is_ok


def test_M1_wrong_channels_propose_grey(images):
    model = load_model(nn.Sequential(nn.Conv2d(1, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    problem = finding(examine(model, images, task()), "input")
    assert problem.level == "problem"
    assert parse_preprocess(problem.remedy.removeprefix("--preprocess ")).channels == 1


def test_M1_wrong_size_proposes_the_one_that_works(images):
    model = load_model(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5)))
    problem = finding(examine(model, images, task()), "input")
    assert parse_preprocess(problem.remedy.removeprefix("--preprocess ")).size == (32, 32)


def test_M1_a_network_that_takes_nothing_ends_the_examination(images):
    def function(batch):
        raise ValueError("no weights loaded")

    examination = examine(load_model(function), images, task())
    assert "no weights loaded" in finding(examination, "input").what
    assert examination.findings[-1].check == "input"


def test_M1_nan_weights_are_named(images):
    network = Nearest(Preprocess())
    with torch.no_grad():
        network.head.weight[2, 1] = float("nan")
    examination = examine(load_model(network), images, task())
    assert "'head.weight'" in finding(examination, "weights").what
    assert finding(examination, "outputs").level == "problem"


def test_M1_constant_output_is_a_problem(images):
    network = Nearest(Preprocess())
    with torch.no_grad():
        network.head.weight.zero_()
    assert finding(examine(load_model(network), images, task()), "variety").level == "problem"


def test_M1_train_mode_left_on_names_the_layers_that_mind(images):
    network = nn.Sequential(nn.BatchNorm2d(3), Nearest(Preprocess())).train()
    warning = finding(examine(load_model(network), images, task()), "mode")
    assert warning.level == "warning"
    assert "1 layers came in training mode, first 0" in warning.what


def test_M1_dropout_that_eval_cannot_switch_off_is_found(images):
    class Noisy(Nearest):
        def forward(self, x):
            return self.head(torch.nn.functional.dropout(x.mean((2, 3)), 0.5, training=True))

    assert finding(examine(load_model(Noisy(Preprocess())), images, task()), "repeatable").level == "problem"


def test_answers_that_depend_on_the_batch_are_found(images):
    class Relative(Nearest):
        def forward(self, x):
            return self.head(x.mean((2, 3)) - x.mean((0, 2, 3)))

    assert finding(examine(load_model(Relative(Preprocess())), images, task()), "independent").level == "problem"


def test_probabilities_are_told_from_logits(images):
    model = load_model(nn.Sequential(Nearest(Preprocess()), nn.Softmax(1)))
    assert "probabilities" in finding(examine(model, images, task()), "kind").what


def test_a_network_that_cannot_be_exported_is_pointed_to_safe(images):
    class Jumpy(Nearest):
        def forward(self, x):
            return super().forward(x) if x.sum().item() > -1 else x

    warning = finding(examine(load_model(Jumpy(Preprocess())), images, task()), "relevance")
    assert warning.level == "warning"
    assert "safe" in warning.remedy


def test_D10_unknown_and_missing_labels_are_counted(images):
    pixels = np.stack([images.read(i).pixels for i in range(6)])
    partly = ImageSet.from_arrays(pixels, labels=["brick", "gras", "gras", None, "coal", "sea"])
    examination = examine(load_model(Nearest(Preprocess())), partly, task())
    lines = [f.what for f in examination.findings if f.check == "labels"]
    assert any("'gras'" in line and "2 images" in line for line in lines)
    assert any("1 of 6 images are left out: no label" in line for line in lines)
    assert any("2 of 5 classes have no image here: grass, snow" in line for line in lines)


def test_D10_an_empty_or_unlabelled_set_is_a_finding(images):
    unlabelled = ImageSet.from_arrays(np.zeros((2, 4, 4), np.uint8))
    examination = examine(load_model(Nearest(Preprocess())), unlabelled, task())
    assert "none of 2 images can be judged" in finding(examination, "images").what


def test_regressions_are_examined_too(images):
    pixels = np.stack([images.read(i).pixels for i in range(60)])
    pictures = ImageSet.from_arrays(pixels, targets=pixels.mean((1, 2, 3)) / 255)

    class Brightness(nn.Module):
        def forward(self, x):
            return x.mean((1, 2, 3))[:, None]

    good = examine(load_model(Brightness()), pictures, Regression(0.02))
    assert good.is_ok, str(good)
    bad = examine(load_model(Brightness(), preprocess=Preprocess(scale=1.0)), pictures, Regression(0.02))
    assert finding(bad, "normalisation").remedy.startswith("--preprocess unit")


def test_an_examination_shows_itself_in_lines_and_json(images):
    examination = examine(load_model(Nearest(Preprocess())), images, task())
    document = json.loads(json.dumps(examination.to_json()))
    assert document["ok"] is True
    assert [f["check"] for f in document["findings"]] == [f.check for f in examination.findings]
    assert len(str(examination).splitlines()) == len(examination.findings)
    assert str(examination) == str(examine(load_model(Nearest(Preprocess())), images, task()))


def test_mcnemar_is_the_sign_test_on_the_pairs_that_differ():
    first = np.array([True] * 8 + [False] * 2 + [True] * 50)
    second = np.array([False] * 8 + [True] * 2 + [True] * 50)
    by_hand = 2 * sum(__import__("math").comb(10, i) for i in range(3)) / 2**10
    assert mcnemar(first, second) == pytest.approx(by_hand)
    assert mcnemar(first, first) == 1.0
