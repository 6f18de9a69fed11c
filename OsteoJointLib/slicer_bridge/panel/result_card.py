"""The result at a glance, right below the button that reads.

It has the class and how certain it is, the BMD or HU of each vertebra with a switch for one that shall not count, the
first doubt, and how the CT was scanned.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.errors import Reason
from OsteoJointLib.output.fields import View, seen_in
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS, NOTES
from OsteoJointLib.records import STATUSES, BmdEstimate, LeftOutBy, LeftOutReason, Level, Status
from OsteoJointLib.slicer_bridge.panel.parts.needs import Edited
from OsteoJointLib.slicer_bridge.panel.parts.scan_facts import ScanFacts
from OsteoJointLib.slicer_bridge.panel.parts.status_words import class_look, css, status_words
from OsteoJointLib.slicer_bridge.panel.parts.widgets import (
    WARNING,
    load_form,
    paint_frame,
    set_checked,
    set_row,
    show_text,
)
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

REASONS = tuple(LeftOutReason)
"""Rows of the selectors of reasons."""
INTERVAL_PERCENT = 90


class ResultCard:
    """The result.

    Args:
        layout: the panel's layout.
        reading: whose result is shown.
        open_levels: shows the section Levels.
    """

    def __init__(self, layout: qt.QLayout, reading: Edited, open_levels: Callable[[], None]):
        self._reading, self._open_levels = reading, open_levels
        self._widget, self._ui = load_form(layout, "Result")
        ui = self._ui
        paint_frame(ui.staleFrame, WARNING)
        paint_frame(ui.classDoubtFrame, WARNING)
        ui.firstDoubtList.setStyleSheet("background: transparent;")
        for status in STATUSES:
            bar = getattr(ui, f"{status.value}Bar")
            bar.setStyleSheet(f"QProgressBar::chunk {{ background-color: {css(status)}; }}")
        for level in Level:
            combo = self._reason_combo(level)
            for reason in REASONS:
                combo.addItem(reason_words(reason))
            combo.connect("currentIndexChanged(int)", lambda index=0, level=level: self._give_reason(level, index))
            self._check(level).connect("clicked(bool)", lambda checked=False, level=level: self._ticked(level, checked))
        ui.lookAtLevelsButton.connect("clicked(bool)", self._look_at_levels)
        ui.firstDoubtList.connect("itemClicked(QListWidgetItem*)", self._doubt_clicked)
        ui.allDoubtsButton.connect("toggled(bool)", self._all_doubts)
        self._facts = ScanFacts(ui, reading)
        self._flags = ""
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show the result as it stands."""
        ui, document = self._ui, state.document
        show_text(ui.emptyLabel, "" if document else _("No result yet."))
        ui.resultArea.setVisible(document is not None)
        ui.staleFrame.setVisible(bool(document and state.stale))
        self._facts.show(state)
        if document is None:
            return
        changes = "; ".join(state.stale)
        ui.staleLabel.setText(_("Out of date: {changes}.").format(changes=changes))
        self._show_class(document, bool(state.stale))
        show_text(ui.bmdLabel, case_bmd_words(document.get("bmd")))
        for level in Level:
            self._show_level(level, state, document)
        self._show_doubts(document)

    def _show_class(self, document: dict[str, Any], stale: bool) -> None:
        ui, said = self._ui, document["classification"]
        status = None if said["status"] is None else Status(said["status"])
        doubt = doubt_words(document["flags"])
        ui.classLabel.setText(status_words(status) if status else _("No class"))
        ui.classLabel.setStyleSheet(class_look(status, reliable=not doubt, stale=stale))
        show_text(ui.certaintyLabel, certainty_words(said))
        ui.classDoubtFrame.setVisible(bool(doubt))
        ui.doubtLabel.setText(f"<b>{escape(doubt)}</b>")
        ui.lookAtLevelsButton.setVisible(status is None)
        ui.barsArea.setVisible(status is not None)
        for name in STATUSES if status else ():
            share = said["probabilities"][name.value]
            getattr(ui, f"{name.value}Bar").setValue(round(1000 * share))
            getattr(ui, f"{name.value}Percent").setText(f"{100 * share:.1f}\u00a0%")

    def _show_level(self, level: Level, state: ReadingState, document: dict[str, Any]) -> None:
        label, check, combo = self._of_level("numbers", level, "Label"), self._check(level), self._reason_combo(level)
        label.setText(numbers_words(document, level))
        label.setToolTip(details_html(document, level))
        left_out, by = left_out_of(state, level)
        set_checked(check, left_out)
        check.setToolTip(
            _("Untick to let {level} count all the same.").format(level=level)
            if left_out
            else _("Make the class without {level}: for a fracture, cement, a lesion or metal.").format(level=level)
        )
        combo.setVisible(left_out)
        show_text(self._of_level("reason", level, "Label"), by_words(by) if left_out else "")
        set_row(combo, REASONS.index(reason_of(state)) if left_out else 0)

    def _show_doubts(self, document: dict[str, Any]) -> None:
        ui, sentences = self._ui, doubts(document)
        shown = ui.firstDoubtList
        shown.setVisible(bool(sentences) or not doubt_words(document["flags"]))
        shown.clear()
        shown.addItem(first_words(sentences))
        shown.setToolTip(shown.item(0).text())
        shown.setFixedHeight(shown.sizeHintForRow(0) + 2)  # px for the frame
        ui.allDoubtsButton.setVisible(bool(sentences))
        ui.allDoubtsButton.setText(str(len(sentences)))
        self._flags = flags_html(sentences)
        self._all_doubts()

    def _all_doubts(self, checked: bool = False) -> None:
        button = self._ui.allDoubtsButton
        button.setArrowType(qt.Qt.DownArrow if button.checked else qt.Qt.RightArrow)
        show_text(self._ui.flagsLabel, self._flags if button.checked else "")

    def _doubt_clicked(self, item: Any = None) -> None:
        if self._flags:
            self._ui.allDoubtsButton.setChecked(not self._ui.allDoubtsButton.checked)

    def _look_at_levels(self, checked: bool = False) -> None:
        self._open_levels()

    def _ticked(self, level: Level, checked: bool) -> None:
        """Leave a level out, or let it count: what a user left out counts again, what was proposed counts for good."""
        state, edits = self._reading.state, self._reading.edits
        if checked:
            edits.say(leave_out=level, leave_out_reason=LeftOutReason.OTHER)
        elif state.said.leave_out is level:
            edits.say(leave_out=None, leave_out_reason=None)
        else:
            edits.say(propose=False)

    def _give_reason(self, level: Level, index: int) -> None:
        """Take the reason of a level that is left out; a proposal becomes the user's own by that."""
        self._reading.edits.say(leave_out=level, leave_out_reason=REASONS[index])

    def _check(self, level: Level) -> Any:
        return self._of_level("leaveOut", level, "Check")

    def _reason_combo(self, level: Level) -> Any:
        return self._of_level("reason", level, "Combo")

    def _of_level(self, name: str, level: Level, kind: str) -> Any:
        return getattr(self._ui, f"{name}{level}{kind}")


def certainty_words(said: dict[str, Any]) -> str:
    """Say how certain the class is; empty where there is none.

    Args:
        said: ``classification`` of a result document.
    """
    if said["status"] is None:
        return ""
    shares = said["probabilities"]
    if not said["indeterminate"]:
        return _("Clear: {share:.1f} % for this class.").format(share=100 * shares[said["status"]])
    others = [status for status in STATUSES if status.value != said["status"]]
    other = max(others, key=lambda status: shares[status.value])
    return _("Indeterminate: {other} is possible too.").format(other=status_words(other).lower())


def doubt_words(flags: list[dict[str, Any]]) -> str:
    """Say that and why the class is held back or not reliable; empty when nothing speaks against it."""
    return next((flag["message"] for flag in flags if flag["code"] in ABOUT_CLASS), "")


def case_bmd_words(bmd: list[dict[str, Any]] | None) -> str:
    """Say the BMD of the case by the best calibration there is, with its interval; empty where there is none."""
    if not bmd:
        return ""
    best = bmd[0]
    low, high = best["interval_90_mg_cm3"]
    words = _("BMD {mean:.0f} mg/cm³, 90 % interval {low:.0f}–{high:.0f}, {by}.")
    return words.format(mean=best["mg_cm3"], low=low, high=high, by=calibration_words(best["kind"]))


def calibration_words(kind: str) -> str:
    """Say by what HU were turned into BMD."""
    words = {
        "file": _("by the calibration file"),
        "rods": _("by rods in the scan"),
        "internal": _("by the scan's own tissues"),
        "network": _("as the network estimates it"),
    }
    return words[kind]


def numbers_words(document: dict[str, Any], level: Level) -> str:
    """Say BMD with its 90 % interval and mean HU of a level, or what there is of them."""
    measured = document["measurements"][level]
    hu = "– HU" if measured["hu_mean"] is None else f"{measured['hu_mean']:.0f}\u00a0HU"
    mean, error = measured["bmd_mg_cm3"], measured.get("bmd_se_mg_cm3")
    if mean is None:
        return hu
    if error is None:
        return f"{mean:.0f}\u00a0mg/cm³ · {hu}"
    low, high = BmdEstimate(mean, error).interval_mg_cm3(INTERVAL_PERCENT)
    return f"{mean:.0f}\u00a0mg/cm³ ({low:.0f}–{high:.0f}) · {hu}"


def details_html(document: dict[str, Any], level: Level) -> str:
    """List every number of a level that the panel shows, with its unit: for a tooltip."""
    rows = "".join(
        f"<tr><td>{escape(_(field.head))}</td><td align='right'>&nbsp;{escape(field.said(document, level))}</td></tr>"
        for field in seen_in(View.PANEL)
    )
    return f"<table>{rows}</table>" + escape(_("In brackets: the 90 % interval of BMD."))


def left_out_of(state: ReadingState, level: Level) -> tuple[bool, LeftOutBy | None]:
    """Say whether a level is left out, and by whom: a user's word holds at once, a proposal once it was read."""
    said, document = state.said, state.document
    if said.leave_out is not None:
        return said.leave_out is level, LeftOutBy.USER
    found = (document or {}).get("classification", {})
    proposed = said.propose and found.get("left_out") == level and found.get("left_out_by") == LeftOutBy.PROPOSAL
    return bool(proposed), LeftOutBy.PROPOSAL if proposed else None


def reason_of(state: ReadingState) -> LeftOutReason:
    """Say why a vertebra is left out, where one is."""
    if state.said.leave_out is not None:
        return state.said.leave_out_reason or LeftOutReason.OTHER
    return LeftOutReason((state.document or {})["classification"]["left_out_reason"])


def by_words(by: LeftOutBy | None) -> str:
    """Say who left a vertebra out."""
    return _("left out by proposal: look at it") if by is LeftOutBy.PROPOSAL else _("left out by you")


def reason_words(reason: LeftOutReason) -> str:
    """Return a reason for leaving a vertebra out."""
    words = {
        LeftOutReason.FRACTURE: _("fracture"),
        LeftOutReason.CEMENT: _("cement"),
        LeftOutReason.FOCAL_LESION: _("focal lesion"),
        LeftOutReason.METAL: _("metal"),
        LeftOutReason.OTHER: _("other"),
    }
    return words[reason]


def doubts(document: dict[str, Any]) -> list[tuple[str, bool]]:
    """List each sentence of the flags once, doubts first, and whether it is but a note.

    What the class's doubt says is left out, and what the switches say of a vertebra that is left out is said in their
    words.
    """
    flags = [flag for flag in document["flags"] if flag["code"] not in ABOUT_CLASS]
    flags.sort(key=lambda flag: flag["code"] in NOTES)
    left_out = left_out_words(document["classification"])
    said = {
        left_out if flag["code"] == Reason.VERTEBRA_LEFT_OUT and left_out else flag["message"]: flag["code"] in NOTES
        for flag in flags
    }
    return list(said.items())


def left_out_words(said: dict[str, Any]) -> str:
    """Say which vertebra is left out, by whom and why; empty where both count."""
    if not said["left_out"]:
        return ""
    level, reason = said["left_out"], reason_words(LeftOutReason(said["left_out_reason"]))
    if said["left_out_by"] == LeftOutBy.USER:
        return _("{level} was left out by you ({reason}).").format(level=level, reason=reason)
    return _("{level} is left out by proposal ({reason}). Look at it; untick it to let it count.").format(
        level=level, reason=reason
    )


def first_words(sentences: list[tuple[str, bool]]) -> str:
    """Say the first doubt; where there is none, so."""
    if sentences and not sentences[0][1]:
        return sentences[0][0]
    return _("Nothing speaks against it.") + (" " + _("There are notes.") if sentences else "")


def flags_html(sentences: list[tuple[str, bool]]) -> str:
    """Return sentences as a list: doubts first; notes, which stand below most results, in small gray print."""
    return "".join(_flag_html(escape(words), is_note) for words, is_note in sentences)


def _flag_html(words: str, is_note: bool) -> str:
    return f'<div style="color: gray"><small>{words}</small></div>' if is_note else f"<div>• {words}</div>"
