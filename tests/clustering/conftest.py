import numpy as np
import pytest

from failatlas.arrays import Features


def blobs(n: int = 240, d: int = 12, k: int = 4, spread: float = 6.0, seed: int = 0) -> tuple[Features, np.ndarray]:
    """k round groups of growing size, rows in random order."""
    random = np.random.default_rng(seed)
    truth = np.sort(random.integers(0, k, n))
    centres = random.standard_normal((k, d)) * spread
    order = random.permutation(n)
    return (centres[truth] + random.standard_normal((n, d))).astype(np.float32)[order], truth[order]


@pytest.fixture(scope="session")
def four_groups() -> tuple[Features, np.ndarray]:
    return blobs()
