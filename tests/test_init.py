from __future__ import annotations

import subprocess
import sys


def test_completion_offers_every_public_name_before_it_is_imported():
    code = "import failatlas, sys; print(set(failatlas.__all__) <= set(dir(failatlas)), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_relevance_is_the_room_whichever_of_its_modules_was_imported_first():
    code = "import failatlas.relevance.engine, failatlas; print(failatlas.relevance.heatmaps.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "heatmaps"
