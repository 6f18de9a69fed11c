"""Turn the pixels of DICOM slices into Hounsfield units, rescale slope and intercept applied once.

HU are rounded to int16 and clamped from below at -1024, so that padding such as -3024 becomes air; padding far above
bone becomes air as well. A padding value inside the range of tissue is not believed (some scanners name 0, which is
water).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom_frames import decoded_images
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.io.digests import digest_of_all, file_digest
from OsteoJointLib.io.hu_checks import LOWEST_HU
from OsteoJointLib.names import readable_name

_HIGHEST_BELIEVABLE_HU = 4000
"""Padding beyond this is no tissue: a CT of 12 bits ends at 3071 HU."""


def read_slices(headers: Sequence[SliceHeader], out: np.ndarray) -> str:
    """Decode slices in the given order.

    Args:
        headers: n headers of one image size.
        out: (n, y, x) int16, to be filled with HU.

    Returns:
        The digest of the files together.

    Raises:
        InputRefused: UNREADABLE when a file can't be read or decoded, NOT_CT when it holds colors.
    """
    places: dict[Path, dict[int | None, int]] = {}
    for index, header in enumerate(headers):
        places.setdefault(header.path, {})[header.frame] = index
    digests: set[str] = set()
    with quiet_dicom():
        for path, indices in places.items():
            index = next(iter(indices.values()))
            try:
                digests.add(file_digest(path))
                for frame, raw in decoded_images(path, indices, out[0].size):
                    index = indices[frame]
                    if raw.shape != out.shape[1:]:
                        raise _NotGrayError
                    header = headers[index]
                    out[index] = to_hu(raw, header.slope, header.intercept, header.padding)
            except MemoryError:
                raise
            except _NotGrayError as error:
                raise InputRefused(
                    Reason.NOT_CT,
                    f"Image {index + 1} is no gray image of {out.shape[1]} x {out.shape[2]} pixels like the others. "
                    "Give the original CT series.",
                ) from error
            except Exception as error:  # decoders raise almost anything on a broken file
                raise _broken(index, headers) from error
    return digest_of_all(digests)


class _NotGrayError(Exception):
    """An image isn't like the others."""


def _broken(index: int, headers: Sequence[SliceHeader]) -> InputRefused:
    which = f"image {index + 1} of {len(headers)}"
    said = (
        "The pixels of {} can't be read: they are truncated, broken or compressed in an unknown way. Copy or export "
        "the series again."
    )
    named = said.format(f"{which} ({readable_name(headers[index].path)})")
    return InputRefused(Reason.UNREADABLE, named, said.format(which))


def to_hu(raw: np.ndarray, slope: float, intercept: float, padding: float | None) -> np.ndarray:
    """Rescale stored values to int16 HU, clamp them from below and turn padding into air.

    >>> to_hu(np.array([-2000, 0, 1024, 1074], dtype=np.int16), 1.0, -1024.0, -2000.0).tolist()
    [-1024, -1024, 0, 50]
    >>> to_hu(np.array([0, 65535], dtype=np.uint16), 1.0, 0.0, 65535.0).tolist()
    [0, -1024]
    """
    if slope == 1.0 and float(intercept).is_integer() and raw.dtype.itemsize <= 2:  # wider ones would overflow
        hu = raw.astype(np.int32) + np.int32(intercept)
    else:
        hu = np.rint(raw.astype(np.float64) * slope + intercept)
    if padding is not None and padding * slope + intercept > _HIGHEST_BELIEVABLE_HU:
        hu[raw == padding] = LOWEST_HU
    return np.clip(hu, LOWEST_HU, np.iinfo(np.int16).max).astype(np.int16)
