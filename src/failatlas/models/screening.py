"""Screening: which files are never opened as a model, because opening them can run code."""

from __future__ import annotations

import zipfile
from pathlib import Path

from failatlas.errors import ModelError, UnsafeInputError

PICKLES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".bin", ".dill", ".npy", ".npz"})


def refuse_pickle(path: Path) -> None:
    """Refuse a file that a pickle loader would read, by its first bytes, or else by its name.

    Only the first bytes and the list of zip members are read.

    Raises:
        UnsafeInputError: it is a pickle; the remedy is the line that converts it to safetensors.
        ModelError: the file is not there or cannot be read.
    """
    kind = _pickle_kind(path)
    if not kind:
        return
    raise UnsafeInputError(
        f"{kind}: loading it could run code",
        where=str(path),
        remedy=f"{_conversion(path)} and then --model module:callable --weights {path.stem}.safetensors",
        code="E_PICKLE",
    )


def head(path: Path, length: int) -> bytes:
    """The first bytes of a regular file.

    Raises:
        ModelError: missing, not a regular file, or unreadable.
    """
    try:
        if not path.is_file():  # a FIFO would block for ever
            raise ModelError("no such model file", where=str(path), remedy="check --model and --weights")
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise ModelError(
            f"cannot read the model file: {error.strerror or error}", where=str(path), remedy="check its permissions"
        ) from None


def _pickle_kind(path: Path) -> str:
    start = head(path, 4096)
    suffix = path.suffix.lower()
    if start[:1] == b"\x80" and len(start) > 1 and start[1] <= 5:
        return "a pickle"
    if start.startswith(b"\x93NUMPY") and b"'descr': '|O'" in start:
        return "a NumPy file of Python objects, which is a pickle"
    if start.startswith(b"PK") and suffix != ".pt2" and _has_pickle_member(path):
        return "a torch checkpoint, which holds a pickle"
    if suffix in PICKLES:
        return f"a {suffix} file, which is read as a pickle"
    return ""


def _has_pickle_member(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rsplit("/", 1)[-1].endswith((".pkl", ".pickle")) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _conversion(path: Path) -> str:
    # shown only; `weights_only=True` refuses what is not plain tensors
    return (
        'convert it where you trust it: python -c "import sys, torch; from safetensors.torch import save_file; '
        "d = torch.load(sys.argv[1], weights_only=True); d = d.get('state_dict', d); "
        'save_file({k: v.contiguous() for k, v in d.items()}, sys.argv[2])" '
        f"{path.name} {path.stem}.safetensors"
    )
