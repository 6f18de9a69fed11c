"""To whom and what a DICOM file belongs: patient, study and series, read from its first tags alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.io.dicom_opening import open_dataset
from OsteoJointLib.io.dicom_tags import quiet_dicom, text_of

_LAST_TAG = 0x0020000E
"""SeriesInstanceUID; nothing behind it is read."""
_TAGS = ["SOPClassUID", "StudyDate", "PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "Modality"]
_DICOMDIR = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class Identity:
    """Whose a DICOM file is.

    Args:
        patient: number, or name where there is none; never shown.
        study_uid, series_uid: empty where missing; never shown but as a digest.
        study_date: as DICOM writes it; shown where that is asked for.
        is_index: whether it is a table of contents (DICOMDIR), which belongs to no series.
    """

    patient: str
    study_uid: str
    series_uid: str
    study_date: str
    is_index: bool = False

    @property
    def study_key(self) -> tuple[str, ...]:
        """What tells studies apart; empty where the study's UID is missing."""
        return (self.patient, self.study_uid) if self.study_uid else ()

    @property
    def study_sha256(self) -> str:
        """Digest of the study's UID; empty where that is missing."""
        return _digest(self.study_uid)

    @property
    def series_sha256(self) -> str:
        """Digest of the series' UID; empty where that is missing."""
        return _digest(self.series_uid)


def identity_of(path: Path) -> Identity | None:
    """Read whose a file is that starts as DICOM does; None where it can't be parsed.

    Raises:
        OSError: it can't be read.
    """
    with quiet_dicom(), path.open("rb") as file:
        try:
            dataset = open_dataset(file, _TAGS, last_tag=_LAST_TAG).dataset
            said = {tag: text_of(dataset, tag) or "" for tag in _TAGS}
        except OSError:
            raise
        except Exception:  # a broken header raises almost anything
            return None
    if not any(said.values()):
        return None
    patient = said["PatientID"] or said["PatientName"]  # one number with several names is refused when it is read
    is_index = said["SOPClassUID"] == _DICOMDIR or path.name == "DICOMDIR"
    return Identity(patient, said["StudyInstanceUID"], said["SeriesInstanceUID"], said["StudyDate"], is_index)


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest() if uid else ""
