import numpy as np

from failatlas.rootcauses.counterexamples import counterexamples


def test_two_medoids_never_share_a_counterexample():
    medoids = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]], np.float32)
    reference = np.array([[5.0, 5.1], [0.0, 0.2], [0.1, 0.0]], np.float32)
    assert counterexamples(medoids, reference).tolist() == [2, 1, 0]


def test_fewer_reference_images_than_medoids_give_as_many_as_there_are():
    medoids = np.zeros((5, 2), np.float32)
    assert counterexamples(medoids, np.ones((2, 2), np.float32)).tolist() == [0, 1]
    assert counterexamples(medoids, np.empty((0, 2), np.float32)).tolist() == []
