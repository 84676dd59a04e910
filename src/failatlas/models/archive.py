"""Archive screening: a ``.pt2`` is checked member by member and written anew before torch sees it.

``torch.export.load`` runs code from a hostile archive in at least four ways (each ran with torch 2.13): payloads marked
``use_pickle``, sample inputs that its safe loader refuses (it falls back to the unsafe one), symbolic expressions
(SymPy evaluates them) and guards (executed). Script and opaque constants are unpickled as well, and operators are
looked up by dotted name, where only a later check stops ``torch.os.system``. Nothing of the original file reaches
torch: what was read and found plain goes into an archive of our own, so two zip readers that see different members in
one file make no difference either.
"""

from __future__ import annotations

import io
import math
import re
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from failatlas.errors import ModelError
from failatlas.models.program import check_name, plain_json, plain_program, unsafe

MAX_MEMBERS = 20_000
MAX_JSON = 200_000_000  # bytes of one description; ViT-L needs about 5 MB

_MEMBER = re.compile(
    r"(models/model\.json|archive_format|archive_version|byteorder|\.data/(version|serialization_id)"
    r"|data/(weights/(weight_\d+|model_weights_config\.json)|constants/(tensor_\d+|model_constants_config\.json)"
    r"|sample_inputs/model\.pt)|\.format_version)"
)
_NEEDED = ("models/model.json", "data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_TENSOR_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 9: 4, 10: 8, 11: 16, 12: 1, 13: 2}
_PAYLOAD_KEYS = {"path_name", "is_param", "use_pickle", "tensor_meta"}


def screened_archive(path: Path) -> io.BytesIO:
    """A plain copy of a ``.pt2`` in memory, holding only what was found harmless.

    Guards and stack traces are left out of it: the first are code, the second are of no use.

    Raises:
        UnsafeInputError: a member, key, operator or expression that an exported vision network does not need.
        ModelError: no ``.pt2``, truncated, or of a format that torch wrote before 2.8.
    """
    where = str(path)
    members = _read_members(path, where)
    for needed in _NEEDED:
        if needed not in members:
            raise ModelError(
                f"no exported network: {needed} is not there",
                where=where,
                remedy="export it again with torch.export.save (torch 2.8 or later)",
                code="E_PT2",
            )
    _check_payloads(members, "data/weights/", "weight_", where)
    _check_payloads(members, "data/constants/", "tensor_", where)
    members["models/model.json"] = plain_program(members["models/model.json"], where)
    members["data/sample_inputs/model.pt"] = _plain_inputs(members.get("data/sample_inputs/model.pt", b""), where)
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
        for name in list(members):
            archive.writestr(f"archive/{name}", members.pop(name))  # weights are not held twice
    copy.seek(0)
    return copy


def _read_members(path: Path, where: str) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check_directory(infos, size, where)
            for info in infos:
                name = info.filename.split("/", 1)[-1] if "/" in info.filename else info.filename
                members[name] = archive.read(info)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"not a readable .pt2 archive: {error}", where=where, remedy="export or copy it again", code="E_PT2"
        ) from None
    return members


def _check_directory(infos: list[zipfile.ZipInfo], size: int, where: str) -> None:
    if len(infos) > MAX_MEMBERS:
        raise unsafe(f"{len(infos)} members, more than {MAX_MEMBERS}", where)
    # names first: the worst finding should be the one that is told
    seen: set[str] = set()
    roots = set()
    for info in infos:
        name = info.filename
        if name in seen:
            raise unsafe(f"member {name!r} is there twice", where)
        seen.add(name)
        if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name or "\0" in info.orig_filename:
            raise unsafe(f"member {name!r} points out of the archive", where)
        if name.endswith((".so", ".dll", ".dylib", ".cpp", ".o", ".py", ".pyc")):
            raise unsafe(f"member {name!r} is program code", where)
        root, _, rest = name.partition("/")
        if rest.startswith(("data/constants/custom_obj_", "data/constants/opaque_obj_")):
            raise unsafe(f"member {name!r} is a script object", where)
        if rest in ("data/weights/model.pt", "data/constants/model.pt") or "serialized_state_dict" in name:
            raise unsafe(f"member {name!r} is a pickle (format of an older torch)", where)
        if not _MEMBER.fullmatch(rest):
            raise unsafe(f"member {name!r} is not part of an exported network", where)
        roots.add(root)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise unsafe(f"member {name!r} is a link", where)
        if info.flag_bits & 0x1:
            raise unsafe(f"member {name!r} is encrypted", where)
        # torch stores without compression; a ratio bomb is then impossible
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise unsafe(f"member {name!r} is compressed ({info.compress_size} → {info.file_size} bytes)", where)
        if name.endswith((".json", ".pt")) and info.file_size > MAX_JSON:
            raise unsafe(f"member {name!r} has {info.file_size} bytes, more than {MAX_JSON}", where)
    if len(roots) > 1:
        raise unsafe(f"{len(roots)} folders at the top", where)
    if sum(info.file_size for info in infos) > size:
        raise unsafe("members overlap: together they are larger than the file", where)


def _check_payloads(members: Mapping[str, bytes], folder: str, prefix: str, where: str) -> None:
    document = plain_json(members[f"{folder}model_{folder.split('/')[1]}_config.json"], where)
    table = document.get("config")
    if set(document) != {"config"} or not isinstance(table, Mapping):
        raise unsafe(f"the list of {folder} has unknown keys", where)
    for name, entry in table.items():
        if not isinstance(entry, Mapping) or set(entry) - _PAYLOAD_KEYS:
            raise unsafe(f"tensor {name!r} has unknown keys", where)
        if entry.get("use_pickle") is not False:
            raise unsafe(f"tensor {name!r} is marked use_pickle, which runs code", where)
        file = entry.get("path_name")
        if not isinstance(file, str) or not re.fullmatch(rf"{prefix}\d+", file) or f"{folder}{file}" not in members:
            raise unsafe(f"tensor {name!r} is stored as {file!r}", where)
        check_name(name, where)
        _check_extent(name, entry.get("tensor_meta"), len(members[f"{folder}{file}"]), where)


def _check_extent(name: str, meta: object, available: int, where: str) -> None:
    # a tensor that claims more than its bytes would be allocated (empty record) or read out of bounds
    try:
        assert isinstance(meta, Mapping)
        sizes = [int(size["as_int"]) for size in meta["sizes"]]
        strides = [int(stride["as_int"]) for stride in meta["strides"]]
        offset = int(meta["storage_offset"]["as_int"])
        item = _TENSOR_BYTES[meta["dtype"]]
    except (AssertionError, KeyError, TypeError, ValueError):
        raise unsafe(f"tensor {name!r} is described wrongly", where) from None
    if min([*sizes, *strides, offset, 0]) < 0 or len(sizes) != len(strides):
        raise unsafe(f"tensor {name!r} has a negative size", where)
    if math.prod(sizes) == 0:
        return
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if (last + 1) * item > available or math.prod(sizes) * item > max(available, 1) * 4096:
        raise unsafe(f"tensor {name!r} claims {math.prod(sizes)} numbers, its file has {available} bytes", where)


def _plain_inputs(data: bytes, where: str) -> bytes:
    # torch falls back to its unsafe loader when its safe one refuses; ours must not, so the member is written anew
    import torch

    if not data:
        raise unsafe("the archive has no sample inputs", where)
    try:
        inputs = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        line = (str(error).splitlines() or [""])[0]
        raise unsafe(f"the sample inputs are not plain tensors ({line[:120]})", where) from None
    if not _is_plain_input(inputs):
        raise unsafe("the sample inputs are not plain tensors", where)
    copy = io.BytesIO()
    torch.save(inputs, copy)
    return copy.getvalue()


def _is_plain_input(value: object) -> bool:
    import torch

    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and _all_plain(value.values())
    if isinstance(value, tuple | list):
        return _all_plain(value)
    return value is None or type(value) in (bool, int, float, str, torch.Tensor)


def _all_plain(values: Iterable[object]) -> bool:
    return all(_is_plain_input(value) for value in values)
