"""Reading: what each benchmark returned, as rows of the one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.measuring import Spread
from benchmarks.table import Row, from_json, row, short

Result = Mapping[str, Any]

# passes over the network that each composite needs where no weight or activation has one sign; the engine's own pass
# may be cheaper than the network's (batch norm is folded), so fewer "× forward" than passes are possible
_LIMITS = {"epsilon": "2 passes", "epsilon-zplus": "3 passes", "zplus": "3 passes", "alpha2-beta1": "4 passes"}


def rows_of(name: str, result: Result) -> list[Row]:
    """Rows of one benchmark's result, whose own form it knows by the benchmark's name."""
    reader = _READERS.get(name)
    return reader(result) if reader else from_json(result["rows"])


def _relevance(result: Result) -> list[Row]:
    captum = {entry["network"]: entry["ratio"] for entry in result["rows"] if str(entry["what"]).startswith("Captum")}
    gradient = {entry["network"]: entry["ratio"] for entry in result["rows"] if entry["what"] == "input gradient"}
    rows = []
    for entry in result["rows"]:
        network, composite, ratio = entry["network"], entry["what"], float(entry["ratio"])
        if entry["goal"] is None:
            continue
        peer = f"Captum (ε) {short(captum[network])} × forward" if network in captum else "Captum: refuses"
        rows.append(
            row(
                f"LRP of all layers, {composite}, {network}",
                f"{short(ratio)} × forward",
                peer,
                _single(ratio),
                at_most=entry["goal"],
                limit=_LIMITS.get(composite, f"{short(gradient[network])} × (input gradient)"),
            )
        )
    return rows


def _clustering(result: Result) -> list[Row]:
    rows = []
    for entry in result["wicd"]:
        step, ours = f"WICD for every k, N = {entry['n']}", f"{short(entry['ms'])} ms"
        for peer, goal in (("numpy", 50), ("python", 150)):
            rows.append(
                row(
                    step,
                    ours,
                    f"{short(entry[f'{peer}_ms'])} ms (re-scan, {peer})",
                    _single(entry[f"times_{peer}"]),
                    at_least=goal if entry["n"] >= 2000 else None,
                    limit="each pair read once",
                )
            )
    for entry in result["distances"]:
        limit = f"{short(entry['limit_us_a_pair'])} µs (bare ssyrk)"
        for peer in ("pdist", "loop"):
            rows.append(
                row(
                    f"distances of a layer, N = {entry['n']}, D = {entry['width']}",
                    f"{short(entry['us_a_pair'])} µs a pair",
                    f"{short(entry[f'{peer}_us_a_pair'])} µs ({peer})",
                    _single(entry[f"times_{peer}"]),
                    at_least=30 if peer == "pdist" and entry["n"] >= 1000 else None,
                    limit=limit,
                )
            )
    for entry in result.get("density", ()):  # results of earlier versions have none
        rows.append(
            row(
                f"DBSCAN of {entry['cells']} cells (ε × min_samples), N = {entry['n']}, same labels",
                f"{short(entry['s'])} s",
                f"{short(entry['scikit_learn_s'])} s (scikit-learn, a run a cell)",
                Spread(**entry["times_scikit_learn"]),
                at_least=15 if entry["n"] <= 2000 else 2,
                limit="one tree a min_samples",
            )
        )
    return rows


def _single(ratio: float) -> Spread:
    return Spread(float(ratio), math.nan, math.nan)


_READERS: Mapping[str, Callable[[Result], list[Row]]] = {"relevance": _relevance, "clustering": _clustering}
