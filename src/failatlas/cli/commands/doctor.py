"""``failatlas doctor``: do network, preprocessing and labels fit together?"""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.command()
@options.inputs
@options.common
def doctor(config: Path | None, as_json: bool, quiet: bool, **flags: object) -> int:
    """Check that network, images and labels fit.

    Looks at shapes, value range, normalisation and labels of one batch and prints the fix; exit 1 = a problem.
    """
    from failatlas import api

    with answers.progress_shown(quiet):
        examination = api.doctor(options.given(flags, config))
    if as_json:
        answers.document(examination.to_json())
    else:
        answers.line(str(examination))
    return 0 if examination.is_ok else 1
