"""Choosing: which pipeline suits this network?  Known failures are injected into images that it handles correctly.

``--pipeline auto``.  Costs one feature set a candidate extractor and one embedding a candidate: about four times an
analysis with the preset.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from failatlas.errors import UsageError
from failatlas.injection import Staging
from failatlas.models import WhiteBox
from failatlas.pipelines import parse
from failatlas.rootcauses.columns import TRUTH
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.inputs import Inputs
from failatlas.runs.settings import Settings
from failatlas.studies.choice import Choice, choose
from failatlas.trials.settings import ALL, StudySettings
from failatlas.trials.studying import study

PREFERRED = "best"
# one of each kind that led on some network; the last reads the network itself and needs a white box
CANDIDATES = (
    PREFERRED,
    "stages+umap+leaves",
    "stages+umap+dbscan",
    "backbone+umap+leaves",
    "backbone+umap+dbscan",
    "safe",
    "activations+umap+leaves",
)
PER_SCENARIO = 40  # failures of each: enough for a cluster of 2 % among nine scenarios
_VERSION = 1


def choose_pipeline(
    inputs: Inputs,
    settings: Settings,
    conductor: Conductor,
    staging: Staging | None = None,
    *,
    candidates: Sequence[str] | None = None,
    preferred: str = PREFERRED,
) -> Choice:
    """The candidate that groups injected failures best; the preset, unless another beats it clearly.

    Natural failures are grouped with the injected ones and count as one group of unknown cause: whatever a metadata
    column says of planted weaknesses is not looked at. Without a network nothing can be injected, and the candidates
    are compared by ½ silhouette + ½ DBCV of their clusters of the natural failures, all of them among the rows that the
    preferred one compares: it gives way only to what is clearer on its own ground.

    Args:
        inputs: images, network and task.
        settings: of the analysis, its pipeline ``"auto"``.
        conductor: keeps results; injected images go into ``injected`` below its store.
        staging: who renders the scenes again.
        candidates: presets or extractor+reducer+clusterer; None = `CANDIDATES`, as far as the network allows.
        preferred: the one that stays unless another beats it clearly.

    Raises:
        UsageError: features are given, so those of injected failures cannot be had.
        DataError, ModelError, ResourceError: as in `study`.
    """
    if inputs.features is not None:
        raise UsageError(
            "auto extracts the features of failures that it injects", remedy="leave --features out, or name a pipeline"
        )
    if candidates is None:
        candidates = CANDIDATES if isinstance(inputs.model, WhiteBox) else CANDIDATES[:-1]
    asked = StudySettings(
        inject=(ALL,) if inputs.model is not None else (),
        per_scenario=PER_SCENARIO,
        pipelines=tuple(candidates),
        rare=(),
        repeats=0,
        planted=False,
    )
    # what an image set may say of its failures' causes is for the report that comes after
    inputs = dataclasses.replace(inputs, images=inputs.images.without(TRUTH))
    # a conductor of its own: its layers and features are none of the analysis that follows
    own = Conductor(conductor.store)
    usual = parse(preferred)
    found = study(
        inputs,
        settings,
        asked,
        own,
        staging=staging,
        ground=usual.extractor if preferred in candidates else "",
    )
    names = ("survey", "outcomes", "injected outcomes")
    stage = Stage(
        "choice",
        _VERSION,
        {name: own.keys[name] for name in names if name in own.keys},
        {"asked": asked.to_json(), "preferred": str(usual), "references": settings.references},
        settings.seed,
    )
    return conductor.run(
        stage,
        Choice,
        lambda: choose(found.entries, str(usual), n_failures=found.n_failures, causes=found.causes, notes=found.notes),
    )
