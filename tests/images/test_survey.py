"""Survey: shards make the whole, duplicates and leakage are counted, and bad images are named."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from failatlas.arrays import array_hash
from failatlas.errors import DataError
from failatlas.images import Decoded, ImageRecord, ImageSet, Survey
from failatlas.images.properties import PROPERTIES
from failatlas.images.survey import survey


def scenes(n: int = 24, size: int = 20) -> np.ndarray:
    """n unlike grey pictures."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (n, 5, 5))
    return np.kron(coarse, np.ones((1, size // 5, size // 5))).astype(np.uint8)


def same(a: Survey, b: Survey) -> bool:
    return fields(a) == fields(b)


def fields(survey: Survey) -> dict[str, object]:
    """Every field, arrays as their hashes."""
    values = {field.name: getattr(survey, field.name) for field in dataclasses.fields(survey)}
    return {name: array_hash(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=24, max_size=24), st.randoms(use_true_random=False))
def test_shards_in_any_cut_and_order_equal_the_whole(cut, random):
    images = ImageSet.from_arrays(scenes())
    shards = [survey(images, [i for i in range(24) if cut[i] == part]) for part in range(4)]
    random.shuffle(shards)
    assert same(Survey.merge(shards), survey(images))


def test_nothing_surveyed_is_a_survey():
    images = ImageSet.from_arrays(scenes())
    for empty in (survey(images, []), Survey.merge([])):
        assert len(empty) == 0
        assert empty.properties.shape == (0, len(PROPERTIES))
        assert empty.exact_duplicates() == empty.near_duplicates() == ()
        assert empty.overlap({}) == ()
        assert same(Survey.merge([empty, survey(images)]), survey(images))


def test_shards_that_overlap_are_refused():
    images = ImageSet.from_arrays(scenes())
    with pytest.raises(DataError, match="same image"):
        Survey.merge([survey(images, [0, 1]), survey(images, [1, 2])])


def test_digests_are_those_of_the_file_and_of_its_pixels(folder):
    images = ImageSet.open(folder)
    found = survey(images)
    for i, id_ in enumerate(found.ids):
        assert found.digests[i].tobytes() == hashlib.sha256((folder / id_).read_bytes()).digest()
        assert found.pixel_digests[i].tobytes().hex() == array_hash(images.read(i).pixels)
    assert found.expected[found.ids[2]] == images.digest(2)
    assert repr(found) == f"<Survey 4 images, {len(PROPERTIES)} properties, 0 quarantined>"
    np.testing.assert_array_equal(found.column("width"), [64] * 4)
    with pytest.raises(DataError, match="'beauty'"):
        found.column("beauty")


def test_photographs_of_many_sizes_are_measured_in_set_order(photo):
    rng = np.random.default_rng(2)
    sizes = [(int(h), int(w)) for h, w in rng.integers(3, 48, (30, 2))]
    cuts = [photo[:h, :w] for h, w in sizes]

    class Cuts:
        def load(self, record):
            return cuts[int(record.id)].tobytes()

        def decode(self, record, data):
            return Decoded(cuts[int(record.id)])

    found = survey(ImageSet([ImageRecord(str(i), str(i)) for i in range(30)], Cuts()))
    np.testing.assert_array_equal(found.column("width"), [w for _, w in sizes])
    np.testing.assert_array_equal(found.column("height"), [h for h, _ in sizes])
    np.testing.assert_allclose(found.column("aspect"), [w / h for h, w in sizes], rtol=1e-6)


def test_D1_bad_images_are_quarantined_and_the_rest_is_measured(folder, photo, encode):
    (folder / "cat" / "a.png").write_bytes(b"")
    (folder / "dog" / "z.png").write_bytes(b"%PDF-1.7")
    (folder / "dog" / "film.gif").write_bytes(
        encode(
            photo,
            "GIF",
            save_all=True,
            append_images=[Image.fromarray(255 - photo)],
        )
    )
    images = ImageSet.open(folder)
    found = survey(images)
    assert found.ids == ("cat/b.png", "dog/a.png", "dog/c.png", "dog/film.gif")
    assert found.indices.tolist() == [1, 2, 3, 4]
    assert [(entry.id, entry.code) for entry in found.quarantined] == [
        ("cat/a.png", "E_IMG_TRUNCATED"),
        ("dog/z.png", "E_IMG_FORMAT"),
    ]
    assert found.notices == {"dog/film.gif": ("first of 2 frames",)}
    assert same(Survey.merge([survey(images, [5, 4]), survey(images, [0, 2]), survey(images, [3, 1])]), found)


def test_the_set_digest_is_of_content_not_order():
    images = ImageSet.from_arrays(scenes())
    whole = survey(images).set_digest
    assert survey(images.select(range(23, -1, -1))).set_digest == whole
    assert survey(images.select(range(23))).set_digest != whole
    other = scenes()
    other[3, 0, 0] ^= 1
    assert survey(ImageSet.from_arrays(other)).set_digest != whole


def test_D7_equal_bytes_equal_pixels_and_look_alikes_are_counted_apart(folder, photo, encode):
    (folder / "dog" / "copy.png").write_bytes((folder / "cat" / "a.png").read_bytes())
    (folder / "dog" / "other-format.bmp").write_bytes(encode(photo, "BMP"))
    (folder / "dog" / "lossy.jpg").write_bytes(encode(photo, "JPEG", quality=60))
    found = survey(ImageSet.open(folder))
    assert found.exact_duplicates() == (("cat/a.png", "dog/copy.png", "dog/other-format.bmp"),)
    assert found.near_duplicates() == (("cat/a.png", "dog/copy.png", "dog/lossy.jpg", "dog/other-format.bmp"),)


def test_D7_leakage_between_splits_is_counted_with_ids():
    pixels = scenes(12)
    pixels[7] = pixels[2]
    pixels[8] = pixels[3]
    pixels[8, :5] += 1  # to the eye the same
    pixels[9] = pixels[8]
    pixels[10] = pixels[11]  # inside one split: no leakage
    splits = ["train"] * 6 + ["test"] * 6
    images = ImageSet.from_arrays(pixels, split=splits)
    (overlap,) = survey(images).overlap(images.splits)
    assert (overlap.first, overlap.second, overlap.n_first, overlap.n_second) == ("test", "train", 6, 6)
    assert overlap.exact == (("00007", "00002"),)
    assert overlap.near == (("00008", "00003"),)
    assert repr(overlap) == "<Overlap test (6) / train (6): 1 exact, 1 near>"


def test_D7_clean_splits_do_not_overlap_and_every_pair_is_looked_at():
    images = ImageSet.from_arrays(scenes(9), split=["a", "b", "c"] * 3)
    found = survey(images).overlap(images.splits)
    assert [(o.first, o.second) for o in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(o.exact == o.near == () for o in found)


def test_D10_identical_images_give_finite_numbers_and_one_group():
    images = ImageSet.from_arrays(np.zeros((5, 8, 8), np.uint8))
    found = survey(images)
    assert np.isfinite(found.properties).all()
    assert found.exact_duplicates() == found.near_duplicates() == (images.ids,)


def test_R4_the_survey_does_not_depend_on_the_process(tmp_path, folder):
    script = (
        "import sys; from failatlas.images import ImageSet; from failatlas.images.survey import survey\n"
        "s = survey(ImageSet.open(sys.argv[1]))\n"
        "import dataclasses; from failatlas.arrays import array_hash\n"
        "values = [getattr(s, field.name) for field in dataclasses.fields(s)]\n"
        "print([array_hash(v) if hasattr(v, 'dtype') else v for v in values], s.set_digest)\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, locale, zone in (("1", "C", "UTC"), ("2", "tr_TR.UTF-8", "Asia/Tokyo"))
    }
    assert len(runs) == 1


def test_importing_the_room_imports_nothing_heavy():
    script = (
        "import sys, failatlas.images; print([m for m in ('PIL', 'scipy', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_D1_a_wrong_ending_is_read_by_content_and_told(tmp_path, photo, encode):
    (tmp_path / "really-png.jpg").write_bytes(encode(photo, "PNG"))
    (tmp_path / "honest.png").write_bytes(encode(photo, "PNG"))
    found = survey(ImageSet.open(tmp_path))
    assert found.notices == {"really-png.jpg": ("PNG in a file named like JPEG",)}
    assert not found.quarantined
    assert found.exact_duplicates() == (("honest.png", "really-png.jpg"),)


def test_D1_text_named_like_an_image_is_quarantined(tmp_path, photo, encode):
    (tmp_path / "note.jpg").write_text("not a picture", encoding="utf-8")
    (tmp_path / "a.png").write_bytes(encode(photo, "PNG"))
    (bad,) = survey(ImageSet.open(tmp_path)).quarantined
    assert (bad.id, bad.code) == ("note.jpg", "E_IMG_UNREADABLE")
