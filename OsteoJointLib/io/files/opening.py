"""Which files are volumes, and how one is opened: by its name's ending, the header first, the voxels once they fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.files.header import HeaderReader, VolumeHeader
from OsteoJointLib.io.files.metaimage_header import read_metaimage_header
from OsteoJointLib.io.files.nifti_header import read_nifti_header
from OsteoJointLib.io.files.nrrd_header import read_nrrd_header
from OsteoJointLib.io.files.stored_planes import planes

KINDS = {
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".mha": "mha",
    ".mhd": "mha",
}
"""File endings that are read, and the kind they stand for."""

_READERS: dict[str, HeaderReader] = {
    "nrrd": read_nrrd_header,
    "nifti": read_nifti_header,
    "mha": read_metaimage_header,
}
HU_BYTES = 2
"""Bytes that a voxel takes in memory, whatever it takes in a file."""

_GIB = 2**30


def volume_kind(path: Path) -> str | None:
    """Tell the kind of file by its name's ending, None when it is none of :data:`KINDS`."""
    name = path.name.lower()
    return next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


def read_header(path: Path) -> VolumeHeader:
    """Read the header of a volume file; no voxel is read.

    Args:
        path: its ending is one of :data:`KINDS`.

    Raises:
        InputRefused: as :class:`HeaderReader` says.
    """
    kind = volume_kind(path)
    if kind is None:
        raise InputRefused(Reason.UNREADABLE, f"The file is none of {', '.join(KINDS)}. Convert it.")
    return _READERS[kind](path)


def files_of(path: Path) -> tuple[Path, ...]:
    """List the files a volume lies in: its own, and the one in which a detached header says its voxels are.

    Of a header that is refused it is the header alone: nothing else is read then.

    Raises:
        OSError: it can't be read.
    """
    try:
        return tuple(dict.fromkeys((path, read_header(path).data.path)))
    except InputRefused:
        return (path,)


def read_voxels(header: VolumeHeader, memory_gib: float) -> np.ndarray:
    """Read all voxels, (z, y, x) or (z, y, x, components), in this machine's byte order.

    Raises:
        InputRefused: TOO_LARGE, before anything is read; UNREADABLE.
    """
    refuse_too_large(header.grid.shape_zyx, header.dtype.itemsize * header.components, memory_gib)
    voxels = np.stack(list(planes(header))).astype(header.dtype.newbyteorder("="), copy=False)
    plain = (header.slope, header.intercept) == (1.0, 0.0)
    return voxels if plain else voxels * header.slope + header.intercept


def refuse_too_large(shape_zyx: Sequence[int], bytes_each: int, memory_gib: float) -> None:
    """Refuse a volume by the size that its header states, before any memory is taken for it.

    Args:
        shape_zyx: voxels per axis.
        bytes_each: that a voxel takes.
        memory_gib: that all of them may take.

    Raises:
        InputRefused: TOO_LARGE.
    """
    needed = bytes_each
    for count in shape_zyx:
        needed *= int(count)
    if needed > memory_gib * _GIB:
        slices, rows, columns = shape_zyx
        raise InputRefused(
            Reason.TOO_LARGE,
            f"The header states {columns} x {rows} x {slices} voxels, which need {needed / _GIB:.1f} GiB of memory, "
            f"and {memory_gib:g} GiB are allowed. Crop the CT to the lumbar spine; or, where the memory is there, "
            'raise "memory_gib" in the settings\' section "input".',
        )
