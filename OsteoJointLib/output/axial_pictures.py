"""Pictures of the mid-slices: the CT with the body's boundary and the ROI, the boundary heat map, the explanation map.

All three of a level show the same square of the slice, upright and at the right aspect: the patient's right is on the
left, anterior is on top. Level, place, thickness and window stand in the corners, so that a picture that is copied out
still says what it shows. Sizes and places of the labels are chosen by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import crop_to_slice, edge_to_center
from OsteoJointLib.output.drawing import (
    BODY_WINDOW,
    PANEL,
    Color,
    Label,
    Patch,
    color_table,
    corner_labels,
    gray,
    outline,
    overlay,
    scale_bar,
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
_HEATMAP_TICKS, _INFLUENCE_TICKS = ("0", "0.5", "1"), ("0", "50", "100 %")


@dataclass(frozen=True, eq=False)
class AxialViews:
    """The pictures of one level, each (size, size, 3); a map that was not computed is None."""

    boundary: np.ndarray
    heatmap: np.ndarray | None
    explanation: np.ndarray | None


def axial_views(reading: VertebraReading, size_px: int = 400, truth: np.ndarray | None = None) -> AxialViews:
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
    outline(boundary, reading.roi_mask, patch, ROI_COLOR, dashed=True)
    return AxialViews(
        boundary=_annotated(boundary, reading, patch),
        heatmap=_mapped(ct, reading.segmentation.heatmap, reading, patch, _HEATMAP_TICKS),
        explanation=_explained(ct, reading, patch),
    )


def whole_slice_view(reading: VertebraReading, size_px: int = 400) -> np.ndarray:
    """Draw a whole slice with the body's box, for cases that have no volume to show the column from."""
    rows, columns = reading.axial.hu.shape
    patch = Patch(((rows - 1) / 2, (columns - 1) / 2), float(max(rows, columns)), size_px)
    picture = gray(patch.cut(reading.axial.hu, _AIR_HU), BODY_WINDOW)
    _rectangle(picture, reading, patch)
    return _annotated(picture, reading, patch)


def slice_place(reading: VertebraReading) -> str:
    """Say where a level's slice lies, and how thick it is.

    Where no tag says how thick slices are, their distance stands for it.
    """
    grid, axial = reading.volume.grid, reading.axial
    center = grid.lps_to_index(np.asarray(reading.point.center_lps_mm))
    s_mm = float(grid.index_to_lps(np.array([axial.slice_index, *center[1:]]))[2])
    thickness = reading.volume.source.slice_thickness_mm
    words = f"slices {grid.spacing_xyz_mm[2]:.3g} mm apart" if thickness is None else f"{thickness:.3g} mm thick"
    return f"S {s_mm:.1f} mm, {words}"


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
    return _mapped(ct, values, reading, patch, _INFLUENCE_TICKS, words)


def _mapped(
    ct: np.ndarray,
    heat: np.ndarray | None,
    reading: VertebraReading,
    patch: Patch,
    ticks: Sequence[str],
    words: Sequence[Label] = (),
) -> np.ndarray | None:
    if heat is None:
        return None
    picture = overlay(ct, patch.cut(heat, 0.0))
    return _annotated(picture, reading, patch, [*_color_bar(picture, ticks), *words])


def _color_bar(picture: np.ndarray, ticks: Sequence[str]) -> list[Label]:
    """Draw the maps' scale into the lower left corner, in place; returns its numbers."""
    size = picture.shape[0]
    left, right, top, bottom = (round(size * share) for share in (0.05, 0.40, 0.93, 0.96))
    picture[top - 1 : bottom + 1, left - 1 : right + 1] = PANEL
    steps = np.linspace(0, len(color_table()) - 1, right - left).round().astype(int)
    picture[top:bottom, left:right] = color_table()[steps]
    places = (left, (left + right) / 2, right)
    return [Label(text, (x, top - 4), "mb", size_px=_font_px(size)) for text, x in zip(ticks, places, strict=True)]


def _font_px(size: int) -> int:
    return max(13, size // 25)


def _annotated(picture: np.ndarray, reading: VertebraReading, patch: Patch, more: Sequence[Label] = ()) -> np.ndarray:
    """Write sides, scale, place and window into a picture."""
    size, font_px = patch.size_px, _font_px(patch.size_px)
    bar = scale_bar(picture, patch.scale / reading.axial.pixel_mm, _BAR_MM, font_px)
    place = [f"{reading.level} axial", *slice_place(reading).split(", ")]
    corners = corner_labels(size, place, [BODY_WINDOW.words], font_px)
    return write_labels(picture, [*_sides(size), *corners, bar, *more])


def _sides(size: int) -> list[Label]:
    font, pad = _font_px(size), size * 0.03
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
