"""Analysis: the street from images to root causes, stage by stage, each kept as soon as it is done."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from failatlas import progress
from failatlas.arrays import Features, Indices, array_hash, freeze
from failatlas.errors import ModelError, UsageError
from failatlas.features import Extractor, Rows, extractors, open_extractor, read_features
from failatlas.features.heatmaps import Maps, white_box
from failatlas.features.learning import Learner, Learnt, Lessons
from failatlas.images import ImageSet
from failatlas.images.survey import Overlap, Survey
from failatlas.models import WhiteBox
from failatlas.outcomes import Outcomes
from failatlas.pipelines import HUDD, LAYERED, SUPPLIED, Grouping, Pipeline, compared, group, parse, recluster
from failatlas.rootcauses import Reference, RootCauses, explain, metadata_columns
from failatlas.runs.budget import Budget
from failatlas.runs.checking import VERSION as CHECK_VERSION
from failatlas.runs.checking import RelevanceCheck, check_relevance, checked
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.copies import Copy, find_copies
from failatlas.runs.extracting import check_backbone, extractor_options, first_readable, mean_maps
from failatlas.runs.fingerprints import digest_of, image_digests
from failatlas.runs.inputs import Inputs
from failatlas.runs.layers import LayerChoice, choose_layer
from failatlas.runs.learning import lessons_for, refused, what_was_learnt
from failatlas.runs.run import Run
from failatlas.runs.settings import Settings
from failatlas.runs.streaming import extracted, predicted, surveyed, tested
from failatlas.seeds import derive, generator
from failatlas.store import gc
from failatlas.studies.choice import Choice

STAGES = (
    "choice",
    "survey",
    "other splits",
    "outcomes",
    "layers",
    "learning",
    "features",
    "reference",
    "grouping",
    "maps",
    "relevance",
    "root causes",
)
_RUN_VERSION = _GROUPING_VERSION = 1
_CAUSES_VERSION = 3  # 2: variance reduction and known causes; 3: explained as compared


class Analysis:
    """One analysis of some inputs under some settings; every property is a stage of the street.

    Args:
        inputs: opened images, network and task.
        settings: how to analyse.
        conductor: keeps results.
        choice: the pipeline that was chosen for these inputs, where the settings leave it open.

    Raises:
        UsageError: the settings leave the pipeline open and nobody chose one.
    """

    def __init__(self, inputs: Inputs, settings: Settings, conductor: Conductor, choice: Choice | None = None) -> None:
        self.inputs = inputs
        self.settings = settings
        self.conductor = conductor
        self.choice = choice
        self.pipeline = _pipeline(choice.pipeline if choice is not None else settings.pipeline, inputs)
        if settings.composite != Settings().composite:
            from failatlas.relevance import composite_of

            composite_of(settings.composite)  # an unknown one is refused now, not when relevance is needed
        self._budget = Budget(len(inputs.images), settings.max_bad)

    def run(self) -> Run:
        """Walk the street to its end.

        Raises:
            DataError: there are no images, or too many bad ones.
            ModelError: the extractor's weights are missing, or it needs a white box.
        """
        if self.pipeline.extractor != LAYERED:
            _ = self._opened  # what it lacks is said now, not when the network has seen every image
        model, settings = self.inputs.model, self.settings.to_json()
        found = Run(
            survey=self.survey,
            outcomes=self.outcomes,
            features=self.features,
            reference=self.reference,
            layer=self.layer,
            relevance=self.relevance,
            copies=self.copies,
            grouping=self.grouping,
            root_causes=self.root_causes,
            maps=self.maps,
            quarantined=tuple(self._budget.quarantined.values()),
            overlaps=self.overlaps,
            pipeline=str(self.pipeline),
            paths=tuple(self.images.records[i].path for i in self.features.indices),
            records=self.inputs.images.record_digest(),
            model=model.digest if model is not None else "",
            settings=settings,
            learnt=self.learnt,
            choice=self.choice,
        )
        stage = Stage("run", _RUN_VERSION, self._keys(*STAGES), {"settings": settings}, self.settings.seed)
        return self.conductor.run(stage, Run, lambda: found)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 (hex) of every image's bytes by id; the code of the error where they cannot be had."""
        return image_digests(self.inputs.images, "hashing images")

    @cached_property
    def pixels(self) -> str:
        """SHA-256 (hex) over ids and bytes: the key of what depends on the pictures, whatever people say of them."""
        return digest_of(self.digests)

    @cached_property
    def content(self) -> str:
        """SHA-256 (hex) over every image's record and bytes: the key of what depends on labels and metadata too."""
        return hashlib.sha256(f"{self.inputs.images.record_digest()}{self.pixels}".encode()).hexdigest()

    @cached_property
    def survey(self) -> Survey:
        """What the images are: digests, duplicates, measured properties; unreadable ones are set aside."""
        found = surveyed(self.conductor, "survey", self.inputs.images, self.digests)
        self._budget.charge(found.quarantined)
        return found

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """What the analysed split shares with the set's other splits; bad images of these cost the run nothing."""
        images, others = self.inputs.images, self.inputs.others
        if others is None:
            return self.survey.overlap(images.splits)
        digests = image_digests(others, "hashing other splits")
        rest = surveyed(self.conductor, "other splits", others, digests)
        found = Survey.merge([self.survey, rest]).overlap({**images.splits, **others.splits})
        own = set(images.splits.values())
        return tuple(overlap for overlap in found if {overlap.first, overlap.second} & own)

    @cached_property
    def images(self) -> ImageSet:
        """The set as it was surveyed: a file that changes now is set aside."""
        return self.inputs.images.pinned(self.survey.expected)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What the network made of every readable image."""
        readable, task = np.array(self.survey.indices), self.inputs.task
        if self.inputs.model is not None:
            size = self.settings.batch_size
            found = tested(self.conductor, self.inputs.model, self.images, readable, task, self.content, size)
        else:
            path = self.inputs.predictions
            assert path is not None
            found = predicted(self.conductor, path, self.images, readable, task, self.content)
        self._budget.charge(found.quarantined)
        return found

    @cached_property
    def failures(self) -> Indices:
        """(m,) positions of the error-inducing images among the outcomes; of copies the first."""
        copies = {copy.id for copy in self.copies}
        wrong = np.flatnonzero(self.outcomes.is_error)
        return wrong[[self.outcomes.ids[i] not in copies for i in wrong]] if copies else wrong

    @cached_property
    def copies(self) -> tuple[Copy, ...]:
        """Error-inducing images whose pixels and label an earlier one has: a cluster must not count them twice."""
        return find_copies(self.outcomes, self.survey, self.images)

    @cached_property
    def sample(self) -> Indices:
        """(r,) positions of randomly drawn correctly handled images among the outcomes, ascending."""
        correct = np.flatnonzero(~self.outcomes.is_error)
        # twice as many as went wrong: draws of equal size for the null, and none where nothing did
        count = min(len(correct), self.settings.references, 2 * len(self.failures))
        draw = generator(self.settings.seed, "references")
        return np.sort(draw.choice(correct, count, replace=False)) if count else np.zeros(0, np.int64)

    @cached_property
    def layer(self) -> LayerChoice | None:
        """The internal layer whose heatmaps are clustered; None where the pipeline needs none."""
        if self.pipeline.extractor != LAYERED or not len(self.failures):
            return None
        found = choose_layer(
            self.conductor,
            white_box(self.inputs.model),
            self.images,
            self.outcomes.indices[self.failures],
            self.outcomes.score[self.failures],
            pixels=self.pixels,
            settings=self.settings,
        )
        self._budget.charge(found.quarantined)
        return found

    @cached_property
    def extractor(self) -> Extractor | None:
        """The pipeline's extractor, taught where it learns; None where the user brings the features."""
        opened = self._opened
        return opened.taught(self.learnt) if isinstance(opened, Learner) and self.learnt is not None else opened

    @cached_property
    def learnt(self) -> Learnt | None:
        """What the extractor learnt; None where it learns nothing, or nothing went wrong that it could be asked."""
        learner = self._opened
        if not isinstance(learner, Learner) or not len(self.failures):
            return None
        lessons, pixels = self.lessons(learner, self.pipeline.extractor)
        return what_was_learnt(self.conductor, learner, lessons, pixels, self.settings.seed)

    @cached_property
    def features(self) -> Rows:
        """Features of the error-inducing images."""
        if self.layer is None:
            return self._features("features", self.failures)
        # those that have a finite heatmap, in the order of the layer's clusters
        return self._features("features", np.searchsorted(self.outcomes.indices, self.layer.indices))

    @cached_property
    def reference(self) -> Rows:
        """Features of the sample of correctly handled images."""
        return self._features("reference", self.sample)

    @cached_property
    def grouping(self) -> Grouping:
        """Clusters of the error-inducing images."""
        rows, notes = self._compared(self.features)
        learnt = self.learnt
        inputs = {"features": array_hash(rows)} | self._keys("layers", "learning")
        stage = Stage(
            "grouping",
            _GROUPING_VERSION,
            inputs,
            {"pipeline": str(self.pipeline), "ids": self._ids_digest},
            self.settings.seed,
        )

        def compute() -> Grouping:
            with progress.step("clustering"):
                layer = self.layer
                found = group(
                    self.features.ids,
                    rows,
                    self.pipeline,
                    seed=self.settings.seed,
                    layer=layer.chosen if layer is not None else "",
                    by_layer=layer.clustering if layer is not None and self.pipeline.clusterer == HUDD else None,
                    notes=notes if learnt is None else (*learnt.notes, *notes),
                )
            if learnt is None:
                return found
            return dataclasses.replace(found, curves=(*learnt.curves, *found.curves))

        return self.conductor.run(stage, Grouping, compute)

    @cached_property
    def maps(self) -> Rows | None:
        """Relevance of every error-inducing image as a small map, for the eye; None without a white box."""
        model = self.inputs.model
        if not isinstance(model, WhiteBox) or not len(self.failures):
            return None
        example = first_readable(self.images, self.outcomes.indices[self.failures])
        if example is None:
            return None
        try:
            extractor = Maps(
                model,
                example,
                composite=self.settings.composite,
                fallback=self.settings.fallback,
                task=self.inputs.task.name,
            )
        except ModelError:
            # pictures alone are no reason to stop: the report says that there are none
            return None
        return self._extracted("maps", extractor, self.failures)

    @cached_property
    def relevance(self) -> RelevanceCheck | None:
        """Whether the heatmaps that are shown conserve what they share out."""
        if self.layer is not None:
            return checked(self.layer)
        model = self.inputs.model
        if self.maps is None or not self.maps.ids or not isinstance(model, WhiteBox):
            return None
        indices = np.asarray(self.maps.indices)
        score = self.outcomes.score[np.searchsorted(self.outcomes.indices, indices)]
        stage = Stage("relevance", CHECK_VERSION, self._keys("maps"), {})
        return self.conductor.run(
            stage,
            RelevanceCheck,
            lambda: check_relevance(model, self.images, indices, score, self.settings),
        )

    @cached_property
    def root_causes(self) -> RootCauses:
        """The clusters explained."""
        survey_rows = np.searchsorted(self.survey.indices, self.outcomes.indices)
        properties = {name: self.survey.column(name)[survey_rows] for name in self.survey.names}
        records = [self.images.records[i] for i in self.outcomes.indices]
        # explained where they were clustered: medoids and neighbours of other rows would be those of another question
        rows, reference = (self._compared(part)[0] for part in (self.features, self.reference))
        features = {"features": array_hash(rows), "reference": array_hash(reference)}
        again = recluster(self.pipeline, self.grouping.parameters)
        stage = Stage(
            "root causes",
            _CAUSES_VERSION,
            # the keys of the stages that it reads: labels of a predictions file, say, are in no array
            self._keys("survey", "outcomes", "layers", "grouping", "maps") | features,
            {"pipeline": str(self.pipeline), "repeats": self.settings.repeats, "task": self.inputs.task.to_json()},
            self.settings.seed,
        )
        return self.conductor.run(
            stage,
            RootCauses,
            lambda: explain(
                self.grouping,
                self.outcomes,
                rows,
                reference=Reference(self.reference.ids, reference) if self.reference.ids else None,
                properties=properties,
                metadata=metadata_columns(records),
                parameters=self.images.parameters,
                recluster=again if self.settings.repeats else None,
                heatmaps=mean_maps(self.maps, self.grouping) if self.maps is not None else {},
                stability_repeats=self.settings.repeats,
                seed=derive(self.settings.seed, "root causes"),
            ),
        )

    def _compared(self, rows: Rows) -> tuple[Features, tuple[str, ...]]:
        """Rows as the pipeline compares them; only one that reads departures asks for correctly handled images."""
        if not self.pipeline.departs:
            return rows.matrix, ()
        return compared(self.pipeline, rows.matrix, self.reference.matrix)

    def _keys(self, *names: str) -> dict[str, str]:
        """Keys of those of the stages that this run has; a stage's own parts, read back or not, are none."""
        return {name: self.conductor.keys[name] for name in names if name in self.conductor.keys}

    def _features(self, name: str, positions: Indices) -> Rows:
        if self.extractor is not None:
            return self._extracted(name, self.extractor, positions)
        indices = self.outcomes.indices[positions]
        rows = freeze(self._supplied[indices])
        return Rows(tuple(self.images.ids[i] for i in indices), freeze(np.array(indices)), rows)

    @cached_property
    def _opened(self) -> Extractor | None:
        if self.pipeline.extractor == SUPPLIED:
            return None
        options = extractor_options(self.settings, self.layer)
        return open_extractor(self.pipeline.extractor, self.inputs.model, **options)

    def lessons(self, learner: Learner, name: str) -> tuple[Lessons, str]:
        """What a learner of this name learns from, the training set or the analysed images, and their pictures' hash.

        Raises:
            UsageError: it learns from answers, and there is no training set.
        """
        seed = self.settings.seed
        if not learner.is_supervised:
            readable = np.array(self.survey.indices)
            return Lessons.unanswered(self.images, readable).drawn(learner.most_lessons, seed), self.pixels
        if self._train is None:
            raise refused(name)
        return lessons_for(learner, self._train, self.inputs.task.name, seed)

    @cached_property
    def _train(self) -> ImageSet | None:
        """The training set, opened once: several learners may ask for it."""
        return self.inputs.train() if self.inputs.train is not None else None

    @cached_property
    def _supplied(self) -> Features:
        """(n, d) features that the user brings, one row for every image of the set."""
        path = self.inputs.features
        assert path is not None
        return read_features(path, self.images.ids)

    def _extracted(self, name: str, extractor: Extractor, positions: Indices) -> Rows:
        indices, score = self.outcomes.indices[positions], self.outcomes.score[positions]
        found = extracted(self.conductor, name, extractor, self.images, indices, score, self.pixels)
        self._budget.charge(found.quarantined)
        return found

    @cached_property
    def _ids_digest(self) -> str:
        return hashlib.sha256("\0".join(self.features.ids).encode("utf-8", "surrogatepass")).hexdigest()


def analyze(inputs: Inputs, settings: Settings, conductor: Conductor, choice: Choice | None = None) -> Run:
    """Why does this network fail?  From opened inputs to explained root causes; resumes where it was stopped."""
    if not len(inputs.images):
        raise UsageError("the image set is empty", where=inputs.name, remedy="check --images and --split")
    analysis = Analysis(inputs, settings, conductor, choice)
    check_backbone(settings, (analysis.pipeline.extractor,))
    found = analysis.run()
    # temporary files of a killed run, and shards that their whole has replaced
    gc(conductor.store)
    return found


def recall(conductor: Conductor) -> Run | None:
    """The last finished analysis of a run folder; None when there is none."""
    return conductor.recall("run", Run)


def _pipeline(text: str, inputs: Inputs) -> Pipeline:
    pipeline = parse(text)
    if inputs.features is not None:
        if pipeline.clusterer == HUDD:
            raise UsageError(
                "hudd needs heatmaps, not features", remedy="leave --features out, or take --pipeline best"
            )
        return pipeline.with_extractor(SUPPLIED)
    if pipeline.extractor == SUPPLIED:
        raise UsageError("no features were supplied", remedy="give --features")
    # now, and not when everything else is done
    if inputs.train is None and getattr(extractors.get(pipeline.extractor).factory, "is_supervised", False):
        raise refused(pipeline.extractor)
    return pipeline
