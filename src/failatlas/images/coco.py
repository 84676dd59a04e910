"""COCO annotations: the category of an image's objects becomes the image's label; boxes and masks are not read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from failatlas.errors import DataError
from failatlas.images.folder import Listing
from failatlas.images.jsonlines import cell, parse_json
from failatlas.images.opening import checked_path
from failatlas.images.records import ImageRecord
from failatlas.images.table import is_reserved

_MAX_BYTES = 1024**3
_Objects = list[Mapping[str, object]]


def read_coco(path: Path) -> Listing:
    """Read a COCO file: ``images``, ``annotations``, ``categories``.

    An image with objects of several categories takes the most frequent one (ties: the lower category id), and a notice
    counts such images. The id is ``file_name``; further plain values of an image, and its number of annotations, are
    metadata.

    Raises:
        DataError: malformed, or an annotation of an unknown image or category.
        UnsafeInputError: a file name leaves the folder or is an address.
    """
    where = path.name
    if path.stat().st_size > _MAX_BYTES:
        raise DataError("more than 1 GiB", where=where, remedy="drop the segmentation masks, they are not read")
    document = parse_json(path.read_bytes(), where)
    if not isinstance(document, dict):
        raise DataError("not a COCO object", where=where, remedy="expected images, annotations and categories")
    names = {_key(c, "id", where): _name(c, where) for c in _list(document, "categories", where)}
    counts = _count(_list(document, "annotations", where), names, where)
    records: dict[str, ImageRecord] = {}
    known: set[int | str] = set()
    for i, image in enumerate(_list(document, "images", where)):
        place = f"{where} image {i}"
        key = _key(image, "id", place)
        if key in known:
            raise DataError(f"image id {key!r} appears twice", where=place, remedy="give every image its own id")
        known.add(key)
        record = _record(image, counts.get(key, Counter()), names, place)
        if record.id in records:
            raise DataError(f"file_name {record.id[:200]!r} appears twice", where=place, remedy="list every file once")
        records[record.id] = record
    strangers = [key for key in counts if key not in known]
    if strangers:
        raise DataError(f"annotation of unknown image {strangers[0]!r}", where=where, remedy="add the image or drop it")
    return Listing(tuple(records.values()), _notices(counts, len(records)))


def _record(
    image: Mapping[str, object], counts: Counter[int | str], names: Mapping[int | str, str], where: str
) -> ImageRecord:
    file_name = image.get("file_name")
    if not isinstance(file_name, str):
        raise DataError("an image without file_name", where=where, remedy="every image needs one")
    path = checked_path(file_name, where)
    label = names[min(counts, key=lambda key: (-counts[key], str(type(key)), key))] if counts else None
    metadata: dict[str, str | float] = {"annotations": float(counts.total())}
    for name, value in image.items():
        if name in ("id", "file_name") or is_reserved(name) or isinstance(value, dict | list):
            continue
        plain = cell(value, name, where)
        if isinstance(plain, str | float) and plain != "":
            metadata[name] = plain
    return ImageRecord(id=path, path=path, label=label, metadata=metadata)


def _count(annotations: _Objects, names: Mapping[int | str, str], where: str) -> dict[int | str, Counter[int | str]]:
    counts: dict[int | str, Counter[int | str]] = defaultdict(Counter)
    for i, annotation in enumerate(annotations):
        category = _key(annotation, "category_id", f"{where} annotation {i}")
        if category not in names:
            place = f"{where} annotation {i}"
            raise DataError(f"unknown category {category!r}", where=place, remedy="add it to categories")
        counts[_key(annotation, "image_id", f"{where} annotation {i}")][category] += 1
    return counts


def _notices(counts: Mapping[int | str, Counter[int | str]], n_images: int) -> tuple[str, ...]:
    n_several = sum(len(counter) > 1 for counter in counts.values())
    n_bare = n_images - len(counts)
    notices = []
    if n_several:
        notices.append(f"{n_several} images have several categories: the most frequent was taken")
    if n_bare:
        notices.append(f"{n_bare} images have no annotation: unlabelled")
    return tuple(notices)


def _list(document: Mapping[str, object], name: str, where: str) -> _Objects:
    value = document.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataError(f"{name!r} is not a list of objects", where=where, remedy="is this a COCO file?")
    return value


def _key(item: Mapping[str, object], name: str, where: str) -> int | str:
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DataError(f"{name!r} is missing or no number", where=where, remedy="is this a COCO file?")
    return value


def _name(category: Mapping[str, object], where: str) -> str:
    name = category.get("name")
    if not isinstance(name, str) or not name:
        raise DataError("a category without a name", where=where, remedy="every category needs one")
    return name
