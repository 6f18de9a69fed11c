"""The panel's section "Why": the explanation map over the slices, and what decided the class in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.drawing import COLOR_STOPS
from OsteoJointLib.pipeline.baseline import digits_needed
from OsteoJointLib.records import Status
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.panel.parts.status_words import status_words
from OsteoJointLib.slicer_bridge.panel.parts.widgets import load_form, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState


class WhySection:
    """Why the class is what it is.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose result is explained.
    """

    def __init__(self, layout: qt.QLayout, reading: Shown):
        self._widget, self._ui = load_form(layout, "Why")
        self._ui.legendStrip.setStyleSheet(f"background: {gradient(COLOR_STOPS)};")
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show the result as it stands."""
        ui, document = self._ui, state.document
        show_text(ui.whyEmptyLabel, "" if document else _("No result yet."))
        ui.whyArea.setVisible(document is not None)
        if document is None:
            return
        said = document["classification"]
        weights = fusion_words(said["fusion_weights"]) if said["status"] else ""
        show_text(ui.fusionLabel, " ".join(filter(None, (weights, influence_words(document["explanation"])))))
        show_text(ui.baselineLabel, baseline_words(document.get("baseline")))
        ui.modelLabel.setText(f"<small>{escape(model_words(document))}</small>")


def gradient(colors: Sequence[tuple[int, int, int]]) -> str:
    """Return colors from left to right for a style sheet."""
    last = len(colors) - 1
    stops = (f"stop: {index / last:.3f} rgb{color}" for index, color in enumerate(colors))
    return f"qlineargradient(x1: 0, y1: 0, x2: 1, y2: 0, {', '.join(stops)})"


def fusion_words(weights: dict[str, float]) -> str:
    """Say how much each level weighs in the class."""
    return _("L1 weighs {l1:.0f} % in the class, L2 {l2:.0f} %.").format(l1=100 * weights["L1"], l2=100 * weights["L2"])


def influence_words(explanation: dict[str, Any]) -> str:
    """Say how the class's influence is spread over the explanation maps; empty where none were made."""
    if explanation["method"] is None:
        return ""
    influence = explanation["influence"]
    if not any(influence.values()):
        return _("Explanation map: the class depends on neither level.")
    for level, other in (("L1", "L2"), ("L2", "L1")):
        if influence[level] == 0:
            return _("Explanation map: no influence in {level}, all of it in {other}.").format(level=level, other=other)
    return _("Explanation map: {l1:.0f} % of the influence lies in L1, {l2:.0f} % in L2.").format(
        l1=100 * influence["L1"], l2=100 * influence["L2"]
    )


def baseline_words(baseline: dict[str, Any] | None) -> str:
    """Say what the plain rule makes of the mean HU; empty when it says nothing."""
    if not baseline:
        return ""
    words = _("By mean HU alone: {status} ({hu} HU; below {low} osteoporosis, at least {high} normal).")
    digits = digits_needed(baseline)
    values = {
        name: f"{baseline[key]:.{digits}f}" for name, key in (("hu", "hu_mean"), ("low", "low_hu"), ("high", "high_hu"))
    }
    return words.format(status=status_words(Status(baseline["status"])).lower(), **values)


def model_words(document: dict[str, Any]) -> str:
    """Say which weights computed the result, on what, and how long it took."""
    model, seconds = document["model"], document["timings_s"].get("total", 0.0)
    words = _("Weights {name}, trained on {data}. Computed on {device} in {seconds:.1f} s.")
    device = _("the CPU") if document["device"] == "cpu" else document["device"]
    return words.format(name=model["name"], data=model["trained_on"], device=device, seconds=seconds)
