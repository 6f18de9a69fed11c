"""L1 and L2 from points a person placed; they replace the search."""

from __future__ import annotations

import math

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.records import CtVolume, Flag, Level, LevelPoint, LevelsFound, PointSource

ONE_BODY_MM = 12.0
"""Points less than this one above the other lie on one body, mm: L1 and L2 lie 22 to 41 mm apart in 600 phantoms, 23 to
35 in seven real CTs, and a body is 20 mm high at least unless it is crushed (chosen: half of that distance)."""
NEIGHBORS_MM = (20.0, 50.0)
"""How far apart neighbors lie, mm: the same numbers and some 8 mm for a point beside the middle of its body (chosen).
L1 and L3 lie 45 mm apart at least."""


def levels_from_points(
    volume: CtVolume, l1_lps_mm: tuple[float, float, float], l2_lps_mm: tuple[float, float, float]
) -> LevelsFound:
    """Take two points as the centers of L1 and L2.

    Args:
        volume: the CT they were placed in.
        l1_lps_mm: center of L1, LPS mm.
        l2_lps_mm: center of L2, LPS mm.

    Returns:
        Both levels with confidence 1 and source "user"; no column. A flag POINTS_DOUBTFUL where two neighbors can
        hardly lie so near or so far from each other.

    Raises:
        InputRefused: POINT_OUTSIDE, a point lies outside the CT or is not finite; POINTS_ON_ONE_BODY, both lie on one.
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
    if rise_mm < ONE_BODY_MM:
        raise InputRefused(
            Reason.POINTS_ON_ONE_BODY,
            f"The point of L1 lies only {rise_mm:.1f} mm above that of L2, so both are on one body. Place each in the "
            "middle of its own.",
        )
    return LevelsFound(points[0], points[1], flags=_distance_flags(l1_lps_mm, l2_lps_mm))


def _distance_flags(l1_lps_mm: tuple[float, float, float], l2_lps_mm: tuple[float, float, float]) -> tuple[Flag, ...]:
    apart_mm, (least, most) = math.dist(l1_lps_mm, l2_lps_mm), NEIGHBORS_MM
    if least <= apart_mm <= most:
        return ()
    near = apart_mm < least
    message = (
        f"The points of L1 and L2 lie {'only ' if near else ''}{apart_mm:.0f} mm apart; two neighbors lie {least:g} to "
        f"{most:g} mm apart. Look whether {'both are on one body' if near else 'there is a body between them'}."
    )
    return (Flag(Reason.POINTS_DOUBTFUL, message),)
