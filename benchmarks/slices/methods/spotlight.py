"""Spotlight: a Gaussian kernel placed and widened so that the loss under it is largest; then the next one.

Source: d'Eon, d'Eon, Wright, Leyton-Brown, "The Spotlight: A general method for discovering systematic errors in deep
learning models", FAccT 2022 (arXiv 2107.00758), §3. Its choices for image networks: a spherical
kernel, a least spotlight of 2 % of the data held by a barrier that tightens geometrically from all of the data to 5 %
of that size, 5,000 steps of Adam at 10⁻², halved on a plateau; found losses are scaled down before the next spotlight.
Written anew from the paper and its published definitions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES, reduced
from benchmarks.slices.networks import Answers

Matrix = NDArray[np.float64]

SIZE = 0.02  # of the photographs, the least that a spotlight covers
STEPS = 5000
RATE = 1e-2
PATIENCE, DECAY = 10, 0.5
STILL = 1e-4  # a coordinate that cannot move farther in all that is left has arrived
_FIRST_PRECISION = 1e-4
_LAST_BARRIER = 0.05  # of the least size


def spotlight(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:  # noqa: ARG001 - nothing is random
    """Kernel weights of five spotlights."""
    learnt, asked = reduced(discovery.features[feature], scored.features[feature])
    losses = -np.log(np.maximum(discovery.probabilities[np.arange(len(learnt)), discovery.labels], 1e-12))
    columns = []
    for _ in range(N_SLICES):
        centre, precision = shine(learnt, losses)
        inside = weights(learnt, centre, precision)
        losses = losses * (1 - inside / inside.max())
        columns.append(weights(asked, centre, precision))
    return np.stack(columns, axis=1)


def weights(rows: Matrix, centre: Matrix, precision: float) -> Matrix:
    """(n,) exp(−precision · distance² / 2)."""
    return np.exp(-0.5 * precision * np.square(rows - centre).sum(axis=1))


def shine(rows: Matrix, losses: Matrix, steps: int = STEPS) -> tuple[Matrix, float]:
    """Centre and precision of the kernel under which the mean loss is largest.

    A kernel that covers less than the least size plus the barrier pays the square of what it lacks, in barriers.
    """
    x, loss = np.asarray(rows, np.float32), losses.astype(np.float32)
    squares, least = np.square(x).sum(axis=1), SIZE * len(x)
    place = np.zeros(x.shape[1] + 1)  # centre and the logarithm of the precision
    place[-1] = np.log(_FIRST_PRECISION)
    momentum, scale = np.zeros_like(place), np.zeros_like(place)
    rate, best, bad = RATE, np.inf, 0
    for step, barrier in enumerate(np.geomspace(len(x) - least, _LAST_BARRIER * least, steps), 1):
        cost, slope = slopes(x, squares, loss, place, least, float(barrier))
        momentum = 0.9 * momentum + 0.1 * slope
        scale = 0.999 * scale + 0.001 * slope**2
        place -= rate * (momentum / (1 - 0.9**step)) / (np.sqrt(scale / (1 - 0.999**step)) + 1e-8)
        # costs are mostly negative: a standstill counts as progress, and only what gets worse waits for smaller steps
        best, bad = (cost, 0) if cost < best * (1 - 1e-4) or not np.isfinite(best) else (best, bad + 1)
        if bad > PATIENCE:
            rate, best, bad = rate * DECAY, np.inf, 0
            if rate * (steps - step) < STILL:
                break
    return place[:-1], float(np.exp(place[-1]))


def slopes(
    x: NDArray[np.float32],
    squares: NDArray[np.float32],
    loss: NDArray[np.float32],
    place: Matrix,
    least: float,
    barrier: float,
) -> tuple[float, Matrix]:
    """Cost and its derivatives by centre and logarithm of the precision."""
    centre, precision = place[:-1].astype(np.float32), np.float32(np.exp(place[-1]))
    distance = squares - 2 * (x @ centre) + centre @ centre
    kernel = np.exp(-0.5 * precision * distance)
    covered = float(kernel.sum())
    mean = float(kernel @ loss) / covered
    lacking = max(least + barrier - covered, 0.0) / barrier
    pull = kernel * (-(loss - mean) / covered - 2 * lacking / barrier)
    by_centre = precision * (pull @ x - pull.sum() * centre)
    by_precision = -0.5 * precision * (pull @ distance)
    return lacking**2 - mean, np.append(by_centre, by_precision).astype(np.float64)
