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
