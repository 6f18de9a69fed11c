"""How likely it is to see this of a body that bears that name: ribs, the body's look, distances, lumbar counts.

A place is counted from L1: 0 for L1, -1 for T12 and so on. The two sides of a vertebra are one observation: their
log-probabilities are averaged. A rib ended by the image's edge says only that it is at least so long; a short one
counts only with its joint. The tables are round numbers from the anatomy, chosen and not fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.records import BodyEvidence

RIB_LEAST_MM = 8.0
"""Shorter than this is no rib: two coarse voxels."""

RIB_STUB_MM = 40.0
"""Shorter than this is a stub: a twelfth rib below about 38 mm is called hypoplastic."""

RIB_MOST_MM = 360.0
"""No rib is longer."""

MERGED_SHARE = 0.25
"""Share of stray readings, of ribs that the image's edge ends, in which two ribs were taken for one of any length."""


_NEVER_ZERO = 1e-6
"""Added to every likelihood: no length is impossible where two ribs were taken for one (chosen)."""


@dataclass(frozen=True)
class RibModel:
    """How long the rib of one place is.

    A share ``none`` has none; of a share ``joint`` the joint alone is seen; a share ``stub`` is even between 8 and
    40 mm; a share ``astray`` (a rib seen in part, a process taken for one) even between 8 and 360 mm; the rest is
    normal with ``mean_mm`` and ``sd_mm``.
    """

    none: float
    joint: float
    stub: float
    astray: float
    mean_mm: float
    sd_mm: float

    def likelihood(self, length_mm: float, cut: bool, joint: bool = False) -> float:
        """P(what is seen on one side).

        Args:
            length_mm: of the rib; below 8 mm there is none.
            cut: the image's edge ends it, so that it is at least so long.
            joint: a joint is seen; counts only where there is no rib.

        Returns:
            A probability for no rib and for a cut one, a density per mm for a whole one; never 0, as no length is
            impossible where two ribs were taken for one.
        """
        usual = 1.0 - self.none - self.joint - self.stub - self.astray
        offset = (length_mm - self.mean_mm) / self.sd_mm
        if length_mm < RIB_LEAST_MM:
            return self.joint if joint else self.none
        if cut:
            stub = max(RIB_STUB_MM - length_mm, 0.0) / (RIB_STUB_MM - RIB_LEAST_MM)
            astray = max((RIB_MOST_MM - length_mm) / (RIB_MOST_MM - RIB_LEAST_MM), MERGED_SHARE)
            longer = 0.5 * math.erfc(offset / math.sqrt(2.0))
            return self.stub * stub + self.astray * astray + usual * longer + _NEVER_ZERO
        stub = (length_mm < RIB_STUB_MM) / (RIB_STUB_MM - RIB_LEAST_MM)
        bell = math.exp(-0.5 * offset**2) / (self.sd_mm * math.sqrt(2.0 * math.pi))
        astray = (length_mm < RIB_MOST_MM) / (RIB_MOST_MM - RIB_LEAST_MM)
        return self.stub * stub + self.astray * astray + usual * bell + _NEVER_ZERO


RIB_BY_PLACE: dict[int, RibModel] = {
    -4: RibModel(0.02, 0.04, 0.0, 0.13, 265.0, 40.0),
    -3: RibModel(0.015, 0.03, 0.0, 0.12, 230.0, 36.0),
    -2: RibModel(0.01, 0.04, 0.005, 0.10, 175.0, 34.0),
    -1: RibModel(0.08, 0.08, 0.10, 0.04, 90.0, 32.0),
    0: RibModel(0.90, 0.055, 0.035, 0.01, 30.0, 10.0),
    1: RibModel(0.975, 0.01, 0.01, 0.005, 30.0, 10.0),
}
"""Ribs of T9 and above, T10, T11, T12, L1, L2 and below. Lengths as in the phantom's morphometry, with the scatter of
body size and of the measurement, which loses some 15 mm of a rib's thin end; 4 % of twelfth ribs are missing and as
many are not seen at all, 10 % are stubs or seen as such, 3.5 % of L1 bear a short rib, and facets may look like a
joint."""

LUMBAR_COUNT: dict[int, float] = {3: 0.003, 4: 0.03, 5: 0.92, 6: 0.045, 7: 0.002}
"""How common each number of lumbar bodies is; any other number has :data:`COUNT_FLOOR`."""

COUNT_FLOOR = 1e-4
"""Probability of an impossible count above a sacrum: a body was misread."""

OPEN_COUNT_FLOOR = 0.05
"""Probability of an impossible count where no sacrum was recognized: its segments may have been taken for bodies."""

HEAD_BY_LENGTH_MM = ((RIB_STUB_MM, 0.0), (25.0, 0.4), (RIB_LEAST_MM, 0.7), (0.0, math.inf))
"""The shorter a rib, from these lengths on, the surer must its joint be seen: processes are up to 25 mm long."""

PLACES = range(min(RIB_BY_PLACE) - 1, max(RIB_BY_PLACE) + 2)
"""Places that a body's ribs and look tell apart; what lies beyond is as the last of them."""

RIB_HEAD_LEAST = 0.7
"""A joint alone is seen from this value of its heat map on. Of 60 validation phantoms' twelfth ribs 95 % have more than
0.77, of their L1 without a rib 95 % less than 0.66."""

LUMBAR_LIMITS, LUMBAR_WEIGHT = (0.03, 0.97), 0.7
"""How far the look of a body is trusted, and how much: neighbors' looks are not independent (chosen)."""

STEP_MM: dict[int, float] = {-5: 25.0, -4: 26.0, -3: 27.0, -2: 29.0, -1: 31.0, 0: 33.5, 1: 35.5, 2: 37.0, 3: 37.0}
"""Distance from a body's center to the next one's below, by the upper one's place: T8 and above to L4 and below, for a
man of 176 cm; heights and discs of :mod:`OsteoJointLib.phantom.draws.morphometry`."""

STEP_TO_SACRUM_MM = 35.0
"""The same from the last lumbar body to the first sacral one."""

STEP_SD, STEP_ASTRAY, STEP_RANGE = 0.10, 0.08, 1.8
"""Scatter of the logarithm of a distance; share of those that a fracture or a lost disc makes anything, evenly within
that range of the logarithm, from 0.4 to 2.5 of what is usual (chosen)."""

SIZE_MEAN, SIZE_SD = -0.04, 0.08
"""Logarithm of a person's size over the table's: between a woman of 162 cm and a man of 176 cm (chosen)."""


def rib_model(place: int) -> RibModel:
    """Return the model of a place; far places have their nearest one's."""
    return RIB_BY_PLACE[min(max(place, min(RIB_BY_PLACE)), max(RIB_BY_PLACE))]


def seen_rib(body: BodyEvidence, side: int) -> tuple[float, bool]:
    """Return a rib's length, and whether it may be longer; 0 for a short one without its joint, which is a process."""
    length, joint = body.rib_mm[side], body.rib_head[side]
    counts = next(least for from_mm, least in HEAD_BY_LENGTH_MM if length >= from_mm) <= joint
    return (length, body.rib_cut[side]) if counts else (0.0, False)


def seen_joint(body: BodyEvidence, side: int) -> bool:
    """Say whether a rib's joint is seen."""
    return body.rib_head[side] >= RIB_HEAD_LEAST


def look_log_likelihood(body: BodyEvidence) -> np.ndarray:
    """Return ln P(ribs and look of a body | place) for each of :data:`PLACES`, but for a constant.

    The sides in view are averaged; where neither is, ribs say nothing.
    """
    share = min(max(body.lumbar, LUMBAR_LIMITS[0]), LUMBAR_LIMITS[1])
    logs = []
    for place in PLACES:
        ribs = [
            math.log(rib_model(place).likelihood(*seen_rib(body, side), seen_joint(body, side)))
            for side in (0, 1)
            if body.rib_seen[side]
        ]
        lumbar = math.log(share if place >= 0 else 1.0 - share)
        logs.append((sum(ribs) / len(ribs) if ribs else 0.0) + LUMBAR_WEIGHT * lumbar)
    return np.array(logs)


def steps_log_likelihood(steps_mm: np.ndarray, l1_indices: np.ndarray, sacrum: bool) -> np.ndarray:
    """Return ln P(distances between neighboring centers | places), sized by the person.

    Args:
        steps_mm: (N,) from top to bottom; the first one's upper body has index 0.
        l1_indices: (H,) of L1, one a hypothesis.
        sacrum: whether the last step is the one to the first sacral body.

    Returns:
        (H,).
    """
    if not len(steps_mm):
        return np.zeros(len(l1_indices))
    places = np.clip(np.arange(len(steps_mm)) - l1_indices[:, None], min(STEP_MM), max(STEP_MM))
    expected = np.array(list(STEP_MM.values()))[places - min(STEP_MM)]
    if sacrum:
        expected[:, -1] = STEP_TO_SACRUM_MM
    ratios = np.log(steps_mm / expected)
    size = np.median(ratios, axis=1)
    bells = np.exp(-0.5 * ((ratios - size[:, None]) / STEP_SD) ** 2) / (STEP_SD * math.sqrt(2.0 * math.pi))
    astray = (np.abs(ratios - size[:, None]) <= 0.5 * STEP_RANGE) / STEP_RANGE  # three steps are never one
    each = np.log((1.0 - STEP_ASTRAY) * bells + STEP_ASTRAY * astray + _NEVER_ZERO)
    logs: np.ndarray = each.sum(axis=1) - 0.5 * ((size - SIZE_MEAN) / SIZE_SD) ** 2
    return logs


def count_log_likelihood(count: int, sacrum: bool) -> float:
    """Weigh how common the number of lumbar bodies is: ln P.

    Args:
        count: bodies from L1 to the last in view; negative when L1 lies below the view.
        sacrum: the sacrum follows the last body, so that the count is complete; else it is a lower bound.
    """
    if sacrum:
        return math.log(LUMBAR_COUNT.get(count, COUNT_FLOOR))
    at_least = sum(share for number, share in LUMBAR_COUNT.items() if number >= count)
    return math.log(max(at_least, OPEN_COUNT_FLOOR))
