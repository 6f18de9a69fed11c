"""Choosing weights, importing others, removing them again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import ModelRefused
from OsteoJointLib.slicer_bridge.panel.parts.needs import Configured
from OsteoJointLib.slicer_bridge.panel.parts.widgets import show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.setup.imported_weights import (
    WeightsChoice,
    import_weights,
    remove_weights,
    weights_choices,
)
from OsteoJointLib.weights_manifest import DEFAULT_NAME

WEIGHTS_SETTING = "OsteoJoint/Weights"


def weights_folder() -> Path:
    """Say where imported weights lie: beside Slicer's user settings, which outlive updates of Slicer and extensions."""
    return Path(slicer.app.userSettings().fileName()).parent / "OsteoJoint" / "Weights"


class SetupWeights:
    """The weights that readings are made with.

    Args:
        widget: the section's form.
        ui: its children.
        reading: whose settings are set.
    """

    def __init__(self, widget: qt.QWidget, ui: SimpleNamespace, reading: Configured):
        self._widget, self._ui, self._reading = widget, ui, reading
        self._choices: list[WeightsChoice] = []
        self.file_dialog: Any = None
        remembered = str(slicer.util.settingsValue(WEIGHTS_SETTING, DEFAULT_NAME))
        self._fill(remembered)
        if reading.settings.weights != remembered:
            gone = _("{value} is gone, so the shipped weights are used.")
            show_text(ui.weightsLabel, gone.format(value=remembered))
        ui.weightsCombo.connect("currentIndexChanged(int)", self._chosen)
        ui.importButton.connect("clicked(bool)", self._choose_file)
        ui.removeButton.connect("clicked(bool)", self._remove)

    def show(self, state: ReadingState) -> None:
        """Follow a change of the reading."""
        for control in (self._ui.weightsCombo, self._ui.importButton):
            control.setEnabled(not state.running)
        self._ui.removeButton.setEnabled(not state.running and self._choice().imported)

    def import_file(self, path: Path) -> None:
        """Import a weights file and choose it, or say why it can't be used."""
        try:
            with slicer.util.WaitCursor():
                choice = import_weights(path, weights_folder())
        except ModelRefused as error:
            show_text(self._ui.weightsLabel, error.message)
            slicer.util.errorDisplay(error.message)
            return
        self._choose(choice.value)

    def _fill(self, value: str) -> None:
        """List what there is and choose ``value``, or the shipped weights where it isn't there."""
        self._choices = weights_choices(weights_folder())
        combo = self._ui.weightsCombo
        blocked = combo.blockSignals(True)
        combo.clear()
        for choice in self._choices:
            combo.addItem(_("{name} (imported)").format(name=choice.name) if choice.imported else choice.name)
        values = [choice.value for choice in self._choices]
        combo.setCurrentIndex(values.index(value) if value in values else 0)
        combo.blockSignals(blocked)
        self._use(self._choice())

    def _choose(self, value: str) -> None:
        self._fill(value)
        qt.QSettings().setValue(WEIGHTS_SETTING, self._reading.settings.weights)
        self.show(self._reading.state)

    def _choice(self) -> WeightsChoice:
        return self._choices[self._ui.weightsCombo.currentIndex]

    def _use(self, choice: WeightsChoice) -> None:
        self._reading.settings.weights = choice.value
        show_text(self._ui.weightsLabel, choice.about)

    def _chosen(self, index: int = 0) -> None:
        self._choose(self._choices[index].value)

    def _choose_file(self, checked: bool = False) -> None:
        dialog = self.file_dialog = qt.QFileDialog(self._widget, _("Import weights"))
        dialog.setFileMode(qt.QFileDialog.ExistingFile)
        dialog.setNameFilter(_("Weights") + " (*.safetensors)")
        dialog.connect("fileSelected(QString)", self._file_chosen)
        dialog.open()

    def _file_chosen(self, path: str = "") -> None:
        self.import_file(Path(str(path)))

    def _remove(self, checked: bool = False) -> None:
        choice = self._choice()
        question = _("Delete the imported weights {name} from the disk?").format(name=choice.name)
        if not slicer.util.confirmOkCancelDisplay(question, "OsteoJoint"):
            return
        try:
            remove_weights(choice)
        except OSError as error:
            slicer.util.errorDisplay(
                _("{name} can't be deleted: {error}. Try again later.").format(name=choice.value, error=error.strerror)
            )
        self._choose(DEFAULT_NAME)
