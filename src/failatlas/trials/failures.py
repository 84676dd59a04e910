"""Failures: the images of a study, injected and natural together, with the cause of each where it is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from failatlas.arrays import Indices, freeze
from failatlas.errors import UsageError
from failatlas.images import ImageSet, Quarantined
from failatlas.injection import (
    NATURAL,
    Injected,
    Staging,
    Tally,
    causes_of,
    default_scenarios,
    inject,
    looked_at,
    truth_of,
)
from failatlas.models import Model
from failatlas.outcomes import Outcomes
from failatlas.outcomes import merge as merge_outcomes
from failatlas.outcomes import run as run_model
from failatlas.runs.analysis import Analysis
from failatlas.runs.conductor import Stage
from failatlas.runs.fingerprints import digest_of, image_digests
from failatlas.runs.streaming import SHARD
from failatlas.seeds import generator
from failatlas.simulators.scenarios import Scenario, parse
from failatlas.trials.settings import ALL, StudySettings

SCENARIO = "scenario"  # the manifest's column of what was injected
FOLDER = "injected"  # below the run folder
PREFIX = "injected/"  # of the injected images' ids
_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Failures:
    """Failures of a network and images that it handles correctly, in one set.

    Attributes:
        images: the analysed set, then the injected images, pinned.
        pixels: SHA-256 (hex) over ids and bytes of all of them.
        indices: (m,) positions of the failures: natural ones, no more than there are others, then injected ones.
        score: (m,) the output that relevance starts from.
        truth: m known causes.
        n_natural: of them those that nobody injected.
        causes: with enough failures to be found.
        reference: (r,) positions of correctly handled images, none of which an injected failure was made from.
        reference_score: (r,) the output that relevance starts from.
        tallies: how the scenarios fared.
        notes: what limits the reading.
        quarantined: injected images that could not be read or judged again.
    """

    images: ImageSet
    pixels: str
    indices: Indices
    score: Indices
    truth: tuple[str, ...]
    n_natural: int
    causes: tuple[str, ...]
    reference: Indices
    reference_score: Indices
    tallies: tuple[Tally, ...]
    notes: tuple[str, ...]
    quarantined: tuple[Quarantined, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"<Failures {len(self)}, {self.n_natural} natural, {len(self.causes)} causes>"


def find_failures(analysis: Analysis, settings: StudySettings, out: Path, staging: Staging | None) -> Failures:
    """The network's natural failures and those that scenarios bring about.

    Args:
        analysis: of the inputs; gives survey and outcomes.
        settings: which scenarios, and how many failures of each.
        out: run folder; injected images go into ``injected`` below it.
        staging: who renders the scenes again.

    Raises:
        UsageError: nothing can be injected without the network.
    """
    outcomes = analysis.outcomes
    scenarios = scenarios_of(settings.inject, staging)
    made = _injected(analysis, settings, scenarios, out, staging) if scenarios else None
    images, digests = analysis.images, dict(analysis.digests)
    wrong = analysis.failures
    indices, score = [outcomes.indices[wrong]], [outcomes.score[wrong]]
    notes: list[str] = []
    quarantined: tuple[Quarantined, ...] = ()
    sources: set[str] = set()
    if made is not None and len(made.images):
        new = image_digests(made.images, "hashing injected images")
        pinned = made.images.pinned(new)
        found = _outcomes(analysis, pinned, digest_of(new))
        failing = np.flatnonzero(found.is_error)
        # 1 in 10,000 or so lies so near the border that another batch, and another order of additions, decides
        lost = len(found.ids) - len(failing)
        if lost:
            notes.append(f"{lost} injected images were left out: judged again, the network handles them correctly")
        indices.append(len(images) + found.indices[failing])
        score.append(found.score[failing])
        quarantined = found.quarantined
        sources = set(made.sources)
        images = images.joined(pinned, PREFIX)
        digests |= {PREFIX + name: digest for name, digest in new.items()}
    where = freeze(np.concatenate(indices))
    truth = tuple(truth_of(images.records[i]) for i in where.tolist())
    if not settings.planted:
        truth = (NATURAL,) * len(wrong) + truth[len(wrong) :]
    notes += _renamed(images, where, truth)
    causes = causes_of(truth)
    kept = looked_at(truth, causes, analysis.settings.seed)
    surplus = len(where) - len(kept)
    if surplus:
        notes.append(
            f"of {len(wrong)} natural failures {len(wrong) - surplus} were drawn, as many as there are others: a heap "
            "of them would be pure whatever is in it"
        )
        where, truth = freeze(where[kept]), tuple(truth[i] for i in kept.tolist())
    reference = _reference(analysis, sources, 2 * len(where))
    few = Counter(truth) - Counter(cause for cause in truth if cause in causes)
    notes += _few(few)
    return Failures(
        images=images,
        pixels=digest_of(digests),
        indices=where,
        score=freeze(np.concatenate(score)[kept]),
        truth=truth,
        n_natural=len(wrong) - surplus,
        causes=causes,
        reference=freeze(outcomes.indices[reference]),
        reference_score=freeze(outcomes.score[reference]),
        tallies=made.tallies if made is not None else (),
        notes=tuple(notes),
        quarantined=quarantined,
    )


def scenarios_of(words: tuple[str, ...], staging: Staging | None) -> tuple[Scenario, ...]:
    """The scenarios that some words name; ``all`` = those that pictures, or the scenes behind them, allow.

    Raises:
        UsageError: a word names no scenario.
    """
    found: list[Scenario] = []
    for word in words:
        found += default_scenarios(staging) if word == ALL else [parse(word)]
    return tuple({scenario.name: scenario for scenario in found}.values())


def _injected(
    analysis: Analysis, settings: StudySettings, scenarios: tuple[Scenario, ...], out: Path, staging: Staging | None
) -> Injected:
    return inject(
        _network(analysis),
        analysis.images,
        analysis.outcomes,
        analysis.inputs.task,
        scenarios,
        out / FOLDER,
        per_scenario=settings.per_scenario,
        seed=analysis.settings.seed,
        staging=staging,
        batch_size=analysis.settings.batch_size,
        pixels=analysis.pixels,
    )


def _network(analysis: Analysis) -> Model:
    model = analysis.inputs.model
    if model is None:
        raise _nobody_fails()
    return model


def _nobody_fails() -> UsageError:
    return UsageError(
        "failures are injected by running the network, and there is none",
        remedy="give --model or --case, or --inject none to judge by planted causes alone",
    )


def _outcomes(analysis: Analysis, images: ImageSet, pixels: str) -> Outcomes:
    """What the network makes of the injected images, batch by batch as of any others."""
    model, task = _network(analysis), analysis.inputs.task
    inputs = {"images": pixels, "records": images.record_digest(), "model": model.digest}
    return analysis.conductor.run_sharded(
        Stage("injected outcomes", _VERSION, inputs, {"task": task.to_json()}),
        Outcomes,
        lambda shard: run_model(model, images, task, batch_size=analysis.settings.batch_size, indices=shard.tolist()),
        merge_outcomes,
        indices=np.arange(len(images)),
        size=SHARD,
        what="running the network on injected images",
    )


def _reference(analysis: Analysis, sources: set[str], most: int) -> Indices:
    """Positions among the outcomes of a draw of correctly handled images, ascending.

    Those that an injected failure was made from are left out: nobody who sees a failure has its flawless twin at hand,
    and a departure from that twin would be the scenario itself.
    """
    outcomes = analysis.outcomes
    is_usable = np.array([name not in sources for name in outcomes.ids], np.bool_)
    correct = np.flatnonzero(~outcomes.is_error & is_usable)
    count = min(len(correct), analysis.settings.references, most)
    draw = generator(analysis.settings.seed, "references")
    return np.sort(draw.choice(correct, count, replace=False)) if count else np.zeros(0, np.int64)


def _renamed(images: ImageSet, where: Indices, truth: tuple[str, ...]) -> list[str]:
    """A sentence for each scenario that brought about a weakness of another name: one cause, told as two."""
    scenarios = (str(images.records[i].metadata.get(SCENARIO, "")) for i in where.tolist())
    pairs = Counter((scenario, cause) for scenario, cause in zip(scenarios, truth, strict=True) if scenario)
    return [
        f"{count} failures by {scenario} have the planted weakness {cause!r} and count as that"
        for (scenario, cause), count in sorted(pairs.items())
        if cause not in (scenario, NATURAL)
    ]


def check_scenarios(settings: StudySettings, staging: Staging | None, *, has_network: bool) -> None:
    """Refuse what cannot be injected now, not when the network has seen every image.

    Raises:
        UsageError: a scenario does not exist or does not fit, or there is no network to make fail.
    """
    scenarios = scenarios_of(settings.inject, staging)
    for scenario in scenarios:
        if scenario.kind != "photometric":
            scenario.check(None if staging is None else staging.space)
    if scenarios and not has_network:
        raise _nobody_fails()


def _few(counts: Counter[str]) -> list[str]:
    told = [f"{cause} ({count})" for cause, count in sorted(counts.items()) if cause != NATURAL]
    return [f"too few failures to be looked for: {', '.join(told)}"] if told else []
