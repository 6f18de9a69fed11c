"""The header of a MetaImage file (itk.org/Wiki/MetaIO/Documentation), attached (.mha) or detached (.mhd).

Read are binary voxels, plain or packed by zlib, in one file. No other library sees the header: one with a hundred axes
makes ITK's reader write where it must not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.files.header import (
    LONGEST_HEADER,
    StoredData,
    VolumeHeader,
    beside,
    checked_components,
    numbers,
    size_not_stated,
    three_sizes,
    unreadable,
    whole_numbers,
)
from OsteoJointLib.io.files.stated_place import grid_from

_TYPES = {
    "CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "INT": "i4",
    "UINT": "u4",
    "LONG": "i4",
    "ULONG": "u4",
    "LONG_LONG": "i8",
    "ULONG_LONG": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
_MOST_AXES = 10
"""A MetaImage has no more."""

_NO_ORIENTATION = "The MetaImage header states no orientation, so its default (axes to left, back, head) was taken."
_NO_ORIGIN = "The file states no origin, so that its first voxel was put at 0."
_TRUE = ("true", "1", "yes", "t", "y")


def read_metaimage_header(path: Path) -> VolumeHeader:
    """Read the header; see :class:`HeaderReader`."""
    fields, length = _text(path)
    axes = whole_numbers(fields.get("NDims", ""))
    if len(axes) != 1 or not 1 <= axes[0] <= _MOST_AXES:
        raise unreadable("its header states no number of axes that an image could have")
    sizes = whole_numbers(fields.get("DimSize", ""))
    if len(sizes) != axes[0]:
        raise unreadable("its header states other than one size an axis")
    shape = three_sizes(sizes)
    if axes[0] != 3:
        raise InputRefused(Reason.NOT_3D, f"The file has {axes[0]} axes and not three. Give one CT volume.")
    kind = _TYPES.get(fields.get("ElementType", "").removeprefix("MET_").removesuffix("_ARRAY"))
    if kind is None:
        raise unreadable("its header states no type of numbers that a CT could have")
    channels = whole_numbers(fields.get("ElementNumberOfChannels", "1"))
    components = checked_components(channels[0] if len(channels) == 1 else 0)
    steps, origin, notes = _place(fields)
    order = ">" if _is_true(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB") else "<"
    grid = grid_from(steps, origin, shape)
    return VolumeHeader(grid, np.dtype(order + kind), _data(path, fields, length), components, keys=fields, notes=notes)


def _text(path: Path) -> tuple[Mapping[str, str], int]:
    """Read the fields up to that of the data, which is the last, and how long the header is."""
    with path.open("rb") as file:
        content = file.read(LONGEST_HEADER)
    last = re.search(rb"^ElementDataFile *=[^\n]*(\n|\Z)", content, re.M)
    if last is None:
        raise unreadable("its header names no data (ElementDataFile)")
    fields: dict[str, str] = {}
    for line in content[: last.end()].decode("utf-8", "replace").split("\n"):
        name, equals, value = line.partition("=")
        if not equals and line.strip():
            raise unreadable("a line of its header is none of MetaImage's")
        if name.strip() in fields:
            raise unreadable("its header states something twice")
        fields[name.strip()] = value.strip()
    fields.pop("", None)
    if fields.get("ObjectType", "Image") != "Image":
        raise InputRefused(Reason.NOT_CT, "The MetaImage file holds no image but another object. Give the CT.")
    return fields, last.end()


def _is_true(fields: Mapping[str, str], *names: str) -> bool:
    return any(fields.get(name, "").lower() in _TRUE for name in names)


def _first(fields: Mapping[str, str], *names: str) -> str | None:
    return next((fields[name] for name in names if name in fields), None)


def _place(fields: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Read the steps between voxels, (3, 3), the origin, and what had to be taken for granted."""
    spacing = numbers(_first(fields, "ElementSpacing", "ElementSize") or "")
    if len(spacing) != 3 or min(spacing) <= 0:
        raise size_not_stated("its ElementSpacing is missing, or no three distances")
    if fields.get("DistanceUnits", "mm").lower() not in ("mm", "", "?"):
        raise InputRefused(Reason.BAD_GEOMETRY, "The file states its distances in other units. Write it in mm.")
    notes = []
    turned = _first(fields, "TransformMatrix", "Rotation", "Orientation")
    if turned is None:
        direction = np.eye(3)
        notes.append(_NO_ORIENTATION)
    elif len(found := numbers(turned)) == 9:
        direction = np.array(found).reshape(3, 3).T
    else:
        raise unreadable("its orientation (TransformMatrix) is no nine numbers")
    lengths = np.linalg.norm(direction, axis=0)
    if min(lengths) <= 0:
        raise unreadable("its orientation (TransformMatrix) has an axis without direction")
    origin = numbers(_first(fields, "Offset", "Position", "Origin") or "")
    if len(origin) != 3:
        origin = (0.0, 0.0, 0.0)
        notes.append(_NO_ORIGIN)
    return direction / lengths * np.array(spacing), np.array(origin), tuple(notes)


def _data(path: Path, fields: Mapping[str, str], length: int) -> StoredData:
    if fields.get("BinaryData", "True").lower() not in _TRUE:
        raise InputRefused(Reason.UNREADABLE, "The voxels are written as text. Write the CT as a binary file.")
    named = fields["ElementDataFile"]
    if named.upper().startswith("LIST") or re.search(r"%\d*d", named):
        raise InputRefused(Reason.UNREADABLE, "The voxels lie in several files. Write the CT as one file.")
    file, start = (path, length) if named.upper() == "LOCAL" else (beside(path, named), 0)
    skip = whole_numbers(fields.get("HeaderSize", "0"))
    packed = _is_true(fields, "CompressedData")
    if len(skip) != 1 or skip[0] < -1 or (packed and skip[0] != 0):
        raise unreadable("its header leaves out bytes in a way that can't be followed (HeaderSize)")
    return StoredData(file, None if skip[0] < 0 else start + skip[0], packed, alone=skip == (0,))
