"""CSV manifests, read and written.

Cells that a spreadsheet would take for a formula are written with a leading ``'`` and read back without it. A column
is numbers when every cell that is not empty is one; otherwise it is text, every cell of it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

from failatlas.errors import DataError, ResourceError
from failatlas.images.records import ImageRecord
from failatlas.images.table import Row, is_reserved, number, read_records, require_path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_MAX_LINE = 16 * 1024 * 1024  # characters; the csv module's own limit for one field is far lower


def read_csv(path: Path) -> tuple[ImageRecord, ...]:
    """Read a CSV manifest: UTF-8 with or without a mark, any line ends, comma, semicolon or tab by its first line.

    Raises:
        DataError: malformed; the message has the line.
        UnsafeInputError: a path leaves the folder or is an address.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        columns, lines = _parse(file, path.name)
    require_path(columns, path.name)
    numeric = {name for i, name in enumerate(columns) if not is_reserved(name) and _is_numeric(lines, i)}
    rows = (
        Row(
            f"{path.name} line {line}",
            {n: number(c) if n in numeric else c for n, c in zip(columns, cells, strict=True)},
        )
        for line, cells in lines
    )
    return read_records(rows, columns, path.name)


def write_manifest(path: Path, records: Iterable[ImageRecord]) -> None:
    """Write records as a CSV manifest that `read_csv` reads back equal, all or nothing (temp → fsync → rename).

    CSV has no types: metadata text that looks like a number comes back as one.

    Raises:
        DataError: two records cannot share a table, or a name is not encodable.
        ResourceError: disk full or not writable.
    """
    rows = list(records)
    header, body = _table(rows, str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            # with "\n" alone the csv module leaves a carriage return in a name unquoted
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(escape_formula(cell) for cell in header)
            writer.writerows([escape_formula(cell) for cell in row] for row in body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except UnicodeEncodeError:
        raise DataError("a name is neither UTF-8 nor bytes", where=str(path), remedy="rename the file") from None
    except OSError as error:
        raise ResourceError(error.strerror or str(error), where=str(path), remedy="free space and run again") from error
    finally:
        temporary.unlink(missing_ok=True)


def escape_formula(cell: str) -> str:
    """A cell that no spreadsheet runs; numbers stay numbers.

    >>> escape_formula("=cmd|x"), escape_formula("-1.5"), escape_formula("it's")
    ("'=cmd|x", '-1.5', "it's")
    """
    return "'" + cell if cell.startswith(_FORMULA) and number(cell) is None else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`.

    >>> unescape_formula("'=cmd|x"), unescape_formula("'tis")
    ('=cmd|x', "'tis")
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _parse(file: IO[str], name: str) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    text = _lines(file, name)
    first = next(text, "")
    if first.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise DataError("UTF-16", where=f"{name} line 1", remedy="save the manifest as UTF-8")
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    columns: tuple[str, ...] | None = None
    try:
        for cells in reader:
            if not cells:
                continue
            cells = [unescape_formula(cell) for cell in cells]
            if columns is None:
                columns = _header(cells, name)
            elif len(cells) != len(columns):
                what = f"{len(cells)} cells, but the header has {len(columns)}"
                raise DataError(what, where=f"{name} line {reader.line_num}", remedy="mend that line; quote commas")
            else:
                lines.append((reader.line_num, cells))
    except csv.Error as error:
        remedy = "mend that line; close its quotes"
        raise DataError(f"not CSV: {error}", where=f"{name} line {reader.line_num}", remedy=remedy) from None
    if columns is None:
        raise DataError("an empty manifest", where=name, remedy="its first line names the columns, one of them 'path'")
    return columns, lines


def _lines(file: IO[str], name: str) -> Iterator[str]:
    line_number = 0
    while line := file.readline(_MAX_LINE):
        line_number += 1
        if len(line) == _MAX_LINE:
            raise DataError(
                f"a line of more than {_MAX_LINE} signs", where=f"{name} line {line_number}", remedy="shorten it"
            )
        yield line


def _header(cells: Sequence[str], name: str) -> tuple[str, ...]:
    # a table written with its row numbers has one nameless column
    columns = tuple(cell.strip() or f"column_{i}" for i, cell in enumerate(cells))
    twice = next((column for i, column in enumerate(columns) if column in columns[:i]), None)
    if twice is not None:
        raise DataError(f"two columns are called {twice[:80]!r}", where=f"{name} line 1", remedy="rename one")
    return columns


def _is_numeric(lines: list[tuple[int, list[str]]], column: int) -> bool:
    return all(number(cells[column]) is not None for _, cells in lines if cells[column])


def _table(records: Sequence[ImageRecord], where: str) -> tuple[list[str], Iterator[list[str]]]:
    n_targets = max((len(record.target or ()) for record in records), default=0)
    if any(record.target is not None and len(record.target) != n_targets for record in records):
        raise DataError("targets of different lengths", where=where, remedy="write them as separate manifests")
    metadata = list(dict.fromkeys(name for record in records for name in record.metadata))
    lost = [name for name in metadata if is_reserved(name) or not name.strip() or name != name.strip()]
    if lost:
        raise DataError(f"metadata called {lost[0]!r} cannot be a column", where=where, remedy="rename it")
    targets = [f"target_{i}" for i in range(n_targets)] if n_targets > 1 else ["target"] * n_targets
    fixed = [name for name in ("label", "split") if any(getattr(record, name) is not None for record in records)]
    return ["id", "path", *fixed, *targets, *metadata], (_cells(r, fixed, n_targets, metadata) for r in records)


def _cells(record: ImageRecord, fixed: list[str], n_targets: int, metadata: list[str]) -> list[str]:
    target = record.target if record.target is not None else ("",) * n_targets
    values = [record.id, record.path, *(getattr(record, name) for name in fixed), *target]
    values += [record.metadata.get(name) for name in metadata]
    return [_shown(value) for value in values]


def _shown(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if number(repr(value)) == value else f"{value:.16e}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
