"""``failatlas analyze``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from failatlas.cli import answers, options

if TYPE_CHECKING:
    from failatlas.api import Atlas
    from failatlas.rootcauses import RootCause


@click.command()
@options.inputs
@click.option("--train", type=options.FILE, help="The network's training set: *-tuned extractors learn from it.")
@click.option("--out", type=options.FILE, required=True, help="Run folder; the same command again resumes it.")
@click.option(
    "--pipeline",
    help="hudd, safe, best (default), auto = chosen by injected failures, or extractor+reducer+clusterer.",
)
@options.backbone
@click.option("--composite", help="Relevance rules (failatlas parts).")
@click.option("--layer-score", type=click.Choice(["raw", "scaled"]), help="As in HUDD, or free of the layer's scale.")
@click.option("--layer", help="Internal layer whose heatmaps are clustered.")
@click.option("--fallback", type=click.Choice(["gradient"]), help="For operators without a relevance rule.")
@click.option("--exact-layers-mb", type=int, help="Disk for exact heatmaps of all layers; beyond it, sketches.")
@click.option("--references", type=int, help="Correctly handled images to compare with.")
@click.option("--repeats", type=int, help="Subsamples for stability.")
@click.option("--seed", type=int, help="Of everything random.")
@click.option("--batch-size", type=click.IntRange(1), help="Images a batch.")
@click.option("--max-bad", type=float, help="Share of bad images beyond which the run stops (default 0.01).")
@options.common
def analyze(out: Path, config: Path | None, as_json: bool, quiet: bool, **flags: object) -> None:
    """Group error-inducing images by root cause.

    Explains every group and writes the report; the same command again resumes where it was stopped.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.analyze_settings(options.given(flags, config), out=out)
        page = atlas.report()
    if as_json:
        answers.document(atlas.to_json() | {"report": str(page)})
    else:
        told(atlas, page)


def told(atlas: Atlas, page: Path) -> None:
    """The outcome in a few lines for a person."""
    document = atlas.to_json()
    answers.line(f"{document['errors']} of {document['images']} images are error-inducing ({document['pipeline']}).")
    if atlas.run.choice is not None:
        answers.line(atlas.run.choice.text)
    rows = [
        [str(cause.rank), cause.name, str(cause.size), f"{cause.share.value:.0%}", _rule(cause)]
        for cause in atlas.clusters
    ]
    if rows:
        answers.table("Root causes by risk", ["rank", "proposed name", "images", "share", "rule"], rows)
    known = atlas.root_causes.known
    if known is not None:
        answers.line(known.text)
    for overlap in atlas.run.overlaps:
        if overlap.exact or overlap.near:
            answers.line(
                f"Leakage: {len(overlap.exact)} exact and {len(overlap.near)} near duplicates between splits "
                f"{overlap.first} and {overlap.second}; rates on such images are too good."
            )
    if document["quarantined"]:
        answers.line(f"{document['quarantined']} images were quarantined; the report lists them.")
    answers.line(f"Report: {page}")


def _rule(cause: RootCause) -> str:
    return cause.rules[0].text if cause.rules else "–"
