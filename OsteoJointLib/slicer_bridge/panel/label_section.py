"""The panel's section "Labels": masks and levels for training, of the CT that is open or of a folder, one by one."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.dataset.manifest import KnownCase, Manifest
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.records import PointSource
from OsteoJointLib.slicer_bridge.labels.label_flow import LabelCase, LabelFlow, Standing
from OsteoJointLib.slicer_bridge.panel.parts.folders import remember, remembered
from OsteoJointLib.slicer_bridge.panel.parts.label_form import FOLDER_SETTING, LabelForm, why_not_label
from OsteoJointLib.slicer_bridge.panel.parts.label_table import LabelTable, label_rows
from OsteoJointLib.slicer_bridge.panel.parts.needs import Labeled
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, busy_words, load_form, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

SOURCE_SETTING = "OsteoJoint/LabelSource"


class LabelSection:
    """Saves labels, and leads through a folder of CTs.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose points and masks are saved.
    """

    def __init__(self, layout: qt.QLayout, reading: Labeled):
        self._reading = reading
        self._widget, self._ui = load_form(layout, "Labels")
        self._form = LabelForm(self._ui, reading, self._saved)
        self._flow: LabelFlow | None = None
        self._listed: LabelFlow | None = None
        """Whose CTs the table shows: also of a flow that has ended."""
        self._known: list[KnownCase] = []
        self._ct: str | None = None
        self._ending, self._ready = "", True
        ui = self._ui
        self._table = LabelTable(ui.labelTable, self._open)
        ui.sourcePath.setCurrentPath(remembered(SOURCE_SETTING))
        ui.sourcePath.connect("currentPathChanged(QString)", self._folders_changed)
        ui.datasetPath.connect("currentPathChanged(QString)", self._folders_changed)
        ui.flowButton.connect("clicked(bool)", self._start_or_stop)
        ui.skipButton.connect("clicked(bool)", self._skip)
        self._folders_changed()

    def show(self, state: ReadingState) -> None:
        """Show what can be saved of the reading as it stands."""
        self._ready = state.ready
        nodes = self._reading.nodes
        ct = nodes.volume.GetID() if nodes is not None and nodes.volume is not None else None
        if ct != self._ct:
            self._ct = ct
            if self._flow is None:
                self._form.clear()
        self._form.show(state, self._why_not_save())
        self._show_flow(state)

    def close(self) -> None:
        """Leave the folder; what is saved stays, and what was noted too."""
        flow, self._flow = self._flow, None
        if flow is not None:
            flow.stop()

    def _show_flow(self, state: ReadingState) -> None:
        ui, flow = self._ui, self._flow
        for widget in (ui.datasetPath, ui.sourcePath):
            widget.setEnabled(flow is None)
        for widget in (ui.skipButton, ui.flowProgress):
            widget.setVisible(flow is not None)
        if flow is None:
            ui.flowButton.setText(_("Label this folder"))
            tip = _("Opens one CT after the other, beginning where you stopped.")
            allow(ui.flowButton, self._why_not_start(state), tip)
            show_text(ui.flowLabel, self._ending)
            return
        ui.flowButton.setText(_("Stop"))
        allow(ui.flowButton, "", _("Stop here. You can go on later: what was done is noted in the dataset's folder."))
        allow(ui.skipButton, "", _("Leave this CT without a label, and open the next."))
        ui.flowProgress.setRange(0, len(flow.cases))
        ui.flowProgress.setValue(len(flow.cases) - flow.count()[Standing.WAITING])
        show_text(ui.flowLabel, flow_words(flow, state))
        if flow.current is not None and not flow.current.case:
            self._form.call(_("Save and next"))

    def _start_or_stop(self, checked: bool = False) -> None:
        if self._flow is None:
            self._start()
        elif self._may_leave():
            self.close()
            self._ending = escape(_("Stopped. Go on when you like."))
            self._show_all()

    def _start(self, first: Path | None = None) -> None:
        """Begin where one stopped, or at a CT that was chosen."""
        folder, dataset = Path(self._ui.sourcePath.currentPath), Path(self._ui.datasetPath.currentPath)
        try:
            flow = LabelFlow(self._reading, folder, dataset)
        except (OsteoJointError, OSError) as error:
            self._ending = escape(as_ending(error).message)
            self._show_all()
            return
        remember(SOURCE_SETTING, folder)
        remember(FOLDER_SETTING, dataset)
        self._flow = self._listed = flow
        self._ending = ""
        flow.changed.connect(self._show_all)
        flow.came.connect(self._came)
        flow.ended.connect(self._ended)
        flow.begin(first)
        self._show_all()

    def _came(self, case: LabelCase) -> None:
        assert self._flow is not None
        self._form.clear()
        try:
            patient = self._flow.patient_code()
        except (OsteoJointError, OSError) as error:
            patient = ""
            self._form.say(escape(as_ending(error).message))
        self._form.offer(case.case, patient)

    def _saved(self, name: str) -> None:
        if self._flow is not None and self._flow.is_open:
            self._flow.saved(name)
        self._look_at_dataset()
        self._show_all()

    def _skip(self, checked: bool = False) -> None:
        if self._flow is not None and self._may_leave():
            self._flow.skip()

    def _open(self, index: int) -> None:
        listed = self._listed
        if listed is None or listed.standing(index) is Standing.OPEN or not self._may_leave():
            return
        if self._flow is not None:
            self._flow.open(index)
        elif not self._why_not_start(replace(self._reading.state, ready=self._ready)):
            self._start(listed.cases[index].path)

    def _may_leave(self) -> bool:
        """Ask before corrections are lost."""
        flow, levels = self._flow, self._reading.state.levels.values()
        if flow is None or not flow.is_open:
            return True
        if not any(level.has_own_mask or level.source is PointSource.USER for level in levels):
            return True
        return bool(slicer.util.confirmYesNoDisplay(_("What you corrected isn't saved. Leave this CT all the same?")))

    def _ended(self, words: str) -> None:
        flow, self._flow = self._flow, None
        said = filter(None, (flow.message if flow is not None else "", words))
        self._ending = "<br>".join(map(escape, said))
        self._look_at_dataset()
        self._show_all()

    def _folders_changed(self, path: str = "") -> None:
        self._ending, self._listed = "", None
        self._look_at_dataset()
        self._show_all()

    def _look_at_dataset(self) -> None:
        folder = self._ui.datasetPath.currentPath
        try:
            self._known = Manifest(Path(folder)).cases() if folder else []
        except (OsteoJointError, OSError) as error:
            self._known, self._ending = [], escape(as_ending(error).message)

    def _show_all(self) -> None:
        self._table.put(label_rows(self._listed, Path(self._ui.datasetPath.currentPath), self._known))
        self.show(replace(self._reading.state, ready=self._ready))

    def _why_not_start(self, state: ReadingState) -> str:
        if not self._ui.datasetPath.currentPath:
            return _("Choose a folder for the dataset.")
        if not self._ui.sourcePath.currentPath:
            return _("Choose the folder with the CTs.")
        if not state.ready:
            return _("OsteoJoint needs packages that are not installed yet.")
        return busy_words() if state.running else ""

    def _why_not_save(self) -> str:
        flow = self._flow
        return _("The next CT is being loaded.") if flow is not None and not flow.is_open else ""


def flow_words(flow: LabelFlow, state: ReadingState) -> str:
    """Say which CT is open, how far the folder is, and what went wrong, as rich text."""
    lines: list[Any] = []
    if flow.current is not None:
        place = flow.cases.index(flow.current) + 1
        words = _("{name}, CT {place} of {total}").format(name=flow.current.name, place=place, total=len(flow.cases))
        lines.append(f"<b>{escape(words)}</b>")
    lines += [escape(flow.words()), escape(flow.message)]
    if flow.is_open and not state.running and state.is_error and state.document is None:
        advice = _("Place L1 and L2 yourself and read it again, or skip it.")
        lines.append(f"{escape(state.message)} {escape(advice)}")
    elif flow.is_open and state.levels_doubt:
        lines.append(escape(why_not_label(state)))
    return "<br>".join(filter(None, lines))
