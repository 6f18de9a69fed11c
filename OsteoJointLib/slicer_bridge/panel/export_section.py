"""The panel's section "Export": the reading as files or beside its DICOM study, and masks from there to be corrected.

Nothing leaves this computer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.output.case_folder import DICOM_FILES, DICOM_PDF_FILE
from OsteoJointLib.slicer_bridge.panel.parts.folders import holds_result, link, reading_folder, remember, remembered
from OsteoJointLib.slicer_bridge.panel.parts.needs import Saved
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, busy_words, load_form, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene import dicom_database
from OsteoJointLib.slicer_bridge.scene.taken_masks import is_foreign
from OsteoJointLib.worker.answers import Delivered

FOLDER_SETTING = "OsteoJoint/ReadingsFolder"
MASK_FILES = "*.dcm *.seg.nrrd *.nrrd *.nii *.nii.gz *.mha"
"""Files that masks are taken from; a DICOM file may have any other name, too."""


class ExportSection:
    """Saves the reading, and takes masks that were saved.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose files are written, and whose masks are replaced.
    """

    def __init__(self, layout: qt.QLayout, reading: Saved):
        self._reading = reading
        self._widget, self._ui = load_form(layout, "Export")
        self._ct: str | None = None
        self._saving = False
        self._private: Path | None = None
        """A folder with a patient's identity, which must not stay."""
        self._ui.segmentationSelector.setMRMLScene(slicer.mrmlScene)
        self._ui.databaseButton.connect("clicked(bool)", self._save_to_database)
        self._ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._segmentation_chosen)
        self._ui.takeButton.connect("clicked(bool)", self._take)
        self._ui.takeFileButton.connect("clicked(bool)", self._choose_masks)
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
            show_text(self._ui.takenLabel, "")
        if self._saving and state.reason:  # it wasn't saved
            self._say(escape(state.message))
            self._clear()
        why_not = why_not_save(state)
        tip = _("Result, report with pictures of the views, segmentation and a CSV row. Nothing leaves this computer.")
        allow(self._ui.saveButton, why_not, tip)
        outdated = bool(state.stale) and not state.running
        self._show_database(why_not)
        self._show_masks(state)
        show_text(self._ui.saveHint, f'{escape(why_not)} <a href="#">{_("Update it first")}</a>' if outdated else "")

    def close(self) -> None:
        """Leave no file with a patient's identity behind."""
        self._clear()

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

    def _show_database(self, why_not: str) -> None:
        tip = _(
            "Puts segmentation (SEG), measurements (SR) and the report (PDF) beside the CT's study in Slicer's DICOM "
            "database, with the patient's name and number as the study has them."
        )
        nodes = self._reading.nodes
        if not why_not and nodes is not None and nodes.volume is not None:
            why_not = dicom_database.why_no_source(nodes.volume)
        allow(self._ui.databaseButton, why_not, tip)

    def _save_to_database(self, checked: bool = False) -> None:
        nodes = self._reading.nodes
        assert nodes is not None
        try:
            images = dicom_database.image_files(nodes.volume)
        except OsteoJointError as error:
            self._say(escape(error.message))
            return
        self._private = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
        self._say(_("Saving …"), saving=True)
        self._reading.deliver(self._private / "case", "case-0001", self._put_into_database, images)

    def _put_into_database(self, done: Delivered) -> None:
        files = [file for file in done.files if file.name in DICOM_FILES]
        try:
            dicom_database.add(files)
        except (OsteoJointError, OSError) as error:
            self._say(escape(as_ending(error).message))
            return
        finally:
            self._clear()
        has_pdf = any(file.name == DICOM_PDF_FILE for file in files)
        what = _("segmentation, measurements and report") if has_pdf else _("segmentation and measurements")
        words = _("Saved in the DICOM database, beside the CT: {what}.").format(what=what)
        self._say("<br>".join(map(escape, (words, *(flag.message for flag in done.flags)))))

    def _clear(self) -> None:
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None

    def _show_masks(self, state: ReadingState) -> None:
        why_not = busy_words() if state.running else state.problem
        if state.volume_name is None:
            why_not = _("Choose the CT first.")
        ui, node = self._ui, self._ui.segmentationSelector.currentNode()
        tip = _("L1 and L2 become yours to correct, and the CT is read by them. They must lie on this CT's voxels.")
        allow(ui.takeFileButton, why_not, f"{tip} {MASK_FILES}")
        if node is None:
            why_not = why_not or _("Choose a segmentation.")
        elif not is_foreign(node):
            why_not = why_not or _("This segmentation is a reading's own.")
        allow(ui.takeButton, why_not, tip)

    def _segmentation_chosen(self, node: Any = None) -> None:
        show_text(self._ui.takenLabel, "")
        self.show(self._reading.state)

    def _take(self, checked: bool = False) -> None:
        node = self._ui.segmentationSelector.currentNode()
        self._taken(node.GetName(), lambda: self._reading.take_mask_node(node))

    def _choose_masks(self, checked: bool = False) -> None:
        words, start = _("A DICOM SEG, .seg.nrrd or label map with L1 and L2"), remembered(FOLDER_SETTING)
        chosen = qt.QFileDialog.getOpenFileName(self._widget, words, start, f"({MASK_FILES});;(*)")
        if chosen:
            self._taken(Path(chosen).name, lambda: self._reading.take_mask_file(Path(chosen)))

    def _taken(self, name: str, take: Callable[[], None]) -> None:
        try:
            take()
        except (OsteoJointError, OSError) as error:
            show_text(self._ui.takenLabel, as_ending(error).message)
            return
        show_text(self._ui.takenLabel, _("The masks of {name} are yours to correct now.").format(name=name))

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
