"""Streaming stages: those that read every image, shard by shard: a kill costs one shard, and memory stays flat."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from failatlas.arrays import Indices, array_hash, freeze
from failatlas.features import Extractor, Rows, extract
from failatlas.features import merge as merge_rows
from failatlas.images import ImageSet
from failatlas.images.survey import VERSION as SURVEY_VERSION
from failatlas.images.survey import Survey, survey
from failatlas.models import Model
from failatlas.models.predictions import read_predictions
from failatlas.outcomes import Outcomes, from_predictions
from failatlas.outcomes import merge as merge_outcomes
from failatlas.outcomes import run as run_model
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.fingerprints import digest_of
from failatlas.tasks import Task

SHARD = 512  # images a shard: the most that a kill costs
_OUTCOMES_VERSION = _FEATURES_VERSION = 1


def surveyed(conductor: Conductor, name: str, images: ImageSet, digests: Mapping[str, str]) -> Survey:
    """Survey of a set.

    Args:
        conductor: keeps it.
        name: of the stage.
        images: the set.
        digests: what is known of its files, by id; an image that changes meanwhile is set aside.
    """
    # what the key says of an image holds for its survey too
    known = {image: digest for image, digest in digests.items() if not digest.startswith("E_")}
    pinned = images.pinned(known)
    return conductor.run_sharded(
        Stage(name, SURVEY_VERSION, {"images": digest_of(digests)}, {}),
        Survey,
        lambda indices: survey(pinned, indices.tolist()),
        Survey.merge,
        indices=np.arange(len(images)),
        size=SHARD,
        what="surveying images" if name == "survey" else f"surveying {name}",
    )


def tested(
    conductor: Conductor, model: Model, images: ImageSet, readable: Indices, task: Task, content: str, batch_size: int
) -> Outcomes:
    """What a network makes of every readable image.

    Args:
        conductor: keeps it.
        model: the network.
        images: the set, pinned.
        readable: (n,) positions of images that the survey could read.
        task: the error rule.
        content: hash of images and records.
        batch_size: images at a time; no part of the key.
    """
    return conductor.run_sharded(
        Stage("outcomes", _OUTCOMES_VERSION, {"images": content, "model": model.digest}, {"task": task.to_json()}),
        Outcomes,
        lambda indices: run_model(model, images, task, batch_size=batch_size, indices=indices.tolist()),
        merge_outcomes,
        indices=readable,
        size=SHARD,
        what="running the network",
    )


def predicted(
    conductor: Conductor, path: Path, images: ImageSet, readable: Indices, task: Task, content: str
) -> Outcomes:
    """The same from a predictions file, at the images' positions in the whole set."""

    def compute() -> Outcomes:
        found = from_predictions(read_predictions(path), images.select(readable), task)
        return dataclasses.replace(found, indices=freeze(readable[found.indices]))

    file = hashlib.sha256(path.read_bytes()).hexdigest()
    stage = Stage("outcomes", _OUTCOMES_VERSION, {"images": content, "predictions": file}, {"task": task.to_json()})
    return conductor.run(stage, Outcomes, compute)


def extracted(
    conductor: Conductor,
    name: str,
    extractor: Extractor,
    images: ImageSet,
    indices: Indices,
    score: Indices,
    pixels: str,
) -> Rows:
    """Features of some images.

    Args:
        conductor: keeps them.
        name: of the stage.
        extractor: what to extract.
        images: the set, pinned.
        indices: (m,) positions in it.
        score: (m,) the output that relevance starts from.
        pixels: hash of the images' bytes.
    """
    starts = dict(zip(indices.tolist(), score.tolist(), strict=True))
    inputs = {
        "images": pixels,
        "extractor": extractor.digest,
        "which": array_hash(indices),
        "score": array_hash(score),
    }
    return conductor.run_sharded(
        Stage(name, _FEATURES_VERSION, inputs, {}),
        Rows,
        lambda shard: extract(extractor, images, shard, np.array([starts[i] for i in shard.tolist()], np.int64)),
        merge_rows,
        indices=indices,
        size=SHARD // 2,
        what=f"extracting {name}",
    )
