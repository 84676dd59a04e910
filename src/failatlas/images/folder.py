"""Folders of images: ``<class>/…``, ``<split>/<class>/…`` or flat; nothing is opened, only listed."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from failatlas.errors import DataError, ResourceError
from failatlas.images.records import ImageRecord

SPLITS = frozenset({"train", "val", "valid", "validation", "test", "improvement"})
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Records in byte order of their paths, and what was passed over."""

    records: tuple[ImageRecord, ...]
    notices: tuple[str, ...]


def read_folder(root: Path, *, trust_links: bool = False) -> Listing:
    """List the images below ``root``; the class is the first folder, unless all first folders are splits.

    A link to a folder is passed over with a notice unless links are trusted; a folder reached twice is listed once. A
    link to a file is listed, and quarantined on reading when it leaves the root.

    Raises:
        DataError: there is no image.
        ResourceError: a folder may not be read.
    """
    paths, passed = _walk(root, trust_links)
    if not paths:
        raise DataError(
            "no images", where=str(root), remedy=f"expected files ending in {', '.join(sorted(EXTENSIONS))}"
        )
    tops = {path.split("/", 1)[0] for path in paths if "/" in path}
    has_splits = bool(tops) and tops <= SPLITS
    records = tuple(_record(path, has_splits) for path in paths)
    notices = [f"passed over {count} × {what}" for what, count in sorted(passed.items())]
    n_loose = sum(record.label is None for record in records)
    if 0 < n_loose < len(records):
        notices.append(f"{n_loose} images lie in no class folder: unlabelled")
    return Listing(records, tuple(notices))


def _record(path: str, has_splits: bool) -> ImageRecord:
    *folders, _ = path.split("/")
    split = folders.pop(0) if has_splits and folders else None
    return ImageRecord(id=path, path=path, label=folders[0] if folders else None, split=split)


def _walk(root: Path, trust_links: bool) -> tuple[list[str], Counter[str]]:
    paths: list[str] = []
    passed: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    pending = [""]  # a list, not recursion: a hostile tree may be deeper than Python's stack
    while pending:
        folder = pending.pop()
        try:
            if trust_links:
                status = os.stat(os.path.join(root, folder))
                if (status.st_dev, status.st_ino) in seen:
                    passed["folder reached twice"] += 1
                    continue
                seen.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    _sort(entry, folder, trust_links, paths, pending, passed)
        except OSError as error:
            where = os.path.join(root, folder)
            raise ResourceError(error.strerror or str(error), where=where, remedy="make the folder readable") from error
    # byte order: the same on every file system and in every locale
    return sorted(paths, key=os.fsencode), passed


def _sort(
    entry: os.DirEntry[str],
    folder: str,
    trust_links: bool,
    paths: list[str],
    pending: list[str],
    passed: Counter[str],
) -> None:
    path = f"{folder}/{entry.name}" if folder else entry.name
    extension = os.path.splitext(entry.name)[1].lower()
    if entry.name.startswith("."):
        passed["hidden file or folder"] += 1
    elif entry.is_dir(follow_symlinks=False) or (trust_links and _is_linked_folder(entry)):
        pending.append(path)
    elif _is_linked_folder(entry):
        passed["link to a folder (--trust-links follows it)"] += 1
    elif extension in EXTENSIONS:
        paths.append(path)
    else:
        passed[f"{extension} file" if extension else "file without extension"] += 1


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a loop of links
        return False
