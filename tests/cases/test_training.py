"""Training a reference network: it learns, it resumes to the same weights, and its card tells the truth."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from failatlas.cases import Answer
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.recipe import Recipe
from failatlas.cases.training import _Spread, train
from failatlas.errors import UsageError
from failatlas.models.weights import load_weights
from failatlas.tasks import Regression


def test_the_network_learns_what_training_shows_and_fails_where_a_weakness_was_planted(toy, tmp_path):
    card = train(toy(sizes={"test": 200, "improvement": 40, "train": 600}), tmp_path, recipe=Recipe(epochs=6, batch=32))
    assert card.ordinary.rate < 0.05
    assert card.weaknesses["night"].rate > 0.3
    assert card.test.images == 200 == card.ordinary.images + sum(w.images for w in card.weaknesses.values())
    assert card.ordinary.low <= card.ordinary.rate <= card.ordinary.high


def test_the_card_is_of_the_weights_beside_it(toy, tmp_path):
    card = train(toy(), tmp_path)
    assert hashlib.sha256((tmp_path / "network.safetensors").read_bytes()).hexdigest() == card.sha256
    stored = json.loads((tmp_path / "card.json").read_text())
    assert stored == {"schema": 1, **json.loads(json.dumps(card.to_json()))}
    module = toy().network.module()
    load_weights(module, tmp_path / "network.safetensors")
    assert card.weights == sum(p.numel() for p in module.parameters())
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_F1_a_training_killed_between_epochs_goes_on_to_the_same_weights(toy, tmp_path, monkeypatch):
    unbroken = train(toy(), tmp_path / "unbroken")

    class KilledError(Exception):
        pass

    from failatlas.cases import training

    checkpoint = training._checkpoint

    def killed(path, module, adam, epoch, identity):
        checkpoint(path, module, adam, epoch, identity)
        if epoch == 2:
            raise KilledError

    monkeypatch.setattr(training, "_checkpoint", killed)
    with pytest.raises(KilledError):
        train(toy(), tmp_path / "broken")
    monkeypatch.setattr(training, "_checkpoint", checkpoint)
    assert train(toy(), tmp_path / "broken") == unbroken


def test_a_checkpoint_of_another_recipe_is_refused(toy, tmp_path, monkeypatch):
    from failatlas.cases import training

    errors = training._errors
    monkeypatch.setattr(training, "_errors", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(toy(), tmp_path)
    monkeypatch.setattr(training, "_errors", errors)
    with pytest.raises(UsageError, match="another kind"):
        train(toy(), tmp_path, recipe=Recipe(epochs=2))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(toy, tmp_path):
    hashes = [train(toy(), tmp_path / str(i), recipe=Recipe(epochs=1, seed=i // 2)).sha256 for i in range(3)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_number_is_learned_in_its_own_unit(toy, tmp_path):
    case = toy(
        answer=lambda known: Answer(target=(1000 + 50 * known["x"],)),
        task_of=lambda: Regression(threshold=20.0),
        network=SmallNetwork(1, (16, 16), widths=(4, 8), hidden=16),
        sizes={"test": 100, "improvement": 40, "train": 600},
    )
    card = train(case, tmp_path, recipe=Recipe(epochs=8, batch=32))
    assert card.ordinary.rate < 0.2


def test_folding_the_spread_into_the_head_undoes_the_scaling():
    head = torch.nn.Linear(3, 2)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    z = head(x).detach()
    _Spread(torch.tensor([10.0, -3.0]), torch.tensor([2.0, 0.5])).fold_into(head)
    assert torch.allclose(head(x), z * torch.tensor([2.0, 0.5]) + torch.tensor([10.0, -3.0]), atol=1e-5)


def test_masked_landmarks_do_not_count_in_mean_and_spread():
    targets = np.array([[10.0, 20.0], [0.0, 0.0], [14.0, 20.0]], np.float32)
    spread = _Spread.of(targets, ())
    assert spread.mean.tolist() == [12.0, 20.0]
    assert spread.scale[0].item() == pytest.approx(2.0)


def test_relevance_goes_through_the_small_network_by_rules_alone():
    from failatlas.relevance import heatmaps

    images = np.random.default_rng(0).random((2, 3, 48, 48))
    found = heatmaps(SmallNetwork(4, (48, 48)).module().eval(), images)
    assert not found.fallbacks
    assert {"conv1", "conv5", "dense1"} <= set(found.layers)
    assert all(np.isfinite(found[layer]).all() for layer in found.layers)
