"""The paper's own input: two single axial DICOM slices, the mid-slices of L1 and of L2.

The slice whose center lies nearer to the head is taken for L1, whatever the files are called and in whatever order they
were acquired. Nothing in two slices could tell that they are L1 and L2, so that is assumed, and the result says so.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import slice_axis_name, to_canonical, triple
from OsteoJointLib.io.dicom_geometry import SAME_POSITION_MM, place_of
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.io.dicom_pixels import read_slices
from OsteoJointLib.io.dicom_source import one_per_code, source_info, tag_flags
from OsteoJointLib.io.files.opening import HU_BYTES, refuse_too_large
from OsteoJointLib.io.header_checks import acquisition_flags, refuse_bad_field_of_view, slice_geometry_flags
from OsteoJointLib.io.hu_checks import check_hu
from OsteoJointLib.io.hu_scale import measure_scale
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.names import readable_name
from OsteoJointLib.records import CtSlicePair, CtVolume

_UNKNOWN_THICKNESS_MM = 1.0
"""A single slice needs some height to lie in the world; nothing is measured by it."""


def read_pair(slices: tuple[SliceHeader, ...], limits: ReadingLimits) -> CtSlicePair:
    """Read two single axial slices as a pair; the upper one is L1.

    Raises:
        InputRefused: BAD_GEOMETRY, MIXED_ORIENTATION, DUPLICATE_SLICES, SINGLE_SLICE (too near or too far), NOT_HU ...
    """
    frames = {header.frame_of_reference for header in slices}
    if len(frames) > 1:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "The two slices are of different examinations (frames of reference), so it can't be told which is the "
            "upper one. Give slices of one series.",
        )
    for header in slices:
        plane = slice_axis_name(place_of(header).axes)
        if plane != "axial":
            raise InputRefused(
                Reason.MIXED_ORIENTATION,
                f"One of the two slices is {plane}. Give axial ones, of L1 and of L2.",
            )
    lower, upper = sorted(slices, key=_center_height_mm)
    distance = _center_height_mm(upper) - _center_height_mm(lower)
    low, high = limits.pair_distance_mm
    if not low <= distance <= high:
        raise InputRefused(
            Reason.DUPLICATE_SLICES if distance < SAME_POSITION_MM else Reason.SINGLE_SLICE,
            f"The two slices lie {distance:.1f} mm apart, but the mid-slices of L1 and L2 lie {low:g} to {high:g} mm "
            "apart. Give the right two slices, or the whole series.",
        )
    return CtSlicePair(_read_single(upper, limits), _read_single(lower, limits))


def _center_height_mm(header: SliceHeader) -> float:
    """Compute the LPS z of the slice's center, so that a tilted slice is placed by what it shows."""
    place = place_of(header)
    half_size_mm = np.array([(header.columns or 1) - 1, (header.rows or 1) - 1]) * place.pixel_mm / 2
    return float(place.position_lps_mm[2] + place.axes[2, :2] @ half_size_mm)


def _read_single(header: SliceHeader, limits: ReadingLimits) -> CtVolume:
    place = place_of(header)
    shape = (1, header.rows or 0, header.columns or 0)
    refuse_too_large(shape, HU_BYTES, limits.memory_gib)
    hu = np.empty(shape, dtype=np.int16)
    sha256 = read_slices((header,), hu)
    spacing = (*place.pixel_mm, header.thickness_mm or _UNKNOWN_THICKNESS_MM)
    grid = Grid((1, *hu.shape[1:]), spacing, triple(place.position_lps_mm), place.axes)
    array, canonical = to_canonical(hu, grid)
    array = np.ascontiguousarray(array)
    refuse_bad_field_of_view(canonical, limits)
    source = source_info((header,), sha256, (readable_name(header.path),))
    flags = [*tag_flags((header,)), *slice_geometry_flags(canonical, limits)]
    flags += check_hu(array, limits)
    scale = measure_scale(array, canonical)
    flags += acquisition_flags(source, scale, limits)
    return CtVolume(array, canonical, source, one_per_code(flags), scale=scale)
