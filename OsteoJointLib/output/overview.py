"""``overview.png``: a whole case in one picture, for a quick look, a slide or the demo.

Left the column, sagittal and coronal, with the levels named; right both mid-slices with the body's boundary and ROI,
the boundary heat map and the explanation map; on top the class with its probabilities and the research-only notice.
When the truth is known (a phantom), its contours and centers are drawn beside the prediction in green. Sizes are
pixels, chosen by eye.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.output.axial_pictures import TRUTH_COLOR, axial_views, explanation_title, whole_slice_view
from OsteoJointLib.output.column_pictures import Plane, column_view
from OsteoJointLib.output.drawing import PANEL, WHITE, Color, Label, write_labels, write_png
from OsteoJointLib.output.kinds import Probability
from OsteoJointLib.output.notice import RESEARCH_NOTICE_SHORT
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.summary import NO_TONE, summarize
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.doubts import class_is_reliable
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, Level, Status

if TYPE_CHECKING:
    from OsteoJointLib.phantom.cases import Phantom

OVERVIEW_FILE = "overview.png"
STATUS_COLORS: Mapping[Status, Color] = {
    Status.NORMAL: (52, 168, 104),
    Status.OSTEOPENIA: (226, 160, 32),
    Status.OSTEOPOROSIS: (228, 90, 78),
}
_GRAY: Color = (176, 186, 196)
_DIM: Color = (52, 60, 70)
_PANEL_PX = 360
_COLUMN_WIDTH_PX = 500
_GAP = 12
_CAPTION_PX = 30
_HEADER_PX = 132
_FOOTER_PX = 40


@dataclass(frozen=True, eq=False)
class OverviewTruth:
    """What is known of a case beforehand.

    Args:
        labels: (z, y, x) bodies in VerSe numbers on the grid of the case's volume.
        centers_lps_mm: centers of L1 and L2.
        status: the true class; None when not known.
        bmd_mg_cm3: mean BMD of L1 and L2; None when not known.
    """

    labels: np.ndarray
    centers_lps_mm: Mapping[Level, tuple[float, float, float]]
    status: Status | None = None
    bmd_mg_cm3: float | None = None

    @classmethod
    def of_phantom(cls, phantom: Phantom) -> OverviewTruth:
        """Take the truth that a phantom carries."""
        truth = phantom.truth
        centers = {level: truth.centers_lps_mm[level.verse_label] for level in Level}
        return cls(phantom.labels, centers, truth.status, truth.mean_bmd_mg_cm3)


def write_overview(result: CaseResult, path: Path, truth: OverviewTruth | None = None) -> None:
    """Write the overview of a case as one PNG.

    Args:
        result: the case.
        path: of the file.
        truth: drawn beside the prediction when given.
    """
    write_png(overview_picture(result, truth), path)


def overview_picture(result: CaseResult, truth: OverviewTruth | None = None) -> np.ndarray:
    """Compose the overview; arguments as for :func:`write_overview`. Returns a (y, x, 3) picture."""
    left = _column(result, truth)
    right = _slices(result, truth)
    height = max(left.shape[0], right.shape[0])
    body = _beside([_padded(left, height), _padded(right, height)])
    width = body.shape[1] + 2 * _GAP
    canvas = np.empty((_HEADER_PX + height + _FOOTER_PX, width, 3), dtype=np.uint8)
    canvas[:] = PANEL
    canvas[_HEADER_PX : _HEADER_PX + height, _GAP : _GAP + body.shape[1]] = body
    _draw_bars(canvas, result)
    return write_labels(canvas, _header_labels(result, truth, width) + _footer_labels(canvas.shape, truth))


def _column(result: CaseResult, truth: OverviewTruth | None) -> np.ndarray:
    centers = {level.value: point for level, point in truth.centers_lps_mm.items()} if truth else None
    target = 2 * (_PANEL_PX + _CAPTION_PX) + _GAP - _CAPTION_PX
    panels = []
    for plane in Plane:
        view = column_view(result, plane, truth_lps_mm=centers)
        if view is not None:
            panels.append(_captioned(_fitted(view, target), plane.capitalize()))
    if not panels:
        return _stacked(
            [_captioned(whole_slice_view(r, _PANEL_PX), f"{r.level}, whole slice") for r in result.readings]
        )
    return _beside(panels)


def _slices(result: CaseResult, truth: OverviewTruth | None) -> np.ndarray:
    rows = []
    for reading in result.readings:
        mask = None if truth is None else _true_mask(truth, reading)
        views, level = axial_views(reading, _PANEL_PX, mask), reading.level
        panels = [_captioned(views.boundary, f"{level}   {_hu_text(reading)}")]
        explained = "" if reading.explanation is None else explanation_title(reading.explanation)
        for view, name in ((views.heatmap, "Boundary heat map"), (views.explanation, explained)):
            if view is not None:
                panels.append(_captioned(view, f"{level}   {name}"))
        rows.append(_beside(panels))
    width = max(row.shape[1] for row in rows)
    return _stacked([_widened(row, width) for row in rows])


def _true_mask(truth: OverviewTruth, reading: VertebraReading) -> np.ndarray:
    plane = truth.labels[reading.axial.slice_index] == reading.level.verse_label
    return plane_to_mask(plane, reading.axial)


def _hu_text(reading: VertebraReading) -> str:
    measurement = reading.measurement
    if measurement.hu_mean is None:
        return "HU not measured"
    return f"{measurement.hu_mean:.0f} HU ± {measurement.hu_sd:.0f}, {measurement.erosion_mm:g} mm eroded"


def _header_labels(result: CaseResult, truth: OverviewTruth | None, width: int) -> list[Label]:
    reliable, summary = class_is_reliable(result.flags), summarize(result_document(result))
    said = "no doubt raised against this class" if reliable else "this class is not reliable, see the flags"
    if result.classification is None:
        said = "the levels are in doubt: check L1 and L2, and confirm them"
    color = WHITE if summary.tone == NO_TONE else STATUS_COLORS[Status(summary.tone)]
    labels = [
        Label(summary.headline, (_GAP + 6, 44), "lm", color, 40),
        Label(said, (_GAP + 8, 86), "lm", WHITE if reliable else STATUS_COLORS[Status.OSTEOPOROSIS], 18),
        _truth_label(truth) or Label(_model_text(result), (_GAP + 8, 112), "lm", _GRAY, 16),
    ]
    for row, (name, share) in enumerate(_shares(result)):
        x1, x2, y = _bar(width, row)
        labels.append(Label(str(name), (x1 - 12, y), "rm", WHITE, 18))
        labels.append(Label(Probability().said(share).replace("\u00a0", " "), (x2 + 12, y), "lm", WHITE, 18))
    return labels


def _truth_label(truth: OverviewTruth | None) -> Label | None:
    if truth is None or truth.status is None:
        return None
    bmd = "" if truth.bmd_mg_cm3 is None else f", BMD {truth.bmd_mg_cm3:.0f} mg/cm3"
    return Label(f"truth: {truth.status}{bmd}", (_GAP + 8, 112), "lm", TRUTH_COLOR, 18)


def _model_text(result: CaseResult) -> str:
    said, words = result.classification, f"weights {result.model.name}, {result.device}"
    if said is None:
        return words
    return f"{words}; L1 weighs {100 * said.fusion_weight_l1:.0f} %, L2 {100 * said.fusion_weight_l2:.0f} %"


def _shares(result: CaseResult) -> list[tuple[Status, float]]:
    """Pair each class with its probability; none where no class is given."""
    said = result.classification
    return [] if said is None else list(zip(STATUSES, said.probabilities, strict=True))


def _footer_labels(shape: tuple[int, ...], truth: OverviewTruth | None) -> list[Label]:
    y = shape[0] - _FOOTER_PX / 2
    labels = [Label(RESEARCH_NOTICE_SHORT, (_GAP + 8, y), "lm", WHITE, 18)]
    key = "solid: body      dashed: region measured" + ("      green: truth" if truth is not None else "")
    return [*labels, Label(key, (shape[1] - _GAP - 8, y), "rm", _GRAY, 16)]


def _bar(width: int, row: int) -> tuple[int, int, int]:
    """Left and right end and middle of a probability bar's track."""
    return width - 430, width - 100, 34 + 34 * row


def _draw_bars(canvas: np.ndarray, result: CaseResult) -> None:
    import cv2

    for row, (status, share) in enumerate(_shares(result)):
        x1, x2, y = _bar(canvas.shape[1], row)
        cv2.rectangle(canvas, (x1, y - 8), (x2, y + 8), _DIM, -1)
        cv2.rectangle(canvas, (x1, y - 8), (x1 + max(2, round((x2 - x1) * share)), y + 8), STATUS_COLORS[status], -1)


def _fitted(picture: np.ndarray, height: int) -> np.ndarray:
    """Scale a picture to a height, or to the widest allowed, keeping its aspect; fill what is left below."""
    import cv2

    scale = min(height / picture.shape[0], _COLUMN_WIDTH_PX / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return _padded(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), height)


def _captioned(picture: np.ndarray, text: str) -> np.ndarray:
    strip = np.empty((_CAPTION_PX, picture.shape[1], 3), dtype=np.uint8)
    strip[:] = _DIM
    return np.concatenate([write_labels(strip, [Label(text, (10, _CAPTION_PX / 2), "lm", WHITE, 15)]), picture])


def _padded(picture: np.ndarray, height: int) -> np.ndarray:
    return _filled(picture, (height, picture.shape[1]))


def _widened(picture: np.ndarray, width: int) -> np.ndarray:
    return _filled(picture, (picture.shape[0], width))


def _filled(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    out = np.empty((*shape, 3), dtype=np.uint8)
    out[:] = PANEL
    out[: picture.shape[0], : picture.shape[1]] = picture
    return out


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
    gap = _filled(np.empty((0, 0, 3), np.uint8), (pictures[0].shape[0], _GAP))
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)


def _stacked(pictures: list[np.ndarray]) -> np.ndarray:
    gap = _filled(np.empty((0, 0, 3), np.uint8), (_GAP, pictures[0].shape[1]))
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=0)
