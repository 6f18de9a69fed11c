"""Whether two CTs are of one person: by the patient's number in their DICOM files, which is kept nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from OsteoJointLib.io.dicom_headers import looks_like_dicom
from OsteoJointLib.io.dicom_tags import quiet_dicom, text_of

_LOOKED_AT = 20
"""Files that are looked at for DICOM; chosen: notes beside a series are few."""


def person_of(path: Path) -> str | None:
    """Give what is alike for all CTs of one person: for comparing only, as it says who that is.

    Args:
        path: a CT's file or folder.

    Returns:
        The patient's number with who issued it; None where no DICOM file says it, or pydicom is not installed.
    """
    for file, _ in zip(_files(path), range(_LOOKED_AT), strict=False):
        try:
            if not looks_like_dicom(file):
                continue
            from pydicom import dcmread  # takes half a second, which files without a header needn't

            with quiet_dicom():
                header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=_TAGS)
                number = text_of(header, "PatientID")
        except Exception:  # whatever is wrong with the file is said when the CT is read
            continue
        return f"{number}\\{text_of(header, 'IssuerOfPatientID') or ''}" if number else None
    return None


_TAGS = ["PatientID", "IssuerOfPatientID"]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for parent, folders, files in os.walk(path):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(files) if not name.startswith("."))
