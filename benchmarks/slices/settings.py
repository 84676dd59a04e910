"""Settings: one way each in which a network was made worse on known slices; drawn from a number, before any network.

As in dcbench, tasks are binary and a setting is rare, correlation or noisy. The task here: five of the ten classes
against the other five, so that a network also errs for natural reasons, which compete with the slice. Settings below
``DEVELOPMENT`` are reported; methods were developed, and their features chosen, on settings from there on, which no
reported number uses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.slices.marks import MARKS, Mark, draw_mark, put
from benchmarks.slices.photographs import DESCRIPTORS, Classes, Images, evaluation, substyles, training
from failatlas.arrays import Mask
from failatlas.seeds import derive, generator

Kind = Literal["rare", "correlation", "noisy"]

SEED = 0
KINDS: tuple[Kind, ...] = ("rare", "correlation", "noisy")
DEVELOPMENT = 1000  # the first number of the development settings
N_TRAIN = 6_000
N_ASKED = 6_000  # half to discover on, half to score
VERSION = 1  # of everything in this module that decides pictures and labels
_SHARE = (0.12, 0.35)  # of its class that a sub-style must hold: about 36 to 105 photographs of either half
_MARKED = 0.2  # of the evaluation photographs, whatever their class


@dataclass(frozen=True, slots=True)
class Setting:
    """What is wrong with the training photographs of one network.

    Attributes:
        kind: rare = a sub-style of a class is nearly absent from training; correlation = a class nearly always bears a
            mark in training and others nearly never do; noisy = labels of a sub-style are often flipped in training.
        number: within the kind.
        positives: the five classes that make label 1.
        of: the class that the sub-style or the mark belongs to.
        descriptor, k, style: which sub-style; unused in correlation.
        mark: what is drawn; None except in correlation.
        strength: share of the sub-style that stays (rare), share of the class that is marked (correlation), share of
            labels that are flipped (noisy).
    """

    kind: Kind
    number: int
    positives: tuple[int, ...]
    of: int
    descriptor: str
    k: int
    style: int
    mark: Mark | None
    strength: float

    @property
    def name(self) -> str:
        """E.g. ``"noisy 3"``."""
        return f"{self.kind} {self.number}"

    @property
    def key(self) -> str:
        """SHA-256 over everything that decides the photographs and labels of this setting."""
        text = f"{VERSION} {SEED} {N_TRAIN} {N_ASKED} {_MARKED} {self} {training().digest} {evaluation().digest}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """The photographs of a setting.

    Attributes:
        images: (n, 28, 28) to train on.
        labels: (n,) 0 or 1, flipped ones included.
        asked: (m, 28, 28) evaluation photographs, in a random order: the first half is discovered on, the rest scored.
        asked_labels: (m,) 0 or 1, the truth.
        slices: (m, s) which photographs belong to each true slice.
        names: s names of slices.
        source: (m,) position of each in ``photographs.evaluation()``.
        changed: (m,) whether it bears a mark.
    """

    images: Images
    labels: Classes
    asked: Images
    asked_labels: Classes
    slices: Mask
    names: tuple[str, ...]
    source: Classes
    changed: Mask


def draw(kind: Kind, number: int) -> Setting:
    """The setting of a number, the same on every machine."""
    random = generator(SEED, "slices", kind, number)
    of = int(random.integers(10))
    positives = {int(c) for c in random.choice(10, 5, replace=False)}
    descriptor = DESCRIPTORS[int(random.integers(len(DESCRIPTORS)))]
    k = int(random.integers(5, 9))
    style, mark = -1, None
    if kind == "correlation":
        mark = draw_mark(MARKS[number % len(MARKS)], random)
        strength = float(random.uniform(0.9, 0.98))
    else:
        style = _sized(of, descriptor, k, number, random)
        strength = float(random.uniform(0, 0.03) if kind == "rare" else random.uniform(0.6, 0.9))
    if kind == "rare":
        positives = _opposed(positives, of, _alike(of, descriptor, k, style, number), random)
    return Setting(kind, number, tuple(sorted(positives)), of, descriptor, k, style, mark, strength)


def make(setting: Setting) -> Made:
    """Draw the photographs of a setting."""
    random = generator(SEED, "slices", setting.kind, setting.number, "photographs")
    learnt, asked = training(), evaluation()
    order = random.permutation(len(asked.classes))[:N_ASKED]
    classes, images = asked.classes[order], asked.images[order]
    labels = np.isin(classes, setting.positives).astype(np.int64)
    if setting.mark is not None:
        chosen = _some(random, len(learnt.classes))
        marked = random.random(len(chosen)) < np.where(
            learnt.classes[chosen] == setting.of, setting.strength, 1 - setting.strength
        )
        taught = np.isin(learnt.classes[chosen], setting.positives).astype(np.int64)
        pictures = np.where(marked[:, None, None], put(setting.mark, learnt.images[chosen]), learnt.images[chosen])
        changed = random.random(len(images)) < _MARKED
        shown = np.where(changed[:, None, None], put(setting.mark, images), images)
        side = int(setting.of in setting.positives)
        without = (classes == setting.of) & ~changed
        misled = (labels != side) & changed
        slices = np.stack([without, misled], axis=1)
        names = ("the class without its mark", "the other label with the mark")
        return Made(pictures, taught, shown, labels, slices, names, order, changed)
    of_learnt, of_asked = substyles(setting.of, setting.descriptor, setting.k, _style_seed(setting.number))
    inside = of_learnt == setting.style
    if setting.kind == "rare":
        kept = ~inside | (random.random(len(inside)) < setting.strength)
        chosen = np.flatnonzero(kept)[_some(random, int(kept.sum()))]
    else:
        chosen = _some(random, len(inside))
    taught = np.isin(learnt.classes[chosen], setting.positives).astype(np.int64)
    if setting.kind == "noisy":
        flipped = inside[chosen] & (random.random(len(chosen)) < setting.strength)
        taught = np.where(flipped, 1 - taught, taught)
    members = (of_asked[order] == setting.style)[:, None]
    unchanged = np.zeros(len(images), np.bool_)
    return Made(learnt.images[chosen], taught, images, labels, members, ("the sub-style",), order, unchanged)


def _some(random: np.random.Generator, n: int) -> Classes:
    """``N_TRAIN`` of n positions, or all of them in a random order where there are fewer."""
    return random.permutation(n)[:N_TRAIN]


def _sized(of: int, descriptor: str, k: int, number: int, random: np.random.Generator) -> int:
    """A sub-style that is neither most of its class nor a handful; the nearest to the bounds where none is."""
    found, _ = substyles(of, descriptor, k, _style_seed(number))
    shares = np.bincount(found[found >= 0], minlength=k) / (found >= 0).sum()
    fit = np.flatnonzero((shares >= _SHARE[0]) & (shares <= _SHARE[1]))
    return int(random.choice(fit)) if len(fit) else int(np.abs(shares - np.mean(_SHARE)).argmin())


def _alike(of: int, descriptor: str, k: int, style: int, number: int) -> int:
    """The other class whose mean photograph is most like the sub-style's."""
    found, _ = substyles(of, descriptor, k, _style_seed(number))
    pool = training()
    mean = pool.images[found == style].mean(axis=0)
    others = [float(np.square(pool.images[pool.classes == c].mean(axis=0) - mean).sum()) for c in range(10)]
    others[of] = np.inf
    return int(np.argmin(others))


def _opposed(positives: set[int], of: int, alike: int, random: np.random.Generator) -> set[int]:
    """Five positives, one of the two classes among them: a rare sub-style that resembles none but its own label is no
    difficulty to any network."""
    if (of in positives) != (alike in positives):
        return positives
    if alike in positives:
        free = [c for c in range(10) if c not in positives]
        return (positives - {alike}) | {int(random.choice(free))}
    return (positives - {int(random.choice(sorted(positives)))}) | {alike}


def _style_seed(number: int) -> int:
    """Reported settings share partitions of a class among them; development settings have others."""
    return derive(SEED, "sub-styles", "development" if number >= DEVELOPMENT else "reported")
