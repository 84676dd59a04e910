"""``failatlas parts``: what a pipeline can be built from."""

from __future__ import annotations

import click

from failatlas.cli import answers, options


@click.command()
@options.common
def parts(as_json: bool, quiet: bool) -> None:
    """List what a pipeline can be built from.

    Extractors, reducers, clusterers, presets, describers, composites and relevance operators.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        kinds = api.parts()
    if as_json:
        answers.document({kind: [row.to_json() for row in rows] for kind, rows in kinds.items()})
        return
    for kind, rows in kinds.items():
        answers.table(
            kind, ["name", "what", "parameters", "source"], [[r.name, r.summary, r.parameters, r.source] for r in rows]
        )
        answers.line()
