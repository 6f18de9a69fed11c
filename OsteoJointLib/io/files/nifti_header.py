"""The header of a NIfTI-1 file (nifti1.h), .nii or .nii.gz, in any byte order; NIfTI-2 and pairs of files are refused.

Such a file can state its place twice (qform, sform) and its voxels' size three times (pixdim, and within both). What is
stated is used where it agrees. Where it doesn't: two sizes, or two orientations, are refused, as nothing tells which is
right; two that mirror each other from left to right are flagged; two origins are noted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.files.header import (
    StoredData,
    VolumeHeader,
    orientation_not_stated,
    size_not_stated,
    three_sizes,
    unreadable,
)
from OsteoJointLib.io.files.inflating import start_of
from OsteoJointLib.io.files.stated_place import RAS_TO_LPS, apart_deg, grid_from, straightened
from OsteoJointLib.records import Flag

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_HEADER_BYTES, _FIRST_VOXEL = 348, 352
_UNITS_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Unknown, meters, millimeters, micrometers."""
_SCANNER = 1
"""The code of an orientation that is the patient's on the table, and no template's."""

_SAME_SIZE = 1e-3
"""Voxel sizes that differ by less, of their own, are the same, rounded."""
_SAME_TURN_DEG = 1.0
"""Orientations that differ by less are the same, rounded (chosen)."""
_SAME_ORIGIN_MM = 0.5
"""Origins that lie nearer are the same, rounded (chosen)."""


@dataclass(frozen=True, eq=False)
class _Place:
    """A place that is stated: its name, its code, steps and origin in RAS mm."""

    name: str
    code: int
    steps: np.ndarray
    origin: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        return np.linalg.norm(self.steps, axis=0)

    @property
    def direction(self) -> np.ndarray:
        return self.steps / self.sizes


def read_nifti_header(path: Path) -> VolumeHeader:
    """Read the header; see :class:`HeaderReader`."""
    content, packed = start_of(path, _FIRST_VOXEL)
    order = _byte_order(content)
    dims = struct.unpack_from(order + "8h", content, 40)
    if not 1 <= dims[0] <= 7:
        raise unreadable(f"its header states {dims[0]} axes")
    shape = three_sizes(dims[1 : 1 + dims[0]])
    (code,) = struct.unpack_from(order + "h", content, 70)
    if code not in _TYPES:
        raise InputRefused(Reason.NOT_CT, "The voxels hold colors or complex values, not HU. Give the CT.")
    offset, slope, intercept = struct.unpack_from(order + "3f", content, 108)
    if not (np.isfinite(offset) and offset >= _FIRST_VOXEL and float(offset).is_integer()):
        raise unreadable("its header states no place where the voxels begin (vox_offset)")
    if content[344:348] != b"n+1\0":
        raise InputRefused(
            Reason.UNREADABLE, "Header and voxels of the NIfTI lie in two files. Write the CT as one .nii.gz file."
        )
    places, notes = _places(content, order)
    place = places[0]
    if slope == 0 or (np.isnan(slope) and np.isnan(intercept)):  # by the standard, and by nibabel: no scaling
        slope, intercept = 1.0, 0.0
    elif not (np.isfinite(slope) and np.isfinite(intercept)):
        notes.append("The file's scaling is no number, so that its values were taken as they are stored.")
        slope, intercept = 1.0, 0.0
    grid = grid_from(RAS_TO_LPS @ place.steps, RAS_TO_LPS @ place.origin, shape)
    notes += straightened(place.steps)
    _refuse_two_sizes(place, _pixdim(content, order))
    alike = len(places) == 2 and places[1].code == place.code  # of two codes, one is of another scan or a template
    flags = _compared(place, places[1], notes) if alike else []
    start = int(offset)
    data = StoredData(path, 0, True, start) if packed else StoredData(path, start)
    dtype = np.dtype(order + _TYPES[code])
    return VolumeHeader(grid, dtype, data, 1, float(slope), float(intercept), notes=tuple(notes), flags=tuple(flags))


def _byte_order(content: bytes) -> str:
    """Tell the header's byte order, as the struct module signs it, by the size that it states of itself."""
    for order in "<>":
        if len(content) >= _FIRST_VOXEL and struct.unpack_from(order + "i", content, 0)[0] == _HEADER_BYTES:
            return order
    raise unreadable("it doesn't begin as NIfTI-1 does")


def _unit_mm(content: bytes) -> float:
    """Return mm per unit of length."""
    unit = _UNITS_MM.get(content[123] & 7)
    if unit is None:
        raise InputRefused(Reason.BAD_GEOMETRY, "The file states no unit of length that is known. Write it in mm.")
    return unit


def _pixdim(content: bytes, order: str) -> np.ndarray:
    """Read the voxels' size in mm."""
    sizes = np.abs(struct.unpack_from(order + "3f", content, 80)) * _unit_mm(content)
    if not np.all(np.isfinite(sizes)) or min(sizes) <= 0:
        raise size_not_stated("its pixdim is 0 or no number")
    return sizes


def _places(content: bytes, order: str) -> tuple[list[_Place], list[str]]:
    """Read the places that are stated, that to use first, with notes on what was passed over."""
    codes = struct.unpack_from(order + "2h", content, 252)
    _pixdim(content, order)
    notes: list[str] = []
    stated: list[_Place] = []
    for name, code, read in zip(("sform", "qform"), reversed(codes), (_sform, _qform), strict=True):
        if code > 0:
            place = read(content, order, code)
            if place is None:
                notes.append(f"The file's {name} is no place, so that it was passed over.")
            else:
                stated.append(place)
    if not stated:
        raise orientation_not_stated("nifti")
    stated.sort(key=lambda place: place.code != _SCANNER)  # stable: of two alike the sform is first
    return stated, notes


def _compared(place: _Place, other: _Place, notes: list[str]) -> list[Flag]:
    """Refuse two orientations of one code that differ; flag those that mirror each other; note two origins."""
    if apart_deg(place.direction, other.direction) > _SAME_TURN_DEG:
        mirrored = np.diag([-1.0, 1.0, 1.0]) @ other.direction
        if apart_deg(place.direction, mirrored) <= _SAME_TURN_DEG:
            said = "The file states two orientations that are mirror images of each other. Check left and right."
            return [Flag(Reason.LEFT_HANDED, said)]
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "The file contradicts itself: it states two orientations, sform and qform, that turn the image otherwise. "
            "Convert the DICOM series again.",
        )
    _refuse_two_sizes(place, other.sizes)
    off = float(np.abs(place.origin - other.origin).max())
    if off > _SAME_ORIGIN_MM:
        notes.append(f"The file states two places {off:.1f} mm apart; that of its {place.name} was taken.")
    return []


def _refuse_two_sizes(place: _Place, sizes: np.ndarray) -> None:
    off = np.abs(place.sizes / sizes - 1)
    if off.max() > _SAME_SIZE:
        axis = int(off.argmax())
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"The file contradicts itself: its voxels are {place.sizes[axis]:.4g} mm wide by one statement and "
            f"{sizes[axis]:.4g} mm by another. Convert the DICOM series again.",
        )


def _sform(content: bytes, order: str, code: int) -> _Place | None:
    rows = np.array(struct.unpack_from(order + "12f", content, 280), dtype=np.float64).reshape(3, 4)
    if not np.all(np.isfinite(rows)) or not np.all(np.linalg.norm(rows[:, :3], axis=0) > 0):
        return None
    rows *= _unit_mm(content)
    return _Place("sform", code, rows[:, :3], rows[:, 3])


def _qform(content: bytes, order: str, code: int) -> _Place | None:
    """Build the matrix of the quaternion (nifti1.h, method 2)."""
    values = np.array(struct.unpack_from(order + "6f", content, 256), dtype=np.float64)
    (sign,) = struct.unpack_from(order + "f", content, 76)
    if not np.all(np.isfinite(values)):
        return None
    b, c, d = values[:3]
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    length = np.sqrt(a * a + b * b + c * c + d * d)
    if abs(length - 1) > _SAME_SIZE:
        return None
    a, b, c, d = np.array([a, b, c, d]) / length
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    turn[:, 2] *= -1.0 if sign < 0 else 1.0
    return _Place("qform", code, turn * _pixdim(content, order), values[3:] * _unit_mm(content))
