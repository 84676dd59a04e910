"""Scene: one driver posed - all bodies as a single mesh, and what labels need to know about it.

What depends on the person alone - fitted hair, glasses, clothes, a hand's place - is kept for the last few persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes, select
from failatlas.simulators.driver import eyes, glasses, hair, hand, mask, material, torso
from failatlas.simulators.driver.head import (
    N_SHAPE,
    Expression,
    Faces,
    Identity,
    Points,
    expressed,
    head_data,
    identity,
    lid_vertices,
    rotation,
    turned,
)
from failatlas.simulators.raster import Mesh, vertex_normals

CLOSE_CM = 7.0  # nose and brow shade an eye from no farther
KEPT = 128  # persons whose fitted parts are kept; 64 of them cost 5 MB and save a third of a picture's time
SURELY_HAIR = 1.1  # cm from the hairline: its ragged edge does not reach there


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A posed driver.

    Attributes:
        bodies: everything opaque.
        casters: those that throw shadows: the head and what it wears. Few, so that the shadow map is fine.
        lens: the lenses, or None.
        loops: starts and ends (m, 3) of the mask's ear loops, or None.
        lashes: starts and ends of lashes.
        skin: (v, 3) the posed head without hair; upright: the same before it turned.
        turn: (3, 3) rotation of the head.
        person: who it is.
        openings: of the left and right eye.
    """

    bodies: Mesh
    casters: Mesh
    lens: Mesh | None
    loops: tuple[Points, Points] | None
    lashes: tuple[Points, Points]
    skin: Points
    upright: Points
    turn: NDArray[np.float32]
    person: Identity
    openings: tuple[eyes.Opening, eyes.Opening]

    def eye(self, side: int) -> NDArray[np.float32]:
        """(3,) centre of the left (0) or right (1) eye in the world, cm."""
        centre: NDArray[np.float32] = turned(self.person.eye_centre(side)[np.newaxis], self.turn)[0]
        return centre


def scene(values: Values, close: bool) -> Scene:
    """The driver that a simulator's values describe; ``close`` adds lashes, too thin to be seen in a face view."""
    person = _person(tuple(float(values[f"shape_{k}"]) for k in range(N_SHAPE)))
    upright, teeth = expressed(person, _expression(values))
    turn = rotation(float(values["head_yaw"]), float(values["head_pitch"]), float(values["head_roll"]))
    skin = turned(upright, turn, head_data().neck)
    style = str(values["hair_style"])
    # the few mm of hair on the neck turn with the skull, not by the neck's share: nobody sees it
    scalp = skin + _scalp(person, style, float(values["hairline"])) @ turn.T
    openings = eyes.openings(upright, person)
    shut = not (values["jaw"] or values["smile"])
    kind = _head_kind(style, float(values["hairline"]), shut)
    bodies = [_Body(kind, scalp, _lid_normals(vertex_normals(_tight(scalp), kind.faces), scalp, person, turn))]
    bodies.append(_eyes(person, turn))
    still = [*_still(str(values["collar"]), str(values["belt"]))]
    if not shut:
        bodies.append(_Body(_teeth_kind(), turned(teeth, turn)))
    locks, locks_kind = _hair(style, person)
    if len(locks.points):
        bodies.append(_Body(locks_kind, turned(locks.points, turn, locks.follows)))
    loops = None
    if values["mask"] != "none":
        cloth = mask.worn(upright)
        starts, ends = mask.loops(person, cloth)
        loops = (turned(starts, turn), turned(ends, turn))
        bodies.append(_Body(_mask_kind(), turned(cloth, turn)))
    lens = None
    if values["glasses"] != "none":
        frame, frame_kind = _glasses(str(values["glasses_shape"]), person, values["glasses"] == "sun")
        bodies.append(_Body(frame_kind, turned(frame.rim, turn)))
        lens = Mesh.of(turned(frame.lens, turn), frame.lens_faces, material=material.LENS, two_sided=True)
    if values["hand"] != "none":
        place, side = str(values["hand_place"]), str(values["hand_side"])
        held, arm = _hand(person, turn, place, side, values["hand"] == "sleeve")
        bodies.append(held)
        still.append(arm)
    lashes = _lashes(upright, person, turn) if close else (_NOTHING, _NOTHING)
    mesh = _mesh(bodies + still, openings)
    return Scene(mesh, _first(mesh, bodies), lens, loops, lashes, skin, upright, turn, person, openings)


def near(mesh: Mesh, middle: tuple[float, float, float]) -> Mesh:
    """The part of a mesh that can shade what a close view of ``middle`` sees, for a finer shadow map."""
    points = np.empty_like(mesh.positions)
    _keep_near(mesh.positions, *middle, points)
    return Mesh(points, mesh.triangles, mesh.normals, mesh.attributes, mesh.materials, mesh.two_sided)


@compiled(exact=True)
def _keep_near(positions: Lane, x: float, y: float, z: float, out: Lane) -> None:
    for i in lanes(positions.shape[0]):
        dx, dy, dz = positions[i, 0] - x, positions[i, 1] - y, positions[i, 2] - z
        close = dx * dx + dy * dy + dz * dz < CLOSE_CM * CLOSE_CM
        for k in range(3):
            out[i, k] = select(close, positions[i, k], np.nan)


_NOTHING: Points = np.zeros((0, 3), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What a body keeps from picture to picture: triangles, attributes (n, 8), material of each triangle."""

    faces: Faces
    attributes: NDArray[np.float32]
    materials: NDArray[np.uint8]
    two_sided: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Body:
    """One body in the world; normals are computed from the triangles unless given."""

    kind: _Kind
    points: Points
    normals: Points | None = None


def _mesh(bodies: list[_Body], openings: tuple[eyes.Opening, eyes.Opening]) -> Mesh:
    faces, attributes, materials, two_sided = _joined(tuple(body.kind for body in bodies))
    attributes = attributes.copy()
    start, unit = len(bodies[0].points), eyes.cap()[0]
    for side, gap in enumerate(openings):  # the eyes come second; lids shade them anew in every picture
        rows = slice(start + side * len(unit), start + (side + 1) * len(unit))
        attributes[rows, 4:6] = eyes.clearance(*eyes.cap_angles(), gap)
    normals = [b.normals if b.normals is not None else vertex_normals(_tight(b.points), b.kind.faces) for b in bodies]
    points = np.concatenate([body.points for body in bodies], dtype=np.float32)
    return Mesh(points, faces, np.concatenate(normals, dtype=np.float32), attributes, materials, two_sided)


def _first(mesh: Mesh, bodies: list[_Body]) -> Mesh:
    """The first bodies of a mesh, as views."""
    v, t = sum(len(body.points) for body in bodies), sum(len(body.kind.faces) for body in bodies)
    return Mesh(
        mesh.positions[:v],
        mesh.triangles[:t],
        mesh.normals[:v],
        mesh.attributes[:v],
        mesh.materials[:t],
        mesh.two_sided[:t],
    )


def _tight(points: Points) -> Points:
    return np.ascontiguousarray(points, np.float32)


@lru_cache(maxsize=64)
def _joined(
    kinds: tuple[_Kind, ...],
) -> tuple[Faces, NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]:
    start = np.cumsum([0] + [len(kind.attributes) for kind in kinds])
    faces = [kind.faces + np.int32(offset) for kind, offset in zip(kinds, start, strict=False)]
    sides = [np.full(len(kind.faces), kind.two_sided) for kind in kinds]
    return (
        np.concatenate(faces).astype(np.int32),
        np.concatenate([kind.attributes for kind in kinds]),
        np.concatenate([kind.materials for kind in kinds]),
        np.concatenate(sides),
    )


def _kind(
    faces: Faces,
    place: NDArray[np.float32],
    of: int,
    *masks: NDArray[np.float32] | float,
    ao: NDArray[np.float32] | float = 1.0,
    two_sided: bool = False,
) -> _Kind:
    """Attributes in the order of `material`: canonical place, occlusion, up to four masks."""
    attributes = np.zeros((len(place), material.N_ATTRIBUTES), np.float32)
    attributes[:, :3], attributes[:, 3] = place, ao
    for number, values in enumerate(masks):
        attributes[:, 4 + number] = values
    return _Kind(freeze(faces), freeze(attributes), freeze(np.full(len(faces), of, np.uint8)), two_sided)


def _expression(values: Values) -> Expression:
    return Expression(
        open_left=float(values["eye_open_left"]),
        open_right=float(values["eye_open_right"]),
        gaze_yaw=float(values["gaze_yaw"]),
        gaze_pitch=float(values["gaze_pitch"]),
        jaw=float(values["jaw"]),
        smile=float(values["smile"]),
        brows=float(values["brows"]),
    )


@lru_cache(maxsize=KEPT)
def _person(coefficients: tuple[float, ...]) -> Identity:
    return identity(coefficients)


@lru_cache(maxsize=KEPT)
def _head_kind(style: str, line: float, shut: bool) -> _Kind:
    """The head; triangles well above the hairline are hair, those across it skin that draws the edge per pixel.

    Behind the eyes, and behind lips that are ``shut``, nothing is ever seen: those triangles are left out.
    """
    data = head_data()
    kind = _kind(data.faces, data.mean, material.SKIN, data.lips, data.lids, data.ears, ao=data.ao)
    materials = np.full(len(data.faces), material.SKIN, np.uint8)
    look = hair.hair_look({"hair_style": style, "hair_colour": "black", "hairline": line})
    above = hair.above_line(look)[data.faces]
    if look.cover:
        materials[(above > -SURELY_HAIR).any(axis=1)] = material.SCALP
    if look.cover == 1:
        materials[(above > SURELY_HAIR).all(axis=1)] = material.HAIR
    materials[(data.inside[data.faces] > 0.5).all(axis=1)] = material.MOUTH
    hidden = (_socket()[data.faces]).all(axis=1)
    if shut:
        hidden |= ((data.inside > 0.9) & (data.mean[:, 1] < -5.6) & (data.mean[:, 2] < 2.0))[data.faces].all(axis=1)
    return _Kind(freeze(kind.faces[~hidden]), kind.attributes, freeze(materials[~hidden]))


def _socket() -> NDArray[np.bool_]:
    """(v,) inside of a ball, and no lid."""
    data = head_data()
    away = data.mean - data.eye_mean[:3] * np.where(data.mean[:, :1] > 0, 1, [[-1, 1, 1]])
    inside: NDArray[np.bool_] = ((away * away).sum(axis=1) < (0.97 * data.eye_mean[3]) ** 2) & (data.lids < 0.02)
    return inside


@lru_cache(maxsize=KEPT)
def _scalp(person: Identity, style: str, line: float) -> Points:
    """(v, 3) shift of the head's vertices by short hair."""
    look = hair.hair_look({"hair_style": style, "hair_colour": "black", "hairline": line})
    away = vertex_normals(_tight(person.rest), head_data().faces)
    return freeze(away * hair.thickness(hair.STYLES[style], look)[:, np.newaxis])


@cache
def _teeth_kind() -> _Kind:
    data = head_data()
    return _kind(data.teeth_faces, data.teeth, material.MOUTH, 0.0, 0.0, 0.0, 1.0, ao=1.0, two_sided=True)


def _lid_normals(normals: Points, skin: Points, person: Identity, turn: NDArray[np.float32]) -> Points:
    """Normals of lids lean away from the ball: where they shut the mesh folds, and would be shaded as a dark crease."""
    for side in (0, 1):
        centre = turned(person.eye_centre(side)[np.newaxis], turn)[0]
        _lean(lid_vertices(side), skin, centre, head_data().lids, normals)
    return normals


@compiled
def _lean(rows: Lane, skin: Lane, centre: Lane, share: Lane, normals: Lane) -> None:
    for i in lanes(rows.shape[0]):
        v = rows[i]
        x, y, z = skin[v, 0] - centre[0], skin[v, 1] - centre[1], skin[v, 2] - centre[2]
        part = share[v] * 0.8
        away = part / np.sqrt(x * x + y * y + z * z)
        x = normals[v, 0] * (1.0 - part) + x * away
        y = normals[v, 1] * (1.0 - part) + y * away
        z = normals[v, 2] * (1.0 - part) + z * away
        size = 1.0 / np.sqrt(x * x + y * y + z * z)
        normals[v, 0] = x * size
        normals[v, 1] = y * size
        normals[v, 2] = z * size


def _eyes(person: Identity, turn: NDArray[np.float32]) -> _Body:
    unit, _ = eyes.cap()
    balls = [turned(unit * person.eye[3] + person.eye_centre(side), turn) for side in (0, 1)]
    return _Body(_eyes_kind(), np.concatenate(balls), np.concatenate([unit @ turn.T] * 2))


@cache
def _eyes_kind() -> _Kind:
    unit, faces = eyes.cap()
    return _kind(np.concatenate([faces, faces + np.int32(len(unit))]), np.concatenate([unit, unit]), material.EYE)


@lru_cache(maxsize=KEPT)
def _hair(style: str, person: Identity) -> tuple[hair.Hair, _Kind]:
    locks = hair.hair(hair.STYLES[style], person)
    return locks, _kind(locks.faces, locks.points, material.HAIR, ao=0.9, two_sided=True)


@lru_cache(maxsize=KEPT)
def _still(collar: str, belt: str) -> tuple[_Body, ...]:
    """What does not move with the head: clothes, seat, belt."""
    neck, shoulders, ring = torso.clothes(collar)
    parts = [(shoulders, material.CLOTH), (ring, material.CLOTH), (torso.seat(), material.SEAT)]
    if belt != "none":
        parts.append((torso.belt(shoulders, belt), material.BELT))
    bodies = [_Body(_kind(neck.faces, neck.points, material.BARE, ao=0.6), neck.points)]
    for part, of in parts:
        kind = _kind(part.faces, part.points, of, *part.masks.T, ao=0.85, two_sided=part.two_sided)
        bodies.append(_Body(kind, part.points))
    return tuple(_Body(body.kind, body.points, vertex_normals(body.points, body.kind.faces)) for body in bodies)


@cache
def _mask_kind() -> _Kind:
    cloth = mask.mask()
    return _kind(cloth.faces, cloth.points, material.FABRIC, *cloth.weave.T, two_sided=True)


@lru_cache(maxsize=KEPT)
def _glasses(shape: str, person: Identity, sun: bool) -> tuple[glasses.Glasses, _Kind]:
    frame = glasses.glasses(glasses.SHAPES[shape], person, sun)
    return frame, _kind(frame.rim_faces, frame.rim, material.RIM, two_sided=True)


def _hand(person: Identity, turn: NDArray[np.float32], place: str, side: str, sleeve: bool) -> tuple[_Body, _Body]:
    held, kind = _placed_hand(person, place, side)
    points = turned(held.points, turn)
    wrist, arm = turned(held.wrist[np.newaxis], turn)[0], turn @ held.arm
    tube, faces, weave = hand.forearm(wrist, arm, side, sleeve)
    if sleeve:
        lower = _kind(faces, tube, material.CLOTH, *weave.T, two_sided=True)
    else:
        lower = _kind(faces, tube, material.BARE, two_sided=True)
    return _Body(kind, points), _Body(lower, tube)


@lru_cache(maxsize=KEPT)
def _placed_hand(person: Identity, place: str, side: str) -> tuple[hand.Hand, _Kind]:
    held = hand.hand(hand.PLACES[place], side, person)
    return held, _kind(held.faces, held.points, material.BARE)


def _lashes(upright: Points, person: Identity, turn: NDArray[np.float32]) -> tuple[Points, Points]:
    starts, ends = eyes.lashes(upright, person)
    return turned(starts, turn), turned(ends, turn)
