"""What a DICOM input says of itself: the record of the source without patient data, and flags from its tags."""

from __future__ import annotations

import hashlib

from OsteoJointLib.errors import Reason
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.io.kernels import kernel_code
from OsteoJointLib.records import Flag, SourceInfo


def source_info(headers: tuple[SliceHeader, ...], sha256: str, names: tuple[str, ...]) -> SourceInfo:
    """Describe the source as the first header does."""
    header = headers[0]
    return SourceInfo(
        kind="dicom",
        file_names=names,
        sha256=sha256,
        study_sha256=_digest(header.study_uid),
        series_sha256=_digest(header.series_uid),
        kvp=header.kvp,
        kernel=kernel_code(header.kernel),
        contrast=header.contrast,
        slice_thickness_mm=header.thickness_mm,
    )


def _digest(uid: str | None) -> str | None:
    return None if uid is None else hashlib.sha256(uid.encode()).hexdigest()


def tag_flags(headers: tuple[SliceHeader, ...]) -> list[Flag]:
    """Flag TAGS_REPAIRED with all that was missing and had to be assumed."""
    notes = list(dict.fromkeys(note for header in headers for note in header.repaired))
    if not notes:
        return []
    return [Flag(Reason.TAGS_REPAIRED, f"The DICOM tags are incomplete: {'; '.join(notes)}.")]


def one_per_code(flags: list[Flag]) -> tuple[Flag, ...]:
    """Keep the first flag of each code, in order."""
    return tuple({flag.code: flag for flag in reversed(flags)}[code] for code in dict.fromkeys(f.code for f in flags))
