"""Pipeline: an extractor, a reducer and a clusterer under one name; and the presets that have names of their own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from failatlas.clustering.clusterer import clusterers
from failatlas.errors import UsageError
from failatlas.features.extractor import extractors
from failatlas.reduction.reducer import reducers

SUPPLIED = "supplied"  # features that the user brings
LAYERED = "heatmap"  # the extractor whose layer must be chosen first
APPEARANCE = "stages"  # the extractor whose rows are read as departures from correctly handled images
CONSENSUS = "consensus"  # the clusterer that reduces rows by their neighbour graph itself
HUDD = "hudd"  # the clusterer that works on distances per layer, not on rows

# SAFE takes ε at the knee, whatever comes of it, and divides nothing. Held fixed by the parts' names alone, so that
# "safe" and "backbone+pca+dbscan" are one pipeline, as both say of themselves
_AS_SAFE: Mapping[str, float | int | str] = MappingProxyType({"dbscan.eps": "knee", "dbscan.parts": 1})
_NOTHING: Mapping[str, float | int | str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One way to group error-inducing images.

    >>> str(parse("safe")), str(parse("pixels+kmeans"))
    ('backbone+pca+dbscan', 'pixels+none+kmeans')
    """

    extractor: str
    reducer: str
    clusterer: str

    @property
    def fixed(self) -> Mapping[str, float | int | str]:
        """Parameters that a published method prescribes and that are therefore not chosen from the data.

        >>> dict(parse("safe").fixed), dict(parse("best").fixed)
        ({'dbscan.eps': 'knee', 'dbscan.parts': 1}, {})
        """
        is_safe = self.extractor in ("backbone", SUPPLIED) and (self.reducer, self.clusterer) == ("pca", "dbscan")
        return _AS_SAFE if is_safe else _NOTHING

    @property
    def departs(self) -> bool:
        """Whether rows are replaced by their departure from correctly handled images before they are reduced.

        >>> parse("best").departs, parse("safe").departs
        (True, False)
        """
        return self.extractor == APPEARANCE

    @property
    def by_neighbours(self) -> bool:
        """Whether clusters are found in a neighbour graph, so that a map shows them where it keeps neighbours together.

        >>> parse("best").by_neighbours, parse("safe").by_neighbours
        (True, False)
        """
        return self.reducer == "umap" or self.clusterer == CONSENSUS

    def __str__(self) -> str:
        return f"{self.extractor}+{self.reducer}+{self.clusterer}"

    def with_extractor(self, extractor: str) -> Pipeline:
        """The same with other features."""
        return Pipeline(extractor, self.reducer, self.clusterer)


@dataclass(frozen=True, slots=True)
class Preset:
    """A pipeline with a name, and where it comes from."""

    pipeline: Pipeline
    summary: str
    source: str


PRESETS = {
    "hudd": Preset(
        Pipeline(LAYERED, "none", HUDD),
        "Ward on distance profiles of internal-layer heatmaps; layer and number of clusters by WICD",
        "Fahmy et al., IEEE Trans. Reliability 70(4), 2021",
    ),
    "safe": Preset(
        Pipeline("backbone", "pca", "dbscan"),
        "transfer features, PCA, DBSCAN with ε at the knee of nearest-neighbour distances",
        "Attaoui et al., ACM TOSEM 32(3), 2023",
    ),
    "best": Preset(
        Pipeline(APPEARANCE, "none", CONSENSUS),
        "how failures look, as departure from correctly handled images; leaves of their neighbour graph by majority",
        "ours, measured on injected and planted causes; transfer features as in Attaoui et al., ACM TOSEM 33(5), 2024",
    ),
}


def parse(text: str) -> Pipeline:
    """A preset's name, ``extractor+clusterer`` or ``extractor+reducer+clusterer``.

    ``reducer+clusterer`` clusters features that the user brings, as in :func:`failatlas.cluster`.

    >>> str(parse("umap+dbscan"))
    'supplied+umap+dbscan'

    Raises:
        UsageError: a part does not exist; the message offers the nearest name.
    """
    if text in PRESETS:
        return PRESETS[text].pipeline
    parts = text.split("+")
    if len(parts) == 2 and parts[0] in reducers and parts[0] not in extractors:
        parts.insert(0, SUPPLIED)
    elif len(parts) == 2:
        parts.insert(1, "none")
    if len(parts) != 3:
        near = difflib.get_close_matches(text, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"{text!r} is no pipeline",
            remedy=f"{hint}use {', '.join(PRESETS)} or extractor+reducer+clusterer (failatlas parts lists them)",
        )
    extractor, reducer, clusterer = parts
    if extractor != SUPPLIED:
        extractors.get(extractor)
    reducers.get(reducer)
    if (extractor, reducer, clusterer) != (LAYERED, "none", HUDD):
        clusterers.get(clusterer)
    return Pipeline(extractor, reducer, clusterer)
