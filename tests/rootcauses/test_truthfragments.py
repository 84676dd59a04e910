"""Known causes and variance reduction as a notebook and the report show them, read back as XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from failatlas.parameters import Parameter, Space
from failatlas.rootcauses.knowncauses import known_causes
from failatlas.rootcauses.knownfragment import known_html, made_of
from failatlas.rootcauses.variance import variance_reduction
from failatlas.rootcauses.variancefragment import cluster_variance, variance_html


def read(markup: str) -> ET.Element:
    return ET.fromstring(f"<r>{markup}</r>")


def text(markup: str) -> str:
    return "".join(read(markup).itertext())


def rows(markup: str) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in read(markup).iter("tr")]


@pytest.fixture(scope="module")
def known():
    names = ["<night>"] * 18 + [""] * 2 + ["sun"] * 12 + ["mask"] * 12 + ["<night>"] * 4
    labels = np.repeat([0, 1, -1], [20, 24, 4])
    return known_causes([*names, "mask"], np.arange(49) < 48, np.arange(48), labels)


@pytest.fixture(scope="module")
def variance():
    rng = np.random.default_rng(0)
    space = Space(
        (
            Parameter("yaw", -90, 90, unit="deg"),
            Parameter("glasses", choices=("none", "sun<b>")),
            *(Parameter(f"p{k}", -9, 9) for k in range(12)),
        )
    )
    columns = {f"p{k}": rng.normal(size=80) for k in range(12)}
    columns["yaw"] = np.where(np.arange(80) < 30, rng.normal(40, 1, 80), rng.uniform(-90, 90, 80))
    columns["glasses"] = tuple("sun<b>" if i < 30 else "none" for i in range(80))
    labels = np.repeat([0, 1, -1], [30, 40, 10])
    return variance_reduction(columns, labels, [f"{i:03d}" for i in range(80)], space=space, seed=0)


def test_every_verdict_stands_in_words_with_its_numbers(known):
    by_name = {row[0]: row for row in rows(known_html(known))[1:4]}
    assert list(by_name) == ["<night>", "mask", "sun"]
    assert by_name["<night>"][1:4] == ["found", "22", "22"]
    assert by_name["<night>"][5:] == ["RCC 0", "90.0 %", "81.8 %", "4"]
    assert by_name["mask"][1:4] == ["missed", "13", "12"]
    assert "92.3 % [64.0, 99.8]" in by_name["mask"][4]
    assert "Planted weaknesses found: 1 of 3." in text(known._repr_html_())


def test_clusters_are_linked_where_they_are_explained(known):
    links = {a.text: a.get("href") for a in read(known_html(known, href={0: "#rcc-0"}.get)).iter("a")}
    assert links == {"RCC 0": "#rcc-0"}


def test_what_a_cluster_is_made_of_is_one_sentence(known):
    assert text(made_of(known, 0)) == "Known cause: 18 of its 20 images have <night> (purity 90.0 %)."
    assert made_of(known, -1) is None
    natural = known_causes(["", "x"], np.ones(2, bool), np.arange(1), np.zeros(1, np.int64))
    assert text(made_of(natural, 0)) == "Known cause: 1 of its 1 image is a natural failure (purity 100.0 %)."


def test_no_planted_weakness_is_a_sentence_and_no_table():
    none = known_causes(["", ""], np.zeros(2, bool), np.arange(0), np.zeros(0, np.int64))
    assert text(none._repr_html_()) == "No planted weakness among the tested images."


def test_the_table_of_all_clusters_shows_what_is_narrow_and_says_what_is_left_out(variance):
    shown = rows(variance_html(variance))
    assert shown[0] == ["Cluster", "yaw", "glasses (choice)", "By chance"]
    assert [row[0] for row in shown[1:]] == ["RCC 0", "RCC 1"]
    assert float(shown[1][1]) > 0.99
    assert shown[1][2] == "1.00"
    assert shown[1][3] == "0.005"
    assert "12 parameters vary in every cluster by more than half" in text(variance._repr_html_())


def test_shade_and_number_say_the_same(variance):
    for cell in read(variance_html(variance)).iter("td"):
        step = re.fullmatch(r"shade-(\d)", cell.get("class"))
        if step:
            rate = float(cell.text.replace("−", "-"))
            assert int(step[1]) == sum(rate >= least for least in (0.25, 0.5, 0.75, 0.9))


def test_tables_can_be_scrolled_by_keyboard_and_have_heads(known, variance):
    for markup in (known_html(known), variance_html(variance), cluster_variance(variance, 0)):
        regions = [node for node in read(markup).iter("div") if node.get("role") == "region"]
        assert all(region.get("tabindex") == "0" and region.get("aria-label") for region in regions)
        assert regions
        for table in read(markup).iter("table"):
            assert table.find("caption") is not None
            assert all(head.get("scope") in ("col", "row") for head in table.iter("th"))
            assert all(row.find("th") is not None for row in table.iter("tr"))


def test_a_cluster_shows_its_narrowest_parameters_against_all_failures(variance):
    shown = rows(cluster_variance(variance, 0))
    assert shown[0][:3] == ["Parameter", "Unit", "Mean here"]
    assert shown[1][:6] == ["glasses (choice)", "–", "sun<b>", "none", "100.0 %", "62.5 %"]
    assert shown[2][:2] == ["yaw", "deg"]
    yaw = variance.of(0).of("yaw").here
    assert shown[2][4] == f"{yaw.low:.3g} … {yaw.high:.3g}"
    assert 5 <= len(shown) <= 11, "a head, and four to ten of fourteen parameters"
    assert "with probability 0.005." in text(cluster_variance(variance, 0))
    nothing = variance_reduction({"yaw": np.arange(8.0)}, np.arange(8) % 2, [str(i) for i in range(8)], seed=0)
    assert "too likely to be read as a cause" in text(cluster_variance(nothing, 1))
    assert cluster_variance(variance, -1) is None


def test_a_cluster_of_one_says_that_spread_cannot_be_measured():
    alone = variance_reduction({"yaw": np.arange(3.0)}, np.array([0, 1, 1]), ["a", "b", "c"], seed=0)
    assert "No spread could be measured" in text(cluster_variance(alone, 0))
    assert [row[1] for row in rows(variance_html(alone))[1:]] == ["–", "0.50"] or not rows(variance_html(alone))
