"""Materials: what a triangle is made of, and which row of the shaded points means what."""

from __future__ import annotations

SKIN, EYE, HAIR, CLOTH, FABRIC, RIM, SEAT, BELT, MOUTH, LENS, SCALP, BARE = range(12)

# rows of the points to shade: world position and normal come from the raster, the rest from the vertices
X, Y, Z, NX, NY, NZ, CX, CY, CZ, AO, M0, M1, M2, M3 = range(14)
N_ATTRIBUTES = 8
"""Of a vertex: place in the canonical head (3), ambient occlusion, and four masks whose meaning is the material's.

skin of the face and, near the hairline, of the scalp: lips, eyelids, ears; mouth: 1 for teeth in the fourth; eye:
clearance of the upper and of the lower lid, rad; cloth, mask, seat, belt: two coordinates of the weave (cm), share of
trim.  Bare skin (hands, neck), hair, rims and lenses use none.
"""

HEAD_SKIN = (SKIN, SCALP)
