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

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.records import BodyEvidence

RIB_CLASSES = ("none", "stub", "short", "long")

RIB_BOUNDS_MM = (8.0, 40.0, 140.0)
"""Lengths between the rib classes. A twelfth rib below 38 mm is a stub (Hughes and Saifuddin 2006); an eleventh
measures 185 mm with SD 28, a twelfth 105 with SD 35."""

RIB_BLUR_MM = (4.0, 8.0, 20.0)
"""A length this near to a bound belongs to both classes in part, linearly."""

RIB_GIVEN_PLACE: dict[int, tuple[float, float, float, float]] = {
    -3: (0.02, 0.01, 0.05, 0.92),
    -2: (0.02, 0.02, 0.16, 0.80),
    -1: (0.05, 0.08, 0.70, 0.17),
    0: (0.95, 0.04, 0.008, 0.002),
    1: (0.985, 0.012, 0.002, 0.001),
}
"""P(rib class | place): T10 and above, T11, T12 (3 % without a rib, 8 % with a stub), L1 (3 % with a short rib), L2 and
below; each with a few percent for a rib overlooked or a transverse process taken for one."""

LUMBAR_COUNT: dict[int, float] = {3: 0.003, 4: 0.03, 5: 0.92, 6: 0.045, 7: 0.002}
"""How common each number of lumbar bodies is; any other number has :data:`COUNT_FLOOR`."""

COUNT_FLOOR = 1e-4
"""Probability of an impossible count: the sacrum or a body was misread."""

REACH = 12
"""L1 may lie this many bodies above or below the visible column."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """The names of a column.

    Args:
        l1_index: index of L1 in the column under the likeliest hypothesis; may lie outside it.
        confidence: its posterior probability.
        runner_up: the second likeliest index.
        in_view: posterior probability that L1 and L2 both lie in the column.
        posterior: probability by index of L1.
        names: of the bodies under the likeliest hypothesis, "L1" and so on.
        lumbar_count: number of lumbar bodies where the sacrum tells it, else None.
    """

    l1_index: int
    confidence: float
    runner_up: int
    in_view: float
    posterior: dict[int, float]
    names: tuple[str, ...]
    lumbar_count: int | None


def rib_class_weights(length_mm: float) -> np.ndarray:
    """Membership of a length in the four rib classes.

    Args:
        length_mm: 0 or more.

    Returns:
        (4,) weights that sum to 1.

    >>> rib_class_weights(0.0).tolist(), rib_class_weights(100.0).tolist(), rib_class_weights(140.0).tolist()
    ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.5, 0.5])
    """
    above = [
        float(np.clip(0.5 + (length_mm - bound) / (2.0 * blur), 0.0, 1.0))
        for bound, blur in zip(RIB_BOUNDS_MM, RIB_BLUR_MM, strict=True)
    ]
    return np.array([1.0 - above[0], above[0] - above[1], above[1] - above[2], above[2]])


def rib_likelihood(length_mm: float, cut: bool, place: int) -> float:
    """P(what is seen on one side | place).

    Args:
        length_mm: of the rib, 0 for none.
        cut: the image ends it: its class is the one seen or a longer one.
        place: 0 for L1, -1 for T12 and so on.
    """
    table = np.array(RIB_GIVEN_PLACE[int(np.clip(place, -3, 1))])
    if cut:
        table = np.cumsum(table[::-1])[::-1]
    return float(rib_class_weights(length_mm) @ table)


def body_log_likelihood(body: BodyEvidence, place: int) -> float:
    """Mean over the sides in view of ln P(rib | place); 0 where neither side is in view."""
    sides = [
        np.log(rib_likelihood(length, cut, place))
        for length, seen, cut in zip(body.rib_mm, body.rib_seen, body.rib_cut, strict=True)
        if seen
    ]
    return float(np.mean(sides)) if sides else 0.0


def count_log_likelihood(count: int, sacrum: bool) -> float:
    """Ln P(lumbar bodies in view).

    Args:
        count: bodies from L1 to the last in view; negative when L1 lies below the view.
        sacrum: the sacrum follows the last body, so that the count is complete; else it is a lower bound.
    """
    if sacrum:
        return float(np.log(LUMBAR_COUNT.get(count, COUNT_FLOOR)))
    at_least = sum(share for number, share in LUMBAR_COUNT.items() if number >= count)
    return float(np.log(max(at_least, COUNT_FLOOR)))


def assign_names(column: tuple[BodyEvidence, ...]) -> Assignment:
    """Name the visible column.

    Args:
        column: bodies from top to bottom, at least one.

    Returns:
        The likeliest names with their posterior.

    Raises:
        ValueError: the column is empty.
    """
    if not column:
        raise ValueError("Expected at least one body to name, got an empty column.")
    count, sacrum = len(column), column[-1].sacrum_below
    hypotheses = range(-REACH, count + REACH + 1)
    logs = np.array(
        [
            sum(body_log_likelihood(body, index - l1) for index, body in enumerate(column))
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
    """Name of a place in the column.

    >>> [level_name(place) for place in (-2, -1, 0, 4)]
    ['T11', 'T12', 'L1', 'L5']
    """
    return f"L{place + 1}" if place >= 0 else f"T{13 + place}" if place > -13 else f"C{20 + place}"
