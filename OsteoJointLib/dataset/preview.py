"""A small picture of a labeled case: both bodies from the side, with the outlines of their masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from OsteoJointLib.output.drawing import BONE_WINDOW, gray, write_png
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import CtVolume, Level

SIZE_PX = 96
"""Edge of the picture; chosen: told apart in a row of a table, and a few kilobytes."""
FIELD_MM = 110.0
"""Edge of what is shown; chosen: L1 and L2 with half a body above and below."""
_SLAB_MM = 5.0
"""What is averaged across, so that noise doesn't hide the bodies; chosen."""


def write_preview(
    volume: CtVolume, labels: np.ndarray, centers_lps_mm: Mapping[Level, tuple[float, float, float]], path: Path
) -> None:
    """Write the picture as PNG.

    Args:
        volume: the CT.
        labels: (z, y, x) uint8 on its grid, VerSe's numbers.
        centers_lps_mm: of both levels; the plane goes through them, bent where they don't lie in one.
        path: of the file.
    """
    import cv2

    grid = volume.grid
    centers = np.array(sorted(grid.lps_to_index(np.asarray(centers_lps_mm[level])).tolist() for level in Level))
    x_mm, y_mm, z_mm = grid.spacing_xyz_mm
    z = _window(centers[:, 0].mean(), z_mm)
    y = _window(centers[:, 1].mean(), y_mm)
    inside = ((z >= 0) & (z < grid.shape_zyx[0]))[:, None] & ((y >= 0) & (y < grid.shape_zyx[1]))[None]
    rows, columns = np.clip(z, 0, grid.shape_zyx[0] - 1), np.clip(y, 0, grid.shape_zyx[1] - 1)
    cut = np.round(np.interp(rows, centers[:, 0], centers[:, 2])).astype(int)
    half = round(_SLAB_MM / x_mm / 2)
    slab = [np.clip(cut + offset, 0, grid.shape_zyx[2] - 1) for offset in range(-half, half + 1)]
    hu = np.mean([volume.hu[rows[:, None], columns[None], one[:, None]] for one in slab], axis=0, dtype=np.float32)
    section = labels[rows[:, None], columns[None], cut[:, None]]
    air = BONE_WINDOW.center_hu - BONE_WINDOW.width_hu
    picture = gray(_to_picture(np.where(inside, hu, air)), BONE_WINDOW)
    for level in Level:
        mask = _to_picture((inside & (section == level.verse_label)).astype(np.float32)) >= 0.5
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.polylines(picture, contours, True, segment_color_rgb(level), 1, cv2.LINE_AA)
    write_png(picture, path)


def _window(middle: float, step_mm: float) -> np.ndarray:
    """List the indices that are shown along an axis; some may lie outside the CT."""
    count = max(1, round(FIELD_MM / step_mm))
    return np.arange(count) + round(middle - (count - 1) / 2)


def _to_picture(section_zy: np.ndarray) -> np.ndarray:
    """Bring a section to the picture's pixels, the head above."""
    import cv2

    upright = np.ascontiguousarray(section_zy[::-1], dtype=np.float32)
    return cv2.resize(upright, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_LINEAR)
