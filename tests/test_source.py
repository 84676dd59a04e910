"""What no file of the package may do, whatever it is given: start a shell, fetch an address, run a text as code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import failatlas

ROOT = Path(failatlas.__file__).parent
SHELLS = {"subprocess", "pty", "commands", "popen2", "shutil.which"}
FETCHERS = {"urllib.request", "http.client", "ftplib", "smtplib", "telnetlib", "requests", "httpx", "aiohttp", "socket"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called(tree: ast.AST) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def trees() -> Iterator[tuple[str, ast.AST]]:
    files = sorted(ROOT.rglob("*.py"))
    assert len(files) > 100
    return ((str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))) for file in files)


def found(names: set[str]) -> list[tuple[str, str]]:
    """(file, import) of these modules or what lies below them."""
    return [
        (file, name)
        for file, tree in trees()
        for name in imported(tree)
        if any(name == other or name.startswith(f"{other}.") for other in names)
    ]


def test_H17_one_source_file_starts_processes_and_none_a_shell():
    # our own Python, and a simulator that the user names and trusts; by path and argument list
    assert found(SHELLS) == [("simulators/process.py", "subprocess")]
    keywords = [(file, key.arg) for file, tree in trees() for key in ast.walk(tree) if isinstance(key, ast.keyword)]
    assert [file for file, name in keywords if name in ("shell", "executable", "preexec_fn")] == []
    forbidden = ("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.startfile")
    assert [(file, call) for file, tree in trees() for call in called(tree) if call.startswith(forbidden)] == []


def test_H17_no_text_becomes_code():
    assert [
        (file, call) for file, tree in trees() for call in called(tree) if call in ("eval", "exec", "compile")
    ] == []


def test_H5_no_source_file_can_fetch_an_address():
    assert found(FETCHERS) == []
