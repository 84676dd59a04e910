"""Model: what the street needs of a network: numbers out of pixels; and, for a white box, its module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from failatlas.arrays import Features, Pixels

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How pixels become the network's input: resize, channels, scale, normalise.

    Attributes:
        size: (height, width) in pixels the image is resized to (bilinear, antialiased); None = as it is.
        channels: 3 (RGB) or 1 (ITU-R 601 grey).
        scale: 8-bit values are multiplied by this, usually 1/255.
        mean, std: per channel, after scaling: (x·scale − mean) / std; in the order in which the network sees channels.
        bgr: blue comes first, as in networks trained with OpenCV or Caffe.
    """

    size: tuple[int, int] | None = None
    channels: int = 3
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False


@runtime_checkable
class Model(Protocol):
    """A network as a function of pixels."""

    @property
    def name(self) -> str:
        """Short name for people."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over weights, structure and preprocessing; part of every key that depends on the network."""

    @property
    def preprocess(self) -> Preprocess:
        """How pixels become input."""

    def predict(self, pixels: Sequence[Pixels]) -> Features:
        """Raw outputs (logits, numbers, coordinates), (n, k) float32; deterministic, evaluation mode."""


@runtime_checkable
class WhiteBox(Model, Protocol):
    """A model whose torch module is at hand: relevance and activations can be had."""

    @property
    def module(self) -> torch.nn.Module:
        """The network, in evaluation mode."""

    def tensor(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        """Preprocessed input, (n, c, h, w) float32."""
