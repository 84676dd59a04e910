"""Checks: do network, preprocessing and labels fit together; is a run folder what it was when it was written?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas import settings as layers
from failatlas.api.inputs import opened_inputs
from failatlas.errors import UsageError
from failatlas.runs.settings import Settings

if TYPE_CHECKING:
    from failatlas.images import ImageSet
    from failatlas.models.doctor import Examination
    from failatlas.store import Damage


def doctor(said: Mapping[str, object], *, model: object | None = None, images: ImageSet | None = None) -> Examination:
    """Do network, preprocessing and labels fit together?  Looks at a few batches and says how to mend what does not."""
    from failatlas.models.doctor import examine

    settings = layers.resolve(Settings, said)
    inputs = opened_inputs(settings, images, model, None)
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
