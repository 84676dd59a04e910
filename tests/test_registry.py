from __future__ import annotations

import sys
import types

import pytest

from failatlas.errors import UsageError
from failatlas.registry import Parameter, Registry


class Part:
    """One part.

    More about it.
    """

    def __init__(self, size: int = 3) -> None:
        self.size = size

    def work(self) -> int:
        return self.size


@pytest.fixture
def parts():
    registry: Registry[Part] = Registry("part", methods=("work",))
    registry.register("small", parameters={"size": Parameter(3, "1 …", "more is larger")}, source="nobody")(Part)
    return registry


def test_a_part_is_found_with_its_summary_and_parameters(parts):
    part = parts.get("small")
    assert (part.name, part.summary, part.source, list(part.parameters)) == ("small", "One part.", "nobody", ["size"])
    assert parts.create("small", size=8).work() == 8
    assert "small" in parts
    assert [one.name for one in parts] == ["small"]


def test_a_part_whose_module_is_known_imports_no_other(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "wanted_part.py").write_text(
        "from test_registry_host import registry, Part\nregistry.register('wanted', source='nobody')(Part)\n"
    )
    (tmp_path / "other_part.py").write_text("raise RuntimeError('nobody asked for me')\n")
    registry: Registry[Part] = Registry(
        "part", methods=("work",), modules={"wanted": "wanted_part", "other": "other_part"}
    )
    monkeypatch.setitem(sys.modules, "test_registry_host", types.SimpleNamespace(registry=registry, Part=Part))
    assert registry.create("wanted").work() == 3
    with pytest.raises(RuntimeError, match="nobody asked"):
        list(registry)


def test_an_unknown_name_offers_the_nearest(parts):
    with pytest.raises(UsageError) as refused:
        parts.get("smal")
    assert "did you mean 'small'?" in refused.value.remedy


def test_an_unknown_parameter_lists_the_known_ones(parts):
    with pytest.raises(UsageError, match="no parameter 'sise'") as refused:
        parts.create("small", sise=2)
    assert refused.value.remedy == "known: size"


def test_a_malformed_part_is_refused_where_it_is_defined(parts):
    class Lazy:
        """Does nothing."""

    class Silent:
        def work(self) -> None: ...

    class Other(Part):
        """Another."""

    for cls, name, says in ((Lazy, "lazy", "lacks work"), (Silent, "silent", "docstring"), (Other, "small", "twice")):
        with pytest.raises(TypeError, match=says):
            parts.register(name, source="nobody")(cls)
    assert [one.name for one in parts] == ["small"]


PLUGIN = '''
import numpy as np

from failatlas.features import extractors


@extractors.register("brightness", source="nobody")
class Brightness:
    """How bright an image is."""

    digest = "brightness 1"

    def __init__(self, model=None):
        pass

    def extract(self, batch, score):
        return np.array([[image.mean()] for image in batch.pixels], np.float32)
'''


def installed(folder, code, entry="brightness = other_parts"):
    """A package as pip leaves it, with one entry point."""
    info = folder / "other_parts-1.0.dist-info"
    info.mkdir()
    (folder / "other_parts.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[failatlas.extractors]\n{entry}\n")
    return {"PYTHONPATH": str(folder)}


def test_a_part_of_another_package_is_found_through_its_entry_point_and_used(command, tmp_path, world):
    env = installed(tmp_path, PLUGIN)
    words = ("--images", world.images, "--predictions", world.predictions, "--repeats", 0, "--out", tmp_path / "run")
    done = command("analyze", *words, "--pipeline", "brightness+none+kmeans", "--json", "--quiet", env=env)
    assert done.status == 0, done.err
    assert '"pipeline": "brightness+none+kmeans"' in done.out


@pytest.mark.parametrize("code", ["import nothing_of_that_name", "raise RuntimeError('broken\\nbadly')"])
def test_a_package_that_cannot_be_loaded_is_named_and_nothing_else_is_blamed(command, tmp_path, code):
    done = command("parts", env=installed(tmp_path, code))
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert "E_PART" in done.err
    assert "package other-parts. Next: mend or uninstall other-parts" in done.err
