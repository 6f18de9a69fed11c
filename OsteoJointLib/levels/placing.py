"""L1 and L2 from points a person placed; they replace the search."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.records import CtVolume, Level, LevelPoint, LevelsFound, PointSource


def levels_from_points(
    volume: CtVolume, l1_lps_mm: tuple[float, float, float], l2_lps_mm: tuple[float, float, float]
) -> LevelsFound:
    """Take two points as the centers of L1 and L2.

    Args:
        volume: the CT they were placed in.
        l1_lps_mm: center of L1, LPS mm.
        l2_lps_mm: center of L2, LPS mm.

    Returns:
        Both levels with confidence 1 and source "user"; no column, no flags.

    Raises:
        InputRefused: POINT_OUTSIDE, a point lies outside the CT or is not finite.
        UsageError: L2 does not lie below L1.
    """
    points = []
    for level, point_mm in ((Level.L1, l1_lps_mm), (Level.L2, l2_lps_mm)):
        if not (np.all(np.isfinite(point_mm)) and volume.grid.contains(np.asarray(point_mm))):
            given = ", ".join(f"{value:.1f}" for value in flip_lps_ras(np.asarray(point_mm)) + 0.0)  # no "-0.0"
            raise InputRefused(
                Reason.POINT_OUTSIDE,
                f"{level.value} lies outside the CT (R, A, S = {given} mm). Place it again.",
            )
        x, y, z = (float(value) for value in point_mm)
        points.append(LevelPoint(level, (x, y, z), 1.0, PointSource.USER))
    rise_mm = points[0].center_lps_mm[2] - points[1].center_lps_mm[2]
    if rise_mm <= 0.0:
        raise UsageError(Reason.USAGE, f"L1 lies {-rise_mm:.1f} mm below L2. Exchange the two points.")
    return LevelsFound(points[0], points[1])
