"""The header of an NRRD file (teem.sourceforge.net/nrrd/format.html), attached (.nrrd) or detached (.nhdr).

Read are the encodings raw and gzip, one data file, and the three anatomical spaces. Fields that nothing here depends on
are passed over.
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
    orientation_not_stated,
    size_not_stated,
    three_sizes,
    unreadable,
    whole_numbers,
)
from OsteoJointLib.io.files.stated_place import RAS_TO_LPS, grid_from

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_LPS = np.eye(3)
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), _LPS),
    **dict.fromkeys(("right-anterior-superior", "ras"), RAS_TO_LPS),
    **dict.fromkeys(("left-anterior-superior", "las"), np.diag([1.0, -1.0, 1.0])),
}
_ORDERS = {"little": "<", "big": ">"}
_VECTOR = re.compile(r"none|\([^()]*\)", re.I)


def read_nrrd_header(path: Path) -> VolumeHeader:
    """Read the header; see :class:`HeaderReader`."""
    fields, keys, length = _text(path)
    sizes, vectors = _axes(fields)
    components = 1
    if len(sizes) > 3 and vectors and vectors[0] is None:
        components, sizes, vectors = checked_components(sizes[0]), sizes[1:], vectors[1:]
    shape = three_sizes(sizes)
    kind = _TYPES.get(fields.get("type", "").lower())
    if kind is None:
        raise unreadable("its header states no type of numbers that a CT could have")
    turn = _SPACES.get(fields.get("space", "").lower())
    if turn is None:
        raise orientation_not_stated("nrrd")
    if not vectors or any(vector is None for vector in vectors[:3]):
        raise size_not_stated("its space directions are missing or no numbers")
    _refuse_other_units(fields)
    origin = numbers(fields.get("spaceorigin", "").strip("() "))
    notes = () if len(origin) == 3 else ("The file states no origin, so that its first voxel was put at 0.",)
    grid = grid_from(turn @ np.array(vectors[:3]).T, turn @ np.array(origin if not notes else (0.0, 0.0, 0.0)), shape)
    dtype = np.dtype(_byte_order(fields, kind) + kind)
    return VolumeHeader(grid, dtype, _data(path, fields, length), components, keys=keys, notes=notes)


def _text(path: Path) -> tuple[Mapping[str, str], Mapping[str, str], int]:
    """Read fields (names without blanks, lower case), key/value pairs, and how long the header is."""
    with path.open("rb") as file:
        content = file.read(LONGEST_HEADER)
    if not re.match(rb"NRRD000[1-5]\r?\n", content):
        raise unreadable("it doesn't begin as NRRD does")
    end = re.search(rb"\r?\n\r?\n", content)
    if end is None and len(content) == LONGEST_HEADER:
        raise unreadable("its header doesn't end")
    head = content[: end.start()] if end else content
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")[1:]:
        pair, field = re.match(r"([^:#][^:]*):=(.*)", line), re.match(r"([^:#][^:]*): ?(.*)", line)
        if pair:
            keys[pair[1]] = pair[2].replace("\\n", "\n").replace("\\\\", "\\")
        elif field:
            name = field[1].replace(" ", "").lower()
            if name in fields:
                raise unreadable(f"its header states {field[1]} twice")
            fields[name] = field[2].strip()
        elif line.strip() and not line.startswith("#"):
            raise unreadable("a line of its header is none of NRRD's")
    return fields, keys, end.end() if end else len(content)


def _axes(fields: Mapping[str, str]) -> tuple[list[int], list[tuple[float, ...] | None]]:
    """Read the axes' sizes and steps, the fastest first; a step is None where the axis lies in no direction."""
    sizes = list(whole_numbers(fields.get("sizes", "")))
    if whole_numbers(fields.get("dimension", "")) != (len(sizes),):
        raise unreadable("its header states no dimension, or other than it has sizes")
    words = _VECTOR.findall(fields.get("spacedirections", ""))
    steps = [found if len(found := numbers(word.strip("()"))) == 3 else None for word in words]
    return sizes, steps if len(steps) == len(sizes) else []


def _refuse_other_units(fields: Mapping[str, str]) -> None:
    units = set(re.findall(r'"([^"]*)"', fields.get("spaceunits", ""))) - {"mm", "", "???"}
    if units:
        raise InputRefused(
            Reason.BAD_GEOMETRY, f"The file states its distances in {', '.join(sorted(units))}. Write it in mm."
        )


def _byte_order(fields: Mapping[str, str], kind: str) -> str:
    if kind[1] == "1":
        return "|"
    order = _ORDERS.get(fields.get("endian", "").lower())
    if order is None:
        raise unreadable("its header doesn't state the byte order (endian)")
    return order


def _data(path: Path, fields: Mapping[str, str], length: int) -> StoredData:
    encoding = fields.get("encoding", "").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise InputRefused(
            Reason.UNREADABLE, f'The file is written in the encoding "{encoding[:20]}". Write it raw or by gzip.'
        )
    packed = encoding != "raw"
    named = fields.get("datafile", "")
    if named.upper().startswith("LIST") or re.search(r"%\d*d", named):
        raise InputRefused(Reason.UNREADABLE, "The voxels lie in several files. Write the CT as one file.")
    skip = whole_numbers(fields.get("byteskip", "0"))
    if whole_numbers(fields.get("lineskip", "0")) != (0,) or len(skip) != 1 or skip[0] < -1 or (packed and skip[0] < 0):
        raise unreadable("its header leaves out lines or bytes in a way that can't be followed")
    file, start = (beside(path, named), 0) if named else (path, length)
    if packed:
        return StoredData(file, start, compressed=True, inner_offset=skip[0], alone=skip == (0,))
    return StoredData(file, None if skip[0] < 0 else start + skip[0], alone=skip == (0,))
