"""Survey: one pass over a set's images: digests, duplicates, measured properties, and what is unusable.

Streams: beside the survey's own rows (about 400 bytes an image) one image and half a megapixel of working copies are in
memory. A survey of some indices is a shard; `Survey.merge` makes the whole of shards, equal to a survey in one go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices, Pixels, Vector, array_hash, freeze
from failatlas.errors import DataError
from failatlas.images import duplicates
from failatlas.images.fingerprints import SIDE, PerceptualHashes, Thumbnails, perceptual_hash, thumbnails
from failatlas.images.imageset import ImageSet
from failatlas.images.properties import PROPERTIES, luma, measure, shape_properties, working_copy
from failatlas.images.records import BadImage, Quarantined

VERSION = 1  # enters the conductor's keys: raise it when any number below changes
_GROUP_PX = 500_000  # pixels of working copies measured together

_ARRAYS = ("indices", "digests", "pixel_digests", "hashes", "thumbnails", "properties")

Groups = tuple[tuple[str, ...], ...]
Digests = NDArray[np.uint8]  # (n, 32): SHA-256


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Leakage between two splits: images of ``second`` that ``first`` holds too.

    Attributes:
        first, second: splits, in alphabetical order.
        exact: (id in first, id in second) of equal pixels, one pair for each such image of ``second``.
        near: the same for near duplicates that are not exact.
        n_first, n_second: readable images in each.
    """

    first: str
    second: str
    exact: tuple[tuple[str, str], ...]
    near: tuple[tuple[str, str], ...]
    n_first: int
    n_second: int

    def __repr__(self) -> str:
        counts = f"{len(self.exact)} exact, {len(self.near)} near"
        return f"<Overlap {self.first} ({self.n_first}) / {self.second} ({self.n_second}): {counts}>"


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What is known of n readable images, in set order, and of those set aside.

    Attributes:
        ids: n ids.
        indices: (n,) int64 positions in the set, ascending.
        digests: (n, 32) uint8, SHA-256 of the file's bytes (in memory: of the stored pixels).
        pixel_digests: (n, 32) uint8, SHA-256 of the decoded pixels and their shape.
        hashes: (n,) uint64 perceptual hashes.
        thumbnails: (n, 16, 16) uint8 grey.
        names: p names of properties; `properties.PROPERTIES`.
        properties: (n, p) float32.
        notices: by id, what decoding had to say; images without any are absent.
        quarantined: images set aside, by id.
    """

    ids: tuple[str, ...]
    indices: Indices
    digests: Digests
    pixel_digests: Digests
    hashes: PerceptualHashes
    thumbnails: Thumbnails
    names: tuple[str, ...]
    properties: Features
    notices: Mapping[str, tuple[str, ...]]
    quarantined: tuple[Quarantined, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Survey {len(self)} images, {len(self.names)} properties, {len(self.quarantined)} quarantined>"

    @classmethod
    def merge(cls, shards: Sequence[Survey]) -> Survey:
        """One survey of shards over disjoint indices, in any order.

        Raises:
            DataError: two shards hold the same image, or their properties differ.
        """
        if not shards:
            return _survey([], {}, [])
        names = shards[0].names
        if any(shard.names != names for shard in shards):
            raise DataError("shards measure different properties", remedy="survey the set again")
        indices = np.concatenate([shard.indices for shard in shards])
        order = np.argsort(indices, kind="stable")
        ids = [id_ for shard in shards for id_ in shard.ids]
        notices = {id_: told for shard in shards for id_, told in shard.notices.items()}
        ordered = tuple(ids[i] for i in order)
        bad = [entry for shard in shards for entry in shard.quarantined]
        if len({*ids, *(entry.id for entry in bad)}) != len(ids) + len(bad):
            raise DataError("two shards hold the same image", remedy="survey disjoint indices")

        joined: dict[str, Any] = {
            name: freeze(np.concatenate([getattr(shard, name) for shard in shards])[order]) for name in _ARRAYS
        }
        return cls(
            ids=ordered,
            names=names,
            notices={id_: notices[id_] for id_ in ordered if id_ in notices},
            quarantined=tuple(sorted(bad, key=lambda entry: entry.id)),
            **joined,
        )

    @property
    def set_digest(self) -> str:
        """SHA-256 (hex) of every image's id and content, quarantined ones by their code; order plays no part."""
        entries = [(id_, row.tobytes().hex()) for id_, row in zip(self.ids, self.digests, strict=True)]
        entries += [(entry.id, entry.code) for entry in self.quarantined]
        digest = hashlib.sha256()
        for id_, content in sorted(entries):
            name = id_.encode("utf-8", "surrogatepass")
            digest.update(f"{len(name)}:".encode() + name + content.encode() + b"\n")
        return digest.hexdigest()

    @property
    def expected(self) -> Mapping[str, str]:
        """Digest (hex) by id, for `ImageSet.pinned`."""
        return {id_: row.tobytes().hex() for id_, row in zip(self.ids, self.digests, strict=True)}

    def column(self, name: str) -> Vector:
        """One property as (n,) float64.

        Raises:
            DataError: it is not measured.
        """
        if name not in self.names:
            raise DataError(f"no property {name!r}", remedy=f"there are: {', '.join(self.names)}")
        return freeze(self.properties[:, self.names.index(name)].astype(np.float64))

    def exact_duplicates(self) -> Groups:
        """Groups of ids with equal pixels, whatever the files' format; members and groups in set order."""
        return self._groups(duplicates.equal_rows(self.pixel_digests))

    def near_duplicates(
        self, max_distance: int = duplicates.MAX_DISTANCE, max_rms: float = duplicates.MAX_RMS
    ) -> Groups:
        """Groups of ids that look the same; exact duplicates are among them, chains are one group.

        Args:
            max_distance: differing bits of the 64-bit hash; more finds more and costs more.
            max_rms: difference of the grey thumbnails in levels of 255; more finds more, and strangers.
        """
        first = duplicates.equal_rows(self.pixel_digests)
        roots = duplicates.near_groups(self.hashes, self.thumbnails, first, max_distance=max_distance, max_rms=max_rms)
        return self._groups(roots)

    def overlap(self, splits: Mapping[str, str | None]) -> tuple[Overlap, ...]:
        """Leakage between each two splits.

        Args:
            splits: split by id; `ImageSet.splits`. Images of no split take no part.
        """
        first = duplicates.equal_rows(self.pixel_digests)
        roots = duplicates.near_groups(self.hashes, self.thumbnails, first)
        own = [splits.get(id_) for id_ in self.ids]
        found = sorted({split for split in own if split is not None})
        return tuple(self._between(a, b, own, first, roots) for a, b in combinations(found, 2))

    def _between(self, a: str, b: str, own: Sequence[str | None], exact: Indices, near: Indices) -> Overlap:
        by_pixels: dict[int, str] = {}
        by_looks: dict[int, str] = {}
        members = [i for i, split in enumerate(own) if split == a]
        for i in members:
            by_pixels.setdefault(int(exact[i]), self.ids[i])
            by_looks.setdefault(int(near[i]), self.ids[i])
        others = [i for i, split in enumerate(own) if split == b]
        twins = tuple((by_pixels[int(exact[i])], self.ids[i]) for i in others if int(exact[i]) in by_pixels)
        alike = tuple(
            (by_looks[int(near[i])], self.ids[i])
            for i in others
            if int(exact[i]) not in by_pixels and int(near[i]) in by_looks
        )
        return Overlap(a, b, twins, alike, len(members), len(others))

    def _groups(self, roots: Indices) -> Groups:
        groups: dict[int, list[str]] = {}
        for id_, root in zip(self.ids, roots.tolist(), strict=True):
            groups.setdefault(root, []).append(id_)
        return tuple(tuple(members) for members in groups.values() if len(members) > 1)


def survey(images: ImageSet, indices: Iterable[int] | None = None) -> Survey:
    """Read the images at ``indices`` (all by default) once and measure them; an unreadable one is quarantined.

    Says nothing of progress: whoever cuts the set into shards does.
    """
    rows: list[_Row] = []
    waiting: dict[tuple[int, ...], list[_Seen]] = {}
    n_waiting_px = 0
    notices: dict[str, tuple[str, ...]] = {}
    bad: list[Quarantined] = []
    for i in indices if indices is not None else range(len(images)):
        id_ = images.ids[i]
        try:
            decoded, digest = images.read_with_digest(int(i))
        except BadImage as error:
            bad.append(error.quarantined(id_))
            continue
        if decoded.notices:
            notices[id_] = decoded.notices
        seen = _see(int(i), id_, digest, decoded.pixels)
        group = waiting.setdefault(seen.small.shape, [])
        group.append(seen)
        n_waiting_px += seen.small.shape[0] * seen.small.shape[1]
        if n_waiting_px >= _GROUP_PX:  # whatever their sizes: memory is bounded by all that wait
            rows += [row for ready in waiting.values() for row in _measured(ready)]
            waiting, n_waiting_px = {}, 0
    rows += [row for ready in waiting.values() for row in _measured(ready)]
    return _survey(rows, notices, bad)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    index: int
    id: str
    digest: bytes
    pixel_digest: bytes
    shape: tuple[float, float, float]
    small: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    seen: _Seen
    measured: Features
    thumbnail: Thumbnails
    hash: int


def _see(index: int, id_: str, digest: bytes, pixels: Pixels) -> _Seen:
    return _Seen(index, id_, digest, bytes.fromhex(array_hash(pixels)), shape_properties(pixels), working_copy(pixels))


def _measured(group: list[_Seen]) -> list[_Row]:
    pixels = np.stack([seen.small for seen in group])
    grey = luma(pixels)
    measured, thumbs = measure(pixels, grey), thumbnails(grey)
    nothing = np.empty((0, 0, 3), np.uint8)  # the rows stay, the pixels go
    return [
        _Row(replace(seen, small=nothing), numbers, thumb, hash_)
        for seen, numbers, thumb, hash_ in zip(group, measured, thumbs, perceptual_hash(thumbs).tolist(), strict=True)
    ]


def _survey(rows: list[_Row], notices: Mapping[str, tuple[str, ...]], bad: Iterable[Quarantined]) -> Survey:
    rows = sorted(rows, key=lambda row: row.seen.index)
    n = len(rows)
    properties = np.empty((n, len(PROPERTIES)), np.float32)
    thumbs = np.empty((n, SIDE, SIDE), np.uint8)
    for i, row in enumerate(rows):
        properties[i, :-3], properties[i, -3:] = row.measured, row.seen.shape
        thumbs[i] = row.thumbnail
    return Survey(
        ids=tuple(row.seen.id for row in rows),
        indices=freeze(np.array([row.seen.index for row in rows], np.int64)),
        digests=_digests([row.seen.digest for row in rows]),
        pixel_digests=_digests([row.seen.pixel_digest for row in rows]),
        hashes=freeze(np.array([row.hash for row in rows], np.uint64)),
        thumbnails=freeze(thumbs),
        names=PROPERTIES,
        properties=freeze(properties),
        notices={row.seen.id: notices[row.seen.id] for row in rows if row.seen.id in notices},
        quarantined=tuple(sorted(bad, key=lambda entry: entry.id)),
    )


def _digests(rows: list[bytes]) -> Digests:
    return freeze(np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), 32))
