"""The benchmarks import, and their table says what was measured; no time is asserted."""

import importlib
import json
import math
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def table():
    return importlib.import_module("benchmarks.table")


def measuring():
    return importlib.import_module("benchmarks.measuring")


@pytest.mark.parametrize(
    "name", ["startup", "clustering", "relevance", "rendering", "hudd", "memory", "demo", "slices"]
)
def test_every_benchmark_of_the_table_can_be_run(name):
    assert name in importlib.import_module("benchmarks.__main__").NAMES
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_every_module_with_a_run_is_in_the_table():
    files = (ROOT / "benchmarks").rglob("*.py")
    defining = {file for file in files if "\ndef run(" in file.read_text(encoding="utf-8")}
    with_run = {file.relative_to(ROOT / "benchmarks").parts[0].removesuffix(".py") for file in defining}
    assert with_run == set(importlib.import_module("benchmarks.__main__").NAMES)


def test_ratios_are_taken_round_by_round():
    found = measuring().ratios([2.0, 30.0, 8.0], [1.0, 10.0, 2.0])
    assert (found.median, found.low, found.high) == (3.0, 2.0, 4.0)


def test_alternating_measures_every_work_in_every_round_after_a_warm_up():
    said = []
    seconds = measuring().alternating({"a": lambda: said.append("a"), "b": lambda: said.append("b")}, 2)
    assert said == ["a", "b"] * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_the_table_tells_reached_missed_and_open_goals():
    t, spread = table(), measuring().Spread
    rows = [
        t.row("fast", "1 ms", "200 ms", spread(200.0, 180.0, 1230.0), at_least=100, limit="0.5 ms"),
        t.row("slow", "9 ms", "3 ms", spread(3.0, 3.0, 3.0), at_most=2.6),
        t.row("alone", "7 ms", "–", measuring().NONE),
    ]
    lines = t.formatted(rows).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(t.HEADINGS)
    assert set(lines[1]) <= set("|- ")
    assert cells[2] == ["fast", "1 ms", "200 ms", "200 (180–1,230)", "≥ 100", "yes", "0.5 ms"]
    assert cells[3][3:6] == ["3", "≤ 2.6", "no"]
    assert cells[4][3:] == ["–", "–", "–", "–"]
    assert len({len(line) for line in lines}) == 1


def test_rows_survive_json():
    t = table()
    rows = [t.row("alone", "7 ms", "–", measuring().NONE), t.row("a", "1", "2", measuring().Spread(2.0, 1.0, 3.0))]
    back = t.from_json(json.loads(json.dumps(t.to_json(rows), allow_nan=False)))
    assert math.isnan(back[0].ratio)
    assert back[1:] == rows[1:]


def test_a_peak_names_its_step():
    m = measuring()
    with m.PeakMemory(every_s=0.001) as peak:
        peak.start("filling", 0)
        block = bytearray(64 * 2**20)
        while "filling" not in peak.by_step:
            block[0] = 1
        peak.end()
    assert peak.by_step["filling"] >= 64
    assert peak.anonymous_mb >= peak.by_step["filling"]
    assert m.peak_mb() >= 64


def test_an_unknown_benchmark_is_refused(capsys):
    assert importlib.import_module("benchmarks.__main__").main(["grids"]) == 2
    assert "startup" in capsys.readouterr().err


def test_stored_results_give_the_table_again(tmp_path, monkeypatch, capsys):
    main = importlib.import_module("benchmarks.__main__")
    rows = table().to_json([table().row("step", "1 ms", "3 ms", measuring().Spread(3.0, 2.0, 4.0), at_least=2)])
    document = {"machine": measuring().machine(), "result": {"rows": rows}}
    (tmp_path / "memory.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(main, "RESULTS", tmp_path)
    assert main.main(["--stored", "memory"]) == 0
    assert "| 3 (2–4)" in capsys.readouterr().out
    assert main.main(["--stored", "hudd"]) == 1


def test_results_of_other_forms_become_rows():
    reading = importlib.import_module("benchmarks.reading")
    lrp = [
        {"network": "net", "what": "input gradient", "ratio": 2.1, "goal": None},
        {"network": "net", "what": "epsilon", "ratio": 2.4, "goal": 2.6},
        {"network": "net", "what": "hudd", "ratio": 2.9, "goal": 2.6},
        {"network": "net", "what": "Captum, all layers", "ratio": 4.3, "goal": None},
    ]
    epsilon, hudd = reading.rows_of("relevance", {"rows": lrp})
    assert (epsilon.ratio, epsilon.reached, epsilon.peer) == (2.4, True, "Captum (ε) 4.3 × forward")
    assert (hudd.reached, hudd.limit) == (False, "2.1 × (input gradient)")
    wicd = {"n": 2000, "ms": 2, "numpy_ms": 80, "python_ms": 400, "times_numpy": 40.0, "times_python": 200.0}
    rows = reading.rows_of("clustering", {"wicd": [wicd], "distances": []})
    assert [row.reached for row in rows] == [False, True]
