"""Case study: images, a task and a reference network that really fails, under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from failatlas.registry import Registry

if TYPE_CHECKING:
    from failatlas.images import ImageSet
    from failatlas.models.model import WhiteBox
    from failatlas.tasks.task import Task


class Case(Protocol):
    """A built-in case study; needs no network and no other file."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits there are."""

    @property
    def licence(self) -> str:
        """Of images and network."""

    def images(self, split: str) -> ImageSet:
        """The images of one split, labelled unless the split is an improvement set."""

    def model(self) -> WhiteBox:
        """The reference network with its trained weights."""

    def task(self) -> Task:
        """What counts as an error."""


cases: Registry[Case] = Registry(
    "case",
    methods=("images", "model", "task"),
    modules=(
        "failatlas.cases.eyes",
        "failatlas.cases.fashion",
        "failatlas.cases.gaze",
        "failatlas.cases.gaze3",
        "failatlas.cases.signs",
        "failatlas.cases.steering",
        "failatlas.cases.headpose",
        "failatlas.cases.landmarks",
        "failatlas.cases.glasses",
    ),
    group="failatlas.cases",
)
