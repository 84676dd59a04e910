"""The command ``failatlas``: finds its commands, turns every failure into one line and an exit status."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

import click

import failatlas
from failatlas.cli import answers
from failatlas.cli.commands import COMMANDS
from failatlas.errors import FailatlasError, InterruptedRunError, ResourceError, UsageError

EXIT_STATUS = """\b
Exit status: 0 done, 1 findings or a failed gate, 2 wrong usage, 3 bad data or model,
4 unsafe input refused, 5 disk, memory or permission, 130 interrupted (run again to resume)."""


class _ReaderLeftError(Exception):
    """The reader of a pipe has seen enough, as in ``failatlas parts | head``."""


class _Group(click.Group):
    def invoke(self, context: click.Context) -> object:
        try:
            status = super().invoke(context)
            sys.stdout.flush()
        except BrokenPipeError:
            # click would exit with 1, which says that something was found
            raise _ReaderLeftError from None
        return status


@click.group(cls=_Group, epilog=EXIT_STATUS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(failatlas.__version__)
def group() -> None:
    """Why does this vision network fail? Groups its error-inducing images by root cause and explains them."""


for _command in COMMANDS:
    group.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its status."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    _stop_on_signals()
    _print_anything()
    try:
        status = group.main(args=words, prog_name="failatlas", standalone_mode=False)
    except click.ClickException as error:
        text = error.format_message()
        usage = UsageError(text.rstrip("."), remedy="failatlas --help") if as_json else None
        if usage is None:
            error.show(sys.stderr)
        else:
            answers.failure(usage, as_json=True)
        sys.exit(error.exit_code)
    except _ReaderLeftError:
        # not a word more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc()
        readable = _readable(error)
        answers.failure(readable, as_json=as_json)
        sys.exit(readable.exit_status)
    except (KeyboardInterrupt, click.Abort):
        answers.failure(_interrupted(), as_json=as_json)
        sys.exit(InterruptedRunError.exit_status)
    sys.exit(status if isinstance(status, int) else 0)


def _readable(error: Exception) -> FailatlasError:
    if isinstance(error, FailatlasError):
        return error
    if isinstance(error, MemoryError):
        return ResourceError("out of memory", remedy="use a smaller --batch-size; what is finished is kept")
    if isinstance(error, click.Abort):
        return _interrupted()
    if isinstance(error, OSError):
        from failatlas.store import disk

        return disk.from_os(error, Path(str(error.filename or ".")), 0)
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return FailatlasError(what, remedy="this is a fault of failatlas; --debug shows where", code="E_INTERNAL")


def _interrupted() -> InterruptedRunError:
    return InterruptedRunError("stopped; what is finished is kept", remedy="run the same command again to resume")


def _print_anything() -> None:
    """A sign that the terminal's encoding lacks, or a file name that is no text, is escaped and never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stop_on_signals() -> None:
    """First Ctrl-C or SIGTERM stops cleanly, the second at once."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        # a second signal must not wait for whatever the first one is unwinding
        signal.signal(signal.SIGINT, leave)
        signal.signal(signal.SIGTERM, leave)
        raise KeyboardInterrupt

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        os._exit(InterruptedRunError.exit_status)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
