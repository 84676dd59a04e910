"""F2: what an extractor learns in a run is kept epoch by epoch; killed anywhere, it ends with the same bytes."""

from __future__ import annotations

import os
import signal
from contextlib import redirect_stdout

import numpy as np
import pytest

from failatlas import api
from failatlas.errors import UsageError
from failatlas.features import open_extractor
from failatlas.features.learning import Lessons
from failatlas.images import ImageSet
from failatlas.runs import Conductor
from failatlas.runs.learning import learnt, lessons_for, refused, what_was_learnt
from failatlas.store import RunStore, failpoints, verify

EPOCHS = 4


def images(n=24):
    draw = np.random.default_rng(0)
    pixels = np.full((n, 16, 16, 3), 90, np.uint8)
    for image, x in zip(pixels, draw.integers(0, 12, n), strict=True):
        image[4:8, x : x + 4, 0] = 250
    return ImageSet.from_arrays(pixels, labels=[str(i % 3) for i in range(n)])


def learner():
    return open_extractor("autoencoder", None, side=16, columns=8, epochs=EPOCHS)


def learn(folder, *, say=False):
    """Learn in a run folder; prints a line an epoch that is begun."""
    from failatlas import progress

    class Listener:
        def start(self, what, total):
            if say and what.startswith("epoch"):
                print(what.split(",")[0], flush=True)

        def advance(self, amount): ...

        def end(self): ...

    lessons = Lessons.unanswered(images(), np.arange(24))
    with RunStore.open(folder) as store, progress.listening(Listener()):
        found = what_was_learnt(Conductor(store), learner(), lessons, "0" * 64, seed=0)
        assert verify(store) == []
        # epochs have served and are gone, from the database and from the disk
        assert [entry.stage for entry in store.entries()] == ["learning"]
        assert len(list(store.blobs)) == len({a.tobytes() for a in arrays(found)})
        return found, store.content_hash()


def arrays(found):
    return [np.asarray(a) for a in (*found.weights.values(), *(v for c in found.curves for v in (c.x, c.y)))]


def killed(folder, point):
    """Learn in a forked process that is killed at a fail point; its exit status and what it printed."""
    said = folder / "said.txt"
    child = os.fork()  # torch is loaded already; on one thread, as it learns, a fork is safe
    if child == 0:
        try:
            failpoints.arm(point)
            with said.open("w") as file, redirect_stdout(file):
                learn(folder / "run", say=True)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.read_text()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return learn(tmp_path_factory.mktemp("learning") / "run")


@pytest.mark.parametrize(
    ("point", "begun"),
    [
        ("during_temp_write:kill:1", 1),  # inside the first epoch's checkpoint
        ("before_shard_commit:kill:2", 2),
        ("after_shard_fsync:kill:2", 2),  # durable, but the epoch before it lies there too
        ("before_drop_commit:kill:3", 3),
        ("after_drop_commit:kill:2", 2),
        ("before_unlink:kill:1", 2),
        ("before_result_commit:kill:1", EPOCHS),
        ("after_result_commit:kill:1", EPOCHS),  # learnt, but the epochs lie there still
    ],
)
def test_F2_killed_between_or_inside_epochs_it_resumes_to_the_same_bytes(unbroken, tmp_path, point, begun):
    status, said = killed(tmp_path, point)
    assert status == -signal.SIGKILL, said
    assert len(said.splitlines()) == begun
    found, content = learn(tmp_path / "run")
    assert content == unbroken[1]
    assert found.digest == unbroken[0].digest
    assert found.notes == unbroken[0].notes


def test_a_kill_costs_one_epoch_at_most(tmp_path, capsys):
    failpoints.arm("before_shard_commit:eio:3")
    try:
        with pytest.raises(Exception, match="Input/output error"):
            learn(tmp_path / "run", say=True)
    finally:
        failpoints.arm("")
    assert len(capsys.readouterr().out.splitlines()) == 3
    learn(tmp_path / "run", say=True)
    assert capsys.readouterr().out.splitlines()[0] == "epoch 3 of at most 4"


def test_what_was_learnt_is_read_back_and_teaches_the_same_extractor(tmp_path):
    lessons = Lessons.unanswered(images(), np.arange(24))
    with RunStore.open(tmp_path / "run") as store:
        first = learnt(Conductor(store), learner(), lessons, "0" * 64, 0)
        before = store.content_hash()
        again = learnt(Conductor(store), learner(), lessons, "0" * 64, 0)
        assert store.content_hash() == before
    assert first.digest == again.digest != learner().digest


@pytest.mark.parametrize("change", ["seed", "pixels", "which", "answers", "recipe"])
def test_whatever_decides_what_is_learnt_is_in_the_key(tmp_path, change):
    every = np.arange(24)
    other = {
        "which": Lessons.unanswered(images(), every[:-1]),
        "answers": Lessons.answered(images(), "classification"),
    }.get(change, Lessons.unanswered(images(), every))
    extractor = open_extractor("autoencoder", None, side=16, columns=9 if change == "recipe" else 8, epochs=EPOCHS)
    with RunStore.open(tmp_path / "run") as store:
        conductor = Conductor(store)
        learnt(conductor, learner(), Lessons.unanswered(images(), every), "0" * 64, 0)
        key = conductor.keys["learning"]
        learnt(conductor, extractor, other, ("1" if change == "pixels" else "0") * 64, int(change == "seed"))
        assert conductor.keys["learning"] != key


def test_of_a_training_set_only_what_is_learnt_from_is_read(tmp_path):
    from PIL import Image

    for i in range(6):
        (tmp_path / str(i % 2)).mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(tmp_path / str(i % 2) / f"{i}.png")

    class Small:
        most_lessons = 4

    lessons, pixels = lessons_for(Small(), ImageSet.open(tmp_path), "classification", 0)
    assert sorted(lessons.labels) == ["0", "0", "1", "1"]
    assert len(lessons.images) == 4
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(tmp_path / lessons.images.records[0].path)
    assert lessons_for(Small(), ImageSet.open(tmp_path), "classification", 0)[1] != pixels


def test_a_missing_training_set_is_refused_with_what_to_give():
    error = refused("backbone-tuned")
    assert isinstance(error, UsageError)
    assert "--train" in error.remedy
    assert "'backbone'" in error.remedy


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A network that takes every green square for a red one, test and training images in one set."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("world")
    draw = np.random.default_rng(0)
    lines = ["path,label,split"]
    for i in range(60):
        split, label = ("train", "test")[i % 2], ("red", "green", "blue")[i % 3]
        image = np.full((16, 16, 3), 60, np.uint8)
        x, y = draw.integers(0, 10, 2)
        image[y : y + 6, x : x + 6, ("red", "green", "blue").index(label)] = draw.integers(200, 250)
        Image.fromarray(image).save(folder / f"{i:02d}.png")
        lines.append(f"{i:02d}.png,{label},{split}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def network(pixels):
    """(n, 3): blue is told, the rest is red."""
    blue = np.array([image[..., 2].mean() > image[..., :2].mean(axis=(0, 1)).max() for image in pixels])
    return np.stack([~blue, np.zeros_like(blue), blue], axis=1).astype(np.float32)


def analysed(world, out, pipeline, **more):
    return api.analyze(network, world, out=out, split="test", classes=("red", "green", "blue"), pipeline=pipeline,
                       repeats=0, **more)  # fmt: skip


@pytest.mark.parametrize(("pipeline", "source"), [
    ("autoencoder+pca+kmeans", "30 images of split test"), ("backbone-tuned+pca+kmeans", "30 images of split train"),
])  # fmt: skip
def test_an_analysis_teaches_its_extractor_and_puts_new_images_into_its_clusters(world, tmp_path, pipeline, source):
    atlas = analysed(world, tmp_path / "run", pipeline)
    learnt = atlas.run.learnt
    assert source in learnt.notes[0]
    assert atlas.run.grouping.notes[0] == learnt.notes[0]
    assert atlas.run.grouping.curves[0].parameter == "epoch"
    assert int(atlas.run.outcomes.is_error.sum()) == len(atlas.run.features.ids) == 10
    with RunStore.open(tmp_path / "run", read_only=True) as store:
        content = store.content_hash()
    again = analysed(world, tmp_path / "run", pipeline)
    assert again.run.learnt.digest == learnt.digest
    with RunStore.open(tmp_path / "run", read_only=True) as store:
        assert store.content_hash() == content
    # opened again, the extractor is taught from what the run keeps; a failure is its own nearest neighbour
    opened = api.open_run(tmp_path / "run", model=network)
    found = opened.assign(atlas.inputs.images.select(atlas.run.features.indices))
    assert found.labels.tolist() == atlas.run.grouping.labels.tolist()
    np.testing.assert_allclose(found.distance, 0, atol=1e-3)


def test_a_training_set_by_name_or_as_an_object_is_learnt_from(world, tmp_path):
    whole = ImageSet.open(world)
    for name, train in (("object", whole.with_split("train")), ("named", world)):
        atlas = api.analyze(network, whole.with_split("test"), out=tmp_path / name, classes=("red", "green", "blue"),
                            pipeline="backbone-tuned+kmeans", repeats=0, train=train)  # fmt: skip
        assert "30 images of split train" in atlas.run.learnt.notes[0]


def test_a_tuned_extractor_without_a_training_set_is_refused_before_anything_is_done(world, tmp_path):
    images = ImageSet.open(world).with_split("test")
    with pytest.raises(UsageError, match="learns from the network's training set") as error:
        api.analyze(
            network, images, out=tmp_path / "run", classes=("red", "green", "blue"), pipeline="lite2-tuned+dbscan"
        )
    assert "--train" in error.value.remedy
    with RunStore.open(tmp_path / "run", read_only=True) as store:
        assert store.entries() == []


def test_D10_without_failures_nothing_is_learnt(world, tmp_path):
    images = ImageSet.open(world).with_split("test")
    right = images.select([i for i, record in enumerate(images.records) if record.label != "green"])
    atlas = api.analyze(network, right, out=tmp_path, classes=("red", "green", "blue"), pipeline="autoencoder+dbscan")
    assert atlas.run.learnt is None
    assert not atlas.clusters
