"""A report's document, made up in numbers but real in every type: no network, no files, no mock."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from failatlas.arrays import NOISE
from failatlas.curves import Curve
from failatlas.errors import DataError
from failatlas.images.records import Quarantined
from failatlas.models.model import Preprocess
from failatlas.outcomes.outcome import Outcomes
from failatlas.pipelines.grouping import Grouping
from failatlas.report.document import DataCard, Document, LayerRow, ModelCard, RelevanceCard
from failatlas.rootcauses.rootcause import RootCause, RootCauses, Rule
from failatlas.statistics import Interval, wilson

CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@dataclass
class Painted:
    """Pictures painted from a hash of their id; ``broken`` ids cannot be read, ``blank`` ones have no relevance."""

    size: int = 28
    heat: bool = True
    broken: frozenset[str] = frozenset()
    asked: Counter[str] = field(default_factory=Counter)

    def thumbnail(self, image: str) -> np.ndarray:
        if image in self.broken:
            raise DataError("cut short", where=image, remedy="copy it again", code="E_IMG_TRUNCATED")
        self.asked[image] += 1
        rng = np.random.default_rng(sum(image.encode("utf-8", "surrogatepass")))
        y, x = np.mgrid[0 : self.size, 0 : self.size] / self.size
        shade = np.clip(1 - 4 * ((x - rng.uniform(0.3, 0.7)) ** 2 + (y - 0.5) ** 2), 0, 1)
        return np.round(255 * shade[..., None] * rng.uniform(0.4, 1, 3)).astype(np.uint8)

    def heatmap(self, image: str) -> np.ndarray | None:
        return bump(sum(image.encode("utf-8", "surrogatepass"))) if self.heat else None


def bump(seed: int, size: int = 14) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    a, b, c, d = rng.uniform(0.2, 0.8, 4)
    blobs = np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.02) - 0.6 * np.exp(-((x - c) ** 2 + (y - d) ** 2) / 0.03)
    return blobs.astype(np.float32)


def outcomes_of(ids: Sequence[str], predicted: Sequence[str], expected: Sequence[str]) -> Outcomes:
    n = len(ids)
    is_error = np.array([p != e for p, e in zip(predicted, expected, strict=True)], dtype=bool)
    return Outcomes(
        ids=tuple(ids),
        indices=np.arange(n),
        outputs=np.zeros((n, 2), np.float32),
        predicted=tuple(predicted),
        expected=tuple(expected),
        is_error=is_error,
        severity=is_error.astype(np.float64),
        uncertainty=np.full(n, np.nan),
        score=np.zeros(n, np.int64),
    )


def cause_of(
    cluster: int, members: Sequence[str], outcomes: Outcomes, *, rank: int, heat: bool, rng: np.random.Generator
) -> RootCause:
    place = {image: i for i, image in enumerate(outcomes.ids)}
    pairs = Counter((outcomes.expected[place[m]], outcomes.predicted[place[m]]) for m in members)
    confusion = tuple((e, p, c) for (e, p), c in pairs.most_common())
    n_errors = int(outcomes.is_error.sum())
    right = [image for image, wrong in zip(outcomes.ids, outcomes.is_error, strict=True) if not wrong]
    stability = float(rng.uniform(0.35, 0.99))
    hits = int(0.8 * len(members)) + 1
    return RootCause(
        id=cluster,
        name="noise" if cluster == NOISE else f"{confusion[0][0]} taken for {confusion[0][1]}, dark",
        members=tuple(members),
        share=wilson(len(members), n_errors),
        severity=1.0 + cluster / 50,
        risk=len(members) / len(outcomes.ids),
        rank=rank,
        medoids=() if cluster == NOISE else tuple(members[:3]),
        counterexamples=tuple(right[3 * rank : 3 * rank + 3]),
        confusion=confusion,
        rules=()
        if cluster == NOISE or cluster % 4 == 3
        else (Rule(("brightness ≤ 0.31", "edge_density > 0.12"), wilson(hits, hits + 9), wilson(hits, hits + 4)),),
        properties={
            key: (float(rng.uniform()), float(rng.uniform()), float(rng.uniform(-1, 1)))
            for key in ("brightness", "contrast", "blur", "edge_density", "saturation", "entropy")
        },
        compactness=float(rng.uniform(0.3, 1.1)),
        stability=Interval(stability, stability - 0.05, min(1.0, stability + 0.04), 50, "spread"),
        error_rate=wilson(len(members), 3 * len(members)),
        null_p=float(rng.uniform(0.001, 0.2)),
        heatmap=bump(cluster + 100) if heat and cluster != NOISE else np.zeros((0, 0), np.float32),
    )


def build(
    *,
    sizes: Sequence[int] = (40, 25, 12, 9, 5),
    n_noise: int = 14,
    n_right: int = 900,
    heat: bool = True,
    pictures: object = None,
    image_id: Callable[[int], str] = lambda i: f"test/{i:05d}.png",
    classes: Sequence[str] = CLASSES,
    seed: int = 0,
) -> Document:
    """A document with clusters of these sizes, so much noise and so many images handled correctly."""
    rng = np.random.default_rng(seed)
    n_errors = sum(sizes) + n_noise
    labels = np.array([c for c, size in enumerate(sizes) for _ in range(size)] + [NOISE] * n_noise, dtype=np.int64)
    ids = [image_id(i) for i in range(n_errors + n_right)]
    expected = [classes[max(int(c), 0) % len(classes)] for c in labels] + [
        classes[i % len(classes)] for i in range(n_right)
    ]
    predicted = [classes[(max(int(c), 0) + 1 + int(i % 7 == 6)) % len(classes)] for i, c in enumerate(labels)]
    outcomes = outcomes_of(ids, predicted + expected[n_errors:], expected)
    middles = rng.normal(scale=6, size=(len(sizes) + 1, 2))
    spread = np.where(labels == NOISE, 5.0, 0.8)[:, None]
    at = (middles[labels] + spread * rng.normal(size=(n_errors, 2))).astype(np.float32).reshape(-1, 2)
    groups = {c: [ids[i] for i in np.flatnonzero(labels == c)] for c in range(NOISE, len(sizes))}
    causes = tuple(cause_of(c, groups[c], outcomes, rank=c + 1, heat=heat, rng=rng) for c in range(len(sizes)))
    noise = cause_of(NOISE, groups[NOISE], outcomes, rank=0, heat=False, rng=rng) if n_noise else None
    k = np.arange(2, 30, dtype=np.float64)
    accuracy = wilson(n_right, n_errors + n_right)
    return Document(
        title="Why the reference network fails on Fashion-MNIST",
        command="failatlas analyze --case fashion --split test --pipeline best --seed 0 --out run",
        seed=0,
        data=DataCard(
            name="fashion-mnist/test",
            digest="3b" * 32,
            n_images=len(ids) + 2,
            classes=dict.fromkeys(classes, 100),
            splits={"test": len(ids) + 2},
            n_exact=3,
            n_near=17,
            leakage=("4 test images are also in the training split.",),
            quarantined=(
                Quarantined("test/broken.png", "E_IMG_TRUNCATED", "file ends after 312 of 784 rows"),
                Quarantined("test/text.png", "E_IMG_FORMAT", "not an image"),
            ),
        ),
        model=ModelCard(
            "fashion-cnn",
            "module + safetensors",
            "c4" * 32,
            "classification: highest score is not the label",
            accuracy,
            Preprocess((28, 28), 1, 1 / 255, (0.286,), (0.353,)),
        ),
        outcomes=outcomes,
        grouping=Grouping(
            ids=tuple(ids[:n_errors]),
            labels=labels,
            embedding=at,
            map=at,
            pipeline="backbone+umap+dbscan",
            parameters={"umap.n_components": 25, "umap.n_neighbors": 15, "dbscan.eps": 0.4213, "dbscan.min_samples": 5},
            curves=(
                Curve("n_clusters", "WICD", k, 1 / k, 8.0, "knee"),
                Curve(
                    "eps",
                    "distance to the 5th neighbour",
                    np.linspace(0, 1, 50),
                    np.linspace(0, 1, 50) ** 6,
                    0.7,
                    "knee",
                ),
            ),
            notes=("Cosine distance on rows of length 1.",),
            seed=0,
        ),
        root_causes=RootCauses(causes, noise, np.arange(len(sizes)), ("Stability from 50 subsamples.",)),
        pictures=pictures or Painted(heat=heat),
        relevance=RelevanceCard(
            "epsilon-plus",
            "features.6",
            (
                LayerRow("classifier", 0.012, 0.31, 1e-7),
                LayerRow("features.6", 0.034, 0.27, 0.002),
                LayerRow("features.3", 0.05, 0.4, 0.12),
                LayerRow("pixels", float("nan"), float("nan"), 0.01),
            ),
        )
        if heat
        else None,
        settings={"pipeline": "best", "max_bad": 0.01, "trust_code": False, "layer": None},
        versions={"failatlas": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        hashes={"outcomes": "9a" * 32, "grouping": "77" * 32},
        timings={"outcomes": 3.2, "features": 41.0, "clusters": 6.5},
    )


@pytest.fixture(scope="session")
def make() -> Callable[..., Document]:
    return build


@pytest.fixture(scope="session")
def document() -> Document:
    return build()


@pytest.fixture(scope="session")
def replaced() -> Callable[..., Document]:
    return dataclasses.replace


# ways in which text has become script elsewhere; 40 of them, each also a legal file name on some system
PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<<script>alert(1)//<</script>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<img src=x onerror=alert(1)//",
    "<img src=`x` onerror=alert(1)>",
    '<img/src="x"/onerror=alert(1)>',
    '" onload="alert(1)',
    "' onmouseover='alert(1)",
    "` onfocus=`alert(1)",
    " onfocus=alert(1) autofocus tabindex=1 ",
    "<svg onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg/>'/></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<!--><script>alert(1)</script>-->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "${alert(1)}{{constructor.constructor('alert(1)')()}}",
    "\u202e<b>\x1b]8;;x\x07\n</b>\udcff\u2028",
)


@pytest.fixture(scope="session")
def payloads() -> tuple[str, ...]:
    return PAYLOADS


@pytest.fixture(scope="session")
def painted() -> type[Painted]:
    return Painted
