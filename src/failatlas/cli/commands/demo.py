"""``failatlas demo``: the main job on the built-in photographs."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options
from failatlas.cli.commands.analyze import told


@click.command()
@click.option("--out", type=options.FILE, default=Path("atlas-demo"), show_default=True, help="Run folder.")
@click.option("--case", default="fashion", show_default=True, help="Which case study.")
@click.option("--pipeline", default="best", show_default=True)
@options.common
def demo(out: Path, case: str, pipeline: str, as_json: bool, quiet: bool) -> None:
    """Explain the failures of a built-in network.

    Nothing to prepare and nothing to download: the case study brings photographs and network.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.analyze(case=case, pipeline=pipeline, out=out)
        page = atlas.report()
    if as_json:
        answers.document(atlas.to_json() | {"report": str(page)})
    else:
        told(atlas, page)
