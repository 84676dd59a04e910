"""python -m benchmarks.slices [--from N | --development]: all as JSON, or the table that features were chosen by.

``--from N`` starts at setting N of each kind instead of 0: other sub-styles, marks, tasks and networks.
"""

from __future__ import annotations

import json
import sys

from benchmarks.slices.comparison import development, run

arguments = sys.argv[1:]
if "--development" in arguments:
    print(development())
else:
    first = int(arguments[arguments.index("--from") + 1]) if "--from" in arguments else 0
    json.dump(run(first), sys.stdout, indent=2)
    print()
