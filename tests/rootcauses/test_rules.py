import numpy as np
import pytest

from failatlas.rootcauses.rules import held_out, rules


def found(columns, members, seed=0):
    held = held_out(members.astype(np.int64), seed)
    return rules(columns, members, held, seed=seed), held


def uniform(n, seed=0, **names):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0, 1, n) for name in names}


def test_a_threshold_on_one_property_is_found_with_its_held_out_figures():
    columns = uniform(3000, brightness=1, contrast=1, sharpness=1)
    members = (columns["brightness"] < 0.2) & (np.random.default_rng(1).random(3000) < 0.8)
    (rule, *_), held = found(columns, members)
    assert rule.text == "brightness ≤ 0.2"
    # independent recount of what the text says
    holds = (columns["brightness"] <= 0.2) & held
    assert rule.precision.value == (holds & members).sum() / holds.sum()
    assert rule.recall.value == (holds & members).sum() / (members & held).sum()
    assert rule.precision.low < 0.8 < rule.precision.high
    assert rule.recall.value > 0.98


def test_a_cluster_of_one_percent_gets_a_sharp_rule():
    columns = uniform(6000, brightness=1, contrast=1)
    members = (columns["brightness"] > 0.93) & (columns["contrast"] > 0.86)
    (rule, *_), _ = found(columns, members)
    assert {condition.split(" >")[0] for condition in rule.conditions} == {"brightness", "contrast"}
    assert rule.precision.value > 0.8
    assert rule.recall.value > 0.8


def test_intervals_texts_and_conjunctions_are_found():
    rng = np.random.default_rng(3)
    camera, yaw = rng.choice(["left", "right", "rear"], 3000), rng.normal(0, 30, 3000)
    members = (camera == "left") & (yaw > -10) & (yaw < 5)
    (rule, *_), _ = found({"yaw": yaw, "camera": tuple(camera.tolist())}, members)
    assert "camera = left" in rule.conditions
    assert any(c.startswith(("-10 < yaw ≤ ", "-9.")) for c in rule.conditions)
    assert rule.precision.value > 0.9


def test_a_cluster_of_two_kinds_gets_a_rule_for_each():
    columns = uniform(3000, brightness=1, contrast=1)
    members = (columns["brightness"] < 0.08) | (columns["contrast"] > 0.95)
    two, _ = found(columns, members)
    assert {rule.conditions[0].split()[0] for rule in two[:2]} == {"brightness", "contrast"}
    assert all(rule.precision.value > 0.9 for rule in two[:2])


def test_an_arc_through_north_is_found():
    rng = np.random.default_rng(4)
    columns = {"wind_deg": rng.uniform(0, 360, 3000)}
    members = (columns["wind_deg"] > 345) | (columns["wind_deg"] < 20)
    (rule, *_), _ = found(columns, members)
    assert "through 0" in rule.text
    assert min(rule.precision.value, rule.recall.value) > 0.9


def test_random_clusters_rarely_get_a_rule():
    with_rules = 0
    for seed in range(30):
        columns = uniform(1000, seed=seed, a=1, b=1, c=1, d=1)
        members = np.random.default_rng(100 + seed).random(1000) < 0.05
        with_rules += bool(found(columns, members, seed)[0])
    # the lower end of a 95 % interval passes the base rate in 2.5 % of the cases by chance
    assert with_rules <= 4


def test_a_text_that_names_single_images_is_no_rule():
    members = np.arange(400) < 60
    names = tuple(f"image {i}" for i in range(400))
    assert found({"name": names}, members)[0] == ()


def test_missing_entries_and_constant_columns_do_no_harm():
    columns = uniform(2000, brightness=1)
    members = columns["brightness"] < 0.2
    columns["brightness"] = np.where(np.arange(2000) % 10 == 0, np.nan, columns["brightness"])
    columns |= {"same": np.ones(2000), "none": np.full(2000, np.nan), "odd": np.full(2000, np.inf)}
    (rule, *_), _ = found(columns, members)
    assert rule.text.startswith("brightness ≤ 0.")
    assert rule.recall.value == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize("size", [0, 1, 7, 400])
def test_too_few_members_or_nobody_else_give_no_rule(size):
    members = np.arange(400) < size
    assert found({"x": np.arange(400.0)}, members)[0] == ()
    assert found({}, members)[0] == ()


def test_more_images_than_the_search_looks_at_give_the_same_rule():
    columns = uniform(60_000, brightness=1, contrast=1)
    members = columns["brightness"] < 0.01
    (rule, *_), _ = found(columns, members)
    assert rule.text.startswith("brightness ≤ 0.0")
    assert rule.precision.n > 250
    assert min(rule.precision.value, rule.recall.value) > 0.9


def test_half_of_every_stratum_is_held_out_and_the_draw_follows_the_seed():
    strata = np.repeat([-2, -1, 0, 1], [100, 7, 10, 1])
    held = held_out(strata, 0)
    assert [int(held[strata == s].sum()) for s in (-2, -1, 0, 1)] == [50, 3, 5, 0]
    assert (held == held_out(strata, 0)).all()
    assert (held != held_out(strata, 1)).any()
