"""Read any CT that OsteoJoint accepts: one function, one result, every doubt in its flags.

Accepted are a folder of DICOM files (searched with its subfolders; the right series is chosen and the reason given), a
single enhanced multi-frame DICOM file, two single-slice DICOM files (the paper's own input: the mid-slices of L1 and
of L2), NRRD, NIfTI or MetaImage files, and from Python a SimpleITK image or a NumPy array. Everything else is refused
with a reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.dicom import read_dicom
from OsteoJointLib.io.dicom_headers import list_files, looks_like_dicom
from OsteoJointLib.io.files.opening import KINDS, volume_kind
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.volume_files import checked_volume, grid_of, read_volume_file, stated, to_int16
from OsteoJointLib.names import readable_name
from OsteoJointLib.records import CtSlicePair, CtVolume, SourceInfo

if TYPE_CHECKING:
    import SimpleITK


def read_ct(
    source: Path | str | tuple[Path, ...] | np.ndarray | SimpleITK.Image,
    spacing_zyx_mm: Sequence[float] | None = None,
    *,
    kvp: float | None = None,
    kernel: str | None = None,
    contrast: bool | None = None,
    limits: ReadingLimits | None = None,
) -> CtVolume | CtSlicePair:
    """Read a CT from a file, a folder, or the memory.

    Args:
        source: a DICOM folder, some DICOM files of one, a .nrrd, .nhdr, .nii, .nii.gz, .mha, .mhd or DICOM file; a
            SimpleITK image; or a (z, y, x) array of HU whose slices run upward, rows backward and columns to the
            patient's left (turn it by ``array[::-1]`` and the like where they don't).
        spacing_zyx_mm: distance between the voxels of an array along its three axes.
        kvp, kernel, contrast: tube voltage in kV, reconstruction kernel and whether a contrast agent was given, of an
            image or array in memory, where they are known; files say it themselves.
        limits: by what it is refused or flagged; the defaults when None.

    Returns:
        The volume in Hounsfield units, (z, y, x) int16, axes nearest to S, P and L; or the pair of single slices.

    Raises:
        InputRefused: with its reason, when it can't be used.
    """
    limits = limits or ReadingLimits()
    if isinstance(source, tuple):
        return _read_path(source, limits)
    if isinstance(source, str | Path):
        return _read_path(Path(source), limits)
    doubts: list[str] = []
    if isinstance(source, np.ndarray):
        known, grid, hu = SourceInfo("memory"), _array_grid(source, spacing_zyx_mm), source
    else:
        sitk = sys.modules.get("SimpleITK")  # whoever has such an image has imported it
        if sitk is None or not isinstance(source, sitk.Image) or source.GetDimension() != 3:
            raise InputRefused(
                Reason.NOT_3D, "This is no CT: give a path, a SimpleITK image of three axes, or a (z, y, x) array."
            )
        known, doubts = stated({key: source.GetMetaData(key) for key in source.GetMetaDataKeys()})
        grid, hu = grid_of(source), sitk.GetArrayViewFromImage(source)
    known = replace(
        known,
        kvp=known.kvp if kvp is None else kvp,
        kernel=kernel or known.kernel,
        contrast=known.contrast if contrast is None else contrast,
    )
    hu, notes = to_int16(hu, grid, 1.0, 0.0)
    return checked_volume(hu, grid, known, limits, [*doubts, *notes])


def _array_grid(array: np.ndarray, spacing_zyx_mm: Sequence[float] | None) -> Grid:
    """Place an array that says no more of itself than its spacing."""
    if array.ndim != 3:
        raise InputRefused(Reason.NOT_3D, f"The array has {array.ndim} axes. Give one of three, (z, y, x), in HU.")
    if spacing_zyx_mm is None or len(spacing_zyx_mm) != 3:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "An array doesn't say how large its voxels are. Give spacing_zyx_mm, three distances in mm.",
        )
    return Grid.axis_aligned(array.shape, tuple(reversed(spacing_zyx_mm)), (0.0, 0.0, 0.0))


def _read_path(path: Path | tuple[Path, ...], limits: ReadingLimits) -> CtVolume | CtSlicePair:
    try:
        if isinstance(path, tuple):
            folder = Path(os.path.commonpath([file.absolute().parent for file in path]))
            return read_dicom(list(path), folder.resolve().name, limits)
        if path.is_dir():
            return read_dicom(list_files(path, limits), readable_name(path.resolve()), limits)
        if not path.exists():
            raise nothing_at(path)
        if not path.is_file():
            raise InputRefused(
                Reason.UNREADABLE, "This is a device or a pipe, and not an ordinary file. Give a file or a folder."
            )
        if volume_kind(path) is not None:
            return read_volume_file(path, limits)
        _refuse_unknown(path)
        return read_dicom([path], readable_name(path), limits)
    except OSError as error:
        raise InputRefused(
            Reason.UNREADABLE,
            f"The file or folder can't be opened ({error.strerror}). Check that it is whole and that you may read it.",
        ) from error


def nothing_at(path: Path) -> InputRefused:
    """Say that a file or folder isn't there."""
    public = "There is no such file or folder any more, or there never was. Correct its path."
    return InputRefused(Reason.NOT_FOUND, f"There is nothing at {path}. Correct the path.", public)


def _refuse_unknown(path: Path) -> None:
    if not looks_like_dicom(path):
        raise InputRefused(
            Reason.UNREADABLE,
            f"This file is neither DICOM nor one of {', '.join(KINDS)}. Convert it, or give the DICOM folder.",
        )
