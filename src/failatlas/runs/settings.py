"""Settings of a run: what is analysed and how; one TOML file and the flags fill the same fields."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas.errors import UsageError

if TYPE_CHECKING:
    from failatlas.store import Json

TASKS = ("classification", "regression", "landmarks")
LAYER_SCORES = ("raw", "scaled")
FALLBACKS = ("gradient",)
AUTO = "auto"  # the pipeline is chosen


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can say about an analysis; the resolved settings are kept in the run.

    Attributes:
        images: folder or manifest; None with a case study, which brings its own.
        split: only images of this split.
        case: a built-in case study that brings network, task and, without ``images``, its test images.
        model: ``module:callable``, ``.pt2`` or ``.onnx``.
        weights: safetensors for ``module:callable``.
        predictions: CSV or JSON Lines of a network that cannot be had.
        train: folder or manifest of the network's training set, from which ``*-tuned`` extractors learn; None with a
            case study, which brings its own.
        features: ``.npy`` or ``.csv`` rows of the user's own, one an image.
        trust_links: follow symbolic links that leave the image folder.
        task: classification, regression or landmarks.
        classes: class names in the order of the outputs.
        cost: CSV or JSON matrix of severities, expected × predicted.
        threshold: error beyond which a number (or a mean landmark distance in px) is wrong.
        bands: further thresholds, each raising severity by one.
        unit: of the numbers, for people.
        preprocess: how pixels become the network's input, e.g. ``"imagenet,224x224"``; see ``parse_preprocess``.
        pipeline: preset, extractor+reducer+clusterer, or ``auto`` = what groups injected failures best.
        backbone: ``module:callable`` that builds the backbone of the extractors ``own`` and ``own-tuned``.
        backbone_weights: safetensors for it.
        backbone_preprocess: how pixels become its input; as ``preprocess``, with a size.
        composite: relevance rules.
        layer_score: ``raw`` as in HUDD, or ``scaled``, free of the layer's scale.
        layer: internal layer whose heatmaps are clustered; ``auto`` = by the layer score.
        fallback: ``gradient`` lets relevance pass operators without a rule; marked in the report.
        exact_layers_mb: heatmaps of all layers are kept exactly up to this size on disk, beyond it as sketches
            until the layer is chosen.
        references: most correctly handled images drawn for counter-examples and the null; twice as many as there are
            error-inducing ones are enough.
        repeats: subsamples on which stability is measured.
        seed: of everything random.
        batch_size: images a batch.
        max_bad: share of bad images (at least 10) beyond which the run stops.

    Raises:
        UsageError: a value is out of range or names nothing; now, not after hours of work.
    """

    images: Path | None = None
    split: str | None = None
    case: str | None = None
    model: str | None = None
    weights: Path | None = None
    predictions: Path | None = None
    train: Path | None = None
    features: Path | None = None
    trust_links: bool = False

    task: str = "classification"
    classes: tuple[str, ...] = ()
    cost: Path | None = None
    threshold: float | None = None
    bands: tuple[float, ...] = ()
    unit: str = ""

    preprocess: str | None = None

    pipeline: str = "best"
    backbone: str | None = None
    backbone_weights: Path | None = None
    backbone_preprocess: str | None = None
    composite: str = "hudd"
    layer_score: str = "raw"
    layer: str = "auto"
    fallback: str | None = None
    exact_layers_mb: int = 4096
    references: int = 2000
    repeats: int = 10

    seed: int = 0
    batch_size: int = 64
    max_bad: float = 0.01

    def __post_init__(self) -> None:
        _check_choice("task", self.task, TASKS)
        _check_choice("layer_score", self.layer_score, LAYER_SCORES)
        if self.fallback is not None:
            _check_choice("fallback", self.fallback, FALLBACKS)
        _check_list("classes", self.classes, str)
        _check_list("bands", self.bands, float)
        for name, least in (("exact_layers_mb", 0), ("references", 0), ("repeats", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"setting {name!r} is {getattr(self, name)}", remedy=f"give {least} or more")
        if not 0 <= self.max_bad <= 1:
            raise UsageError(f"setting 'max_bad' is {self.max_bad}", remedy="give a share from 0 to 1")

    def to_json(self) -> dict[str, Json]:
        """Every setting, paths absolute: a run is opened again from any folder."""
        plain = dataclasses.asdict(self)
        for name in ("model", "backbone"):
            if plain[name] is not None:
                plain[name] = _absolute(plain[name])
        return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in plain.items()}


def _absolute(model: str) -> str:
    """A model's file, or the file of its code, by absolute path; a module's name as it is."""
    place, colon, name = model.rpartition(":")
    if place.endswith(".py"):
        return f"{Path(place).absolute()}{colon}{name}"
    return str(Path(model).absolute()) if Path(model).exists() else model


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        near = difflib.get_close_matches(value, choices, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"unknown {name.replace('_', ' ')} {value!r}", remedy=f"{hint}choose one of: {', '.join(choices)}"
        )


def _check_list(name: str, values: Sequence[object], kind: type) -> None:
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not (is_number if kind is float else isinstance(value, kind)):
            raise UsageError(f"setting {name!r} holds {value!r}", remedy=f"give a list of {_KINDS[kind]}")


_KINDS = {str: "texts", float: "finite numbers"}
