"""The voxels of a NIfTI file, checked to be whole.

ITK fills what is missing in a truncated or damaged NIfTI file with whatever it has and says nothing, so the voxels are
read here: decompressed with the checksum verified, and counted against the header. Geometry is left to SimpleITK.
Layout as in nifti1.h (single files, any byte order); NIfTI-2 is read by neither and refused.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_HEADER_BYTES = 348
_ADVICE = "export or copy it again."


@dataclass(frozen=True, eq=False)
class NiftiVoxels:
    """Stored values (z, y, x) in file order and their rescaling: value = stored * slope + intercept."""

    stored: np.ndarray
    slope: float
    intercept: float


def read_nifti_voxels(path: Path, shape_zyx: tuple[int, int, int]) -> NiftiVoxels:
    """Read the voxels of a .nii or .nii.gz file.

    Args:
        path: the file.
        shape_zyx: the shape that its header states.

    Raises:
        InputRefused: UNREADABLE when the file is truncated or damaged, NOT_CT when its voxels are no plain numbers.
    """
    content = _content(path)
    order = _byte_order(content)
    (code,) = struct.unpack_from(order + "h", content, 70)
    offset, slope, intercept = struct.unpack_from(order + "3f", content, 108)
    if code not in _TYPES:
        raise InputRefused(Reason.NOT_CT, "Expected one number per voxel, came colors or complex values; give the CT.")
    kind = np.dtype(order + _TYPES[code])
    needed = int(np.prod(shape_zyx, dtype=np.int64)) * kind.itemsize
    if len(content) < int(offset) + needed:
        raise InputRefused(
            Reason.UNREADABLE,
            f"Expected {needed} bytes of voxels, came {max(0, len(content) - int(offset))} (truncated); {_ADVICE}",
        )
    stored = np.frombuffer(content, kind, needed // kind.itemsize, int(offset)).reshape(shape_zyx)
    if not np.isfinite(slope) or not np.isfinite(intercept) or slope == 0:
        slope, intercept = 1.0, 0.0
    return NiftiVoxels(stored, float(slope), float(intercept))


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"Expected a whole .nii.gz file, came a truncated or damaged one; {_ADVICE}"
        ) from error


def _byte_order(content: bytes) -> str:
    """The struct module's sign of the header's byte order, told by the size that it states of itself."""
    for order in "<>":
        if len(content) > _HEADER_BYTES and struct.unpack_from(order + "i", content, 0)[0] == _HEADER_BYTES:
            return order
    raise InputRefused(Reason.UNREADABLE, f"Expected a NIfTI-1 header, came another content; {_ADVICE}")
