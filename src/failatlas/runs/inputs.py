"""Inputs: what the settings name, opened: images, network, task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from failatlas.errors import UsageError
from failatlas.images import ImageSet
from failatlas.models import Model, Preprocess, load_model, parse_preprocess
from failatlas.models.predictions import read_predictions
from failatlas.outcomes import classes_of
from failatlas.runs.settings import Settings
from failatlas.tasks import Classification, ClassOrder, Landmarks, Regression, Task, class_order, read_cost_matrix


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What an analysis reads; opened once, never written to.

    Attributes:
        images: the image set, one split of it if one was asked for.
        task: the error rule.
        model: the network; None when only its predictions are at hand.
        predictions: file of predictions, or None.
        features: file of the user's own features, or None.
        name: of the image set, for people.
        others: the images of the set's other splits, which only leakage looks at; None when there are none.
        train: opens the network's training set, when an extractor wants to learn from it; None when there is none.
    """

    images: ImageSet
    task: Task
    model: Model | None
    predictions: Path | None
    features: Path | None
    name: str
    others: ImageSet | None = None
    train: Callable[[], ImageSet] | None = None


def open_inputs(
    settings: Settings,
    *,
    images: ImageSet | None = None,
    model: Model | None = None,
    task: Task | None = None,
) -> Inputs:
    """Open what the settings name.

    Args:
        settings: paths and specs.
        images, model, task: objects that stand in for what the settings would name.

    Raises:
        UsageError: too little or too much is named.
        DataError, ModelError, UnsafeInputError: a file is unusable or could do harm.
    """
    opened, others = (images, None) if images is not None else open_images(settings)
    if model is None and settings.model is not None:
        model = load_model(
            settings.model, weights=settings.weights, preprocess=preprocess(settings), classes=settings.classes
        )
    if model is None and settings.predictions is None:
        raise UsageError("no network and no predictions", remedy="give --model, --predictions or --case")
    if model is not None and settings.predictions is not None:
        raise UsageError("a network and predictions", remedy="give --model or --predictions, not both")
    name = settings.case or (settings.images.name if settings.images is not None else "images in memory")
    return Inputs(
        images=opened,
        task=task if task is not None else open_task(settings, opened, model),
        model=model,
        predictions=settings.predictions,
        features=settings.features,
        name=name,
        others=others,
    )


def open_images(settings: Settings) -> tuple[ImageSet, ImageSet | None]:
    """The image set that ``images`` and ``split`` name, and what its other splits hold."""
    if settings.images is None:
        raise UsageError("no images", remedy="give --images FOLDER or MANIFEST, or --case")
    whole = ImageSet.open(settings.images, trust_links=settings.trust_links)
    if settings.split is None:
        return whole, None
    rest = [i for i, record in enumerate(whole.records) if record.split not in (None, settings.split)]
    return whole.with_split(settings.split), whole.select(rest) if rest else None


def open_task(settings: Settings, images: ImageSet, model: Model | None) -> Task:
    """The error rule that the settings describe.

    Raises:
        UsageError: a threshold is missing.
    """
    if settings.task == "classification":
        order = _classes(settings, images, model)
        cost = read_cost_matrix(settings.cost, order.names) if settings.cost else None
        return Classification(order.names, cost)
    if settings.threshold is None:
        raise UsageError(f"a {settings.task} needs the error beyond which it is wrong", remedy="give --threshold")
    if settings.task == "landmarks":
        return Landmarks(settings.threshold, bands_px=settings.bands)
    if settings.task == "regression":
        return Regression(settings.threshold, bands=settings.bands, unit=settings.unit)
    raise UsageError(f"unknown task {settings.task!r}", remedy="classification, regression or landmarks")


def _classes(settings: Settings, images: ImageSet, model: Model | None) -> ClassOrder:
    """Class names in output order; without a network the predictions file may know classes that no label names."""
    if model is None and settings.predictions is not None and not settings.classes:
        return classes_of(read_predictions(settings.predictions), images)
    of_model = tuple(getattr(model, "classes", ()))
    return class_order(settings.classes, of_model, (record.label for record in images.records))


def preprocess(settings: Settings) -> Preprocess | None:
    """How pixels become input; None when nothing was said and the network's own default holds."""
    return parse_preprocess(settings.preprocess) if settings.preprocess is not None else None
