"""What the header of a volume file states, whatever its format; nothing of the voxels is touched to know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.records import Flag

LONGEST_HEADER = 4 * 2**20
"""Bytes of text that a header may have: Slicer's segmentations of a hundred structures have a tenth (chosen)."""

SINGLE_SLICE = "This is one single slice. Give the whole series, or two files: the mid-slices of L1 and of L2."

_MOST_VOXELS_AN_AXIS = 2**16
"""More than any CT has along an axis."""

_MOST_COMPONENTS = 2**10
"""Values that a voxel may hold: layers of a segmentation, colors."""


@dataclass(frozen=True)
class StoredData:
    """Where the voxels lie.

    Args:
        path: the file that holds them: the header's own, or the one that it names.
        offset: bytes before them; None where they are what the file ends with.
        compressed: whether they are packed by zlib or gzip; ``offset`` is then that of the packed bytes.
        inner_offset: bytes before them once they are unpacked.
        alone: whether nothing but them may follow.
    """

    path: Path
    offset: int | None
    compressed: bool = False
    inner_offset: int = 0
    alone: bool = True


@dataclass(frozen=True, eq=False)
class VolumeHeader:
    """One volume of three axes.

    Args:
        grid: where it lies, as stored.
        dtype: of a value, with its byte order.
        data: where the values are.
        components: values a voxel, stored side by side.
        slope, intercept: value = stored * slope + intercept.
        keys: key/value pairs.
        notes: what was repaired, in sentences.
        flags: doubts about it.
    """

    grid: Grid
    dtype: np.dtype
    data: StoredData
    components: int = 1
    slope: float = 1.0
    intercept: float = 0.0
    keys: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def plane_bytes(self) -> int:
        """Bytes of one plane, z fixed."""
        _, rows, columns = self.grid.shape_zyx
        return rows * columns * self.components * self.dtype.itemsize

    @property
    def data_bytes(self) -> int:
        """Bytes of all planes."""
        return self.grid.shape_zyx[0] * self.plane_bytes


class HeaderReader(Protocol):
    """Reads the header of one format."""

    def __call__(self, path: Path) -> VolumeHeader:
        """Read a header.

        Raises:
            InputRefused: UNREADABLE, NOT_3D, SINGLE_SLICE, NOT_CT, BAD_GEOMETRY, GANTRY_TILT.
        """
        ...


def unreadable(what: str) -> InputRefused:
    """Refuse a file for what is wrong with it, a clause."""
    return InputRefused(Reason.UNREADABLE, f"The file is damaged: {what}. Export or copy it again.")


def size_not_stated(what: str) -> InputRefused:
    """Refuse a file that doesn't say how large its voxels are; nothing is ever assumed."""
    return InputRefused(
        Reason.BAD_GEOMETRY,
        f"The file doesn't state how large its voxels are: {what}. Convert the DICOM series again with a tool that "
        "keeps it (Slicer, dcm2niix).",
    )


def orientation_not_stated(kind: str) -> InputRefused:
    """Refuse a file that doesn't say how it lies in the patient."""
    return InputRefused(
        Reason.BAD_GEOMETRY,
        f"The {kind} file doesn't state how it lies in the patient. Convert the DICOM series again with a tool that "
        "keeps the orientation (Slicer, dcm2niix).",
    )


def three_sizes(sizes: Sequence[int]) -> tuple[int, int, int]:
    """Check that there are three axes, each of a believable length; more axes of one voxel don't count.

    Args:
        sizes: voxels along the axes, x first.

    Returns:
        (columns, rows, slices).
    """
    if not sizes or min(sizes) < 1 or max(sizes) > _MOST_VOXELS_AN_AXIS:
        raise unreadable(f"its header states a size of {' x '.join(str(n) for n in sizes) or 'nothing'} voxels")
    axes = list(sizes)
    while len(axes) > 3 and axes[-1] == 1:
        axes.pop()
    if len(axes) == 2:
        raise InputRefused(Reason.SINGLE_SLICE, SINGLE_SLICE)
    if len(axes) != 3:
        raise InputRefused(
            Reason.NOT_3D, f"The file has {len(axes)} axes ({list(sizes)}) and not three. Give one CT volume."
        )
    columns, rows, slices = axes
    return columns, rows, slices


def checked_components(count: int) -> int:
    """Check how many values a voxel holds."""
    if not 1 <= count <= _MOST_COMPONENTS:
        raise unreadable(f"its header states {count} values a voxel")
    return count


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read whole numbers, apart by blanks; empty where any is none.

    >>> whole_numbers("40 -1"), whole_numbers("40 1e3"), whole_numbers("9" * 40)
    ((40, -1), (), ())
    """
    words = text.split()
    if not all(word.lstrip("-").isdecimal() and word.isascii() and len(word) < 12 for word in words):
        return ()
    return tuple(int(word) for word in words)


def numbers(text: str) -> tuple[float, ...]:
    """Read finite numbers, apart by blanks or commas; empty where any is none.

    >>> numbers("0.5, 1e-1"), numbers("nan 1"), numbers("1 x")
    ((0.5, 0.1), (), ())
    """
    try:
        found = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        return ()
    return found if np.all(np.isfinite(found)) else ()


def beside(header: Path, name: str) -> Path:
    """Find the data file that a header names: an ordinary file beside it."""
    path = header.parent / name
    if "\0" in name or not path.is_file():
        raise unreadable("its header names a file of voxels that isn't there")
    return path
