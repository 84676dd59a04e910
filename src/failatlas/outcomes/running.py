"""Running: a network over an image set, batch by batch; a poisoned image costs itself and not its neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from failatlas.arrays import Features, Mask, Pixels
from failatlas.errors import FailatlasError, ModelError, ResourceError, ShapeError
from failatlas.images.imageset import ImageSet
from failatlas.images.records import BadImage, Quarantined
from failatlas.models.model import Model
from failatlas.models.rows import OUT_OF_MEMORY
from failatlas.outcomes.outcome import Outcomes
from failatlas.outcomes.shards import joined
from failatlas.progress import step
from failatlas.tasks.task import Task, Verdict


def run(
    model: Model, images: ImageSet, task: Task, *, batch_size: int = 64, indices: Sequence[int] | None = None
) -> Outcomes:
    """What the network makes of every image that the task can judge.

    Records are asked for gaps before the first image is opened; images stream, at most one batch is in memory.

    Args:
        model: the network.
        images: the set.
        task: the error rule.
        batch_size: images at a time; halved once, for the rest of the run, when memory runs out.
        indices: positions in the set, ascending: a shard; None = all. ``merge`` joins shards.

    Raises:
        DataError: a label is unknown to the task.
        ShapeError: the network's outputs and the task disagree on their number.
        ModelError: the network refuses every image, or gives no finite output because of a weight, which is named.
        ResourceError: memory runs out even at half the batch size.
    """
    wanted = range(len(images.records)) if indices is None else indices
    gaps = [(i, task.gap(images.records[i])) for i in wanted]
    left_out = sorted(Counter(why for _, why in gaps if why).items())
    judged = [i for i, why in gaps if not why]
    runner = Runner(model, batch_size)
    quarantined: list[tuple[int, Quarantined]] = []
    ids: list[str] = []
    positions: list[int] = []
    outputs: list[Features] = []
    verdicts: list[Verdict] = []

    def set_aside(position: int, error: BadImage) -> None:
        quarantined.append((position, error.quarantined(images.records[position].id)))
        listener.advance(1)

    with step("running the network", len(judged)) as listener:
        for batch in images.batches(batch_size, judged, set_aside):
            names = [images.records[i].id for i in batch.indices]
            rows, failures = runner.outputs(batch.pixels, names)
            quarantined += [(batch.indices[j], failure) for j, failure in failures.items()]
            kept = [j for j in range(len(names)) if j not in failures]
            if kept:
                verdicts.append(task.judge(rows[kept], [images.records[batch.indices[j]] for j in kept]))
                outputs.append(rows[kept])
                ids += [names[j] for j in kept]
                positions += [batch.indices[j] for j in kept]
            listener.advance(len(names))
    if not ids:
        runner.explain_silence()
    return joined(
        ids,
        positions,
        outputs,
        verdicts,
        quarantined=[entry for _, entry in sorted(quarantined, key=lambda pair: pair[0])],
        left_out=left_out,
        notes=runner.notes,
    )


class Runner:
    """Feeds batches to a network and finds the images that break them."""

    def __init__(self, model: Model, batch_size: int) -> None:
        self._model = model
        self._size = max(1, batch_size)
        self._has_answered = False
        self._fed = False
        self._last_error: FailatlasError | None = None
        self.notes: list[str] = []

    def outputs(self, pixels: Sequence[Pixels], names: Sequence[str]) -> tuple[Features, dict[int, Quarantined]]:
        """(b, k) float32 outputs; rows of failed images, by position, hold nan."""
        rows: dict[int, Features] = {}
        failures: dict[int, Quarantined] = {}
        for group in self._groups(pixels):
            self._isolate(group, pixels, names, rows, failures)
        if not rows and not self._has_answered and self._last_error is not None:
            raise self._last_error  # it refuses every image of the first batch: no need to try the others
        if not rows and not self._has_answered:
            self._name_bad_weights()
        self._has_answered = self._has_answered or bool(rows)
        widths = sorted({len(row) for row in rows.values()}) or [0]
        if len(widths) > 1:
            raise ShapeError(
                f"the network gives {widths[0]} outputs for some image sizes and {widths[-1]} for others",
                where=self._model.name,
                remedy="give the network's input size with --preprocess HxW",
            )
        table = np.full((len(pixels), widths[0]), np.nan, dtype=np.float32)
        for position, row in rows.items():
            table[position] = row
        return table, failures

    def explain_silence(self) -> None:
        """Raise when images went in and no finite output came out."""
        if self._last_error is not None and self._last_error.name != "E_MODEL_NAN":
            raise self._last_error
        if self._fed:
            raise ModelError(
                "the network gave no finite output on any image",
                where=self._model.name,
                remedy="check its preprocessing with `failatlas doctor`",
                code="E_MODEL_NAN",
            )

    def _groups(self, pixels: Sequence[Pixels]) -> list[list[int]]:
        # a network without a fixed size takes images of any size, but not two sizes at once
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for position, image in enumerate(pixels):
            shape = image.shape if self._model.preprocess.size is None else ()
            by_shape.setdefault(shape, []).append(position)
        return list(by_shape.values())

    def _isolate(
        self,
        group: list[int],
        pixels: Sequence[Pixels],
        names: Sequence[str],
        rows: dict[int, Features],
        failures: dict[int, Quarantined],
    ) -> None:
        """Predict a group; halve it until what breaks it stands alone."""
        todo = [group[i : i + self._size] for i in range(0, len(group), self._size)]
        while todo:
            part = todo.pop(0)
            if len(part) > self._size:
                todo[:0] = _halves(part)
                continue
            self._fed = True
            try:
                found = self._model.predict([pixels[j] for j in part])
            except ResourceError as error:
                if error.name != OUT_OF_MEMORY or self.notes or len(part) == 1:
                    raise
                self._size = (len(part) + 1) // 2
                self.notes.append(f"memory ran out at {len(part)} images a batch; went on with {self._size}")
                todo[:0] = _halves(part)
                continue
            except ModelError as error:
                if len(part) > 1:
                    todo[:0] = _halves(part)
                    continue
                self._last_error = error
                failures[part[0]] = Quarantined(names[part[0]], error.name, error.what)
                continue
            finite: Mask = np.all(np.isfinite(found), axis=1)
            rows.update((j, row) for j, row, good in zip(part, found, finite, strict=True) if good)
            bad = [j for j, good in zip(part, finite, strict=True) if not good]
            if len(part) == 1 and bad:
                reason = "the network's output is not finite (nan or infinity)"
                failures[bad[0]] = Quarantined(names[bad[0]], "E_MODEL_NAN", reason)
            elif len(bad) == len(part):
                todo[:0] = _halves(bad)
            elif bad:
                todo.insert(0, bad)

    def _name_bad_weights(self) -> None:
        name = bad_weights(self._model)
        if name:
            raise ModelError(
                f"weights {name!r} hold nan or infinity, so no output is finite",
                where=self._model.name,
                remedy="load another checkpoint",
                code="E_MODEL_WEIGHTS",
            )


def bad_weights(model: Model) -> str:
    """Name of the first weight tensor that is not finite; empty when there is none or nobody can see the weights."""
    module = getattr(model, "module", None)
    if module is not None:
        from failatlas.models.module import bad_weights as first_bad

        return first_bad(module)
    return str(getattr(model, "bad_weights", ""))


def _halves(part: list[int]) -> list[list[int]]:
    middle = (len(part) + 1) // 2
    return [half for half in (part[:middle], part[middle:]) if half]
