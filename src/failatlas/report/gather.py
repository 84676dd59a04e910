"""Gather: a run's results as the document that the report shows; every sentence here restates a result."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from failatlas.images import ImageSet
from failatlas.relevance.checks import TOLERANCE
from failatlas.report.document import DataCard, Document, LayerRow, ModelCard, RelevanceCard
from failatlas.report.pictures import RunPictures
from failatlas.report.versions import versions
from failatlas.runs import Inputs, Run, Settings
from failatlas.statistics import wilson
from failatlas.tasks import Task

_KINDS = {
    "TorchModel": "torch module",
    "OnnxModel": "ONNX, black box",
    "CallableModel": "Python callable, black box",
}


def gather(run: Run, inputs: Inputs, settings: Settings) -> Document:
    """Everything the report shows, from a run and the inputs it was made of."""
    relevance = _relevance(run, settings)
    return Document(
        title=f"Why it fails: {inputs.name}",
        command=_command(settings, inputs),
        seed=settings.seed,
        data=_data(run, inputs),
        model=_model(run, inputs),
        outcomes=run.outcomes,
        grouping=run.grouping,
        root_causes=run.root_causes,
        pictures=RunPictures(inputs.images.pinned(run.survey.expected), run),
        relevance=relevance,
        curves=run.layer.curves if run.layer is not None else (),
        choice=run.choice,
        settings=_settings(settings),
        versions=versions(),
        hashes={"images": run.survey.set_digest, "records": run.records, "network": run.model},
        warnings=run.relevance.warnings if run.relevance is not None else (),
    )


def _data(run: Run, inputs: Inputs) -> DataCard:
    images: ImageSet = inputs.images
    records = images.records
    exact, near = run.survey.exact_duplicates(), run.survey.near_duplicates()
    n_exact = sum(len(group) - 1 for group in exact)
    notices = Counter(notice for told in run.survey.notices.values() for notice in told)
    told = (f"{count} × {notice}" for notice, count in notices.most_common())
    left_out = tuple(f"{count} images left out: {why}" for why, count in run.outcomes.left_out)
    n_copies = len(run.copies)
    copies = (f"{n_copies} error-inducing images repeat another one: clusters count them once",) if n_copies else ()
    return DataCard(
        name=inputs.name,
        digest=run.survey.set_digest,
        n_images=len(images),
        classes=dict(sorted(Counter(r.label for r in records if r.label is not None).items())),
        splits=dict(sorted(Counter(r.split for r in records if r.split is not None).items())),
        n_exact=n_exact,
        n_near=sum(len(group) - 1 for group in near) - n_exact,
        leakage=tuple(
            f"{len(o.exact)} exact and {len(o.near)} near duplicates between {o.first} and {o.second}"
            for o in run.overlaps
            if o.exact or o.near
        ),
        quarantined=run.quarantined,
        notices=(*images.notices, *told, *left_out, *copies),
    )


def _model(run: Run, inputs: Inputs) -> ModelCard:
    n = len(run.outcomes.ids)
    accuracy = wilson(n - int(run.outcomes.is_error.sum()), n)
    if inputs.model is None:
        name = inputs.predictions.name if inputs.predictions is not None else "predictions"
        return ModelCard(name, "predictions file", "", _error_rule(inputs.task), accuracy, notices=run.outcomes.notes)
    model = inputs.model
    kind = _KINDS.get(type(model).__name__, type(model).__name__)
    return ModelCard(
        model.name, kind, model.digest, _error_rule(inputs.task), accuracy, model.preprocess, run.outcomes.notes
    )


def _error_rule(task: Task) -> str:
    """The task's error rule in words."""
    rules = {
        "classification": "classification: the class of the highest output is not the label",
        "regression": "regression: the error exceeds its threshold",
        "landmarks": "landmarks: the mean distance of the visible landmarks exceeds the threshold",
    }
    return rules.get(task.name, task.name)


def _relevance(run: Run, settings: Settings) -> RelevanceCard | None:
    found = run.relevance
    if found is None:
        return None
    chosen = run.layer.chosen if run.layer is not None else ""
    rows = tuple(LayerRow(score.layer, score.raw, score.scaled, score.conservation) for score in reversed(found.scores))
    # the tolerance of the run's own warnings: one report, one measure
    return RelevanceCard(settings.composite, chosen, rows, TOLERANCE, fallbacks=found.fallbacks)


def _command(settings: Settings, inputs: Inputs) -> str:
    """The command line that makes the run again; folders are left to the reader, who has them elsewhere."""
    default = Settings()
    words = ["failatlas", "analyze"]
    for name in settings.__dataclass_fields__:
        value = getattr(settings, name)
        if value == getattr(default, name):
            continue
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, Path) or name == "model":
            words += [flag, _file_name(value)]
        elif isinstance(value, tuple):
            words += [flag, ",".join(f"{part}" for part in value)]
        else:
            words += [flag, str(value)]
    if "--images" not in words and "--case" not in words:
        words += ["--images", inputs.name]
    # quoted for a shell: it will be pasted into one, whatever a file or class is called
    return shlex.join([*words, "--out", "RUN"])


def _settings(settings: Settings) -> dict[str, object]:
    shown = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return {
        name: _file_name(value) if isinstance(value, Path) or (name == "model" and value) else value
        for name, value in shown.items()
    }


def _file_name(value: object) -> str:
    """What a path ends in: where a file lies on this machine is nobody else's business."""
    return str(value).replace("\\", "/").rsplit("/", 1)[-1]
