"""A case's folder: refused before the work when it holds others' files, filled after it whole or not at all.

All files are written into a hidden folder beside the target. Where the target doesn't exist yet it then appears by one
rename. Where an earlier result of ours stands, its files are replaced one by one, ``result.json`` last; meanwhile the
old ``result.json`` has a hidden name, which says that the folder is ours. So a run killed at any moment leaves the old
result, the new one or none; files that are not ours are never touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import TEMPORARY_PREFIX, hidden_folder, sweep, write_text_whole
from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.output.csv_rows import ROW_FILE
from OsteoJointLib.output.overview import OVERVIEW_FILE, OverviewTruth, write_overview
from OsteoJointLib.output.report import REPORT_FILE, write_report
from OsteoJointLib.output.report_pdf import PDF_FILE
from OsteoJointLib.output.result_json import RESULT_FILE, read_result, result_document, write_result
from OsteoJointLib.output.screenshots import Screenshot
from OsteoJointLib.output.seg_nrrd import SEGMENTATION_FILE, write_segmentation
from OsteoJointLib.output.thumbnail import THUMBNAIL_FILE
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.records import Level

DICOM_FILES = DICOM_SEG_FILE, DICOM_SR_FILE, DICOM_PDF_FILE = ("segmentation.dcm", "measurements.dcm", "report.dcm")
"""Named after what they hold: a patient's name or number stands in the files, never in their names."""

Writer = Callable[[CaseResult, Path, dict[str, Any]], None]

_REPLACED_FILE = f"{TEMPORARY_PREFIX}replaced.json"


@dataclass(frozen=True)
class Additions:
    """What goes into a case's files beside what the chain found.

    Args:
        truth: drawn into the overview.
        drawn: a user's masks for the segmentation file, in place of the mid-slice's.
        screenshots: shown in the report.
        texts: further files by name.
        case: its name, said in the report; empty for the input's own.
        pdf: write the report as a PDF, too.
        writers: called with the case, the folder and the result's document after all other files were written, each
            to write further ones; see :mod:`OsteoJointLib.output.dicom`.
    """

    truth: OverviewTruth | None = None
    drawn: Mapping[Level, PlacedMask] = field(default_factory=dict)
    screenshots: tuple[Screenshot, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    case: str = ""
    pdf: bool = False
    writers: tuple[Writer, ...] = ()


def check_case_folder(folder: Path) -> None:
    """Check that results may go into ``folder``; nothing is written.

    Raises:
        UsageError: OUTPUT_EXISTS when it is a file, or holds files but no result of ours.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        what = "is a file, not a folder. Name another."
        raise UsageError(Reason.OUTPUT_EXISTS, f"{folder} {what}", f"The results' place {what}")
    names = os.listdir(folder)
    if _REPLACED_FILE in names or all(name.startswith(TEMPORARY_PREFIX) for name in names):
        return
    try:
        read_result(folder)
    except OsteoJointError:
        what = (
            "holds other files than a result, which are never overwritten. Name a new or empty folder, or one with an "
            "earlier result."
        )
        raise UsageError(Reason.OUTPUT_EXISTS, f"The folder {folder} {what}", f"The results' folder {what}") from None


def deliver_case(result: CaseResult, folder: Path, additions: Additions | None = None) -> tuple[Path, ...]:
    """Write all files of a case into ``folder``, whole.

    Args:
        result: the case.
        folder: as :func:`check_case_folder` accepts it.
        additions: what goes into the files beside what the chain found.

    Returns:
        The files, ``result.json`` last.
    """
    return _put_whole(Path(folder), lambda staging: _write_files(result, staging, additions or Additions()))


def place_files(files: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Put the files of a case that were written elsewhere into ``folder``, as :func:`deliver_case` does."""

    def write(staging: Path) -> None:
        for name, content in files.items():
            (staging / name).write_bytes(content)

    return _put_whole(folder, write)


def _put_whole(folder: Path, write: Callable[[Path], None]) -> tuple[Path, ...]:
    check_case_folder(folder)
    with hidden_folder(folder) as staging:
        write(staging)
        names = sorted((path.name for path in staging.iterdir()), key=lambda name: (name == RESULT_FILE, name))
        if not folder.exists() or not os.listdir(folder):
            if folder.exists():
                folder.rmdir()  # Windows doesn't rename onto an empty folder
            os.rename(staging, folder)
        else:
            if (folder / RESULT_FILE).exists():
                os.replace(folder / RESULT_FILE, folder / _REPLACED_FILE)
            for name in {ROW_FILE, THUMBNAIL_FILE, PDF_FILE, *DICOM_FILES} - set(names):
                (folder / name).unlink(missing_ok=True)  # of the earlier result
            for name in names:
                os.replace(staging / name, folder / name)
            (folder / _REPLACED_FILE).unlink(missing_ok=True)
    return tuple(folder / name for name in names)


def sweep_case(folder: Path) -> None:
    """Remove what a killed writer has left in a case's folder; but not the mark of one that replaced files."""
    sweep(folder, () if (folder / RESULT_FILE).is_file() else (_REPLACED_FILE,))


def _write_files(result: CaseResult, folder: Path, additions: Additions) -> None:
    """Write segmentation, overview, report, further files and, last, ``result.json``."""
    segmentation = write_segmentation(result, folder / SEGMENTATION_FILE, additions.drawn)
    names = {level: path.name for level, path in segmentation.items()}
    write_overview(result, folder / OVERVIEW_FILE, additions.truth)
    pdf = folder / PDF_FILE if additions.pdf else None
    write_report(result, folder / REPORT_FILE, names, additions.screenshots, additions.case, pdf)
    for name, text in additions.texts.items():
        write_text_whole(folder / name, text)
    for write in additions.writers:
        write(result, folder, result_document(result, names))
    write_result(result, folder, names)
