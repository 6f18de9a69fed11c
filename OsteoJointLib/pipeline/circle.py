"""HU in a circle at a body's center: a quick look at every body of the column, alike for all of them.

It needs no mask, so that it can be had of every body that was named. It is not the measured region: the circle may lie
on the basivertebral vein, on an endplate or on cement, and a reading never goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.records import CtVolume

RADIUS_MM = 8.0
"""A circle of 200 mm2, the area recommended for a hand-placed ROI (Osteoporos Int 2025, doi
10.1007/s00198-025-07529-7)."""


@dataclass(frozen=True)
class CircleHu:
    """Mean and standard deviation of the HU in a circle."""

    mean_hu: float
    sd_hu: float


def circle_hu(volume: CtVolume, center_lps_mm: tuple[float, float, float]) -> CircleHu | None:
    """Measure a circle about a body's center, on the axial slice nearest to it.

    Args:
        volume: the CT.
        center_lps_mm: the body's center.

    Returns:
        Mean and standard deviation of the voxels whose center lies in the circle; None where the image cuts it.
    """
    z, y, x = (float(v) for v in volume.grid.lps_to_index(np.asarray(center_lps_mm)))
    slices, rows, columns = volume.hu.shape
    step_x, step_y, _ = volume.grid.spacing_xyz_mm
    reach_y, reach_x = RADIUS_MM / step_y, RADIUS_MM / step_x
    inside = reach_y <= y <= rows - 1 - reach_y and reach_x <= x <= columns - 1 - reach_x
    if not (inside and -0.5 <= z <= slices - 0.5):
        return None
    index_y, index_x = np.ogrid[:rows, :columns]
    circle = ((index_y - y) / reach_y) ** 2 + ((index_x - x) / reach_x) ** 2 <= 1.0
    values = volume.hu[int(np.clip(round(z), 0, slices - 1))][circle]
    return CircleHu(float(values.mean()), float(values.std()))
