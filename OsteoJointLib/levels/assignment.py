"""One assignment of names over the whole visible column.

A hypothesis says which body is L1 (it may lie above or below what is in view). Its probability is the product of what
was seen at every body given its place in the column (Bayes):

    P(h | seen)  ~  prod over bodies P(rib of body i | place i - h)  *  P(number of lumbar bodies)

with place 0 for L1, -1 for T12 and so on. The two sides of a vertebra are one observation: their log-probabilities are
averaged. A rib ended by the image's edge says only that it is at least so long. Where the sacrum follows the last body,
the lumbar count is known and weighed by how common it is; where it does not, the count is at least what is in view.
So ribs decide where the sacrum is out of view, the sacrum where ribs are, and where both speak, they must agree for the
posterior to be high. The tables are round numbers from the anatomy, chosen and not fitted.
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

    A share ``none`` has none; a share ``stub`` is even between 8 and 40 mm; a share ``astray`` (a rib seen in part, a
    process taken for one) even between 8 and 360 mm; the rest is normal with ``mean_mm`` and ``sd_mm``.
    """

    none: float
    stub: float
    astray: float
    mean_mm: float
    sd_mm: float

    def likelihood(self, length_mm: float, cut: bool) -> float:
        """P(what is seen on one side).

        Args:
            length_mm: of the rib; below 8 mm there is none.
            cut: the image's edge ends it, so that it is at least so long.

        Returns:
            A probability for no rib and for a cut one, a density per mm for a whole one; never 0, as no length is
            impossible where two ribs were taken for one.
        """
        usual = 1.0 - self.none - self.stub - self.astray
        offset = (length_mm - self.mean_mm) / self.sd_mm
        if length_mm < RIB_LEAST_MM:
            return self.none
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
    -4: RibModel(0.02, 0.0, 0.13, 265.0, 40.0),
    -3: RibModel(0.01, 0.0, 0.12, 230.0, 36.0),
    -2: RibModel(0.01, 0.005, 0.10, 180.0, 34.0),
    -1: RibModel(0.04, 0.08, 0.05, 102.0, 36.0),
    0: RibModel(0.955, 0.035, 0.01, 30.0, 10.0),
    1: RibModel(0.985, 0.01, 0.005, 30.0, 10.0),
}
"""Ribs of T9 and above, T10, T11, T12, L1, L2 and below. Lengths as in the phantom's morphometry, with the scatter of
body size and of the measurement; 4 % of twelfth ribs are missing, 8 % are stubs, 3.5 % of L1 bear a short rib."""

LUMBAR_COUNT: dict[int, float] = {3: 0.003, 4: 0.03, 5: 0.92, 6: 0.045, 7: 0.002}
"""How common each number of lumbar bodies is; any other number has :data:`COUNT_FLOOR`."""

COUNT_FLOOR = 1e-4
"""Probability of an impossible count above a sacrum: a body was misread."""

OPEN_COUNT_FLOOR = 0.05
"""Probability of an impossible count where no sacrum was recognized: its segments may have been taken for bodies."""

REACH = 12
"""L1 may lie this many bodies above or below the visible column: as many as bear ribs (chosen)."""

_HIGHEST_PLACE, _LOWEST_PLACE = -19, 5
"""Places of C1 and L6; what lies beyond bears no name."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """The names of a column.

    Args:
        l1_index: index of L1 in the column under the likeliest hypothesis; may lie outside it.
        confidence: its posterior probability.
        runner_up: the second likeliest index.
        in_view: posterior probability that L1 and L2 both lie in the column.
        posterior: probability by index of L1.
        names: of the bodies under the likeliest hypothesis, "L1" and so on; "" above C1 and below L6.
        lumbar_count: number of lumbar bodies where the sacrum tells it, else None.
    """

    l1_index: int
    confidence: float
    runner_up: int
    in_view: float
    posterior: dict[int, float]
    names: tuple[str, ...]
    lumbar_count: int | None


def rib_model(place: int) -> RibModel:
    """Look up the model of a place: 0 for L1, -1 for T12 and so on; far places have their nearest one's."""
    return RIB_BY_PLACE[min(max(place, min(RIB_BY_PLACE)), max(RIB_BY_PLACE))]


def body_log_likelihood(body: BodyEvidence, place: int) -> float:
    """Average over the sides in view ln P(rib | place); 0 where neither side is in view."""
    sides = [
        math.log(rib_model(place).likelihood(length, cut))
        for length, seen, cut in zip(body.rib_mm, body.rib_seen, body.rib_cut, strict=True)
        if seen
    ]
    return float(np.mean(sides)) if sides else 0.0


def count_log_likelihood(count: int, sacrum: bool) -> float:
    """Weigh how common the number of lumbar bodies is: ln P.

    Args:
        count: bodies from L1 to the last in view; negative when L1 lies below the view.
        sacrum: the sacrum follows the last body, so that the count is complete; else it is a lower bound.
    """
    if sacrum:
        return float(np.log(LUMBAR_COUNT.get(count, COUNT_FLOOR)))
    at_least = sum(share for number, share in LUMBAR_COUNT.items() if number >= count)
    return float(np.log(max(at_least, OPEN_COUNT_FLOOR)))


def assign_names(column: tuple[BodyEvidence, ...], above: BodyEvidence | None = None) -> Assignment:
    """Name the visible column.

    Args:
        column: bodies from top to bottom, at least one.
        above: the body just above the view, where a rib of it was seen.

    Returns:
        The likeliest names with their posterior.

    Raises:
        ValueError: the column is empty.
    """
    if not column:
        raise ValueError("an empty column can't be named.")
    count, sacrum = len(column), column[-1].sacrum_below
    seen = list(enumerate(column)) + ([(-1, above)] if above else [])
    hypotheses = range(-REACH, count + REACH + 1)
    logs = np.array(
        [
            sum(body_log_likelihood(body, index - l1) for index, body in seen)
            + count_log_likelihood(count - l1, sacrum)
            for l1 in hypotheses
        ]
    )
    shares = np.exp(logs - logs.max())
    posterior = dict(zip(hypotheses, (float(share) for share in shares / shares.sum()), strict=True))
    first, second = sorted(posterior, key=lambda l1: (-posterior[l1], l1))[:2]
    return Assignment(
        l1_index=first,
        confidence=posterior[first],
        runner_up=second,
        in_view=sum(share for l1, share in posterior.items() if 0 <= l1 <= count - 2),
        posterior=posterior,
        names=tuple(level_name(index - first) for index in range(count)),
        lumbar_count=count - first if sacrum else None,
    )


def level_name(place: int) -> str:
    """Name a place in the column; "" where no anatomy has a body.

    >>> [level_name(place) for place in (-20, -19, -13, -12, -1, 0, 5, 6)]
    ['', 'C1', 'C7', 'T1', 'T12', 'L1', 'L6', '']
    """
    if not _HIGHEST_PLACE <= place <= _LOWEST_PLACE:
        return ""
    return f"L{place + 1}" if place >= 0 else f"T{13 + place}" if place >= -12 else f"C{20 + place}"
