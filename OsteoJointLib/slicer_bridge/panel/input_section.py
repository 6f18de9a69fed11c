"""The panel's top: the CT, one button that starts and stops, and what there is to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import Reason
from OsteoJointLib.hardware import Hardware, computes_on_cpu
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.parts.device_setting import use_device
from OsteoJointLib.slicer_bridge.panel.parts.needs import Started
from OsteoJointLib.slicer_bridge.panel.parts.widgets import (
    ERROR,
    INFO,
    WARNING,
    allow,
    busy_words,
    load_form,
    paint_frame,
    show_text,
)
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

TO_SETUP = {Reason.DEPENDENCY_MISSING, Reason.WEIGHTS_NOT_FOUND, Reason.WEIGHTS_HASH, Reason.WEIGHTS_FORMAT}
"""Reasons whose remedy lies in the section Setup."""
TO_CPU = {Reason.OUT_OF_MEMORY, Reason.DEVICE_MISSING, Reason.DEVICE_FAILED}
"""Reasons whose remedy is to compute on the CPU, where that isn't what was tried."""
PLAIN = {Reason.CANCELLED, Reason.USAGE}
"""Reasons that are no fault to look up: their code isn't shown."""


class InputSection:
    """Chooses, starts, stops and tells.

    Args:
        layout: the panel's layout.
        reading: what is started.
        open_setup: shows the section Setup.
    """

    def __init__(self, layout: qt.QLayout, reading: Started, open_setup: Callable[[], None]):
        self._reading, self._open_setup = reading, open_setup
        self._widget, self._ui = load_form(layout, "Input")
        self._widget.setMRMLScene(slicer.mrmlScene)
        ui = self._ui
        paint_frame(ui.problemFrame, WARNING)
        paint_frame(ui.setupFrame, WARNING)
        ui.setupFrameLabel.setText(not_ready_words())
        ui.applyButton.connect("clicked(bool)", self._apply_or_cancel)
        ui.useCpuButton.connect("clicked(bool)", self._use_cpu)
        ui.openSetupButton.connect("clicked(bool)", self._setup)
        ui.setupFrameButton.connect("clicked(bool)", self._setup)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show how the reading stands."""
        ui = self._ui
        ui.volumeSelector.setEnabled(not state.running)
        ui.setupFrame.setVisible(not state.ready)
        problem = why_not_find(replace(state, running=False)) if state.ready else ""
        ui.problemFrame.setVisible(bool(problem))
        ui.problemLabel.setText(problem)
        self._show_button(state)
        ui.progressBar.setVisible(state.running)
        ui.progressBar.setValue(round(100 * state.fraction))
        ui.progressBar.setFormat(f"{stage_words(state.stage)} … %p%")
        self._show_message(state)

    def _show_button(self, state: ReadingState) -> None:
        button = self._ui.applyButton
        if state.running:
            button.setText(_("Cancel"))
            allow(button, "", _("Stop now. Earlier results stay."))
            return
        button.setText(_("Update") if state.stale and state.document else _("Read"))
        allow(button, why_not_run(state), _("Find the levels, segment the vertebral bodies and predict the class."))

    def _show_message(self, state: ReadingState) -> None:
        ui = self._ui
        ui.messageFrame.setVisible(bool(state.message))
        paint_frame(ui.messageFrame, ERROR if state.is_error else INFO)
        ui.messageLabel.setText(state.message)
        on_cpu = computes_on_cpu(self._reading.settings.device, self._reading.hardware)
        ui.useCpuButton.setVisible(state.reason in TO_CPU and not on_cpu)
        ui.openSetupButton.setVisible(state.reason in TO_SETUP)
        plain = state.reason is None or state.reason in PLAIN
        show_text(ui.reasonLabel, "" if plain else f"<small>{escape(str(state.reason))}</small>")

    def _apply_or_cancel(self, checked: bool = False) -> None:
        if self._reading.state.running:
            self._reading.cancel()
        else:
            self._reading.update()

    def _use_cpu(self, checked: bool = False) -> None:
        use_device(self._reading.settings, "cpu")
        self._reading.update()

    def _setup(self, checked: bool = False) -> None:
        self._open_setup()


def why_not_run(state: ReadingState) -> str:
    """Say why the CT can't be read now; empty when it can."""
    if why_not := why_not_find(state):
        return why_not
    missing = [level for level in Level if state.levels[level].center_ras is None]
    if len(missing) != 1:  # where both are missing they are found
        return ""
    return _("{level} has no point yet. Place it, or find both.").format(level=missing[0])


def why_not_find(state: ReadingState) -> str:
    """Say why the levels can't be looked for now, nor anything else be started; empty when they can."""
    if not state.ready:
        return not_ready_words()
    if state.running:
        return busy_words()
    if state.volume_name is None:
        return _("Load a CT and choose it above. File → Download Sample Data has a phantom to try.")
    return state.problem


def not_ready_words() -> str:
    """Say that nothing can be read before packages are installed."""
    return _("OsteoJoint needs packages that are not installed yet.")


def device_words(hardware: Hardware, device: str) -> str:
    """Say what computes.

    Args:
        hardware: what the worker found.
        device: what was chosen.
    """
    if computes_on_cpu(device, hardware):
        return _("Computes on the CPU.")
    number, cards = device.partition(":")[2], hardware.cards
    if not cards:
        return hardware.words
    return _("Computes on {card}.").format(card=cards[min(int(number or 0), len(cards) - 1)].name)


def stage_words(stage: str) -> str:
    """Return what is done in a stage, in words."""
    words: dict[str, str] = {
        "handover": _("Handing over the CT"),
        Stage.IO: _("Reading the CT"),
        Stage.MODEL: _("Loading the networks"),
        Stage.LEVELS: _("Finding L1 and L2"),
        Stage.PREPROCESS: _("Cutting out the levels"),
        Stage.LOCALIZATION: _("Localizing the bodies"),
        Stage.SEGMENTATION: _("Segmenting the bodies"),
        Stage.LEVEL_SET: _("Refining the masks"),
        Stage.CLASSIFICATION: _("Predicting the class"),
        Stage.EXPLANATION: _("Explaining the class"),
        Stage.WHOLE_BODY: _("Outlining the whole bodies"),
        Stage.MEASURE: _("Measuring"),
        Stage.OUTPUT: _("Writing"),
    }
    return words.get(stage, _("Starting"))
