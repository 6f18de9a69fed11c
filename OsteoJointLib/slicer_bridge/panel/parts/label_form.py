"""The form of the section "Labels": what is known of a case, saved beside its CT and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from types import SimpleNamespace

import slicer
from slicer.i18n import tr as _

from OsteoJointLib.dataset.adding import existing_case
from OsteoJointLib.dataset.manifest import KnownCase
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.records import STATUSES
from OsteoJointLib.slicer_bridge.panel.parts.case_table import class_word
from OsteoJointLib.slicer_bridge.panel.parts.folders import link, remember, remembered
from OsteoJointLib.slicer_bridge.panel.parts.label_entry import LabelEntry, next_name
from OsteoJointLib.slicer_bridge.panel.parts.needs import Labeling
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, busy_words, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

FOLDER_SETTING = "OsteoJoint/DatasetFolder"
METHODS = ("", "QCT")
"""What the form offers; another method of volumetric BMD can be typed."""


class LabelForm:
    """Takes what a user knows of a case and saves it.

    Args:
        ui: the section's widgets by name.
        reading: whose points and masks are saved.
        on_saved: called with the name under which a case was saved.
    """

    def __init__(self, ui: SimpleNamespace, reading: Labeling, on_saved: Callable[[str], None]):
        self._ui, self._reading, self._on_saved = ui, reading, on_saved
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

    def show(self, state: ReadingState, why_not: str = "") -> None:
        """Show whether labels can be saved now; ``why_not`` says what else speaks against it."""
        tip = _(
            "Saves the CT, the masks and a line of cases.jsonl, for your own training code; OsteoJoint's training "
            "can't read it yet. Nothing leaves this computer."
        )
        allow(self._ui.labelButton, why_not or why_not_label(state), tip)
        if self._saving and state.reason:  # it wasn't saved
            self.say(escape(state.message))

    def clear(self) -> None:
        """Forget what was entered: it belongs to one CT and is never kept for the next, but for how BMD is measured."""
        ui = self._ui
        for field in (ui.patientEdit, ui.bmdL1Edit, ui.bmdL2Edit):
            field.setText("")
        ui.statusCombo.setCurrentIndex(0)
        self._folder_chosen()
        self.say("")

    def offer(self, name: str, patient: str) -> None:
        """Propose a name and a patient's code for the CT that is open; a user may change both."""
        self._ui.nameEdit.setText(name or next_name(self._ui.datasetPath.currentPath))
        self._ui.patientEdit.setText(patient)

    def call(self, words: str) -> None:
        """Put words onto the button that saves."""
        self._ui.labelButton.setText(words)

    def entry(self) -> LabelEntry:
        """Read what is entered."""
        ui = self._ui
        return LabelEntry(
            folder=ui.datasetPath.currentPath,
            name=ui.nameEdit.text,
            patient=ui.patientEdit.text,
            status=("", *(status.value for status in STATUSES))[ui.statusCombo.currentIndex],
            bmd=(("L1", ui.bmdL1Edit.text), ("L2", ui.bmdL2Edit.text)),
            bmd_method=ui.methodCombo.currentText,
        )

    def _folder_chosen(self, path: str = "") -> None:
        self._ui.nameEdit.setText(next_name(self._ui.datasetPath.currentPath))
        self.call(_("Save label"))

    def _save(self, checked: bool = False) -> None:
        entry = self.entry()
        try:
            fields = entry.fields()
            folder = fields["folder"]
            known = existing_case(folder, fields["name"])
        except (OsteoJointError, OSError) as error:
            self.say(escape(as_ending(error).message))
            return
        fields["replace"] = known is not None
        if not all(slicer.util.confirmYesNoDisplay(question) for question in questions(entry, known)):
            return
        remember(FOLDER_SETTING, folder)
        self.say(_("Saving …"), saving=True)
        self._reading.label(fields, lambda done: self._saved(folder, done.entry.id, done.count))

    def _saved(self, folder: Path, name: str, count: int) -> None:
        words = escape(_("Saved as {name}. Cases in the dataset: {count}.").format(name=name, count=count))
        self.say(f"{words} {link(folder, _('Show folder'))}")
        self._ui.nameEdit.setText(name)
        self.call(_("Save label again"))
        self._on_saved(name)

    def say(self, words: str, saving: bool = False) -> None:
        """Say what came of saving."""
        self._saving = saving
        show_text(self._ui.labeledLabel, words)


def questions(entry: LabelEntry, known: KnownCase | None) -> Iterator[str]:
    """Say what to ask before an entry is saved.

    Args:
        entry: without faults.
        known: the case of the dataset that it would replace.
    """
    by_bmd = entry.class_by_bmd()
    if entry.status and by_bmd and entry.status != by_bmd:
        yield _("The BMD says {by_bmd}, you stated {stated}. Save anyway?").format(
            by_bmd=class_word(by_bmd), stated=class_word(entry.status)
        )
    if known is not None:
        yield _("The dataset has {case} already. Replace it?").format(case=known.words)


def why_not_label(state: ReadingState) -> str:
    """Say why no labels can be saved now; empty when they can."""
    if state.running:
        return busy_words()
    missing = [name for name, level in state.levels.items() if level.center_ras is None or level.mask_source is None]
    if missing:
        return _("{levels}: no point or no mask yet. A label needs both.").format(levels=", ".join(missing))
    if state.levels_doubt:
        return _("The names of the levels are in doubt. Confirm or correct them first, under Levels.")
    return ""
