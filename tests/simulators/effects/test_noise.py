"""Noise: the distributions it claims, in the units it claims."""

import math

import numpy as np
import pytest
from scipy import stats

from failatlas.simulators.effects import laplacian_noise, sensor_noise


@pytest.mark.parametrize("attenuate", [0.5, 0.75, 1.0])  # beyond, clipping cuts the tails
def test_laplacian_noise_has_median_zero_and_imagemagicks_scale(attenuate):
    noise = laplacian_noise(np.full((400, 400, 3), 127, np.uint8), attenuate, 1).astype(np.float64) - 127
    b = attenuate * 0.0390625 * 255  # ImageMagick: QuantumRange · SigmaLaplacian
    assert np.median(noise) == 0
    assert np.abs(noise).mean() == pytest.approx(b, rel=0.02)
    assert noise.std() == pytest.approx(math.sqrt(2) * b, rel=0.02)
    assert stats.kurtosis(noise.ravel()) == pytest.approx(3, abs=0.3)


def test_the_published_noise_is_what_convert_gives():
    # `convert -size 400x400 xc:gray(127) -attenuate 5.0 +noise Laplacian`, ImageMagick 6.9.11-60: mean |d| 46.01,
    # standard deviation 60.05, 3.96 % of the pixels black, 3.90 % white, quartiles −35 and 34
    noisy = laplacian_noise(np.full((400, 400, 3), 127, np.uint8), 5.0, 3)
    noise = noisy.astype(np.float64) - 127
    assert np.abs(noise).mean() == pytest.approx(46.01, rel=0.01)
    assert noise.std() == pytest.approx(60.05, rel=0.01)
    assert (noisy == 0).mean() == pytest.approx(0.0396, abs=0.001)
    assert (noisy == 255).mean() == pytest.approx(0.0390, abs=0.001)
    assert np.quantile(noise, [0.25, 0.75]) == pytest.approx([-35, 34], abs=1)


def test_channels_and_neighbours_are_independent():
    noise = laplacian_noise(np.full((300, 300, 3), 127, np.uint8), 1.0, 5).astype(np.float64) - 127
    channels = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.01
    for first, second in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01


def test_two_seeds_give_independent_noise_and_one_seed_the_same():
    flat = np.full((200, 200), 127, np.uint8)
    one, two = (laplacian_noise(flat, 1.0, seed).astype(np.float64) for seed in (0, 1))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.01
    assert (laplacian_noise(flat, 1.0, 0) == one).all()


@pytest.mark.parametrize("light", [0.0, 0.18, 1.0])
@pytest.mark.parametrize("iso", [100, 1600, 12_800])
def test_sensor_noise_has_shot_and_read_noise(light, iso):
    seen = sensor_noise(np.full((300, 300, 3), light, np.float32), iso, 2).astype(np.float64)
    electrons = 10_000 * 100 / iso
    expected = math.sqrt(light * electrons + 3**2) / electrons
    assert seen.std() == pytest.approx(expected, rel=0.01)
    assert seen.mean() == pytest.approx(light, abs=4 * expected / math.sqrt(seen.size))
    assert stats.kurtosis(seen.ravel()) == pytest.approx(0, abs=0.05)


def test_more_than_65536_values_do_not_repeat():
    seen = sensor_noise(np.full((256, 257), 0.5, np.float32), 800, 0).ravel()
    assert not (seen[: 65_536 // 4] == seen[-65_536 // 4 :]).all()
    assert len(np.unique(seen)) > 35_000  # of 65 792 independent picks of 65 536 values 63 % are met


def test_a_sensor_of_iso_zero_is_noiseless_and_its_light_a_copy():
    light = np.full((2, 2), 0.3, np.float32)
    seen = sensor_noise(light, 0, 0)
    assert (seen == light).all()
    assert not np.shares_memory(seen, light)
