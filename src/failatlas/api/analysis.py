"""Analysis: from a network and its test images to an atlas of its failures; and opening one that was made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas import settings as layers
from failatlas.api.atlas import Atlas
from failatlas.api.inputs import opened_inputs, rendered_case, separated, with_training
from failatlas.errors import DataError
from failatlas.runs.settings import AUTO, Settings

if TYPE_CHECKING:
    import torch

    from failatlas.images import ImageSet
    from failatlas.models import Model
    from failatlas.runs import Conductor, Inputs
    from failatlas.studies.choice import Choice
    from failatlas.tasks import Task


def analyze(
    model: torch.nn.Module | Model | Callable[..., object] | str | Path | None = None,
    images: ImageSet | Path | str | None = None,
    *,
    out: Path | str | None = None,
    task: Task | str | None = None,
    train: ImageSet | Path | str | None = None,
    **settings: object,
) -> Atlas:
    """Why does this network fail?  Groups its error-inducing images by root cause and explains every group.

    Args:
        model: a torch module, a callable from pixels to outputs, ``module:callable``, ``.pt2`` or ``.onnx``; None with
            ``predictions=`` or ``case=``.
        images: an ``ImageSet``, a folder or a manifest.
        out: run folder; the same call again resumes it. None = a temporary folder.
        task: ``"classification"``, ``"regression"``, ``"landmarks"``, or an error rule of your own.
        train: the network's training set, from which ``*-tuned`` extractors learn: an ``ImageSet``, a folder or a
            manifest.
        **settings: any of :class:`failatlas.runs.Settings`, e.g. ``pipeline="hudd"``.

    Raises:
        UsageError, DataError, ModelError, UnsafeInputError, ResourceError: with what, where and what to do next.
    """
    said, objects = separated(model, images, task, settings, train)
    return analyze_settings(said, out=Path(out) if out else Path(tempfile.mkdtemp(prefix="failatlas-")), **objects)


def analyze_settings(
    said: Mapping[str, object],
    *,
    out: Path,
    images: ImageSet | None = None,
    model: object | None = None,
    task: Task | None = None,
    train: ImageSet | None = None,
) -> Atlas:
    """The same from settings alone, as the command line has them; objects stand in for what settings would name."""
    from failatlas.runs import Conductor
    from failatlas.runs import analyze as conduct
    from failatlas.runs.tables import write_clusters
    from failatlas.store import RunStore

    settings = layers.resolve(Settings, said)
    inputs = with_training(opened_inputs(settings, images, model, task), settings, train, out)
    with RunStore.open(out) as store:
        conductor = Conductor(store)
        choice = _choice(inputs, settings, conductor) if settings.pipeline == AUTO else None
        run = conduct(inputs, settings, conductor, choice)
    write_clusters(run, out / "clusters.csv")
    return Atlas(out, run, settings, lambda: inputs)


def open_run(
    path: Path | str, *, images: ImageSet | None = None, model: object | None = None, task: Task | None = None
) -> Atlas:
    """Open a run folder.

    Args:
        path: the folder.
        images, model, task: those that the analysis was given as objects, for they cannot be opened from their names.

    Raises:
        DataError: there is no finished analysis.
    """
    from failatlas.runs import Conductor, recall
    from failatlas.store import RunStore

    path = Path(path)
    with RunStore.open(path, create=False, read_only=True) as store:
        run = recall(Conductor(store))
        if run is None:
            raise DataError("no finished analysis", where=str(path), remedy="run failatlas analyze --out again")
    settings = layers.resolve(Settings, run.settings)

    def reopen() -> Inputs:
        inputs = opened_inputs(settings, images, model, task)
        run.check(inputs)
        return inputs

    return Atlas(path, run, settings, reopen)


def demo(name: str, *, pipeline: str = "best", out: Path) -> Atlas:
    """The main job on a case study: its test set (made in ``out/set`` when it is rendered) and reference network."""
    from failatlas.cases import RenderedCase, cases
    from failatlas.cases.catalogue import make_case

    if isinstance(cases.create(name), RenderedCase):
        # as files: whoever opens the run again need not render again, and people can look at them
        manifest, _ = make_case(name, split="test", count=None, seed=0, out=out / "set")
        return analyze(case=name, images=manifest, pipeline=pipeline, out=out)
    return analyze(case=name, pipeline=pipeline, out=out)


def _choice(inputs: Inputs, settings: Settings, conductor: Conductor) -> Choice:
    """The pipeline for these inputs; the scenes of a case study may be rendered again."""
    from failatlas.trials.choosing import choose_pipeline

    return choose_pipeline(inputs, settings, conductor, rendered_case(settings))
