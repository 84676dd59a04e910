import math

import numpy as np
import pytest

from failatlas.rootcauses.exposure import error_rates
from failatlas.statistics import wilson


def test_reference_images_fall_where_their_nearest_error_lies():
    features = np.array([[0.0], [1.0], [10.0]], np.float32)
    reference = np.array([[0.4], [0.9], [6.0], [7.0], [99.0]], np.float32)
    rates = error_rates(np.array([0, 0, 1]), features, reference, 1.0)
    assert (rates[0].value, rates[0].n) == (2 / 4, 4)
    assert (rates[1].value, rates[1].n) == (1 / 4, 4)
    assert (rates[0].low, rates[0].high) == (wilson(2, 4).low, wilson(2, 4).high)


def test_a_tenth_of_the_correct_images_counts_ten_times():
    features = np.zeros((30, 1), np.float32)
    rate = error_rates(np.zeros(30, np.int64), features, np.zeros((7, 1), np.float32), 0.1)[0]
    assert rate.value == pytest.approx(30 / (30 + 70))
    assert rate.low < 0.3 < rate.high


def test_the_interval_of_a_sampled_reference_covers_the_whole_sets_rate():
    rng = np.random.default_rng(0)
    truth, covered, trials = 0.2, 0, 400
    for _ in range(trials):
        # 200 images fall into the cluster; a third of the correct ones are in the sample
        errors = int(rng.binomial(200, truth))
        sampled = int(rng.binomial(200 - errors, 1 / 3))
        labels, reference = np.zeros(errors, np.int64), np.zeros((sampled, 1), np.float32)
        rate = error_rates(labels, np.zeros((errors, 1), np.float32), reference, 1 / 3)[0]
        covered += rate.low <= truth <= rate.high
    assert covered / trials > 0.92


def test_no_correct_image_nearby_is_a_rate_of_one_with_an_interval():
    features = np.array([[0.0], [50.0]], np.float32)
    rates = error_rates(np.array([0, 1]), features, np.array([[49.0]], np.float32), 0.5)
    assert rates[0].value == 1.0
    assert rates[0].low < 0.2


def test_without_reference_nothing_is_said():
    rates = error_rates(np.array([0]), np.zeros((1, 2), np.float32), np.empty((0, 2), np.float32), 1.0)
    assert math.isnan(rates[0].value)
