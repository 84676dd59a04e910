"""Studies made up for tests: entries whose numbers are given, with all that follows from them."""

from __future__ import annotations

import math

import numpy as np

from failatlas.clustering.agreement import Agreement
from failatlas.studies.score import Entry, Rarity, Score
from failatlas.studies.study import Study

NAN = math.nan


def agreement(purity=0.9, covered=2, n_clusters=4, causes=("night", "sun", "mask"), noise=0.1) -> Agreement:
    """An agreement with the first ``covered`` of the causes; all clusters are equally pure."""
    return Agreement(
        purities=(purity,) * n_clusters,
        purity=purity if n_clusters else NAN,
        purity_median=purity if n_clusters else NAN,
        purity_min=purity if n_clusters else NAN,
        covered=tuple(causes[:covered]),
        causes=tuple(causes),
        coverage=covered / len(causes) if causes else NAN,
        ari=purity - 0.2,
        nmi=purity - 0.1,
        n_clusters=n_clusters,
        redundancy=n_clusters / covered if covered else NAN,
        noise=noise,
    )


def entry(pipeline="vgg16+umap+dbscan", *, seconds=(4.0, 2.0, 1.0), rare=None, error="", tuned=None, **found) -> Entry:
    """One entry; ``rare`` maps a frequency to how many of the causes were still covered."""
    extractor, reducer, clusterer = pipeline.split("+")
    made = None if error else agreement(**found)
    rarities = [
        Rarity(frequency, made.causes, made.causes[:covered]) for frequency, covered in (rare or {}).items() if made
    ]
    return Entry(
        pipeline=pipeline,
        extractor=extractor,
        reducer=reducer,
        clusterer=clusterer,
        tuned=extractor.endswith("-tuned") if tuned is None else tuned,
        score=None if made is None else Score(made, 0.3, 0.2, 0.5, NAN, {"umap.n_components": 25}, ()),
        rare=tuple(rarities),
        extract_s=seconds[0],
        reduce_s=seconds[1],
        cluster_s=seconds[2],
        peak_mb=NAN if error else 512.0,
        error=error,
    )


def grid(
    value,
    extractors=("heatmap", "vgg16", "vgg16-tuned"),
    reducers=("none", "pca", "umap"),
    clusterers=("kmeans", "dbscan"),
):
    """Every combination, its purity given by ``value(extractor, reducer, clusterer)``."""
    return [
        entry(f"{e}+{r}+{c}", purity=float(np.clip(value(e, r, c), 0, 1)), covered=int(value(e, r, c) > 0.5) + 1)
        for e in extractors
        for r in reducers
        for c in clusterers
    ]


def study(entries, *, causes=("night", "sun", "mask"), tallies=None, **more) -> Study:
    """A study of these entries."""
    from failatlas.injection import Tally

    tallies = [Tally(cause, 200, 40, "") for cause in causes] if tallies is None else tallies
    return Study(
        **{
            "name": "eyes",
            "entries": tuple(entries),
            "tallies": tuple(tallies),
            "n_natural": 30,
            "n_failures": 150,
            "causes": tuple(causes),
            "sizes": {"natural": 30} | dict.fromkeys(causes, 40),
            "seed": 7,
            "wall_s": 20.0,
            "shared_s": 5.0,
            "memory": "peak resident memory of the process",
            **more,
        }
    )
