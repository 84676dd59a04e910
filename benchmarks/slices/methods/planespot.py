"""PlaneSpot: a mixture of Gaussians over a two-dimensional layout with the network's confidence as third axis.

Source: Plumb, Johnson, Cabrera, Talwalkar, "Towards a more rigorous science of blindspot discovery in image
classification models", TMLR 2023 (arXiv 2207.04104), §4: representation → two dimensions, scaled to 0 … 1, weighted
confidence appended, Gaussian mixture whose number of components the Bayesian information criterion chooses,
hypotheses ranked by error rate × number of errors. Written anew from the paper and its published definitions. Ours:
UMAP in place of scvis; the scored half is placed between its nearest neighbours, as UMAP's own transform begins; the
weight was tuned on the development settings, as the paper tunes it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES, reduced
from benchmarks.slices.networks import Answers
from failatlas.reduction.neighbours import nearest
from failatlas.reduction.umap import Umap
from failatlas.seeds import derive

WEIGHT = 1.0  # of the confidence axis against the two of the layout
COMPONENTS = (5, 10, 15, 20, 25)  # what the criterion chooses from
NEIGHBOURS = 15  # UMAP's default


def planespot(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:
    """Responsibilities of the five components with the largest error rate × number of errors."""
    from sklearn.mixture import GaussianMixture

    plane, placed = layout(discovery, scored, feature, seed)
    points = np.column_stack([plane, WEIGHT * _confidence(discovery)])
    mixtures = [
        GaussianMixture(k, random_state=derive(seed, "planespot", k)).fit(points)
        for k in COMPONENTS
        if k <= len(points)
    ]
    mixture = min(mixtures, key=lambda one: one.bic(points))
    shares = mixture.predict_proba(points)
    errors = shares[discovery.is_error].sum(axis=0)
    importance = errors * errors / np.maximum(shares.sum(axis=0), 1e-12)
    chosen = np.argsort(-importance, kind="stable")[:N_SLICES]
    return np.asarray(mixture.predict_proba(np.column_stack([placed, WEIGHT * _confidence(scored)]))[:, chosen])


def layout(
    discovery: Answers, scored: Answers, feature: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2) and (m, 2) in 0 … 1: where UMAP lays the discovery half, and the scored half between its neighbours."""
    learnt, asked = (rows.astype(np.float32) for rows in reduced(discovery.features[feature], scored.features[feature]))
    # umap looks at standardised rows, so neighbours are sought among those
    scale = np.where(learnt.std(axis=0) > 0, learnt.std(axis=0), 1)
    plane = Umap(n_components=2, n_neighbors=NEIGHBOURS, seed=derive(seed, "layout")).fit_transform(learnt)
    plane = plane.astype(np.float64)
    plane = (plane - plane.min(axis=0)) / np.maximum(np.ptp(plane, axis=0), 1e-12)
    found, away = nearest(learnt / scale, NEIGHBOURS, asked / scale)
    pull = np.exp(-away / np.maximum(away.mean(axis=1, keepdims=True), 1e-12))
    return plane, (plane[found] * pull[..., None]).sum(axis=1) / pull.sum(axis=1, keepdims=True)


def _confidence(answers: Answers) -> NDArray[np.float64]:
    """(n,) probability of the true label."""
    return answers.probabilities[np.arange(len(answers.labels)), answers.labels]
