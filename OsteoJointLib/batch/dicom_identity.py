"""To whom and what a DICOM file belongs: patient, study and series, read from its first tags alone."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from OsteoJointLib.io.dicom_tags import quiet_dicom, text_of

_LAST_TAG = 0x0020000E
"""SeriesInstanceUID; nothing behind it is read."""
_TAGS = ["SOPClassUID", "StudyDate", "PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "Modality"]
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DICOMDIR = "1.2.840.10008.1.3.10"
_FIRST_BYTES = 2**20
"""Of a deflated file that are inflated (chosen: patient, study and series stand within the first kilobytes)."""


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
            dataset = _first_tags(file)
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


def _first_tags(file: BinaryIO) -> Any:
    from pydicom.datadict import tag_for_keyword
    from pydicom.filereader import read_dataset, read_file_meta_info, read_partial

    def enough(tag: int, vr: str | None, length: int) -> bool:
        return tag > _LAST_TAG

    meta = None
    if file.read(132)[128:] == b"DICM":
        meta = read_file_meta_info(file.name)
    file.seek(0)
    if meta is not None and text_of(meta, "TransferSyntaxUID") == _DEFLATED:
        file.seek(144 + int(meta.FileMetaInformationGroupLength))
        start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(_FIRST_BYTES), _FIRST_BYTES)
        return read_dataset(BytesIO(start), False, True, len(start), enough, specific_tags=None)
    tags = [tag for name in _TAGS if (tag := tag_for_keyword(name)) is not None]
    return read_partial(file, enough, force=True, specific_tags=tags)


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest() if uid else ""
