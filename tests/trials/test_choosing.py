"""Choosing: ``--pipeline auto`` judges candidates on failures that it injects, and looks at no planted truth."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.images import ImageSet
from failatlas.models import load_model
from failatlas.pipelines import PRESETS
from failatlas.runs import Conductor, Settings, open_inputs
from failatlas.store import RunStore
from failatlas.tasks import Classification, class_order
from failatlas.trials.choosing import CANDIDATES, choose_pipeline

CLASSES = ("dim", "warm")
LIGHT = ("pixels+none+ward", "pixels+pca+dbscan", "pixels+none+kmeans")


def network(pixels):
    """Warm or dim by red against blue; blind when it is dark, dazzled when it is bright, confused by a fine pattern."""
    rows = []
    for image in pixels:
        light = image.astype(np.float64)
        answer = 2.0 if light[..., 0].mean() > light[..., 2].mean() else -2.0
        is_lost = light.mean() < 60 or light.mean() > 215 or np.abs(np.diff(light, axis=1)).mean() > 20
        rows.append([answer, -answer] if is_lost else [-answer, answer])
    return np.array(rows, np.float32)


def picture(number, is_warm):
    """A smooth picture, warm or cold; every tenth one is dark already and fails by nature."""
    random = np.random.default_rng(number)
    x, y = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 24))
    shade = (40 if number % 10 == 0 else 130) + 20 * np.sin(random.uniform(1, 4) * x + random.uniform(1, 4) * y)
    red, blue = (1.1, 0.9) if is_warm else (0.9, 1.1)
    return np.stack([shade * red, shade, shade * blue], axis=2).clip(0, 255).astype(np.uint8)


def pictures(n=120, **metadata):
    labels = [CLASSES[number % 2] for number in range(n)]
    stack = np.stack([picture(number, label == "warm") for number, label in enumerate(labels)])
    return ImageSet.from_arrays(stack, labels=labels, metadata=metadata or None)


def inputs_of(images, settings, *, model=network):
    loaded = load_model(model, preprocess=None, classes=CLASSES) if model is not None else None
    task = Classification(class_order(CLASSES, (), ()).names)
    return open_inputs(settings, images=images, model=loaded, task=task)


def choice_of(out, images=None, **other):
    settings = Settings(pipeline="auto", repeats=0)
    with RunStore.open(out) as store:
        return choose_pipeline(
            inputs_of(images or pictures(), settings),
            settings,
            Conductor(store),
            **{"candidates": LIGHT, "preferred": LIGHT[0]} | other,
        )


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    out = tmp_path_factory.mktemp("auto")
    return out, choice_of(out)


def test_candidates_are_judged_on_failures_that_were_injected(chosen):
    out, choice = chosen
    assert {one.pipeline for one in choice.candidates} == set(LIGHT)
    assert choice.basis == "known causes"
    assert {"noise", "darkness"} <= set(choice.causes)
    assert choice.n_failures > 12, "nothing was injected"
    assert (out / "injected" / "manifest.csv").is_file()
    # dark, bright and speckled pictures are told apart by their pixels
    taken = choice.of(choice.pipeline)
    assert taken is not None
    assert taken.coverage > 0.5
    assert "was taken" in choice.text


def test_R4_asked_again_it_answers_from_what_is_stored_and_elsewhere_the_same(chosen, tmp_path):
    out, choice = chosen
    assert choice_of(out).to_json() == choice.to_json()
    assert choice_of(tmp_path / "elsewhere").to_json() == choice.to_json()


def test_planted_truth_is_not_looked_at(chosen, tmp_path):
    # every natural failure says why it fails, and a correctly handled image never does
    planted = ["blind" if number % 10 == 0 else "" for number in range(120)]
    told = choice_of(tmp_path / "run", pictures(known_cause=planted))
    assert "blind" not in told.causes
    assert told.to_json() == chosen[1].to_json()


def test_without_a_network_candidates_are_judged_from_inside(tmp_path):
    images = pictures()
    said = "\n".join(
        ["image_id,predicted", *(f"{name},{CLASSES[0 if n < 30 else 1]}" for n, name in enumerate(images.ids))]
    )
    (tmp_path / "predictions.csv").write_text(said + "\n")
    settings = Settings(pipeline="auto", repeats=0, predictions=tmp_path / "predictions.csv")
    with RunStore.open(tmp_path / "run") as store:
        choice = choose_pipeline(
            inputs_of(images, settings, model=None), settings, Conductor(store), candidates=LIGHT, preferred=LIGHT[0]
        )
    assert choice.basis == "label-free"
    assert choice.causes == ()
    assert not (tmp_path / "run" / "injected").exists()


def test_with_features_of_ones_own_a_pipeline_must_be_named(tmp_path):
    images = pictures(12)
    np.save(tmp_path / "features.npy", np.zeros((12, 2), np.float32))
    settings = Settings(pipeline="auto", features=tmp_path / "features.npy")
    with RunStore.open(tmp_path / "run") as store, pytest.raises(UsageError, match="leave --features out"):
        choose_pipeline(inputs_of(images, settings), settings, Conductor(store))


def test_D10_no_failure_keeps_the_preferred_pipeline_unseen(tmp_path):
    images = pictures(40)
    kept = images.select([number for number in range(40) if number % 10])

    def unshakeable(pixels):
        return np.array(
            [[-1.0, 1.0] if image[..., 0].mean() > image[..., 2].mean() else [1.0, -1.0] for image in pixels]
        )

    settings = Settings(pipeline="auto", repeats=0)
    with RunStore.open(tmp_path / "run") as store:
        choice = choose_pipeline(
            inputs_of(kept.select([0]), settings, model=unshakeable),
            settings,
            Conductor(store),
            candidates=LIGHT,
            preferred=LIGHT[1],
        )
    assert choice.pipeline == LIGHT[1]
    assert "unseen" in choice.text


def test_a_preset_is_known_by_its_name(tmp_path):
    settings = Settings(pipeline="auto", repeats=0)
    with RunStore.open(tmp_path / "run") as store:
        choice = choose_pipeline(
            inputs_of(pictures(60), settings),
            settings,
            Conductor(store),
            candidates=(LIGHT[0], "hudd"),
            preferred="hudd",
        )
    # the network of this test is a black box, so the preset could not run
    assert choice.preferred == str(PRESETS["hudd"].pipeline)
    assert choice.pipeline == LIGHT[0]
    assert "could not run" in choice.text


def test_the_preset_is_among_the_candidates_and_is_preferred():
    assert "best" in CANDIDATES
    assert len({str(PRESETS[one].pipeline) if one in PRESETS else one for one in CANDIDATES}) == len(CANDIDATES)
