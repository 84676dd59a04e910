"""``failatlas benchmark``: which pipeline groups this network's failures best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from failatlas.cli import answers, options

if TYPE_CHECKING:
    from failatlas.studies import Entry, Study

_NONE = "none"
_SHOWN = 20  # rows of the table for a person


class _Words(click.ParamType[tuple[str, ...]]):
    """Comma-separated names; ``none`` = no name. A name's own settings hold commas: those begin with ``name=``."""

    name = "NAMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """``"noise,motion:length_px=12,angle_deg=90"`` → two names."""
        words: list[str] = []
        for part in (part.strip() for part in str(value).split(",")):
            if words and "=" in part and ":" not in part:
                words[-1] += f",{part}"
            elif part:
                words.append(part)
        if not words:
            self.fail("no name", param, ctx)
        return () if words == [_NONE] else tuple(words)


class _Percents(options.Numbers):
    """Comma-separated percents; ``none`` = not at all."""

    name = "PERCENTS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """``"10,5"`` → ``(10.0, 5.0)``."""
        return () if value == _NONE else super().convert(value, param, ctx)


@click.command()
@options.inputs
@click.option("--train", type=options.FILE, help="The network's training set: *-tuned extractors learn from it.")
@click.option("--out", type=options.FILE, required=True, help="Run folder; the same command again resumes it.")
@click.option("--inject", type=_Words(), help="Scenarios that make images fail: all (default), none, or a list.")
@click.option("--per-scenario", type=click.IntRange(1), help="Failures wanted of each scenario (default 60).")
@click.option("--pipelines", type=_Words(), help="all (default), presets or extractor+reducer+clusterer, in a list.")
@click.option("--rare", type=_Percents(), help="Rare causes: percent of the failures (default 10,5,2,1), or none.")
@click.option("--repeats", type=click.IntRange(0), help="Subsamples for stability of the leading pipelines (10).")
@options.backbone
@click.option("--composite", help="Relevance rules (failatlas parts).")
@click.option("--fallback", type=click.Choice(["gradient"]), help="For operators without a relevance rule.")
@click.option("--references", type=int, help="Correctly handled images to compare with.")
@click.option("--seed", type=int, help="Of everything random.")
@click.option("--batch-size", type=click.IntRange(1), help="Images a batch.")
@click.option("--max-bad", type=float, help="Share of bad images beyond which the run stops (default 0.01).")
@options.common
def benchmark(out: Path, config: Path | None, as_json: bool, quiet: bool, **flags: object) -> int:
    """Compare pipelines on failures whose causes are known.

    Makes correctly handled images fail by scenarios (noise, blur, …), groups them together with the network's own
    failures by every pipeline, and scores how well the clusters separate the causes. --pipelines all is the published
    study of 99 pipelines and what stands beside it. The same command again resumes where it was stopped. Exit 1 = there
    are failures, and no pipeline could group them.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        made = api.benchmark_settings(options.given(flags, config), out=out)
        page = made.report()
    if as_json:
        answers.document(made.to_json() | {"report": str(page)})
    else:
        told(made.study)
        answers.line(f"Table: {out / 'pipelines.csv'}")
        answers.line(f"Report: {page}")
    return 1 if made.study.n_failures and not made.study.ranking else 0


def told(study: Study) -> None:
    """The outcome in a few lines for a person."""
    from failatlas.markup import counted, visible

    answers.line(
        f"{study.n_failures} failures: {study.n_natural} of the network's own, the rest injected; "
        f"{counted(len(study.causes), 'known cause')} to be found."
    )
    for tally in study.tallies:
        answers.line(f"  {visible(tally.scenario)}: {visible(tally.note)}")
    ranking, front = study.ranking, set(study.front)
    columns = ["pipeline", "purity", "coverage", "clusters", "noise", "seconds", "MB", "front"]
    rows = [[*_cells(entry), "yes" if entry.pipeline in front else ""] for entry in ranking[:_SHOWN]]
    if rows:
        title = f"Pipelines, best first{f' ({_SHOWN} of {len(ranking)})' if len(ranking) > _SHOWN else ''}"
        answers.table(title, columns, rows)
    for entry in study.entries:
        if entry.error:
            answers.line(f"{entry.pipeline} could not run: {visible(entry.error)}.")
    for note in study.notes:
        answers.line(f"Note: {visible(note)}.")
    if study.saving > 0 and len(ranking) > 1:  # one shares with nobody
        answers.line(
            f"{study.shared_s:.0f} s for all pipelines together; one after another they take "
            f"{study.from_scratch_s:.0f} s ({study.saving:.1f} ×)."
        )


def _cells(entry: Entry) -> list[str]:
    assert entry.score is not None
    found = entry.score.agreement
    return [
        entry.pipeline,
        f"{found.purity:.3f}",
        f"{len(found.covered)}/{len(found.causes)}",
        str(found.n_clusters),
        f"{found.noise:.0%}",
        f"{entry.seconds:.1f}",
        f"{entry.peak_mb:.0f}",
    ]
