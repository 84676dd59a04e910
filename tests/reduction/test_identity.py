import numpy as np

from failatlas.reduction import reducers


def test_none_gives_the_features_and_projects_new_rows_alike():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    part = reducers.create("none")
    assert part.fit_transform(rows).tolist() == rows.tolist()
    assert part.transform(rows[:1]).tolist() == [[0.0, 1.0]]  # type: ignore[attr-defined]
