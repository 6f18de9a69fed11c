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
_ADVICE = "Export or copy it again."


@dataclass(frozen=True, eq=False)
class NiftiVoxels:
    """Stored values and what the header says of them.

    Args:
        stored: (z, y, x) in file order.
        slope, intercept: value = stored * slope + intercept.
        contradictory: whether the header's two orientations (qform, sform) are mirror images of each other.
    """

    stored: np.ndarray
    slope: float
    intercept: float
    contradictory: bool


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
        raise InputRefused(Reason.NOT_CT, "The voxels hold colors or complex values, not HU. Give the CT.")
    kind = np.dtype(order + _TYPES[code])
    needed = int(np.prod(shape_zyx, dtype=np.int64)) * kind.itemsize
    if len(content) < int(offset) + needed:
        raise InputRefused(
            Reason.UNREADABLE,
            f"The file is cut short: {max(0, len(content) - int(offset))} of {needed} bytes are there. {_ADVICE}",
        )
    stored = np.frombuffer(content, kind, needed // kind.itemsize, int(offset)).reshape(shape_zyx)
    if not np.isfinite(slope) or not np.isfinite(intercept) or slope == 0:
        slope, intercept = 1.0, 0.0
    return NiftiVoxels(stored, float(slope), float(intercept), _contradictory(content, order))


def _contradictory(content: bytes, order: str) -> bool:
    """Compare the handedness of qform (by pixdim[0]'s sign; its quaternion only turns) and sform, if both are given."""
    (qform_sign,) = struct.unpack_from(order + "f", content, 76)
    codes = struct.unpack_from(order + "2h", content, 252)
    sform = np.array(struct.unpack_from(order + "12f", content, 280)).reshape(3, 4)
    return min(codes) > 0 and (qform_sign < 0) != bool(np.linalg.det(sform[:, :3]) < 0)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise InputRefused(Reason.UNREADABLE, f"The .nii.gz file is cut short or damaged. {_ADVICE}") from error


def _byte_order(content: bytes) -> str:
    """Tell the header's byte order, as the struct module signs it, by the size that it states of itself."""
    for order in "<>":
        if len(content) > _HEADER_BYTES and struct.unpack_from(order + "i", content, 0)[0] == _HEADER_BYTES:
            return order
    raise InputRefused(Reason.UNREADABLE, f"The file doesn't begin as NIfTI-1 does. {_ADVICE}")
