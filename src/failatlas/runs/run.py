"""Run: the results of one analysis together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failatlas.errors import DataError, ModelError
from failatlas.features import Rows
from failatlas.features.learning import Learnt
from failatlas.images import Overlap, Quarantined, Survey
from failatlas.outcomes import Outcomes
from failatlas.pipelines import Grouping
from failatlas.rootcauses import RootCauses
from failatlas.runs.checking import RelevanceCheck
from failatlas.runs.copies import Copy
from failatlas.runs.inputs import Inputs
from failatlas.runs.layers import LayerChoice
from failatlas.studies.choice import Choice


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What an analysis found, stage by stage.

    Attributes:
        survey: what the images are.
        outcomes: what the network made of them.
        features: of the error-inducing images.
        reference: of the sample of correctly handled images.
        layer: the layer whose heatmaps were clustered; None where the pipeline has none.
        relevance: whether heatmaps conserve what they share out; None where there are none.
        copies: error-inducing images that are in no cluster because they repeat another one.
        grouping: the clusters.
        root_causes: the clusters explained.
        maps: relevance of the error-inducing images for the eye; None for a black box.
        quarantined: every image set aside, whichever stage did.
        overlaps: images that the analysed split shares with other splits of its set: leakage.
        pipeline: extractor+reducer+clusterer.
        paths: of the clustered images, as listed in their set.
        records: SHA-256 (hex) over the set's records.
        model: SHA-256 (hex) of the network; empty without one.
        settings: how all of it came about, as JSON, paths absolute.
        learnt: what the extractor learnt before it extracted; None where it learns nothing.
        choice: why this pipeline, where the settings left it open; None where they named it.
    """

    survey: Survey
    outcomes: Outcomes
    features: Rows
    reference: Rows
    layer: LayerChoice | None
    relevance: RelevanceCheck | None
    copies: tuple[Copy, ...]
    grouping: Grouping
    root_causes: RootCauses
    maps: Rows | None
    quarantined: tuple[Quarantined, ...]
    overlaps: tuple[Overlap, ...]
    pipeline: str
    paths: tuple[str, ...]
    records: str
    model: str
    settings: Mapping[str, object]
    learnt: Learnt | None = None
    choice: Choice | None = None

    def check(self, inputs: Inputs) -> None:
        """Are these the images and the network that were analysed?  Files are compared as they are read.

        Raises:
            DataError: the manifest or folder lists other images.
            ModelError: the network's weights, structure or preprocessing have changed.
        """
        if inputs.images.record_digest() != self.records:
            raise DataError(
                "the image set is not the one that was analysed",
                where=inputs.name,
                remedy="run failatlas analyze again",
            )
        if inputs.model is not None and inputs.model.digest != self.model:
            raise ModelError(
                "the network is not the one that was analysed",
                where=inputs.model.name,
                remedy="give the network of that run, or run failatlas analyze again",
                code="E_MODEL_CHANGED",
            )

    def __repr__(self) -> str:
        n, errors = len(self.outcomes.ids), int(self.outcomes.is_error.sum())
        return f"<Run {self.pipeline}: {n} images, {errors} error-inducing, {len(self.root_causes.causes)} root causes>"
