"""Heatmaps in one call take tensors and arrays alike, and refuse what are no images in one line."""

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.arrays import freeze
from failatlas.errors import ShapeError
from failatlas.relevance import heatmaps

IMAGES = np.random.default_rng(0).standard_normal((5, 1, 4, 4))


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).to(dtype)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_an_array_gives_what_its_tensor_gives(kind):
    array = IMAGES.astype(kind)
    ours = heatmaps(network(), freeze(array), batch_size=2)
    theirs = heatmaps(network(), torch.tensor(array.astype(np.float32)), batch_size=2)
    assert ours.layers == theirs.layers
    for name in ours.layers:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_a_mirrored_array_is_taken_as_it_is_seen():
    ours = heatmaps(network(), IMAGES[..., ::-1])
    theirs = heatmaps(network(), np.ascontiguousarray(IMAGES[..., ::-1]))
    np.testing.assert_array_equal(ours["0"], theirs["0"])


def test_an_array_takes_the_precision_of_the_network():
    ours = heatmaps(network(torch.float64), IMAGES)
    theirs = heatmaps(network(torch.float64), torch.tensor(IMAGES))
    np.testing.assert_array_equal(ours["0"], theirs["0"])


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 1, 4, 4), np.uint8), r"got \(2, 1, 4, 4\) uint8"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.int64), r"got \(2, 1, 4, 4\) torch.int64"),
        (IMAGES[0], r"got \(1, 4, 4\) float64"),
        (torch.tensor(1.0), r"got \(\) torch.float32"),
        (IMAGES[:0], r"got \(0, 1, 4, 4\) float64"),
        ([[1.0]], r"got \(\) list"),
    ],
    ids=["bytes", "integers", "one image", "a number", "none", "a list"],
)
def test_what_are_no_images_is_refused_in_one_line(images, said):
    with pytest.raises(ShapeError, match=said) as caught:
        heatmaps(network(), images)
    assert "float tensor or array" in str(caught.value)
    assert "\n" not in str(caught.value)
