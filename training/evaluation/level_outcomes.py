"""What became of one naming of L1 and L2: right, refused or wrong, and whether it said that it was in doubt.

The one definition of it: phantoms, real CT under stress and level samples are all judged and counted here.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.levels.finding import CONFIDENCE_SURE
from OsteoJointLib.records import CtVolume, Level, LevelsFound
from training.evaluation.metrics import NEAR_MM

CONFIDENCE_EDGES = (0.0, 0.6, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Bins of the calibration table: the program's own two thresholds, and finer where it says that it is sure."""

Finder = Callable[[CtVolume], LevelsFound]
PointMm = tuple[float, float, float]
Expected = Mapping[Level, PointMm | None]
"""Center of each level's body in LPS mm; None where it isn't in view."""


class Outcome(StrEnum):
    """What became of one naming."""

    RIGHT = "right"
    """Both levels near where they are, and no doubt about it."""
    RIGHT_FLAGGED = "right_flagged"
    """Right, with the flag levels_uncertain."""
    REFUSED = "refused"
    REFUSED_RIGHTLY = "refused_rightly"
    """L1 and L2 are not both in view."""
    WRONG_FLAGGED = "wrong_flagged"
    WRONG_SILENT = "wrong_silent"
    """Named, wrong, and not said to be uncertain."""


RIGHT = (Outcome.RIGHT, Outcome.RIGHT_FLAGGED)
REFUSALS = (Outcome.REFUSED, Outcome.REFUSED_RIGHTLY)


@dataclass(frozen=True)
class Naming:
    """One attempt to name L1 and L2.

    Args:
        outcome: what became of it.
        expected_lps_mm: where they are, None where not in view.
        found_lps_mm: where they were put; empty when refused.
        error_mm: the larger distance of the two; None when refused or not both in view.
        confidence: posterior of the names; None when refused.
        flags: codes.
        reason: code of the refusal.
        message: what the refusal says.
    """

    outcome: Outcome
    expected_lps_mm: Expected
    found_lps_mm: Mapping[Level, PointMm] = field(default_factory=dict)
    error_mm: float | None = None
    confidence: float | None = None
    flags: tuple[str, ...] = ()
    reason: str | None = None
    message: str | None = None


def both_in_view(expected: Expected) -> bool:
    """Say whether L1 and L2 are both to be found."""
    return all(expected[level] is not None for level in Level)


def attempt(find: Callable[[], LevelsFound]) -> LevelsFound | InputRefused:
    """Call a finder; a refusal is an answer too."""
    try:
        return find()
    except InputRefused as refusal:
        return refusal


def judge(said: LevelsFound | InputRefused, expected: Expected, near_mm: float = NEAR_MM) -> Naming:
    """Compare what was said with what is there.

    Args:
        said: the levels, or the refusal.
        expected: where they are.
        near_mm: both must lie within this distance to be right.
    """
    in_view = both_in_view(expected)
    if isinstance(said, InputRefused):
        outcome = Outcome.REFUSED if in_view else Outcome.REFUSED_RIGHTLY
        return Naming(outcome, expected, reason=said.reason.value, message=str(said))
    found = {Level.L1: said.l1.center_lps_mm, Level.L2: said.l2.center_lps_mm}
    there = {level: point for level, point in expected.items() if point is not None}
    error_mm = max(math.dist(found[level], there[level]) for level in Level) if in_view else None
    flags = tuple(sorted({flag.code.value for flag in said.flags}))
    doubted, right = Reason.LEVELS_UNCERTAIN.value in flags, error_mm is not None and error_mm <= near_mm
    if right:
        outcome = Outcome.RIGHT_FLAGGED if doubted else Outcome.RIGHT
    else:
        outcome = Outcome.WRONG_FLAGGED if doubted else Outcome.WRONG_SILENT
    return Naming(outcome, expected, found, error_mm, said.l1.confidence, flags)


def count(namings: Sequence[Naming]) -> dict[str, int]:
    """Count the outcomes; every one has its number, 0 too.

    >>> count([])["wrong_silent"]
    0
    """
    counts = Counter(naming.outcome for naming in namings)
    return {"n": len(namings)} | {outcome.value: counts[outcome] for outcome in Outcome}


def count_by(namings: Iterable[tuple[str, Naming]]) -> dict[str, dict[str, int]]:
    """Count the outcomes under each name, in the order in which the names first come."""
    groups: dict[str, list[Naming]] = {}
    for name, naming in namings:
        groups.setdefault(name, []).append(naming)
    return {name: count(group) for name, group in groups.items()}


def summarize_namings(namings: Sequence[Naming]) -> dict[str, Any]:
    """Count the outcomes, the refusals by reason, and how far the confidence can be believed.

    Returns:
        The counts; ``refused_by_reason``; ``calibration``, a row for each bin of confidence that holds a named case
        (its edges, n and right); ``right_of_sure``, the share of right ones among those with a
        confidence of .9 or more, None where there are none.
    """
    named = [(naming.confidence, naming.outcome in RIGHT) for naming in namings if naming.confidence is not None]
    sure = [right for confidence, right in named if confidence >= CONFIDENCE_SURE]
    reasons = Counter(naming.reason for naming in namings if naming.outcome is Outcome.REFUSED)
    return {
        **count(namings),
        "refused_by_reason": dict(reasons.most_common()),
        "calibration": _calibration(named),
        "right_of_sure": sum(sure) / len(sure) if sure else None,
    }


def _calibration(named: list[tuple[float, bool]]) -> list[dict[str, float]]:
    rows = []
    for low, high in itertools.pairwise(CONFIDENCE_EDGES):
        inside = [right for confidence, right in named if low <= confidence < high or confidence == high == 1.0]
        if inside:
            rows.append({"from": low, "to": high, "n": len(inside), "right": sum(inside)})
    return rows
