"""``python -m failatlas`` is the command."""

import subprocess
import sys

import pytest

import failatlas


@pytest.mark.parametrize(("word", "status"), [("--version", 0), ("analyse", 2)])
def test_the_module_is_the_command(word, status):
    done = subprocess.run([sys.executable, "-m", "failatlas", word], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    said = f"failatlas, version {failatlas.__version__}" if status == 0 else "did you mean 'analyze'"
    assert said.lower() in (done.stdout + done.stderr).lower()


def test_a_step_that_is_alive_without_progress_says_so_without_an_estimate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from failatlas.cli.answers import _Lines

    now = iter([0.0, 20.0, 40.0])
    lines = _Lines()
    monkeypatch.setattr(lines, "_clock", lambda: next(now))
    lines.start("injecting mask", 40)
    lines.advance(0)
    lines.advance(10)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "injecting mask: 0/40",
        "injecting mask: 10/40, about 120 s left",
    ]
