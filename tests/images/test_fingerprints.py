"""Fingerprints against SciPy's cosine transform and Pillow's area average."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from failatlas.images.fingerprints import perceptual_hash, thumbnails
from failatlas.images.properties import luma


def test_thumbnails_are_area_averages(photo):
    grey = luma(photo[None])
    expected = Image.fromarray(grey[0].astype(np.float32)).reduce((4, 3))
    assert np.abs(thumbnails(grey)[0] - np.asarray(expected)).max() <= 0.5 + 1e-4
    flat = np.full((2, 5, 3), 77, np.uint8)
    np.testing.assert_array_equal(thumbnails(flat), np.full((2, 16, 16), 77))


def test_the_hash_is_the_sign_of_the_lowest_frequencies(photo):
    thumbs = thumbnails(luma(photo[None]))
    spectrum = fft.dctn(thumbs[0].astype(float), norm="ortho")
    order = sorted((u + v, u, v) for u in range(16) for v in range(16))[1:65]
    chosen = np.array([spectrum[u, v] for _, u, v in order])
    bits = chosen > np.median(chosen)
    assert int(perceptual_hash(thumbs)[0]) == sum(1 << i for i in range(64) if bits[i])


def test_flat_pictures_share_one_hash():
    thumbs = np.arange(0, 256, 5, dtype=np.uint8)[:, None, None] * np.ones((1, 16, 16), np.uint8)
    assert len(set(perceptual_hash(thumbs).tolist())) == 1


def distance(a, b):
    hashes = perceptual_hash(np.concatenate([thumbnails(luma(a[None])), thumbnails(luma(b[None]))]))
    return int(np.bitwise_count(hashes[0] ^ hashes[1]))


def test_the_hash_survives_what_copies_suffer_and_tells_strangers(photo, encode):
    small = np.asarray(Image.fromarray(photo).resize((40, 30), Image.Resampling.LANCZOS))
    lossy = np.asarray(Image.open(io.BytesIO(encode(photo, "JPEG", quality=40))))
    assert distance(photo, small) <= 8
    assert distance(photo, lossy) <= 8
    assert distance(photo, ndimage.gaussian_filter(photo, (1, 1, 0))) <= 8
    assert distance(photo, photo[:, ::-1]) > 16
