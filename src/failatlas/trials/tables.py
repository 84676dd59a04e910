"""Study tables: what a study leaves for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from failatlas.images.delimited import escape_formula
from failatlas.runs.tables import write_table
from failatlas.studies import Study
from failatlas.studies.study import COLUMNS


def write_pipelines(study: Study, file: Path) -> Path:
    """Write one row a pipeline: names, scores, the rare curve, what it took; an empty cell = not measured."""
    rows = study.table()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(rows[0] if rows else COLUMNS)
    for row in rows:
        # a cell that starts with = would run as a formula
        writer.writerow([escape_formula(_cell(value)) for value in row.values()])
    return write_table(file, table.getvalue())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    return str(value)
