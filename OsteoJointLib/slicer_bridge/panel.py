"""The panel: choose a CT, Apply (which turns into Cancel), read the class, open the report."""

from __future__ import annotations

from html import escape

import slicer

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.runner import Runner
from OsteoJointLib.slicer_bridge.words import CaseFiles


class Panel:
    """The module's widgets and what they do.

    Args:
        layout: the layout of the module's widget, to which the panel is added.
        runner: runs the analysis.
    """

    def __init__(self, layout, runner: Runner):
        self._runner = runner
        self._widget = slicer.util.loadUI(str(resource_path("UI", "OsteoJoint.ui")))
        layout.addWidget(self._widget)
        self._ui = slicer.util.childWidgetVariables(self._widget)
        self._widget.setMRMLScene(slicer.mrmlScene)
        self._ui.volumeSelector.currentNodeChanged.connect(self._refresh)
        self._ui.applyButton.clicked.connect(self._apply_or_cancel)
        self._ui.noticeLabel.setText(RESEARCH_NOTICE)
        self._show("")
        self._refresh()

    def close(self) -> None:
        """Stop a run that is under way."""
        self._runner.cancel()

    def _refresh(self, node=None) -> None:
        volume = self._ui.volumeSelector.currentNode()
        running = self._runner.running
        self._ui.applyButton.setText("Cancel" if running else "Apply")
        self._ui.applyButton.setEnabled(running or volume is not None)
        self._ui.applyButton.setToolTip(
            "Stop the analysis." if running else "Analyze this CT." if volume else "Load a CT and choose it above."
        )
        self._ui.volumeSelector.setEnabled(not running)
        self._ui.progressBar.setVisible(running)

    def _apply_or_cancel(self, checked=False) -> None:
        if self._runner.running:
            self._runner.cancel()
            self._show("Cancelled.")
        else:
            self._start()
        self._refresh()

    def _start(self) -> None:
        self._show("Starting …")
        volume = self._ui.volumeSelector.currentNode()
        try:
            self._runner.start(volume, self._done, self._failed, lambda line: self._ui.statusLabel.setText(line))
        except OsteoJointError as error:
            self._show(error.message)

    def _done(self, case: CaseFiles) -> None:
        self._show("")
        self._ui.classLabel.setText(f"<b>{escape(case.headline)}</b>")
        self._ui.reportLabel.setText(f'<a href="{case.report.as_uri()}">Open the report</a>')
        self._ui.notesLabel.setText("<br>".join(escape(note) for note in case.notes))
        self._refresh()

    def _failed(self, sentence: str) -> None:
        self._show(sentence)
        self._refresh()

    def _show(self, status: str) -> None:
        self._ui.statusLabel.setText(status)
        for label in (self._ui.classLabel, self._ui.reportLabel, self._ui.notesLabel):
            label.setText("")
