"""From DICOM files to a :class:`CtVolume` or, for two single slices, to the paper's own :class:`CtSlicePair`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.canonical import empty_stored, to_canonical
from OsteoJointLib.io.dicom_damage import damage_flags, refuse_damaged
from OsteoJointLib.io.dicom_geometry import SAME_POSITION_MM, fill_gaps, straighten
from OsteoJointLib.io.dicom_headers import FolderHeaders, read_headers
from OsteoJointLib.io.dicom_pair import read_pair
from OsteoJointLib.io.dicom_pixels import read_slices
from OsteoJointLib.io.dicom_rescale import refuse_rescale_of_some, rescale_flags
from OsteoJointLib.io.dicom_series import Choice, Stack, choose_stack, ct_slices
from OsteoJointLib.io.dicom_source import one_per_code, source_info, tag_flags
from OsteoJointLib.io.files.opening import HU_BYTES, refuse_too_large
from OsteoJointLib.io.header_checks import acquisition_flags, check_geometry, too_short
from OsteoJointLib.io.hu_checks import LOWEST_HU, check_hu
from OsteoJointLib.io.hu_scale import measure_scale
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.slice_checks import refuse_blank_slices
from OsteoJointLib.records import CtSlicePair, CtVolume, DicomImage, Flag

_OTHER_REGIONS = re.compile(r"HEAD|BRAIN|SKULL|NECK|C-?SPINE|SINUS|HAND|WRIST|ELBOW|KNEE|ANKLE|FOOT|SHOULDER", re.I)
_OTHER_REGION_VIEW_MM = 300.0
"""A wider view may hold the trunk whatever the tag says: a trunk needs 300 to 500 mm, a head or limb less."""


def read_dicom(files: list[Path], name: str, limits: ReadingLimits) -> CtVolume | CtSlicePair:
    """Read DICOM files as one CT volume or as a pair of single slices.

    Args:
        files: candidates; what is no DICOM image is passed over.
        name: base name of what the user gave, for the result.
        limits: the limits.

    Returns:
        A pair when exactly two CT slices and no other image came, a volume otherwise.

    Raises:
        InputRefused: with its reason.
    """
    folder = read_headers(files)
    slices, aside = ct_slices(folder)
    if len(slices) == 2:
        _refuse_company(folder)
        return read_pair(slices, limits)
    refuse_damaged(slices, folder, limits)
    choice = choose_stack(slices, aside, limits)
    _refuse_other_region(choice.stack)
    _refuse_short(choice.stack, limits)
    return _read_stack(choice, folder, name, limits)


def _refuse_company(folder: FolderHeaders) -> None:
    """Refuse two slices beside other images: what is left of a damaged series is no pair of mid-slices."""
    found = len(folder.images) + len(folder.damaged)
    if found > 2:
        raise InputRefused(
            Reason.UNREADABLE,
            f"Only 2 of the {found} images can be read as CT slices, so they are not taken for mid-slices of L1 "
            "and L2. Copy the series again; or give the folder of those two slices alone.",
        )


def _read_stack(choice: Choice, folder: FolderHeaders, name: str, limits: ReadingLimits) -> CtVolume:
    stack = choice.stack
    refuse_rescale_of_some(stack.headers)
    shape = (len(stack.headers), stack.first.rows or 0, stack.first.columns or 0)
    refuse_too_large(shape, HU_BYTES, limits.memory_gib)
    hu = empty_stored(stack.geometry.even_grid(shape))
    sha256 = read_slices(stack.headers, hu)
    hu, stack, flags = _without_duplicates(hu, stack)
    geometry = stack.geometry
    images = tuple(DicomImage(header.path, header.frame) for header in stack.headers)
    if geometry.tilt_deg >= limits.tilt_deg:
        hu, origin = straighten(hu, geometry, LOWEST_HU, limits.memory_gib)
        geometry, images = replace(geometry, origin_lps_mm=origin), ()
    if not geometry.even:
        hu, images = fill_gaps(hu, geometry, limits.memory_gib), ()
    grid = geometry.even_grid(hu.shape)
    source = replace(source_info((stack.first,), sha256, (name,)), choice=choice.why)
    flags += [*_stack_flags(choice, stack, limits), *damage_flags(folder), *tag_flags(stack.headers)]
    if stack.plane != "axial":
        refuse_blank_slices(hu, stack.plane)
    array, canonical = to_canonical(hu, grid)
    array = np.ascontiguousarray(array)
    flags += check_geometry(canonical, limits)
    flags += check_hu(array, limits)
    scale = measure_scale(array, canonical)
    flags += acquisition_flags(source, scale, limits)
    return CtVolume(array, canonical, source, one_per_code(flags), grid, images, scale)


def _without_duplicates(hu: np.ndarray, stack: Stack) -> tuple[np.ndarray, Stack, list[Flag]]:
    """Drop images that repeat the one before at the same position; refuse where they differ."""
    if not stack.geometry.duplicates:
        return hu, stack, []
    repeats = np.concatenate([[False], np.diff(stack.geometry.depth_mm) < SAME_POSITION_MM])
    for index in np.flatnonzero(repeats):
        if not np.array_equal(hu[index], hu[index - 1]):
            raise InputRefused(
                Reason.DUPLICATE_SLICES,
                f"At {int(repeats.sum())} positions lie several different images (phases or reconstructions mixed in "
                "one series). Export them as separate series.",
            )
    keep = np.flatnonzero(~repeats)
    geometry = replace(
        stack.geometry, depth_mm=stack.geometry.depth_mm[keep], shift_mm=stack.geometry.shift_mm[keep], order=keep
    )
    flag = Flag(Reason.DUPLICATE_SLICES, f"{int(repeats.sum())} images came twice; each was used once.")
    return hu[keep], Stack(tuple(stack.headers[index] for index in keep), geometry, stack.odd_ones), [flag]


def _stack_flags(choice: Choice, stack: Stack, limits: ReadingLimits) -> list[Flag]:
    geometry, flags = stack.geometry, rescale_flags(stack.headers)
    if choice.is_doubt:
        flags.append(
            Flag(
                Reason.SEVERAL_SERIES, f"{choice.why} To read another, name it with --series, or give its folder alone."
            )
        )
    if stack.odd_ones:
        flags.append(
            Flag(
                Reason.MIXED_ORIENTATION,
                f"{stack.odd_ones} image(s) of the series are turned otherwise and were left out.",
            )
        )
    if geometry.tilt_deg >= limits.tilt_deg:
        flags.append(
            Flag(
                Reason.GANTRY_TILT,
                f"The gantry was tilted by {geometry.tilt_deg:.1f} degrees, so each slice was shifted in its own plane "
                "to straighten the volume.",
            )
        )
    elif abs(stack.first.tilt_deg or 0.0) >= limits.tilt_deg:
        flags.append(
            Flag(
                Reason.GANTRY_TILT,
                f"The tags name a gantry tilt of {stack.first.tilt_deg:.1f} degrees, but the slices' positions show "
                "none, so distances from head to foot may be wrong.",
            )
        )
    if not geometry.even:
        gaps = np.diff(geometry.depth_mm)
        flags.append(
            Flag(
                Reason.UNEVEN_SLICES,
                f"The slices lie {gaps.min():.2f} to {gaps.max():.2f} mm apart (slices missing or mixed), so they were "
                f"interpolated to {geometry.step_mm:.2f} mm.",
            )
        )
    return flags


def _refuse_other_region(stack: Stack) -> None:
    """Refuse where the tag names another region and the field of view is too small for a trunk as well."""
    header = stack.first
    view_mm = min((header.rows or 0) * stack.geometry.pixel_mm[1], (header.columns or 0) * stack.geometry.pixel_mm[0])
    region = _OTHER_REGIONS.search(header.body_part or "")
    if region and view_mm < _OTHER_REGION_VIEW_MM:
        raise InputRefused(
            Reason.LEVEL_NOT_IN_VIEW,
            f"This is a CT of the {region[0].lower()} with a view of {view_mm:.0f} mm, which can't hold L1 and "
            "L2. Give an abdominal or lumbar CT.",
        )


def _refuse_short(stack: Stack, limits: ReadingLimits) -> None:
    """Refuse a stack too short for L1 and L2, by its graver fault where it has one, before any pixel is decoded."""
    geometry = stack.geometry
    if geometry.extent_mm >= limits.min_extent_mm:
        return
    reason, fault = Reason.LEVEL_NOT_IN_VIEW, ""
    if geometry.tilt_deg >= limits.tilt_deg:
        reason, fault = Reason.GANTRY_TILT, f", acquired with the gantry tilted by {geometry.tilt_deg:.1f} degrees"
    if not geometry.even:
        reason, fault = Reason.UNEVEN_SLICES, f"{fault}, with slices missing in between"
    raise InputRefused(reason, too_short(len(stack.headers), geometry.extent_mm, limits, fault))
