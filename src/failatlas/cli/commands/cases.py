"""``failatlas cases``: the built-in case studies."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.group(invoke_without_command=True)
@options.common
@click.pass_context
def cases(context: click.Context, as_json: bool, quiet: bool) -> None:
    """List the built-in case studies, or make one."""
    if context.invoked_subcommand:
        return
    from failatlas import api

    with answers.progress_shown(quiet):
        rows = api.case_rows()
    if as_json:
        answers.document({"cases": rows})
    else:
        answers.table(
            "Case studies",
            ["name", "what", "splits", "licence"],
            [[row["name"], row["title"], row["splits"], row["licence"]] for row in rows],
        )


@cases.command()
@click.argument("name")
@click.option("--split", default="test", show_default=True)
@click.option("-n", "count", type=click.IntRange(1), help="How many images; default all.")
@click.option("--seed", default=0, show_default=True, help="Which images are drawn.")
@click.option("--out", type=options.FILE, required=True, help="Folder for images/ and manifest.csv.")
@options.common
def make(name: str, split: str, count: int | None, seed: int, out: Path, as_json: bool, quiet: bool) -> None:
    """Write the images of a case study as PNG files with a manifest."""
    from failatlas import api

    with answers.progress_shown(quiet):
        manifest, n_images = api.make_case(name, split=split, count=count, seed=seed, out=out)
    if as_json:
        answers.document({"case": name, "split": split, "images": n_images, "manifest": str(manifest)})
    else:
        answers.line(f"{n_images} images: {manifest}")
