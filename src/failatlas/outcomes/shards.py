"""Shards: outcomes of parts of a set, made batch by batch, joined into outcomes of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from failatlas.arrays import Features, freeze
from failatlas.errors import DataError, ShapeError
from failatlas.images.records import Quarantined
from failatlas.outcomes.outcome import Outcomes
from failatlas.tasks.task import Verdict


def joined(
    ids: Sequence[str],
    indices: Sequence[int],
    outputs: Sequence[Features],
    verdicts: Sequence[Verdict],
    *,
    quarantined: Iterable[Quarantined] = (),
    left_out: Iterable[tuple[str, int]] = (),
    notes: Iterable[str] = (),
) -> Outcomes:
    """Outcomes from judged batches, in the order in which they come."""
    rows = np.concatenate(outputs) if outputs else np.zeros((0, 0), dtype=np.float32)
    predicted = tuple(text for verdict in verdicts for text in verdict.predicted)
    return Outcomes(
        ids=tuple(ids),
        indices=freeze(np.array(indices, dtype=np.int64)),
        outputs=freeze(rows),
        predicted=predicted,
        expected=tuple(text for verdict in verdicts for text in verdict.expected),
        is_error=freeze(_column([verdict.is_error for verdict in verdicts], np.bool_)),
        severity=freeze(_column([verdict.severity for verdict in verdicts], np.float64)),
        uncertainty=freeze(_column([verdict.uncertainty for verdict in verdicts], np.float64)),
        score=freeze(_column([verdict.score for verdict in verdicts], np.int64)),
        quarantined=tuple(quarantined),
        left_out=tuple(left_out),
        notes=(*notes, *_sameness(rows, predicted)),
    )


def merge(shards: Sequence[Outcomes]) -> Outcomes:
    """One set's outcomes from those of its shards, in the order of the image set; equal to one unbroken run.

    Raises:
        DataError: two shards hold the same image.
        ShapeError: networks of the shards differ in their number of outputs.
    """
    # a quarantined image has no position: shards in order put contiguous shards' lists in order too
    shards = sorted(shards, key=lambda shard: int(shard.indices[0]) if len(shard.indices) else -1)
    held = [shard for shard in shards if shard.ids]
    widths = sorted({shard.outputs.shape[1] for shard in held})
    if len(widths) > 1:
        raise ShapeError(f"shards have {widths[0]} and {widths[1]} outputs", remedy="run them with one network")
    indices = np.concatenate([shard.indices for shard in held]) if held else np.zeros(0, dtype=np.int64)
    order = np.argsort(indices, kind="stable")
    doubled = np.flatnonzero(np.diff(indices[order]) == 0)
    ids = [name for shard in held for name in shard.ids]
    if len(doubled):
        raise DataError(
            "two shards hold one image", where=ids[order[doubled[0]]], remedy="split the set without overlap"
        )
    # order applies to the concatenation, so one artificial verdict carries all columns
    verdict = Verdict(
        predicted=_picked([text for shard in held for text in shard.predicted], order),
        expected=_picked([text for shard in held for text in shard.expected], order),
        is_error=_column([shard.is_error for shard in held], np.bool_)[order],
        severity=_column([shard.severity for shard in held], np.float64)[order],
        uncertainty=_column([shard.uncertainty for shard in held], np.float64)[order],
        score=_column([shard.score for shard in held], np.int64)[order],
    )
    left_out: Counter[str] = Counter()
    for shard in shards:
        left_out.update(dict(shard.left_out))
    own = dict.fromkeys(note for shard in shards for note in shard.notes if not note.startswith(_SAME))
    return joined(
        _picked(ids, order),
        indices[order].tolist(),
        [np.concatenate([shard.outputs for shard in held])[order]] if held else [],
        [verdict],
        quarantined=[entry for shard in shards for entry in shard.quarantined],
        left_out=sorted(left_out.items()),
        notes=own,
    )


_SAME = "same answer"  # notes that start so speak of one shard only and are found anew for the whole


def _sameness(outputs: Features, predicted: Sequence[str]) -> list[str]:
    if len(outputs) < 2:
        return []
    if (outputs == outputs[0]).all():
        return [
            f"{_SAME} everywhere: the network gives all {len(outputs)} images the same output; look at preprocessing"
        ]
    if len(set(predicted)) == 1:
        return [
            f"{_SAME} everywhere: the network calls all {len(outputs)} images {predicted[0]!r}; look at preprocessing"
        ]
    return []


def _column(parts: Sequence[np.ndarray], kind: type[np.generic]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _picked(texts: Sequence[str], order: np.ndarray) -> tuple[str, ...]:
    return tuple(texts[i] for i in order)
