"""The worker's operations that write: a folder of files for people, a labeled case for training, a CT for a viewer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskSlices
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.names import check_name
from OsteoJointLib.output.case_folder import Additions, Writer, deliver_case
from OsteoJointLib.output.csv_rows import ROW_FILE, row_of_result, table_text
from OsteoJointLib.output.dicom.viewer_case import PacsFiles, pacs_files
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.screenshots import read_screenshot
from OsteoJointLib.output.seg_nrrd import label_array
from OsteoJointLib.output.thumbnail import write_thumbnail
from OsteoJointLib.pipeline.case import Case, CaseResult
from OsteoJointLib.pipeline.drawn_masks import read_level_masks
from OsteoJointLib.pipeline.points import Points, level_point, moved_levels, placed_levels
from OsteoJointLib.records import CtVolume, Level, LevelsFound, Status
from OsteoJointLib.worker.answers import Converted, Delivered, Labeled, case_flags
from OsteoJointLib.worker.requests import Convert, Deliver, Label, mask_files


def deliver(result: CaseResult, request: Deliver, limits: ReadingLimits | None = None) -> Delivered:
    """Write the files of a result as it is; nothing is computed again.

    Args:
        result: the result.
        request: what is written.
        limits: by which the images of ``request.dicom`` are read.
    """
    pacs = PacsFiles() if not request.dicom else pacs_files(result, request.dicom, limits)
    texts: dict[str, str] = {}
    writers: tuple[Writer, ...] = pacs.writers
    if request.row is not None:
        texts[ROW_FILE] = table_text([row_of_result(check_name(request.row), result_document(result))])
        writers = (*writers, write_thumbnail)
    drawn = read_level_masks(mask_files(request.segmentation), result.volume)
    pictures = tuple(read_screenshot(shot.file, shot.caption) for shot in request.screenshots)
    additions = Additions(
        drawn=drawn,
        screenshots=pictures,
        texts=texts,
        case=request.row or "",
        pdf=request.pdf or pacs.pdf,
        writers=writers,
    )
    return Delivered(deliver_case(result, request.out, additions), pacs.flags)


def label(
    case: Case, levels: LevelsFound | None, result: CaseResult | None, request: Label, points: Points | None
) -> Labeled:
    """Write a case into a dataset: its CT, masks, levels and what a user knows of its bone.

    Args:
        case: the CT.
        levels: those there are; None before they were looked for.
        result: whose masks stand in where the request has none.
        request: what is known.
        points: the request's, LPS mm.
    """
    name = check_name(request.name)
    if not isinstance(case, CtVolume):
        raise UsageError(Reason.USAGE, "This case is a pair of single slices; a labeled case is a volume. Open the CT.")
    if points is not None:
        levels = placed_levels(case, points) if levels is None else moved_levels(case, levels, points)
    if levels is None:
        raise UsageError(Reason.USAGE, "The levels are not known yet. Give points, or ask for levels first.")
    drawn = read_level_masks(mask_files(request.segmentation), case)
    labels = label_array(case.grid, () if result is None else result.readings, drawn)
    _refuse_missing(labels)
    centers = {level: level_point(levels, level).center_lps_mm for level in Level}
    known = _known(request, centers, MaskSlices.ALL if _over_slices(labels) else MaskSlices.MID)
    added = add_case(request.folder, name, case, labels, known, request.replace)
    return Labeled(added.files, added.entry, added.count)


def convert(case: Case, request: Convert) -> Converted:
    """Write a CT as NRRD, with what is known of its acquisition; not compressed, as it is read soon and once."""
    if not isinstance(case, CtVolume):
        raise InputRefused(Reason.SINGLE_SLICE, "These are two single slices. A viewer needs the whole CT.")
    image = image_on_grid(case.hu, case.grid)
    write_image(image, request.out, acquisition_keys(case.source), compress=False)
    return Converted(request.out, case_flags(case))


def _known(request: Label, centers_lps_mm: Mapping[Level, tuple[float, float, float]], slices: MaskSlices) -> CaseLabel:
    """Gather what the request knows of the case; a class that isn't said follows from the BMD where there is one."""
    status, bmd, method = request.status, request.bmd, None
    if bmd:
        method = (request.bmd_method or "").strip()
        if not method:
            raise UsageError(Reason.USAGE, "The BMD has no bmd_method. Say how it was measured, QCT for instance.")
        status = status or Status.from_bmd(float(np.mean(list(bmd.values()))))
    return CaseLabel(request.patient.strip(), centers_lps_mm, slices, status, bmd, method)


def _over_slices(labels: np.ndarray) -> bool:
    """Whether every level is drawn over slices; one alone on its mid-slice has bone outside it that is not labeled."""
    return all(np.count_nonzero((labels == level.verse_label).any(axis=(1, 2))) > 1 for level in Level)


def _refuse_missing(labels: np.ndarray) -> None:
    for level in Level:
        if not np.any(labels == level.verse_label):
            raise InputRefused(Reason.MASK_EMPTY, f"{level} has no mask. Draw it, or read the case first.")
