"""The reliability diagram: of the cases that are called so sure, how many are right. An SVG of a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SIDE, _LEFT, _TOP, _FOOT = 320, 52, 30, 46  # pixels: the square, and the room for its words
_LEAST_OPACITY = 0.25  # of a bar of few cases


def reliability_svg(bins: Sequence[Mapping[str, Any]], ece: float) -> str:
    """Draw the bins.

    Args:
        bins: each with ``low``, ``high``, ``n``, ``confidence`` and ``accuracy``.
        ece: expected calibration error, for the title.

    Returns:
        The SVG: bars of the share that is right, the darker the more cases, a dot at the mean confidence and accuracy
        of each, and the diagonal on which they lie when every probability is honest.
    """
    most = max((one["n"] for one in bins), default=1)
    drawn = []
    for one in bins:
        x, width, height = _x(one["low"]), (one["high"] - one["low"]) * _SIDE, one["accuracy"] * _SIDE
        opacity = _LEAST_OPACITY + (1 - _LEAST_OPACITY) * one["n"] / most
        said = f"{one['n']} cases, {one['confidence']:.2f} sure, {one['accuracy']:.2f} right"
        drawn.append(
            f'<rect x="{x:.1f}" y="{_y(one["accuracy"]):.1f}" width="{width - 1:.1f}" height="{height:.1f}" '
            f'fill="#4477aa" fill-opacity="{opacity:.2f}"><title>{said}</title></rect>'
            f'<circle cx="{_x(one["confidence"]):.1f}" cy="{_y(one["accuracy"]):.1f}" r="3" fill="#cc3311"/>'
        )
    ticks = [
        f'<text x="{_x(t):.0f}" y="{_y(0) + 16:.0f}" text-anchor="middle">{t:g}</text>'
        f'<text x="{_LEFT - 6}" y="{_y(t) + 4:.0f}" text-anchor="end">{t:g}</text>'
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    width, height = _LEFT + _SIDE + 16, _TOP + _SIDE + _FOOT
    middle = _LEFT + _SIDE / 2
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{middle}" y="18" text-anchor="middle" font-size="13">Reliability, ECE {ece:.3f}</text>',
        *drawn,
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#555" stroke-dasharray="4 3"/>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#555"/>',
        *ticks,
        f'<text x="{middle}" y="{height - 10}" text-anchor="middle">probability of the class that is given</text>',
        f'<text transform="translate(14 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">',
        "share that is right</text>",
        "</svg>",
    )
    return "\n".join(parts) + "\n"


def _x(share: float) -> float:
    return _LEFT + share * _SIDE


def _y(share: float) -> float:
    return _TOP + (1 - share) * _SIDE
