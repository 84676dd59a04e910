"""``failatlas assign``: which root cause would new images belong to?"""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.command()
@click.argument("run", type=options.FILE)
@click.option("--images", type=options.FILE, required=True, help="Folder or manifest of new images.")
@click.option("--split", help="Only images of this split.")
@click.option("--out", type=options.FILE, help="CSV to write; default RUN/assigned.csv.")
@options.common
def assign(run: Path, images: Path, split: str | None, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Put new images into the clusters of RUN."""
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.open_run(run)
        assignment = atlas.assign(images, split=split)
        file = assignment.write(out or run / "assigned.csv")
    if as_json:
        answers.document(assignment.to_json() | {"file": str(file)})
    else:
        answers.line(f"{assignment.n_assigned} of {len(assignment.ids)} images fall into a root-cause cluster.")
        answers.line(f"Table: {file}")
