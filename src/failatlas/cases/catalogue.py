"""Catalogue: the case studies by name: what there is, made as files, trained again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas.cases.case import cases
from failatlas.cases.making import make, make_rendered
from failatlas.cases.rendered import RenderedCase
from failatlas.errors import UsageError

if TYPE_CHECKING:
    from failatlas.cases.training import Card


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One built-in case study in words.

    Attributes:
        weaknesses: names of what was planted; empty for photographs.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    licence: str
    weaknesses: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)


def case_rows() -> list[CaseRow]:
    """The built-in case studies."""
    rows = []
    for part in cases:
        case = cases.create(part.name)
        planted = tuple(w.name for w in case.weaknesses) if isinstance(case, RenderedCase) else ()
        rows.append(CaseRow(part.name, case.title, case.splits, case.licence, planted))
    return rows


def make_case(
    name: str,
    *,
    split: str,
    count: int | None,
    seed: int,
    out: Path,
    where: str | None = None,
    scenario: str | None = None,
) -> tuple[Path, int]:
    """Write a case study's images as PNG files with a manifest; returns its path and how many images there are.

    Args:
        name: of the case.
        split, count, seed, out: see ``failatlas.cases.making``.
        where: only such pictures, e.g. ``"head_yaw>30 and time=night"``.
        scenario: done to every picture, e.g. ``"mask+noise"``.

    Raises:
        UsageError: where or scenario for a case of photographs, whose scenes nobody can choose.
    """
    case = cases.create(name)
    if isinstance(case, RenderedCase):
        from failatlas.simulators.scenarios import parse
        from failatlas.simulators.where import Condition

        return make_rendered(
            case,
            out,
            split=split,
            count=count,
            seed=seed,
            where=None if where is None else Condition.parse(where),
            scenario=None if scenario is None else parse(scenario),
        )
    if where is not None or scenario is not None:
        raise UsageError(
            f"case {name!r} is made of photographs",
            remedy="leave --where and --scenario out, or choose a rendered case",
        )
    return make(case.images(split), out, count=count, seed=seed)


def train_case(name: str, *, out: Path, epochs: int | None = None, seed: int | None = None) -> Card:
    """Train a case study's reference network again; see ``failatlas.cases.training``.

    Raises:
        UsageError: the case is not a rendered one.
    """
    from failatlas.cases.training import train

    case = cases.create(name)
    if not isinstance(case, RenderedCase):
        raise UsageError(f"case {name!r} is not rendered", remedy="its network is made by tools/bake_fashion.py")
    recipe = case.recipe
    said = {"epochs": epochs, "seed": seed}
    return train(case, out, recipe=replace(recipe, **{k: v for k, v in said.items() if v is not None}))
