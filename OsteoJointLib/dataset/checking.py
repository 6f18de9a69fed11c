"""Whether a dataset can be trained on: every fault of its manifest and files, each a sentence that says what to do.

One case is in memory at a time, so that a dataset of any size can be checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from OsteoJointLib.dataset.adding import voxels_sha256
from OsteoJointLib.dataset.labeled_case import LabeledCase, MaskSlices, file_sha256
from OsteoJointLib.dataset.manifest import MANIFEST_FILE, numbered_lines
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason, UsageError
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.names import check_name, name_key
from OsteoJointLib.pipeline.given_masks import Canvas, GivenMask, masks_on
from OsteoJointLib.records import CtVolume, Level, Status


@dataclass(frozen=True)
class Fault:
    """What is wrong with a case.

    Args:
        line: of the manifest, from 1 on.
        case: its id, None where the line tells none.
        cause: a sentence or two: what is wrong, and what to do.

    >>> str(Fault(3, "case-0003", "It has no patient. Enter a code."))
    'Line 3 (case-0003): It has no patient. Enter a code.'
    """

    line: int
    case: str | None
    cause: str

    def __str__(self) -> str:
        return f"Line {self.line}{f' ({self.case})' if self.case else ''}: {self.cause}"


@dataclass(frozen=True, eq=False)
class OpenCase:
    """A case's files, read: the CT, and the masks of L1 and L2 on its grid."""

    entry: LabeledCase
    volume: CtVolume
    masks: dict[str, GivenMask]


@dataclass
class _Seen:
    """What earlier lines hold, each with its line."""

    names: dict[str, int] = field(default_factory=dict)
    voxels: dict[str, int] = field(default_factory=dict)


def find_faults(folder: Path) -> Iterator[Fault]:
    """Give the faults of a dataset, line by line.

    Raises:
        InputRefused: there is no manifest, or it isn't UTF-8.
    """
    seen = _Seen()
    for number, line in lines_of(folder):
        case = _id_of(line)
        for cause in _causes(folder, number, line, seen):
            yield Fault(number, case, cause)


def lines_of(folder: Path) -> Iterator[tuple[int, str]]:
    """Give the numbered lines of a dataset's manifest.

    Raises:
        InputRefused: there is none, it has no line, or it isn't UTF-8.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file() or not path.stat().st_size:
        raise InputRefused(
            Reason.NOT_FOUND,
            f"There is no case in {folder}: it has no {MANIFEST_FILE}, or an empty one. Give the folder of a dataset, "
            "such as the one chosen as Dataset in Slicer.",
        )
    return numbered_lines(path)


def open_case(folder: Path, entry: LabeledCase) -> OpenCase:
    """Read the files of a case.

    Raises:
        OsteoJointError: a file is missing or can't be read, or the masks aren't the CT's own.
    """
    volume = read_ct(_inside(folder, entry.image.path))
    if not isinstance(volume, CtVolume):
        raise InputRefused(Reason.SINGLE_SLICE, "Its CT is a pair of single slices. Give a whole volume.")
    canvases: dict[str, Canvas] = {level: Canvas(volume.grid, lambda: None) for level in Level}
    return OpenCase(entry, volume, dict(masks_on(canvases, _inside(folder, entry.mask.path))))


def _id_of(line: str) -> str | None:
    try:
        found = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _causes(folder: Path, number: int, line: str, seen: _Seen) -> Iterator[str]:
    try:
        entry = LabeledCase.from_line(line)
    except json.JSONDecodeError:
        yield "It is no JSON. Mend or remove the line."
        return
    except ValueError as error:
        yield f"{error} Mend the line."
        return
    yield from _faults_of_line(entry, number, seen)
    files = True
    for what, path, sha256 in (
        ("CT", entry.image.path, entry.image.sha256),
        ("mask", entry.mask.path, entry.mask.sha256),
    ):
        cause = _fault_of_file(folder, what, path, sha256)
        if cause:
            files = False
            yield cause
    if files:
        yield from _faults_of_voxels(folder, entry, number, seen)


def _faults_of_line(entry: LabeledCase, number: int, seen: _Seen) -> Iterator[str]:
    try:
        check_name(entry.id)
    except UsageError as error:
        yield error.message
    earlier = seen.names.setdefault(name_key(entry.id), number)
    if earlier != number:
        yield f"Its id is that of line {earlier}. Rename or remove one of the two."
    for level, bmd in (entry.bmd or {}).items():
        if not (bmd.method or "").strip():
            yield f"The BMD of {level} has no method. Say how it was measured, QCT for instance."
    mean = entry.bmd_mg_cm3
    if mean is not None and entry.status not in (None, Status.from_bmd(mean)):
        yield (
            f"Its class is {entry.status}, and by its mean BMD of {mean:.1f} mg/cm3 it is {Status.from_bmd(mean)}. "
            "Correct the one that is wrong, or set it to null."
        )


def _inside(folder: Path, path: str) -> Path:
    """Return where a file of a dataset lies.

    Raises:
        InputRefused: it lies outside the dataset's folder.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise InputRefused(
            Reason.USAGE,
            f"The path {path} leads out of the dataset. Put the file into the dataset's folder, and write its path "
            "from there.",
        )
    return folder / parts


def _fault_of_file(folder: Path, what: str, path: str, sha256: str) -> str | None:
    try:
        file = _inside(folder, path)
    except InputRefused as error:
        return error.message
    if not file.is_file():
        return f"Its {what}, {path}, isn't there. Put the file back, or remove the line."
    if file_sha256(file) != sha256:
        return (
            f"Its {what}, {path}, isn't the file that was entered: the sha256 differs. Put the old file back, or save "
            "the case again."
        )
    return None


def _faults_of_voxels(folder: Path, entry: LabeledCase, number: int, seen: _Seen) -> Iterator[str]:
    try:
        case = open_case(folder, entry)
    except OsteoJointError as error:
        yield error.message
        return
    voxels = voxels_sha256(case.volume)
    if entry.image.voxels_sha256 not in (None, voxels):
        yield "The voxels of its CT aren't those that were entered: voxels_sha256 differs. Save the case again."
    earlier = seen.voxels.setdefault(voxels, number)
    if earlier != number:
        yield (
            f"Its CT is that of line {earlier}, so that it could stand in training and test alike. Remove one of the "
            "two lines."
        )
    for level in Level:
        yield from _faults_of_level(case, level)


def _faults_of_level(case: OpenCase, level: Level) -> Iterator[str]:
    grid, mask = case.volume.grid, case.masks[level].mask
    many = mask.slices > 1
    if many != (case.entry.mask.slices is MaskSlices.ALL):
        said, drawn = case.entry.mask.slices, "several slices" if many else "one slice"
        yield f'Its mask says "{said}" of its slices, and {level} is drawn on {drawn}. Save the case again.'
    center = np.asarray(case.entry.levels[level].center_lps_mm)
    if not grid.contains(center):
        yield f"The center of {level} lies outside the CT. Place the point of {level} in its body, and save again."
        return
    index_z = int(np.rint(grid.lps_to_index(center)[0]))
    if not mask.plane(index_z, grid.shape_zyx[1:]).any():
        yield (
            f"On the slice through the center of {level} nothing is drawn of it. Place the point of {level} in the "
            "body that is drawn, or correct the mask, and save again."
        )
