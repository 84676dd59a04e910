"""Landmarks under a scenario: each stays on what it marked, and is not marked where nobody can see it."""

import numpy as np
import pytest

from failatlas.images import ImageRecord, ImageSet
from failatlas.injection import inject
from failatlas.injection.landmarks import answered
from failatlas.models.model import Preprocess
from failatlas.outcomes import run
from failatlas.simulators.effects import effects
from failatlas.simulators.scenarios import create, parse
from failatlas.tasks import Classification, Landmarks

HEIGHT, WIDTH = 60, 80


def dot(x, y, radius=4.0):
    """A soft white disc about a point, in pixels from the upper left corner."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    distance = np.hypot(columns - x, rows - y)
    return (255 * np.clip(radius + 0.5 - distance, 0, 1)).astype(np.uint8)


def centre(picture):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    light = picture.astype(np.float64)
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@pytest.mark.parametrize("place", [(40, 30), (28.5, 21), (50, 36.5)])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("scaling", {"factor": 0.5}),
        ("scaling", {"factor": 0.37, "shift_x": 0.2, "shift_y": -0.15}),
        ("scaling", {"factor": 1.6}),
        ("scaling", {"factor": 1.3, "shift_x": -0.1}),
        ("rotation", {"angle_deg": 30.0}),
        ("rotation", {"angle_deg": -75.0}),
        ("rotation", {"angle_deg": 180.0}),
    ],
)
def test_a_point_is_where_the_picture_shows_it(name, values, place):
    values = {**values, "fill": "black"}
    changed = effects[name].apply(dot(*place), **values)
    moved = effects[name].points(np.array([place], np.float64), (HEIGHT, WIDTH), **values)
    assert centre(changed) == pytest.approx(moved[0], abs=0.15)


def test_points_under_a_cover_cannot_be_seen():
    points = np.array([[1.0, 1.0], [40, 30], [79, 59]])
    values = {"area": 0.25, "x": 0.5, "y": 0.5}
    covered = effects["occlusion"].apply(np.zeros((HEIGHT, WIDTH), np.uint8), **values)
    moved = effects["occlusion"].points(points, (HEIGHT, WIDTH), **values)
    hidden = np.isnan(moved).all(axis=1)
    assert hidden.tolist() == [bool(covered[int(y), int(x)]) for x, y in points] == [False, True, False]
    assert np.array_equal(moved[~hidden], points[~hidden])


def test_other_effects_move_nothing():
    points = np.array([[3.0, 4.0]])
    for name, effect in effects.items():
        if name not in ("scaling", "rotation", "occlusion"):
            assert effect.points(points, (HEIGHT, WIDTH)) is points


def drawn(text):
    return parse(text).draw(np.random.default_rng(0))


@pytest.mark.parametrize("layout", ["xyxy", "xxyy"])
def test_landmarks_move_and_those_beyond_the_border_are_not_marked(layout):
    points = np.array([[40.0, 30], [60, 30], [78, 2], [0, 0]])
    target = (points if layout == "xyxy" else points.T).ravel()
    record = ImageRecord("a", "a", target=tuple(target.tolist()))
    task = Landmarks(2.0, layout=layout)
    moved = answered(record, drawn("rotation:angle_deg=90"), (HEIGHT, WIDTH), task).target
    # what is right of the middle goes up; the corner leaves the picture, the unmarked one stays unmarked
    expected = np.array([[40.0, 30], [40, 10], [0, 0], [0, 0]])
    assert moved == pytest.approx((expected if layout == "xyxy" else expected.T).ravel(), abs=1e-9)


def test_joined_effects_move_landmarks_one_after_the_other():
    record = ImageRecord("a", "a", target=(60.0, 30.0))
    injection = drawn("scaling:factor=0.5 + rotation:angle_deg=90 + noise")
    assert answered(record, injection, (HEIGHT, WIDTH), Landmarks(2.0)).target == pytest.approx((40, 20))


def test_answers_about_the_scene_stay():
    for scenario in ("rotation", "scaling", "occlusion"):
        record = ImageRecord("a", "a", label="left", target=(3.0, 4.0))
        assert answered(record, drawn(scenario), (HEIGHT, WIDTH), Classification(("left",))) is record
    assert answered(record, drawn("noise"), (HEIGHT, WIDTH), Landmarks(2.0)) is record


class Pointer:
    """Points at the lightest place, but believes that pictures are 1.2 times as light on the left."""

    name, digest, preprocess = "pointer", "p" * 64, Preprocess()

    def predict(self, pixels):
        def point(picture):
            light = picture[..., 0] * np.linspace(1.2, 1, WIDTH)
            row, column = np.unravel_index(light.argmax(), light.shape)
            return column + 0.5, row + 0.5

        return np.array([point(picture) for picture in pixels], np.float32)


def test_a_network_that_follows_its_landmark_does_not_fail_on_a_turned_picture(tmp_path):
    random = np.random.default_rng(0)
    places = random.uniform((25, 20), (55, 40), (40, 2))
    pixels = np.stack([dot(*place, radius=1.5) for place in places])
    images = ImageSet.from_arrays(pixels, ids=[f"p{i}" for i in range(40)], targets=places)
    task, model = Landmarks(2.0), Pointer()
    outcomes = run(model, images, task)
    assert outcomes.n_errors == 0
    turned, covered = create("rotation", fill="black"), create("occlusion", area=0.1, grey=250.0)
    made = inject(model, images, outcomes, task, [turned, covered], tmp_path, per_scenario=10, seed=0)
    assert [tally.kept for tally in made.tallies] == [0, 10]
    # who covers the only landmark leaves nothing to be right about
    assert "have no right answer any more" in made.tallies[1].note
    assert run(model, made.images, task).is_error.all()
