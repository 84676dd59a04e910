"""The contract of every describer, and what each says of a cluster whose truth is known."""

import re

import numpy as np
import pytest

from failatlas.rootcauses.contrasts import Contrast
from failatlas.rootcauses.describers import Context, describers
from failatlas.rootcauses.describers.contrasts import Contrasts, word
from failatlas.rootcauses.rootcause import Description

NAMES = ["chance", "confusion", "contrasts", "exposure", "extent", "rules", "stability"]


def test_the_table_of_describers_is_complete():
    assert [part.name for part in describers] == NAMES
    assert all(part.source and part.summary for part in describers)


def contexts(planted, recluster):
    """From rich to poor: everything measured, nothing measured, one image, all noise."""
    rich = planted(np.repeat([-2, 0, 1, -1], [300, 60, 40, 10]), properties={"brightness": np.arange(410.0)})
    poor = planted(np.repeat([-2, 0], [3, 2]))
    yield from ((rich, cause) for cause in rich.explained(reference=rich.reference(), recluster=recluster).causes)
    yield rich, rich.explained().noise
    yield from ((poor, cause) for cause in poor.explained().causes)
    alone = planted([0])
    yield alone, alone.explained().causes[0]
    noise = planted([-1, -1])
    yield noise, noise.explained().noise


@pytest.mark.parametrize("name", NAMES)
def test_a_describer_gives_one_sentence_without_nan_or_nothing(name, planted, recluster):
    for image_set, cause in contexts(planted, recluster):
        position = {image: i for i, image in enumerate(image_set.ids)}
        members = np.array([position[image] for image in cause.members])
        context = Context(cause, members, image_set.outcomes, image_set.properties, ())
        found = describers.create(name).describe(context)
        if found is None:
            continue
        assert isinstance(found, Description)
        assert found.describer == name
        assert found.text.endswith(".")
        assert not re.search(r"\b(nan|inf|None)\b", found.text)
        assert found == describers.create(name).describe(context)


def said(cause, name):
    return next((one for one in cause.descriptions if one.describer == name), None)


def test_the_dark_cluster_is_called_dark(dark_shirts):
    cause = next(cause for cause in dark_shirts.explained().causes if cause.id == 0)
    assert said(cause, "contrasts").words == ("dark",)
    assert "brightness" in said(cause, "contrasts").text
    assert "dark" in cause.name
    share = 100 * cause.size / len(dark_shirts.ids)
    assert f"against {share:.3g} % of all images" in said(cause, "rules").text


def test_the_turned_heads_of_one_camera_are_called_so(dark_shirts):
    cause = next(cause for cause in dark_shirts.explained().causes if cause.id == 1)
    assert "high head yaw" in cause.name
    assert "camera left" in cause.name


def test_a_random_cluster_is_not_given_a_trait(dark_shirts):
    cause = next(cause for cause in dark_shirts.explained().causes if cause.id == 2)
    assert said(cause, "contrasts") is None
    assert said(cause, "rules").text.startswith("No rule")
    assert cause.name == "no common trait found"


def test_a_trait_of_the_whole_class_is_not_the_clusters():
    """All shirts are dark; those that fail are as dark as those that do not."""
    from failatlas.outcomes.outcome import Outcomes

    rng = np.random.default_rng(0)
    n, shirts, failing = 600, np.arange(600) < 200, np.arange(600) % 4 == 0
    brightness = np.where(shirts, 0.2, 0.7) + rng.normal(0, 0.05, n)
    members = np.flatnonzero(shirts & failing)
    expected = tuple("shirt" if shirt else "coat" for shirt in shirts)
    outcomes = Outcomes(
        tuple(map(str, range(n))),
        np.arange(n),
        np.zeros((n, 1), np.float32),
        tuple("coat" for _ in range(n)),
        expected,
        shirts & failing,
        np.ones(n),
        np.full(n, np.nan),
        np.zeros(n, np.int64),
    )
    strong = (Contrast("brightness", 0.2, 0.5, -0.9, 1e-9),)
    context = Context(None, members, outcomes, {"brightness": brightness}, strong)
    assert Contrasts().describe(context) is None
    darker = brightness - 0.3 * (shirts & failing)
    assert Contrasts().describe(Context(None, members, outcomes, {"brightness": darker}, strong)).words == ("dark",)

    # a mixture of both classes, mostly coats, is bright only as coats are
    mixed = np.flatnonzero(failing & (~shirts | (np.arange(n) % 8 == 0)))
    bright = (Contrast("brightness", 0.6, 0.5, 0.5, 1e-9),)
    assert Contrasts().describe(Context(None, mixed, outcomes, {"brightness": brightness}, bright)) is None


def test_an_estimated_error_rate_does_not_carry_an_n_that_divides_nothing():
    from types import SimpleNamespace

    from failatlas.rootcauses.describers.exposure import Exposure
    from failatlas.statistics import Interval

    def said_of(method):
        rate = Interval(0.151, 0.1, 0.23, 57, method)
        return Exposure().describe(SimpleNamespace(cause=SimpleNamespace(error_rate=rate))).text

    assert said_of("wilson") == "Among images that look like these, 15 % [10, 23] (n = 57) are errors."
    estimated = said_of("wilson, correct images weighted 5.06")
    assert "15 % [10, 23] (estimated" in estimated
    assert "57" not in estimated


def test_two_properties_that_measure_the_same_give_one_word(planted):
    rng = np.random.default_rng(0)
    cluster = np.repeat([-2, 0], [300, 60])
    brightness = rng.normal(size=360) - 3 * (cluster == 0)
    columns = {"brightness": brightness, "mean_red": brightness + 0.01 * rng.normal(size=360)}
    cause = planted(cluster, properties=columns).explained().causes[0]
    assert len(said(cause, "contrasts").words) == 1


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("shirt", "coat")] * 6 + [("boot", "bag")] * 4, ("shirt taken for coat",)),
        ([("shirt", "coat")] * 4 + [("shirt", "bag")] * 3 + [("boot", "bag")] * 3, ("shirt not recognised",)),
        ([("shirt", "bag")] * 3 + [("boot", "bag")] * 3 + [("coat", "hat")] * 4, ("taken for bag",)),
        ([("a", "b"), ("c", "d"), ("e", "f")], None),
    ],
)
def test_only_what_half_of_the_members_share_becomes_a_name(pairs, words, planted):
    image_set = planted(np.zeros(len(pairs), np.int64))
    image_set.expected, image_set.predicted = zip(*pairs, strict=True)
    found = said(image_set.explained().causes[0], "confusion")
    assert (found.words if found else None) == words


def test_words_for_unknown_properties_are_their_names():
    assert word(Contrast("pupil_size_px", 1, 2, -0.5, 0.0)) == "low pupil size"
