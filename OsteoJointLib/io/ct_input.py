"""Read any CT that OsteoJoint accepts: one function, one result, every doubt in its flags.

Accepted are a folder of DICOM files (searched with its subfolders; the right series is chosen and the reason given), a
single enhanced multi-frame DICOM file, two single-slice DICOM files (the paper's own input: the mid-slices of L1 and
of L2), and NRRD, NIfTI or MetaImage files. Everything else is refused with a reason.
"""

from __future__ import annotations

from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom import read_dicom
from OsteoJointLib.io.dicom_headers import list_files, looks_like_dicom
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.volume_files import KINDS, read_volume_file, volume_kind
from OsteoJointLib.records import CtSlicePair, CtVolume


def read_ct(path: Path | str, limits: ReadingLimits | None = None) -> CtVolume | CtSlicePair:
    """Read a CT from a file or a folder.

    Args:
        path: a DICOM folder, or a .nrrd, .nhdr, .nii, .nii.gz, .mha, .mhd or DICOM file.
        limits: by what it is refused or flagged; the defaults when None.

    Returns:
        The volume in Hounsfield units, (z, y, x) int16, axes nearest to S, P and L; or the pair of single slices.

    Raises:
        InputRefused: with its reason, when it can't be used.
    """
    path, limits = Path(path), limits or ReadingLimits()
    try:
        if path.is_dir():
            return read_dicom(list_files(path, limits), path.resolve().name, limits)
        if not path.exists():
            raise InputRefused(Reason.NOT_FOUND, f"There is nothing at {path}. Check the path.")
        if volume_kind(path) is not None:
            return read_volume_file(path, limits)
        _refuse_unknown(path)
        return read_dicom([path], path.name, limits)
    except OSError as error:
        raise InputRefused(
            Reason.UNREADABLE,
            f"The file or folder can't be opened ({error.strerror}). Check that it is whole and that you may read it.",
        ) from error


def _refuse_unknown(path: Path) -> None:
    if not looks_like_dicom(path):
        raise InputRefused(
            Reason.UNREADABLE,
            f"This file is neither DICOM nor one of {', '.join(KINDS)}. Convert it, or give the DICOM folder.",
        )
