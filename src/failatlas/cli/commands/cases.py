"""``failatlas cases``: the built-in case studies."""

from __future__ import annotations

from pathlib import Path

import click

from failatlas.cli import answers, options


@click.group(invoke_without_command=True)
@options.common
@click.pass_context
def cases(context: click.Context, as_json: bool, quiet: bool) -> None:
    """List the built-in case studies, make one, or train its network."""
    if context.invoked_subcommand:
        return
    from failatlas.cases import catalogue

    with answers.progress_shown(quiet):
        rows = catalogue.case_rows()
    if as_json:
        answers.document({"cases": [row.to_json() for row in rows]})
    else:
        answers.table(
            "Case studies",
            ["name", "what", "planted weaknesses", "licence"],
            [[row.name, row.title, ", ".join(row.weaknesses) or "none: photographs", row.licence] for row in rows],
        )


@cases.command()
@click.argument("name")
@click.option("--split", default="test", show_default=True)
@click.option("-n", "count", type=click.IntRange(1), help="How many images; default all.")
@click.option("--seed", default=0, show_default=True, help="Which images are drawn.")
@click.option("--where", help='Only such pictures, e.g. "head_yaw>30 and time=night".')
@click.option("--scenario", help="Done to every picture: mask, sunglasses, hand, noise, …; joined by +.")
@click.option("--out", type=options.FILE, required=True, help="Folder for images/ and manifest.csv.")
@options.common
def make(
    name: str,
    split: str,
    count: int | None,
    seed: int,
    where: str | None,
    scenario: str | None,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the images of a case study as PNG files with a manifest; the same call again resumes."""
    from failatlas.cases import catalogue

    with answers.progress_shown(quiet):
        manifest, n_images = catalogue.make_case(
            name, split=split, count=count, seed=seed, out=out, where=where, scenario=scenario
        )
    if as_json:
        answers.document({"case": name, "split": split, "images": n_images, "manifest": str(manifest)})
    else:
        answers.line(f"{n_images} images: {manifest}")


@cases.command()
@click.argument("name")
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option("--seed", type=int, help="Instead of the recipe's.")
@click.option("--out", type=options.FILE, required=True, help="Folder for the sets, network.safetensors and card.json.")
@options.common
def train(name: str, epochs: int | None, seed: int | None, out: Path, as_json: bool, quiet: bool) -> None:
    """Train the reference network of a case study again; the same call again resumes."""
    from failatlas.cases import catalogue

    with answers.progress_shown(quiet):
        card = catalogue.train_case(name, out=out, epochs=epochs, seed=seed)
    if as_json:
        answers.document(card.to_json())
        return
    rates = {"test set": card.test, "without a weakness": card.ordinary, **card.weaknesses}
    answers.table(
        f"{name}: errors of the network just trained",
        ["pictures", "n", "errors", "95 %"],
        [
            [what, str(rate.images), str(rate.errors), f"{100 * rate.low:.1f} – {100 * rate.high:.1f} %"]
            for what, rate in rates.items()
        ],
    )
    answers.line(str(out / "network.safetensors"))
