"""Predictions: what some network answered, from a CSV or JSON Lines file; no network is needed.

Columns: one that names the image (``id``, ``image_id``, ``path``, ``image``, ``file``, ``filename``), ``prediction`` or
``predicted``, optionally ``label`` or ``expected``, and any number of numeric columns: one logit or probability a
class, called as the class or ``logit_``/``prob_`` + class; or ``prediction_0`` … for several numbers.  HUDD's result
files (``image,result,expected,predicted,<class>,…``) are read as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from failatlas.errors import DataError
from failatlas.images.delimited import unescape_formula
from failatlas.images.jsonlines import cell, parse_json
from failatlas.images.table import Cell

_IDS = ("id", "image_id", "path", "image", "file", "filename")
_PREDICTIONS = ("prediction", "predicted")
_LABELS = ("label", "expected")
_MAX_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Attributes:
        image: id, path or file name of the image, as written.
        answer: what was predicted, as written; empty when only numbers are given.
        label: what was expected, or None.
        numbers: numeric columns by name.
        where: file and line, for messages.
    """

    image: str
    answer: str
    label: str | None
    numbers: Mapping[str, float]
    where: str


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Read a predictions file; ``.jsonl`` and ``.ndjson`` as JSON Lines, everything else as CSV.

    Raises:
        DataError: missing, malformed, without the needed columns, empty, or one image twice; has file and line.
    """
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    try:
        rows = list(_json_rows(path) if is_json else _csv_rows(path))
    except FileNotFoundError:
        raise DataError("no such predictions file", where=str(path), remedy="check --predictions") from None
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror}", where=str(path), remedy="check --predictions") from None
    predictions = tuple(_prediction(cells, where) for cells, where in rows)
    if not predictions:
        raise DataError("a predictions file without predictions", where=path.name, remedy="one row an image")
    first: dict[str, str] = {}
    for prediction in predictions:
        if prediction.image in first:
            raise DataError(
                f"image {prediction.image[:200]!r} is there twice, first at {first[prediction.image]}",
                where=prediction.where,
                remedy="keep one prediction an image",
            )
        first[prediction.image] = prediction.where
    return predictions


def _csv_rows(path: Path) -> Iterator[tuple[dict[str, Cell], str]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _lines(file, path.name)
        first = next(lines, "")
        delimiter = next((mark for mark in ",;\t" if mark in first), ",")
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        columns: list[str] | None = None
        try:
            for cells in reader:
                where = f"{path.name} line {reader.line_num}"
                if not cells:
                    continue
                if columns is None:
                    columns = [name.strip() for name in cells]
                    _check_columns(columns, where)
                elif len(cells) != len(columns):
                    raise DataError(
                        f"{len(cells)} cells, but the header has {len(columns)}", where=where, remedy="mend that line"
                    )
                else:
                    yield dict(zip(columns, map(unescape_formula, cells), strict=True)), where
        except csv.Error as error:
            where = f"{path.name} line {reader.line_num}"
            raise DataError(f"not CSV: {error}", where=where, remedy="mend that line; close its quotes") from None


def _json_rows(path: Path) -> Iterator[tuple[dict[str, Cell], str]]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), 1):
            where = f"{path.name} line {number}"
            if len(line) == _MAX_LINE:
                raise DataError(f"a line of more than {_MAX_LINE} bytes", where=where, remedy="shorten it")
            if not line.strip():
                continue
            value = parse_json(line, where)
            if not isinstance(value, dict):
                raise DataError("not a JSON object", where=where, remedy='one object a line: {"id": …}')
            flat: dict[str, object] = {}
            for name, item in value.items():
                flat.update(item if isinstance(item, dict) else {name: item})  # {"logits": {"cat": 1.5, …}}
            _check_columns(list(flat), where)
            yield {name: cell(item, name, where) for name, item in flat.items()}, where


def _lines(file: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if len(line) >= _MAX_LINE:
            raise DataError(
                f"a line of more than {_MAX_LINE} signs", where=f"{name} line {number}", remedy="shorten it"
            )
        yield line


def _check_columns(columns: Sequence[str], where: str) -> None:
    shown = ", ".join(repr(name[:40]) for name in columns[:12])
    doubled = next((name for i, name in enumerate(columns) if name in columns[:i]), None)
    if doubled is not None:
        raise DataError(f"two columns are called {doubled[:80]!r}", where=where, remedy="rename one")
    if not any(name in columns for name in _IDS):
        raise DataError(f"no column names the image; there are: {shown}", where=where, remedy="call it 'id' or 'path'")
    if not set(columns) - {*_IDS, *_LABELS}:
        raise DataError(f"no column holds predictions; there are: {shown}", where=where, remedy="call it 'prediction'")


def _prediction(cells: Mapping[str, Cell], where: str) -> Prediction:
    image = _first(cells, _IDS)
    if not image:
        raise DataError("a row without an image", where=where, remedy="fill its id or path")
    numbers: dict[str, float] = {}
    for name, value in cells.items():
        if name in (*_IDS, *_LABELS):
            continue
        if isinstance(value, tuple):
            numbers.update({f"{name}_{i}": number for i, number in enumerate(value)})
        elif (number := _number(value)) is not None:
            numbers[name] = number
    return Prediction(image, _first(cells, _PREDICTIONS) or "", _first(cells, _LABELS) or None, numbers, where)


def _first(cells: Mapping[str, Cell], names: Sequence[str]) -> str:
    for name in names:
        value = cells.get(name)
        if isinstance(value, float):
            return str(int(value)) if value.is_integer() else repr(value)
        if isinstance(value, str) and value:
            return value
    return ""


def _number(value: Cell) -> float | None:
    try:
        return float(value) if isinstance(value, str | float) else None
    except ValueError:
        return None
