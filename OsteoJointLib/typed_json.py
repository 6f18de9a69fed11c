"""Records to JSON and back: the annotations of a frozen dataclass say what its fields are in JSON.

Texts, numbers and truth values are themselves; an enum is its value, a path a text, a tuple a list, a mapping and a
record an object. A field that is null or missing takes its default, one that isn't known is passed over.

>>> from OsteoJointLib.records import Flag, Level, Reason
>>> to_json(Flag(Reason.METAL, "Metal.", Level.L2))
{'code': 'metal', 'message': 'Metal.', 'level': 'L2'}
>>> from_json(Flag, {"code": "metal", "message": "Metal.", "more": 1}).code is Reason.METAL
True
>>> from_json(Flag, {"code": "metal", "message": "Metal.", "level": "L3"})
Traceback (most recent call last):
    ...
OsteoJointLib.typed_json.WrongField: The field level must be L1 or L2; it is 'L3'.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")


_LONGEST_VALUE = 60
"""Letters of a value that stand in a sentence."""


class WrongField(ValueError):
    """A field that is missing or isn't what it must be, in a sentence."""


def to_json(value: Any) -> Any:
    """Turn a record, or what may be a field of one, into JSON."""
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def without_defaults(record: Any) -> dict[str, Any]:
    """Turn a record into JSON without the fields that hold their default."""
    given = {field: getattr(record, field.name) for field in fields(record)}
    return {field.name: to_json(value) for field, value in given.items() if value != _default(field)}


def from_json(kind: type[R], value: Any, name: str = "") -> R:
    """Read a record, or what may be a field of one.

    Args:
        kind: what it must be.
        value: the JSON.
        name: of the field, for the sentence of an error.

    Raises:
        WrongField: it is something else.
    """
    return _read(kind, value, name)


def _read(kind: Any, value: Any, name: str) -> Any:
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _read_either(kind, [one for one in inner if one is not NoneType], value, name)
    if kind is Any:
        return value
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, Mapping):
        given = {field: value.get(field.name) for field in fields(kind) if field.init}
        return kind(**{f.name: _read_field(kind, f, one, f"{name}.{f.name}".lstrip(".")) for f, one in given.items()})
    if origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(_read(one, part, name) for one, part in zip(kinds, value, strict=True))
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        return {_read(inner[0], key, name): _read(inner[1], one, f"{name}.{key}") for key, one in value.items()}
    if origin is float and type(value) in (int, float) and _is_finite(value):
        return float(value)
    if origin in (str, int, bool) and type(value) is origin:
        return value
    if origin is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    if isinstance(origin, type) and issubclass(origin, Enum) and any(value == one.value for one in origin):
        return origin(value)
    found = "missing" if value is None else repr_of(value)
    raise WrongField(f"The field {name} must be {_words(kind)}; it is {found}.")


def repr_of(value: Any) -> str:
    """Show a value as Python writes it, a long or deep one in part."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 100
    return short.repr(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def _read_either(kind: Any, kinds: list[Any], value: Any, name: str) -> Any:
    """Read the first kind that fits; where there is but one, its own sentence says what is wrong."""
    if value is None and NoneType in get_args(kind):
        return None
    for one in kinds[:-1]:
        try:
            return _read(one, value, name)
        except WrongField:
            continue
    return _read(kinds[-1], value, name)


def _read_field(kind: type, field: Field[Any], value: Any, name: str) -> Any:
    if value is None and (default := _default(field)) is not MISSING:
        return default
    return _read(_hints(kind)[field.name], value, name)


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


_hints = cache(get_type_hints)


def _words(kind: Any) -> str:
    """Say what a field must be."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is tuple:
        count = "" if inner[-1] is Ellipsis else f" of {len(inner)}"
        return f"a list{count}, each {_words(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return " or ".join(str(one.value) for one in origin)
    if is_dataclass(origin):
        return f"an object with {', '.join(field.name for field in fields(origin))}"
    if origin in (dict, Mapping):
        return f"an object, each value {_words(inner[1])}" if inner else "an object"
    words = {str: "a text", float: "a number", int: "a whole number", bool: "true or false", Path: "a path"}
    return words.get(origin, "given")
