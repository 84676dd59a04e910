"""Fragment: the map shows every image once, near stays near, and it stays light."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from failatlas.pipelines.fragment import COLOURS, HEIGHT, WIDTH, places, scatter
from failatlas.pipelines.grouping import Grouping


def grouping(at, labels, **changes) -> Grouping:
    at = np.asarray(at, np.float32).reshape(-1, 2)
    fields = {
        "ids": tuple(f"{i}.png" for i in range(len(at))),
        "labels": np.asarray(labels, np.int64),
        "embedding": at,
        "map": at,
        "pipeline": "backbone+umap+dbscan",
        "parameters": {"dbscan.eps": 0.4213},
        "curves": (),
        "notes": (),
        "seed": 0,
    }
    return Grouping(**{**fields, **changes})


def random(n, k=5):
    rng = np.random.default_rng(0)
    return grouping(rng.normal(size=(n, 2)), rng.integers(-1, k, n))


def paths(markup: str) -> list[ET.Element]:
    return [path for path in ET.fromstring(markup).iter("path") if "marks" in path.get("class", "")]


def starts(path: ET.Element) -> np.ndarray:
    return np.array(re.findall(r"M([-\d.]+) ([-\d.]+)", path.get("d")), np.float64).reshape(-1, 2)


def test_every_image_is_one_mark_in_the_path_of_its_cluster():
    drawn = random(500)
    noise, *clusters = [len(starts(path)) for path in paths(scatter(drawn))]
    assert noise == (drawn.labels == -1).sum()
    assert clusters == np.bincount(drawn.labels[drawn.labels >= 0]).tolist()


def test_the_map_keeps_shape_and_points_upwards():
    at = places(grouping([[0, 0], [4, 0], [0, 1]], [0, 0, 0])).at
    right, up = at[1] - at[0], at[2] - at[0]
    assert right[0] == pytest.approx(4 * -up[1])  # same scale on both axes; y grows downwards in SVG
    assert right[1] == pytest.approx(0)
    assert (at >= 0).all()
    assert (at <= (WIDTH, HEIGHT)).all()


def test_neighbouring_clusters_differ_in_colour_and_in_shape():
    drawn = paths(scatter(grouping(np.arange(20).reshape(10, 2), np.arange(10))))
    looks = [(p.get("fill"), p.get("stroke"), re.sub(r"^M[-\d.]+ [-\d.]+", "", p.get("d"))) for p in drawn]
    assert len(set(looks)) == 10
    for a, b in itertools.pairwise(looks):
        assert {a[0], a[1]} - {"none", None} != {b[0], b[1]} - {"none", None}
        assert a[2] != b[2]


def test_ten_thousand_images_are_a_few_dozen_nodes():
    markup = scatter(random(10_000, 30))
    assert len(list(ET.fromstring(markup).iter())) < 100
    assert len(markup) < 600_000


@pytest.mark.parametrize(
    ("at", "labels"),
    [
        ([], []),
        ([[1, 1]], [0]),
        ([[1, 1]], [-1]),
        ([[1, 1], [1, 1]], [0, 0]),
        ([[np.nan, 1], [2, 3]], [0, 0]),
        ([[np.nan, np.nan]], [0]),
        ([[np.inf, 0], [1, 1], [2, 2]], [0, 1, 1]),
        ([[1e30, 0], [0, 1e-30]], [0, 1]),
    ],
)
def test_D10_degenerate_maps_are_drawn_without_nan(at, labels):
    markup = grouping(at, labels)._repr_html_()
    assert ET.fromstring(markup).tag == "figure"
    assert not re.search(r"\b(nan|inf)\b", markup, re.IGNORECASE)


def test_H7_pipeline_parameters_and_notes_are_text():
    shown = grouping([[0, 0]], [0], pipeline="<b>", parameters={"</svg>": "<i>"}, notes=("<script>",))._repr_html_()
    root = ET.fromstring(shown)
    assert {node.tag for node in root.iter()} <= {"figure", "svg", "path", "text", "figcaption", "ul", "li"}
    assert "<b>; </svg> = <i>; seed 0" in "".join(root.itertext())


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_marks_stand_out_on_white_by_the_contrast_that_wcag_asks_of_graphics():
    assert min(1.05 / (luminance(colour) + 0.05) for colour in COLOURS) >= 3
