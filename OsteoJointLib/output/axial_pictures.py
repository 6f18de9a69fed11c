"""Pictures of the mid-slices: the CT with the body's boundary and the ROI, the boundary heat map, the explanation map.

All three of a level show the same square of the slice, upright and at the right aspect: the patient's right is on the
left, anterior is on top. Sizes and places of the labels are chosen by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import crop_to_slice, edge_to_center
from OsteoJointLib.output.drawing import (
    BODY_WINDOW,
    PANEL,
    WHITE,
    Color,
    Label,
    Patch,
    color_table,
    gray,
    outline,
    overlay,
    write_labels,
)
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import ExplanationMap, ExplanationMethod

FIELD_MM = 92.0
"""Edge length of the square shown, mm: the body, its arch and the muscles beside it."""

ROI_COLOR: Color = (255, 224, 64)
TRUTH_COLOR: Color = (90, 235, 120)
NO_INFLUENCE = "no influence"
"""What is said of a blank explanation map: the class depends on nothing in this vertebra's crop."""
_AIR_HU = -1024.0
_BAR_MM = 20.0


@dataclass(frozen=True, eq=False)
class AxialViews:
    """The pictures of one level, each (size, size, 3); a map that was not computed is None."""

    boundary: np.ndarray
    heatmap: np.ndarray | None
    explanation: np.ndarray | None


def axial_views(reading: VertebraReading, size_px: int = 440, truth: np.ndarray | None = None) -> AxialViews:
    """Draw the pictures of one level.

    Args:
        reading: the level.
        size_px: edge length of each picture.
        truth: (512, 512) bool mask in the slice's frame, drawn as a second contour.

    Returns:
        The pictures.
    """
    patch = _patch(reading, size_px)
    ct = gray(patch.cut(reading.axial.hu, _AIR_HU), BODY_WINDOW)
    color = segment_color_rgb(reading.level)
    boundary = ct.copy()
    if truth is not None:
        outline(boundary, truth, patch, TRUTH_COLOR)
    outline(boundary, reading.segmentation.mask, patch, color)
    outline(boundary, reading.measurement.mask, patch, ROI_COLOR, dashed=True)
    return AxialViews(
        boundary=_annotate(boundary, reading, patch),
        heatmap=_mapped(ct, reading.segmentation.heatmap, patch),
        explanation=_explained(ct, reading, patch),
    )


def whole_slice_view(reading: VertebraReading, size_px: int = 440) -> np.ndarray:
    """Draw a whole slice with the body's box, for cases that have no volume to show the column from."""
    rows, columns = reading.axial.hu.shape
    patch = Patch(((rows - 1) / 2, (columns - 1) / 2), float(max(rows, columns)), size_px)
    picture = gray(patch.cut(reading.axial.hu, _AIR_HU), BODY_WINDOW)
    _rectangle(picture, reading, patch)
    return write_labels(picture, _sides(size_px))


def _patch(reading: VertebraReading, size_px: int) -> Patch:
    x1, y1, x2, y2 = (float(edge_to_center(edge)) for edge in reading.box.xyxy_px)
    # a little toward the back, so that the arch is in the picture as well
    center_y = (y1 + y2) / 2 + 0.08 * FIELD_MM / reading.axial.pixel_mm
    return Patch((center_y, (x1 + x2) / 2), FIELD_MM / reading.axial.pixel_mm, size_px)


def explanation_title(explanation: ExplanationMap) -> str:
    """Name an explanation map, and say how much of the influence lies in its vertebra."""
    name = {ExplanationMethod.HIRESCAM: "Explanation map", ExplanationMethod.GRADCAM: "Grad-CAM"}[explanation.method]
    if explanation.blank:
        return f"{name}: {NO_INFLUENCE}"
    return f"{name}: {100 * explanation.share:.0f} % of the influence"


def _explained(ct: np.ndarray, reading: VertebraReading, patch: Patch) -> np.ndarray | None:
    explanation = reading.explanation
    if explanation is None:
        return None
    values = crop_to_slice(explanation.values, reading.crop, reading.axial.hu.shape)
    words = []
    if explanation.blank:
        middle = patch.size_px / 2
        words = [Label(NO_INFLUENCE, (middle, middle), size_px=_font_px(patch.size_px) + 3, fill=PANEL)]
    return _mapped(ct, values, patch, words)


def _mapped(ct: np.ndarray, heat: np.ndarray | None, patch: Patch, words: Sequence[Label] = ()) -> np.ndarray | None:
    if heat is None:
        return None
    picture = overlay(ct, patch.cut(heat, 0.0))
    return write_labels(picture, [*_sides(patch.size_px), *_color_bar(picture), *words])


def _color_bar(picture: np.ndarray) -> list[Label]:
    """Draw the maps' scale into the lower left corner, in place; returns its numbers."""
    size = picture.shape[0]
    left, right, top, bottom = (round(size * share) for share in (0.05, 0.40, 0.93, 0.96))
    picture[top - 1 : bottom + 1, left - 1 : right + 1] = PANEL
    steps = np.linspace(0, len(color_table()) - 1, right - left).round().astype(int)
    picture[top:bottom, left:right] = color_table()[steps]
    ticks = {"0": left, "50": (left + right) / 2, "100 %": right}
    return [Label(text, (x, top - 4), "mb", size_px=_font_px(size)) for text, x in ticks.items()]


def _font_px(size: int) -> int:
    return max(12, size // 30)


def _annotate(picture: np.ndarray, reading: VertebraReading, patch: Patch) -> np.ndarray:
    import cv2

    size = patch.size_px
    bar_px = round(_BAR_MM / reading.axial.pixel_mm * patch.scale)
    x, y = round(size * 0.04), round(size * 0.955)
    for color, width in (((0, 0, 0), 6), (WHITE, 3)):
        cv2.line(picture, (x, y), (x + bar_px, y), color, width, cv2.LINE_AA)
    text = Label(f"{_BAR_MM / 10:g} cm", (x + bar_px / 2, y - 6), "mb", size_px=_font_px(size))
    return write_labels(picture, [*_sides(size), text])


def _sides(size: int) -> list[Label]:
    font, pad = max(13, size // 26), size * 0.03
    return [
        Label("R", (pad, size / 2), "lm", size_px=font),
        Label("L", (size - pad, size / 2), "rm", size_px=font),
        Label("A", (size / 2, pad), "mt", size_px=font),
        Label("P", (size / 2, size - pad), "mb", size_px=font),
    ]


def _rectangle(picture: np.ndarray, reading: VertebraReading, patch: Patch) -> None:
    import cv2

    x1, y1, x2, y2 = (float(edge_to_center(edge)) for edge in reading.box.xyxy_px)
    corners = patch.to_picture(np.array([[x1, y1], [x2, y2]])).round().astype(int)
    cv2.rectangle(picture, tuple(corners[0]), tuple(corners[1]), segment_color_rgb(reading.level), 2, cv2.LINE_AA)
