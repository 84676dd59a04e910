"""Examination: what the doctor found, one line a check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
_SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        level: ``"ok"``; ``"warning"`` = read it; ``"problem"`` = what follows would be wrong or fail.
        check: what was looked at, e.g. ``"normalisation"``.
        what: what was seen, with numbers.
        remedy: the option or command that mends it; empty when nothing is to be done.
    """

    level: Level
    check: str
    what: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The finding in one line."""
        return f"{_SIGNS[self.level]} {self.check}: {self.what}" + (f". Next: {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings about one network on one image set, in the order of the checks."""

    model: str
    n_images: int
    findings: tuple[Finding, ...]

    @property
    def is_ok(self) -> bool:
        """No problem was found; warnings may have been."""
        return all(finding.level != "problem" for finding in self.findings)

    def __repr__(self) -> str:
        counts = {level: sum(f.level == level for f in self.findings) for level in ("problem", "warning", "ok")}
        shown = ", ".join(f"{count} {level}" for level, count in counts.items() if count)
        return f"<Examination of {self.model} on {self.n_images} images: {shown}>"

    def __str__(self) -> str:
        return "\n".join(finding.line for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """Version, verdict and findings as fields."""
        return {
            "version": 1,
            "model": self.model,
            "n_images": self.n_images,
            "ok": self.is_ok,
            "findings": [asdict(finding) for finding in self.findings],
        }
