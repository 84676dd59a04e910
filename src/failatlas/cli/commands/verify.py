"""``failatlas verify``: is everything in a run folder what it was when it was written?"""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path

import click

from failatlas.cli import answers, options


@click.command()
@click.argument("run", type=options.FILE)
@click.option("--repair", is_flag=True, help="Drop damaged results, so that the next analysis makes them again.")
@click.option("--restore", is_flag=True, help="Put the backup of a damaged database in its place.")
@options.common
def verify(run: Path, repair: bool, restore: bool, as_json: bool, quiet: bool) -> int:
    """Check every array and the database of RUN.

    Exit 1 when damage is found.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        damages = api.verify(run, repair=repair, restore=restore)
    if as_json:
        answers.document({"run": str(run), "damages": [asdict(damage) for damage in damages], "repaired": repair})
    elif damages:
        for damage in damages:
            answers.line(damage.text)
        if not repair:
            answers.line(f"Next: failatlas verify {shlex.quote(str(run))} --repair, then run the analysis again")
    else:
        answers.line("nothing is damaged")
    return 1 if damages and not repair else 0
