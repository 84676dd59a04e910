"""Subjects: people drawn so that what belongs together goes together, numbered so that splits can keep them apart."""

from __future__ import annotations

import numpy as np

from failatlas.parameters import Value
from failatlas.seeds import generator
from failatlas.simulators.driver.head import N_SHAPE

HAIR = ("black", "brown", "auburn", "blond")
# shares of natural hair and eye colours from light to dark skin, in the order of HAIR and IRIS
_HAIR_OF = ((0.10, 0.42, 0.12, 0.36), (0.30, 0.50, 0.06, 0.14), (0.78, 0.21, 0.01, 0.0), (0.96, 0.04, 0.0, 0.0))
IRIS = ("dark", "brown", "hazel", "green", "blue", "grey")
_IRIS_OF = (
    (0.03, 0.22, 0.16, 0.13, 0.34, 0.12),
    (0.15, 0.45, 0.18, 0.08, 0.10, 0.04),
    (0.45, 0.48, 0.06, 0.01, 0.0, 0.0),
    (0.75, 0.25, 0.0, 0.0, 0.0, 0.0),
)
_SHORT = ("bald", "crop", "short", "side", "afro")
_LONG = ("bob", "long", "bun", "ponytail", "side")
_OFTEN_SHORT, _OFTEN_LONG = (0.12, 0.23, 0.35, 0.24, 0.06), (0.26, 0.28, 0.16, 0.18, 0.12)


def subject(seed: int) -> dict[str, Value]:
    """The identity parameters of one person; same seed, same person.

    Shape N(0, 1) within ±2; tone evenly from light to dark; colours of hair and eyes follow the tone, brows follow the
    hair save that white hair often keeps darker ones, grey comes to a fifth, beards only with the haircuts of men.
    """
    random = generator(seed, "driver", "subject")
    shape: dict[str, Value] = {
        f"shape_{k}": float(x) for k, x in enumerate(np.clip(random.standard_normal(N_SHAPE), -2, 2))
    }
    tone = float(random.uniform(0, 1))
    group = min(3, int(tone * 4))
    natural = str(random.choice(HAIR, p=_HAIR_OF[group]))
    age = float(random.uniform(0, 1))  # 0 young … 1 old
    colour = natural if random.random() > 0.55 * age**1.5 else str(random.choice(("grey", "white"), p=(0.65, 0.35)))
    brow = natural if colour in HAIR or random.random() < 0.6 else colour
    if colour == "blond" and random.random() < 0.7:
        brow = "brown"
    is_bearded_kind = bool(random.random() < 0.5)
    style = str(random.choice(_SHORT, p=_OFTEN_SHORT) if is_bearded_kind else random.choice(_LONG, p=_OFTEN_LONG))
    beard = str(random.choice(("none", "stubble", "full"), p=(0.5, 0.27, 0.23))) if is_bearded_kind else "none"
    if style == "afro" and tone < 0.5:
        style = "short"
    return shape | {
        "skin_tone": tone,
        "skin_gloss": float(random.uniform(0.2, 0.7)),
        "freckles": float(random.uniform(0.3, 1)) if tone < 0.35 and random.random() < 0.3 else 0.0,
        "lip_colour": float(random.uniform(0.35, 0.7) if is_bearded_kind else random.uniform(0.45, 1.0)),
        "hair_style": style,
        "hair_colour": colour,
        "hairline": float(random.uniform(-0.4, 1.4) if is_bearded_kind else random.uniform(-0.5, 0.4)),
        "brow_colour": brow,
        "brow_density": float(random.uniform(0.55, 1.0) if is_bearded_kind else random.uniform(0.4, 0.85)),
        "beard": beard,
        "iris_colour": str(random.choice(IRIS, p=_IRIS_OF[group])),
    }
