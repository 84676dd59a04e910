"""What is computed again when something changes: all that depends on it, and nothing else."""

from __future__ import annotations

import shutil

import pytest

from failatlas.store import RunStore


def keys(run):
    """Stage → key of the run as it is."""
    with RunStore.open(run, create=False, read_only=True) as store:
        return {name.removeprefix("stage/"): key for name, key in store.facts.items() if name.startswith("stage/")}


@pytest.fixture(scope="module")
def changed(nursery, world, tmp_path_factory):
    """Stages whose key changes between a run and the same with a change."""
    folder = tmp_path_factory.mktemp("reuse")
    first = folder / "first"
    images = shutil.copytree(world.images, folder / "images")
    words = list(world.with_network)
    words[words.index("--images") + 1] = str(images)
    words[words.index("--repeats") + 1] = "0"
    words[words.index("--pipeline") + 1] = "activations+pca+kmeans"
    assert nursery.call(*words, "--out", first).status == 0

    def change(*more, edit=None):
        run = folder / "second"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(first, run)
        manifest = images / "manifest.csv"
        before = manifest.read_text()
        if edit:
            manifest.write_text(edit(before))
        done = nursery.call(*words, *more, "--out", run)
        manifest.write_text(before)
        assert done.status == 0, done.err
        old, new = keys(first), keys(run)
        assert set(old) == set(new)
        return {stage for stage in old if old[stage] != new[stage]}, done.err

    return change


def test_nothing_changes_nothing(changed):
    stages, said = changed()
    assert stages == set()
    # images are read to see that they are the same; the report is written; nothing else is said or done
    assert [line.split(" (")[0] for line in said.splitlines()] == ["hashing images", "pictures"]


def test_a_metadata_column_costs_neither_survey_nor_features(changed):
    def edit(text):
        head, *lines = text.splitlines()
        return "\n".join([f"{head},weather", *(f"{line},{'rain' if i % 2 else 'sun'}" for i, line in enumerate(lines))])

    stages, said = changed(edit=edit)
    assert stages == {"outcomes", "root causes", "run"}
    assert "surveying" not in said
    assert "extracting" not in said


def test_a_label_costs_what_depends_on_labels(changed):
    stages, said = changed(edit=lambda text: text.replace("image-071.png,blue", "image-071.png,red"))
    assert {"outcomes", "features", "grouping", "root causes"} <= stages
    assert "survey" not in stages
    assert "surveying" not in said


def test_the_clusterer_costs_no_features(changed):
    stages, said = changed("--pipeline", "activations+pca+ward")
    assert stages == {"grouping", "root causes", "run"}
    assert "extracting" not in said


def test_the_number_of_repeats_costs_only_the_explanation(changed):
    assert changed("--repeats", "2")[0] == {"root causes", "run"}


def test_batch_size_and_bad_input_budget_decide_nothing_but_are_kept(changed):
    assert changed("--batch-size", "7", "--max-bad", "0.5")[0] == {"run"}


def test_the_seed_costs_what_is_random(changed):
    stages, _ = changed("--seed", "9")
    assert {"grouping", "root causes"} <= stages
    assert not stages & {"survey", "outcomes", "features"}


def test_the_cost_of_errors_reaches_outcomes_and_explanations(changed, tmp_path):
    (tmp_path / "cost.csv").write_text("expected,blue,green,red\nblue,0,2,2\ngreen,2,0,2\nred,2,2,0\n")
    stages, _ = changed("--cost", tmp_path / "cost.csv")
    assert stages == {"outcomes", "root causes", "run"}
