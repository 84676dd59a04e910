"""Rendered cases: pictures by number, weaknesses by share, conditions and answers."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import numpy as np
import pytest

from failatlas.cases import Weakness
from failatlas.errors import DataError, UsageError
from failatlas.simulators.where import Condition


def first(case, n, split="test", **options):
    with closing(case.pictures(split, **options)) as pictures:
        return list(islice(pictures, n))


def test_a_picture_depends_on_its_number_and_not_on_how_many_are_made(case):
    few, many = first(case, 3), first(case, 20)
    assert [p.number for p in few] == [p.number for p in many[:3]]
    assert all((a.pixels == b.pixels).all() and a.record == b.record for a, b in zip(few, many, strict=False))


def test_a_later_start_gives_the_same_pictures(case):
    whole = first(case, 12)
    rest = first(case, 5, start=whole[6].number + 1)
    assert [p.record for p in rest] == [p.record for p in whole[7:]]
    assert all((a.pixels == b.pixels).all() for a, b in zip(rest, whole[7:], strict=True))


def test_seeds_and_splits_give_other_pictures(case):
    rows = [first(case, 5, split, seed=seed) for split, seed in (("test", 0), ("test", 1), ("improvement", 0))]
    xs = [[p.record.metadata["x"] for p in row] for row in rows]
    assert xs[0] != xs[1] != xs[2] != xs[0]


def test_training_pictures_have_no_weakness(case):
    assert {case.known_cause(case.values("train", i)) for i in range(200)} == {""}


def test_weaknesses_are_planted_by_their_share(case):
    causes = [case.known_cause(case.values("test", i)) for i in range(1000)]
    assert causes.count("night") == pytest.approx(200, abs=40)
    assert causes.count("dark") == pytest.approx(100, abs=30)


def test_the_manifest_row_has_parameters_labels_and_the_known_cause(case):
    row = next(p.record for p in first(case, 60) if p.record.metadata["time"] == "night")
    assert set(row.metadata) == {"x", "light", "time", "disc_px", "known_cause"}
    assert row.metadata["known_cause"] == "night"
    assert row.split == "test"


def test_pictures_without_an_answer_are_left_out(case):
    assert all(abs(p.record.metadata["x"]) >= 0.05 for p in first(case, 60))


def test_only_the_facts_asked_for_are_kept(toy):
    assert "disc_px" not in first(toy(facts=()), 1)[0].record.metadata


@pytest.mark.parametrize("where", ["x>0.5", "disc_px<20", "x>0.2 and disc_px<29"])
def test_where_keeps_only_such_pictures(case, where):
    condition = Condition.parse(where)
    pictures = first(case, 8, where=condition)
    assert len(pictures) == 8
    assert all(condition.holds(p.record.metadata) for p in pictures)


def test_a_hopeless_condition_stops(case, monkeypatch):
    monkeypatch.setattr("failatlas.cases.rendered.MOST_DRAWN", 300)
    with pytest.raises(DataError, match="none of 300 pictures in a row"):
        first(case, 1, where=Condition.parse("light>0.9 and time=night and x>0.999"))


def test_where_of_an_unknown_name_is_refused(case):
    with pytest.raises(UsageError, match="lihgt"):
        first(case, 1, where=Condition.parse("lihgt>0.9"))


def test_an_unknown_split_is_refused(case):
    with pytest.raises(UsageError, match="no split 'val'"):
        case.images("val")


def test_a_weakness_that_is_not_brought_about_is_refused(toy):
    lame = Weakness("lame", Condition.parse("time=night"), "never", 1.0, lambda random: {"x": 0.5})
    with pytest.raises(UsageError, match="'lame' was planted"):
        toy(weaknesses=(lame,)).values("test", 0)


def test_a_weakness_over_something_unknown_is_refused(toy):
    lost = Weakness("lost", Condition.parse("moon=full"), "", 0.1, lambda random: {})
    with pytest.raises(UsageError, match="moon"):
        _ = toy(weaknesses=(lost,)).space


def test_a_draw_that_is_all_weakness_is_refused(toy):
    with pytest.raises(UsageError, match="hardly ever draws"):
        toy(draw=lambda random, split: {"light": 0.1}).values("train", 0)


def test_images_are_the_reference_set(case):
    images = case.images("test")
    assert len(images) == 60
    assert images.parameters == case.space
    pictures = first(case, 60)
    assert images.ids == tuple(p.record.id for p in pictures)
    assert all(np.array_equal(images.read(i).pixels, p.pixels) for i, p in enumerate(pictures))
    assert images.column("known_cause") == tuple(p.record.metadata["known_cause"] for p in pictures)
