"""Schema: what the columns of a made set mean: ``parameters.json`` beside its manifest."""

from __future__ import annotations

from pathlib import Path

from failatlas.errors import DataError, ResourceError
from failatlas.images.jsonlines import parse_json
from failatlas.parameters import Space

FILE = "parameters.json"
_MOST_BYTES = 4 * 1024 * 1024  # some 20,000 parameters


def read_parameters(folder: Path) -> Space | None:
    """The parameters that ``parameters.json`` in a folder declares; None where there is no such file.

    Raises:
        DataError: it is no table of parameters; names the entry and the field.
        ResourceError: it may not be read.
    """
    path = folder / FILE
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ResourceError(error.strerror or str(error), where=str(path), remedy="make it readable") from error
    if len(text) > _MOST_BYTES:
        raise DataError(f"more than {_MOST_BYTES} bytes", where=str(path), remedy="one entry a parameter")
    return Space.from_json(parse_json(text, str(path)), where=str(path))
