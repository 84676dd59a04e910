"""Inputs: what settings, objects and case studies name, opened for an analysis or a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failatlas.errors import DataError, UsageError
from failatlas.runs.settings import Settings

if TYPE_CHECKING:
    from failatlas.cases import RenderedCase
    from failatlas.images import ImageSet
    from failatlas.models import Model
    from failatlas.runs import Inputs
    from failatlas.tasks import Task

LESSONS = 2000  # pictures of a case study that are rendered to learn from: as many as a learner takes


def opened_inputs(settings: Settings, images: ImageSet | None, model: object | None, task: Task | None) -> Inputs:
    """Images, network and task; objects stand in for what settings would name, a case study for the rest."""
    from failatlas.models import load_model
    from failatlas.runs import open_inputs, preprocess

    loaded: Model | None = None
    if settings.case is not None:
        from failatlas.cases import cases

        case = cases.create(settings.case)
        loaded = case.model() if settings.model is None and settings.predictions is None else None
        if loaded is not None and settings.preprocess is not None:
            raise UsageError("a case study's network has its own preprocessing", remedy="leave --preprocess out")
        if settings.classes or settings.task != "classification":
            raise UsageError("a case study has its own task and classes", remedy="leave --task and --classes out")
        # with a cost matrix the task is made of the network's classes and those costs
        task = task or (None if settings.cost and loaded is not None else case.task())
        if images is None and settings.images is None:
            images = case.images(settings.split or "test")
    if model is not None:
        loaded = load_model(model, preprocess=preprocess(settings), classes=settings.classes)  # type: ignore[arg-type]  # it refuses what is no network
    return open_inputs(settings, images=images, model=loaded, task=task)


def separated(
    model: object, images: object, task: object, settings: Mapping[str, object], train: object
) -> tuple[dict[str, object], dict[str, Any]]:
    """What can be named, as settings; and the objects that stand in for the rest."""
    from failatlas.images import ImageSet

    said = dict(settings)
    objects: dict[str, Any] = {}
    if isinstance(task, str):
        said["task"] = task
    else:
        objects["task"] = task
    for name, given in (("images", images), ("train", train)):
        if isinstance(given, ImageSet):
            objects[name] = given
        elif given is not None:
            said[name] = given
    if isinstance(model, str | Path):
        said["model"] = str(model)
    elif model is not None:
        objects["model"] = model
    return said, objects


def rendered_case(settings: Settings) -> RenderedCase | None:
    """The case study, where its scenes can be rendered again."""
    from failatlas.cases import RenderedCase, cases

    case = cases.create(settings.case) if settings.case is not None else None
    return case if isinstance(case, RenderedCase) else None


def made(settings: Settings, case: RenderedCase, out: Path) -> Settings:
    """The settings, in which the case study's images are files in ``out/set``, rendered once for all."""
    from failatlas.cases.catalogue import make_case

    manifest, _ = make_case(case.name, split=settings.split or "test", count=None, seed=0, out=out / "set")
    return replace(settings, images=manifest)


def with_training(inputs: Inputs, settings: Settings, train: ImageSet | None, out: Path) -> Inputs:
    """The inputs and how a training set is opened: the one given or named, the case study's, or the split."""
    return replace(inputs, train=(lambda: train) if train is not None else _training_set(settings, inputs, out))


def _training_set(settings: Settings, inputs: Inputs, out: Path) -> Callable[[], ImageSet] | None:
    from failatlas.images import ImageSet

    place = settings.train
    if place is not None:
        if not place.exists():
            # now: not when failures have been injected, and not never where nothing learns
            raise DataError("no such file or folder", where=str(place), remedy="check --train")

        def named() -> ImageSet:
            whole = ImageSet.open(place, trust_links=settings.trust_links)
            return whole.with_split("train") if "train" in whole.splits.values() else whole

        return named
    if settings.case is not None:
        return lambda: _case_training_set(settings, out / "train")
    others = inputs.others
    if others is not None and "train" in others.splits.values():
        return lambda: others.with_split("train")
    return None


def _case_training_set(settings: Settings, out: Path) -> ImageSet:
    from failatlas.cases import RenderedCase, cases
    from failatlas.cases.catalogue import make_case
    from failatlas.images import ImageSet

    case = cases.create(settings.case or "")
    if not isinstance(case, RenderedCase):
        try:
            return case.images("train")
        except UsageError:
            # not shipped, but other pictures with labels are
            if "improvement" not in case.splits or settings.split == "improvement":
                raise
            return case.images("improvement")
    count = min(LESSONS, case.sizes["train"])
    return ImageSet.open(make_case(case.name, split="train", count=count, seed=0, out=out)[0])
