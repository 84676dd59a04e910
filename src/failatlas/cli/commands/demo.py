"""``failatlas demo``: the main job on a built-in case study."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options
from failatlas.cli.commands.analyze import told

DEMO = "hpd"


@click.command()
@click.option("--out", type=options.FILE, default=Path("atlas-demo"), show_default=True, help="Run folder.")
@click.option("--case", default=DEMO, show_default=True, help="Which case study.")
@click.option("--pipeline", default="best", show_default=True)
@options.common
def demo(out: Path, case: str, pipeline: str, as_json: bool, quiet: bool) -> None:
    """Explain the failures of a built-in network.

    Nothing to prepare and nothing to download: a simulator renders the pictures, the network comes along. Because the
    scene behind every picture is known, the report says which of the planted weaknesses were found.
    --case fashion takes photographs of clothes instead.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.demo(case, pipeline=pipeline, out=out)
        page = atlas.report()
    if as_json:
        answers.document(atlas.to_json() | {"report": str(page)})
    else:
        told(atlas, page)
