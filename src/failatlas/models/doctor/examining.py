"""Examining: the checks in order, from the file to the meaning of the outputs; a check that cannot run is left out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from failatlas.arrays import Features, Mask, Pixels
from failatlas.errors import FailatlasError
from failatlas.images.imageset import ImageSet
from failatlas.images.records import BadImage, ImageRecord
from failatlas.models.doctor import answers, inputs
from failatlas.models.doctor.examination import Examination, Finding, Level
from failatlas.models.model import Model, WhiteBox
from failatlas.seeds import generator
from failatlas.tasks.classification import Classification
from failatlas.tasks.task import Task


def examine(model: Model, images: ImageSet, task: Task, *, n_images: int = 128, seed: int = 0) -> Examination:
    """Look at a network with a few images of a set.

    Args:
        model: the network.
        images: the set; up to ``n_images`` of it are opened.
        task: the error rule; for a classification, label alignment is checked too.
        n_images: 64–256 are enough to tell a wrong normalisation from a right one.
        seed: which images are drawn.

    Returns:
        findings in order; it never raises for what is wrong with model, images or labels: that is what it reports.
    """
    findings: list[Finding] = []
    records: list[ImageRecord] = []
    pixels: list[Pixels] = []
    try:
        findings += _check_set(images, task, n_images, seed, records, pixels)
        findings += _check_weights(model)
        if pixels:
            findings += _check_network(model, task, records, pixels)
    except FailatlasError as error:
        findings.append(Finding("problem", "network", error.what, error.remedy))
    return Examination(model.name, len(pixels), tuple(findings))


def _check_set(
    images: ImageSet, task: Task, n_images: int, seed: int, records: list[ImageRecord], pixels: list[Pixels]
) -> Iterator[Finding]:
    gaps: Counter[str] = Counter()
    judged = []
    unknown: FailatlasError | None = None
    for i, record in enumerate(images.records):
        try:
            why = task.gap(record)
        except FailatlasError as error:
            unknown = unknown or error
            why = "unknown label"
        if why:
            gaps[why] += 1
        else:
            judged.append(i)
    if unknown is not None:
        what = f"{unknown.what} ({gaps['unknown label']} images, first {unknown.where})"
        yield Finding("problem", "labels", what, unknown.remedy)
    for why, count in sorted(gaps.items()):
        if why != "unknown label" or unknown is None:
            yield Finding("warning", "labels", f"{count} of {len(images)} images are left out: {why}")
    if not judged:
        yield Finding("problem", "images", f"none of {len(images)} images can be judged", "label some")
        return
    count = min(n_images, len(judged))
    drawn = sorted(generator(seed, "doctor").choice(len(judged), size=count, replace=False).tolist())
    bad: list[BadImage] = []
    for batch in images.batches(32, [judged[i] for i in drawn], lambda _, error: bad.append(error)):
        records += [images.records[i] for i in batch.indices]
        pixels += batch.pixels
    if bad:
        level: Level = "warning" if pixels else "problem"
        yield Finding(level, "images", f"{len(bad)} of {count} cannot be read, first {bad[0].where}: {bad[0].what}")
    if pixels:
        sizes = sorted({image.shape[:2] for image in pixels})
        span = "×".join(map(str, sizes[0])) + (f" to {'×'.join(map(str, sizes[-1]))}" if len(sizes) > 1 else "")
        yield Finding("ok", "images", f"{len(pixels)} read, {span} pixels")


def _check_weights(model: Model) -> Iterator[Finding]:
    name = str(getattr(model, "bad_weights", ""))
    if isinstance(model, WhiteBox):
        from failatlas.models.module import bad_weights

        name = bad_weights(model.module)
        left = _matters_in_training(model)
        if left:
            what = f"{len(left)} layers came in training mode, first {left[0]}; they run in evaluation mode here"
            yield Finding("warning", "mode", what, "call .eval() where the network is built")
    if name:
        yield Finding("problem", "weights", f"{name!r} holds nan or infinity", "load another checkpoint")
    else:
        yield Finding("ok", "weights", "all finite" if hasattr(model, "module") else "none seen that is not finite")


def _matters_in_training(model: WhiteBox) -> list[str]:
    # only layers whose answer depends on the mode; every fresh module is in training mode
    left = getattr(model, "trained_layers", ())
    kinds = ("Dropout", "BatchNorm", "InstanceNorm", "RReLU")
    parts = dict(model.module.named_modules())
    return [name for name in left if name in parts and any(kind in type(parts[name]).__name__ for kind in kinds)]


def _check_network(
    model: Model, task: Task, records: Sequence[ImageRecord], pixels: Sequence[Pixels]
) -> Iterator[Finding]:
    finding, fed = inputs.check_input(model, pixels)
    yield finding
    if fed is None:
        return
    outputs = fed.predict(pixels)
    yield answers.check_finite(outputs)
    yield answers.check_constant(outputs)
    yield answers.check_repeatable(fed, pixels, outputs)
    yield answers.check_independent(fed, pixels, outputs)
    is_finite = bool(np.isfinite(outputs).all())
    if isinstance(task, Classification):
        count = answers.check_count(outputs, task)
        yield count
        yield answers.check_seen(task, records)
        if count.level != "ok":
            return
        if is_finite:
            yield answers.check_kind(outputs)
    finding, best = inputs.check_normalisation(fed, pixels, lambda rows: _wrong(task, rows, records))
    yield finding
    if isinstance(task, Classification) and is_finite:
        alignment = answers.check_alignment(best.predict(pixels), task, records)
        if best is not fed:
            alignment = dataclasses.replace(alignment, what=f"{alignment.what}, with that preprocessing")
        yield alignment
    yield _check_export(fed, pixels)


def _wrong(task: Task, outputs: Features, records: Sequence[ImageRecord]) -> tuple[Mask, str]:
    """(n,) is it an error, and what that assumes; an output that is not finite is an error."""
    finite: Mask = np.all(np.isfinite(outputs), axis=1)
    wrong = ~finite
    kept = np.flatnonzero(finite).tolist()
    if not kept:
        return wrong, ""
    known = [records[i] for i in kept]
    if isinstance(task, Classification):
        wrong[kept], assumed = answers.errors_in_any_order(outputs[kept], task, known)
        return wrong, assumed
    wrong[kept] = task.judge(outputs[kept], known).is_error
    return wrong, ""


def _check_export(model: Model, pixels: Sequence[Pixels]) -> Finding:
    if not isinstance(model, WhiteBox):
        what = "black box: only what it answers can be seen"
        return Finding("ok", "relevance", what, "--pipeline safe; hudd needs a torch module or a .pt2")
    from failatlas.models.exported import exports

    reason = exports(model.module, model.tensor(pixels[:2]))
    if reason:
        return Finding("warning", "relevance", f"torch.export refuses the network ({reason})", "--pipeline safe")
    return Finding("ok", "relevance", "torch.export takes the network; --pipeline hudd can explain it")
