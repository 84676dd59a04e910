"""Bake a rendered case study: train its reference network, or only test it again, and put it into the package.

python tools/bake_case.py hpd build/hpd            # train in build/hpd, then copy
python tools/bake_case.py hpd build/hpd --retest   # the test set changed, training did not: a new card
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from failatlas.cases import RenderedCase, cases
from failatlas.cases.training import retest, train

DATA = Path(__file__).parents[1] / "src/failatlas/cases/data"


def main(name: str, out: Path, *, again: bool) -> None:
    """Train or test, say how it went, copy weights and card."""
    case = cases.create(name)
    assert isinstance(case, RenderedCase), "fashion has a tool of its own"
    if again:
        shutil.rmtree(out / "test", ignore_errors=True)
    card = retest(case, out) if again else train(case, out)
    print(json.dumps(card.to_json(), indent=1))
    (DATA / name).mkdir(parents=True, exist_ok=True)
    for file in ("network.safetensors", "card.json"):
        shutil.copyfile(out / file, DATA / name / file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), again="--retest" in sys.argv[3:])
