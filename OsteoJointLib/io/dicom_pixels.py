"""Decode the pixels of DICOM slices into Hounsfield units, rescale slope and intercept applied once.

Uncompressed, RLE, JPEG, JPEG-LS and JPEG 2000 go through pydicom with pylibjpeg-openjpeg or GDCM. HU are rounded to
int16 and clamped from below at -1024, so that padding such as -3024 becomes air; padding far above bone becomes air as
well. A padding value inside the range of tissue is not believed (some scanners name 0, which is water).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.io.hu_checks import LOWEST_HU
from OsteoJointLib.names import readable_name

_PIXEL_TAGS = """
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    NumberOfFrames PlanarConfiguration ExtendedOffsetTable ExtendedOffsetTableLengths PixelData
""".split()  # noqa: SIM905 - a list literal would take one line a word
_HIGHEST_BELIEVABLE_HU = 4000
"""Padding beyond this is no tissue: a CT of 12 bits ends at 3071 HU."""


def read_slices(headers: Sequence[SliceHeader]) -> tuple[np.ndarray, str]:
    """Decode slices in the given order.

    Args:
        headers: n headers of one image size.

    Returns:
        (n, y, x) int16 HU, and the SHA-256 of the sorted SHA-256 of the files.

    Raises:
        InputRefused: UNREADABLE when a file can't be read or decoded, NOT_CT when it holds colors.
    """
    out = np.empty((len(headers), headers[0].rows or 0, headers[0].columns or 0), dtype=np.int16)
    digests: set[str] = set()
    dataset, opened = None, None
    with quiet_dicom():
        for index, header in enumerate(headers):
            try:
                if header.path != opened:
                    dataset, digest = _open(header)
                    digests.add(digest)
                    opened = header.path
                raw = _decode(dataset, header)
            except MemoryError:
                raise
            except Exception as error:  # decoders raise almost anything on a broken file
                which = f"image {index + 1} of {len(headers)}"
                said = (
                    "The pixels of {} can't be read: they are truncated, broken or compressed in an unknown way. Copy "
                    "or export the series again."
                )
                named = said.format(f"{which} ({readable_name(header.path)})")
                raise InputRefused(Reason.UNREADABLE, named, said.format(which)) from error
            if raw.shape != out.shape[1:]:
                raise InputRefused(
                    Reason.NOT_CT,
                    f"Image {index + 1} is no gray image of {out.shape[1]} x {out.shape[2]} pixels like the others. "
                    "Give the original CT series.",
                )
            out[index] = to_hu(raw, header.slope, header.intercept, header.padding)
    return out, hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def to_hu(raw: np.ndarray, slope: float, intercept: float, padding: float | None) -> np.ndarray:
    """Rescale stored values to int16 HU, clamp them from below and turn padding into air.

    >>> to_hu(np.array([-2000, 0, 1024, 1074], dtype=np.int16), 1.0, -1024.0, -2000.0).tolist()
    [-1024, -1024, 0, 50]
    >>> to_hu(np.array([0, 65535], dtype=np.uint16), 1.0, 0.0, 65535.0).tolist()
    [0, -1024]
    """
    if slope == 1.0 and float(intercept).is_integer():
        hu = raw.astype(np.int32) + np.int32(intercept)
    else:
        hu = np.rint(raw.astype(np.float64) * slope + intercept)
    if padding is not None and padding * slope + intercept > _HIGHEST_BELIEVABLE_HU:
        hu[raw == padding] = LOWEST_HU
    return np.clip(hu, LOWEST_HU, np.iinfo(np.int16).max).astype(np.int16)


def _open(header: SliceHeader) -> tuple[Any, str]:
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    content = header.path.read_bytes()
    dataset = dcmread(BytesIO(content), force=True, specific_tags=list(_PIXEL_TAGS))
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset, hashlib.sha256(content).hexdigest()


def _decode(dataset: Any, header: SliceHeader) -> np.ndarray:
    from pydicom.pixels import pixel_array

    return pixel_array(dataset, index=header.frame) if header.frame is not None else pixel_array(dataset)
