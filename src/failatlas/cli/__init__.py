"""Command line: thin; every command calls the function that a notebook calls."""

from failatlas.cli.main import main

__all__ = ["main"]
