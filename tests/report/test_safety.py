"""Safety: a report of hostile data has the same elements and attributes as one of harmless data, and more text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from failatlas.curves import Curve
from failatlas.images.records import Quarantined
from failatlas.markup import visible
from failatlas.report.document import LayerRow, RelevanceCard
from failatlas.report.writer import write
from failatlas.rootcauses.rootcause import Description, Rule
from failatlas.statistics import wilson


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


Page = _load("reading").Page


def hostile(make, payloads, k: int = 0):
    """A document in which everything that others may name carries payloads; ``k`` shifts which goes where."""
    say = lambda i: payloads[(i + k) % len(payloads)]  # noqa: E731 - short for eighty uses
    document = make(image_id=lambda i: f"{say(i)}#{i}", classes=payloads, n_right=60, sizes=(45, 41, 6), n_noise=50)
    causes = tuple(
        dataclasses.replace(
            cause,
            name=say(i),
            rules=(Rule((say(i + 1), say(i + 2)), wilson(3, 4), wilson(2, 4)),),
            properties={say(i + 3): (0.1, 0.2, 0.3)},
            descriptions=(Description("words", say(i + 4)),),
        )
        for i, cause in enumerate(document.root_causes.causes)
    )
    curve = Curve(say(5), say(6), np.arange(3.0), np.arange(3.0), 1.0, say(7))
    return dataclasses.replace(
        document,
        title=say(8),
        command=f"failatlas analyze --images {say(9)}",
        root_causes=dataclasses.replace(document.root_causes, causes=causes, notes=(say(10),)),
        grouping=dataclasses.replace(
            document.grouping, pipeline=say(11), notes=(say(12),), parameters={say(13): say(14)}, curves=(curve,)
        ),
        data=dataclasses.replace(
            document.data,
            name=say(15),
            digest=say(16),
            splits={say(17): 4},
            leakage=(say(18),),
            notices=(say(19),),
            quarantined=(Quarantined(say(20), say(21), say(22)),),
        ),
        model=dataclasses.replace(
            document.model, name=say(23), kind=say(24), digest=say(25), task=say(26), notices=(say(27),)
        ),
        relevance=RelevanceCard(say(28), say(29), (LayerRow(say(29), 1.0, 2.0, 0.9),), fallbacks=(say(30),)),
        settings={say(31): say(32)},
        versions={say(33): say(34)},
        hashes={say(35): say(36)},
        timings={say(37): 1.0},
        warnings=(say(38),),
        curves=(dataclasses.replace(curve, rule=say(39)),),
    )


def shape(folder: Path) -> set[tuple[str, str]]:
    """Every (element, attribute) pair of every page, with the element alone as (element, "")."""
    pairs = set()
    for path in sorted(folder.rglob("*.html")):
        for node in Page.of(path).nodes:
            pairs |= {(node.tag, "")} | {(node.tag, key) for key in node.attributes}
    return pairs


@pytest.fixture(scope="module")
def harmless(make, tmp_path_factory) -> set[tuple[str, str]]:
    plain = tuple(f"word{i}" for i in range(40))
    folder = tmp_path_factory.mktemp("harmless")
    write(hostile(make, plain), folder)
    return shape(folder)


@pytest.mark.parametrize("k", [0, 13, 27])
def test_H7_forty_payloads_everywhere_add_no_element_and_no_attribute(make, payloads, harmless, tmp_path, k):
    assert len(set(payloads)) == 40
    write(hostile(make, payloads, k), tmp_path)
    assert shape(tmp_path) == harmless


def test_H7_every_payload_is_shown_as_text(make, payloads, tmp_path):
    page = Page.of(write(hostile(make, payloads), tmp_path))
    assert [text for text in payloads if visible(text) not in page.text] == []


def test_H7_scripts_are_ours_alone_and_data_is_no_markup(make, payloads, tmp_path):
    write(hostile(make, payloads), tmp_path)
    for path in sorted(tmp_path.rglob("*.html")):
        page = Page.of(path)
        kinds = [(tag, attributes.get("type", "")) for tag, attributes, _ in page.raw]
        assert kinds.count(("script", "")) == 1
        for tag, attributes, text in page.raw:
            if attributes.get("type") == "application/json":
                assert not set("<>&") & set(text)
                assert visible(payloads[0]) + "#0" in json.loads(text)["id"]
            elif tag == "script":
                assert "alert" not in text


def test_H7_the_policy_names_the_one_style_and_the_one_script(document, tmp_path):
    write(document, tmp_path)
    for path in sorted(tmp_path.rglob("*.html")):
        page = Page.of(path)
        policy = next(m.attributes["content"] for m in page.root.all("meta") if "http-equiv" in m.attributes)
        rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert rules["default-src"] == "'none'"
        for tag in ("style", "script"):
            text = next(text for kind, attributes, text in page.raw if kind == tag and "type" not in attributes)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
        assert "unsafe" not in policy
        # a policy after the first style or script would come too late for it
        source = path.read_text()
        assert source.index("Content-Security-Policy") < min(source.index("<style"), source.index("<script"))


def test_H7_pictures_are_made_anew_and_named_by_number(make, payloads, tmp_path):
    write(hostile(make, payloads), tmp_path)
    files = sorted((tmp_path / "assets").iterdir())
    assert files
    for path in files:
        assert re.fullmatch(r"[thm]\d+\.webp", path.name)
        assert path.read_bytes()[8:12] == b"WEBP"
        assert b"EXIF" not in path.read_bytes()


def test_no_page_names_anything_outside_its_folder(make, payloads, tmp_path):
    write(hostile(make, payloads), tmp_path)
    for path in sorted(tmp_path.rglob("*.html")):
        for node in Page.of(path).nodes:
            for key in ("href", "src"):
                address = node.attributes.get(key)
                if address is not None:
                    target, _, fragment = address.partition("#")
                    place = (path.parent / target).resolve() if target else path
                    assert place.is_file(), address
                    assert place.is_relative_to(tmp_path.resolve())
                    if fragment and place.suffix == ".html":
                        assert fragment in {n.attributes.get("id") for n in Page.of(place).nodes}, address
    for path in (Path(str(p)) for p in tmp_path.rglob("*.html")):
        style = "".join(text for tag, _, text in Page.of(path).raw if tag == "style")
        assert "url(" not in style
        assert "@import" not in style


@pytest.mark.full
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_H7_a_browser_runs_our_script_and_reports_nothing(make, payloads, tmp_path):
    index = write(hostile(make, payloads), tmp_path / "report")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    done = subprocess.run(
        [*browser, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom", index.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"CONSOLE" not in done.stderr  # alerts, errors and policy violations all end there
    assert b'role="application"' in done.stdout  # our own script did run
