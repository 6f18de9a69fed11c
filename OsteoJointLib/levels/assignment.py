"""One assignment of names over the whole visible column, whose bodies themselves may be in doubt.

A hypothesis says which of the bodies seen are none, where one was missed, and which is L1 (it may lie above or below
what is in view). Its probability is the product of what was seen given that (Bayes):

    P(h | seen)  ~  prod over bodies P(rib, look of body i | place i - h)  *  P(distances | places)
                    *  P(number of lumbar bodies)  *  prod P(a false body)  *  prod P(a missed body)

with place 0 for L1, -1 for T12 and so on (:mod:`OsteoJointLib.levels.likelihoods`). So ribs decide where the sacrum is
out of view, the sacrum where ribs are, and where both speak, they must agree for the posterior to be high. What is
asked for is where L1 and L2 lie: hypotheses that agree in that add up.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.levels.likelihoods import (
    PLACES,
    count_log_likelihood,
    look_log_likelihood,
    steps_log_likelihood,
)
from OsteoJointLib.records import BodyEvidence

REACH = 12
"""L1 may lie this many bodies above or below the visible column: as many as bear ribs (chosen)."""

SEEN_BASE, SEEN_PER_SCORE, SEEN_PER_VALLEY = 2.0, 6.0, -4.0
"""Logarithm of the odds that what the network marked is a body: a sure one that lies apart from its neighbors has odds
of 3000 to 1, a weak one that melts into its neighbor even ones (chosen)."""

MISSED_LOG = -5.0
"""ln P(the network missed a body between two): 1 in 150 (chosen)."""

SURELY_SEEN = 7.0
"""From these odds on (logarithm) a body isn't doubted (chosen: 1 in 1000)."""

WIDE_STEP = 1.3
"""A step this much longer than the median one may hold a missed body (chosen)."""

MOST_FALSE = 2
"""Bodies that may be none (chosen)."""

MOST_MISSED = 2
"""Bodies in a row that may have been missed (chosen)."""

LEAST_SHARE = 1e-5
"""Less likely hypotheses don't count."""

_HIGHEST_PLACE, _LOWEST_PLACE = -19, 5
"""Places of C1 and L6; what lies beyond bears no name."""

LevelsMm = tuple[tuple[float, float, float], tuple[float, float, float]]
"""LPS mm of L1's and L2's centers."""


@dataclass(frozen=True, eq=False)
class VisibleColumn:
    """The evidence at every body in view.

    Args:
        bodies: from top to bottom; empty where there is no column.
        above: the body just above the view, when a rib of it is seen; else None.
        sacrum_lps_mm: center of the first sacral body, None where it isn't seen.
    """

    bodies: tuple[BodyEvidence, ...]
    above: BodyEvidence | None = None
    sacrum_lps_mm: tuple[float, float, float] | None = None

    @property
    def sacrum(self) -> bool:
        """Whether the sacrum follows the last body."""
        return bool(self.bodies) and self.bodies[-1].sacrum_below

    @property
    def sacrum_apart(self) -> bool:
        """Whether the sacrum is seen, but doesn't follow the last body: what lies between was missed."""
        return self.sacrum_lps_mm is not None and not self.sacrum


@dataclass(frozen=True, eq=False)
class Assignment:
    """The names of a column.

    Args:
        column: the bodies of the likeliest hypothesis, top to bottom.
        l1_index: index of L1 in it; may lie outside it.
        names: of its bodies, "L1" and so on; "" above C1 and below L6.
        name_confidence: posterior probability of each of the names.
        in_view: posterior probability that L1 and L2 both lie in the column.
        posterior: probability by where L1 and L2 lie, likeliest first.
        lumbar_count: number of lumbar bodies where the sacrum tells it, else None.
    """

    column: tuple[BodyEvidence, ...]
    l1_index: int
    names: tuple[str, ...]
    name_confidence: tuple[float, ...]
    in_view: float
    posterior: dict[LevelsMm, float]
    lumbar_count: int | None

    @property
    def inside(self) -> bool:
        """Whether L1 and L2 lie in the column."""
        return 0 <= self.l1_index <= len(self.column) - 2


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    bodies: tuple[BodyEvidence, ...]
    l1_index: int
    log: float
    joined: bool

    @property
    def levels_mm(self) -> LevelsMm | None:
        """Where L1 and L2 lie, None when not both in view."""
        if not 0 <= self.l1_index <= len(self.bodies) - 2:
            return None
        return self.bodies[self.l1_index].center_lps_mm, self.bodies[self.l1_index + 1].center_lps_mm


def assign_names(seen: VisibleColumn) -> Assignment:
    """Name the visible column.

    Args:
        seen: at least one body.

    Raises:
        ValueError: the column is empty.
    """
    if not seen.bodies:
        raise ValueError("an empty column can't be named.")
    looks = {id(body): look_log_likelihood(body) for body in (*seen.bodies, *((seen.above,) if seen.above else ()))}
    hypotheses = [h for bodies, joined, log in _columns(seen, looks) for h in _named(bodies, joined, log, seen, looks)]
    logs = np.array([h.log for h in hypotheses])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    places: dict[LevelsMm, float] = defaultdict(float)
    for hypothesis, share in zip(hypotheses, shares, strict=True):
        if hypothesis.levels_mm and share > LEAST_SHARE:
            places[hypothesis.levels_mm] += float(share)
    in_view = sum(places.values())
    likeliest = max(places, key=lambda levels: places[levels]) if in_view > 0.0 else None
    agreeing = [i for i, h in enumerate(hypotheses) if in_view < 0.5 or h.levels_mm == likeliest]
    best = hypotheses[max(agreeing, key=lambda i: shares[i])]
    named: dict[tuple[tuple[float, float, float], int], float] = defaultdict(float)
    for hypothesis, share in zip(hypotheses, shares, strict=True):
        if share <= LEAST_SHARE:
            continue
        for index, body in enumerate(hypothesis.bodies):
            named[body.center_lps_mm, index - hypothesis.l1_index] += float(share)
    count = len(best.bodies)
    return Assignment(
        column=best.bodies,
        l1_index=best.l1_index,
        names=tuple(level_name(index - best.l1_index) for index in range(count)),
        name_confidence=tuple(named[body.center_lps_mm, i - best.l1_index] for i, body in enumerate(best.bodies)),
        in_view=in_view,
        posterior=dict(sorted(places.items(), key=lambda item: -item[1])),
        lumbar_count=count - best.l1_index if best.joined else None,
    )


def _named(
    bodies: tuple[BodyEvidence, ...], joined: bool, log: float, seen: VisibleColumn, looks: dict[int, np.ndarray]
) -> Iterator[_Hypothesis]:
    """Give every name to a column of a known price; ``looks`` by body, those put in have none."""
    count = len(bodies)
    l1 = np.arange(-REACH, count + REACH + 1)
    logs = np.full(len(l1), log)
    looking = [(i, looks[id(body)]) for i, body in ((-1, seen.above), *enumerate(bodies)) if body and id(body) in looks]
    places = np.array([[index] for index, _ in looking]) - l1
    columns = np.clip(places, PLACES.start, PLACES.stop - 1) - PLACES.start
    logs += np.take_along_axis(np.array([look for _, look in looking]), columns, axis=1).sum(axis=0)
    centers = [body.center_lps_mm for body in bodies] + ([seen.sacrum_lps_mm] if joined and seen.sacrum_lps_mm else [])
    steps_mm = np.linalg.norm(np.diff(np.array(centers), axis=0), axis=1)
    logs += steps_log_likelihood(steps_mm, l1, len(centers) > count)
    logs += [count_log_likelihood(count - int(index), joined) for index in l1]
    return (_Hypothesis(bodies, int(index), float(value), joined) for index, value in zip(l1, logs, strict=True))


def seen_log_odds(body: BodyEvidence) -> float:
    """Return the logarithm of the odds that what the network marked is a body."""
    return SEEN_BASE + SEEN_PER_SCORE * body.score + SEEN_PER_VALLEY * body.valley


def _columns(
    seen: VisibleColumn, looks: dict[int, np.ndarray]
) -> Iterator[tuple[tuple[BodyEvidence, ...], bool, float]]:
    """List what the column may be: a body or two less, bodies more in one gap, a body less and bodies more.

    Each with whether the sacrum follows its last body, and the logarithm of its price. Where the sacrum is seen apart,
    a body was missed, whether it is put in or not. What is no body looks like any place.
    """
    bodies = seen.bodies
    doubted = [body for body in bodies if seen_log_odds(body) < SURELY_SEEN]
    false = [left_out for n in range(MOST_FALSE + 1) for left_out in itertools.combinations(doubted, n)]
    end, apart = seen.sacrum_lps_mm, MISSED_LOG if seen.sacrum_apart else 0.0
    prices = {id(body): float(np.log(np.exp(looks[id(body)]).mean())) - seen_log_odds(body) for body in doubted}
    for dropped in (left_out for left_out in false if not left_out or len(bodies) > len(left_out) + 1):
        kept = tuple(body for body in bodies if not any(body is one for one in dropped))
        price = sum(prices[id(body)] for body in dropped)
        yield kept, seen.sacrum, price + apart
        if len(dropped) > 1:
            continue
        for gap in _wide_gaps(kept, end):
            for missed in range(1, MOST_MISSED + 1):
                joined = seen.sacrum or gap == len(kept) - 1
                yield _filled(kept, gap, missed, end), joined, price + missed * MISSED_LOG + (not joined) * apart


def _wide_gaps(bodies: tuple[BodyEvidence, ...], end: tuple[float, float, float] | None) -> list[int]:
    """Find after which bodies one may have been missed."""
    centers = np.array([body.center_lps_mm for body in bodies] + ([end] if end else []))
    steps_mm = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    usual_mm = np.sort(steps_mm)[(len(steps_mm) - 1) // 2] if len(steps_mm) else 0.0  # the shorter one of two
    return [i for i, step in enumerate(steps_mm) if step > WIDE_STEP * usual_mm]


def _filled(
    bodies: tuple[BodyEvidence, ...], gap: int, missed: int, end: tuple[float, float, float] | None
) -> tuple[BodyEvidence, ...]:
    """Put bodies of which nothing was seen into the gap after one, at even distances."""
    upper = bodies[gap]
    first = np.array(upper.center_lps_mm)
    last = np.array(bodies[gap + 1].center_lps_mm if gap + 1 < len(bodies) else end)
    put_in = []
    for number in range(1, missed + 1):
        x, y, z = (float(v) for v in first + (last - first) * number / (missed + 1))
        put_in.append(BodyEvidence((x, y, z), 0.0, (0.0, 0.0), (False, False), upper.sacrum_below, False))
    return (*bodies[: gap + 1], *put_in, *bodies[gap + 1 :])


def level_name(place: int) -> str:
    """Name a place in the column; "" where no anatomy has a body.

    >>> [level_name(place) for place in (-20, -19, -13, -12, -1, 0, 5, 6)]
    ['', 'C1', 'C7', 'T1', 'T12', 'L1', 'L6', '']
    """
    if not _HIGHEST_PLACE <= place <= _LOWEST_PLACE:
        return ""
    return f"L{place + 1}" if place >= 0 else f"T{13 + place}" if place >= -12 else f"C{20 + place}"
