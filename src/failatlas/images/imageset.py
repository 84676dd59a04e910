"""Image set: ordered records and the source of their pixels.  Making one opens no image; reading one opens just that.

>>> images = ImageSet.from_arrays(np.zeros((3, 8, 8), np.uint8), labels=["bag", "coat", "bag"], split="test")
>>> images
<ImageSet 3 images, 2 classes, split test>
>>> images.read(0).pixels.shape
(8, 8, 3)
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices, Pixels, Vector, freeze
from failatlas.errors import DataError, ResourceError, ShapeError
from failatlas.images.decoding import Decoding
from failatlas.images.folder import Listing, read_folder
from failatlas.images.records import BadImage, Batch, Decoded, ImageRecord
from failatlas.images.schema import read_parameters
from failatlas.images.sources import ArraySource, FolderSource, JoinedSource, Source
from failatlas.parameters import Space

_MANIFESTS = ("manifest.csv", "manifest.jsonl", "manifest.parquet", "manifest.json", "_annotations.coco.json")
_BATCH_PX = 64_000_000  # a batch ends here even when it is short: 200 MB, whatever the photographs' size

OnBad = Callable[[int, BadImage], None]


@final
class ImageSet:
    """An ordered set of images.

    Args:
        records: their ids must be unique.
        source: where the pixels come from.
        notices: what was found while listing, for people.
        expected: digests (hex) that images must still have, by id; see `pinned`.
        parameters: which metadata columns are parameters of the images, with unit and range; None = nobody says.

    Raises:
        DataError: two records share an id.
    """

    __slots__ = ("_expected", "_ids", "_records", "_source", "notices", "parameters")

    def __init__(
        self,
        records: Iterable[ImageRecord],
        source: Source,
        *,
        notices: Iterable[str] = (),
        expected: Mapping[str, str] | None = None,
        parameters: Space | None = None,
    ) -> None:
        self._records = tuple(records)
        self._ids = tuple(record.id for record in self._records)
        self._source = source
        self._expected = dict(expected or {})
        self.notices = tuple(notices)
        self.parameters = parameters
        if len(set(self._ids)) != len(self._ids):
            first: dict[str, int] = {}
            twice = next((i for i, id_ in enumerate(self._ids) if first.setdefault(id_, i) != i), 0)
            what = f"id {self._ids[twice][:200]!r} appears twice: images {first[self._ids[twice]]} and {twice}"
            raise DataError(what, remedy="give every image its own id")

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        split: str | None = None,
        root: str | Path | None = None,
        trust_links: bool = False,
        decoding: Decoding | None = None,
    ) -> ImageSet:
        """Open a folder or a manifest.

        A folder: one with ``manifest.csv``, ``.jsonl``, ``.parquet`` or a COCO ``.json`` is that manifest; else
        ``<class>/…``, ``<split>/<class>/…`` (top folders named train, val, valid, validation, test, improvement), or
        flat and unlabelled. A file: CSV, JSON Lines, Parquet or COCO json by its ending. ``parameters.json`` beside a
        manifest says which of its columns are parameters.

        Args:
            path: the folder or manifest.
            split: keep only this split.
            root: the folder below which a manifest's paths lie, when that is not its own.
            trust_links: follow symbolic links that leave the folder.
            decoding: limits of decoding.

        Raises:
            DataError: missing, malformed, empty or of an unknown kind; the message has the row.
            UnsafeInputError: a manifest names a file outside its folder, or an address.
            ResourceError: it may not be read.
        """
        place = Path(path)
        manifest = _manifest(place)
        if manifest is None:
            listing, base, parameters = read_folder(place, trust_links=trust_links), place, None
        else:
            listing, base = _read_manifest(manifest)
            parameters = read_parameters(manifest.parent)
        source = FolderSource(Path(root) if root is not None else base, trust_links, decoding or Decoding())
        images = cls(listing.records, source, notices=listing.notices, parameters=parameters)
        return images if split is None else images.with_split(split)

    @classmethod
    def from_arrays(
        cls,
        pixels: NDArray[np.uint8],
        labels: Sequence[str | int | None] | NDArray[np.generic] | None = None,
        ids: Sequence[str] | None = None,
        split: str | Sequence[str] | None = None,
        metadata: Mapping[str, Sequence[str | float]] | None = None,
        targets: NDArray[np.floating] | None = None,
        parameters: Space | None = None,
    ) -> ImageSet:
        """A set over pixels in memory; the array is neither copied nor written to.

        Args:
            pixels: (n, h, w) grey or (n, h, w, 3) RGB uint8; grey is repeated on reading.
            labels: n class names.
            ids: n unique names; ``"00000"`` … by default.
            split: one for all, or n.
            metadata: columns of n values.
            targets: (n,) or (n, t) numbers to be predicted.
            parameters: which of the metadata are parameters of the images.

        Raises:
            ShapeError: not uint8, a wrong shape, or columns of another length.
            DataError: ids repeat.
        """
        if pixels.dtype != np.uint8 or not (pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] == 3)):
            got = f"{pixels.dtype} {pixels.shape}"
            raise ShapeError(f"pixels are {got}", remedy="give uint8 of shape (n, h, w) or (n, h, w, 3)")
        if 0 in pixels.shape[1:]:
            raise ShapeError(f"images without pixels: {pixels.shape}", remedy="give h, w ≥ 1")
        n = len(pixels)
        names = list(ids) if ids is not None else [f"{i:0{max(5, len(str(n - 1)))}d}" for i in range(n)]
        splits = [split] * n if split is None or isinstance(split, str) else list(split)
        goals = None if targets is None else np.asarray(targets, np.float64).reshape(len(targets), -1)
        columns: dict[str, Sequence[object]] = {"ids": names, "split": splits, **(metadata or {})}
        columns |= {"labels": list(labels)} if labels is not None else {}
        columns |= {"targets": list(goals)} if goals is not None else {}
        for name, column in columns.items():
            if len(column) != n:
                raise ShapeError(f"{len(column)} {name} for {n} images", remedy="one a picture")
        records = [
            ImageRecord(
                id=names[i],
                path=names[i],
                label=None if labels is None or labels[i] is None else str(labels[i]),
                target=None if goals is None else tuple(goals[i].tolist()),
                split=splits[i],
                metadata={name: _plain(column[i]) for name, column in (metadata or {}).items()},
            )
            for i in range(n)
        ]
        source = ArraySource(freeze(pixels.view()), {name: i for i, name in enumerate(names)})
        return cls(records, source, parameters=parameters)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        splits = sorted({record.split for record in self._records if record.split is not None})
        classes = f"{len(self.classes)} classes" if self.classes else "unlabelled"
        shown = f", split {', '.join(splits[:6])}" if splits else ""
        pins = f", {len(self._expected)} pinned" if self._expected else ""
        known = f", {len(self.parameters)} parameters" if self.parameters is not None else ""
        return f"<ImageSet {len(self)} images, {classes}{shown}{known}{pins}>"

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """All records, in order."""
        return self._records

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in order."""
        return self._ids

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(sorted({record.label for record in self._records if record.label is not None}))

    @property
    def splits(self) -> Mapping[str, str | None]:
        """The split of every id; `Survey.overlap` takes it."""
        return {record.id: record.split for record in self._records}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata columns, in the order in which they first appear."""
        return tuple(dict.fromkeys(name for record in self._records for name in record.metadata))

    def column(self, name: str) -> Vector | tuple[str | None, ...]:
        """One metadata column: (n,) float64 with nan where missing, or n texts with None where any value is text.

        Raises:
            DataError: no image has it.
        """
        if name not in self.columns:
            known = ", ".join(self.columns) or "none"
            raise DataError(f"no metadata column {name!r}", remedy=f"there are: {known}")
        values = [record.metadata.get(name) for record in self._records]
        if all(isinstance(value, float) for value in values if value is not None):
            return freeze(np.array([np.nan if value is None else value for value in values], np.float64))
        return tuple(None if value is None else str(value) for value in values)

    def record_digest(self) -> str:
        """SHA-256 (hex) of all records (ids, paths, labels, targets, splits, metadata) and of the parameters.

        No image is opened.
        """
        digest = hashlib.sha256()
        for r in self._records:
            fields = (r.id, r.path, r.label, r.target, r.split, sorted(r.metadata.items()))
            digest.update(json.dumps(fields).encode() + b"\n")
        if self.parameters is not None:
            digest.update(self.parameters.to_text().encode())
        return digest.hexdigest()

    def select(self, indices: Sequence[int] | Indices) -> ImageSet:
        """The images at these positions, in this order."""
        return self._with(self._records[int(i)] for i in indices)

    def with_split(self, split: str) -> ImageSet:
        """The images of one split.

        Raises:
            DataError: there are none; the message lists the splits.
        """
        kept = [record for record in self._records if record.split == split]
        if not kept:
            known = ", ".join(sorted({record.split for record in self._records if record.split is not None}))
            raise DataError(f"no image of split {split!r}", remedy=f"there are: {known or 'none; leave --split out'}")
        return self._with(kept)

    def without(self, columns: Collection[str]) -> ImageSet:
        """The same images, of which nobody says what these columns of their metadata do."""
        return self._with(
            replace(record, metadata={name: value for name, value in record.metadata.items() if name not in columns})
            for record in self._records
        )

    def pinned(self, digests: Mapping[str, str]) -> ImageSet:
        """The same set, in which an image whose bytes no longer have the digest (hex) taken earlier is refused."""
        return ImageSet(self._records, self._source, notices=self.notices, expected=digests, parameters=self.parameters)

    def joined(self, other: ImageSet, prefix: str = "") -> ImageSet:
        """These images, then those of another set; nothing is copied, and each set goes on reading its own.

        Args:
            other: its pinned images stay pinned; its notices come last, its parameters are left out.
            prefix: set before the ids of the other's images, so that they are not ours.

        Raises:
            DataError: an id is in both.
        """
        theirs = [replace(record, id=prefix + record.id) for record in other._records]
        owners: dict[str, tuple[Source, ImageRecord]] = {record.id: (self._source, record) for record in self._records}
        owners |= {new.id: (other._source, own) for new, own in zip(theirs, other._records, strict=True)}
        expected = self._expected | {prefix + id_: digest for id_, digest in other._expected.items()}
        return ImageSet(
            (*self._records, *theirs),
            JoinedSource(owners),
            notices=(*self.notices, *other.notices),
            expected=expected,
            parameters=self.parameters,
        )

    def read(self, i: int) -> Decoded:
        """Decode image ``i``.

        Raises:
            BadImage: it cannot be used; ``name`` is the code.
        """
        return self.read_with_digest(i)[0]

    def read_with_digest(self, i: int) -> tuple[Decoded, bytes]:
        """Decode image ``i`` and give the SHA-256 (32 bytes) of the very bytes that were decoded."""
        record = self._records[i]
        data = self._source.load(record)
        digest = hashlib.sha256(data)
        expected = self._expected.get(record.id)
        if expected is not None and digest.hexdigest() != expected:
            raise BadImage("the file is not the one that was surveyed", where=record.path, code="E_IMG_CHANGED")
        return self._source.decode(record, data), digest.digest()

    def digest(self, i: int) -> str:
        """SHA-256 (hex) of image ``i``'s file, or of its stored pixels when it is in memory; raises `BadImage`."""
        return hashlib.sha256(self._source.load(self._records[i])).hexdigest()

    def batches(self, size: int, indices: Iterable[int] | None = None, on_bad: OnBad | None = None) -> Iterator[Batch]:
        """Stream readable images.

        Args:
            size: most images a batch; one of very large photographs ends earlier, at 64 megapixels.
            indices: positions to read, in this order; all by default.
            on_bad: called with the position of each image that cannot be read; without it the first one raises.

        Raises:
            BadImage: an image cannot be read and nobody listens.
        """
        if size < 1:
            raise ShapeError(f"batches of {size}", remedy="size ≥ 1")
        positions: list[int] = []
        pixels: list[Pixels] = []
        n_px = 0
        for i in indices if indices is not None else range(len(self)):
            try:
                image = self.read(int(i)).pixels
            except BadImage as error:
                if on_bad is None:
                    raise
                on_bad(int(i), error)
                continue
            positions.append(int(i))
            pixels.append(image)
            n_px += image.shape[0] * image.shape[1]
            if len(positions) == size or n_px >= _BATCH_PX:
                yield Batch(tuple(positions), tuple(pixels))
                positions, pixels, n_px = [], [], 0
        if positions:
            yield Batch(tuple(positions), tuple(pixels))

    def _with(self, records: Iterable[ImageRecord]) -> ImageSet:
        return ImageSet(
            records, self._source, notices=self.notices, expected=self._expected, parameters=self.parameters
        )


def _plain(value: object) -> str | float:
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # NumPy scalars are numbers too


def _manifest(path: Path) -> Path | None:
    """The manifest that ``path`` is or holds; None for a plain folder."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path
        if not stat.S_ISDIR(mode):
            raise DataError("neither a file nor a folder", where=str(path), remedy="name a folder or a manifest")
        found = [path / name for name in _MANIFESTS if (path / name).is_file()]
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DataError("no such file or folder", where=str(path), remedy="check --images") from None
    except OSError as error:
        raise ResourceError(error.strerror or str(error), where=str(path), remedy="make it readable") from error
    if len(found) > 1:
        names = " and ".join(file.name for file in found)
        raise DataError(f"{names} in one folder", where=str(path), remedy="name the one that is meant")
    return found[0] if found else None


def _read_manifest(path: Path) -> tuple[Listing, Path]:
    kind = path.suffix.lower()
    try:
        listing = _parsed(path, kind)
    except OSError as error:
        raise ResourceError(error.strerror or str(error), where=str(path), remedy="make it readable") from error
    if not listing.records:
        raise DataError("a manifest without images", where=str(path), remedy="one row an image")
    folder = path.parent
    first = listing.records[0].path
    # the usual layout keeps COCO files beside images/, with names below it
    if kind == ".json" and not os.path.exists(folder / first) and os.path.exists(folder / "images" / first):
        return listing, folder / "images"
    return listing, folder


def _parsed(path: Path, kind: str) -> Listing:
    if kind in (".csv", ".tsv"):
        from failatlas.images.delimited import read_csv

        return Listing(read_csv(path), ())
    if kind in (".jsonl", ".ndjson"):
        from failatlas.images.jsonlines import read_jsonl

        return Listing(read_jsonl(path), ())
    if kind == ".parquet":
        from failatlas.images.parquet import read_parquet

        return Listing(read_parquet(path), ())
    if kind == ".json":
        from failatlas.images.coco import read_coco

        return read_coco(path)
    raise DataError(f"{kind or 'no ending'!s}: unknown kind of manifest", where=str(path), remedy="use .csv or .jsonl")
