from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from failatlas.errors import DataError, ModelError, ResourceError, ShapeError
from failatlas.images.imageset import ImageSet
from failatlas.models import load_model
from failatlas.outcomes import merge, run
from failatlas.progress import listening
from failatlas.tasks import Classification, Regression


class Colour(nn.Module):
    """Mean colour as logits; ``poisoned`` images give nan or raise, ``limit`` is the largest batch that fits memory."""

    def __init__(self, poisoned=(), mode: str = "nan", limit: int | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3))
        self.poisoned, self.mode, self.limit = tuple(poisoned), mode, limit
        self.batches: list[int] = []

    def forward(self, x):
        self.batches.append(len(x))
        if self.limit is not None and len(x) > self.limit:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        rows = x.mean((2, 3)) @ self.weight
        for i, image in enumerate(x):
            if any(torch.equal(image, other) for other in self.poisoned):
                if self.mode == "error":
                    raise ValueError("index out of range")
                rows[i] = float("nan")
        return rows


def tensor_of(images: ImageSet, i: int) -> torch.Tensor:
    return load_model(Colour()).tensor([images.read(i).pixels])[0]


def test_outcomes_are_what_the_definition_says(images, task):
    outcomes = run(load_model(Colour()), images, task, batch_size=6)
    assert outcomes.ids == images.ids
    assert outcomes.indices.tolist() == list(range(20))
    assert outcomes.n_errors == 3  # images 0, 7 and 14 carry a wrong label
    assert [i for i in range(20) if outcomes.is_error[i]] == [0, 7, 14]
    for i in range(20):
        expected = images.read(i).pixels.mean((0, 1)) / 255
        assert np.allclose(outcomes.outputs[i], expected, atol=1e-5)
    assert not outcomes.outputs.flags.writeable


@pytest.mark.parametrize("mode", ["nan", "error"])
@pytest.mark.parametrize("bad", [(0,), (5, 6), (3, 11, 19), (0, 1, 2, 3, 4, 5)])
def test_M1_a_poisoned_image_is_isolated_and_its_neighbours_kept(images, task, mode, bad):
    sound = run(load_model(Colour()), images, task)
    model = load_model(Colour([tensor_of(images, i) for i in bad], mode))
    outcomes = run(model, images, task, batch_size=8)
    assert [entry.id for entry in outcomes.quarantined] == [images.ids[i] for i in bad]
    assert {entry.code for entry in outcomes.quarantined} == {"E_MODEL_NAN" if mode == "nan" else "E_MODEL_FORWARD"}
    kept = [i for i in range(20) if i not in bad]
    assert outcomes.indices.tolist() == kept
    assert np.array_equal(outcomes.outputs, sound.outputs[kept])


def test_M1_isolation_costs_logarithmically_many_runs(images, task):
    module = Colour([tensor_of(images, 4)], "error")
    run(load_model(module), images, task, batch_size=16)
    assert len(module.batches) <= 2 + 2 * 4  # two batches, and two halves at each of log2(16) levels


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_M1_weights_that_are_not_finite_are_named(images, task, value):
    module = Colour()
    with torch.no_grad():
        module.weight[1] = value
    with pytest.raises(ModelError, match="'weight'") as caught:
        run(load_model(module), images, task)
    assert caught.value.name == "E_MODEL_WEIGHTS"


def test_M1_a_network_that_is_never_finite_says_so(images, task):
    module = Colour()
    module.forward = lambda x: x.mean((2, 3)) * float("inf") * 0
    with pytest.raises(ModelError, match="no finite output"):
        run(load_model(module), images, task)


def test_M1_a_network_that_refuses_every_image_stops_at_the_first_batch(images, task):
    calls = []

    def function(batch):
        calls.append(len(batch))
        raise ValueError("expected 1 channel")

    with pytest.raises(ModelError, match="expected 1 channel"):
        run(load_model(function), images, task, batch_size=4)
    assert len(calls) == 7  # the batch of four, its halves, its singles; never the other sixteen images


def test_M1_constant_output_is_a_note(images, task):
    outcomes = run(load_model(lambda batch: np.ones((len(batch), 3)) * [1, 2, 3]), images, task)
    assert "same output" in outcomes.notes[0]
    wobbling = run(load_model(lambda batch: [[9, i.mean() / 99, 0] for i in batch]), images, task)
    assert "calls all 20 images 'red'" in wobbling.notes[0]


def test_M1_a_wrong_class_count_stops_at_the_first_batch_with_both_numbers(images):
    calls = []

    def function(batch):
        calls.append(1)
        return np.zeros((len(batch), 3))

    with pytest.raises(ShapeError, match=r"3 outputs.*4 classes"):
        run(load_model(function), images, Classification(("red", "green", "blue", "grey")), batch_size=4)
    assert calls == [1]


def test_F8_out_of_memory_halves_the_batch_once_and_goes_on(images, task):
    module = Colour(limit=8)
    outcomes = run(load_model(module), images, task, batch_size=16)
    assert len(outcomes.ids) == 20
    assert max(module.batches[1:]) <= 8
    assert any("memory ran out at 16" in note for note in outcomes.notes)
    with pytest.raises(ResourceError) as caught:
        run(load_model(Colour(limit=2)), images, task, batch_size=16)
    assert caught.value.exit_status == 5


def test_shards_merge_into_one_run(images, task):
    model = load_model(Colour([tensor_of(images, 4)]))
    whole = run(model, images, task, batch_size=4)
    shards = [run(model, images, task, batch_size=3, indices=range(a, b)) for a, b in ((12, 20), (0, 5), (5, 12))]
    merged = merge(shards)
    for name in ("ids", "predicted", "expected", "quarantined", "left_out", "notes"):
        assert getattr(merged, name) == getattr(whole, name), name
    for name in ("indices", "outputs", "is_error", "severity", "uncertainty", "score"):
        assert np.array_equal(getattr(merged, name), getattr(whole, name)), name


def test_overlapping_or_unlike_shards_are_refused(images, task):
    shard = run(load_model(Colour()), images, task, indices=range(5))
    with pytest.raises(DataError, match="two shards"):
        merge([shard, shard])
    other = run(
        load_model(lambda batch: np.zeros((len(batch), 1))), images, Classification(["red"], unknown="leave out")
    )
    with pytest.raises(ShapeError, match="1 and 3"):
        merge([shard, other])


def test_merging_nothing_gives_nothing():
    assert merge([]).ids == ()


def test_D10_unlabelled_images_are_left_out_and_counted(images, task):
    pixels = np.stack([images.read(i).pixels for i in range(4)])
    partly = ImageSet.from_arrays(pixels, labels=["red", None, "pink", "blue"])
    lenient = Classification(task.classes, unknown="leave out")
    outcomes = run(load_model(Colour()), partly, lenient)
    assert outcomes.indices.tolist() == [0, 3]
    assert dict(outcomes.left_out) == {"no label": 1, "unknown label": 1}
    assert "1 with no label" in repr(outcomes)


def test_D10_an_unknown_label_stops_before_the_network_runs(images, task):
    calls = []
    pixels = np.stack([images.read(i).pixels for i in range(2)])
    with pytest.raises(DataError, match="'gren'"):
        run(load_model(calls.append), ImageSet.from_arrays(pixels, labels=["red", "gren"]), task)
    assert calls == []


def test_D10_no_image_to_judge_is_a_result(images, task):
    pixels = np.stack([images.read(0).pixels])
    outcomes = run(load_model(Colour()), ImageSet.from_arrays(pixels), task)
    assert len(outcomes.ids) == 0
    assert dict(outcomes.left_out) == {"no label": 1}
    assert "0 images" in repr(outcomes)


def test_D1_unreadable_files_are_quarantined_with_the_others(tmp_path, task):
    for name in ("red", "green"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (6, 6), (200, 0, 0)).save(tmp_path / "red" / "a.png")
    (tmp_path / "green" / "b.png").write_bytes(b"no picture")
    outcomes = run(load_model(Colour()), ImageSet.open(tmp_path), task)
    assert outcomes.ids == ("red/a.png",)
    assert [(entry.id, entry.code[:6]) for entry in outcomes.quarantined] == [("green/b.png", "E_IMG_")]


def test_images_of_different_sizes_run_in_groups(tmp_path, task):
    (tmp_path / "red").mkdir()
    for i, size in enumerate([(6, 6), (9, 4), (6, 6), (9, 4)]):
        Image.new("RGB", size, (100 + i, 0, 0)).save(tmp_path / "red" / f"{i}.png")
    module = Colour()
    outcomes = run(load_model(module), ImageSet.open(tmp_path), task)
    assert np.allclose(outcomes.outputs[:, 0] * 255, [100, 101, 102, 103], atol=1e-3)
    assert module.batches == [2, 2]


def test_outputs_whose_number_depends_on_image_size_are_refused(tmp_path, task):
    (tmp_path / "red").mkdir()
    for i, size in enumerate([(6, 6), (9, 5)]):
        Image.new("RGB", size).save(tmp_path / "red" / f"{i}.png")
    with pytest.raises(ShapeError, match="108 outputs for some image sizes"):
        run(load_model(nn.Flatten()), ImageSet.open(tmp_path), task)


def test_quarantine_is_in_the_order_of_the_set_whatever_the_batch(tmp_path, task):
    (tmp_path / "red").mkdir()
    for i in range(6):
        Image.new("RGB", (6, 6), (100 + i, 0, 0)).save(tmp_path / "red" / f"{i}.png")
    images = ImageSet.open(tmp_path)
    poison = [tensor_of(images, i) for i in (1, 4)]
    (tmp_path / "red" / "3.png").write_bytes(b"")
    (tmp_path / "red" / "5.png").write_bytes(b"")
    for size in (1, 2, 6):
        outcomes = run(load_model(Colour(poison)), images, task, batch_size=size)
        assert [entry.id for entry in outcomes.quarantined] == [f"red/{i}.png" for i in (1, 3, 4, 5)]


def test_regression_streams_like_classification(images):
    pixels = np.stack([images.read(i).pixels for i in range(6)])
    means = pixels.mean((1, 2, 3)) / 255
    targets = means + np.array([0, 0.5, 0, 0, -0.5, 0])
    model = load_model(lambda batch: [[image.mean() / 255] for image in batch])
    outcomes = run(model, ImageSet.from_arrays(pixels, targets=targets), Regression(0.1), batch_size=4)
    assert np.flatnonzero(outcomes.is_error).tolist() == [1, 4]


def test_progress_counts_every_image(images, task):
    class Ear:
        total = heard = 0

        def start(self, what, total):
            self.total = total

        def advance(self, amount):
            self.heard += amount

        def end(self):
            pass

    ear = Ear()
    with listening(ear):
        run(load_model(Colour()), images, task, batch_size=7)
    assert (ear.total, ear.heard) == (20, 20)
