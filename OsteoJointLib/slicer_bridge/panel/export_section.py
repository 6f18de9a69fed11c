"""The panel's section "Export": the reading as files. Nothing leaves this computer."""

from __future__ import annotations

from html import escape
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.failures import as_ending
from OsteoJointLib.slicer_bridge.panel.parts.folders import holds_result, link, reading_folder, remember, remembered
from OsteoJointLib.slicer_bridge.panel.parts.needs import Saved
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, busy_words, load_form, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

FOLDER_SETTING = "OsteoJoint/ReadingsFolder"


class ExportSection:
    """Saves the reading.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose files are written.
    """

    def __init__(self, layout: qt.QLayout, reading: Saved):
        self._reading = reading
        self._widget, self._ui = load_form(layout, "Export")
        self._ct: str | None = None
        self._saving = False
        self._ui.saveButton.connect("clicked(bool)", self._choose_folder)
        self._ui.saveHint.connect("linkActivated(QString)", self._update)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show what can be saved of the reading as it stands."""
        nodes = self._reading.nodes
        ct = nodes.volume.GetID() if nodes is not None and nodes.volume is not None else None
        if ct != self._ct:
            self._ct = ct
            self._say("")
        if self._saving and state.reason:  # it wasn't saved
            self._say(escape(state.message))
        why_not = why_not_save(state)
        tip = _("Result, report with pictures of the views, segmentation and a CSV row. Nothing leaves this computer.")
        allow(self._ui.saveButton, why_not, tip)
        outdated = bool(state.stale) and not state.running
        show_text(self._ui.saveHint, f'{escape(why_not)} <a href="#">{_("Update it first")}</a>' if outdated else "")

    def save_into(self, chosen: Path) -> None:
        """Save the reading into a folder, or into a new one inside it where it holds other things."""
        try:
            folder, name = reading_folder(chosen)
        except OSError as error:
            self._say(escape(as_ending(error).message))
            return
        question = _("{folder} holds an earlier reading. Replace it?").format(folder=folder)
        if holds_result(folder) and not slicer.util.confirmYesNoDisplay(question):
            return
        remember(FOLDER_SETTING, chosen)
        self._say(_("Saving …"), saving=True)
        self._reading.deliver(folder, name, lambda files: self._saved(folder))

    def _choose_folder(self, checked: bool = False) -> None:
        start = remembered(FOLDER_SETTING)
        chosen = qt.QFileDialog.getExistingDirectory(self._widget, _("Where to save the reading"), start)
        if chosen:
            self.save_into(Path(chosen))

    def _saved(self, folder: Path) -> None:
        words = escape(_("Saved in {folder}.").format(folder=folder.name))
        report, whole = link(folder / "report.html", _("Open the report")), link(folder, _("Show folder"))
        self._say(f"{words} {report} · {whole}")

    def _say(self, words: str, saving: bool = False) -> None:
        self._saving = saving
        show_text(self._ui.savedLabel, words)

    def _update(self, link: str = "") -> None:
        self._reading.update()


def why_not_save(state: ReadingState) -> str:
    """Say why the reading can't be saved now; empty when it can."""
    if state.running:
        return busy_words()
    if state.document is None:
        return _("Nothing is read yet.")
    if state.stale:
        return _("Out of date: {changes}.").format(changes=", ".join(state.stale))
    return ""
