"""Plain text in columns; needs no package, so that the doctor can write its findings where nothing is installed."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns; the first row is the head.

    >>> print(table([["", "L1"], ["HU", "123"]]))
        L1
    HU  123
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Write a number with its unit, or a dash where there is none.

    >>> number(12.345, 1, "HU"), number(None, 1, "HU")
    ('12.3 HU', '–')
    """
    return "–" if value is None else f"{value:.{digits}f} {unit}".rstrip()
