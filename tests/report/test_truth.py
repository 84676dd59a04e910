"""Truth: planted weaknesses and parameters in the report: there when the set has them, else gone; always escaped."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from failatlas.arrays import NOISE
from failatlas.parameters import Parameter, Space
from failatlas.report.writer import write
from failatlas.rootcauses.knowncauses import known_causes
from failatlas.rootcauses.variance import variance_reduction


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


Page = _load("reading").Page

NAMES = ("night", "sun", "mask", "child", "hand")


def told(document, names=NAMES):
    """The document with a weakness a cluster and a parameter that knows the second cluster."""
    labels, outcomes = document.grouping.labels, document.outcomes
    place = {image: i for i, image in enumerate(outcomes.ids)}
    where = np.array([place[image] for image in document.grouping.ids])
    truth = [""] * len(outcomes.ids)
    for position, cluster in zip(where, labels, strict=True):
        truth[position] = names[cluster % len(names)] if cluster != NOISE else ""
    rng = np.random.default_rng(0)
    columns = {
        "yaw": np.where(labels == 1, 40, 0) + rng.normal(size=len(labels)) * np.where(labels == 1, 1, 30),
        "glasses": tuple(names[0] if cluster == 0 else names[1] for cluster in labels),
    }
    space = Space((Parameter("yaw", -90, 90, unit="<deg>"), Parameter("glasses", choices=names[:2])))
    causes = dataclasses.replace(
        document.root_causes,
        known=known_causes(truth, outcomes.is_error, where, labels),
        variance=variance_reduction(columns, labels, document.grouping.ids, space=space, seed=0),
    )
    return dataclasses.replace(document, root_causes=causes)


@pytest.fixture(scope="module")
def page(document, tmp_path_factory):
    return Page.of(write(told(document), tmp_path_factory.mktemp("report")))


def of(page, id_):
    return next((node for node in page.nodes if node.attributes.get("id") == id_), None)


def test_the_verdict_stands_near_the_top_and_in_the_figures(page):
    sections = [node.attributes.get("id") for node in page.root.all("section")]
    assert sections[:4] == ["summary", "known-causes", "map", "parameters"]
    assert "Planted weaknesses found: 3 of 3, besides 2 with fewer than 10 failures" in of(page, "known-causes").content
    figures = next(node for node in page.nodes if node.attributes.get("class") == "figures")
    assert "Planted weaknesses3 of 3found" in figures.content
    contents = [a.attributes["href"] for a in page.root.all("nav")[0].all("a")]
    assert contents[:4] == ["#summary", "#known-causes", "#map", "#parameters"]


def test_clusters_lead_from_verdicts_and_parameters_to_their_explanation(page):
    for id_ in ("known-causes", "parameters"):
        links = {a.content: a.attributes["href"] for a in of(page, id_).all("a")}
        assert links["RCC 1"] == "#rcc-1"
        assert all(of(page, address[1:]) is not None for address in links.values())


def test_each_cluster_says_what_it_is_made_of_and_where_it_is_narrow(page):
    article = of(page, "rcc-1")
    (line,) = [node for node in article.walk() if node.attributes.get("class") == "known-line"]
    assert line.text == "Known cause: 25 of its 25 images have  (purity 100.0 %)."
    assert [node.content for node in line.children] == ["sun"]
    assert "Parameters that vary least here" in article.content
    assert [row.all("th", "td")[1].content for row in article.all("tbody")[2].all("tr")] == ["–", "<deg>"]
    assert "Parameters that vary least here" not in of(page, "noise").content


def test_headings_follow_each_other_without_a_gap(page):
    levels = [int(node.tag[1]) for node in page.root.all("h1", "h2", "h3", "h4")]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_set_that_knows_nothing_has_no_such_sections(document, tmp_path):
    page = Page.of(write(document, tmp_path))
    assert of(page, "known-causes") is None
    assert of(page, "parameters") is None
    assert "Known cause" not in page.text
    assert "Planted" not in page.text


def test_no_planted_weakness_and_no_cluster_are_said_in_words(make, tmp_path):
    document = told(make(sizes=(), n_noise=5))
    page = Page.of(write(document, tmp_path))
    assert "No planted weakness among the tested images." in of(page, "known-causes").content
    assert of(page, "parameters") is None


def test_names_of_weaknesses_and_choices_stay_text(document, payloads, tmp_path):
    names = tuple(payloads)
    hostile = Page.of(write(told(document, names), tmp_path / "a"))
    harmless = Page.of(write(told(document, tuple(f"n{i:02d}" for i in range(len(names)))), tmp_path / "b"))

    def shape(page):
        return sorted((node.tag, *sorted(set(node.attributes) - {"href"})) for node in page.nodes)

    assert shape(hostile) == shape(harmless)
    assert payloads[1].splitlines()[0][:20] in hostile.text
