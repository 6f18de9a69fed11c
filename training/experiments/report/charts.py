"""The report's charts: small SVGs without a library, in the colors of ``page.css``.

Each takes plain numbers and returns an ``<svg>`` that scales with its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

CLASS_NAMES = ("normal", "osteopenia", "osteoporosis")


@dataclass(frozen=True)
class Mark:
    """One number of a chart.

    Args:
        name: of its row.
        value: ours.
        low, high: its interval.
        paper: what the paper prints; None for nothing.
        strong: whether its row is set off.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    strong: bool = False


def _svg(width: int, height: int, parts: Sequence[str], about: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(about)}" class="chart" '
        f'style="max-width:{width}px">' + "".join(parts) + "</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def _ticks(low: float, high: float, step: float) -> list[float]:
    first = int(np.ceil(low / step - 1e-9))
    return [round(i * step, 6) for i in range(first, int(np.floor(high / step + 1e-9)) + 1)]


def dots(marks: Sequence[Mark], low: float, high: float, step: float, about: str, zero: bool = False) -> str:
    """Draw a row a mark: ours as a dot with its interval, the paper's as a hollow diamond.

    Args:
        marks: from top to bottom.
        low, high: ends of the axis.
        step: between ticks.
        about: for those who can't see it.
        zero: whether 0 gets a line.
    """
    left, right, row, top = 176, 60, 27, 12
    width, height = 760, top + row * len(marks) + 34
    span = width - left - right

    def x(value: float) -> float:
        return left + span * (min(max(value, low), high) - low) / (high - low)

    foot = top + row * len(marks)
    parts = [
        f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{top}" y2="{foot}" class="grid"/>'
        + _text(x(t), foot + 18, f"{t:+.2f}".replace("-", "−") if zero else f"{t:.2f}", "middle", "tick")
        for t in _ticks(low, high, step)
    ]
    if zero:
        parts.append(f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top}" y2="{foot}" class="axis"/>')
    for index, mark in enumerate(marks):
        y = top + row * (index + 0.5)
        parts.append(_text(left - 14, y + 4, mark.name, "end", "label strong" if mark.strong else "label"))
        if mark.low is not None and mark.high is not None:
            parts.append(
                f'<line x1="{x(mark.low):.1f}" x2="{x(mark.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" class="interval"/>'
            )
        if mark.paper is not None:
            px = x(mark.paper)
            parts.append(
                f'<path d="M{px:.1f} {y - 6:.1f}l6 6-6 6-6-6z" class="paper">'
                f"<title>paper {mark.paper:.3f}</title></path>"
            )
        parts.append(f'<circle cx="{x(mark.value):.1f}" cy="{y:.1f}" r="5" class="ours{" strong" * mark.strong}"/>')
        said = f"{mark.value:+.3f}".replace("-", "−") if zero else f"{mark.value:.3f}"
        parts.append(_text(width - right + 12, y + 4, said, "start", "value"))
    return _svg(width, height, parts, about)


def bars(groups: Mapping[str, Sequence[float]], paper: Mapping[str, Sequence[float]], low: float, about: str) -> str:
    """Draw for each name three bars, one a class, and the paper's numbers as ticks across them.

    Args:
        groups: by name, three numbers in [low, 1].
        paper: the same of the paper, where it has them.
        low: foot of the bars.
        about: for those who can't see it.
    """
    left, top, tall, wide = 36, 10, 190, 15
    group = 3 * wide + 16
    width, height = left + group * len(groups) + 8, top + tall + 80

    def y(value: float) -> float:
        return top + tall * (1.0 - (min(max(value, low), 1.0) - low) / (1.0 - low))

    parts = [
        f'<line x1="{left}" x2="{width - 8}" y1="{y(t):.1f}" y2="{y(t):.1f}" class="grid"/>'
        + _text(left - 6, y(t) + 4, f"{t:.1f}", "end", "tick")
        for t in _ticks(low, 1.0, 0.1)
    ]
    for index, (name, values) in enumerate(groups.items()):
        start = left + group * index + 8
        for k, value in enumerate(values):
            x = start + wide * k
            parts.append(
                f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{wide - 3}" height="{top + tall - y(value):.1f}" rx="2" '
                f'class="class-{k}"><title>{escape(name)}, {CLASS_NAMES[k]}: {value:.3f}</title></rect>'
            )
            if name in paper:
                py = y(paper[name][k])
                parts.append(
                    f'<line x1="{x - 2:.1f}" x2="{x + wide - 1:.1f}" y1="{py:.1f}" y2="{py:.1f}" class="papertick"/>'
                )
        cx, cy = start + 1.5 * wide, top + tall + 14
        parts.append(
            f'<text transform="translate({cx:.1f} {cy:.1f}) rotate(-32)" text-anchor="end" class="tick">'
            f"{escape(name)}</text>"
        )
    return _svg(width, height, parts, about)


def roc(curves: Sequence[tuple[np.ndarray, np.ndarray]], names: Sequence[str], about: str) -> str:
    """Draw one ROC curve a class: (false positive rate, sensitivity) arrays, in the order of the classes."""
    side, left, top = 300, 44, 12
    width, height = left + side + 20, top + side + 44
    parts = []
    for t in (0.0, 0.25, 0.5, 0.75, 1.0):
        gx, gy = left + side * t, top + side * (1 - t)
        parts += [
            f'<line x1="{gx}" x2="{gx}" y1="{top}" y2="{top + side}" class="grid"/>',
            f'<line x1="{left}" x2="{left + side}" y1="{gy}" y2="{gy}" class="grid"/>',
            _text(gx, top + side + 17, f"{t:g}", "middle", "tick"),
            _text(left - 7, gy + 4, f"{t:g}", "end", "tick"),
        ]
    parts.append(
        f'<line x1="{left}" x2="{left + side}" y1="{top + side}" y2="{top}" class="axis" stroke-dasharray="4 4"/>'
    )
    for k, (false, sensitivity) in enumerate(curves):
        points = " ".join(
            f"{left + side * f:.1f},{top + side * (1 - s):.1f}" for f, s in zip(false, sensitivity, strict=True)
        )
        parts.append(f'<polyline points="{points}" class="line class-{k}"/>')
    for k, name in enumerate(names):
        y = top + side - 16 - 19 * (len(names) - 1 - k)
        parts.append(f'<rect x="{left + 104}" y="{y - 9}" width="10" height="10" rx="2" class="class-{k}"/>')
        parts.append(_text(left + 120, y, name, "start", "label"))
    parts.append(_text(left + side / 2, height - 6, "1 − specificity", "middle", "tick"))
    return _svg(width, height, parts, about)


def lines(
    curves: Mapping[str, Sequence[tuple[float, float]]], low: float, high: float, step: float, x_name: str, about: str
) -> str:
    """Draw curves of (x, y) points, each with its name at its end; the first is set off."""
    left, top, tall, span, room = 44, 12, 220, 490, 226
    width, height = left + span + room, top + tall + 42
    most = max(x for points in curves.values() for x, _ in points)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + span * x / most, top + tall * (1 - (min(max(y, low), high) - low) / (high - low))

    parts = [
        f'<line x1="{left}" x2="{left + span}" y1="{place(0, t)[1]:.1f}" y2="{place(0, t)[1]:.1f}" class="grid"/>'
        + _text(left - 7, place(0, t)[1] + 4, f"{t:g}", "end", "tick")
        for t in _ticks(low, high, step)
    ]
    parts += [_text(place(x, low)[0], top + tall + 17, f"{x:g}", "middle", "tick") for x in (0, most / 2, most)]
    parts.append(_text(left + span / 2, height - 4, x_name, "middle", "tick"))
    ends = sorted((place(*points[-1])[1], name) for name, points in curves.items())
    names_y: dict[str, float] = {}
    for y, name in ends:  # names keep off each other
        names_y[name] = max(y, *(other + 15 for other in names_y.values())) if names_y else y
    for index, (name, points) in enumerate(curves.items()):
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        kind = f"line series-{index}"
        parts.append(f'<polyline points="{drawn}" class="{kind}"/>')
        parts.append(_text(left + span + 8, names_y[name] + 4, name, "start", f"label series-{index}"))
    return _svg(width, height, parts, about)


def confusion(counts: np.ndarray, title: str) -> str:
    """Draw a 3 x 3 matrix: rows are the truth, shaded by the share of the row."""
    cell, left, top = 46, 30, 30
    width, height = left + 3 * cell + 8, top + 3 * cell + 24
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = [_text(left + 1.5 * cell, 16, title, "middle", "label strong")]
    for i in range(3):
        parts.append(_text(left - 8, top + cell * (i + 0.5) + 4, ("N", "Pe", "Po")[i], "end", "tick"))
        parts.append(_text(left + cell * (i + 0.5), top + 3 * cell + 16, ("N", "Pe", "Po")[i], "middle", "tick"))
        for j in range(3):
            x, y, share = left + cell * j, top + cell * i, float(shares[i, j])
            parts.append(
                f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="4" '
                f'class="{"good" if i == j else "bad"}" fill-opacity="{0.06 + 0.8 * share:.2f}"/>'
            )
            parts.append(
                _text(
                    x + cell / 2, y + cell / 2 + 5, f"{counts[i, j]:.0f}", "middle", "cell" + " onfull" * (share > 0.55)
                )
            )
    return _svg(width, height, parts, f"Confusion matrix of {title}")
