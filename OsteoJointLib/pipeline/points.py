"""The points of both levels: a user's, the network's, and what becomes of them when one is moved."""

from __future__ import annotations

import math
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
        InputRefused: a point lies outside the CT, or both lie on one body.
    """
    require_both(points)
    if isinstance(case, CtSlicePair):
        l1, l2 = (LevelPoint(level, points[level], 1.0, PointSource.USER) for level in Level)
        return LevelsFound(l1, l2)
    return levels_from_points(case, points[Level.L1], points[Level.L2])


def assumed_levels(l1: LevelPoint, l2: LevelPoint) -> LevelsFound:
    """Take the slices of a pair for L1 and L2, because they were given alone."""
    message = "Two slices were given alone: the upper one is taken for L1, the lower one for L2."
    return LevelsFound(l1, l2, flags=(Flag(Reason.LEVELS_ASSUMED, message),))


def moved_levels(case: Case, levels: LevelsFound, points: Points) -> LevelsFound:
    """Put moved points in place of the ones there are.

    Args:
        case: the CT or the pair of slices.
        levels: as they were.
        points: LPS mm of the levels that moved, at least one.

    Returns:
        The levels. A point that is given is the user's and in no doubt, also where it is given unmoved, which confirms
        it. What was found of the column stays; so do its doubts as long as one point isn't the user's, and its names
        as long as no point contradicts them.

    Raises:
        UsageError: no point moved.
        InputRefused: a point lies outside the CT, or both lie on one body.
    """
    if not points:
        raise UsageError(Reason.USAGE, "No point was moved. Give L1, L2 or both.")
    old = {level: level_point(levels, level) for level in Level}
    placed = placed_levels(case, {level: points.get(level, old[level].center_lps_mm) for level in Level})
    new = {level: level_point(placed, level) if level in points else old[level] for level in Level}
    flags: tuple[Flag, ...] = placed.flags
    if any(point.source is not PointSource.USER for point in new.values()):
        kept = [flag for flag in levels.flags if not _is_out_of_date(flag, points)]
        flags = tuple(dict.fromkeys((*kept, *flags)))
    names = levels.names if _named_alike(levels, points) else ("",) * len(levels.names)
    return replace(levels, l1=new[Level.L1], l2=new[Level.L2], names=names, flags=flags)


def _is_out_of_date(flag: Flag, points: Points) -> bool:
    """Say whether a flag tells of a point that was moved since, or of the distance of both."""
    return flag.code is Reason.POINTS_DOUBTFUL or (flag.code is Reason.SLICE_MOVED and flag.level in points)


def _named_alike(levels: LevelsFound, points: Points) -> bool:
    """Say whether the bodies nearest to a user's points bear the names that the user gave."""

    def nearest(point: tuple[float, float, float]) -> str:
        named = zip(levels.column, levels.names, strict=True)
        return min(named, key=lambda one: math.dist(one[0].center_lps_mm, point))[1]

    return not levels.column or all(nearest(point) == level for level, point in points.items())
