"""From a matrix that a header states to a grid: sizes and angles are checked, and nothing is made up.

Axes that miss a right angle by rounding are straightened; a sheared volume (a tilted gantry that a converter did not
correct) is refused with its angle.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.files.header import size_not_stated

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])

_MOST_SHEAR_RAD = 1e-3
"""Less is rounding, 0.3 mm over 300 mm, and is straightened; more is a tilted gantry (chosen)."""

_NOTED_SHEAR_RAD = 1e-5
"""Less is what single-precision numbers leave, 0.003 mm over 300 mm, and is worth no word (chosen)."""

_FARTHEST_MM = 1e6
"""No patient lies farther from the scanner's center."""


def grid_from(steps_lps_mm: np.ndarray, origin_lps_mm: np.ndarray, sizes: tuple[int, int, int]) -> Grid:
    """Make a grid of what a header states.

    Args:
        steps_lps_mm: (3, 3); column j is the step from a voxel to the next along index axis x, y, z.
        origin_lps_mm: (3,) center of the first voxel.
        sizes: (columns, rows, slices).

    Raises:
        InputRefused: BAD_GEOMETRY, a step has no length or lies along another; GANTRY_TILT, with the angle.
    """
    with np.errstate(all="ignore"):
        spacing = np.linalg.norm(steps_lps_mm, axis=0)
    if not np.all(np.isfinite(spacing)) or min(spacing) <= 0 or max(spacing) > _FARTHEST_MM:
        raise size_not_stated("a step from one voxel to the next is no distance")
    if not np.all(np.abs(origin_lps_mm) < _FARTHEST_MM):
        raise InputRefused(
            Reason.BAD_GEOMETRY, "The file's header puts the image where no patient lies. Export or convert it again."
        )
    direction, shear = steps_lps_mm / spacing, shear_rad(steps_lps_mm)
    if shear > _MOST_SHEAR_RAD:
        raise InputRefused(
            Reason.GANTRY_TILT,
            f"The volume is sheared by {np.degrees(shear):.2g} degrees: the gantry was tilted, which was not corrected "
            "on conversion. Give the DICOM series.",
        )
    left, _, right = np.linalg.svd(direction)  # the nearest axes at right angles
    columns, rows, slices = sizes
    x_mm, y_mm, z_mm = (float(value) for value in spacing)
    x, y, z = (float(value) for value in origin_lps_mm)
    return Grid((slices, rows, columns), (x_mm, y_mm, z_mm), (x, y, z), left @ right)


def shear_rad(steps_mm: np.ndarray) -> float:
    """Measure by how much the axes of steps miss a right angle, at most.

    >>> round(shear_rad(np.array([[1.0, 1e-3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0]])), 6)
    0.001
    """
    direction = steps_mm / np.linalg.norm(steps_mm, axis=0)
    return float(np.arcsin(min(1.0, np.abs(direction.T @ direction - np.eye(3)).max())))


def straightened(steps_mm: np.ndarray) -> list[str]:
    """Note that axes were straightened, where more than a single-precision number's rounding was in them."""
    shear = shear_rad(steps_mm)
    if shear <= _NOTED_SHEAR_RAD:
        return []
    angle = np.degrees(shear)
    return [f"The file's axes missed a right angle by {angle:.2g} degrees, as by rounding, and were straightened."]


def apart_deg(one: np.ndarray, other: np.ndarray) -> float:
    """Measure the largest angle between axes of the same number of two directions.

    >>> round(apart_deg(np.eye(3), np.diag([-1.0, -1.0, 1.0])), 3)
    180.0
    """
    return float(np.degrees(np.arccos(np.clip(np.sum(one * other, axis=0).min(), -1.0, 1.0))))
