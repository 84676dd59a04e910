"""The calls that command line, notebook and studio share: analyse, open, assign, explain, report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failatlas import settings as layers
from failatlas.arrays import Features
from failatlas.errors import DataError, UsageError
from failatlas.runs.settings import AUTO, Settings
from failatlas.trials.settings import StudySettings

if TYPE_CHECKING:
    import torch

    from failatlas.clustering import Clustering
    from failatlas.images import ImageSet
    from failatlas.injection import Staging
    from failatlas.models import Model
    from failatlas.models.doctor import Examination
    from failatlas.rootcauses import RootCause, RootCauses
    from failatlas.runs import Assignment, Conductor, Inputs, Run
    from failatlas.store import Damage
    from failatlas.studies import Study
    from failatlas.studies.choice import Choice
    from failatlas.tasks import Task

LESSONS = 4000  # pictures of a case study that are rendered to learn from


class Atlas:
    """A run at hand: what was found, and what can be asked of it.

    Attributes:
        path: the run folder.
        run: the results of all stages.
        settings: how they came about.
    """

    def __init__(self, path: Path, run: Run, settings: Settings, inputs: Callable[[], Inputs]) -> None:
        self.path = path
        self.run = run
        self.settings = settings
        self._open_inputs = inputs
        self._inputs: Inputs | None = None

    @property
    def inputs(self) -> Inputs:
        """Images, network and task; opened when they are first needed.

        Raises:
            DataError: images or network have changed since the analysis.
        """
        if self._inputs is None:
            self._inputs = self._open_inputs()
        return self._inputs

    @property
    def clusters(self) -> tuple[RootCause, ...]:
        """The root causes, highest risk first."""
        return self.run.root_causes.causes

    @property
    def root_causes(self) -> RootCauses:
        """The root causes and the noise group."""
        return self.run.root_causes

    def report(self, folder: Path | str | None = None) -> Path:
        """Write the report and return its first page; default: ``report/`` in the run folder."""
        from failatlas.report import gather, write

        return write(gather(self.run, self.inputs, self.settings), Path(folder) if folder else self.path / "report")

    def assign(self, images: ImageSet | Path | str, *, split: str | None = None) -> Assignment:
        """Put new images into the clusters.

        Raises:
            UsageError: the run's features were supplied by the user.
        """
        from failatlas.images import ImageSet
        from failatlas.runs import assign

        opened = images if isinstance(images, ImageSet) else ImageSet.open(images, split=split)
        return assign(self.run, opened, self.inputs.model, self.settings)

    def explain(self, image: str, folder: Path | str) -> Explanation:
        """Write the heatmaps of one image, a PNG a layer, and say what the network made of it.

        Raises:
            UsageError: there is no such image in the run.
            ModelError: the network is a black box.
        """
        from failatlas.report import write_heatmaps
        from failatlas.runs import layer_maps

        position = {name: i for i, name in enumerate(self.run.outcomes.ids)}.get(image)
        if position is None:
            raise UsageError(
                f"no image {image!r} in this run", where=str(self.path), remedy="clusters.csv lists the ids"
            )
        pixels, maps = layer_maps(self.run, self.inputs, self.settings, position)
        files = write_heatmaps(pixels, maps, Path(folder), image)
        outcomes = self.run.outcomes
        return Explanation(image, outcomes.expected[position], outcomes.predicted[position], files)

    def to_json(self) -> dict[str, Any]:
        """The summary that ``analyze --json`` prints."""
        run = self.run
        noise, variance, known = run.root_causes.noise, run.root_causes.variance, run.root_causes.known
        return {
            "run": str(self.path),
            "images": len(run.outcomes.ids),
            "errors": int(run.outcomes.is_error.sum()),
            "quarantined": len(run.quarantined),
            "pipeline": run.pipeline,
            "choice": run.choice.to_json() if run.choice is not None else None,
            "clusters": run.root_causes.table(),
            "noise": noise.size if noise else 0,
            "variance": variance.table() if variance else None,
            "known_causes": known.to_json() if known else None,
            "report": str(self.path / "report" / "index.html"),
        }

    def __repr__(self) -> str:
        return f"<Atlas {self.path}: {self.run!r}>"

    def _repr_html_(self) -> str:
        return self.run.root_causes._repr_html_()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One image explained: what was expected, what was predicted, and a PNG a layer."""

    image: str
    expected: str
    predicted: str
    files: tuple[Path, ...]

    def to_json(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "image": self.image,
            "expected": self.expected,
            "predicted": self.predicted,
            "files": [str(file) for file in self.files],
        }


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
    said, objects = _separated(model, images, task, settings, train)
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
    inputs = _inputs(settings, images, model, task)
    opened = (lambda: train) if train is not None else _training_set(settings, settings.train, inputs, out)
    inputs = replace(inputs, train=opened)
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
        inputs = _inputs(settings, images, model, task)
        run.check(inputs)
        return inputs

    return Atlas(path, run, settings, reopen)


def cluster(features: Features, pipeline: str = "umap+dbscan", *, seed: int = 0, **parameters: Any) -> Clustering:
    """Cluster the rows of an (n, d) array; what is neither given nor fixed by the preset is chosen automatically.

    Args:
        features: (n, d) finite numbers.
        pipeline: reducer+clusterer, a clusterer alone, or a preset (``safe``, ``best``) without its extractor.
        seed: of everything random.
        **parameters: of either part, e.g. ``eps=0.4``.

    Returns:
        ``labels`` (n,), -1 = noise; the embedding; the parameters used; the curves by which they were chosen.
    """
    from failatlas.clustering import cluster as compose
    from failatlas.pipelines import PRESETS

    if pipeline in PRESETS:
        preset = PRESETS[pipeline].pipeline
        return compose(features, preset.reducer, preset.clusterer, seed, **{**preset.fixed, **parameters})
    reducer, _, clusterer = pipeline.rpartition("+")
    return compose(features, reducer or "none", clusterer, seed, **parameters)


def doctor(said: Mapping[str, object], *, model: object | None = None, images: ImageSet | None = None) -> Examination:
    """Do network, preprocessing and labels fit together?  Looks at a few batches and says how to mend what does not."""
    from failatlas.models.doctor import examine

    settings = layers.resolve(Settings, said)
    inputs = _inputs(settings, images, model, None)
    if inputs.model is None:
        raise UsageError("the doctor examines a network", remedy="give --model or --case")
    return examine(inputs.model, inputs.images, inputs.task)


def verify(path: Path | str, *, repair: bool = False, restore: bool = False) -> list[Damage]:
    """Everything in a run folder that is not what it was when it was written.

    Args:
        path: the run folder.
        repair: drop damaged results, so that the next analysis makes them again.
        restore: first put the backup of a damaged database in its place.
    """
    from failatlas import store

    if restore:
        store.restore(path)
    with store.RunStore.open(path, create=False, read_only=not repair) as opened:
        return store.repair(opened) if repair else store.verify(opened)


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part a pipeline can be built from, in words."""

    name: str
    summary: str
    parameters: str
    source: str

    def to_json(self) -> dict[str, str]:
        """For ``--json``."""
        return {"name": self.name, "summary": self.summary, "parameters": self.parameters, "source": self.source}


def parts() -> dict[str, list[PartRow]]:
    """Presets, extractors, reducers, clusterers, describers, composites, operators, simulators and scenarios."""
    from failatlas.clustering import clusterers
    from failatlas.features import extractors
    from failatlas.pipelines import PRESETS
    from failatlas.reduction import reducers
    from failatlas.relevance.composites import composites
    from failatlas.relevance.rules.rule import served
    from failatlas.rootcauses import describers
    from failatlas.simulators import simulators
    from failatlas.simulators.scenarios import scenarios

    table: dict[str, list[PartRow]] = {
        "presets": [PartRow(name, p.summary, str(p.pipeline), p.source) for name, p in PRESETS.items()]
    }
    for registry in (extractors, reducers, clusterers, describers):
        table[f"{registry.kind}s"] = [
            PartRow(part.name, part.summary, ", ".join(part.parameters), part.source) for part in registry
        ]
    table["composites"] = [
        PartRow(name, repr(c.convolution), repr(c.dense), c.source) for name, c in composites.items()
    ]
    table["operators"] = [PartRow(name, rule.name, "", "") for name, rule in served()]
    table["simulators"] = [
        PartRow(part.name, part.summary, ", ".join(part.parameters), part.source) for part in simulators
    ]
    table["scenarios"] = [PartRow(*row) for row in scenarios.rows()]
    return table


def demo(name: str, *, pipeline: str = "best", out: Path) -> Atlas:
    """The main job on a case study: its test set (made in ``out/set`` when it is rendered) and reference network."""
    from failatlas.cases import RenderedCase, cases
    from failatlas.cases.catalogue import make_case

    if isinstance(cases.create(name), RenderedCase):
        # as files: whoever opens the run again need not render again, and people can look at them
        manifest, _ = make_case(name, split="test", count=None, seed=0, out=out / "set")
        return analyze(case=name, images=manifest, pipeline=pipeline, out=out)
    return analyze(case=name, pipeline=pipeline, out=out)


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
    said, objects = _separated(model, images, task, settings, train)
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
    import json

    from failatlas.runs import Conductor
    from failatlas.store import RunStore, write_atomically
    from failatlas.trials.studying import study
    from failatlas.trials.tables import write_pipelines

    own = set(StudySettings.__dataclass_fields__)
    asked = layers.resolve(StudySettings, {name: value for name, value in said.items() if name in own})
    settings = layers.resolve(Settings, {name: value for name, value in said.items() if name not in own})
    staging: Staging | None = None
    if settings.case is not None:
        settings, staging = _staged(settings, images, out)
    inputs = _inputs(settings, images, model, task)
    opened = (lambda: train) if train is not None else _training_set(settings, settings.train, inputs, out)
    inputs = replace(inputs, train=opened)
    with RunStore.open(out) as store:
        if "stage/run" in store.facts:
            # its report would be lost, for both are called report/
            raise UsageError("the folder holds an analysis", where=str(out), remedy="name another folder with --out")
        found = study(inputs, settings, asked, Conductor(store), staging=staging)
    write_pipelines(found, out / "pipelines.csv")
    made = Benchmark(out, found)
    write_atomically(out / "study.json", (json.dumps(made.to_json(), indent=1) + "\n").encode())
    return made


def _choice(inputs: Inputs, settings: Settings, conductor: Conductor) -> Choice:
    """The pipeline for these inputs; the scenes of a case study may be rendered again."""
    from failatlas.cases import RenderedCase, cases
    from failatlas.trials.choosing import choose_pipeline

    case = cases.create(settings.case) if settings.case is not None else None
    return choose_pipeline(inputs, settings, conductor, case if isinstance(case, RenderedCase) else None)


def _staged(settings: Settings, images: ImageSet | None, out: Path) -> tuple[Settings, Staging | None]:
    """A case study's test set as files in ``out/set``, rendered once for all; and who renders its scenes again."""
    from failatlas.cases import RenderedCase, cases
    from failatlas.cases.catalogue import make_case

    case = cases.create(settings.case or "")
    if not isinstance(case, RenderedCase):
        return settings, None
    if images is None and settings.images is None:
        split = settings.split or "test"
        manifest, _ = make_case(case.name, split=split, count=None, seed=0, out=out / "set")
        settings = replace(settings, images=manifest)
    return settings, case


def _training_set(settings: Settings, place: Path | None, inputs: Inputs, out: Path) -> Callable[[], ImageSet] | None:
    """How the training set is opened: the one that was named, the case study's, or the split of that name."""
    from failatlas.images import ImageSet

    if place is not None:

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


def _separated(
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


def _inputs(settings: Settings, images: ImageSet | None, model: object | None, task: Task | None) -> Inputs:
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
