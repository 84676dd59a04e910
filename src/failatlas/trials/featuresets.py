"""Feature sets: what every extractor of a study makes of its failures, each once, with what that took."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from failatlas.errors import FailatlasError, InterruptedRunError, ResourceError
from failatlas.features import Extractor, Rows, open_extractor
from failatlas.features.heatmaps import white_box
from failatlas.features.learning import Learner
from failatlas.models.rows import OUT_OF_MEMORY
from failatlas.pipelines import LAYERED
from failatlas.progress import step
from failatlas.runs.analysis import Analysis
from failatlas.runs.extracting import extractor_options
from failatlas.runs.layers import LayerChoice, choose_layer
from failatlas.runs.learning import learnt
from failatlas.runs.streaming import extracted
from failatlas.trials.costs import Costs
from failatlas.trials.failures import Failures


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """Features of one extractor.

    Attributes:
        name: of the extractor.
        rows: of the failures that have any, in order.
        reference: of correctly handled images; no rows where nobody asked.
        costs: under which key its costs are kept: name and digest, for another backbone in the same folder costs
            something else.
        before_s: seconds before the first image: choosing a layer, learning.
        peak_mb: of all of it.
        notes: what is to be said of the rows.
        error: why there are none; "" = there are.
    """

    name: str
    rows: Rows
    reference: Rows
    costs: str = ""
    before_s: float = 0.0
    peak_mb: float = math.nan
    notes: tuple[str, ...] = ()
    error: str = ""

    def __repr__(self) -> str:
        return f"<FeatureSet {self.name}: {self.error or self.rows.matrix.shape}>"


class FeatureSets:
    """Extracts, teaches where something must be learnt, and keeps what cannot be had as a sentence.

    Args:
        analysis: inputs, settings and conductor.
        failures: whose features.
        costs: keeps what it takes.
    """

    def __init__(self, analysis: Analysis, failures: Failures, costs: Costs) -> None:
        self._analysis = analysis
        self._failures = failures
        self._costs = costs

    def of(self, name: str, *, with_reference: bool) -> FeatureSet:
        """Features of one extractor; what goes wrong with it is in the answer and costs no other.

        Raises:
            ResourceError: disk full, no permission: that is nothing an extractor could help.
        """
        try:
            return self._of(name, with_reference)
        except (KeyboardInterrupt, InterruptedRunError):
            raise
        except FailatlasError as error:
            if isinstance(error, ResourceError) and error.name != OUT_OF_MEMORY:
                raise
            return FeatureSet(name, _nothing(), _nothing(), error=told(error))
        except OSError:
            raise
        except SystemExit as error:  # somebody else's code may not end our process, nor lend it its exit status
            return FeatureSet(name, _nothing(), _nothing(), error=f"its code called sys.exit({error.code!r})")
        except Exception as error:  # somebody else's extractor may end in anything; the other pipelines go on
            return FeatureSet(name, _nothing(), _nothing(), error=told(error))

    def seconds(self, features: FeatureSet, n_images: int) -> float:
        """What the features of so many failures take when nothing is shared; nan = not measured."""
        n_reference = len(features.reference.ids)
        return features.before_s + self._costs.of_images(features.costs, n_images + n_reference).seconds

    def _of(self, name: str, with_reference: bool) -> FeatureSet:
        failures, conductor = self._failures, self._analysis.conductor
        before = f"before {name}"
        extractor, notes = self._opened(name, before)
        costs = f"{name} {extractor.digest}"
        timed = self._costs.timed(extractor, costs)
        rows = extracted(
            conductor, f"features {name}", timed, failures.images, failures.indices, failures.score, failures.pixels
        )
        reference = _nothing()
        if with_reference:
            reference = extracted(
                conductor,
                f"reference {name}",
                self._costs.timed(extractor, costs),
                failures.images,
                failures.reference,
                failures.reference_score,
                failures.pixels,
            )
        prepared, images = self._costs.of(before), self._costs.of_images(costs, 1)
        if rows.quarantined and not len(rows.ids):
            return FeatureSet(name, rows, reference, error=f"no failure has features: {rows.quarantined[0].reason}")
        if rows.quarantined:
            notes += (f"{len(rows.quarantined)} failures have no features: {rows.quarantined[0].reason}",)
        return FeatureSet(
            name=name,
            rows=rows,
            reference=reference,
            costs=costs,
            before_s=prepared.seconds if math.isfinite(prepared.seconds) else 0.0,
            peak_mb=_most(prepared.peak_mb, images.peak_mb),
            notes=notes,
        )

    def _opened(self, name: str, before: str) -> tuple[Extractor, tuple[str, ...]]:
        """The extractor, ready, and what is to be said of it; what that takes is kept under ``before``."""
        settings, model = self._analysis.settings, self._analysis.inputs.model
        layer: LayerChoice | None = None
        notes: tuple[str, ...] = ()
        if name == LAYERED:
            with self._costs.measured(before):
                layer = self._layer()
            notes = (f"layer {layer.chosen}", *layer.warnings, *layer.fallbacks)
        extractor = open_extractor(name, model, **extractor_options(settings, layer))
        if not isinstance(extractor, Learner):
            return extractor, notes
        with self._costs.measured(before), step(f"learning {name}"):
            return self._taught(name, extractor), notes

    def _layer(self) -> LayerChoice:
        """The layer whose heatmaps of all failures fall into the clearest clusters."""
        failures, analysis = self._failures, self._analysis
        return choose_layer(
            analysis.conductor,
            white_box(analysis.inputs.model),
            failures.images,
            failures.indices,
            failures.score,
            pixels=failures.pixels,
            settings=analysis.settings,
        )

    def _taught(self, name: str, learner: Learner) -> Extractor:
        lessons, pixels = self._analysis.lessons(learner, name)
        return learnt(self._analysis.conductor, learner, lessons, pixels, self._analysis.settings.seed)


def told(error: Exception) -> str:
    """An error as one sentence with its remedy.

    >>> from failatlas.errors import ModelError
    >>> told(ModelError("no internal layer", remedy="take --pipeline best")), told(ValueError("odd"))
    ('no internal layer; take --pipeline best', 'ValueError: odd')
    """
    if isinstance(error, FailatlasError):
        return f"{error.what}{f'; {error.remedy}' if error.remedy else ''}"
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def _nothing() -> Rows:
    return Rows((), np.zeros(0, np.int64), np.zeros((0, 0), np.float32))


def _most(*values: float) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)
