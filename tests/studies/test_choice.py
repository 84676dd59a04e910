"""Choice: the preset unless another pipeline clearly beats it, with the reason in words."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.studies.choice import LABEL_FREE_MARGIN, MARGIN, choose
from failatlas.studies.score import Entry, Shape, score

CAUSES = ("blur", "noise")


def entry(pipeline: str, labels: Sequence[int] | None, *, shape: Shape | None = None, error: str = "") -> Entry:
    """A pipeline that put five images of each cause, then five natural ones, where ``labels`` say."""
    extractor, reducer, clusterer = pipeline.split("+")
    found = None
    if labels is not None:
        truth = ["blur"] * 5 + ["noise"] * 5 + ["natural"] * 5
        found = score(np.array(labels), truth, CAUSES, shape or Shape(0.5, 0.5, 0.5))
    return Entry(pipeline, extractor, reducer, clusterer, False, found, error=error)


ALL = [0] * 5 + [1] * 5 + [2] * 5
MIXED = [0] * 15
HALF = [0] * 5 + [1] * 10
SPLIT = [0] * 3 + [3] * 2 + [1] * 5 + [2] * 5


def test_what_beats_the_preset_clearly_is_taken_and_says_by_how_much() -> None:
    found = choose([entry("a+none+x", MIXED), entry("b+none+x", ALL)], "a+none+x", n_failures=15, causes=CAUSES)
    assert found.pipeline == "b+none+x"
    assert found.of("b+none+x").value == 1  # type: ignore[union-attr]
    assert "purity 1.00, 2 of 2 causes covered" in found.text
    assert "beats a+none+x (purity 0.33, 0 of 2 causes covered)" in found.text


def test_the_preset_stays_when_another_is_ahead_by_less_than_the_margin() -> None:
    almost = [0] * 5 + [1] * 5 + [2] * 4 + [0]
    found = choose([entry("a+none+x", almost), entry("b+none+x", ALL)], "a+none+x", n_failures=15, causes=CAUSES)
    lead = found.of("b+none+x").value - found.of("a+none+x").value  # type: ignore[union-attr]
    assert (found.pipeline == "a+none+x") is (lead <= MARGIN)


def test_of_equals_the_one_with_fewer_clusters_for_a_cause_comes_first() -> None:
    found = choose([entry("a+none+x", SPLIT), entry("b+none+x", ALL)], "c+none+x", n_failures=15, causes=CAUSES)
    assert [one.pipeline for one in found.candidates] == ["b+none+x", "a+none+x"]


def test_without_known_causes_shape_decides_and_needs_a_larger_lead() -> None:
    better = Shape(0.5 + LABEL_FREE_MARGIN, 0.5 + LABEL_FREE_MARGIN, 0.1)
    close = [entry("a+none+x", HALF), entry("b+none+x", HALF, shape=Shape(0.6, 0.6, 0.1))]
    far = [entry("a+none+x", HALF), entry("b+none+x", HALF, shape=Shape(*(1.01 * v for v in (0.7, 0.7, 0.1))))]
    assert choose(close, "a+none+x", n_failures=150).pipeline == "a+none+x"
    assert choose(far, "a+none+x", n_failures=150).pipeline == "b+none+x"
    assert better.silhouette - 0.5 == pytest.approx(LABEL_FREE_MARGIN)
    assert choose(far, "a+none+x", n_failures=150).basis == "label-free"


def test_D10_a_preset_that_could_not_run_gives_way_and_nothing_judged_keeps_it() -> None:
    failed = entry("a+none+x", None, error="needs a white box")
    found = choose([failed, entry("b+none+x", MIXED)], "a+none+x", n_failures=15, causes=CAUSES)
    assert found.pipeline == "b+none+x"
    assert "could not run" in found.text
    noise = entry("b+none+x", [-1] * 15)
    for entries in ([], [failed], [failed, noise]):
        unseen = choose(entries, "a+none+x", n_failures=0, causes=CAUSES)
        assert unseen.pipeline == "a+none+x"
        assert "unseen" in unseen.text


def test_D10_the_document_holds_no_nan() -> None:
    document = choose([entry("a+none+x", None, error="no")], "a+none+x", n_failures=0).to_json()
    assert document["candidates"] == [
        {
            "pipeline": "a+none+x",
            "value": None,
            "purity": None,
            "coverage": None,
            "clusters": 0,
            "redundancy": None,
            "noise": None,
            "error": "no",
        }
    ]


def test_the_fragment_shows_all_that_were_tried_and_marks_what_was_taken() -> None:
    entries = [entry("a+none+x", MIXED), entry("b+none+x", ALL), entry("c+none+x", None, error="<no white box>")]
    shown = choose(entries, "a+none+x", n_failures=15, causes=CAUSES)._repr_html_()
    assert "<b>b+none+x</b> (taken)" in shown
    assert "2 of 2" in shown
    assert "could not run: &lt;no white box&gt;" in shown
    inside = choose(entries, "a+none+x", n_failures=15)._repr_html_()
    assert "silhouette" in inside
    assert "of 2" not in inside


@given(st.lists(st.lists(st.integers(-1, 3), min_size=15, max_size=15), min_size=1, max_size=5), st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_candidates(labels: list[list[int]], random: object) -> None:
    entries = [entry(f"e{i}+none+x", part) for i, part in enumerate(labels)]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (choose(order, "e0+none+x", n_failures=15, causes=CAUSES) for order in (entries, shuffled))
    assert one.pipeline == other.pipeline
    taken = one.of(one.pipeline)
    assert taken is not None
    best = max((c.value for c in one.candidates if math.isfinite(c.value)), default=math.nan)
    assert math.isnan(best) or taken.value >= best - MARGIN


def test_few_failures_without_known_causes_keep_the_preset_and_say_so() -> None:
    far = [entry("a+none+x", HALF), entry("b+none+x", HALF, shape=Shape(0.9, 0.9, 0.1))]
    found = choose(far, "a+none+x", n_failures=15)
    assert found.pipeline == "a+none+x"
    assert "too few" in found.notes[-1]
    assert choose(far, "a+none+x", n_failures=150).pipeline == "b+none+x"
