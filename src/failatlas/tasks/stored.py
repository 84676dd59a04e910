"""Stored tasks: a task back from the JSON that a run keeps of it."""

from __future__ import annotations

from collections.abc import Mapping

from failatlas.errors import DataError
from failatlas.tasks.classification import Classification
from failatlas.tasks.landmarks import Landmarks
from failatlas.tasks.regression import Regression
from failatlas.tasks.task import Task

_KINDS: tuple[type[Classification] | type[Regression] | type[Landmarks], ...] = (Classification, Regression, Landmarks)


def from_json(document: Mapping[str, object]) -> Task:
    """The task that ``to_json`` described.

    Raises:
        DataError: it is no description of a task.
    """
    for kind in _KINDS:
        if document.get("task") == kind.name:
            try:
                return kind.from_json(document)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"not a stored {kind.name}: {error}", remedy="verify the run folder") from None
    known = ", ".join(kind.name for kind in _KINDS)
    raise DataError(f"unknown task {document.get('task')!r}", remedy=f"known: {known}")
