"""python -m benchmarks.slices: everything as JSON; ``--development``: the table by which features were chosen."""

from __future__ import annotations

import json
import sys

from benchmarks.slices.comparison import development, run

if "--development" in sys.argv[1:]:
    print(development())
else:
    json.dump(run(), sys.stdout, indent=2)
    print()
