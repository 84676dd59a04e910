"""No reduction: features are clustered as they are; the reference that every other reduction must beat."""

from __future__ import annotations

from failatlas.arrays import Embedding, Features
from failatlas.curves import Curve
from failatlas.reduction.reducer import reducers
from failatlas.reduction.rows import finite_rows


@reducers.register("none", source="–")
class Identity:
    """Features unchanged."""

    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def fit_transform(self, features: Features) -> Embedding:
        """The features themselves; raises DataError where they are not finite."""
        embedding = finite_rows(features)
        self.parameters_ = {}
        self.curves_ = ()
        self.notes_ = ()
        return embedding

    def transform(self, features: Features) -> Embedding:
        """New rows, unchanged."""
        return finite_rows(features)
