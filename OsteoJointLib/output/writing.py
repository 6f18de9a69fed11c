"""Everything a case leaves in its folder, each file whole, ``result.json`` last.

Who finds ``result.json`` finds the rest: a run killed at any moment leaves a folder that a resumed batch takes for
unfinished. Nothing else in the folder is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.output.overview import OVERVIEW_FILE, OverviewTruth, write_overview
from OsteoJointLib.output.report import REPORT_FILE, write_report
from OsteoJointLib.output.result import RESULT_FILE, write_result
from OsteoJointLib.output.segmentation import SEGMENTATION_FILE, write_segmentation
from OsteoJointLib.records import CaseResult, Level


@dataclass(frozen=True)
class CaseFiles:
    """Where the files of a case lie; both levels' segmentation is one file but for a pair of slices."""

    result: Path
    report: Path
    overview: Path
    segmentation: dict[Level, Path]


def write_case(result: CaseResult, folder: Path, truth: OverviewTruth | None = None) -> CaseFiles:
    """Write segmentation, overview, report and, last, ``result.json``.

    Args:
        result: the case.
        folder: where; made when missing. Files of an earlier run under the same names are replaced, its
            ``result.json`` first of all removed, so that it never stands beside files of another run.
        truth: drawn into the overview when known.

    Returns:
        The files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).unlink(missing_ok=True)
    segmentation = write_segmentation(result, folder / SEGMENTATION_FILE)
    names = {level: path.name for level, path in segmentation.items()}
    write_overview(result, folder / OVERVIEW_FILE, truth)
    write_report(result, folder / REPORT_FILE, names)
    write_result(result, folder, names)
    return CaseFiles(folder / RESULT_FILE, folder / REPORT_FILE, folder / OVERVIEW_FILE, segmentation)
