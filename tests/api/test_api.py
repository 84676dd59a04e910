"""The three lines: analyse, look, report; and what can be asked of a run that is opened again."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import failatlas
from failatlas.arrays import NOISE
from failatlas.errors import DataError, ModelError, UsageError
from failatlas.images import ImageSet


@pytest.fixture(scope="module")
def images(world):
    return ImageSet.from_arrays(world.pixels, world.labels, list(_ids()), "test")


@pytest.fixture
def module(world):
    from safetensors.torch import load_file

    scope = {}
    exec(world.network.read_text(), scope)
    built = scope["build"]()
    built.load_state_dict(load_file(world.weights))
    return built


def _ids():
    return (f"images/image-{i:03d}.png" for i in range(72))


def colour(pixels):
    """A plain callable: the mean of blue, green and red."""
    return [image.mean((0, 1))[::-1].tolist() for image in pixels]


@pytest.fixture(scope="module")
def atlas(images, tmp_path_factory):
    return failatlas.analyze(colour, images, pipeline="pixels+none+ward", repeats=0, out=tmp_path_factory.mktemp("api"))


def test_three_lines_with_a_torch_module(module, images, tmp_path):
    atlas = failatlas.analyze(module, images, pipeline="hudd", repeats=2, out=tmp_path / "run")
    assert sum(cause.size for cause in atlas.clusters) + (atlas.root_causes.noise or _Empty).size == 24
    page = atlas.report(tmp_path / "out")
    assert page == tmp_path / "out" / "index.html"
    assert page.read_text().startswith("<!doctype html>")


class _Empty:
    size = 0


def test_three_lines_with_a_plain_callable_and_a_folder(world, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    atlas = failatlas.analyze(colour, world.images, pipeline="pixels+none+dbscan", repeats=0)
    assert [cause.rank for cause in atlas.clusters] == list(range(1, len(atlas.clusters) + 1))
    assert atlas.report().parent == atlas.path / "report"


def test_a_module_is_left_as_it_was(module, images, tmp_path):
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.requires_grad_(True)
    failatlas.analyze(module, images, pipeline="hudd", repeats=0, out=tmp_path / "run")
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_an_atlas_shows_itself(atlas):
    assert repr(atlas).startswith("<Atlas ")
    assert "24 error-inducing" in repr(atlas)
    html = atlas._repr_html_()
    assert "<script" not in html
    assert atlas.clusters[0].name in html


def test_the_summary_is_what_the_command_prints(atlas):
    summary = atlas.to_json()
    keys = [
        "run",
        "images",
        "errors",
        "quarantined",
        "pipeline",
        "choice",
        "clusters",
        "noise",
        "variance",
        "known_causes",
        "report",
    ]
    assert list(summary) == keys
    assert (summary["images"], summary["errors"], summary["quarantined"]) == (72, 24, 0)


def test_results_cannot_be_written_to(atlas):
    for array in (atlas.run.features.matrix, atlas.run.grouping.labels, atlas.run.outcomes.outputs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_run_is_opened_again_and_explains_assigns_and_reports(atlas, images, tmp_path):
    opened = failatlas.open_run(atlas.path, images=images, model=colour)
    assert opened.to_json() == atlas.to_json()
    assert [cause.to_json() for cause in opened.clusters] == [cause.to_json() for cause in atlas.clusters]
    assert opened.report(tmp_path / "out").read_bytes() == atlas.report(tmp_path / "first").read_bytes()
    assigned = opened.assign(images)
    known = dict(zip(atlas.run.grouping.ids, atlas.run.grouping.labels.tolist(), strict=True))
    found = dict(zip(assigned.ids, assigned.labels.tolist(), strict=True))
    assert all(found[image] == label for image, label in known.items() if label >= 0)
    with pytest.raises(ModelError, match="white box"):
        opened.explain("images/image-000.png", tmp_path)
    with pytest.raises(UsageError, match=r"nobody\.png"):
        opened.explain("nobody.png", tmp_path)


def test_new_images_are_compared_where_the_failures_were_clustered(world, tmp_path):
    noise = np.random.default_rng(3).integers(0, 4, (3, *world.pixels.shape), dtype=np.uint8)
    pixels = (np.minimum(world.pixels, 250) + noise).reshape(-1, *world.pixels.shape[1:])
    labels = list(world.labels) * 3
    images = ImageSet.from_arrays(pixels, labels, [f"{i:03d}.png" for i in range(len(labels))], "test")
    atlas = failatlas.analyze(colour, images, pipeline="stages+none+dbscan", repeats=0, out=tmp_path / "run")
    assert len(atlas.run.reference.matrix) >= 50  # enough for departures
    assert not any("compared as they are" in note for note in atlas.run.grouping.notes)
    assigned = atlas.assign(images)
    found = dict(zip(assigned.ids, assigned.labels.tolist(), strict=True))
    known = dict(zip(atlas.run.grouping.ids, atlas.run.grouping.labels.tolist(), strict=True))
    assert max(known.values()) >= 0
    # ε was chosen among departures: among raw rows it would gather nothing, or everything
    assert all(found[image] == label for image, label in known.items() if label >= 0)
    assert any(label == NOISE for image, label in found.items() if image not in known)


def test_opening_needs_neither_images_nor_network_until_they_are_asked_for(atlas):
    assert failatlas.open_run(atlas.path).clusters[0].size == atlas.clusters[0].size
    with pytest.raises(UsageError):
        failatlas.open_run(atlas.path).report()


def test_M4_a_run_refuses_other_images_and_another_network(atlas, images, world, tmp_path):
    def other(pixels):
        return [image.mean((0, 1)).tolist() for image in pixels]

    with pytest.raises(ModelError) as refused:
        failatlas.open_run(atlas.path, images=images, model=other).report(tmp_path)
    assert (refused.value.name, refused.value.exit_status) == ("E_MODEL_CHANGED", 3)
    relabelled = ImageSet.from_arrays(world.pixels, world.labels[::-1], list(_ids()), "test")
    with pytest.raises(DataError) as changed:
        failatlas.open_run(atlas.path, images=relabelled, model=colour).assign(images)
    assert changed.value.exit_status == 3


def test_M4_pixels_that_changed_are_never_shown_as_those_analysed(atlas, images, world, tmp_path):
    pixels = world.pixels.copy()
    pixels[0] = 0
    others = ImageSet.from_arrays(pixels, world.labels, list(_ids()), "test")
    report = failatlas.open_run(atlas.path, images=others, model=colour).report(tmp_path / "out").parent
    changed = {file.read_bytes() for file in (report / "assets").glob("t*.webp")}
    original = {file.read_bytes() for file in (atlas.report(tmp_path / "first").parent / "assets").glob("t*.webp")}
    assert changed <= original  # the black one is left out, not passed off as image-000


def test_a_folder_without_an_analysis_is_refused(tmp_path):
    with pytest.raises(DataError, match="no run folder"):
        failatlas.open_run(tmp_path)


def test_an_analysis_that_did_not_finish_is_refused(images, tmp_path):
    def broken(pixels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failatlas.analyze(broken, images, pipeline="pixels+none+ward", out=tmp_path / "run")
    with pytest.raises(DataError, match="no finished analysis"):
        failatlas.open_run(tmp_path / "run")


def test_a_run_that_was_begun_anew_and_stopped_still_shows_the_finished_one(images, tmp_path):
    first = failatlas.analyze(colour, images, pipeline="pixels+none+ward", repeats=0, out=tmp_path / "run")

    def broken(pixels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failatlas.analyze(broken, images, pipeline="pixels+none+kmeans", seed=4, out=tmp_path / "run")
    opened = failatlas.open_run(tmp_path / "run", images=images, model=colour)
    assert opened.to_json() == first.to_json()
    assert (opened.settings.pipeline, opened.settings.seed) == ("pixels+none+ward", 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"pipelin": "best"}, "did you mean 'pipeline'"),
        ({"pipeline": "bst"}, "did you mean 'best'"),
        ({"seed": "1"}, "wrong type"),
        ({"references": -1}, "references"),
    ],
)
def test_a_slip_in_an_argument_is_named(images, tmp_path, arguments, says):
    with pytest.raises(UsageError) as refused:
        failatlas.analyze(colour, images, out=tmp_path / "run", **arguments)
    assert says in str(refused.value)


def test_what_is_no_network_is_refused(images, tmp_path):
    with pytest.raises(UsageError, match="is no network"):
        failatlas.analyze(object(), images, out=tmp_path / "run")
    with pytest.raises(UsageError, match="no network and no predictions"):
        failatlas.analyze(None, images, out=tmp_path / "run")
    with pytest.raises(UsageError, match="no images"):
        failatlas.analyze(colour, out=tmp_path / "run")


def test_a_task_of_ones_own(images, tmp_path):
    from failatlas.tasks import Classification

    cost = np.ones((3, 3)) - np.eye(3)
    cost[0] *= 5
    task = Classification(("blue", "green", "red"), cost)
    atlas = failatlas.analyze(colour, images, task=task, pipeline="pixels+none+ward", repeats=0, out=tmp_path / "run")
    assert {round(float(s)) for s in atlas.run.outcomes.severity} == {0, 1, 5}


def test_clustering_alone_separates_what_is_apart():
    draw = np.random.default_rng(0)
    rows = np.concatenate([draw.normal(middle, 0.1, (40, 8)) for middle in (0, 5, 10)]).astype(np.float32)
    found = failatlas.cluster(rows, pipeline="umap+dbscan")
    assert found.labels.shape == (120,)
    groups = [set(found.labels[start : start + 40].tolist()) - {-1} for start in (0, 40, 80)]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]
    assert {"umap.n_components", "dbscan.eps", "dbscan.min_samples"} <= set(found.parameters)
    again = failatlas.cluster(rows, pipeline="umap+dbscan")
    assert (again.labels == found.labels).all()


def test_clustering_alone_takes_a_clusterer_and_its_parameters():
    rows = np.repeat(np.eye(3, dtype=np.float32), [3, 5, 2], axis=0)
    assert failatlas.cluster(rows, pipeline="ward", n_clusters=3).labels.tolist() == [1] * 3 + [0] * 5 + [2] * 2
    assert failatlas.cluster(rows, pipeline="none+dbscan", eps=0.5, min_samples=2).labels.tolist() == (
        [1] * 3 + [0] * 5 + [2] * 2
    )
    assert "pca.n_components" in failatlas.cluster(rows, pipeline="safe").parameters
    with pytest.raises(UsageError, match="did you mean 'ward'"):
        failatlas.cluster(rows, pipeline="wart")
    with pytest.raises(UsageError, match="epss"):
        failatlas.cluster(rows, pipeline="none+dbscan", epss=0.5)


def test_relevance_alone_on_any_module():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    images = torch.rand(3, 3, 8, 8)
    found = failatlas.relevance.heatmaps(net, images, composite="epsilon", layers=None)
    assert found.target.tolist() == net(images).argmax(1).tolist()
    for layer in found.layers:
        assert found[layer].dtype == np.float32
        assert len(found[layer]) == 3
        assert found.conservation[layer].shape == (3,)


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, failatlas, failatlas.api\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'umap', 'numba', 'onnxruntime', 'PIL', 'pandas', 'click', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_public_names_are_there():
    for name in failatlas.__all__:
        assert getattr(failatlas, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        failatlas.nonsense  # noqa: B018
