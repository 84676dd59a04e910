"""Parquet manifests, through pyarrow (``pip install 'failatlas[parquet]'``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

from failatlas.errors import DataError, UsageError
from failatlas.images.jsonlines import cell
from failatlas.images.records import ImageRecord
from failatlas.images.table import Row, read_records, require_path

_BATCH = 4096  # rows


def read_parquet(path: Path) -> tuple[ImageRecord, ...]:
    """Read a Parquet manifest; only the rows of one batch are in memory beside the records.

    Raises:
        UsageError: pyarrow is not installed.
        DataError: malformed, or a column of nested values.
        UnsafeInputError: a path leaves the folder or is an address.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow", where=path.name, remedy="pip install 'failatlas[parquet]', or save as CSV"
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            require_path(columns, path.name)
            if len(set(columns)) != len(columns):
                raise DataError("two columns have one name", where=path.name, remedy="rename one")
            return read_records(_rows(file, path.name), columns, path.name)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).split("\n")[0][:200]
        raise DataError(f"not a readable Parquet file: {reason}", where=path.name, remedy="write it again") from error


def _rows(file: object, name: str) -> Iterator[Row]:
    position = 0
    for batch in file.iter_batches(batch_size=_BATCH):  # type: ignore[attr-defined]  # pyarrow has no types
        for values in batch.to_pylist():
            position += 1
            where = f"{name} row {position}"
            yield Row(where, {column: cell(_plain(value), column, where) for column, value in values.items()})


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime | time) else value
