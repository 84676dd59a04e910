"""Recipe: how a reference network is trained, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a reference network is trained: AdamW, one cycle of the learning rate.

    Attributes:
        epochs: passes over the training set.
        batch: pictures a step.
        rate: highest learning rate.
        decay: weight decay.
        seed: of weights, order and dropout.
        shift_px: pictures (and landmarks) are moved by up to so many pixels; 0 = not.
        gain: brightness is multiplied by a factor between 1 − gain and 1 + gain.
    """

    epochs: int = 8
    batch: int = 64
    rate: float = 3e-3
    decay: float = 1e-3
    seed: int = 0
    shift_px: int = 0
    gain: float = 0.0
