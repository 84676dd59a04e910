"""Input checks: does the network take these images, and do they come in the range it was trained on?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import numpy as np

from failatlas.arrays import Features, Mask, Pixels
from failatlas.errors import DataError, FailatlasError, UsageError
from failatlas.models.doctor.examination import Finding
from failatlas.models.model import Model, Preprocess
from failatlas.models.preprocess import NAMED, option
from failatlas.statistics import holm, wilson

SIDES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 227, 240, 256, 260, 299, 300, 384, 448, 512)
CLEARLY = 0.01  # corrected p below which another preprocessing counts as better
GAIN = 0.05  # and the share of images by which it must be better


class _Preprocessable(Protocol):
    def preprocessed(self, preprocess: Preprocess) -> Model: ...


def check_input(model: Model, pixels: Sequence[Pixels]) -> tuple[Finding, Model | None]:
    """Feed two images; when the network refuses them, find a number of channels and a size that it takes.

    Returns:
        the finding, and the network as it can go on being examined, None when it takes nothing.
    """
    try:
        model.predict(pixels[:2])
    except FailatlasError as error:
        refusal = error
    else:
        return Finding("ok", "input", f"takes {_described(model.preprocess)} images"), model
    for candidate in _shapes(model.preprocess, pixels[0].shape[:2]):
        other = _with(model, candidate)
        if other is None:
            break
        try:
            other.predict(pixels[:2])
        except FailatlasError:
            continue
        what = f"refuses {_described(model.preprocess)} images but takes {_described(candidate)} ({refusal.what})"
        return Finding("problem", "input", what, f"--preprocess {option(candidate)}"), other
    return Finding("problem", "input", refusal.what, refusal.remedy or "see what input the network was made for"), None


def check_normalisation(
    model: Model, pixels: Sequence[Pixels], wrong: Callable[[Features], tuple[Mask, str]]
) -> tuple[Finding, Model]:
    """Would another range, channel order or colour give clearly fewer errors on the same images?

    Each candidate is compared with the present preprocessing by McNemar's exact test on the images that only one of
    them gets right; p-values are corrected for the number of candidates (Holm).

    Args:
        model: takes these images.
        pixels: n images.
        wrong: (n, k) outputs → (n,) is it an error, and what that assumes, for the message.

    Returns:
        the finding, and the network behind the best preprocessing.
    """
    present, assumed = wrong(model.predict(pixels))
    rows = []
    for candidate in _ranges(model.preprocess):
        other = _with(model, candidate)
        if other is None:
            return Finding("ok", "normalisation", "left to the function itself"), model
        try:
            errors, assuming = wrong(other.predict(pixels))
        except (DataError, UsageError):
            continue  # the network does not take this one, or answers with nan
        rows.append((errors, assuming, candidate, other))
    if not rows:
        return Finding("ok", "normalisation", "no other preprocessing applies"), model
    corrected = holm([mcnemar(present, errors) for errors, *_ in rows])
    gains = np.array([present.mean() - errors.mean() for errors, *_ in rows])
    # red and blue swapped can look like classes swapped: what needs no other class order is the simpler cause
    simpler = np.array([bool(assumed) and not assuming for _, assuming, _, _ in rows]) & (gains >= -GAIN)
    convincing = np.flatnonzero(((corrected < CLEARLY) & (gains >= GAIN)) | simpler)
    right = wilson(int((~present).sum()), len(present))
    now = f"{right.value:.0%} [{right.low:.0%}, {right.high:.0%}] of {right.n} images"
    if not len(convincing):
        return Finding(
            "ok", "normalisation", f"{now} right{assumed}; none of {len(rows)} others is clearly better"
        ), model
    best = int(max(convincing, key=lambda i: (simpler[i], gains[i])))
    errors, assuming, candidate, other = rows[best]
    better = wilson(int((~errors).sum()), len(errors))
    what = (
        f"{now} are right with `{option(model.preprocess)}`{assumed}, "
        f"{better.value:.0%} [{better.low:.0%}, {better.high:.0%}] with `{option(candidate)}`{assuming}"
        + ("" if simpler[best] else f" (McNemar, corrected p = {corrected[best]:.1g})")
    )
    return Finding("problem", "normalisation", what, f"--preprocess {option(candidate)}"), other


def mcnemar(first_wrong: Mask, second_wrong: Mask) -> float:
    """Two-sided exact p that two paired answers err equally often; 1 when they never differ.

    Source: McNemar, Psychometrika 12, 1947, as the sign test on the discordant pairs.

    >>> mcnemar(np.array([True] * 5), np.array([False] * 5))
    0.0625
    """
    from scipy.stats import binomtest

    only_first = int((first_wrong & ~second_wrong).sum())
    discordant = only_first + int((second_wrong & ~first_wrong).sum())
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def _shapes(present: Preprocess, size: tuple[int, ...]) -> Iterator[Preprocess]:
    # the other number of channels first: the image's own size is likelier right than wrong
    own = (int(size[0]), int(size[1]))
    sizes = [present.size, own] + [(side, side) for side in SIDES if (side, side) != own]
    for wanted in dict.fromkeys(sizes):
        for channels in (present.channels, 4 - present.channels):
            keep = channels == present.channels
            yield dataclasses.replace(
                present,
                size=wanted,
                channels=channels,
                mean=present.mean if keep else present.mean[:1],
                std=present.std if keep else present.std[:1],
                bgr=present.bgr and channels == 3,
            )


def _ranges(present: Preprocess) -> list[Preprocess]:
    found = []
    for base in NAMED.values():
        for channels, bgr in ((1, False), (3, False), (3, True)):
            if channels < max(len(base.mean), len(base.std)):
                continue  # colour statistics mean nothing to a grey image
            found.append(Preprocess(present.size, channels, base.scale, base.mean, base.std, bgr))
    return [candidate for candidate in found if candidate != present]


def _with(model: Model, preprocess: Preprocess) -> Model | None:
    if not hasattr(model, "preprocessed") or getattr(model, "takes_pixels", False):
        return None
    return cast(_Preprocessable, model).preprocessed(preprocess)


def _described(preprocess: Preprocess) -> str:
    colour = "grey" if preprocess.channels == 1 else "RGB" if not preprocess.bgr else "BGR"
    size = f"{preprocess.size[0]}×{preprocess.size[1]} " if preprocess.size else ""
    return size + colour
