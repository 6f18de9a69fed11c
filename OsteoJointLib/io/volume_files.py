"""Read NRRD, NIfTI and MetaImage files into a canonical :class:`CtVolume`.

These formats carry no modality and mostly no acquisition: the image must prove itself (see :mod:`.hu_checks`) and what
is not known is flagged. A voxel size or an orientation that the file does not state is a refusal, never an assumption.
NRRD files written by OsteoJoint's phantom carry tube voltage, kernel and contrast as key/value pairs, which are read
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import empty_stored, slice_axis_name, to_canonical, triple
from OsteoJointLib.io.contrast_words import phase_of
from OsteoJointLib.io.dicom_source import one_per_code
from OsteoJointLib.io.dicom_tags import as_positive
from OsteoJointLib.io.digests import digest_of_all, file_digest
from OsteoJointLib.io.files.header import SINGLE_SLICE
from OsteoJointLib.io.files.opening import HU_BYTES, read_header, refuse_too_large, volume_kind
from OsteoJointLib.io.files.stored_planes import planes
from OsteoJointLib.io.header_checks import acquisition_flags, check_geometry
from OsteoJointLib.io.hu_checks import LOWEST_HU, check_hu
from OsteoJointLib.io.hu_scale import measure_scale
from OsteoJointLib.io.kernels import kernel_code
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.slice_checks import refuse_blank_slices, refuse_missing_numbers
from OsteoJointLib.names import readable_name
from OsteoJointLib.records import ContrastPhase, CtVolume, Flag, SourceInfo

if TYPE_CHECKING:
    import SimpleITK

KVP_KEY, KERNEL_KEY, CONTRAST_KEY = "osteojoint_kvp", "osteojoint_kernel", "osteojoint_contrast"
"""NRRD keys under which the phantom's acquisition travels."""


def read_volume_file(path: Path, limits: ReadingLimits) -> CtVolume:
    """Read one volume file.

    Args:
        path: an existing file whose ending is one of :data:`OsteoJointLib.io.files.opening.KINDS`.
        limits: the limits.

    Raises:
        InputRefused: UNREADABLE, NOT_3D, SINGLE_SLICE, BAD_GEOMETRY, TOO_LARGE, NOT_HU and the other reasons of the
            checks.
    """
    header = read_header(path)
    if header.components != 1:
        raise InputRefused(
            Reason.NOT_CT,
            f"Each voxel holds {header.components} values (colors, vectors) and not one HU. Give the CT.",
        )
    if min(header.grid.shape_zyx) == 1:
        raise InputRefused(Reason.SINGLE_SLICE, SINGLE_SLICE)
    refuse_too_large(header.grid.shape_zyx, HU_BYTES, limits.memory_gib)
    hu, repaired = to_int16(planes(header), header.grid, header.slope, header.intercept)
    said, doubted = stated(header.keys)
    sha256 = digest_of_all(map(file_digest, {path, header.data.path}))
    source = replace(said, kind=volume_kind(path) or "", file_names=(readable_name(path),), sha256=sha256)
    return checked_volume(hu, header.grid, source, limits, [*header.notes, *repaired, *doubted], header.flags)


def checked_volume(
    hu: np.ndarray,
    stored: Grid,
    source: SourceInfo,
    limits: ReadingLimits,
    notes: Sequence[str] = (),
    flags: Sequence[Flag] = (),
) -> CtVolume:
    """Bring voxels to the canonical order and judge them.

    Args:
        hu: (z, y, x) int16 as stored.
        stored: their grid.
        source: what is known of them.
        limits: by which they are refused or flagged.
        notes: what was repaired, in sentences.
        flags: doubts that there are already.

    Raises:
        InputRefused: with the reason of the check that failed.
    """
    if (plane := slice_axis_name(stored.direction)) != "axial":
        refuse_blank_slices(hu, plane)
    array, canonical = to_canonical(hu, stored)
    array = np.ascontiguousarray(array)
    flags = [*flags, *([Flag(Reason.TAGS_REPAIRED, " ".join(notes))] if notes else [])]
    flags += check_geometry(canonical, limits)
    flags += check_hu(array, limits)
    scale = measure_scale(array, canonical)
    flags += acquisition_flags(source, scale, limits)
    return CtVolume(array, canonical, source, one_per_code(flags), stored, scale=scale)


def grid_of(image: SimpleITK.Image) -> Grid:
    """Return ITK's geometry; direction columns made exactly unit length."""
    direction = np.asarray(image.GetDirection(), dtype=np.float64).reshape(3, 3)
    direction = direction / np.linalg.norm(direction, axis=0)
    columns, rows, slices = image.GetSize()
    return Grid((slices, rows, columns), triple(image.GetSpacing()), triple(image.GetOrigin()), direction)


def to_int16(stored: Iterable[np.ndarray], grid: Grid, slope: float, intercept: float) -> tuple[np.ndarray, list[str]]:
    """Rescale planes to (z, y, x) int16 HU, rounded, clamped from below at -1024, one by one to keep memory low.

    Args:
        stored: (y, x) planes.
        grid: where they lie, as stored.
        slope, intercept: HU = stored * slope + intercept.

    Returns:
        The voxels in the stored order, and notes on them.

    Raises:
        InputRefused: UNREADABLE, whole slices hold no numbers.
    """
    out = empty_stored(grid)
    missing: list[float] = []
    total = 0
    highest = np.iinfo(np.int16).max
    for index, plane in enumerate(stored):
        with np.errstate(all="ignore"):  # a scale may be absurd; what it gives is judged afterwards
            values = plane if (slope, intercept) == (1.0, 0.0) else plane * slope + intercept
        if values.dtype.kind == "f":
            unknown = ~np.isfinite(values)
            total += int(unknown.sum())
            missing.append(float(unknown.mean()))
            values = np.rint(np.where(unknown, LOWEST_HU, values))
        out[index] = np.clip(values, LOWEST_HU if values.dtype.kind != "u" else 0, highest)
    if not total:
        return out, []
    refuse_missing_numbers(missing)
    return out, [f"{total} voxels hold no number and were taken as air."]


def stated(keys: Mapping[str, str]) -> tuple[SourceInfo, list[str]]:
    """Return what the key/value pairs of an image state of its acquisition, with notes on what can't be understood."""
    kvp, kernel, contrast = (keys.get(key, "").strip() for key in (KVP_KEY, KERNEL_KEY, CONTRAST_KEY))
    phase, volts, notes = phase_of(contrast), as_positive(kvp), []
    if contrast and phase is None:
        notes.append("What the header says of the contrast agent is not understood.")
    if kvp and volts is None:
        notes.append("What the header says of the tube voltage is no number.")
    source = SourceInfo(
        kind="memory",
        kvp=volts,
        kernel=kernel_code(kernel),
        contrast=None if phase is None else phase is not ContrastPhase.NONE,
        phase=None if phase is ContrastPhase.GIVEN else phase,
    )
    return source, notes
