"""Assigning: which root-cause cluster would an image that was not analysed belong to?"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from failatlas.arrays import NOISE, Features, Indices, Labels, Vector, freeze
from failatlas.clustering import assignment
from failatlas.errors import UsageError
from failatlas.features import extract, open_extractor
from failatlas.features.learning import Learner
from failatlas.images import ImageSet, Quarantined
from failatlas.images.delimited import escape_formula
from failatlas.models import Model
from failatlas.pipelines import HUDD, SUPPLIED, compared, parse
from failatlas.pipelines.pipeline import CONSENSUS
from failatlas.reduction.pca import Pca
from failatlas.runs.extracting import extractor_options
from failatlas.runs.run import Run
from failatlas.runs.settings import Settings
from failatlas.runs.tables import write_table
from failatlas.seeds import derive


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Clusters of n new images.

    Attributes:
        ids: n image ids.
        labels: (n,) int64, -1 = like no root cause.
        distance: (n,) float64 to the nearest member, in feature space.
        quarantined: images that could not be used.
    """

    ids: tuple[str, ...]
    labels: Labels
    distance: Vector
    quarantined: tuple[Quarantined, ...]

    @property
    def n_assigned(self) -> int:
        """How many fall into a cluster."""
        return int((self.labels != NOISE).sum())

    def __repr__(self) -> str:
        return f"<Assignment {self.n_assigned} of {len(self.ids)} images, {len(self.quarantined)} quarantined>"

    def to_json(self) -> dict[str, object]:
        """Counts by cluster, and every image."""
        return {
            "images": len(self.ids),
            "assigned": self.n_assigned,
            "quarantined": [{"id": image.id, "code": image.code, "reason": image.reason} for image in self.quarantined],
            "assignments": [
                {"image": image, "cluster": int(label), "distance": float(distance)}
                for image, label, distance in zip(self.ids, self.labels, self.distance, strict=True)
            ],
        }

    def write(self, file: Path) -> Path:
        """Write ``image_id,cluster,distance`` as CSV and return its path."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image_id", "cluster", "distance"])
        for image, label, distance in zip(self.ids, self.labels, self.distance, strict=True):
            writer.writerow([escape_formula(image), int(label), f"{distance:.6g}"])
        return write_table(file, table.getvalue())


def assign(run: Run, images: ImageSet, model: Model | None, settings: Settings) -> Assignment:
    """Put new images into the clusters of a run.

    After HUDD by single linkage within a cluster's radius; after DBSCAN without UMAP by core points within ε (SAFE);
    after consensus by direction; else by the nearest member, when that is as near as the cluster's members are to each
    other.

    Raises:
        UsageError: the run's features were supplied, so nobody can extract those of new images.
    """
    extractor_name = run.pipeline.split("+")[0]
    if extractor_name == SUPPLIED:
        raise UsageError(
            "the run's features were supplied", remedy="cluster the new images' features with failatlas.cluster"
        )
    extractor = open_extractor(extractor_name, model, **extractor_options(settings, run.layer))
    if isinstance(extractor, Learner) and run.learnt is not None:
        extractor = extractor.taught(run.learnt)
    rows = extract(
        extractor,
        images,
        np.arange(len(images)),
        _scores(model, images, run, settings),
        batch_size=settings.batch_size,
    )
    if not len(rows.ids) or not len(run.features.ids):
        labels, distance = np.full(len(rows.ids), NOISE, np.int64), np.full(len(rows.ids), np.nan)
    else:
        found = _within(run, rows.matrix)
        labels, distance = found.labels, found.distances.astype(np.float64)
    return Assignment(rows.ids, freeze(labels), freeze(distance), rows.quarantined)


def _within(run: Run, rows: Features) -> assignment.Assignment:
    """The rule that the pipeline's method has for new images: HUDD's, SAFE's, or nearest fellow members."""
    members, labels, parameters = run.features.matrix, run.grouping.labels, run.grouping.parameters
    # new images are compared where the failures were
    members, rows = (compared(parse(run.pipeline), part, run.reference.matrix)[0] for part in (members, rows))
    _, reducer, clusterer = run.pipeline.split("+")
    if clusterer == HUDD:
        return assignment.single_linkage(members, labels, rows)
    if clusterer == CONSENSUS and reducer == "none":
        return assignment.pointing(members, labels, rows, belongs=float(parameters["consensus.belongs"]))
    if clusterer == "dbscan" and reducer in ("none", "pca"):
        eps, min_samples = float(parameters["dbscan.eps"]), int(parameters["dbscan.min_samples"])
        if reducer == "pca":
            projection = Pca(int(parameters["pca.n_components"]), seed=derive(run.grouping.seed, "pca"))
            members = projection.fit_transform(members)
            rows = projection.transform(rows)
        core_rows = assignment.core_points(members, eps, min_samples)
        return assignment.core(members, labels, rows, eps=eps, core_rows=core_rows)
    return assignment.neighbour(members, labels, rows)


def _scores(model: Model | None, images: ImageSet, run: Run, settings: Settings) -> Indices:
    """The output that relevance starts from: the predicted class, for new images have no label.

    Of numbers and landmarks nobody knows without a target which one is worst: the run's most frequent worst one.
    """
    scores = np.zeros(len(images), np.int64)
    if "heatmap" not in run.pipeline or model is None:
        return scores
    if settings.task != "classification":
        return scores + np.bincount(run.outcomes.score[run.outcomes.is_error], minlength=1).argmax()
    for batch in images.batches(64, on_bad=lambda *_: None):
        scores[list(batch.indices)] = model.predict(batch.pixels).argmax(axis=1)
    return scores
