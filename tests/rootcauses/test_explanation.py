import dataclasses
import json
import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from failatlas.errors import DataError, FailatlasError, ShapeError
from failatlas.parameters import Parameter, Space
from failatlas.rootcauses import Reference, RootCauses, describers, explain
from failatlas.rootcauses.describers import describer


def text_of(causes: RootCauses) -> str:
    """Everything a person or a program could read of it."""
    described = [one.text for cause in causes.causes for one in cause.descriptions]
    return "\n".join([repr(causes), *map(repr, causes.causes), *described, *causes.notes])


@pytest.fixture(scope="module")
def dark(dark_shirts, recluster):
    return dark_shirts.explained(reference=dark_shirts.reference(0.5), recluster=recluster)


def test_the_planted_threshold_is_found_with_its_precision_and_recall(dark):
    cause = next(cause for cause in dark.causes if cause.id == 0)
    rule = cause.rules[0]
    assert re.fullmatch(r"brightness ≤ 0\.08\d?", rule.text)
    assert min(rule.precision.value, rule.recall.value) > 0.95
    mean, mean_all, delta = cause.properties["brightness"]
    assert mean < 0.083 < mean_all
    assert delta < -0.99


def test_separated_clusters_are_stable_tight_and_dangerous_to_look_like(dark):
    for cause in dark.causes:
        assert cause.stability.value > 0.75
        assert cause.compactness < 0.5
        assert cause.error_rate.value > 0.9


def test_counterexamples_are_handled_correctly_and_members_are_not(dark, dark_shirts):
    errors = {image for image, wrong in zip(dark_shirts.ids, dark_shirts.is_error, strict=True) if wrong}
    for cause in (*dark.causes, dark.noise):
        assert set(cause.members) <= errors
        assert not set(cause.counterexamples) & errors
        assert len(set(cause.counterexamples)) == len(cause.medoids) == 5
        assert set(cause.medoids) <= set(cause.members)
        assert cause.members[0] == cause.medoids[0]


def test_members_shares_and_confusions_add_up(dark, dark_shirts):
    groups = (*dark.causes, dark.noise)
    assert sorted(image for cause in groups for image in cause.members) == sorted(dark_shirts.grouping.ids)
    assert sum(cause.share.value for cause in groups) == pytest.approx(1)
    assert all(sum(count for *_, count in cause.confusion) == cause.size for cause in groups)


def test_noise_is_a_group_of_its_own_without_rank(dark):
    assert (dark.noise.id, dark.noise.rank, dark.noise.name) == (-1, 0, "in no cluster")
    assert dark.noise.size == 20
    assert math.isnan(dark.noise.null_p)
    assert [cause.rank for cause in dark.causes] == [1, 2, 3]
    assert dark.order.tolist() == [cause.id for cause in dark.causes]
    assert [cause.risk for cause in dark.causes] == sorted((cause.risk for cause in dark.causes), reverse=True)


def test_json_of_a_whole_run_round_trips(dark):
    text = json.dumps(dark.to_json(), allow_nan=False)
    assert json.dumps(RootCauses.from_json(json.loads(text)).to_json()) == text


def test_the_same_seed_gives_the_same_bytes(dark, dark_shirts, recluster):
    again = dark_shirts.explained(reference=dark_shirts.reference(0.5), recluster=recluster)
    assert json.dumps(again.to_json()) == json.dumps(dark.to_json())


def test_heatmaps_arrive_at_their_cluster(dark_shirts):
    maps = {c: np.full((2, 3), c, np.float32) for c in (-1, 0, 1)}
    causes = dark_shirts.explained(heatmaps=maps)
    assert {cause.id: cause.heatmap.shape for cause in causes.causes} == {0: (2, 3), 1: (2, 3), 2: (0, 0)}
    assert causes.noise.heatmap[0, 0] == -1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.integers(-2, 3), min_size=1, max_size=30), random=st.randoms(use_true_random=False))
def test_risk_rank_members_and_confusion_do_not_depend_on_image_order(planted, labels, random):
    image_set = planted(labels)
    order = list(range(len(labels)))
    random.shuffle(order)
    one, other = image_set.explained(), image_set.permuted(np.array(order)).explained()
    assert [(c.id, c.risk, c.severity, c.rank) for c in one.causes] == [
        (c.id, c.risk, c.severity, c.rank) for c in other.causes
    ]
    for a, b in zip(one.causes, other.causes, strict=True):
        assert set(a.members) == set(b.members)
        assert a.confusion == b.confusion
        assert a.compactness == pytest.approx(b.compactness, rel=1e-3, nan_ok=True)
    assert sum(cause.share.value for cause in one.causes) <= 1 + 1e-12


DEGENERATE = {
    "no image at all": [],
    "no failures": [-2] * 9,
    "one failure": [-2] * 9 + [0],
    "one image, and it fails": [0],
    "all failures": [0] * 12 + [1] * 9,
    "all noise": [-2] * 9 + [-1] * 5,
    "one cluster": [-2] * 30 + [0] * 12,
    "a cluster of one": [-2] * 30 + [0] * 12 + [1],
    "a class without images": [-2] * 9 + [0] * 9 + [2] * 9,
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("rich", [True, False], ids=["everything given", "nothing given"])
def test_D10_degenerate_sets_are_a_stated_result_without_nan(name, rich, planted, recluster):
    image_set = planted(DEGENERATE[name])
    options = {}
    if rich:
        n = len(image_set.cluster)
        image_set.properties = {"brightness": np.linspace(0, 1, n), "same": np.ones(n)}
        image_set.metadata = {"camera": tuple("left" for _ in range(n)), "empty": np.full(n, np.nan)}
        options = {"reference": image_set.reference(), "recluster": recluster}
    causes = image_set.explained(**options)
    json.dumps(causes.to_json(), allow_nan=False)
    json.dumps(causes.table(), allow_nan=False)
    assert not re.search(r"\b(nan|inf|None)\b", text_of(causes))
    expected = {c for c in DEGENERATE[name] if c >= 0}
    assert {cause.id for cause in causes.causes} == expected
    assert (causes.noise is not None) == (-1 in DEGENERATE[name])
    if not expected:
        assert any("no root cause found" in note or "nothing to explain" in note for note in causes.notes)


def test_D10_identical_features_have_no_compactness(planted, recluster):
    image_set = planted([-2] * 9 + [0] * 6 + [1] * 6)
    image_set.features[:] = 0.7
    causes = image_set.explained(reference=image_set.reference())
    assert all(math.isnan(cause.compactness) for cause in causes.causes)
    assert {cause.id: cause.members for cause in causes.causes} == {0: image_set.ids[9:15], 1: image_set.ids[15:]}
    assert all(cause.medoids == cause.members[:5] for cause in causes.causes)
    assert not re.search(r"\bnan\b", text_of(causes))


def test_D10_a_regression_whose_texts_are_all_different_is_explained(planted):
    image_set = planted([-2] * 40 + [0] * 20)
    image_set.expected = tuple(f"{i:.2f} deg" for i in range(60))
    image_set.predicted = tuple(f"{i + 9:.2f} deg" for i in range(60))
    (cause,) = image_set.explained().causes
    assert cause.name == "no common trait found"
    assert cause.rules == ()


def test_the_expected_class_may_enter_a_rule_and_the_prediction_never_does(planted):
    image_set = planted([-2] * 300 + [0] * 60)
    image_set.expected = ("coat",) * 290 + ("shirt",) * 70
    image_set.predicted = ("coat",) * 290 + ("shirt",) * 10 + ("bag",) * 60
    (cause,) = image_set.explained().causes
    assert cause.rules[0].conditions == ("expected = shirt",)
    assert cause.name == "shirt taken for bag"


def test_notes_name_the_clusters_about_which_little_can_be_said(planted, recluster):
    image_set = planted([-2] * 120 + [0] * 20 + [2] * 20 + [1] * 3)
    notes = image_set.explained(reference=image_set.reference(), recluster=recluster).notes
    assert "fewer than 8 images, too few for rules: cluster 1" in notes
    assert "fewer than 10 clusters of comparable size for the null: cluster 1" in notes
    assert "stability from 10 subsamples of 80 %" in notes
    bare = image_set.explained().notes
    assert "stability not measured: nothing to cluster again with" in bare
    assert "no sample of correctly handled images: no counter-examples, error rates and null" in bare


def test_rows_that_do_not_fit_their_ids_are_refused(planted):
    image_set = planted([-2, -2, 0, 0])
    grouping, outcomes, rows = image_set.grouping, image_set.outcomes, image_set.features
    with pytest.raises(ShapeError, match="2 ids"):
        explain(grouping, outcomes, rows, seed=0)
    with pytest.raises(ShapeError, match="3 features"):
        explain(grouping, outcomes, rows[2:], reference=Reference(outcomes.ids[:2], rows[:2, :3]), seed=0)
    with pytest.raises(DataError, match="'ghost' has no outcome"):
        explain(dataclasses.replace(grouping, ids=("ghost", grouping.ids[0])), outcomes, rows[2:], seed=0)
    with pytest.raises(DataError, match="reference image is an error"):
        explain(grouping, outcomes, rows[2:], reference=Reference(grouping.ids, rows[2:]), seed=0)
    broken = rows[2:].copy()
    broken[0, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        explain(grouping, outcomes, broken, seed=0)


def test_a_describer_that_fails_is_in_the_notes_and_costs_only_its_sentence(planted, monkeypatch):
    monkeypatch.setattr(describer.describers, "_parts", dict(describers._parts))

    @describers.register("broken", source="test")
    class Broken:
        """Fails."""

        def describe(self, context):
            raise FailatlasError("no weather station")

    causes = planted([-2] * 5 + [0] * 5).explained()
    assert any("broken failed on cluster 0" in note and "no weather station" in note for note in causes.notes)
    assert any(one.describer == "extent" for one in causes.causes[0].descriptions)


def test_importing_root_causes_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, failatlas.rootcauses; print({'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def with_truth(image_set, **columns):
    return dataclasses.replace(image_set, metadata=image_set.metadata | columns)


def planted_names(image_set):
    return tuple({0: "dark", 1: "turned"}.get(int(cluster), "") for cluster in image_set.cluster)


def test_the_known_cause_judges_and_never_describes(dark, dark_shirts, recluster):
    told = with_truth(dark_shirts, known_cause=planted_names(dark_shirts)).explained(
        reference=dark_shirts.reference(0.5), recluster=recluster
    )
    assert {one.name: one.verdict for one in told.known.causes} == {"dark": "found", "turned": "found"}
    assert told.known.of(2).cause == ""
    plain = {key: value for key, value in told.to_json().items() if key != "known_causes"}
    assert json.dumps(plain) == json.dumps({k: v for k, v in dark.to_json().items() if k != "known_causes"})
    assert dark.known is None


def test_a_known_cause_of_numbers_describes_nothing_either(dark_shirts):
    numbers = np.where(dark_shirts.cluster >= 0, dark_shirts.cluster + 1.0, np.nan)
    told = with_truth(dark_shirts, known_cause=numbers).explained()
    assert "known_cause" not in json.dumps([cause.to_json() for cause in told.causes])
    assert [one.name for one in told.known.causes] == ["1", "2", "3"]
    assert "known_cause" not in [one.name for one in told.variance.quantities]
    as_property = dataclasses.replace(dark_shirts, properties=dark_shirts.properties | {"known_cause": numbers})
    assert "known_cause" not in json.dumps([cause.to_json() for cause in as_property.explained().causes])


def test_describers_of_others_do_not_see_the_known_cause(dark_shirts, monkeypatch):
    monkeypatch.setattr(describer.describers, "_parts", dict(describers._parts))
    seen = []

    @describers.register("spy", source="test")
    class Spy:
        """Looks at every column."""

        def describe(self, context):
            seen.extend(context.columns)

    with_truth(dark_shirts, known_cause=planted_names(dark_shirts)).explained()
    assert "camera" in seen
    assert "known_cause" not in seen


def test_the_turned_heads_are_narrow_in_yaw_and_measured_properties_are_no_parameters(dark):
    assert [one.name for one in dark.variance.quantities] == ["head_yaw"]
    assert dark.variance.of(1).is_explained
    assert not dark.variance.of(2).is_explained


def test_a_schema_says_which_columns_are_parameters(dark_shirts):
    space = Space(
        (Parameter("head_yaw", -180, 180, unit="deg"), Parameter("camera", choices=("left", "right", "rear")))
    )
    landmarks = with_truth(dark_shirts, landmark_0_x=np.arange(2000.0))
    variance = landmarks.explained(parameters=space).variance
    assert [(one.name, one.unit, one.measure) for one in variance.quantities] == [
        ("head_yaw", "deg", "variance"),
        ("camera", "", "Gini index"),
    ]
    assert variance.of(1).of("camera").here.typical == "left"


def test_weaknesses_that_never_fail_are_known_too(planted):
    image_set = planted([-2, -2, -2])
    causes = with_truth(image_set, known_cause=("night", "", "night")).explained()
    assert [(one.name, one.n_images, one.verdict) for one in causes.known.causes] == [
        ("night", 2, "not enough failures")
    ]
    assert causes.variance is None


def test_forms_of_before_parameters_and_known_causes_were_measured_are_still_read(dark):
    old = {key: value for key, value in dark.to_json().items() if key not in ("variance", "known_causes")}
    again = RootCauses.from_json(old)
    assert (again.variance, again.known) == (None, None)
    assert len(again.causes) == len(dark.causes)
