"""Benchmark: pipelines compared on a network's own failures and on failures whose causes are known."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failatlas import settings as layers
from failatlas.api.inputs import made, opened_inputs, rendered_case, separated, with_training
from failatlas.errors import UsageError
from failatlas.runs.settings import Settings
from failatlas.trials.settings import StudySettings

if TYPE_CHECKING:
    import torch

    from failatlas.images import ImageSet
    from failatlas.models import Model
    from failatlas.studies import Study
    from failatlas.tasks import Task


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A finished study and its folder.

    Attributes:
        path: the run folder: ``pipelines.csv``, ``study.json``, ``injected/``, ``report/``.
        study: what was found.
    """

    path: Path
    study: Study

    def report(self, folder: Path | str | None = None) -> Path:
        """Write the report and return its first page; default: ``report/`` in the run folder."""
        from failatlas.report.study import write_study

        return write_study(self.study, Path(folder) if folder else self.path / "report")

    def to_json(self) -> dict[str, Any]:
        """What ``benchmark --json`` prints."""
        return {
            **self.study.to_json(),
            "run": str(self.path),
            "report": str(self.path / "report" / "index.html"),
        }


def benchmark(
    model: torch.nn.Module | Model | Callable[..., object] | str | Path | None = None,
    images: ImageSet | Path | str | None = None,
    *,
    out: Path | str | None = None,
    task: Task | str | None = None,
    train: ImageSet | Path | str | None = None,
    **settings: object,
) -> Benchmark:
    """Which pipeline groups this network's failures best?  Injects failures whose causes are known and scores many.

    Args:
        model, images, out, task: as for :func:`analyze`.
        train: the training set, from which some extractors learn: an ``ImageSet``, a folder or a manifest.
        **settings: any of :class:`failatlas.runs.Settings` and :class:`failatlas.trials.StudySettings`, e.g.
            ``pipelines=("safe", "best")``, ``inject=("noise", "blur")``, ``rare=()``.

    Raises:
        UsageError, DataError, ModelError, UnsafeInputError, ResourceError: with what, where and what to do next.
    """
    said, objects = separated(model, images, task, settings, train)
    place = Path(out) if out else Path(tempfile.mkdtemp(prefix="failatlas-"))
    return benchmark_settings(said, out=place, **objects)


def benchmark_settings(
    said: Mapping[str, object],
    *,
    out: Path,
    images: ImageSet | None = None,
    model: object | None = None,
    task: Task | None = None,
    train: ImageSet | None = None,
) -> Benchmark:
    """The same from settings alone, as the command line has them; objects stand in for what settings would name."""
    from failatlas.runs import Conductor
    from failatlas.store import RunStore, write_atomically
    from failatlas.trials.failures import check_scenarios
    from failatlas.trials.studying import study
    from failatlas.trials.tables import write_pipelines

    own = set(StudySettings.__dataclass_fields__)
    asked = layers.resolve(StudySettings, {name: value for name, value in said.items() if name in own})
    settings = layers.resolve(Settings, {name: value for name, value in said.items() if name not in own})
    case = rendered_case(settings)
    if case is not None:
        check_scenarios(asked, case, has_network=True)
        if images is None and settings.images is None:
            settings = made(settings, case, out)
    inputs = with_training(opened_inputs(settings, images, model, task), settings, train, out)
    with RunStore.open(out) as store:
        if "stage/run" in store.facts:
            # its report would be lost, for both are called report/
            raise UsageError("the folder holds an analysis", where=str(out), remedy="name another folder with --out")
        found = study(inputs, settings, asked, Conductor(store), staging=case)
    write_pipelines(found, out / "pipelines.csv")
    finished = Benchmark(out, found)
    write_atomically(out / "study.json", (json.dumps(finished.to_json(), indent=1) + "\n").encode())
    return finished
