"""The worker's operations that save an open case: a folder of files for people, a labeled case for training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.records import CtVolume, Level, LevelsFound, Status
from OsteoJointLib.worker.requests import Request, given, mask_files, path_of, points_of

if TYPE_CHECKING:
    from OsteoJointLib.dataset.manifest import CaseLabel
    from OsteoJointLib.output.screenshots import Screenshot
    from OsteoJointLib.pipeline.case import Case
    from OsteoJointLib.pipeline.drawn_masks import PlacedMask


def deliver(result: CaseResult, request: Request) -> dict[str, Any]:
    """Write the files of a result as it is; nothing is computed again."""
    from OsteoJointLib.dataset.manifest import check_name
    from OsteoJointLib.output.case_files import Additions
    from OsteoJointLib.output.csv_rows import ROW_FILE, row_of_result, table_text
    from OsteoJointLib.output.delivery import deliver_case
    from OsteoJointLib.output.result_json import result_document
    from OsteoJointLib.pipeline.drawn_masks import read_level_masks

    out, texts = path_of(request, "out"), {}
    row = given(request, row=str).get("row")
    if row is not None:
        texts[ROW_FILE] = table_text([row_of_result(check_name(row), result_document(result))])
    drawn = read_level_masks(mask_files(request), result.volume)
    additions = Additions(drawn=drawn, screenshots=_screenshots(request), texts=texts, case=row or "")
    files = deliver_case(result, out, additions)
    return {"files": [str(file) for file in files]}


def label(case: Case, levels: LevelsFound | None, result: CaseResult | None, request: Request) -> dict[str, Any]:
    """Write a case into a dataset: its CT, masks, levels and what a user knows of its bone."""
    from OsteoJointLib.dataset.manifest import add_case, check_name
    from OsteoJointLib.output.seg_nrrd import label_array
    from OsteoJointLib.pipeline.drawn_masks import read_level_masks
    from OsteoJointLib.pipeline.points import level_point, moved_levels, placed_levels

    folder, name = path_of(request, "folder"), check_name(_text(request, "name"))
    if not isinstance(case, CtVolume):
        raise UsageError(Reason.USAGE, "A labeled case is a volume; this one is a pair of single slices. Open the CT.")
    points = points_of(request)
    if points is not None:
        levels = placed_levels(case, points) if levels is None else moved_levels(case, levels, points)
    if levels is None:
        raise UsageError(Reason.USAGE, "The levels are not known yet. Give points, or ask for levels first.")
    drawn = read_level_masks(mask_files(request), case)
    readings = () if result is None else result.readings
    labels = label_array(case.grid, readings, drawn)
    _refuse_missing(labels)
    centers = {level: level_point(levels, level).center_lps_mm for level in Level}
    known = _known(request, centers, "all" if _over_slices(drawn) else "mid")
    added = add_case(folder, name, case, labels, known, given(request, replace=bool).get("replace", False))
    return {"files": [str(file) for file in added.files], "entry": added.entry, "count": added.count}


def _known(request: Request, centers_lps_mm: dict[Level, tuple[float, float, float]], slices: str) -> CaseLabel:
    """What the request knows of the case; a class that isn't said follows from the BMD where there is one."""
    from OsteoJointLib.dataset.manifest import CaseLabel

    bmd = _bmd(request)
    status = given(request, status=str).get("status")
    if status is not None and status not in {known.value for known in Status}:
        raise UsageError(
            Reason.USAGE, f"The status must be {', '.join(known.value for known in Status)} or null; got {status!r}."
        )
    stated = None if status is None else Status(status)
    method = _text(request, "bmd_method") if bmd else None
    label = CaseLabel(_text(request, "patient").strip(), centers_lps_mm, slices, stated, bmd, method)
    if stated is not None or not bmd:
        return label
    return replace(label, status=Status.from_bmd(float(np.mean(list(bmd.values())))))


def _bmd(request: Request) -> dict[Level, float]:
    value = given(request, bmd=dict).get("bmd", {})
    known = {level.value for level in Level}
    if not all(name in known and type(number) in (int, float) for name, number in value.items()):
        raise UsageError(Reason.USAGE, f'The BMD must look like {{"L1": 101.0, "L2": 98.5}}; got {value!r}.')
    return {Level(name): float(number) for name, number in value.items()}


def _over_slices(drawn: dict[Level, PlacedMask]) -> bool:
    """Whether every level is drawn over slices; one alone on its mid-slice has bone outside it that is not labeled."""
    return set(drawn) == set(Level) and all(mask.slices > 1 for mask in drawn.values())


def _refuse_missing(labels: np.ndarray) -> None:
    for level in Level:
        if not np.any(labels == level.verse_label):
            raise InputRefused(
                Reason.MASK_EMPTY, f"A mask of {level} was expected; there is none. Draw it, or read the case first."
            )


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(Reason.USAGE, f"The field {name} must be a text that isn't empty; got {value!r}.")
    return value


def _screenshots(request: Request) -> tuple[Screenshot, ...]:
    from OsteoJointLib.output.screenshots import read_screenshot

    value = given(request, screenshots=list).get("screenshots", [])
    if not all(isinstance(shot, dict) and isinstance(shot.get("caption"), str) for shot in value):
        raise UsageError(Reason.USAGE, f'Screenshots must look like [{{"file", "caption"}}, …]; got {value!r}.')
    return tuple(read_screenshot(path_of(shot, "file"), shot["caption"]) for shot in value)
