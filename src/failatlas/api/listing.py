"""Parts: what pipelines are built from, in words; and the last two of them alone, on features that are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failatlas.arrays import Features

if TYPE_CHECKING:
    from failatlas.clustering import Clustering


def cluster(features: Features, pipeline: str = "umap+dbscan", *, seed: int = 0, **parameters: Any) -> Clustering:
    """Cluster the rows of an (n, d) array; what is neither given nor fixed by the preset is chosen automatically.

    Args:
        features: (n, d) finite numbers.
        pipeline: reducer+clusterer, a clusterer alone, or a preset (``safe``, ``best``) without its extractor.
        seed: of everything random.
        **parameters: of either part, e.g. ``eps=0.4``.

    Returns:
        ``labels`` (n,), -1 = noise; the embedding; the parameters used; the curves by which they were chosen.
    """
    from failatlas.clustering import cluster as compose
    from failatlas.pipelines import PRESETS

    if pipeline in PRESETS:
        preset = PRESETS[pipeline].pipeline
        return compose(features, preset.reducer, preset.clusterer, seed, **{**preset.fixed, **parameters})
    reducer, _, clusterer = pipeline.rpartition("+")
    return compose(features, reducer or "none", clusterer, seed, **parameters)


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part a pipeline can be built from, in words."""

    name: str
    summary: str
    parameters: str
    source: str

    def to_json(self) -> dict[str, str]:
        """For ``--json``."""
        return {"name": self.name, "summary": self.summary, "parameters": self.parameters, "source": self.source}


def parts() -> dict[str, list[PartRow]]:
    """Presets, extractors, reducers, clusterers, describers, composites, operators, simulators and scenarios."""
    from failatlas.clustering import clusterers
    from failatlas.features import extractors
    from failatlas.pipelines import PRESETS
    from failatlas.reduction import reducers
    from failatlas.relevance.composites import composites
    from failatlas.relevance.rules.rule import served
    from failatlas.rootcauses import describers
    from failatlas.simulators import simulators
    from failatlas.simulators.scenarios import scenarios

    table: dict[str, list[PartRow]] = {
        "presets": [PartRow(name, p.summary, str(p.pipeline), p.source) for name, p in PRESETS.items()]
    }
    for registry in (extractors, reducers, clusterers, describers):
        table[f"{registry.kind}s"] = [
            PartRow(part.name, part.summary, ", ".join(part.parameters), part.source) for part in registry
        ]
    table["composites"] = [
        PartRow(name, repr(c.convolution), repr(c.dense), c.source) for name, c in composites.items()
    ]
    table["operators"] = [PartRow(name, rule.name, "", "") for name, rule in served()]
    table["simulators"] = [
        PartRow(part.name, part.summary, ", ".join(part.parameters), part.source) for part in simulators
    ]
    table["scenarios"] = [PartRow(*row) for row in scenarios.rows()]
    return table
