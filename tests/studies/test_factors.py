"""Factors: what truly decides is found, what does not is not, and too little to say so is said."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from failatlas.studies.factors import FACTORS, OUTCOMES, factor_analysis
from failatlas.studies.factortree import MAX_DEPTH, factor_tree


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"studies_{name}", Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(f"studies_{name}", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


making = _load("making")
entry, grid = making.entry, making.grid

EXTRACTORS = ("autoencoder", "heatmap", "lite2", "lite2-tuned", "vgg16", "vgg16-tuned")
REDUCERS, CLUSTERERS = ("none", "pca", "umap"), ("kmeans", "dbscan", "hdbscan")


def wide(value, seed=0):
    """54 pipelines of three extractors, two of them in both forms, with a little noise."""
    rng = np.random.default_rng(seed)
    return grid(lambda *parts: value(*parts) + rng.normal(0, 0.01), EXTRACTORS, REDUCERS, CLUSTERERS)


@pytest.fixture(scope="module")
def additive():
    """The reducer matters most, then the clusterer, then fine-tuning a little; the extractor not at all."""
    by_reducer = {"none": 0.4, "pca": 0.5, "umap": 0.7}
    by_clusterer = {"kmeans": -0.08, "dbscan": 0.04, "hdbscan": 0.04}
    return wide(lambda e, r, c: by_reducer[r] + by_clusterer[c] + 0.03 * e.endswith("-tuned"))


def test_the_factors_come_in_the_order_in_which_they_matter(additive):
    found = factor_analysis(additive).of("purity")
    assert [one.factor for one in found.influences[:2]] == ["reducer", "clusterer"]
    assert all(one.adjusted < 0.05 for one in found.influences[2:])
    assert sum(one.importance for one in found.influences) == pytest.approx(1)
    assert [level.name for level in found.influences[0].levels] == ["umap", "pca", "none"]
    assert found.interaction < 0.01


def test_shares_of_variance_are_sums_of_squares_by_hand(additive):
    purities = {one.pipeline: one.score.agreement.purity for one in additive}
    values = np.array(list(purities.values()))
    for factor in ("reducer", "clusterer"):
        groups = {}
        for one in additive:
            groups.setdefault(getattr(one, factor), []).append(purities[one.pipeline])
        between = sum(len(g) * (np.mean(g) - values.mean()) ** 2 for g in groups.values())
        (found,) = [one for one in factor_analysis(additive).of("purity").influences if one.factor == factor]
        eta = between / np.square(values - values.mean()).sum()
        assert found.eta_squared == pytest.approx(eta)
        # another road to the correction: the F statistic of a one-way analysis of variance
        f = stats.f_oneway(*groups.values()).statistic
        k, n = len(groups), len(values)
        assert found.adjusted == pytest.approx((k - 1) * (f - 1) / ((k - 1) * f + n - k))


def test_pure_chance_explains_a_share_but_none_after_correction():
    rng = np.random.default_rng(5)
    found = [
        one
        for seed in range(12)
        for one in factor_analysis(wide(lambda *_: rng.normal(0.5, 0.1), seed)).of("purity").influences
    ]
    assert np.mean([one.eta_squared for one in found]) > 0.03
    assert np.mean([one.adjusted for one in found]) < 0.025  # cut at 0, so its mean lies a little above


def test_a_combination_that_works_against_its_parts_is_seen_as_interaction():
    found = factor_analysis(wide(lambda e, r, c: 0.5 + 0.3 * ((r == "umap") == (c == "dbscan")))).of("purity")
    parts = sum(one.eta_squared for one in found.influences if one.factor in ("reducer", "clusterer"))
    assert found.interaction > 0.3
    assert parts + found.interaction == pytest.approx(1, abs=0.03)


def test_choices_that_vary_freely_share_nothing_and_those_that_go_together_say_so():
    rng = np.random.default_rng(0)
    free = grid(lambda *_: rng.uniform(0.2, 0.9), ("a", "b", "c"), REDUCERS, CLUSTERERS)
    assert factor_analysis(free).of("purity").overlap == pytest.approx(0, abs=1e-9)
    # umap always with dbscan, none always with kmeans: nobody can tell which of the two it is
    tied = [one for one in free if (one.reducer, one.clusterer) in {("umap", "dbscan"), ("none", "kmeans")}]
    tied += grid(lambda e, r, c: 0.9 if r == "umap" else 0.3, tuple("defgh"), ("umap",), ("dbscan",))
    tied += grid(lambda e, r, c: 0.3, tuple("defgh"), ("none",), ("kmeans",))
    factors = factor_analysis(tied)
    assert factors.of("purity").overlap > 0.3
    assert any("one may take what is another's" in note for note in factors.notes)


def test_effects_are_those_of_scipy_and_the_better_comes_first(additive):
    purity = {one.pipeline: one.score.agreement.purity for one in additive}
    effects = factor_analysis(additive).of("purity").effects
    assert len(effects) == 3 + 1 + 3 + 6  # of reducers, frozen or not, clusterers, four extractors
    for effect in effects:
        if effect.factor not in ("reducer", "clusterer"):
            continue
        a, b = (
            [purity[one.pipeline] for one in additive if getattr(one, effect.factor) == level]
            for level in (effect.a, effect.b)
        )
        assert effect.difference == pytest.approx(np.mean(a) - np.mean(b))
        assert effect.difference >= 0
        wins = np.mean([np.sign(x - y) for x, y in itertools.product(a, b)])
        assert effect.delta == pytest.approx(wins)
        assert effect.a12 == pytest.approx((wins + 1) / 2)
        assert effect.test == "Wilcoxon"
        assert effect.p == pytest.approx(stats.wilcoxon(a, b).pvalue)  # the grid gives both in the same order


def test_pairs_of_pipelines_count_where_the_rest_hides_the_choice():
    """Frozen or not decides every pair by a hair, where everything else moves by far more."""
    rng = np.random.default_rng(3)
    cells = {parts: rng.uniform(0.2, 0.9) for parts in itertools.product(("lite2", "vgg16"), REDUCERS, CLUSTERERS)}
    entries = grid(
        lambda e, r, c: cells[e.removesuffix("-tuned"), r, c] + 0.004 * e.endswith("-tuned") + rng.uniform(0, 0.003),
        EXTRACTORS[2:],
        REDUCERS,
        CLUSTERERS,
    )
    (found,) = [one for one in factor_analysis(entries).of("purity").effects if one.factor == "fine-tuning"]
    assert (found.test, found.n_pairs, found.a) == ("Wilcoxon", 18, "fine-tuned")
    assert found.is_significant
    assert abs(found.delta) < 0.25


def test_few_pairs_are_tested_as_two_samples_for_they_could_never_pass_the_correction(additive):
    found = {(one.a, one.b): one for one in factor_analysis(additive).of("purity").effects if one.factor == "extractor"}
    tests = {frozenset(pair): (one.test, one.n_pairs) for pair, one in found.items()}
    assert tests[frozenset({"autoencoder", "heatmap"})] == ("Mann–Whitney", 0)  # 9 pairs
    assert tests[frozenset({"lite2", "vgg16"})] == ("Wilcoxon", 18)


def test_a_pipeline_that_failed_takes_only_its_own_pairs_away(additive):
    entries = [one if i else entry(one.pipeline, error="E_MEMORY: no room") for i, one in enumerate(additive)]
    factors = factor_analysis(entries)
    n_pairs = {(one.a, one.b): one.n_pairs for one in factors.of("purity").effects if one.factor == "reducer"}
    assert sorted(n_pairs.values()) == [17, 17, 18]
    assert "1 of 54 pipelines could not run and are left out here" in factors.notes


def test_one_family_of_tests_over_both_outcomes_is_corrected(additive):
    factors = factor_analysis(additive)
    effects = [effect for analysis in factors.analyses for effect in analysis.effects]
    order = sorted(effects, key=lambda effect: effect.p)
    assert min(effect.p for effect in effects) * len(effects) == pytest.approx(order[0].p_holm)
    assert all(one.p_holm <= other.p_holm for one, other in itertools.pairwise(order))
    assert all(effect.p <= effect.p_holm <= 1 for effect in effects)


def test_the_tree_asks_first_what_matters_most_and_its_leaves_share_the_pipelines(additive):
    tree = factor_analysis(additive).of("purity").tree
    assert tree.question == "reducer is umap"
    assert tree.no.question == "reducer is pca" or tree.no.factor == "clusterer"
    leaves = [node for node in tree.walk() if not node.factor]
    assert sum(leaf.n for leaf in leaves) == tree.n == 54
    for node in tree.walk():
        if node.factor:
            assert node.yes.mean >= node.no.mean
            assert node.n == node.yes.n + node.no.n
            assert node.mean == pytest.approx((node.yes.n * node.yes.mean + node.no.n * node.no.mean) / node.n)


@given(
    st.integers(8, 40).flatmap(
        lambda n: st.tuples(
            st.lists(st.sampled_from("abcde"), min_size=n, max_size=n),
            st.lists(st.sampled_from("xy"), min_size=n, max_size=n),
            st.lists(st.integers(0, 9).map(float), min_size=n, max_size=n),
        )
    )
)
def test_every_node_holds_the_mean_of_those_who_answer_so(drawn):
    letters, ends, outcome = drawn
    values = np.array(outcome)
    tree, importances = factor_tree({"letter": letters, "end": ends}, values)
    assert sum(importances.values()) == pytest.approx(1.0 if tree.factor else 0.0)
    choices = {"letter": np.array(letters), "end": np.array(ends)}

    def check(node, rows, depth):
        assert node.n == rows.sum()
        assert node.mean == pytest.approx(values[rows].mean())
        assert node.n >= 3
        if node.factor:
            assert depth < MAX_DEPTH
            assert not set(node.levels) & set(node.others)
            check(node.yes, rows & np.isin(choices[node.factor], node.levels), depth + 1)
            check(node.no, rows & np.isin(choices[node.factor], node.others), depth + 1)

    check(tree, np.ones(len(values), bool), 0)


def test_the_first_question_is_the_best_of_all_sets_of_levels():
    rng = np.random.default_rng(1)
    letters = list("abcde") * 6
    values = np.array([{"a": 3, "b": 9, "c": 2, "d": 8, "e": 5}[x] for x in letters]) + rng.normal(0, 0.5, 30)
    tree, _ = factor_tree({"letter": letters}, values)

    def within(chosen):
        sides = np.isin(letters, chosen)
        return sum(np.square(part - part.mean()).sum() for part in (values[sides], values[~sides]))

    subsets = [set(s) for k in range(1, 5) for s in itertools.combinations("abcde", k)]
    best = min(subsets, key=lambda s: within(sorted(s)))
    assert set(tree.levels) in (best, set("abcde") - best)


def test_the_table_of_means_holds_every_combination_once(additive):
    cells = factor_analysis(additive).cells
    assert [(cell.reducer, cell.clusterer) for cell in cells] == list(itertools.product(REDUCERS, CLUSTERERS))
    for cell in cells:
        here = [one for one in additive if (one.reducer, one.clusterer) == (cell.reducer, cell.clusterer)]
        assert cell.n == len(here) == 6
        assert cell.purity == pytest.approx(np.mean([one.score.agreement.purity for one in here]))
        assert cell.coverage == pytest.approx(np.mean([one.score.agreement.coverage for one in here]))


def test_the_order_of_the_question_changes_no_number(additive):
    straight, turned = (factor_analysis(entries) for entries in (additive, additive[::-1]))
    for one, other in zip(straight.analyses, turned.analyses, strict=True):
        assert one.tree == other.tree
        assert {(e.factor, e.a, e.b): e.p_holm for e in one.effects} == pytest.approx(
            {(e.factor, e.a, e.b): e.p_holm for e in other.effects}
        )


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry()],
        [entry(), entry("vgg16+pca+dbscan")],
        [entry(error="E_MEMORY: no room")],
        [entry(f"{e}+umap+dbscan", covered=0, n_clusters=0) for e in EXTRACTORS],
        [entry(f"{e}+umap+dbscan", causes=(), covered=0) for e in EXTRACTORS],
        wide(lambda *_: math.inf),  # all clipped to the same purity
        grid(lambda *_: 0.7, EXTRACTORS, REDUCERS, CLUSTERERS),
    ],
    ids=["none", "one", "two", "failed", "no clusters", "no causes", "all pure", "all equal"],
)
def test_D10_too_little_is_said_and_nothing_is_invented(entries):
    factors = factor_analysis(entries)
    assert [one.outcome for one in factors.analyses] == list(OUTCOMES)
    json.dumps(factors.to_json(), allow_nan=False)
    for analysis in factors.analyses:
        assert all(effect.p_holm == 1.0 and effect.delta == 0.0 for effect in analysis.effects)
        assert all(math.isnan(one.eta_squared) and math.isnan(one.adjusted) for one in analysis.influences)
        if analysis.n < 8:
            assert analysis.tree is None
            assert any(
                f"not enough pipelines to say what {analysis.outcome} depends on" in note for note in factors.notes
            )
            assert not analysis.influences
        else:
            assert not analysis.tree.factor


def test_the_json_keeps_every_number_and_the_tree(additive):
    factors = factor_analysis(additive)
    said = json.loads(json.dumps(factors.to_json(), allow_nan=False))
    first = said["analyses"][0]
    assert first["tree"]["question"] == "reducer is umap"
    assert first["influences"][0]["levels"][0] == dataclasses.asdict(factors.of("purity").influences[0].levels[0])
    assert len(said["reducer_clusterer"]) == 9
    assert {one["factor"] for one in first["influences"]} == set(FACTORS)
