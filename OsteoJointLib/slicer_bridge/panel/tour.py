"""The tour of the first time: three steps above the panel, each of which is taken by doing it.

It has Slicer's own colors, and is shown until it was walked through or skipped once on this computer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.addresses import manual
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.setup import sample_data

SEEN_SETTING = "OsteoJoint/TourSeen"
STEPS = 3


class Tour:
    """Three steps in a frame.

    Args:
        panel: the widget with the panel's buttons, by whose words they are called.
        load_sample: brings the sample CT.
    """

    def __init__(self, panel: qt.QWidget, load_sample: Callable[[], Any] = sample_data.load_phantom):
        self._panel, self._load_sample = panel, load_sample
        self.step = 0
        """The step that is shown, from 1; 0 for none."""
        self.frame = qt.QFrame()
        self.frame.setObjectName("tourFrame")
        self.frame.setFrameShape(qt.QFrame.StyledPanel)
        column = qt.QVBoxLayout(self.frame)
        self.label = qt.QLabel()
        self.label.setObjectName("tourLabel")
        self.label.setWordWrap(True)
        self.label.setOpenExternalLinks(True)
        column.addWidget(self.label)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.sample_button = self._button(row, "tourSampleButton", _("Load the sample CT"), self._sample)
        row.addStretch(1)
        self.skip_button = self._button(row, "tourSkipButton", _("Skip"), self._end)
        self.done_button = self._button(row, "tourDoneButton", _("Done"), self._end)
        if slicer.util.settingsValue(SEEN_SETTING, False, converter=slicer.util.toBool):
            self._show(0)
        else:
            self.start()

    def start(self) -> None:
        """Begin with the first step."""
        self._show(1)

    def show(self, state: ReadingState) -> None:
        """Go on where a step was taken."""
        if self.step and self.step != (step := _step_of(state)):
            self._show(step)

    def _button(self, row: qt.QLayout, name: str, text: str, action: Callable[[bool], None]) -> Any:
        button = qt.QPushButton(text)
        button.setObjectName(name)
        button.connect("clicked(bool)", action)
        row.addWidget(button)
        return button

    def _show(self, step: int) -> None:
        self.step = step
        self.frame.setVisible(step > 0)
        if step:
            self.label.setText(
                f"<b>{_('Step {step} of {steps}').format(step=step, steps=STEPS)}</b> {self._words(step)}"
            )
        self.sample_button.setVisible(step == 1)
        self.skip_button.setVisible(0 < step < STEPS)
        self.done_button.setVisible(step == STEPS)

    def _words(self, step: int) -> str:
        if step == 1:
            return _("Load a CT of the lumbar spine into Slicer and choose it below, or begin with a made one.")
        if step == 2:
            button = slicer.util.findChild(self._panel, "applyButton").text
            return _(
                "Press <i>{button}</i>. L1 and L2 are found, outlined and measured, which takes some seconds."
            ).format(button=button)
        return _(
            "Look whether levels and outlines are right. A dragged point or a corrected mask is read again at once. "
            '<a href="{tutorial}">Ten minutes</a> show all of it; Ctrl+Shift+K lists the keys.'
        ).format(tutorial=manual("manual/tutorial.md"))

    def _sample(self, checked: bool = False) -> None:
        sample_data.bring(self._load_sample)

    def _end(self, checked: bool = False) -> None:
        qt.QSettings().setValue(SEEN_SETTING, True)
        self._show(0)


def _step_of(state: ReadingState) -> int:
    """Say which step comes next in a reading as it stands."""
    if state.volume_name is None:
        return 1
    return STEPS if state.document else 2
