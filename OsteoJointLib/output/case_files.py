"""Everything a case leaves in its folder, each file whole, ``result.json`` last.

Who finds ``result.json`` finds the rest: a run killed at any moment leaves a folder that a resumed batch takes for
unfinished. Nothing else in the folder is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.output.overview import OVERVIEW_FILE, OverviewTruth, write_overview
from OsteoJointLib.output.report import REPORT_FILE, write_report
from OsteoJointLib.output.result_json import RESULT_FILE, write_result
from OsteoJointLib.output.screenshots import Screenshot
from OsteoJointLib.output.seg_nrrd import SEGMENTATION_FILE, write_segmentation
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.records import Level


@dataclass(frozen=True)
class Additions:
    """What goes into a case's files beside what the chain found.

    Args:
        truth: drawn into the overview.
        drawn: a user's masks for the segmentation file, in place of the mid-slice's.
        screenshots: shown in the report.
        texts: further files by name.
        case: its name, said in the report; empty where the input's file names say enough.
    """

    truth: OverviewTruth | None = None
    drawn: Mapping[Level, PlacedMask] = field(default_factory=dict)
    screenshots: tuple[Screenshot, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    case: str = ""


@dataclass(frozen=True)
class CaseFiles:
    """Where the files of a case lie; both levels' segmentation is one file but for a pair of slices."""

    result: Path
    report: Path
    overview: Path
    segmentation: dict[Level, Path]


def write_case(result: CaseResult, folder: Path, additions: Additions | None = None) -> CaseFiles:
    """Write segmentation, overview, report, further files and, last, ``result.json``.

    Args:
        result: the case.
        folder: where; made when missing. Files of an earlier run under the same names are replaced, its
            ``result.json`` first of all removed, so that it never stands beside files of another run.
        additions: what else goes in.

    Returns:
        The files.
    """
    folder, additions = Path(folder), additions or Additions()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).unlink(missing_ok=True)
    segmentation = write_segmentation(result, folder / SEGMENTATION_FILE, additions.drawn)
    names = {level: path.name for level, path in segmentation.items()}
    write_overview(result, folder / OVERVIEW_FILE, additions.truth)
    write_report(result, folder / REPORT_FILE, names, additions.screenshots, additions.case)
    for name, text in additions.texts.items():
        write_text_whole(folder / name, text)
    write_result(result, folder, names)
    return CaseFiles(folder / RESULT_FILE, folder / REPORT_FILE, folder / OVERVIEW_FILE, segmentation)
