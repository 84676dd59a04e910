"""Every benchmark, each in a process of its own, and one table: python -m benchmarks [--stored] [NAME …].

``--stored`` measures nothing and shows the results of earlier runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.reading import rows_of
from benchmarks.table import Row, formatted

# quick ones first: a table that fails to come says so early
NAMES = (
    "startup",
    "clustering",
    "relevance",
    "rendering",
    "backbones",
    "hudd",
    "memory",
    "demo",
    "pipelines",
    "injected",
    "slices",
)
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run, print, write; 2 for an unknown name, 1 when a benchmark failed, whatever the goals."""
    one = _stored if "--stored" in names else _measured
    names = [name for name in names if name != "--stored"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    texts: list[str] = []
    failed: list[str] = []
    machine: dict[str, Any] = {}
    for name in names or NAMES:
        document = one(name)
        if document is None:
            failed.append(name)
            continue
        machine = document["machine"]
        rows += rows_of(name, document["result"])
        texts += [text for text in [document["result"].get("text")] if text]
    if rows:
        print(formatted(rows))
        print(
            f"\n{machine['processor']}, {machine['cores']} cores, threads: {machine['threads']}; {_versions(machine)}"
        )
    for text in texts:
        print(f"\n{text}")
    for name in failed:
        print(f"{name} failed; see above", file=sys.stderr)
    return 1 if failed else 0


def _measured(name: str) -> dict[str, Any] | None:
    """The document of one benchmark, also written to ``results/``; None when it failed."""
    print(f"{name} …", file=sys.stderr, flush=True)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alone", name],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    document: dict[str, Any] = json.loads(done.stdout)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return document


def _stored(name: str) -> dict[str, Any] | None:
    """The document of an earlier run; None when there is none."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.is_file() else None


def _versions(machine: dict[str, Any]) -> str:
    return ", ".join(f"{package} {version}" for package, version in machine["versions"].items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
