"""The calls that command line, notebook and studio share: analyse, open, compare, choose, check."""

from failatlas.api.analysis import analyze, analyze_settings, demo, open_run
from failatlas.api.atlas import Atlas, Explanation
from failatlas.api.checks import doctor, verify
from failatlas.api.listing import PartRow, cluster, parts
from failatlas.api.study import Benchmark, benchmark, benchmark_settings

__all__ = [
    "Atlas",
    "Benchmark",
    "Explanation",
    "PartRow",
    "analyze",
    "analyze_settings",
    "benchmark",
    "benchmark_settings",
    "cluster",
    "demo",
    "doctor",
    "open_run",
    "parts",
    "verify",
]
