"""What the panel's parts say of a class, in words and colors."""

from __future__ import annotations

from slicer.i18n import tr as _

from OsteoJointLib.output.overview import STATUS_COLORS
from OsteoJointLib.records import Status

GRAY = "#9aa4ae"
"""Of what is out of date, or has no class."""


def status_words(status: Status) -> str:
    """Return a class's name."""
    return {Status.NORMAL: _("Normal"), Status.OSTEOPENIA: _("Osteopenia"), Status.OSTEOPOROSIS: _("Osteoporosis")}[
        status
    ]


def css(status: Status) -> str:
    """Return a class's color for a style sheet."""
    return "#" + "".join(f"{channel:02x}" for channel in STATUS_COLORS[status])


def class_look(status: Status | None, reliable: bool, stale: bool) -> str:
    """Return the style of the class's name: filled when it can be relied on, outlined when not, gray when stale."""
    color = GRAY if stale or status is None else css(status)
    ground = f"background-color: {color}; color: #10141a;" if reliable else ""
    return f"border: 2px solid {color}; border-radius: 6px; padding: 3px; font-size: 18pt; font-weight: bold; {ground}"
