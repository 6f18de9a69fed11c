"""What a DICOM input says of itself: the record of the source without patient data, and flags from its tags."""

from __future__ import annotations

import re

from OsteoJointLib.errors import Reason
from OsteoJointLib.io.dicom_headers import FolderHeaders, SliceHeader
from OsteoJointLib.records import Flag, SourceInfo

_UID = re.compile(r"\d+(\.\d+){4,}")


def safe_name(name: str, private_words: tuple[str, ...] = ()) -> str:
    """Strip a file or folder name of UIDs and of the patient's name or number.

    >>> safe_name("DOE_JANE 1.3.12.2.1107.5.1", ("Doe", "Jane"))
    '[removed]_[removed] [uid]'
    """
    for word in sorted(private_words, key=len, reverse=True):
        name = re.sub(re.escape(word), "[removed]", name, flags=re.I)
    return _UID.sub("[uid]", name)


def source_info(headers: tuple[SliceHeader, ...], sha256: str, names: tuple[str, ...]) -> SourceInfo:
    """Describe the source as the first header does."""
    header = headers[0]
    return SourceInfo(
        kind="dicom",
        file_names=tuple(safe_name(name, header.private_words) for name in names),
        sha256=sha256,
        kvp=header.kvp,
        kernel=header.kernel,
        contrast=header.contrast,
        slice_thickness_mm=header.thickness_mm,
    )


def tag_flags(headers: tuple[SliceHeader, ...], folder: FolderHeaders) -> list[Flag]:
    """Flag TAGS_REPAIRED with all that was missing and had to be assumed."""
    notes = list(dict.fromkeys(note for header in headers for note in header.repaired))
    if folder.damaged:
        notes.append(f"{folder.damaged} DICOM file(s) are broken and were left out")
    if not notes:
        return []
    return [Flag(Reason.TAGS_REPAIRED, f"The DICOM tags are incomplete: {'; '.join(notes)}.")]


def one_per_code(flags: list[Flag]) -> tuple[Flag, ...]:
    """Keep the first flag of each code, in order."""
    return tuple({flag.code: flag for flag in reversed(flags)}[code] for code in dict.fromkeys(f.code for f in flags))
