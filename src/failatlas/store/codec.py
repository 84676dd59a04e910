"""Codec: frozen result dataclasses to JSON and named arrays, and back by their type hints; never a pickle.

Known: nested dataclasses, tuples, sequences, ``Mapping[str, …]``, str, int, float (nan and infinity too), bool, None,
enums of texts, ``Literal``, arrays, unions whose members look different in JSON, NewTypes and aliases; ``object`` holds
plain JSON.  Texts keep lone surrogates, so a file name of any bytes survives.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, cast
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import DataError
from failatlas.store.entries import Arrays, Json

_T = TypeVar("_T")

# how a value looks in JSON where JSON has no such thing: {"$array": name}, {"$float": "nan"}
_ARRAY, _FLOAT = "$array", "$float"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A result as JSON that refers to arrays by name, and those arrays."""

    value: Json
    arrays: Arrays


def encode(result: object, kind: object = None) -> Encoded:
    """Take a result apart.

    Args:
        result: a frozen dataclass, or any value of ``kind``.
        kind: its type, e.g. ``tuple[Curve, ...]``; the result's own class when not given.

    Raises:
        DataError: a value does not fit its field's type (``E_STORE_TYPE``), or the type is none that can be stored; the
            message names the field.

    >>> from failatlas.curves import Curve
    >>> x = np.array([1.0, 2.0])
    >>> encoded = encode(Curve("eps", "noise", x, x, math.nan, "none"))
    >>> encoded.value["chosen"], sorted(encoded.arrays)
    ({'$float': 'nan'}, ['x', 'y'])
    >>> decode(Curve, encoded.value, encoded.arrays)
    <Curve noise over eps: 2 values, nan by none>
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    return Encoded(_encode(result, type(result) if kind is None else kind, "", arrays), arrays)


def decode(kind: type[_T], value: Json, arrays: Arrays) -> _T:
    """Put a result together again; the inverse of :func:`encode`.

    Raises:
        DataError: a field is unknown (``E_STORE_FIELD_UNKNOWN``), missing without having a default
            (``E_STORE_FIELD_MISSING``) or of another type (``E_STORE_TYPE``), or an array is missing
            (``E_STORE_ARRAY_MISSING``); the message names it.
    """
    return cast(_T, _decode(value, kind, "", arrays))


def _encode(value: Any, kind: Any, place: str, arrays: dict[str, NDArray[np.generic]]) -> Json:
    kind = _option_for_value(value, kind, place)
    origin = typing.get_origin(kind) or kind
    if isinstance(value, np.generic) and origin is not np.ndarray:
        value = value.item()
    if origin is np.ndarray:
        return _encode_array(value, kind, place, arrays)
    if dataclasses.is_dataclass(origin):
        _expect(type(value) is origin, value, kind, place)
        return {
            name: _encode(getattr(value, name), hint, _join(place, name), arrays)
            for name, hint in _fields(cast(type, origin)).items()
        }
    if _is_sequence(origin):
        _expect(isinstance(value, list | tuple), value, kind, place)
        hints = _item_hints(kind, len(value), place)
        if _is_uniform(value, hints):
            return list(value)
        parts = enumerate(zip(value, hints, strict=True))
        return [_encode(item, hint, _join(place, position), arrays) for position, (item, hint) in parts]
    if _is_mapping(origin):
        return _encode_mapping(value, kind, place, arrays)
    if origin is typing.Literal:
        _expect(value in typing.get_args(kind), value, kind, place)
        return cast(Json, value)
    if isinstance(origin, type) and issubclass(origin, Enum):
        _expect(isinstance(value, origin) and isinstance(value.value, str), value, kind, place)
        return cast(str, value.value)
    if origin is object or origin is Any:
        return _encode_plain(value, place, arrays)
    return _encode_scalar(value, origin, place)


def _encode_scalar(value: Any, kind: Any, place: str) -> Json:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind not in (str, int, float, bool, type(None)):
        raise _error(f"values of {_name(kind)} cannot be stored", place)
    # bool is an int to Python, and a str subclass would come back as str
    _expect(type(value) is kind or (kind is not int and isinstance(value, kind)), value, kind, place)
    if kind is float:
        return float(value) if math.isfinite(value) else {_FLOAT: repr(float(value))}
    return str(value) if kind is str else cast(Json, value)


def _encode_array(value: Any, kind: Any, place: str, arrays: dict[str, NDArray[np.generic]]) -> Json:
    _expect(isinstance(value, np.ndarray), value, kind, place)
    wanted = _dtype(kind)
    if wanted is not None and not np.issubdtype(value.dtype, wanted):
        raise _error(f"an array of {value.dtype}, declared {wanted.__name__}", place)
    name = place or "array"
    arrays[name] = value
    return {_ARRAY: name}


def _encode_mapping(value: Any, kind: Any, place: str, arrays: dict[str, NDArray[np.generic]]) -> Json:
    _expect(isinstance(value, Mapping), value, kind, place)
    names, hint = typing.get_args(kind) or (str, object)
    encoded: dict[str, Json] = {}
    for name, item in value.items():
        if not isinstance(name, str) or _strip(names) is not str or name.startswith("$"):
            raise _error(f"a mapping's key must be a text that does not begin with $, not {name!r}", place)
        encoded[name] = _encode(item, hint, _join(place, name), arrays)
    return encoded


def _encode_plain(value: Any, place: str, arrays: dict[str, NDArray[np.generic]]) -> Json:
    if isinstance(value, Mapping):
        return _encode_mapping(value, Mapping[str, object], place, arrays)
    if isinstance(value, list | tuple):
        return [_encode_plain(item, _join(place, position), arrays) for position, item in enumerate(value)]
    for kind in (type(None), bool, int, float, str):
        if isinstance(value, kind):
            return _encode_scalar(value, kind, place)
    raise _error(f"a {type(value).__name__} is no plain JSON", place)


def _decode(value: Any, kind: Any, place: str, arrays: Arrays) -> object:
    kind = _option_for_json(value, kind, place)
    origin = typing.get_origin(kind) or kind
    if origin is np.ndarray:
        return _decode_array(value, kind, place, arrays)
    if dataclasses.is_dataclass(origin):
        return _decode_dataclass(value, origin, place, arrays)
    if _is_sequence(origin):
        _expect(isinstance(value, list), value, kind, place)
        hints = _item_hints(kind, len(value), place)
        items = value
        if not _is_uniform(value, hints):
            parts = enumerate(zip(value, hints, strict=True))
            items = [_decode(item, hint, _join(place, position), arrays) for position, (item, hint) in parts]
        return list(items) if origin is list else tuple(items)
    if _is_mapping(origin):
        _expect(isinstance(value, dict), value, kind, place)
        hint = (typing.get_args(kind) or (str, object))[1]
        return {name: _decode(item, hint, _join(place, name), arrays) for name, item in value.items()}
    if origin is typing.Literal:
        _expect(value in typing.get_args(kind), value, kind, place)
        return value
    if isinstance(origin, type) and issubclass(origin, Enum):
        _expect(value in [member.value for member in origin], value, kind, place)
        return origin(value)
    if origin is object or origin is Any:
        return _decode_plain(value, place)
    return _decode_scalar(value, origin, place)


def _decode_scalar(value: Any, kind: Any, place: str) -> object:
    if kind is float:
        number = _decode_plain(value, place)
        _expect(isinstance(number, float), value, kind, place)
        return number
    _expect(kind in (str, int, bool, type(None)) and type(value) is kind, value, kind, place)
    return value


def _decode_array(value: Any, kind: Any, place: str, arrays: Arrays) -> object:
    _expect(isinstance(value, dict) and set(value) == {_ARRAY}, value, kind, place)
    name = value[_ARRAY]
    if not isinstance(name, str) or name not in arrays:
        raise _error(f"the array {name!r} is missing", place, "E_STORE_ARRAY_MISSING")
    wanted = _dtype(kind)
    if wanted is not None and not np.issubdtype(arrays[name].dtype, wanted):
        raise _error(f"an array of {arrays[name].dtype}, declared {wanted.__name__}", place)
    return arrays[name]


def _decode_dataclass(value: Any, kind: Any, place: str, arrays: Arrays) -> object:
    _expect(isinstance(value, dict), value, kind, place)
    hints = _fields(kind)
    for name in value:
        if name not in hints:
            raise _error(f"{kind.__name__} has no field {name!r}", place, "E_STORE_FIELD_UNKNOWN")
    optional = _optional(kind)  # fields with a default came later: results of before still open
    for name in hints:
        if name not in value and name not in optional:
            raise _error(f"the field {name!r} of {kind.__name__} is missing", place, "E_STORE_FIELD_MISSING")
    known = {name: hint for name, hint in hints.items() if name in value}
    return kind(**{name: _decode(value[name], hint, _join(place, name), arrays) for name, hint in known.items()})


def _decode_plain(value: Any, place: str) -> object:
    if isinstance(value, dict):
        if set(value) == {_FLOAT}:
            _expect(value[_FLOAT] in ("nan", "inf", "-inf"), value, float, place)
            return float(value[_FLOAT])
        return {name: _decode_plain(item, _join(place, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_decode_plain(item, _join(place, position)) for position, item in enumerate(value)]
    return value


@lru_cache(maxsize=256)
def _fields(kind: type) -> dict[str, object]:
    try:
        hints = typing.get_type_hints(kind)
    except NameError as error:
        raise _error(f"the types of {kind.__name__} cannot be resolved: {error}", "") from error
    return {field.name: hints[field.name] for field in dataclasses.fields(cast(Any, kind)) if field.init}


@lru_cache(maxsize=256)
def _optional(kind: type) -> frozenset[str]:
    missing = dataclasses.MISSING
    fields = dataclasses.fields(cast(Any, kind))
    return frozenset(f.name for f in fields if f.default is not missing or f.default_factory is not missing)


def _strip(kind: Any) -> Any:
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    return type(None) if kind is None else kind


def _options(kind: Any) -> tuple[Any, ...]:
    kind = _strip(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(option for member in typing.get_args(kind) for option in _options(member))
    return (kind,)


def _option_for_value(value: Any, kind: Any, place: str) -> Any:
    options = _options(kind)
    if len(options) == 1:
        return options[0]
    looks = [_look_of_kind(option) for option in options]
    if len(set(looks)) < len(looks):
        raise _error(f"the members of {kind} cannot be told apart in JSON", place)
    return _choose(_look_of_value(value), options, value, kind, place)


def _option_for_json(value: Any, kind: Any, place: str) -> Any:
    options = _options(kind)
    return options[0] if len(options) == 1 else _choose(_look_of_json(value), options, value, kind, place)


def _choose(look: str, options: tuple[Any, ...], value: Any, kind: Any, place: str) -> Any:
    # an int may stand where a float is meant, and only where no int is
    for wanted in (look, "float") if look == "int" else (look,):
        for option in options:
            if _look_of_kind(option) == wanted:
                return option
    _expect(False, value, kind, place)
    return None


def _look_of_kind(kind: Any) -> str:
    origin = typing.get_origin(kind) or kind
    if origin in (str, int, float, bool, type(None)):
        return "none" if origin is type(None) else cast(str, origin.__name__)
    if origin is np.ndarray:
        return "array"
    if origin is typing.Literal or (isinstance(origin, type) and issubclass(origin, Enum)):
        return "str"
    return "list" if _is_sequence(origin) else "mapping"


def _look_of_value(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return "none"
    if isinstance(value, np.ndarray):
        return "array"
    if isinstance(value, Enum):
        return "str"
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind.__name__
    return "list" if isinstance(value, list | tuple) else "mapping"


def _look_of_json(value: Any) -> str:
    if isinstance(value, dict) and set(value) in ({_ARRAY}, {_FLOAT}):
        return "array" if _ARRAY in value else "float"
    return _look_of_value(value)


def _is_sequence(origin: Any) -> bool:
    return origin in (tuple, list, Sequence)


def _is_uniform(items: Sequence[Any], hints: list[Any]) -> bool:
    """Whether all items are plainly what is declared: 100 000 image ids then pass without a call each."""
    kind = _strip(hints[0]) if hints else None
    return kind in (str, int, bool) and len(set(hints)) == 1 and set(map(type, items)) == {kind}


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _item_hints(kind: Any, n: int, place: str) -> list[Any]:
    hints = typing.get_args(kind) or (object, ...)
    if typing.get_origin(kind) is not tuple or hints[1:] == (...,):
        return [hints[0]] * n
    hints = () if hints == ((),) else hints
    if len(hints) != n:
        raise _error(f"{n} items, declared {len(hints)}", place)
    return list(hints)


def _dtype(kind: Any) -> type[np.generic] | None:
    for part in typing.get_args(kind)[1:]:
        for scalar in typing.get_args(part):
            if isinstance(scalar, type) and issubclass(scalar, np.generic):
                return scalar
    return None


def _join(place: str, part: str | int) -> str:
    # escaped, so that no two places share an array's name, and any text can be part of one
    escaped = quote(str(part), safe="", errors="surrogatepass").replace(".", "%2E")
    return f"{place}.{escaped}" if place else escaped


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _expect(fits: bool, value: Any, kind: Any, place: str) -> None:
    if not fits:
        shown = f"array {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        raise _error(f"expected {_name(kind)}, found {shown[:80]}", place)


def _error(what: str, place: str, code: str = "E_STORE_TYPE") -> DataError:
    return DataError(
        what, where=f"field {place}" if place else "", remedy="raise the stage's version and run again", code=code
    )
