import numpy as np
import pytest
from scipy.spatial.distance import pdist

from failatlas.errors import ShapeError
from failatlas.features.sketch import sketch


def test_every_number_goes_to_one_bucket_with_a_sign():
    folded = sketch(np.eye(1000, dtype=np.float32), 64, seed=3)
    assert folded.shape == (1000, 64)
    assert (np.abs(folded).sum(axis=1) == 1).all()
    assert ((folded != 0).sum(axis=1) == 1).all()
    # each block fills every bucket once, so buckets are evenly used
    assert sorted(set(np.abs(folded).sum(axis=0).tolist())) == [15, 16]
    assert 400 < (folded.sum(axis=1) == 1).sum() < 600


def test_a_sketch_is_linear_and_batches_do_not_matter():
    rows = np.random.default_rng(0).standard_normal((6, 500)).astype(np.float32)
    assert np.allclose(
        sketch(rows[:1] + 2 * rows[1:2], 32), sketch(rows[:1], 32) + 2 * sketch(rows[1:2], 32), atol=1e-4
    )
    assert np.concatenate([sketch(rows[:2], 32), sketch(rows[2:], 32)]).tobytes() == sketch(rows, 32).tobytes()


def test_distances_survive_as_well_as_the_theory_says():
    rows = (np.random.default_rng(0).standard_normal((60, 20000)) ** 3).astype(np.float32)
    ratio = pdist(sketch(rows, 512)) / pdist(rows)
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() == pytest.approx(1 / np.sqrt(2 * 512), rel=0.25)


def test_the_squared_distance_is_unbiased_over_seeds():
    row = np.random.default_rng(1).standard_normal((1, 300)).astype(np.float32)
    squares = [float(np.square(sketch(row, 16, seed=seed)).sum()) for seed in range(400)]
    truth = float(np.square(row).sum())
    assert np.mean(squares) == pytest.approx(truth, abs=4 * np.sqrt(2 / 16 / 400) * truth)


def test_a_row_that_fits_is_kept_and_the_seed_decides_the_rest():
    rows = np.random.default_rng(2).standard_normal((3, 40)).astype(np.float32)
    assert sketch(rows, 40).tolist() == rows.tolist()
    assert sketch(rows, 16, seed=1).tobytes() == sketch(rows, 16, seed=1).tobytes()
    assert sketch(rows, 16, seed=1).tobytes() != sketch(rows, 16, seed=2).tobytes()
    assert sketch(np.zeros((0, 40), np.float32), 16).shape == (0, 16)


@pytest.mark.parametrize(("shape", "k"), [((4,), 2), ((2, 3), 0)])
def test_impossible_sketches_are_refused(shape: tuple[int, ...], k: int):
    with pytest.raises(ShapeError):
        sketch(np.zeros(shape, np.float32), k)
