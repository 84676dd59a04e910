"""Classification: the most active output against the label; a cost matrix gives each confusion its severity."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from failatlas.arrays import Features, Vector, freeze
from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks.costs import Costs, checked_costs
from failatlas.tasks.task import Verdict

Unknown = Literal["error", "leave out"]


class Classification:
    """Error ⇔ the class of the largest output is not the label (HUDD: argmax(logits) ≠ label).

    Args:
        classes: names, in the order of the network's outputs.
        cost: (k, k) severities ``cost[expected][predicted]``, finite, ≥ 0, 0 on the diagonal; None = every confusion
            weighs 1.
        unknown: what to do with a label that is not in ``classes``: stop, or leave its image out and count it.

    Raises:
        DataError: no classes, a name twice, or a bad cost matrix.

    >>> task = Classification(("cat", "dog"), cost=[[0, 1], [5, 0]])
    >>> verdict = task.judge(np.array([[2.0, 0.0]], np.float32), [ImageRecord("a.png", "a.png", label="dog")])
    >>> verdict.predicted, verdict.expected, verdict.severity.tolist()
    (('cat',), ('dog',), [5.0])
    """

    name = "classification"

    def __init__(
        self,
        classes: Sequence[str],
        cost: Costs | Sequence[Sequence[float]] | None = None,
        *,
        unknown: Unknown = "error",
    ) -> None:
        self.classes = tuple(classes)
        if not self.classes:
            raise DataError("a classification needs at least one class", remedy="name them with --classes")
        doubled = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if doubled:
            raise DataError(f"class {doubled[0]!r} is named twice", remedy="name every class once")
        self.cost = None if cost is None else checked_costs(cost, self.classes)
        self.unknown: Unknown = unknown
        self._position = {name: i for i, name in enumerate(self.classes)}

    def __repr__(self) -> str:
        weighed = ", with costs" if self.cost is not None else ""
        return f"<Classification {len(self.classes)} classes{weighed}>"

    def gap(self, record: ImageRecord) -> str:
        """``"no label"``, ``"unknown label"`` (when those are left out), or empty.

        Raises:
            DataError: the label is unknown and unknown labels are errors; offers the nearest class.
        """
        if record.label is None:
            return "no label"
        if record.label in self._position:
            return ""
        if self.unknown == "leave out":
            return "unknown label"
        near = difflib.get_close_matches(record.label, self.classes, n=1)
        known = ", ".join(self.classes[:8]) + (", …" if len(self.classes) > 8 else "")
        raise DataError(
            f"label {record.label!r} is not a class of the network",
            where=record.id,
            remedy=(f"did you mean {near[0]!r}? " if near else f"classes are {known}; ")
            + "correct the label or --classes",
            code="E_LABEL_UNKNOWN",
        )

    def judge(self, outputs: Features, records: Sequence[ImageRecord]) -> Verdict:
        """Judge (n, k) logits or probabilities; ties go to the first class.

        Raises:
            ShapeError: k is not the number of classes, or n not the number of records.
            DataError: a label is missing or unknown, or an output is not finite.
        """
        check_outputs(outputs, records)
        if outputs.shape[1] != len(self.classes):
            raise ShapeError(
                f"the network gives {outputs.shape[1]} outputs, the task has {len(self.classes)} classes",
                remedy=f"name all {outputs.shape[1]} classes in output order with --classes",
            )
        expected = np.array([self._expected(record) for record in records], dtype=np.int64)
        predicted = outputs.argmax(axis=1).astype(np.int64)
        is_error = predicted != expected
        severity = is_error.astype(np.float64) if self.cost is None else self.cost[expected, predicted]
        return Verdict(
            predicted=tuple(self.classes[i] for i in predicted),
            expected=tuple(self.classes[i] for i in expected),
            is_error=freeze(is_error),
            severity=freeze(np.where(is_error, severity, 0.0)),
            uncertainty=freeze(entropy(outputs)),
            score=freeze(predicted),
        )

    def to_json(self) -> dict[str, object]:
        """Name, classes, costs, and what happens to unknown labels."""
        return {
            "task": self.name,
            "classes": list(self.classes),
            "cost": None if self.cost is None else self.cost.tolist(),
            "unknown": self.unknown,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Classification:
        """The task that ``to_json`` described."""
        return cls(document["classes"], document["cost"], unknown=document["unknown"])  # type: ignore[arg-type]

    def _expected(self, record: ImageRecord) -> int:
        why = self.gap(record)
        if why:
            raise DataError(why, where=record.id, remedy="label the image or leave it out", code="E_LABEL_MISSING")
        assert record.label is not None
        return self._position[record.label]


def entropy(outputs: Features) -> Vector:
    """Normalised entropy of each row's class distribution: 0 = certain, 1 = uniform.

    A row that is non-negative and sums to 1 (± 0.001) is taken as probabilities, any other row as logits, which pass
    through a softmax. Decided row by row, so that the batch does not matter.

    Args:
        outputs: (n, k) float32, finite.

    Returns:
        (n,) float64, −Σ p ln p / ln k; 0 when k = 1.

    >>> entropy(np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 0.0]], np.float32)).tolist()
    [1.0, 1.0, 0.0]
    """
    rows = outputs.astype(np.float64)
    n, k = rows.shape
    if k < 2:
        return np.zeros(n)
    is_probability = (rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) <= 1e-3)
    exponent = np.exp(rows - rows.max(axis=1, keepdims=True))
    share = np.where(is_probability[:, None], rows, exponent)
    share /= share.sum(axis=1, keepdims=True)
    # 0 · ln 0 counts as 0, its limit
    terms = np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)
    normalised: Vector = np.clip(np.abs(terms.sum(axis=1)) / math.log(k), 0.0, 1.0)
    return normalised


def check_outputs(outputs: Features, records: Sequence[ImageRecord]) -> None:
    """One finite row of outputs for every record.

    Raises:
        ShapeError: not (n, k) with n = number of records.
        DataError: a row is not finite; the message names its image.
    """
    if outputs.ndim != 2 or len(outputs) != len(records):
        raise ShapeError(f"outputs have shape {outputs.shape} for {len(records)} images", remedy="give (n, k) outputs")
    finite = np.isfinite(outputs).all(axis=1)
    if not finite.all():
        raise DataError(
            "the network's output is not finite",
            where=records[int(np.argmin(finite))].id,
            remedy="look at this image and at the network's weights",
            code="E_MODEL_NAN",
        )
