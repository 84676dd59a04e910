"""failatlas: an atlas of a vision network's failures.

>>> import failatlas
>>> "analyze" in failatlas.__all__
True

Three lines do the main job: ``atlas = failatlas.analyze(model, images)``, ``atlas.clusters``, ``atlas.report("out/")``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failatlas import relevance as relevance
    from failatlas.api import Atlas as Atlas
    from failatlas.api import Benchmark as Benchmark
    from failatlas.api import analyze as analyze
    from failatlas.api import benchmark as benchmark
    from failatlas.api import cluster as cluster
    from failatlas.api import open_run as open_run
    from failatlas.images import ImageSet as ImageSet

__version__ = "0.1.0"
__all__ = [
    "Atlas",
    "Benchmark",
    "ImageSet",
    "__version__",
    "analyze",
    "benchmark",
    "cluster",
    "open_run",
    "relevance",
]

# nothing heavy is imported before it is asked for: `failatlas --help` must not wait for torch
_HOME = {
    "Atlas": "failatlas.api",
    "Benchmark": "failatlas.api",
    "ImageSet": "failatlas.images",
    "analyze": "failatlas.api",
    "benchmark": "failatlas.api",
    "cluster": "failatlas.api",
    "open_run": "failatlas.api",
}


def __getattr__(name: str) -> Any:
    if name == "relevance":
        return import_module("failatlas.relevance")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    # what is imported lazily is found by a notebook's completion too
    return sorted({*globals(), *__all__})
