"""What the worker computes with: its Python, its device, and what it said last."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.slicer_bridge.panel.input_section import device_words
from OsteoJointLib.slicer_bridge.panel.parts.device_setting import DEVICE_SETTING, DEVICES, known_device, use_device
from OsteoJointLib.slicer_bridge.panel.parts.needs import Computed
from OsteoJointLib.slicer_bridge.panel.parts.widgets import set_row, show_text
from OsteoJointLib.slicer_bridge.process.worker_command import PYTHON_VARIABLE
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.setup.python_setting import chosen_python, forced_python, remember_python
from OsteoJointLib.slicer_bridge.signal import Signal


class SetupWorker:
    """The worker's Python, device and log.

    Args:
        ui: the section's children.
        reading: whose worker it is.
    """

    def __init__(self, ui: SimpleNamespace, reading: Computed):
        self._ui, self._reading = ui, reading
        self.python_changed = Signal()
        self._shown: list[str] = []
        ui.pythonPath.setCurrentPath(chosen_python())
        self._use(chosen_python())
        if forced_python():
            show_text(ui.pythonLabel, _("Set by the environment variable {name}.").format(name=PYTHON_VARIABLE))
        reading.settings.device = known_device(slicer.util.settingsValue(DEVICE_SETTING, reading.settings.device))
        ui.deviceSelector.connect("currentIndexChanged(int)", self._device_chosen)
        ui.pythonPath.connect("currentPathChanged(QString)", self._python_chosen)
        ui.checkButton.connect("clicked(bool)", self._check)
        ui.copyLogButton.connect("clicked(bool)", self._copy)

    def show(self, state: ReadingState) -> None:
        """Follow a change of the reading."""
        ui, hardware = self._ui, self._reading.hardware
        ui.checkButton.setEnabled(not state.running)
        ui.pythonPath.setEnabled(not state.running and not forced_python())
        set_row(ui.deviceSelector, DEVICES.index(self._reading.settings.device.partition(":")[0]))
        ui.deviceLabel.setText(_("Not known before the first run."))
        if hardware:
            found = dict.fromkeys((device_words(hardware, self._reading.settings.device), hardware.words))
            ui.deviceLabel.setText(" ".join(found))
        lines = list(self._reading.client.log)
        if lines != self._shown:
            self._shown = lines
            ui.logBox.setPlainText("\n".join(lines))

    def show_line(self, line: str) -> None:
        """Add a line to what is shown."""
        self._ui.logBox.appendPlainText(line)

    def _python_chosen(self, path: str = "") -> None:
        self._use(str(path))
        remember_python(self._reading.settings.python)
        self.python_changed.emit()

    def _use(self, path: str) -> None:
        """Take another Python, or Slicer's own (""); one that isn't there is told of and not taken."""
        there = not path or Path(path).is_file()
        missing = _("{path} doesn't exist, so Slicer's own Python is used.").format(path=path)
        show_text(self._ui.pythonLabel, "" if there else missing)
        python = path if there else ""
        if python != self._reading.settings.python:
            self._reading.settings.python = python
            self._reading.cancel()
            self._reading.client.kill()  # the next run starts one in the Python that is set now

    def _device_chosen(self, index: int = 0) -> None:
        use_device(self._reading.settings, DEVICES[index])
        self.show(self._reading.state)

    def _check(self, checked: bool = False) -> None:
        self._ui.deviceLabel.setText(_("Looking …"))
        self._reading.start_worker()

    def _copy(self, checked: bool = False) -> None:
        qt.QApplication.clipboard().setText(self._ui.logBox.plainText)
