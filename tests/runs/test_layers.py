"""The choice of the layer: exact or by sketches, and what it keeps on the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError, UsageError
from failatlas.images import ImageSet
from failatlas.models import Preprocess
from failatlas.models.module import TorchModel
from failatlas.runs import layers
from failatlas.runs.conductor import Conductor
from failatlas.runs.settings import Settings
from failatlas.store import RunStore


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12 * 64, 16), nn.ReLU(), nn.Linear(16, 4),
    )  # fmt: skip
    return TorchModel(module, Preprocess(size=(16, 16)))


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(5)
    base = draw.integers(0, 200, (3, 16, 16, 3))
    pixels = np.concatenate([base[[i % 3]] + draw.integers(0, 30, (1, 16, 16, 3)) for i in range(30)])
    return ImageSet.from_arrays(pixels.astype(np.uint8))


def choose(folder, model, images, n=30, **settings):
    with RunStore.open(folder) as store:
        choice = layers.choose_layer(
            Conductor(store), model, images, np.arange(n), np.arange(n) % 3, pixels="p", settings=Settings(**settings)
        )
        return choice, [entry.stage for entry in store.entries()], len(list(store.blobs))


def test_the_layer_with_the_smallest_score_is_chosen(model, images, tmp_path):
    choice, _, _ = choose(tmp_path / "raw", model, images)
    raw = {score.layer: score.raw for score in choice.scores if score.n_clusters}
    assert choice.chosen == min(raw, key=lambda layer: raw[layer])
    choice, _, _ = choose(tmp_path / "scaled", model, images, layer_score="scaled")
    scaled = {score.layer: score.scaled for score in choice.scores if score.n_clusters}
    assert choice.chosen == min(scaled, key=lambda layer: scaled[layer])
    assert len(choice.clustering.labels) == 30


def test_the_pixels_are_no_layer_to_choose_but_their_conservation_is_told(model, images, tmp_path):
    choice, _, _ = choose(tmp_path, model, images)
    first = choice.scores[0]
    assert (first.n_clusters, np.isnan(first.raw), np.isfinite(first.conservation)) == (0, True, True)


def test_heatmaps_are_dropped_when_they_have_served(model, images, tmp_path):
    _, stages, _ = choose(tmp_path, model, images)
    assert "heatmaps" not in stages
    assert "layers" in stages


def test_shards_of_any_size_give_the_same_choice(model, images, tmp_path, monkeypatch):
    whole, _, _ = choose(tmp_path / "one", model, images)
    monkeypatch.setattr(layers, "SHARD", 8)
    parts, _, _ = choose(tmp_path / "four", model, images)
    assert parts.chosen == whole.chosen
    assert parts.clustering.labels.tolist() == whole.clustering.labels.tolist()


def test_sketches_screen_the_layers_and_the_chosen_one_is_exact(model, images, tmp_path, monkeypatch):
    exact, _, _ = choose(tmp_path / "exact", model, images)
    monkeypatch.setattr(layers, "SKETCH", 256)
    sketched, _, _ = choose(tmp_path / "sketched", model, images, exact_layers_mb=0)
    assert (exact.is_sketched, sketched.is_sketched) == (False, True)
    assert any("sketches of 256 columns" in warning for warning in sketched.warnings)
    if sketched.chosen == exact.chosen:
        assert sketched.clustering.labels.tolist() == exact.clustering.labels.tolist()
    alone, _, _ = choose(tmp_path / "alone", model, images, layer=sketched.chosen)
    assert sketched.clustering.labels.tolist() == alone.clustering.labels.tolist()


def test_a_layer_that_is_named_is_taken_and_an_unknown_one_lists_them(model, images, tmp_path):
    choice, stages, _ = choose(tmp_path, model, images, layer="6")
    assert choice.chosen == "6"
    assert [stage for stage in stages if stage.startswith("layer ")] == ["layer 6"]
    with pytest.raises(UsageError, match="no layer 'six'") as refused:
        choose(tmp_path, model, images, layer="six")
    assert "6" in refused.value.remedy


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_images_are_enough(model, images, tmp_path, n):
    choice, _, _ = choose(tmp_path, model, images, n=n)
    assert len(choice.clustering.labels) == n


def spoilt(found, rows):
    layer = found.rows["6"].copy()
    layer[list(rows), 0] = np.nan
    return replace(found, rows={**found.rows, "6": layer})


def test_M2_images_whose_relevance_is_not_finite_are_set_aside(model, images, tmp_path, monkeypatch):
    """No network of ours overflows, so nan is put where relevance comes out: of images 4 and 9."""
    genuine = layers.LayerHeatmaps.run

    def run(self, batch, score):
        found = genuine(self, batch, score)
        hit = [row for row, index in enumerate(batch.indices) if index in (4, 9) and len(batch.pixels) > 2]
        return spoilt(found, hit)

    monkeypatch.setattr(layers.LayerHeatmaps, "run", run)
    choice, _, _ = choose(tmp_path, model, images)
    assert [entry.code for entry in choice.quarantined] == ["E_LRP_NAN"] * 2
    assert [entry.id for entry in choice.quarantined] == [images.ids[4], images.ids[9]]
    assert choice.indices.tolist() == [i for i in range(30) if i not in (4, 9)]
    assert len(choice.clustering.labels) == 28


def test_M2_a_network_none_of_whose_relevance_is_finite_says_so(model, images, tmp_path, monkeypatch):
    genuine = layers.LayerHeatmaps.run

    def run(self, batch, score):
        found = genuine(self, batch, score)
        return spoilt(found, range(len(batch.pixels)) if len(batch.pixels) > 2 else ())

    monkeypatch.setattr(layers.LayerHeatmaps, "run", run)
    with pytest.raises(ModelError, match="no error-inducing image has a finite heatmap") as refused:
        choose(tmp_path, model, images)
    assert refused.value.name == "E_LRP_NAN"


def test_a_network_that_normalises_its_own_input_has_no_second_layer_of_pixels(images, tmp_path):
    torch.manual_seed(4)
    module = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 256, 4)
    ).eval()
    choice, _, _ = choose(tmp_path, TorchModel(module, Preprocess(size=(16, 16))), images)
    assert [score.layer for score in choice.scores if not score.n_clusters][:2] == ["0", "1"]
    assert choice.chosen in {"2", "3", "4"}


def test_layers_that_are_all_alike_still_leave_a_choice(tmp_path):
    torch.manual_seed(5)
    module = nn.Sequential(
        nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1), nn.AdaptiveAvgPool2d(1)
    )
    pixels = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    flat = nn.Sequential(module, nn.Flatten())
    choice, _, _ = choose(
        tmp_path, TorchModel(flat.eval(), Preprocess(size=(8, 8))), ImageSet.from_arrays(pixels), n=12
    )
    assert choice.chosen != choice.scores[0].layer
