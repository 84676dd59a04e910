"""Document: everything a report shows, gathered by whoever conducted the run; the report adds no fact of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from failatlas.arrays import Features, Pixels
from failatlas.curves import Curve
from failatlas.images.records import Quarantined
from failatlas.models.model import Preprocess
from failatlas.outcomes.outcome import Outcomes
from failatlas.pipelines.grouping import Grouping
from failatlas.rootcauses.rootcause import RootCauses
from failatlas.statistics import Interval
from failatlas.studies.choice import Choice


class Pictures(Protocol):
    """Shows images by id, one at a time, so that no report ever holds them all in memory."""

    def thumbnail(self, image: str) -> Pixels:
        """(h, w, 3) uint8, upright, of the size to be shown; raises a FailatlasError when the image cannot be read."""

    def heatmap(self, image: str) -> Features | None:
        """(h, w) float32 relevance of one image, any size, laid over the whole thumbnail; None when there is none."""


@dataclass(frozen=True, slots=True)
class DataCard:
    """The images that were tested.

    Attributes:
        name: of the set, without its folder.
        digest: SHA-256 (hex) over the set.
        n_images: images of the set, quarantined ones included.
        classes: class name → images; empty for a regression.
        splits: split → images.
        n_exact, n_near: images that repeat another one byte for byte (or pixel for pixel), or nearly.
        leakage: one sentence for each overlap between splits; empty is good.
        quarantined: images set aside, with code and reason.
        notices: further sentences about the data.
    """

    name: str
    digest: str
    n_images: int
    classes: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    n_exact: int = 0
    n_near: int = 0
    leakage: tuple[str, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The network that was tested.

    Attributes:
        name: short name for people.
        kind: what it is, e.g. ``"exported program (.pt2)"``, ``"ONNX"``, ``"predictions file"``.
        digest: SHA-256 (hex) over weights, structure and preprocessing; empty for a predictions file.
        task: the error rule in words, e.g. ``"classification: the class of highest score is not the label"``.
        accuracy: share of images handled correctly.
        preprocess: how pixels became input; None when that is the user's own affair.
        notices: further sentences about the network.
    """

    name: str
    kind: str
    digest: str
    task: str
    accuracy: Interval
    preprocess: Preprocess | None = None
    notices: tuple[str, ...] = ()

    @property
    def error_rate(self) -> Interval:
        """The same interval seen from the other side: share of error-inducing images."""
        right = self.accuracy
        return Interval(1 - right.value, 1 - right.high, 1 - right.low, right.n, right.method)


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer as a place to cluster heatmaps.

    Attributes:
        layer: its name in the network.
        raw: WICD of its clusters on raw distances, as in HUDD; nan when not eligible.
        scaled: the same on distances divided by their median, so that layers compare; nan when not eligible.
        conservation: share of the score that relevance lost or invented on the way down to it; 0 is perfect.
    """

    layer: str
    raw: float
    scaled: float
    conservation: float


@dataclass(frozen=True, slots=True)
class RelevanceCard:
    """How relevance was computed and whether it can be trusted.

    Attributes:
        composite: name of the set of rules, e.g. ``"epsilon-plus"``.
        layer: the chosen one; empty when heatmaps are only shown, not clustered.
        layers: from the output down to the pixels.
        tolerance: conservation error above which a layer is warned about.
        fallbacks: one sentence for each operator that plain gradient served instead of a relevance rule.
    """

    composite: str
    layer: str
    layers: tuple[LayerRow, ...]
    tolerance: float = 0.05
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A report before it is written.

    Attributes:
        title: the first line.
        command: the command line that makes this run again, without secrets or absolute paths.
        seed: from which every random choice was drawn.
        data, model: the cards.
        outcomes, grouping, root_causes: results of the street.
        pictures: shows the images.
        relevance: None when no relevance was computed.
        curves: automatic parameters beyond those of ``grouping``.
        choice: why this pipeline; None where it was named.
        settings: resolved settings.
        versions: package → version, Python and platform included.
        hashes: result → content hash, so that a second run can be compared.
        timings: stage → seconds; empty where a report must repeat byte for byte.
        warnings: sentences to be said aloud on the first screen.
    """

    title: str
    command: str
    seed: int
    data: DataCard
    model: ModelCard
    outcomes: Outcomes
    grouping: Grouping
    root_causes: RootCauses
    pictures: Pictures
    relevance: RelevanceCard | None = None
    curves: tuple[Curve, ...] = ()
    choice: Choice | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Images set aside while reading or while testing, each once, whichever card lists it."""
        listed = (*self.data.quarantined, *self.outcomes.quarantined)
        return tuple({item.id: item for item in reversed(listed)}.values())[::-1]
