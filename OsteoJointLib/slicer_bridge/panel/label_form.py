"""The form "Labels for training" of the section "Export": what is known of a case, saved beside its CT and masks."""

from __future__ import annotations

from html import escape
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.records import STATUSES
from OsteoJointLib.slicer_bridge.label_entry import LabelEntry, is_taken, next_name
from OsteoJointLib.slicer_bridge.panel.folders import link, remember, remembered
from OsteoJointLib.slicer_bridge.panel.widgets import allow, show_text
from OsteoJointLib.slicer_bridge.reading_state import ReadingState

FOLDER_SETTING = "OsteoJoint/DatasetFolder"
METHODS = ("", "QCT", "DXA")
"""What the form offers; another method can be typed."""


class LabelForm:
    """Takes what a user knows of a case and saves it.

    Args:
        ui: the section's widgets by name.
        reading: whose points and masks are saved.
    """

    def __init__(self, ui, reading):
        self._ui, self._reading = ui, reading
        self._saving = False
        ui.statusCombo.addItem(_("not stated"))
        for words in (_("normal"), _("osteopenia"), _("osteoporosis")):
            ui.statusCombo.addItem(words)
        for method in METHODS:
            ui.methodCombo.addItem(method)
        ui.datasetPath.setCurrentPath(remembered(FOLDER_SETTING))
        ui.datasetPath.connect("currentPathChanged(QString)", self._folder_chosen)
        ui.labelButton.connect("clicked(bool)", self._save)
        self.clear()

    def show(self, state: ReadingState) -> None:
        """Show whether labels can be saved now."""
        tip = _("Writes the CT, the masks and a line of cases.jsonl. Nothing leaves this computer.")
        allow(self._ui.labelButton, why_not_label(state), tip)
        if self._saving and state.message:  # it wasn't saved; the message says why
            self._say("")

    def clear(self) -> None:
        """Forget what was entered: it belongs to one CT and is never kept for the next."""
        ui = self._ui
        for field in (ui.patientEdit, ui.bmdL1Edit, ui.bmdL2Edit):
            field.setText("")
        ui.statusCombo.setCurrentIndex(0)
        ui.methodCombo.setCurrentIndex(0)
        self._folder_chosen()
        self._say("")

    def entry(self) -> LabelEntry:
        """What is entered."""
        ui = self._ui
        return LabelEntry(
            folder=ui.datasetPath.currentPath,
            name=ui.nameEdit.text,
            patient=ui.patientEdit.text,
            status=("", *(status.value for status in STATUSES))[ui.statusCombo.currentIndex],
            bmd=(("L1", ui.bmdL1Edit.text), ("L2", ui.bmdL2Edit.text)),
            bmd_method=ui.methodCombo.currentText,
        )

    def _folder_chosen(self, path="") -> None:
        self._ui.nameEdit.setText(next_name(self._ui.datasetPath.currentPath))

    def _save(self, checked=False) -> None:
        try:
            fields = self.entry().fields()
            folder, name = Path(fields["folder"]), fields["name"]
            fields["replace"] = is_taken(folder, name)
        except OsteoJointError as error:
            self._say(escape(error.message))
            return
        question = _("The dataset has a case {name} already. Replace it?").format(name=name)
        if fields["replace"] and not slicer.util.confirmYesNoDisplay(question):
            return
        remember(FOLDER_SETTING, folder)
        self._say(_("Saving …"), saving=True)
        self._reading.label(fields, lambda done: self._saved(folder, name, done["count"]))

    def _saved(self, folder: Path, name: str, count: int) -> None:
        words = escape(_("Saved as {name}. Cases in the dataset: {count}.").format(name=name, count=count))
        self._say(f"{words} {link(folder, _('Show folder'))}")

    def _say(self, words: str, saving: bool = False) -> None:
        self._saving = saving
        show_text(self._ui.labeledLabel, words)


def why_not_label(state: ReadingState) -> str:
    """Say why no labels can be saved now; empty when they can."""
    if state.running:
        return _("A reading is under way: wait for it or cancel it.")
    missing = [name for name, level in state.levels.items() if level.center_ras is None or level.mask_source is None]
    if missing:
        return _("A label needs a point and a mask; missing: {levels}.").format(levels=", ".join(missing))
    return ""
