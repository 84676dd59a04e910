"""Injected failures: real ones, of known cause, the same bytes from the same seed, and nothing lost on the way."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from failatlas.cases.making import make
from failatlas.errors import DataError, ModelError, ResourceError, UsageError
from failatlas.images import ImageSet
from failatlas.injection import inject, truth_of
from failatlas.outcomes import run
from failatlas.progress import listening
from failatlas.simulators.scenarios import create, parse
from failatlas.store import failpoints

SCENARIOS = (create("darkness"), create("brightness", stops=8.0), create("noise", attenuate=20.0))


@pytest.fixture
def injected(model, images, outcomes, task, tmp_path):
    """Injects into the toy world; keywords change arguments."""

    def call(*scenarios, out="out", **changes):
        arguments = {"per_scenario": 4, "seed": 0, **changes}
        return inject(model, images, outcomes, task, scenarios or SCENARIOS, tmp_path / out, **arguments)

    return call


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def number(name):
    return int(str(name).strip("p"))


def sources(made, scenario):
    return [r.metadata["source_id"] for r in made.images.records if r.metadata["scenario"] == scenario]


def test_the_network_fails_on_every_picture_and_on_none_of_their_sources(injected, model, images, outcomes, task):
    made = injected()
    again = run(model, made.images, task)
    assert again.is_error.all()
    assert len(made.images) == sum(tally.kept for tally in made.tallies) == 12
    correct = {outcomes.ids[i] for i in np.flatnonzero(~outcomes.is_error)}
    assert {r.metadata["source_id"] for r in made.images.records} <= correct


def test_D8_ids_that_look_like_numbers_or_formulas_are_told_as_they_are(model, images, outcomes, task, tmp_path):
    names = tuple(("00" if i % 3 else "=") + str(i) for i in range(len(images)))
    stack = np.stack([images.read(i).pixels for i in range(len(images))])
    renamed = ImageSet.from_arrays(stack, [record.label for record in images.records], names, "test")
    told = replace(outcomes, ids=tuple(names[i] for i in outcomes.indices))
    made = inject(model, renamed, told, task, SCENARIOS, tmp_path / "out", per_scenario=4, seed=0)
    assert len(made.sources) == len(made.images) >= 8
    assert set(made.sources) <= {told.ids[i] for i in np.flatnonzero(~told.is_error)}


def test_in_the_dark_exactly_the_right_ones_fail(injected, images):
    made = injected(create("darkness"), per_scenario=60)
    # 100 pictures are "right"; every twentieth has a wrong label, none of them a known cause
    tally = made.tallies[0]
    right = [r for r in images.records if r.label == "right" and number(r.id) % 2 == 1]
    assert (tally.kept, len(right)) == (60, 90)
    assert set(sources(made, "darkness")) <= {record.id for record in right}
    assert str(tally) == f"darkness: 60 of {tally.tried} tried fail"


def test_too_few_are_told_with_a_remedy(injected):
    made = injected(create("darkness"), per_scenario=500)
    # all are tried but 20 with a known cause and 10 with a wrong label
    note = "90 of 500 wanted: only 90 of 170 tried fail; raise its strength, e.g. darkness:stops=6.4"
    assert made.tallies[0].note == note
    assert (made.tallies[0].kept, made.tallies[0].tried) == (90, 170)


def test_a_scenario_that_hardly_any_image_fails_is_given_up(model, task, tmp_path):
    pixels = np.full((1500, 12, 12, 3), 90, np.uint8)
    pixels[:, :, :6] = 150
    many = ImageSet.from_arrays(pixels, ["left"] * 1500)
    outcomes = run(model, many, task)
    made = inject(model, many, outcomes, task, [create("darkness")], tmp_path, per_scenario=60, seed=0)
    # nobody fails; three in 512 of 1,500 would still be 9 in all
    note = "0 of 60 wanted: only 0 of 512 tried fail (the other 988 would hardly give 10); "
    assert made.tallies[0].note == note + "raise its strength, e.g. darkness:stops=6.4"


def test_the_manifest_says_what_was_done_to_which_image(injected, images):
    made = injected()
    opened = ImageSet.open(made.manifest)
    assert opened.ids == made.images.ids
    for record in opened.records:
        source = images.records[number(record.metadata["source_id"])]
        assert (record.label, record.split) == (source.label, "test")
        assert record.metadata["light"] == source.metadata["light"]
        assert record.metadata["known_cause"] == record.metadata["scenario"] == truth_of(record)
    dark = next(r for r in opened.records if r.metadata["scenario"] == "darkness")
    assert (dark.metadata["darkness_stops"], dark.metadata["scenario_code"]) == (4.0, "DA")
    assert "noise_attenuate" not in dark.metadata


def test_the_pixels_are_those_of_the_scenario(injected, images):
    made = injected(create("darkness"))
    for i, record in enumerate(made.images.records):
        source = images.read(number(record.metadata["source_id"])).pixels
        assert np.array_equal(made.images.read(i).pixels, create("darkness").pixels(source, np.random.default_rng()))


def test_a_source_with_a_known_cause_of_its_own_is_never_used(injected, images):
    made = injected(create(["noise", "attenuate=20"][0], attenuate=20.0), per_scenario=200)
    fog = {r.id for r in images.records if r.metadata["known_cause"] == "fog"}
    assert not fog & {r.metadata["source_id"] for r in made.images.records}


def test_no_image_is_in_two_scenarios_while_others_are_left(injected):
    made = injected(
        create("darkness"), create("brightness", stops=8.0), create("contrast", factor=0.0), per_scenario=25
    )
    used = [set(sources(made, name)) for name in ("darkness", "brightness", "contrast")]
    assert [len(each) for each in used] == [25, 25, 25]
    assert all(not one & other for one, other in combinations(used, 2))


def test_images_are_used_again_when_no_others_are_left(injected):
    made = injected(create("darkness"), create("brightness", stops=8.0), per_scenario=80)
    dark, bright = (set(sources(made, name)) for name in ("darkness", "brightness"))
    assert len(dark) == 80
    assert len(bright) == 80
    assert dark & bright


def test_every_scenario_has_an_order_of_its_own(injected):
    dark = sources(injected(create("darkness"), out="a"), "darkness")
    bright = sources(injected(create("brightness", stops=8.0), out="b"), "brightness")
    assert set(dark) != set(bright)


def test_R4_the_same_seed_gives_the_same_bytes_and_another_seed_others(injected, tmp_path):
    injected(out="a")
    injected(out="b", batch_size=7)
    injected(out="c", seed=1)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert tree(tmp_path / "a")["manifest.csv"] != tree(tmp_path / "c")["manifest.csv"]


def test_a_scenario_draws_the_same_whatever_else_is_injected(injected):
    alone = injected(create("darkness"), out="a")
    among = injected(*SCENARIOS, out="b")
    assert sources(alone, "darkness") == sources(among, "darkness")


def test_a_finished_folder_is_opened_without_running_the_network(injected, model):
    first = injected()
    before = model.seen
    again = injected()
    assert model.seen == before
    assert again.tallies == first.tallies
    assert again.images.record_digest() == first.images.record_digest()


def test_a_picture_that_is_gone_is_made_anew(injected, tmp_path):
    made = injected()
    before = tree(tmp_path / "out")
    (tmp_path / "out" / made.images.records[3].path).unlink()
    injected()
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("change", [{"per_scenario": 11}, {"seed": 1}])
def test_a_folder_with_another_set_is_refused(injected, change):
    injected()
    with pytest.raises(UsageError, match="the folder holds a set with"):
        injected(**change)
    with pytest.raises(UsageError, match="scenarios"):
        injected(create("darkness", stops=2.0))


def test_a_folder_with_other_images_or_a_damaged_plan_is_refused(injected, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.csv").write_text("path\n")
    with pytest.raises(UsageError, match="other images"):
        injected()
    (tmp_path / "out" / "injection.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        injected()


@pytest.mark.parametrize("nth", [1, 3, 6, 7, 12])
def test_F4_a_full_disk_at_any_file_loses_no_finished_shard(injected, tmp_path, nth):
    injected(out="unbroken")
    failpoints.arm(f"after_temp_write:enospc:{nth}")
    try:
        with pytest.raises(ResourceError) as caught:
            injected(out="broken")
    finally:
        failpoints.arm("")
    assert caught.value.exit_status == 5
    kept = len(list((tmp_path / "broken").glob(".shards/*.json")))
    injected(out="broken")
    assert tree(tmp_path / "broken") == tree(tmp_path / "unbroken")
    # plan, four pictures, shard: six files, then five a shard
    assert kept == (nth > 6) + (nth > 11)


@pytest.mark.parametrize("point", ["after_rename:kill:1", "during_temp_write:kill:9", "after_temp_fsync:kill:15"])
def test_F1_killed_anywhere_the_same_call_ends_with_the_same_bytes(injected, tmp_path, point):
    injected(out="unbroken")
    child = os.fork()
    if child == 0:
        failpoints.arm(point)
        injected(out="broken")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    injected(out="broken")
    assert tree(tmp_path / "broken") == tree(tmp_path / "unbroken")


def test_F1_finished_shards_are_not_tried_again(injected, model, monkeypatch):
    failpoints.arm("after_temp_write:enospc:8")  # plan, four pictures, shard, two pictures of the second scenario
    try:
        with pytest.raises(ResourceError):
            injected()
    finally:
        failpoints.arm("")
    before = model.seen
    injected(batch_size=64)
    after_a_break = model.seen - before
    before = model.seen
    injected(out="other")
    assert after_a_break == model.seen - before - 64


def test_P4_the_sources_are_not_touched(model, images, task, tmp_path):
    manifest, _ = make(images.select(range(40)), tmp_path / "set")
    before = tree(tmp_path / "set")
    opened = ImageSet.open(manifest)
    inject(model, opened, run(model, opened, task), task, SCENARIOS, tmp_path / "out", per_scenario=5, seed=0)
    assert tree(tmp_path / "set") == before


def test_D9_a_source_that_is_gone_costs_itself(model, images, task, tmp_path):
    manifest, _ = make(images.select(range(60)), tmp_path / "set")
    opened = ImageSet.open(manifest)
    outcomes = run(model, opened, task)
    for i in range(0, 60, 4):
        (tmp_path / "set" / opened.records[i].path).unlink()
    made = inject(model, opened, outcomes, task, SCENARIOS[:1], tmp_path / "out", per_scenario=200, seed=0)
    # of the 51 that are tried, 15 less 3 with a known cause are gone; all of them were "left"
    assert "12 can no longer be read" in made.tallies[0].note
    assert (made.tallies[0].tried, made.tallies[0].kept) == (51, 27)


def test_D10_no_correctly_handled_image_is_a_stated_result(images, model, task, tmp_path):
    class Wrong:
        name, digest, preprocess = "wrong", "0" * 64, model.preprocess

        def predict(self, pixels):
            return -model.predict(pixels)

    some = images.select([i for i in range(200) if i % 20 != 3])
    made = inject(Wrong(), some, run(Wrong(), some, task), task, SCENARIOS, tmp_path / "out", per_scenario=5, seed=0)
    assert len(made.images) == 0
    assert {tally.note for tally in made.tallies} == {"0 of 5 wanted: no correctly handled image to try it on"}
    again = inject(Wrong(), some, run(Wrong(), some, task), task, SCENARIOS, tmp_path / "out", per_scenario=5, seed=0)
    assert again.tallies == made.tallies


def test_M1_a_picture_without_a_finite_output_is_no_failure(images, outcomes, model, task, tmp_path):
    class Touchy:
        name, digest, preprocess = "touchy", "1" * 64, model.preprocess

        def predict(self, pixels):
            rows = model.predict(pixels)
            rows[[picture.mean() < 25 for picture in pixels]] = np.nan
            return rows

    made = inject(Touchy(), images, outcomes, task, [create("darkness")], tmp_path / "out", per_scenario=200, seed=0)
    tally = made.tallies[0]
    assert "got no finite output" in tally.note
    assert 0 < tally.kept < 90
    assert run(Touchy(), made.images, task).is_error.all()


def test_M1_a_network_that_refuses_everything_is_named(images, outcomes, model, task, tmp_path):
    class Broken:
        name, digest, preprocess = "broken", "2" * 64, model.preprocess

        def predict(self, pixels):
            raise ModelError("it wants 7 channels", where="broken")

    with pytest.raises(ModelError, match="7 channels"):
        inject(Broken(), images, outcomes, task, SCENARIOS, tmp_path / "out", per_scenario=5, seed=0)


def test_what_cannot_be_meant_is_refused_before_anything_is_written(injected, stage, tmp_path):
    with pytest.raises(UsageError, match="named twice"):
        injected(create("noise"), create("noise", attenuate=8.0))
    with pytest.raises(UsageError, match="changes the scene"):
        injected(create("mask"))
    with pytest.raises(UsageError, match="0 failures"):
        injected(per_scenario=0)
    assert not (tmp_path / "out").exists()


def test_progress_is_said_by_scenario(injected):
    heard = []

    class Ear:
        def start(self, what, total):
            heard.append((what, total))

        def advance(self, amount):
            heard.append(amount)

        def end(self):
            heard.append("end")

    with listening(Ear()):
        injected(create("darkness"), per_scenario=50)
    assert heard[0] == ("injecting darkness", 50)
    assert sum(amount for amount in heard if isinstance(amount, int)) == 50


def test_a_staged_scenario_changes_the_scene_and_its_parameters(injected, stage, tmp_path):
    made = injected(create("mask"), create("mask") + create("darkness"), staging=stage, per_scenario=20)
    opened = ImageSet.open(made.manifest)
    assert opened.parameters == stage.space
    masked = [r for r in opened.records if r.metadata["scenario"] == "mask"]
    # a white mask changes no pixel here, so only blue ones fail; their cause was planted under a name of its own
    assert {r.metadata["mask"] for r in masked} == {"blue"}
    assert {truth_of(r) for r in masked} == {"blue cover"}
    both = [r for r in opened.records if r.metadata["scenario"] == "mask+darkness"]
    assert {r.metadata["darkness_stops"] for r in both} == {4.0}
    assert {r.metadata["mask"] for r in both} == {"blue", "white"}
    assert "have no right answer any more" in made.tallies[0].note


def test_a_scene_that_looks_so_already_is_no_injected_failure(model, images, outcomes, task, stage, tmp_path):
    class Touchy:
        name, digest, preprocess = "touchy", "3" * 64, model.preprocess

        def predict(self, pixels):
            return -model.predict(pixels)

    made = inject(
        Touchy(),
        images,
        outcomes,
        task,
        [create("mask", mask="white")],
        tmp_path / "out",
        per_scenario=200,
        seed=0,
        staging=stage,
    )
    assert made.tallies[0].kept == 170
    white = ImageSet.open(made.manifest)
    source = white.select(range(50))
    again = inject(
        Touchy(),
        _clean(source),
        run(model, _clean(source), task),
        task,
        [create("mask", mask="white")],
        tmp_path / "again",
        per_scenario=200,
        seed=0,
        staging=stage,
    )
    assert again.tallies[0].kept == 0
    assert "50 look so already" in again.tallies[0].note


def _clean(images):
    pixels = np.stack([images.read(i).pixels for i in range(len(images))])
    keep = {name: [r.metadata[name] for r in images.records] for name in ("light", "mask")}
    return ImageSet.from_arrays(pixels, [r.label for r in images.records], [f"p{i}" for i in range(50)], "test", keep)


def test_staging_needs_images_that_say_what_was_rendered(model, task, stage, tmp_path):
    plain = ImageSet.from_arrays(np.full((4, 12, 12, 3), 90, np.uint8), ["left"] * 4)
    with pytest.raises(DataError, match="no column 'light'"):
        inject(
            model,
            plain,
            run(model, plain, task),
            task,
            [parse("mask")],
            tmp_path,
            per_scenario=1,
            seed=0,
            staging=stage,
        )


def test_a_result_shows_itself_in_one_line(injected):
    made = injected(create("darkness"), per_scenario=3)
    assert repr(made) == "<Injected 3 failures: darkness 3>"
    assert json.loads((made.manifest.parent / "tallies.json").read_text())["tallies"][0]["kept"] == 3


@pytest.mark.parametrize("damage", ["tallies gone", "tallies garbage", "manifest cut", "manifest bytes", "picture"])
def test_F7_a_finished_set_that_was_damaged_is_made_anew_to_the_same_bytes(injected, tmp_path, damage):
    injected()
    before = tree(tmp_path / "out")
    tallies, manifest = tmp_path / "out" / "tallies.json", tmp_path / "out" / "manifest.csv"
    if damage == "tallies gone":
        tallies.unlink()
    elif damage == "tallies garbage":
        tallies.write_text("null")
    elif damage == "manifest cut":
        manifest.write_bytes(b"\r\n".join(manifest.read_bytes().split(b"\r\n")[:4]) + b"\r\n")
    elif damage == "manifest bytes":
        manifest.write_bytes(bytes(range(1, 256)))
    else:
        next((tmp_path / "out" / "images").iterdir()).write_bytes(b"no picture")
    injected()
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("text", ["", "{", "null", "{}"])
def test_F7_a_damaged_shard_is_found_again(injected, tmp_path, text):
    injected()
    before = tree(tmp_path / "out")
    (tmp_path / "out" / "manifest.csv").unlink()
    (tmp_path / "out" / ".shards").mkdir()
    (tmp_path / "out" / ".shards" / "000000.json").write_text(text)
    injected()
    assert tree(tmp_path / "out") == before
