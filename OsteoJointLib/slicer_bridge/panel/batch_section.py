"""The panel's section "Batch": many CTs, from a folder or from the scene, into one table and a report each."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.batch.ledger import Row
from OsteoJointLib.batch.tables import TABLE_FILE
from OsteoJointLib.names import Names
from OsteoJointLib.slicer_bridge.batch.contract import Batch, BatchEnd, case_report
from OsteoJointLib.slicer_bridge.batch.folder_batch import FolderBatch
from OsteoJointLib.slicer_bridge.batch.node_batch import NodeBatch
from OsteoJointLib.slicer_bridge.panel.parts.case_table import CaseTable
from OsteoJointLib.slicer_bridge.panel.parts.folders import link, open_file, remember, remembered
from OsteoJointLib.slicer_bridge.panel.parts.needs import Configured
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, load_form, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE

INPUT_SETTING = "OsteoJoint/BatchInput"
OUTPUT_SETTING = "OsteoJoint/BatchOutput"
FROM_FOLDER, FROM_SCENE = range(2)
"""Rows of the selector."""
NAMES = (Names.NEUTRAL, Names.KEYS, Names.OWN)
"""Rows of the selector of names."""


class BatchSection:
    """Runs a batch in the background, beside the panel's reading.

    Args:
        layout: the layout of the section's collapsible button.
        reading: its settings (interpreter, device, weights) are the batch's.
    """

    def __init__(self, layout: qt.QLayout, reading: Configured):
        self._reading = reading
        self._batch: Batch | None = None
        self._folder = Path()
        self._widget, self._ui = load_form(layout, "Batch")
        self._widget.setMRMLScene(slicer.mrmlScene)
        ui = self._ui
        self._table = CaseTable(ui.caseTable, self._open_report)
        ui.inputPath.setCurrentPath(remembered(INPUT_SETTING))
        ui.outputPath.setCurrentPath(remembered(OUTPUT_SETTING))
        ui.sourceCombo.connect("currentIndexChanged(int)", self._source_changed)
        ui.inputPath.connect("currentPathChanged(QString)", self._changed)
        ui.outputPath.connect("currentPathChanged(QString)", self._changed)
        ui.nodesCombo.connect("checkedNodesChanged()", self._nodes_changed)
        ui.runButton.connect("clicked(bool)", self._run_or_cancel)
        show_text(ui.batchStatus, "")
        self._show()

    def show(self, state: ReadingState) -> None:
        """Do nothing: a batch doesn't depend on the panel's reading."""

    def close(self) -> None:
        """Stop a batch that is under way; what is done stays done."""
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None

    def _show(self) -> None:
        ui, running = self._ui, self._batch is not None
        from_scene = ui.sourceCombo.currentIndex == FROM_SCENE
        for widget in (ui.inputTitle, ui.inputPath):
            widget.setVisible(not from_scene)
        for widget in (ui.nodesTitle, ui.nodesCombo):
            widget.setVisible(from_scene)
        for widget in (ui.sourceCombo, ui.inputPath, ui.nodesCombo, ui.outputPath, ui.namesCombo, ui.skipCheck):
            widget.setEnabled(not running)
        ui.batchProgress.setVisible(running)
        ui.runButton.setText(_("Cancel batch") if running else _("Run batch"))
        why_not = "" if running else self._why_not()
        allow(ui.runButton, why_not, _("Stop now. Finished cases stay.") if running else _("Read all cases."))

    def _why_not(self) -> str:
        ui = self._ui
        if ui.sourceCombo.currentIndex == FROM_SCENE:
            if not self._checked_nodes():
                return _("Check the CTs to be read.")
        elif not ui.inputPath.currentPath:
            return _("Choose the folder with the CTs.")
        return "" if ui.outputPath.currentPath else _("Choose a folder for the results.")

    def _checked_nodes(self) -> list:
        """List the checked CTs; the reading's own maps, which are volumes too, are none."""
        return [node for node in self._ui.nodesCombo.checkedNodes() if not node.GetAttribute(ROLE)]

    def _run_or_cancel(self, checked: bool = False) -> None:
        if self._batch is None:
            self._start()
            return
        self.close()
        self._say(_("Cancelled. Finished cases stay; run it again to go on."))
        self._show()

    def _start(self) -> None:
        ui, settings = self._ui, replace(self._reading.settings)
        self._folder = Path(ui.outputPath.currentPath)
        remember(OUTPUT_SETTING, self._folder)
        skip, names = ui.skipCheck.checked, NAMES[ui.namesCombo.currentIndex]
        batch: Batch
        if ui.sourceCombo.currentIndex == FROM_SCENE:
            batch = NodeBatch(self._checked_nodes(), self._folder, settings, skip, names=names)
        else:
            remember(INPUT_SETTING, ui.inputPath.currentPath)
            batch = FolderBatch([ui.inputPath.currentPath], self._folder, settings, skip, names=names)
        batch.row_done.connect(lambda row: self._table.put(row, row["case"] in batch.skipped))
        batch.progressed.connect(self._progressed)
        batch.ended.connect(self._ended)
        self._batch = batch
        self._table.clear()
        show_text(ui.batchStatus, _("Starting …"))
        ui.batchProgress.setRange(0, 0)
        batch.start()
        self._show()

    def _progressed(self, done: int, total: int) -> None:
        self._ui.batchProgress.setRange(0, total)
        self._ui.batchProgress.setValue(done)
        show_text(self._ui.batchStatus, _("{done} of {total} cases").format(done=done, total=total))

    def _ended(self, end: BatchEnd) -> None:
        self._batch = None
        self._say(end.words)
        self._show()

    def _say(self, words: str) -> None:
        """Tell how the batch ended, with links to what it left."""
        table = self._folder / TABLE_FILE
        if table.is_file():
            links = f"{link(table, _('Open the table'))} · {link(self._folder, _('Show folder'))}"
            show_text(self._ui.batchStatus, f"{escape(words)} {links}")
        else:
            show_text(self._ui.batchStatus, escape(words))

    def _open_report(self, row: Row) -> None:
        report = case_report(self._folder, row["case"])
        if report.is_file():
            open_file(report)

    def _source_changed(self, index: int = 0) -> None:
        self._table.clear()
        show_text(self._ui.batchStatus, "")
        self._show()

    def _changed(self, value: Any = None) -> None:
        self._show()

    def _nodes_changed(self) -> None:
        self._show()
