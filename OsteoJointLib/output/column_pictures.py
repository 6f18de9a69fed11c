"""Pictures of the column: curved reformats, mid-sagittal and mid-coronal, through the bodies, with the levels named.

A flat plane loses a scoliotic column; here each row of the picture is taken where the column is at that height (linear
between the bodies' centers), averaged over a few millimeters across. So lengths along a bend are not true, and the
picture says that it is a curved reformat. Rows and columns are millimeters of the grid's own axes; superior is on top,
anterior (sagittal) or the patient's right (coronal) on the left. Sizes are chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.output.axial_pictures import TRUTH_COLOR
from OsteoJointLib.output.drawing import BONE_WINDOW, PANEL, Color, Label, corner_labels, gray, scale_bar, write_labels
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import BodyVolume, CtVolume, LevelsFound

HEIGHT_MM = 300.0
"""Most that is shown along the column, mm, about the middle between L1 and L2."""
WIDTH_MM = 170.0
"""Most that is shown across it, mm."""
SLAB_MM = 4.0
"""Thickness averaged across the plane, mm."""
_NAME_COLOR = (225, 230, 235)
_BAR_MM, _FONT_PX = 50.0, 16
_STRIP_FONT_PX, _LETTERS_ACROSS = (10, 16), 17
"""Least and greatest size of the words below; with so many of their heights across, the longest line fits."""


class Plane(StrEnum):
    """Which way the column is looked at."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"

    @property
    def shown_axis(self) -> int:
        """The (z, y, x) axis that runs across the picture."""
        return 1 if self is Plane.SAGITTAL else 2

    @property
    def cut_axis(self) -> int:
        """The (z, y, x) axis that the plane cuts."""
        return 2 if self is Plane.SAGITTAL else 1


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where a picture lies in the volume: its first row's z and first column's index, and pixels per index.

    ``rows_z`` and ``cut_index`` are the z of each row of voxels from below, and where the plane cuts it;
    ``columns`` are the first and the last index shown; ``slab_mm`` is what was averaged across.
    """

    rows_z: np.ndarray
    cut_index: np.ndarray
    columns: tuple[int, int]
    rows_per_z: float
    columns_per_index: float
    slab_mm: float

    @property
    def top_z(self) -> float:
        """The first row's z."""
        return float(self.rows_z[-1])

    @property
    def left(self) -> float:
        """The first column's index."""
        return float(self.columns[0])

    def to_picture(self, z: float, across: float) -> tuple[float, float]:
        """Picture (x, y) of a continuous index."""
        return ((across - self.left + 0.5) * self.columns_per_index, (self.top_z - z + 0.5) * self.rows_per_z)


def column_view(
    result: CaseResult,
    plane: Plane,
    px_per_mm: float = 2.0,
    truth_lps_mm: dict[str, tuple[float, float, float]] | None = None,
) -> np.ndarray | None:
    """Draw the column in one plane.

    Args:
        result: the case.
        plane: sagittal or coronal.
        px_per_mm: scale of the picture.
        truth_lps_mm: true centers by name, drawn as crosses.

    Returns:
        (y, x, 3) picture; None for a pair of slices, which shows no column.
    """
    if not isinstance(result.volume, CtVolume):
        return None
    volume = result.volume
    centers = _centers(volume, result.levels)
    focus = _centers(volume, LevelsFound(result.levels.l1, result.levels.l2)).mean(axis=0)
    picture, frame = _cut(volume, centers, focus, plane, px_per_mm)
    labels, doubt = _names(result.levels, volume, plane, frame), " ?" if result.levels.doubt else ""
    for body in result.neighbors:
        _draw_body(picture, body, plane, frame, _NAME_COLOR)
    for reading in result.readings:
        if reading.body is not None:
            _draw_body(picture, reading.body, plane, frame, segment_color_rgb(reading.level))
        left = _draw_slice_line(picture, reading, volume, centers, plane, frame)
        _, y = frame.to_picture(reading.axial.slice_index, 0.0)
        color = segment_color_rgb(reading.level)
        labels.append(Label(f"{reading.level}{doubt}", (max(24.0, left - 30), y), "mm", (0, 0, 0), 19, color))
    for center_lps_mm in (truth_lps_mm or {}).values():
        _draw_cross(picture, volume.grid.lps_to_index(np.asarray(center_lps_mm)), plane, frame)
    bar = scale_bar(picture, px_per_mm, _BAR_MM, _FONT_PX)
    labeled = write_labels(picture, [*labels, *_sides(picture.shape, plane), bar])
    return np.concatenate([labeled, _words_below(result, plane, frame.slab_mm, picture.shape[1])])


def column_place(result: CaseResult, plane: Plane) -> str:
    """Say where the plane runs through both levels."""
    axis, letter = (0, "R") if plane is Plane.SAGITTAL else (1, "A")
    l1, l2 = (-level.center_lps_mm[axis] for level in (result.levels.l1, result.levels.l2))
    return f"{letter} {l1:.1f} mm at L1, {l2:.1f} mm at L2"


def _words_below(result: CaseResult, plane: Plane, slab_mm: float, width: int) -> np.ndarray:
    """Write what the picture is into a strip of its own, where no word covers a body."""
    size = int(np.clip(width / _LETTERS_ACROSS, *_STRIP_FONT_PX))
    words = [
        f"Mid-{plane} curved reformat",
        column_place(result, plane),
        f"{slab_mm:.2g} mm thick, {BONE_WINDOW.words}",
    ]
    strip = np.empty((round(1.35 * size * len(words) + 0.6 * size), width, 3), dtype=np.uint8)
    strip[:] = PANEL
    return write_labels(strip, corner_labels(width, words, [], size))


def _centers(volume: CtVolume, levels: LevelsFound) -> np.ndarray:
    """(N, 3) continuous (z, y, x) indices of the column's bodies, from caudal to cranial."""
    points = [body.center_lps_mm for body in levels.column] or [levels.l1.center_lps_mm, levels.l2.center_lps_mm]
    index = volume.grid.lps_to_index(np.asarray(points))
    return index[np.argsort(index[:, 0])]


def _cut(
    volume: CtVolume, centers: np.ndarray, focus: np.ndarray, plane: Plane, px_per_mm: float
) -> tuple[np.ndarray, _Frame]:
    import cv2

    spacing_zyx = volume.grid.spacing_xyz_mm[::-1]
    across = plane.shown_axis
    z_range = _range(volume.hu.shape[0], focus[0], HEIGHT_MM / spacing_zyx[0])
    a_range = _range(volume.hu.shape[across], focus[across], WIDTH_MM / spacing_zyx[across])
    rows = np.arange(*z_range)
    cut = np.interp(rows, centers[:, 0], centers[:, plane.cut_axis])
    half = max(0, round((SLAB_MM / spacing_zyx[plane.cut_axis] - 1) / 2))
    image = np.zeros((len(rows), a_range[1] - a_range[0]), dtype=np.float32)
    for offset in range(-half, half + 1):
        index = np.clip(np.round(cut + offset).astype(int), 0, volume.hu.shape[plane.cut_axis] - 1)
        if plane is Plane.SAGITTAL:
            image += volume.hu[rows, a_range[0] : a_range[1], index]
        else:
            image += volume.hu[rows, index, a_range[0] : a_range[1]]
    image = image[::-1] / np.float32(2 * half + 1)
    rows_per_z, columns_per_index = spacing_zyx[0] * px_per_mm, spacing_zyx[across] * px_per_mm
    size = (max(1, round(image.shape[1] * columns_per_index)), max(1, round(image.shape[0] * rows_per_z)))
    enlarged = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    slab_mm = float((2 * half + 1) * spacing_zyx[plane.cut_axis])
    return gray(enlarged, BONE_WINDOW), _Frame(rows, cut, a_range, rows_per_z, columns_per_index, slab_mm)


def _draw_body(picture: np.ndarray, body: BodyVolume, plane: Plane, frame: _Frame, color: Color) -> None:
    """Draw the outline of a whole body, cut by the same bent plane, in place."""
    import cv2

    corner, shape = np.asarray(body.corner_zyx), np.asarray(body.mask.shape)
    z, cut = frame.rows_z - corner[0], np.round(frame.cut_index).astype(int) - corner[plane.cut_axis]
    across = np.arange(*frame.columns) - corner[plane.shown_axis]
    rows = np.flatnonzero((z >= 0) & (z < shape[0]) & (cut >= 0) & (cut < shape[plane.cut_axis]))
    columns = np.flatnonzero((across >= 0) & (across < shape[plane.shown_axis]))
    if not len(rows) or not len(columns):
        return
    section = np.zeros((len(z), len(across)), dtype=np.float32)
    places = (cut[rows, None], across[None, columns])
    y, x = places[::-1] if plane is Plane.SAGITTAL else places
    section[np.ix_(rows, columns)] = body.mask[z[rows, None], y, x]
    size = (picture.shape[1], picture.shape[0])
    smooth = cv2.resize(section[::-1], size, interpolation=cv2.INTER_LINEAR)
    contours, _ = cv2.findContours((smooth >= 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for shade, width in (((0, 0, 0), 4), (color, 2)):
        cv2.polylines(picture, contours, True, shade, width, cv2.LINE_AA)


def _range(length: int, middle: float, extent: float) -> tuple[int, int]:
    """Lay a window of ``extent`` about ``middle``, moved and cut to lie in 0..length."""
    size = min(length, max(1, round(extent)))
    start = int(np.clip(round(middle - size / 2), 0, length - size))
    return start, start + size


def _draw_slice_line(
    picture: np.ndarray,
    reading: VertebraReading,
    volume: CtVolume,
    centers: np.ndarray,
    plane: Plane,
    frame: _Frame,
) -> float:
    """Draw the mid-slice as a thin line and, thick, where it runs through the mask; return where the latter begins."""
    import cv2

    z = reading.axial.slice_index
    color = segment_color_rgb(reading.level)
    _, y = frame.to_picture(z, 0.0)
    row = round(y)
    for x in range(0, picture.shape[1], 10):
        cv2.line(picture, (x, row), (x + 4, row), color, 1, cv2.LINE_AA)
    mask = mask_to_plane(reading.segmentation.mask, reading.axial, volume.hu.shape[1:])
    cut = int(np.clip(round(np.interp(z, centers[:, 0], centers[:, plane.cut_axis])), 0, None))
    profile = mask[:, cut] if plane is Plane.SAGITTAL else mask[cut, :]
    hit = np.flatnonzero(profile)
    if not len(hit):
        return frame.to_picture(z, volume.grid.lps_to_index(np.asarray(reading.point.center_lps_mm))[plane.shown_axis])[
            0
        ]
    left, right = (round(frame.to_picture(z, edge)[0]) for edge in (hit[0] - 0.5, hit[-1] + 0.5))
    cv2.line(picture, (left, row), (right, row), (0, 0, 0), 7, cv2.LINE_AA)
    cv2.line(picture, (left, row), (right, row), color, 4, cv2.LINE_AA)
    return float(left)


def _names(levels: LevelsFound, volume: CtVolume, plane: Plane, frame: _Frame) -> list[Label]:
    """Names of the column's other bodies, small, on the bodies."""
    labels = []
    for body, name in zip(levels.column, levels.names, strict=False):
        if name in ("L1", "L2", ""):
            continue
        index = volume.grid.lps_to_index(np.asarray(body.center_lps_mm))
        xy = frame.to_picture(index[0], index[plane.shown_axis])
        labels.append(Label(name, xy, color=_NAME_COLOR, size_px=_FONT_PX))
    return labels


def _draw_cross(picture: np.ndarray, index: np.ndarray, plane: Plane, frame: _Frame) -> None:
    import cv2

    x, y = (round(v) for v in frame.to_picture(index[0], index[plane.shown_axis]))
    for color, width in (((0, 0, 0), 4), (TRUTH_COLOR, 2)):
        cv2.line(picture, (x - 7, y), (x + 7, y), color, width, cv2.LINE_AA)
        cv2.line(picture, (x, y - 7), (x, y + 7), color, width, cv2.LINE_AA)


def _sides(shape: tuple[int, ...], plane: Plane) -> list[Label]:
    height, width = shape[:2]
    left, right = ("A", "P") if plane is Plane.SAGITTAL else ("R", "L")
    return [
        Label(left, (10, height / 2), "lm", size_px=_FONT_PX + 2),
        Label(right, (width - 10, height / 2), "rm", size_px=_FONT_PX + 2),
        Label("S", (10, 10), "lt", size_px=_FONT_PX + 2),
        Label("I", (10, height - 10), "lb", size_px=_FONT_PX + 2),
    ]
