"""The panel's section "Why": what the class comes from, in sentences and as a map over both levels."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.drawing import COLOR_STOPS
from OsteoJointLib.output.summary import scan_facts
from OsteoJointLib.pipeline.baseline import digits_needed
from OsteoJointLib.records import Level, Status
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import Parameters
from OsteoJointLib.slicer_bridge.panel.parts.status_words import status_words
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, load_form, show_text
from OsteoJointLib.slicer_bridge.panel.result_card import left_out_words
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene.overlay_nodes import FROM_PERCENT


class WhySection:
    """What decided, and the maps.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose result is explained.
        parameters: the panel's settings that are kept in the scene: which map is shown.
    """

    def __init__(self, layout: qt.QLayout, reading: Shown, parameters: Parameters):
        self._reading, self._parameters = reading, parameters
        self._widget, self._ui = load_form(layout, "Why")
        self._ui.legendStrip.setStyleSheet(f"background: {gradient(COLOR_STOPS)};")
        parameters.changed.connect(self._show_legend)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show what the class comes from."""
        ui, document = self._ui, state.document
        said = decided(document) if document else [_("No result yet.")]
        model = f"<div><small>{escape(model_words(document))}</small></div>" if document else ""
        ui.decidedLabel.setText("".join(f"<div>{escape(sentence)}</div>" for sentence in said) + model)
        no_result = "" if document else _("There is no map before the first reading.")
        blank = _("The reading made no explanation map.")
        no_map = no_result or ("" if document and document["explanation"]["method"] else blank)
        explanation = _("Show where the class gets its support, over L1 and L2 at one scale. Replaces the other map.")
        allow(ui.explanationCheckBox, no_map, explanation)
        heatmap = _("Show where the network sees the edge of the bone. Replaces the other map.")
        allow(ui.heatmapCheckBox, no_result, heatmap)
        ui.explanationOpacitySlider.setEnabled(not no_map)
        ui.heatmapOpacitySlider.setEnabled(not no_result)
        self._show_legend()

    def close(self) -> None:
        """Follow the parameters no more."""
        self._parameters.changed.disconnect(self._show_legend)

    def _show_legend(self) -> None:
        """Say what the colors of the map that is shown stand for; the views have a legend of their own."""
        node, document = self._parameters.node, self._reading.state.document
        words = ""
        if node is not None and document:
            words = scale_words(document["explanation"]) if node.explanation else ""
            words = edge_words() if node.heatmap else words
        self._ui.legendArea.setVisible(bool(words))
        show_text(self._ui.scaleLabel, f"<small>{escape(words)}</small>" if words else "")


def decided(document: dict[str, Any]) -> list[str]:
    """Say what the class comes from: which level, where in the image, beside the plain HU rule, and from what scan."""
    said, explanation = document["classification"], document["explanation"]
    if said["status"] is None:
        return [_("No class is given until the levels are confirmed.")]
    weights = left_out_words(said) or fusion_words(said["fusion_weights"])
    return [
        *filter(None, (weights, influence_words(explanation), baseline_words(document.get("baseline")))),
        *filter(None, (agreement_words(document), facts_words(document))),
    ]


def agreement_words(document: dict[str, Any]) -> str:
    """Say whether the network's class is that of the mean HU alone; empty where the plain rule says nothing."""
    status, rule = document["classification"]["status"], document.get("baseline")
    if not rule:
        return ""
    if rule["status"] == status:
        return _("The network's class, which is given, is the same.")
    return _("The network's class, which is given, is another: it sees the whole image of both bodies, not their mean.")


def facts_words(document: dict[str, Any]) -> str:
    """Say what is known of the scan, and what isn't: HU depend on it."""
    image = document.get("input")
    if not image:
        return ""
    images = [image] if image["form"] == "volume" else [image[level.value] for level in Level]
    facts = dict.fromkeys(map(scan_facts, images))
    return _("HU depend on the scan. What is known of it: {facts}.").format(facts=" | ".join(facts))


def scale_words(explanation: dict[str, Any]) -> str:
    """Say what the numbers of the explanation map are."""
    words = _("Share of the strongest place of both levels, which has {top:.2g} log-odds of the class a cell. {drawn}")
    return words.format(top=explanation["scale_max"] or 0.0, drawn=_drawn_words())


def edge_words() -> str:
    """Say what the numbers of the boundary heat map are."""
    return _("How sure the network is that the edge of the bone is there. {drawn}").format(drawn=_drawn_words())


def _drawn_words() -> str:
    return _("Below {percent} % nothing is drawn.").format(percent=FROM_PERCENT)


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
