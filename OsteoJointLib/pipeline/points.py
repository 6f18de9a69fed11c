"""The points of both levels: a user's, the network's, and what becomes of them when one is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.levels.placing import levels_from_points
from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.records import (
    CtSlicePair,
    Flag,
    Level,
    LevelPoint,
    LevelsFound,
    PointSource,
)

Points = Mapping[Level, tuple[float, float, float]]
"""Points in LPS mm by level."""


def level_point(levels: LevelsFound, level: Level) -> LevelPoint:
    """Pick the point of one level."""
    return levels.l1 if level is Level.L1 else levels.l2


def require_both(points: Points) -> None:
    """Refuse to go on with the point of one level alone.

    Raises:
        UsageError: one of the two is missing.
    """
    if set(points) != set(Level):
        raise UsageError(Reason.USAGE, "Only one of the two points is there. Give L1 and L2.")


def placed_levels(case: Case, points: Points) -> LevelsFound:
    """Take both levels' points from a user.

    Args:
        case: the CT or the pair of slices.
        points: LPS mm of L1 and L2.

    Returns:
        The levels, with the doubts a user's points can raise.

    Raises:
        UsageError: one of the two is missing.
        InputRefused: a point lies outside the CT.
    """
    require_both(points)
    if isinstance(case, CtSlicePair):
        l1, l2 = (LevelPoint(level, points[level], 1.0, PointSource.USER) for level in Level)
        return LevelsFound(l1, l2)
    return levels_from_points(case, points[Level.L1], points[Level.L2])


def moved_levels(case: Case, levels: LevelsFound, points: Points) -> LevelsFound:
    """Put moved points in place of the ones there are.

    Args:
        case: the CT or the pair of slices.
        levels: as they were.
        points: LPS mm of the levels that moved, at least one.

    Returns:
        The levels; what was found of the column stays, and its doubts stay as long as one point is the network's.

    Raises:
        UsageError: no point moved.
        InputRefused: a point lies outside the CT.
    """
    if not points:
        raise UsageError(Reason.USAGE, "No point was moved. Give L1, L2 or both.")
    old = {level: level_point(levels, level) for level in Level}
    placed = placed_levels(case, {level: points.get(level, old[level].center_lps_mm) for level in Level})
    new = {level: level_point(placed, level) if level in points else old[level] for level in Level}
    flags: tuple[Flag, ...] = placed.flags
    if any(point.source is PointSource.AUTO for point in new.values()):
        flags = tuple(dict.fromkeys((*levels.flags, *flags)))
    return replace(levels, l1=new[Level.L1], l2=new[Level.L2], flags=flags)
