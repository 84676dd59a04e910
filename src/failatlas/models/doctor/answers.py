"""Answer checks: number, kind, constancy and order of a network's outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failatlas.arrays import Features, Mask, Pixels
from failatlas.images.records import ImageRecord
from failatlas.models.doctor.examination import Finding, Level
from failatlas.models.doctor.inputs import mcnemar
from failatlas.models.model import Model
from failatlas.statistics import wilson
from failatlas.tasks.classification import Classification

FAR_BETTER = 0.2  # share of images by which another order of classes must win


def check_finite(outputs: Features) -> Finding:
    """Is any output nan or infinite?"""
    bad = int((~np.isfinite(outputs).all(axis=1)).sum())
    if not bad:
        return Finding("ok", "outputs", f"{outputs.shape[1]} numbers an image, all finite")
    level: Level = "problem" if bad == len(outputs) else "warning"
    return Finding(level, "outputs", f"{bad} of {len(outputs)} images give nan or infinity", "check weights and range")


def check_constant(outputs: Features) -> Finding:
    """Does the network tell images apart?"""
    if len(outputs) > 1 and np.allclose(outputs, outputs[0], rtol=1e-6, atol=1e-7, equal_nan=True):
        what = f"all {len(outputs)} images give the same output"
        return Finding("problem", "variety", what, "check weights and --preprocess")
    return Finding("ok", "variety", "outputs differ between images")


def check_repeatable(model: Model, pixels: Sequence[Pixels], outputs: Features) -> Finding:
    """Does the same batch give the same answer twice?"""
    again = model.predict(pixels)
    if np.array_equal(outputs, again, equal_nan=True):
        return Finding("ok", "repeatable", "the same batch gives the same outputs twice")
    largest = float(np.nanmax(np.abs(outputs - again)))
    remedy = "find what draws random numbers, e.g. dropout called as a function with training=True"
    return Finding("problem", "repeatable", f"the same batch gives outputs that differ by up to {largest:.2g}", remedy)


def check_independent(model: Model, pixels: Sequence[Pixels], outputs: Features) -> Finding:
    """Does an image get the same answer alone as among others?"""
    few = min(4, len(pixels))
    alone = np.concatenate([model.predict([image]) for image in pixels[:few]])
    largest = float(np.nanmax(np.abs(alone - outputs[:few]), initial=0.0))
    # kernels for one and for many images add up in another order: allow float32 noise, not more
    allowed = 1e-3 * max(1.0, float(np.nanmax(np.abs(outputs), initial=0.0)))
    if largest <= allowed:
        return Finding("ok", "independent", f"alone and in a batch, outputs agree to {largest:.1g}")
    remedy = "let the network normalise each image by itself (batch statistics in evaluation mode?)"
    return Finding("problem", "independent", f"outputs change by {largest:.2g} with the rest of the batch", remedy)


def check_count(outputs: Features, task: Classification) -> Finding:
    """Is there one output a class?"""
    k, classes = outputs.shape[1], len(task.classes)
    if k == classes:
        return Finding("ok", "classes", f"{k} outputs for {classes} classes")
    remedy = f"name all {k} classes in output order with --classes"
    if k == classes + 1:
        remedy += "; is one of them a background class?"
    return Finding("problem", "classes", f"{k} outputs for {classes} classes", remedy)


def check_seen(task: Classification, records: Sequence[ImageRecord]) -> Finding:
    """Does every class have images?"""
    seen = {record.label for record in records}
    absent = [name for name in task.classes if name not in seen]
    if not absent:
        return Finding("ok", "labels", f"all {len(task.classes)} classes have images")
    shown = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
    return Finding("warning", "labels", f"{len(absent)} of {len(task.classes)} classes have no image here: {shown}")


def check_kind(outputs: Features) -> Finding:
    """Are outputs probabilities or logits?"""
    is_probability = (outputs >= 0).all() and np.abs(outputs.sum(axis=1) - 1).max(initial=0) <= 1e-3
    if not is_probability:
        return Finding("ok", "kind", "outputs are logits")
    remedy = "leave the final softmax out if relevance is wanted: it is propagated from the logit"
    return Finding("warning", "kind", "outputs are probabilities (they sum to 1)", remedy)


def check_alignment(outputs: Features, task: Classification, records: Sequence[ImageRecord]) -> Finding:
    """Do outputs mean the classes they are said to mean?

    A network whose answers are right up to the order of classes shows a confusion matrix that is nearly a permutation.
    The order is fitted on every other image and tried on the rest, where it must win by McNemar's exact test: a fitted
    order always looks better on the images it was fitted to.
    """
    k = len(task.classes)
    expected = np.array([task.classes.index(record.label or "") for record in records])
    predicted = outputs.argmax(axis=1)
    right = wilson(int((expected == predicted).sum()), len(expected))
    shown = f"{right.value:.0%} [{right.low:.0%}, {right.high:.0%}] of {right.n} images are right"
    order = _fitted_order(expected[::2], predicted[::2], k)
    held_out = slice(1, None, 2)
    before = expected[held_out] != predicted[held_out]
    after = expected[held_out] != order[predicted[held_out]]
    if len(before) and before.mean() - after.mean() >= FAR_BETTER and mcnemar(before, after) < 0.01:
        order = _fitted_order(expected, predicted, k)
        names = ",".join(task.classes[i] for i in order)
        what = f"{shown}, but {1 - after.mean():.0%} when outputs are named in another order (held-out images)"
        return Finding("problem", "label alignment", what, f'--classes "{names}"')
    if k > 1 and right.high <= 1.5 / k:
        return Finding("problem", "label alignment", f"{shown}: no better than chance", "check weights and labels")
    return Finding("ok", "label alignment", shown)


def errors_in_any_order(outputs: Features, task: Classification, records: Sequence[ImageRecord]) -> tuple[Mask, str]:
    """Errors under the given class order, or under one fitted to the other half of the images if that is far better.

    Preprocessings are compared with this, for a network with right input and shuffled classes gets nothing right, and
    one that answers the same class everywhere would look better.

    Returns:
        (n,) is it an error, and what was assumed, for the message.
    """
    expected = np.array([task.classes.index(record.label or "") for record in records])
    predicted = outputs.argmax(axis=1)
    given = expected != predicted
    fitted = given.copy()
    for half, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        order = _fitted_order(expected[other], predicted[other], len(task.classes))
        fitted[half] = expected[half] != order[predicted[half]]
    if given.mean() - fitted.mean() >= FAR_BETTER and mcnemar(given, fitted) < 0.01:
        return fitted, " up to the order of classes"
    return given, ""


def _fitted_order(expected: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """Class that each output means: the one-to-one naming with the most right answers."""
    from scipy.optimize import linear_sum_assignment

    confusion = np.zeros((k, k))
    np.add.at(confusion, (predicted, expected), 1.0)
    # a hair's weight on the present order: outputs never given keep their names where they can
    outputs, classes = linear_sum_assignment(confusion + 1e-6 * np.eye(k), maximize=True)
    order = np.arange(k)
    order[outputs] = classes
    return order
