from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from failatlas.clustering.labels import by_size, members, n_clusters, noise_share


@given(st.lists(st.integers(-3, 6), max_size=30))
def test_renaming_keeps_groups_and_orders_them_by_size_then_first_member(given_labels: list[int]):
    labels = by_size(given_labels)
    pairs = {(a if a >= 0 else -1, int(b)) for a, b in zip(given_labels, labels, strict=True)}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    assert all((a < 0) == (b < 0) for a, b in pairs)
    groups = members(labels)
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)
    for one, other in pairwise(groups):
        assert len(one) > len(other) or one[0] < other[0]
    assert n_clusters(labels) == len(groups)
    for cluster, group in enumerate(groups):
        assert group.tolist() == np.flatnonzero(labels == cluster).tolist()
    assert noise_share(labels) == (sum(a < 0 for a in given_labels) / len(labels) if len(labels) else 0)
