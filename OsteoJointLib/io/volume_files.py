"""Read NRRD, NIfTI and MetaImage files through SimpleITK into a canonical :class:`CtVolume`.

These formats carry no modality and mostly no acquisition: the image must prove itself (see :mod:`.hu_checks`) and what
is not known is flagged. An orientation that the file does not state is a refusal, never an assumption. NRRD files
written by OsteoJoint's phantom carry tube voltage, kernel and contrast as key/value pairs, which are read back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import to_canonical, triple
from OsteoJointLib.io.contrast_words import phase_of
from OsteoJointLib.io.dicom_source import one_per_code
from OsteoJointLib.io.dicom_tags import as_positive
from OsteoJointLib.io.header_checks import SINGLE_SLICE, acquisition_flags, check_geometry
from OsteoJointLib.io.hu_checks import LOWEST_HU, check_hu
from OsteoJointLib.io.hu_scale import measure_scale
from OsteoJointLib.io.kernels import kernel_code
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.nifti import read_nifti_voxels
from OsteoJointLib.records import ContrastPhase, CtVolume, Flag, SourceInfo

if TYPE_CHECKING:
    import SimpleITK

KINDS = {
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".mha": "mha",
    ".mhd": "mha",
}
"""File endings that are read, and the kind they stand for."""

KVP_KEY, KERNEL_KEY, CONTRAST_KEY = "osteojoint_kvp", "osteojoint_kernel", "osteojoint_contrast"
"""NRRD keys under which the phantom's acquisition travels."""

_DETACHED = re.compile(r"^(?:data ?file:|ElementDataFile *=) *(\S.*?) *$", re.M | re.I)


def volume_kind(path: Path) -> str | None:
    """Tell the kind of file by its name's ending, None when it is none of :data:`KINDS`."""
    name = path.name.lower()
    return next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


def read_volume_file(path: Path, limits: ReadingLimits) -> CtVolume:
    """Read one volume file.

    Args:
        path: an existing file whose ending is one of :data:`KINDS`.
        limits: the limits.

    Raises:
        InputRefused: UNREADABLE, NOT_3D, SINGLE_SLICE, BAD_GEOMETRY, NOT_HU and the other reasons of the checks.
    """
    reader, oriented = _open(path)
    grid = grid_of(reader)
    hu, notes, flags = _voxels(reader, path)
    said, doubted = stated(reader)
    source = replace(said, kind=volume_kind(path) or "", file_names=(path.name,), sha256=_sha256(path))
    return checked_volume(hu, grid, source, limits, [*oriented, *notes, *doubted], flags)


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
    array, canonical = to_canonical(hu, stored)
    array = np.ascontiguousarray(array)
    flags = [*flags, *([Flag(Reason.TAGS_REPAIRED, " ".join(notes))] if notes else [])]
    flags += check_geometry(canonical, limits)
    flags += check_hu(array, limits)
    scale = measure_scale(array, canonical)
    flags += acquisition_flags(source, scale, limits)
    return CtVolume(array, canonical, source, one_per_code(flags), stored, scale=scale)


def _open(path: Path) -> tuple[SimpleITK.ImageFileReader, list[str]]:
    """Open a reader that has read the header, with notes on its orientation."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # ITK prints file names on stderr
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputRefused(
                Reason.GANTRY_TILT,
                "The volume is sheared: the gantry was tilted, which was not corrected on conversion. Give the DICOM "
                "series.",
            ) from error
        raise _unreadable(path) from error
    _refuse_shape(reader)
    return reader, _orientation_notes(reader, path)


def _voxels(reader: SimpleITK.ImageFileReader, path: Path) -> tuple[np.ndarray, list[str], list[Flag]]:
    """Read (z, y, x) int16 HU, with notes on them and flags of the file."""
    import SimpleITK as sitk

    if volume_kind(path) == "nifti":
        columns, rows, slices = reader.GetSize()
        nifti = read_nifti_voxels(path, (slices, rows, columns))
        said = "The file states two orientations that are mirror images of each other. Check left and right."
        flags = [Flag(Reason.LEFT_HANDED, said)] if nifti.contradictory else []
        return (*to_int16(nifti.stored, nifti.slope, nifti.intercept), flags)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path) from error
    return (*to_int16(sitk.GetArrayViewFromImage(image), 1.0, 0.0), [])


def _unreadable(path: Path) -> InputRefused:
    return InputRefused(
        Reason.UNREADABLE,
        f"The file is broken, or not of the kind {volume_kind(path)} that its name says. Export or copy it again.",
    )


def _refuse_shape(reader: SimpleITK.ImageFileReader) -> None:
    size = list(reader.GetSize())
    if reader.GetNumberOfComponents() != 1:
        raise InputRefused(
            Reason.NOT_CT,
            f"Each voxel holds {reader.GetNumberOfComponents()} values (colors, vectors) and not one HU. Give the CT.",
        )
    if len([n for n in size if n > 1]) == 2 and len(size) <= 3:
        raise InputRefused(Reason.SINGLE_SLICE, SINGLE_SLICE)
    if len(size) != 3:
        raise InputRefused(Reason.NOT_3D, f"The file has {len(size)} axes ({size}) and not three. Give one CT volume.")


def _orientation_notes(reader: SimpleITK.ImageFileReader, path: Path) -> list[str]:
    """Refuse a file that does not say how it lies in the patient; MetaImage's documented default is noted."""
    keys, kind = set(reader.GetMetaDataKeys()), volume_kind(path)
    stated = True
    if kind == "nifti":
        codes = [reader.GetMetaData(key) for key in ("qform_code", "sform_code") if key in keys]
        stated = any(code != "0" for code in codes)
    elif kind == "nrrd":
        stated = "NRRD_space" in keys
    if not stated:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"The {kind} file doesn't state how it lies in the patient. Convert the DICOM series again with a tool "
            "that keeps the orientation (Slicer, dcm2niix).",
        )
    if kind == "mha" and not re.search(rb"^(TransformMatrix|Rotation|Orientation) *=", _start(path), re.M):
        return ["The MetaImage header states no orientation, so its default (axes to left, back, head) was taken."]
    return []


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8192)  # more than any header's own lines


def grid_of(image: SimpleITK.Image | SimpleITK.ImageFileReader) -> Grid:
    """Return ITK's geometry; direction columns made exactly unit length."""
    direction = np.asarray(image.GetDirection(), dtype=np.float64).reshape(3, 3)
    direction = direction / np.linalg.norm(direction, axis=0)
    columns, rows, slices = image.GetSize()
    return Grid((slices, rows, columns), triple(image.GetSpacing()), triple(image.GetOrigin()), direction)


def to_int16(stored: np.ndarray, slope: float, intercept: float) -> tuple[np.ndarray, list[str]]:
    """Rescale to (z, y, x) int16 HU, rounded, clamped from below at -1024, slice by slice to keep memory low."""
    out = np.empty(stored.shape, dtype=np.int16)
    missing = 0
    highest = np.iinfo(np.int16).max
    for index, plane in enumerate(stored):
        values = plane if (slope, intercept) == (1.0, 0.0) else plane * slope + intercept
        if values.dtype.kind == "f":
            unknown = ~np.isfinite(values)
            missing += int(unknown.sum())
            values = np.rint(np.where(unknown, LOWEST_HU, values))
        out[index] = np.clip(values, LOWEST_HU if values.dtype.kind != "u" else 0, highest)
    return out, [f"{missing} voxels hold no number and were taken as air."] if missing else []


def stated(image: SimpleITK.Image | SimpleITK.ImageFileReader) -> tuple[SourceInfo, list[str]]:
    """Return what the key/value pairs of an image state of its acquisition, with notes on what can't be understood."""
    keys = set(image.GetMetaDataKeys())
    kvp, kernel, contrast = (
        image.GetMetaData(key).strip() if key in keys else "" for key in (KVP_KEY, KERNEL_KEY, CONTRAST_KEY)
    )
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


def _sha256(path: Path) -> str:
    """Hash the file's bytes, followed by those of its data file where the header names one."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    if path.suffix.lower() in (".nhdr", ".mhd"):
        named = _DETACHED.search(_start(path).decode("latin-1"))
        data = path.parent / named[1] if named else None
        if data is not None and data.is_file():
            with data.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
