"""The panel's section "Status": the class, how sure and how it came about, the numbers, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.fields import Field, LevelFacts, View, seen_in
from OsteoJointLib.output.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_SHORT
from OsteoJointLib.output.overview import STATUS_COLORS
from OsteoJointLib.pipeline.baseline import digits_needed
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS, NOTES
from OsteoJointLib.records import STATUSES, LeftOutBy, LeftOutReason, Level, Status
from OsteoJointLib.slicer_bridge.panel.input_section import why_not_run
from OsteoJointLib.slicer_bridge.panel.parts.level_table import fill_level_table
from OsteoJointLib.slicer_bridge.panel.parts.needs import Updated
from OsteoJointLib.slicer_bridge.panel.parts.widgets import WARNING, allow, load_form, paint_frame, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState


class StatusSection:
    """The result.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose result is shown.
    """

    def __init__(self, layout: qt.QLayout, reading: Updated):
        self._reading = reading
        self._widget, self._ui = load_form(layout, "Status")
        ui = self._ui
        paint_frame(ui.staleFrame, WARNING)
        ui.shortNoticeLabel.setText(f"<small>{escape(RESEARCH_NOTICE_SHORT)}.</small>")
        ui.shortNoticeLabel.setToolTip(RESEARCH_NOTICE)
        for status in STATUSES:
            bar = getattr(ui, f"{status.value}Bar")
            bar.setStyleSheet(f"QProgressBar::chunk {{ background-color: {css(status)}; }}")
        self._fields = seen_in(View.PANEL)
        name_columns(ui.measuresTable, self._fields)
        fill_level_table(ui.measuresTable, stretched=1)
        ui.updateButton.connect("clicked(bool)", self._update)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show the result as it stands."""
        ui, document = self._ui, state.document
        show_text(ui.emptyLabel, "" if document else _("No result yet."))
        ui.resultArea.setVisible(document is not None)
        ui.staleFrame.setVisible(bool(document and state.stale))
        if document is None:
            return
        changes = "; ".join(state.stale)
        ui.staleLabel.setText(_("Out of date: {changes}.").format(changes=changes))
        allow(ui.updateButton, why_not_run(state), _("Update what was changed."))
        self._show_class(document, bool(state.stale))
        self._show_numbers(document)
        show_text(ui.flagsLabel, flags_html(document["flags"]))
        ui.modelLabel.setText(f"<small>{escape(model_words(document))}</small>")

    def _show_class(self, document: dict[str, Any], stale: bool) -> None:
        ui, classification = self._ui, document["classification"]
        status = None if classification["status"] is None else Status(classification["status"])
        doubt = doubt_words(document["flags"])
        ui.classLabel.setText(status_words(status) if status else _("No class"))
        ui.classLabel.setStyleSheet(class_look(status, reliable=not doubt, stale=stale))
        show_text(ui.doubtLabel, f"<b>{escape(doubt)}</b>" if doubt else "")
        for name in STATUSES:
            share = classification["probabilities"][name.value]
            getattr(ui, f"{name.value}Bar").setValue(round(1000 * (share or 0)))
            getattr(ui, f"{name.value}Percent").setText("–" if share is None else f"{100 * share:.1f}\u00a0%")
        show_text(ui.fusionLabel, origin_words(document) if status else "")
        show_text(ui.baselineLabel, baseline_words(document.get("baseline")))

    def _show_numbers(self, document: dict[str, Any]) -> None:
        table = self._ui.measuresTable
        for row, level in enumerate(Level):
            for column, field in enumerate(self._fields, start=1):
                table.item(row, column).setText(field.said(document, level))

    def _update(self, checked: bool = False) -> None:
        self._reading.update()


def name_columns(table: qt.QTableWidget, fields: Sequence[Field[LevelFacts]]) -> None:
    """Give a table a first column for the level and one for each field, which its tooltip explains."""
    table.setColumnCount(1 + len(fields))
    table.setHorizontalHeaderItem(0, qt.QTableWidgetItem(""))
    for column, field in enumerate(fields, start=1):
        head = qt.QTableWidgetItem(_(field.short or field.title))
        head.setToolTip(_(field.description))
        table.setHorizontalHeaderItem(column, head)


def gradient(colors: Sequence[tuple[int, int, int]]) -> str:
    """Return colors from left to right for a style sheet."""
    last = len(colors) - 1
    stops = (f"stop: {index / last:.3f} rgb{color}" for index, color in enumerate(colors))
    return f"qlineargradient(x1: 0, y1: 0, x2: 1, y2: 0, {', '.join(stops)})"


def css(status: Status) -> str:
    """Return a class's color for a style sheet."""
    return "#" + "".join(f"{channel:02x}" for channel in STATUS_COLORS[status])


def class_look(status: Status | None, reliable: bool, stale: bool) -> str:
    """Return the style of the class's name: filled when it can be relied on, outlined when not, gray when stale."""
    color = "#9aa4ae" if stale or status is None else css(status)
    ground = f"background-color: {color}; color: #10141a;" if reliable else ""
    return f"border: 2px solid {color}; border-radius: 6px; padding: 6px; font-size: 18pt; font-weight: bold; {ground}"


def status_words(status: Status) -> str:
    """Return a class's name."""
    return {Status.NORMAL: _("Normal"), Status.OSTEOPENIA: _("Osteopenia"), Status.OSTEOPOROSIS: _("Osteoporosis")}[
        status
    ]


def doubt_words(flags: list[dict[str, Any]]) -> str:
    """Say that and why the class is held back or not reliable; empty when nothing speaks against it."""
    return next((flag["message"] for flag in flags if flag["code"] in ABOUT_CLASS), "")


def origin_words(document: dict[str, Any]) -> str:
    """Say whether the class is indeterminate, and how it comes about from the two levels."""
    said = document["classification"]
    sure = _("Indeterminate: another class is possible too.") if said["indeterminate"] else ""
    left_out = left_out_words(said)
    return " ".join(
        filter(None, (sure, left_out, fusion_words(said["fusion_weights"]), influence_words(document["explanation"])))
    )


def left_out_words(said: dict[str, Any]) -> str:
    """Say which vertebra is left out, by whom and why; empty where both count."""
    if not said["left_out"]:
        return ""
    reason = LeftOutReason(said["left_out_reason"]).words
    if said["left_out_by"] == LeftOutBy.USER:
        return _("{level} was left out by you ({reason}).").format(level=said["left_out"], reason=reason)
    return _("{level} is left out by proposal ({reason}).").format(level=said["left_out"], reason=reason)


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


def flags_html(flags: list[dict[str, Any]]) -> str:
    """Return the flags as a list, each sentence once; what the class's doubt says is left out.

    Doubts come first; notes, which stand below most results, follow in small gray print.
    """
    shown = [flag for flag in flags if flag["code"] not in ABOUT_CLASS]
    shown.sort(key=lambda flag: flag["code"] in NOTES)
    messages = {flag["message"]: flag["code"] in NOTES for flag in shown}
    return "".join(_flag_html(escape(message), is_note) for message, is_note in messages.items())


def _flag_html(words: str, is_note: bool) -> str:
    return f'<div style="color: gray"><small>{words}</small></div>' if is_note else f"<div>• {words}</div>"


def model_words(document: dict[str, Any]) -> str:
    """Say which weights computed the result, on what, and how long it took."""
    model, seconds = document["model"], document["timings_s"].get("total", 0.0)
    words = _("Weights {name}, trained on {data}. Computed on {device} in {seconds:.1f} s.")
    device = _("the CPU") if document["device"] == "cpu" else document["device"]
    return words.format(name=model["name"], data=model["trained_on"], device=device, seconds=seconds)
