"""``failatlas report``: write a run's report again."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.command()
@click.argument("run", type=options.FILE)
@click.option("--out", type=options.FILE, help="Folder to write; default RUN/report.")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@options.common
def report(run: Path, out: Path | None, show: bool, as_json: bool, quiet: bool) -> None:
    """Write the report of RUN."""
    from failatlas import api

    with answers.progress_shown(quiet):
        atlas = api.open_run(run)
        page = atlas.report(out)
    if as_json:
        answers.document({"run": str(run), "report": str(page)})
    else:
        answers.line(f"Report: {page}")
    if show:
        click.launch(str(page))
