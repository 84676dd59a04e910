"""Materials: what a triangle is made of, and which row of the shaded points means what."""

from __future__ import annotations

SKIN, EYE, HAIR, CLOTH, FABRIC, RIM, SEAT, BELT, MOUTH, LASH, LENS = range(11)

# rows of the points to shade: world position and normal come from the raster, the rest from the vertices
X, Y, Z, NX, NY, NZ, CX, CY, CZ, AO, M0, M1, M2, M3 = range(14)
N_ATTRIBUTES = 8
"""Of a vertex: place in the canonical head (3), ambient occlusion, and four masks whose meaning is the material's.

skin: lips, eyelids, ears, bare hand; hair: distance to the edge in cm, place along the strand; eye: clearance of the
upper and of the lower lid in radians; cloth and fabric: two coordinates of the weave, share of trim, unused.
"""

NAMES = ("skin", "eye", "hair", "cloth", "mask", "glasses", "seat", "belt", "mouth", "lash", "lens")
