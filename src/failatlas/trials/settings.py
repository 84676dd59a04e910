"""Study settings: what is compared on which failures, beside what an analysis wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from failatlas.errors import UsageError

if TYPE_CHECKING:
    from failatlas.store import Json

ALL, NONE = "all", "none"


@dataclass(frozen=True, slots=True)
class StudySettings:
    """What a study is made of.

    Attributes:
        inject: scenarios, each as `failatlas.simulators.scenarios.parse` reads it; ``("all",)`` = those that the images
            allow; empty = only natural failures.
        per_scenario: failures wanted of each.
        pipelines: names of presets, ``extractor+reducer+clusterer``, or ``all``.
        rare: percent of the failures that one rare cause makes up, where coverage is tried again.
        repeats: subsamples on which the stability of the presets, and of the pipelines that no other beats, is
            measured; 0 = not at all.
        planted: weaknesses that the images' metadata tell of are known causes; else natural failures have none.

    Raises:
        UsageError: a value is out of range.
    """

    inject: tuple[str, ...] = (ALL,)
    per_scenario: int = 60
    pipelines: tuple[str, ...] = (ALL,)
    rare: tuple[float, ...] = (10.0, 5.0, 2.0, 1.0)
    repeats: int = 10
    planted: bool = True

    def __post_init__(self) -> None:
        if self.per_scenario < 1:
            raise UsageError(f"setting 'per_scenario' is {self.per_scenario}", remedy="give 1 or more")
        if self.repeats < 0:
            raise UsageError(f"setting 'repeats' is {self.repeats}", remedy="give 0 or more")
        for name, words in (("inject", self.inject), ("pipelines", self.pipelines)):
            for word in words:
                if not isinstance(word, str):
                    raise UsageError(f"setting {name!r} holds {word!r}", remedy="give a list of texts")
        for percent in self.rare:
            is_number = isinstance(percent, int | float) and not isinstance(percent, bool)
            if not is_number or not 0 < percent <= 50:
                raise UsageError(f"setting 'rare' holds {percent!r}", remedy="give percents above 0 and up to 50")

    @property
    def frequencies(self) -> tuple[float, ...]:
        """``rare`` as shares, each once, falling."""
        return tuple(percent / 100 for percent in sorted(set(self.rare), reverse=True))

    def to_json(self) -> dict[str, Json]:
        """Every setting."""
        return {
            "inject": list(self.inject),
            "per_scenario": self.per_scenario,
            "pipelines": list(self.pipelines),
            "rare": list(self.rare),
            "repeats": self.repeats,
            "planted": self.planted,
        }
