"""``failatlas explain``: the heatmaps of one image."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.command()
@click.argument("run", type=options.FILE)
@click.option("--image", required=True, help="Id of the image.")
@click.option("--out", type=options.FILE, help="Folder for the PNG files; default RUN/explained.")
@options.common
def explain(run: Path, image: str, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Write the heatmaps of one image of RUN.

    A PNG for every layer that has a map.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.open_run(run)
        explanation = atlas.explain(image, out or run / "explained")
    if as_json:
        answers.document(explanation.to_json())
    else:
        answers.line(f"{image}: expected {explanation.expected}, predicted {explanation.predicted}")
        for file in explanation.files:
            answers.line(str(file))
