"""Domino: a mixture over embedding, label and prediction; its components that err most are the slices.

Source: Eyuboglu, Varma, Saab, Delbrouck, Lee-Messer, Dunnmon, Zou, Ré, "Domino: Discovering systematic errors with
cross-modal embeddings", ICLR 2022, §5 and appendix on the mixture. Published defaults: PCA to 128 columns, 25
components, diagonal covariances, weight γ = 10 on label and prediction, initialised by the cells of the confusion
matrix with a little noise, 100 iterations. Written anew from the paper and its published definitions. Ours: the
embedding is chosen as for every method (no CLIP offline).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES, reduced
from benchmarks.slices.networks import Answers
from failatlas.seeds import generator

Matrix = NDArray[np.float64]

COMPONENTS = 25
GAMMA = 10.0
ITERATIONS = 100
TOLERANCE = 1e-3  # mean log-likelihood: as Gaussian mixtures are usually stopped
_NOISE = 1e-3  # of the initial responsibilities, so that components of one cell part
_FLOOR = 1e-6  # of a variance


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Parameters of k components over d columns and c classes.

    Attributes:
        shares: (k,) prior of each component.
        means, variances: (k, d) of the embedding.
        labels, predictions: (k, c) distribution of label and prediction.
    """

    shares: Matrix
    means: Matrix
    variances: Matrix
    labels: Matrix
    predictions: Matrix


def domino(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:
    """Responsibilities of the five components whose labels and predictions differ most."""
    learnt, asked = reduced(discovery.features[feature], scored.features[feature])
    start = confusion_start(discovery, COMPONENTS, generator(seed, "domino"))
    mixture = fit(learnt, _one_hot(discovery), discovery.probabilities, start)
    differing = np.abs(mixture.predictions - mixture.labels).max(axis=1)
    chosen = np.argsort(-differing, kind="stable")[:N_SLICES]
    return responsibilities(mixture, asked, _one_hot(scored), scored.probabilities)[0][:, chosen]


def confusion_start(answers: Answers, components: int, random: np.random.Generator) -> Matrix:
    """(n, k) initial responsibilities: components take turns over the cells of label and prediction."""
    c = answers.probabilities.shape[1]
    cells = np.arange(components) % (c * c)
    own = answers.labels * c + answers.predicted
    start = (own[:, None] == cells[None]) + _NOISE * random.random((len(own), components))
    return np.asarray(start / start.sum(axis=1, keepdims=True), np.float64)


def fit(rows: Matrix, labels: Matrix, predictions: Matrix, start: Matrix) -> Mixture:
    """Expectation–maximisation from initial responsibilities until the likelihood stands still."""
    mixture, before = maximised(rows, labels, predictions, start), -np.inf
    for _ in range(ITERATIONS):
        shares, likelihood = responsibilities(mixture, rows, labels, predictions)
        mixture = maximised(rows, labels, predictions, shares)
        if abs(likelihood - before) < TOLERANCE:
            break
        before = likelihood
    return mixture


def responsibilities(mixture: Mixture, rows: Matrix, labels: Matrix, predictions: Matrix) -> tuple[Matrix, float]:
    """(n, k) P(component | embedding, label, prediction), mean log-likelihood; soft predictions enter linearly."""
    from scipy.special import logsumexp

    precision = 1 / mixture.variances
    squares = (
        rows**2 @ precision.T - 2 * rows @ (mixture.means * precision).T + (mixture.means**2 * precision).sum(axis=1)
    )
    gaussian = -0.5 * (squares + np.log(2 * np.pi * mixture.variances).sum(axis=1))
    tiny = np.finfo(np.float64).tiny
    told = np.log(labels @ mixture.labels.T + tiny) + np.log(predictions @ mixture.predictions.T + tiny)
    joint = np.log(mixture.shares + tiny) + gaussian + GAMMA * told
    total = logsumexp(joint, axis=1, keepdims=True)
    return np.exp(joint - total), float(total.mean())


def maximised(rows: Matrix, labels: Matrix, predictions: Matrix, shares: Matrix) -> Mixture:
    """The parameters that make given responsibilities likeliest."""
    weight = shares.sum(axis=0) + 10 * np.finfo(np.float64).eps
    means = shares.T @ rows / weight[:, None]
    variances = np.maximum(shares.T @ rows**2 / weight[:, None] - means**2, 0) + _FLOOR
    return Mixture(
        weight / weight.sum(),
        means,
        variances,
        shares.T @ labels / weight[:, None],
        shares.T @ predictions / weight[:, None],
    )


def _one_hot(answers: Answers) -> Matrix:
    return np.eye(answers.probabilities.shape[1])[answers.labels]
