"""What rows of whole bodies come to: one line a group, for the table and for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.cli.text_table import table
from OsteoJointLib.whole_body.heights import GRADE_LIMIT_MM
from training.evaluation.outlines.whole_bodies import BodyRow

THIN_MM = 1.5
"""Slices no farther apart are thin; those farther than GRADE_LIMIT_MM are thick, and no grade is told from them."""


@dataclass(frozen=True)
class BodiesSummary:
    """What the bodies of one group come to; those that the edge of the CT cuts count for Dice only.

    Args:
        group: its name.
        n: bodies.
        missed: of L1 and L2, not segmented at all.
        dice, worst_dice: mean and least.
        volume_bias, volume_off: mean of the volume over the true one, less 1, with its sign and without.
        heights_bias_mm, heights_off_mm: mean of the heights less the true ones, with sign and without.
        within_limit: share of the heights within the limit that goes with them.
        told: bodies whose grade is told, of them and of the true mask.
        broken, broken_hinted: those among them drawn with a fracture, and those of these with grade 1 and above.
        lost, lost_hinted: those whose true mask lost a fifth of a height, and those of these with grade 1 and above.
        sound, sound_hinted: those neither broken nor low in the true mask, and those of these with grade 1 and above.
    """

    group: str
    n: int
    missed: int
    dice: float | None
    worst_dice: float | None
    volume_bias: float | None
    volume_off: float | None
    heights_bias_mm: float | None
    heights_off_mm: float | None
    within_limit: float | None
    told: int
    broken: int
    broken_hinted: int
    lost: int
    lost_hinted: int
    sound: int
    sound_hinted: int


def summaries(rows: Sequence[BodyRow]) -> list[BodiesSummary]:
    """Sum up all rows, by slice thickness and by body."""
    groups = [
        ("all", rows),
        (f"slices to {THIN_MM:g} mm", [row for row in rows if row.slice_mm <= THIN_MM]),
        (f"to {GRADE_LIMIT_MM:g} mm", [row for row in rows if THIN_MM < row.slice_mm <= GRADE_LIMIT_MM]),
        ("thicker", [row for row in rows if row.slice_mm > GRADE_LIMIT_MM]),
        *((body, [row for row in rows if row.body == body]) for body in dict.fromkeys(row.body for row in rows)),
    ]
    return [summary(name, own) for name, own in groups if own]


def summary(group: str, rows: Sequence[BodyRow]) -> BodiesSummary:
    """Sum up the rows of one group."""
    dice = [row.dice for row in rows if row.dice is not None]
    volume = [row.volume_ml / row.true_ml - 1 for row in rows if row.dice is not None and not row.cut]
    off = [(one, row.limit_mm or 0.0) for row in rows if row.heights_off_mm for one in row.heights_off_mm]
    told = [row for row in rows if row.grade is not None and row.true_grade is not None]
    broken = [row for row in told if row.broken]
    lost = [row for row in told if row.true_grade]
    sound = [row for row in told if not row.broken and not row.true_grade]
    return BodiesSummary(
        group,
        len(rows),
        len(rows) - len(dice),
        _mean(dice),
        min(dice, default=None),
        _mean(volume),
        _mean(map(abs, volume)),
        _mean(one for one, _ in off),
        _mean(abs(one) for one, _ in off),
        _mean(float(abs(one) <= limit) for one, limit in off),
        len(told),
        *(count for own in (broken, lost, sound) for count in (len(own), sum(bool(row.grade) for row in own))),
    )


def bodies_table(lines: Sequence[BodiesSummary]) -> str:
    """Lay summaries out as a table."""
    head = ["", "n", "Dice", "worst", "volume", "off", "heights, mm", "off, mm", "within limit"]
    return table([[*head, "broken", "lost height", "sound, hinted"], *map(_line, lines)])


def _line(one: BodiesSummary) -> list[str]:
    return [
        one.group,
        f"{one.n}" + (f" ({one.missed} missed)" if one.missed else ""),
        _number(one.dice, "{:.3f}"),
        _number(one.worst_dice, "{:.3f}"),
        _number(one.volume_bias, "{:+.1%}"),
        _number(one.volume_off, "{:.1%}"),
        _number(one.heights_bias_mm, "{:+.2f}"),
        _number(one.heights_off_mm, "{:.2f}"),
        _number(one.within_limit, "{:.0%}"),
        f"{one.broken_hinted} of {one.broken}",
        f"{one.lost_hinted} of {one.lost}",
        f"{one.sound_hinted} of {one.sound}",
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return float(np.mean(found)) if found else None


def timed(rows: Sequence[BodyRow]) -> str:
    """Say how long the stage took."""
    seconds = [*{row.case: row.seconds for row in rows}.values()]
    return f"Stage whole_body: {np.median(seconds):.2f} s in the median, {max(seconds):.2f} s at most."
