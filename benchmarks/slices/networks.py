"""Networks: one small network a setting, and what it and a frozen ImageNet network make of photographs; cached.

About five seconds a network on one core. A second run reads all of it from the cache folder
(``$XDG_CACHE_HOME/failatlas/slices``, ``~/.cache`` by default), whose keys cover photographs, labels and recipe.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.photographs import Images, evaluation
from benchmarks.slices.settings import SEED, Made, Setting, make
from failatlas.arrays import Features, Labels, Mask
from failatlas.features import open_extractor
from failatlas.images.records import Batch
from failatlas.seeds import derive

if TYPE_CHECKING:
    from torch import nn

EPOCHS, BATCH, RATE = 2, 128, 4e-3
MARGIN = 0.1  # by which the network must be less accurate on a slice than outside of it
SIDE = 64  # pixels a side for the ImageNet network: the photographs have 28, and 112 cost 2.4 times as much
FEATURES = ("activations", "stages")
_VERSION = 1

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a method may see of a number of photographs.

    Attributes:
        labels: (n,) 0 or 1, the truth.
        probabilities: (n, 2) of the network.
        features: name → (n, d): ``activations`` of the network under test, ``stages`` of a frozen ImageNet network.
    """

    labels: Labels
    probabilities: NDArray[np.float64]
    features: Mapping[str, Features]

    @property
    def predicted(self) -> Labels:
        """(n,) 0 or 1."""
        return self.probabilities.argmax(axis=1)

    @property
    def is_error(self) -> Mask:
        """(n,) whether the network errs."""
        return self.predicted != self.labels

    def taken(self, rows: slice) -> Answers:
        """The answers for some of the photographs."""
        features = {name: matrix[rows] for name, matrix in self.features.items()}
        return Answers(self.labels[rows], self.probabilities[rows], features)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One setting with its network's answers.

    Attributes:
        setting: what was made wrong.
        discovery, scored: the two halves of the evaluation photographs.
        slices: (m, s) the true slices of the scored half on which the network really is worse.
        names: s names.
        digest: SHA-256 over setting, data and how the network was trained.
        accuracy: of the network on all evaluation photographs.
        gaps: s, accuracy outside a slice less that on it.
    """

    setting: Setting
    discovery: Answers
    scored: Answers
    slices: Mask
    names: tuple[str, ...]
    digest: str
    accuracy: float
    gaps: tuple[float, ...]


def problem(setting: Setting) -> Problem | None:
    """Train, or read from the cache; None where the network is not worse by ``MARGIN`` on any slice."""
    made = make(setting)
    probabilities, activations = _answered(setting, made)
    right = probabilities.argmax(axis=1) == made.asked_labels
    gaps = [float(right[~inside].mean() - right[inside].mean()) for inside in made.slices.T]
    worse = [i for i, gap in enumerate(gaps) if gap >= MARGIN]
    if not worse:
        return None
    answers = Answers(
        made.asked_labels, probabilities, {"activations": activations, "stages": _appearance(setting, made)}
    )
    half = len(right) // 2
    return Problem(
        setting,
        answers.taken(slice(half)),
        answers.taken(slice(half, None)),
        made.slices[half:][:, worse],
        tuple(made.names[i] for i in worse),
        hashlib.sha256(f"{_VERSION} {SIDE} {_recipe(setting)}".encode()).hexdigest(),
        float(right.mean()),
        tuple(gaps[i] for i in worse),
    )


def cache_folder() -> Path:
    """Where networks' answers lie."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "failatlas" / "slices"


def _answered(setting: Setting, made: Made) -> tuple[NDArray[np.float64], Features]:
    """Probabilities (n, 2) and activations (n, 64) of the setting's network."""

    def answers() -> Arrays:
        module = _trained(made, derive(SEED, "slices", setting.kind, setting.number, "network"))
        return dict(zip(("probabilities", "activations"), _asked(module, made.asked), strict=True))

    found = kept(f"{setting.name} network", _recipe(setting), answers)
    return found["probabilities"], found["activations"]


def _recipe(setting: Setting) -> str:
    import torch

    return f"{setting.key} {EPOCHS} {BATCH} {RATE} {torch.__version__}"


def _appearance(setting: Setting, made: Made) -> Features:
    """(n, 424) ``stages`` of the evaluation photographs; those without a mark are extracted once for all settings."""
    whole = evaluation()
    plain = kept("plain stages", f"{SIDE} {whole.digest}", lambda: {"rows": _extracted(whole.images)})["rows"]
    rows = plain[made.source]
    if made.changed.any():
        changed = made.asked[made.changed]
        name, recipe = f"{setting.name} stages", f"{SIDE} {setting.key}"
        rows[made.changed] = kept(name, recipe, lambda: {"rows": _extracted(changed)})["rows"]
    return rows


def _network() -> nn.Sequential:
    """(n, 1, 28, 28) → (n, 2): two convolutions, two dense layers; the last is given 64 values."""
    from torch import nn

    return nn.Sequential(
        nn.AvgPool2d(2),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 2),
    )


def _trained(made: Made, seed: int) -> nn.Sequential:
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)  # one thread: sums of several come in an order of their own
    module = _network()
    images = torch.from_numpy(made.images)[:, None].float() / 255
    labels = torch.from_numpy(made.labels)
    steps = EPOCHS * -(-len(images) // BATCH)
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(images[rows]), labels[rows]).backward()
            optimiser.step()
            schedule.step()
    return module.eval()


def _asked(module: nn.Sequential, images: Images) -> tuple[NDArray[np.float64], Features]:
    """Probabilities (n, 2) and what failatlas's ``activations`` make of the photographs (n, 64)."""
    import torch

    from failatlas.models import Preprocess
    from failatlas.models.module import TorchModel

    model = TorchModel(module, Preprocess(size=(28, 28), channels=1), name="a setting's network")
    extractor = open_extractor("activations", model)
    rows = [extractor.extract(batch, np.zeros(len(batch.indices), np.int64)) for batch in _batches(images, 1000)]
    activations = np.concatenate(rows)
    with torch.inference_mode():
        logits = module[-1](torch.from_numpy(activations)).double()
    return logits.softmax(1).numpy(), activations


def _extracted(images: Images) -> Features:
    extractor = open_extractor("stages", None, side=SIDE)
    rows = [extractor.extract(batch, np.zeros(len(batch.indices), np.int64)) for batch in _batches(images, 64)]
    return np.concatenate(rows)


def _batches(images: Images, size: int) -> list[Batch]:
    rgb = np.repeat(images[..., None], 3, axis=3)
    starts = range(0, len(rgb), size)
    return [Batch(tuple(range(i, min(i + size, len(rgb)))), tuple(rgb[i : i + size])) for i in starts]


def kept(name: str, recipe: str, make_it: Callable[[], Arrays]) -> Arrays:
    """Arrays from the cache, or made and kept: whole or not at all, so that a killed run leaves no half of a file."""
    key = hashlib.sha256(f"{_VERSION} {recipe}".encode()).hexdigest()[:16]
    file = cache_folder() / f"{name.replace(' ', '-')}-{key}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as out:
            np.savez(out, **make_it())
        part.replace(file)
    with np.load(file) as stored:
        return {entry: stored[entry] for entry in stored.files}
