"""Say of DICOM files that are damaged how many they are and which, and refuse where they are many.

A message for whoever gave the folder names them; what stands in a file counts their places, since names may tell whose
they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom_headers import DamagedFile, FolderHeaders, SliceHeader
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.names import readable_name
from OsteoJointLib.records import Flag

_NAMED = 3
"""So many are named, and the rest is counted."""

_ADVICE = "Copy or export the series again."


def refuse_damaged(slices: Sequence[SliceHeader], folder: FolderHeaders, limits: ReadingLimits) -> None:
    """Refuse where many files beside the CT slices are damaged: what is left of a series looks like a thinner one.

    Args:
        slices: the CT slices that can be read.
        folder: all that was found.
        limits: the limits.

    Raises:
        InputRefused: UNREADABLE.
    """
    files = {header.path for header in slices}
    parents = {path.parent for path in files}
    beside = [one for one in folder.damaged if one.path.parent in parents]
    total = len(files) + len(beside)
    if len(beside) > limits.max_damaged_fraction * total:
        said = f"{len(beside)} of the {total} DICOM files"
        verb = "is" if len(beside) == 1 else "are"
        raise _refused(f"{said} ({{}}) {verb} damaged, so slices are missing{_why(beside)}. {_ADVICE}", beside, folder)


def refuse_all_damaged(folder: FolderHeaders) -> NoReturn:
    """Refuse a folder, or a file, in which nothing but damaged files is found."""
    damaged = folder.damaged
    if folder.files == 1:
        raise InputRefused(Reason.UNREADABLE, f"The DICOM file is damaged{_why(damaged)}. {_ADVICE}")
    raise _refused(f"All {len(damaged)} DICOM files ({{}}) are damaged{_why(damaged)}. {_ADVICE}", damaged, folder)


def damage_flags(folder: FolderHeaders) -> list[Flag]:
    """Flag FILES_DAMAGED with how many and which."""
    damaged = folder.damaged
    if not damaged:
        return []
    verb = "claims" if len(damaged) == 1 else "claim"
    said = f"{len(damaged)} of {folder.files} files {verb} to be DICOM and can't be read ({_places(damaged, folder)})"
    return [Flag(Reason.FILES_DAMAGED, f"{said}{_why(damaged)}. They were left out: slices may be missing.")]


def _refused(sentence: str, damaged: Sequence[DamagedFile], folder: FolderHeaders) -> InputRefused:
    names = _listed([readable_name(one.path) for one in damaged])
    return InputRefused(Reason.UNREADABLE, sentence.format(names), sentence.format(_places(damaged, folder)))


def _places(damaged: Sequence[DamagedFile], folder: FolderHeaders) -> str:
    return f"by name number {_listed([str(one.place) for one in damaged])} of {folder.files}"


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _why(damaged: Sequence[DamagedFile]) -> str:
    """Say what is wrong, where that is known of one of them; to stand after a clause."""
    return next((f": {one.why}" for one in damaged if one.why), "")
