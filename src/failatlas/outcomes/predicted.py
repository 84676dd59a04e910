"""Predicted outcomes: a file of predictions instead of a network."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from failatlas.arrays import Features, freeze
from failatlas.errors import DataError
from failatlas.images.imageset import ImageSet
from failatlas.images.records import ImageRecord
from failatlas.models.predictions import Prediction
from failatlas.outcomes.outcome import Outcomes
from failatlas.outcomes.shards import joined
from failatlas.tasks.classes import ClassOrder, class_order
from failatlas.tasks.classification import Classification
from failatlas.tasks.task import Task


def from_predictions(predictions: Sequence[Prediction], images: ImageSet, task: Task) -> Outcomes:
    """What a predictions file says of every image of a set; no image is opened.

    A prediction belongs to the image with its id, else to the one with its path, else to the only one with its file
    name. Labels and targets of the file serve images that have none of their own. Without a number for every class,
    ``outputs`` holds 1 for the predicted class and uncertainty is nan.

    Raises:
        DataError: no prediction matches an image; two match one; file and set disagree on a label; an answer is no
            class or no number; answer and class numbers disagree. The message has file and line.
    """
    matched, strays = _match(predictions, images.records)
    if not matched:
        raise DataError(
            f"none of {len(predictions)} predictions matches one of {len(images)} images",
            where=strays[0].where,
            remedy=f"name images as the set does, e.g. {images.ids[0]!r}" if len(images) else "open a set with images",
        )
    gaps: Counter[str] = Counter()
    positions: list[int] = []
    records: list[ImageRecord] = []
    for i, own in enumerate(images.records):
        if i not in matched:
            gaps["no prediction"] += 1
            continue
        record = _labelled(own, matched[i])
        why = task.gap(record)
        if why:
            gaps[why] += 1
            continue
        positions.append(i)
        records.append(record)
    answers = [matched[i] for i in positions]
    notes = [f"{len(strays)} predictions match no image, first {strays[0].image[:200]!r}"] if strays else []
    if not answers:
        return joined([], [], [], [], left_out=sorted(gaps.items()), notes=notes)
    outputs, has_numbers = _outputs(answers, task)
    verdict = task.judge(outputs, records)
    if not has_numbers:
        verdict = dataclasses.replace(verdict, uncertainty=freeze(np.full(len(answers), np.nan)))
        notes.append("no class numbers in the predictions file: uncertainty is unknown")
    ids = [record.id for record in records]
    return joined(ids, positions, [outputs], [verdict], left_out=sorted(gaps.items()), notes=notes)


def classes_of(predictions: Sequence[Prediction], images: ImageSet) -> ClassOrder:
    """The classes that a predictions file and an image set speak of, for when nobody names them.

    Order matters only for bare lists of class numbers: labels, expected and predicted names together, sorted.
    """
    answers = (prediction.answer or None for prediction in predictions)
    labels = (prediction.label for prediction in predictions)
    return class_order((), (), (*images.classes, *labels, *answers))


def _match(
    predictions: Sequence[Prediction], records: Sequence[ImageRecord]
) -> tuple[dict[int, Prediction], list[Prediction]]:
    by_id = {record.id: i for i, record in enumerate(records)}
    by_path = {record.path: i for i, record in enumerate(records)}
    by_file = _unique(record.path for record in records)
    matched: dict[int, Prediction] = {}
    strays = []
    for prediction in predictions:
        name = prediction.image
        position = by_id.get(name, by_path.get(name))
        if position is None:
            position = _by_ending(name, by_path)
        if position is None:
            position = by_file.get(_file_name(name))
        if position is None:
            strays.append(prediction)
        elif position in matched:
            raise DataError(
                f"{name[:200]!r} means the same image as {matched[position].image[:200]!r} ({matched[position].where})",
                where=prediction.where,
                remedy="name images by their ids",
            )
        else:
            matched[position] = prediction
    return matched, strays


def _by_ending(name: str, by_path: Mapping[str, int]) -> int | None:
    # a full path of some machine: drop folders from the left until the rest is a path below the set's root
    parts = name.replace("\\", "/").split("/")
    for start in range(1, len(parts) - 1):
        position = by_path.get("/".join(parts[start:]))
        if position is not None:
            return position
    return None


def _unique(paths: Iterable[str]) -> dict[str, int]:
    found: dict[str, list[int]] = {}
    for i, path in enumerate(paths):
        found.setdefault(_file_name(path), []).append(i)
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _labelled(record: ImageRecord, prediction: Prediction) -> ImageRecord:
    if record.target is None and (target := _numbered(prediction.numbers, "target")):
        return dataclasses.replace(record, target=target)
    if prediction.label is None or record.target is not None:
        return record
    if record.label is None:
        return dataclasses.replace(record, label=prediction.label)
    if record.label != prediction.label:
        raise DataError(
            f"the file expects {prediction.label[:80]!r}, the image set {record.label[:80]!r} for {record.id[:200]!r}",
            where=prediction.where,
            remedy="leave the label column out, or correct it",
            code="E_LABEL_CONFLICT",
        )
    return record


def _numbered(numbers: Mapping[str, float], name: str) -> tuple[float, ...]:
    # `target`, or `target_0`, `target_1`, …
    if name in numbers:
        return (numbers[name],)
    columns = (f"{name}_{i}" for i in range(len(numbers)))
    return tuple(numbers[column] for column in columns if column in numbers)


def _outputs(answers: Sequence[Prediction], task: Task) -> tuple[Features, bool]:
    if not isinstance(task, Classification):
        return _numbers(answers), True
    columns = _class_columns(answers[0].numbers, task.classes)
    if columns is None:
        outputs = np.zeros((len(answers), len(task.classes)), dtype=np.float32)
        for row, prediction in zip(outputs, answers, strict=True):
            row[_class(prediction, task)] = 1.0
        return outputs, False
    outputs = np.array([_row(prediction, columns) for prediction in answers], dtype=np.float32)
    for row, prediction in zip(outputs, answers, strict=True):
        if prediction.answer and row[_class(prediction, task)] < row.max():
            raise DataError(
                f"predicted {prediction.answer[:80]!r}, but {task.classes[int(row.argmax())]!r} has the largest number",
                where=prediction.where,
                remedy="leave out the prediction column or the class columns",
            )
    return outputs, True


def _class_columns(numbers: Mapping[str, float], classes: Sequence[str]) -> list[str] | None:
    for prefix in ("", "logit_", "prob_", "p_"):
        columns = [prefix + name for name in classes]
        if all(column in numbers for column in columns):
            return columns
    for name in ("logits", "probabilities", "outputs"):  # lists of JSON Lines
        columns = [f"{name}_{i}" for i in range(len(classes))]
        if all(column in numbers for column in columns):
            return columns
    return None


def _class(prediction: Prediction, task: Classification) -> int:
    if prediction.answer in task.classes:
        return task.classes.index(prediction.answer)
    near = difflib.get_close_matches(prediction.answer, task.classes, n=1)
    raise DataError(
        f"predicted {prediction.answer[:80]!r} is not a class" if prediction.answer else "nothing is predicted",
        where=prediction.where,
        remedy=f"did you mean {near[0]!r}?" if near else "correct it, or name all classes with --classes",
        code="E_LABEL_UNKNOWN",
    )


def _numbers(answers: Sequence[Prediction]) -> Features:
    names = [name for name in answers[0].numbers if name.startswith(("prediction", "predicted"))]
    if not names:
        raise DataError("no number is predicted", where=answers[0].where, remedy="call the column 'prediction'")
    return np.array([_row(prediction, names) for prediction in answers], dtype=np.float32)


def _row(prediction: Prediction, columns: Sequence[str]) -> list[float]:
    missing = next((name for name in columns if not np.isfinite(prediction.numbers.get(name, np.nan))), None)
    if missing is not None:
        raise DataError(f"{missing[:80]!r} is not a finite number", where=prediction.where, remedy="mend that row")
    return [prediction.numbers[name] for name in columns]
