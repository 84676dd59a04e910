"""Errors that a person can act on: one line of what, where and what next; a code; an exit status.

Raise the narrowest class with fields, never a sentence: command line, JSON and report then show the same.
"""

from __future__ import annotations

from typing import ClassVar


class FailatlasError(Exception):
    """Base of everything failatlas raises on purpose.

    Args:
        what: what is wrong, with the offending value.
        where: file, row, layer or operator; empty when there is no place.
        remedy: the next step, as a command or an option.
        code: a stable name such as ``E_IMG_TRUNCATED``; the class has a default.

    >>> print(DataError("no images", where="photos/", remedy="name a folder with images"))
    E_DATA: no images at photos/. Next: name a folder with images
    """

    code: ClassVar[str] = "E_FAILATLAS"
    exit_status: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: str | None = None) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        self.name = code or self.code
        super().__init__(what)

    def __str__(self) -> str:
        # one line even when a hostile file name carries line breaks or terminal escapes
        line = f"{self.name}: {self.what}"
        if self.where:
            line += f" at {self.where}"
        if self.remedy:
            line += f". Next: {self.remedy}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)

    def __reduce__(self) -> tuple[object, ...]:
        # the default drops keyword-only fields on the way back from a worker process
        return (_restore, (type(self), self.what, self.where, self.remedy, self.name))

    def to_json(self) -> dict[str, str]:
        """The error as fields, for ``--json``."""
        return {"code": self.name, "what": self.what, "where": self.where, "remedy": self.remedy}


def _restore(kind: type[FailatlasError], what: str, where: str, remedy: str, code: str) -> FailatlasError:
    return kind(what, where=where, remedy=remedy, code=code)


class FindingsError(FailatlasError):
    """A gate failed or damage was found; exit 1."""

    code = "E_FINDINGS"
    exit_status = 1


class UsageError(FailatlasError):
    """An option, setting or part name is wrong; exit 2."""

    code = "E_USAGE"
    exit_status = 2


class DataError(FailatlasError):
    """Images, labels, predictions or features are unusable; exit 3."""

    code = "E_DATA"
    exit_status = 3


class ShapeError(DataError):
    """Two arrays, or an array and a network, disagree on a shape; exit 3."""

    code = "E_SHAPE"


class ModelError(DataError):
    """The network cannot be loaded, run or explained; exit 3."""

    code = "E_MODEL"


class UnknownOperator(ModelError):  # noqa: N818 - the name says what happened; "…Error" would say less
    """No relevance rule serves an operator of the exported graph; exit 3."""

    code = "E_LRP_OPERATOR"


class UnsafeInputError(FailatlasError):
    """A file could run code, escape its folder or exhaust the machine; refused, exit 4."""

    code = "E_UNSAFE"
    exit_status = 4


class ResourceError(FailatlasError):
    """Disk, memory, permission or lock; exit 5. Nothing finished is lost: run the same command again."""

    code = "E_RESOURCE"
    exit_status = 5


class InUseError(ResourceError):
    """Another process holds the run folder; exit 1."""

    code = "E_IN_USE"
    exit_status = 1


class InterruptedRunError(FailatlasError):
    """Stopped by the user; exit 130. Run the same command again to resume."""

    code = "E_INTERRUPTED"
    exit_status = 130
