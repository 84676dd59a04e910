"""Callables: any Python function as a black box, from a notebook or another framework."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from failatlas.arrays import Features, Pixels
from failatlas.models.digest import source_of
from failatlas.models.model import Preprocess
from failatlas.models.preprocess import apply
from failatlas.models.rows import as_rows, explained


class CallableModel:
    """A function of pixels as a ``Model``.

    Args:
        function: takes a list of n (h, w, 3) uint8 arrays or, when ``preprocess`` is given, one (n, c, h, w) float32
            array; returns (n, k) numbers.
        preprocess: None = the function gets the pixels as they are.
        name: for people; default: the function's name.
        classes: names of its outputs, default: the function's ``classes`` attribute, if any.
        version: what identifies the weights inside the function. Its digest covers source and name only, so a run
            cannot notice that a network behind an unchanged function was retrained unless this text changes.

    >>> model = CallableModel(lambda images: [[image.mean(), 0.0] for image in images], name="brightness")
    >>> model.predict([np.full((2, 2, 3), 7, np.uint8)]).tolist()
    [[7.0, 0.0]]
    """

    def __init__(
        self,
        function: Callable[..., object],
        preprocess: Preprocess | None = None,
        name: str = "",
        *,
        classes: Sequence[str] = (),
        version: str = "",
    ) -> None:
        self.function = function
        self.preprocess = preprocess or Preprocess()
        self.name = name or str(getattr(function, "__qualname__", type(function).__qualname__))
        self.classes = tuple(classes) or tuple(str(c) for c in getattr(function, "classes", ()))
        self.version = version
        self._takes_arrays = preprocess is not None

    def __repr__(self) -> str:
        return f"<CallableModel {self.name}>"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over name, source text, ``version`` and preprocessing."""
        source = source_of(self.function) or source_of(type(self.function))
        text = "\0".join((self.name, source, self.version, repr(self.preprocess), str(self._takes_arrays)))
        return hashlib.sha256(text.encode()).hexdigest()

    def preprocessed(self, preprocess: Preprocess) -> CallableModel:
        """The same function fed with arrays that are preprocessed in another way."""
        return CallableModel(self.function, preprocess, self.name, classes=self.classes, version=self.version)

    @property
    def takes_pixels(self) -> bool:
        """Whether the function does its own preprocessing."""
        return not self._takes_arrays

    def predict(self, pixels: Sequence[Pixels]) -> Features:
        """Raw outputs, (n, k) float32.

        Raises:
            ModelError: the function fails or returns no numbers.
            ShapeError: not one row an image.
        """
        if not pixels:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        given: object = apply(self.preprocess, pixels) if self._takes_arrays else list(pixels)
        try:
            output = self.function(given)
        except Exception as error:
            shape = given.shape if isinstance(given, np.ndarray) else None
            raise explained(error, where=self.name, shape=shape) from error
        return as_rows(output, len(pixels), where=self.name)
