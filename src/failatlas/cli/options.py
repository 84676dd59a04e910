"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


def common(command: _Command) -> _Command:
    """``--json``, ``--quiet`` and ``--debug`` of every command."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of a failure."),
        click.option("--quiet", is_flag=True, help="No progress on stderr."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
    ):
        command = option(command)
    return command


def inputs(command: _Command) -> _Command:
    """What is analysed: images, network, task, preprocessing; every option may stand in the settings file too."""
    for option in reversed(
        (
            click.option("--images", type=FILE, help="Folder of class folders, CSV, JSON Lines, Parquet or COCO JSON."),
            click.option("--split", help="Only images of this split."),
            click.option("--case", help="Built-in case study; brings its network (failatlas cases)."),
            click.option("--model", help="module:callable, file.pt2 or file.onnx."),
            click.option("--weights", type=FILE, help="Safetensors for module:callable."),
            click.option("--predictions", type=FILE, help="CSV or JSON Lines instead of a network."),
            click.option("--features", type=FILE, help=".npy or .csv of your own features, one row an image."),
            click.option("--trust-links", is_flag=True, default=None, help="Follow links that leave the image folder."),
            click.option("--task", type=click.Choice(["classification", "regression", "landmarks"])),
            click.option("--classes", type=Names(), help="Class names in output order, comma-separated."),
            click.option("--cost", type=FILE, help="Matrix of severities, expected × predicted (CSV or JSON)."),
            click.option("--threshold", type=float, help="Error beyond which a number is wrong."),
            click.option("--bands", type=Numbers(), help="Thresholds that each raise severity by one, e.g. 10,20."),
            click.option("--unit", help="Unit of the numbers, for people."),
            click.option(
                "--preprocess",
                help="How pixels become input: unit (0–1), raw (0–255), imagenet or symmetric; grey, rgb or bgr; HxW; "
                "scale=, mean=a/b/c, std=; joined by commas, e.g. imagenet,224x224.",
            ),
            click.option("--config", type=FILE, help="TOML file with any of these settings; flags override it."),
        )
    ):
        command = option(command)
    return command


def backbone(command: _Command) -> _Command:
    """The backbone of the extractors ``own`` and ``own-tuned``."""
    for option in reversed(
        (
            click.option("--backbone", help="module:callable that builds the backbone of own and own-tuned."),
            click.option("--backbone-weights", type=FILE, help="Safetensors for it."),
            click.option(
                "--backbone-preprocess", help="How pixels become its input, as --preprocess (default imagenet,224x224)."
            ),
        )
    ):
        command = option(command)
    return command


def given(flags: dict[str, object], config: Path | None) -> dict[str, object]:
    """Settings from the file and the flags; a flag that was not given says nothing."""
    from failatlas import settings

    layer = settings.read(config) if config else {}
    return layer | {key: value for key, value in flags.items() if value is not None}


class Numbers(click.ParamType[tuple[float, ...]]):
    """Comma-separated numbers."""

    name = "NUMBERS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """``"1,2.5"`` → ``(1.0, 2.5)``."""
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no comma-separated list of numbers", param, ctx)


class Names(click.ParamType[tuple[str, ...]]):
    """Comma-separated names."""

    name = "NAMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """``"cat,dog"`` → ``("cat", "dog")``."""
        names = tuple(part.strip() for part in str(value).split(","))
        if len(set(names)) < len(names):
            self.fail(f"{value!r} names a class twice", param, ctx)
        return names
