"""The section "Batch": what can be run when, the table as it fills, cancel, and what the links open."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import qt
import slicer
from PySide6 import QtCore

from OsteoJointLib.errors import InputRefused, Reason, RunFailed
from OsteoJointLib.output.csv_rows import COLUMNS, row_of_failure
from OsteoJointLib.slicer_bridge.batch.contract import BatchEnd, case_report, count_words
from OsteoJointLib.slicer_bridge.panel import batch_section
from OsteoJointLib.slicer_bridge.panel.batch_section import (
    FROM_FOLDER,
    FROM_SCENE,
    INPUT_SETTING,
    OUTPUT_SETTING,
    BatchSection,
)
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE
from OsteoJointLib.slicer_bridge.signal import Signal

from .fake_reading import FakeReading, add_ct

DONE = dict.fromkeys(COLUMNS, "") | {"case": "a", "outcome": "done", "status": "osteopenia", "reliable": "no"}
DONE["flags"] = "class_not_reliable truncated_view metal not_calibrated"
UNRELIABLE = "The class is not reliable: metal disturbs the HU."
REFUSED = row_of_failure("b", InputRefused(Reason.NOT_CT, "This is an MR, not a CT."))


class FakeBatch:
    """Stands in for both batches; `made` holds them with what they were asked for."""

    made: ClassVar[list[FakeBatch]]

    def __init__(self, inputs, folder, settings, skip, names):
        self.inputs, self.folder, self.settings, self.skip = list(inputs), folder, settings, skip
        self.names = names
        self.row_done, self.progressed, self.ended = Signal(), Signal(), Signal()
        self.skipped = set()
        self.started = self.cancelled = False
        self.made.append(self)

    def start(self):
        self.started = True

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def section(scene, tmp_path, monkeypatch):
    """The section over pretending batches, with a folder for the results chosen."""
    for key in (INPUT_SETTING, OUTPUT_SETTING):
        qt.QSettings().setValue(key, "")
    monkeypatch.setattr(FakeBatch, "made", [], raising=False)
    for name in ("FolderBatch", "NodeBatch"):
        monkeypatch.setattr(batch_section, name, FakeBatch)
    parent = qt.QWidget()
    made = BatchSection(qt.QVBoxLayout(parent), FakeReading())
    made.parent, made.ui = parent, slicer.util.childWidgetVariables(parent)
    made.ui.outputPath.setCurrentPath(str(tmp_path / "out"))
    yield made
    made.close()


def run(section) -> FakeBatch:
    section.ui.inputPath.setCurrentPath("/data/cts")
    section.ui.runButton.click()
    return FakeBatch.made[-1]


def cells(section, case):
    """Case, result and remark as they are shown."""
    table = section.ui.caseTable
    return [table.item(2 * case, 0).text(), table.item(2 * case, 1).text(), table.item(2 * case + 1, 0).text()]


def test_it_says_what_is_missing(section):
    ui = section.ui
    assert not ui.runButton.enabled
    assert ui.runButton.toolTip == "Choose the folder with the CTs."
    ui.inputPath.setCurrentPath("/data/cts")
    assert ui.runButton.enabled
    ui.outputPath.setCurrentPath("")
    assert ui.runButton.toolTip == "Choose a folder for the results."
    ui.sourceCombo.setCurrentIndex(FROM_SCENE)
    assert ui.runButton.toolTip == "Check the CTs to be read."


def test_only_what_belongs_to_the_source_is_shown(section):
    ui = section.ui
    assert ui.inputPath.isVisibleTo(section.parent)
    assert not ui.nodesCombo.isVisibleTo(section.parent)
    ui.sourceCombo.setCurrentIndex(FROM_SCENE)
    assert not ui.inputPath.isVisibleTo(section.parent)
    assert ui.nodesCombo.isVisibleTo(section.parent)


def test_a_folder_is_read_with_the_panels_settings(section, tmp_path):
    section._reading.settings.device = "cpu"
    section.ui.skipCheck.setChecked(False)
    batch = run(section)
    assert batch.started
    assert (batch.inputs, batch.folder, batch.skip) == (["/data/cts"], tmp_path / "out", False)
    assert batch.settings.device == "cpu"
    section._reading.settings.device = "cuda"
    assert batch.settings.device == "cpu"


@pytest.mark.parametrize("source", [FROM_FOLDER, FROM_SCENE])
def test_cases_have_neutral_names_unless_others_are_chosen(section, source):
    names = []
    for index in range(3):
        section.ui.sourceCombo.setCurrentIndex(source)
        section.ui.nodesCombo.setCheckState(add_ct("first"), qt.Qt.Checked)
        if index:
            section.ui.namesCombo.setCurrentIndex(index)
        names.append(run(section).names)
        section.ui.runButton.click()  # cancel
    assert names == ["neutral", "keys", "own"]


def test_checked_volumes_are_read_but_not_the_readings_own_maps(section):
    first, heat, _ = add_ct("first"), add_ct("heat map"), add_ct("third")
    heat.SetAttribute(ROLE, "heatmap.L1")
    section.ui.sourceCombo.setCurrentIndex(FROM_SCENE)
    for node in (first, heat):
        section.ui.nodesCombo.setCheckState(node, qt.Qt.Checked)
    section.ui.runButton.click()
    assert FakeBatch.made[-1].inputs == [first]


def test_the_table_fills_as_cases_end(section):
    batch = run(section)
    assert section.ui.batchProgress.maximum == 0
    batch.progressed.emit(1, 2)
    batch.row_done.emit(REFUSED | {"message": "Not yet."})
    batch.progressed.emit(2, 2)
    batch.row_done.emit(DONE)
    batch.row_done.emit(REFUSED)
    assert cells(section, 0) == ["b", "refused", "This is an MR, not a CT."]
    assert cells(section, 1) == ["a", "osteopenia", UNRELIABLE]
    assert section.ui.caseTable.item(0, 1).toolTip() == "This is an MR, not a CT."
    assert section.ui.caseTable.rowCount == 4
    assert [section.ui.caseTable.columnSpan(row, 0) for row in range(4)] == [1, 2, 1, 2]
    assert (section.ui.batchProgress.value, section.ui.batchProgress.maximum) == (2, 2)
    assert section.ui.batchStatus.text == "2 of 2 cases"


@pytest.mark.parametrize(
    ("flags", "reliable", "remark"),
    [
        (
            "class_not_reliable metal hu_offset contrast",
            "no",
            "metal disturbs the HU; the HU scale is off",
        ),
        ("class_not_reliable", "no", "see its report"),
        ("roi_too_small not_calibrated", "yes", "Doubtful: see its report."),
        ("truncated_view not_calibrated", "yes", ""),
        ("not_calibrated not_computed", "yes", ""),
    ],
)
def test_remarks_are_sentences_not_codes(section, flags, reliable, remark):
    batch = run(section)
    batch.row_done.emit(DONE | {"flags": flags, "reliable": reliable})
    item = section.ui.caseTable.item(1, 0)
    assert remark in item.text() and "_" not in item.text()
    assert section.ui.caseTable.isRowHidden(1) == (not remark)
    assert section.ui.caseTable.item(0, 1).toolTip() == (item.text() or "Nothing speaks against the class.")


def test_what_was_done_before_is_shown_as_skipped(section):
    batch = run(section)
    batch.skipped.add("a")
    batch.row_done.emit(DONE)
    assert cells(section, 0) == ["a", "osteopenia, skipped", UNRELIABLE]


def test_another_source_begins_an_empty_table(section):
    batch = run(section)
    batch.row_done.emit(DONE)
    batch.ended.emit(BatchEnd("1 case: 1 done."))
    section.ui.sourceCombo.setCurrentIndex(FROM_SCENE)
    assert section.ui.caseTable.rowCount == 0
    assert section.ui.batchStatus.text == ""


@pytest.mark.parametrize(
    ("outcomes", "skipped", "words"),
    [
        (["refused"], [], "1 case: 1 refused."),
        (["done", "done", "failed"], [0], "3 cases: 1 done, 1 skipped, 1 failed."),
        (["done", "done"], [0, 1], "2 cases, done before: nothing to read."),
        ([], [], "0 cases."),
    ],
)
def test_a_batch_is_counted_in_words(outcomes, skipped, words):
    rows = [{"case": str(number), "outcome": outcome} for number, outcome in enumerate(outcomes)]
    assert count_words(rows, {str(number) for number in skipped}) == words


def test_the_end_is_told_with_links(section, tmp_path):
    batch = run(section)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.csv").touch()
    batch.ended.emit(BatchEnd("2 cases: 1 done, 1 refused."))
    assert "1 refused" in section.ui.batchStatus.text
    assert (tmp_path / "out" / "batch.csv").as_uri() in section.ui.batchStatus.text
    assert section.ui.runButton.text == "Run batch"
    assert section.ui.inputPath.enabled


def test_a_refusal_is_told(section):
    batch = run(section)
    batch.ended.emit(BatchEnd("Name another folder.", RunFailed(Reason.OUTPUT_EXISTS, "Name another folder.")))
    assert section.ui.batchStatus.text == "Name another folder."
    assert section.ui.runButton.enabled


def test_a_refusal_at_the_start_leaves_nothing_running(section, monkeypatch):
    monkeypatch.setattr(FakeBatch, "start", lambda self: self.ended.emit(BatchEnd("No.")))
    run(section)
    assert section.ui.runButton.text == "Run batch"
    assert section.ui.batchStatus.text == "No."


def test_run_turns_into_cancel(section):
    batch = run(section)
    assert section.ui.runButton.text == "Cancel batch"
    assert not section.ui.outputPath.enabled
    section.ui.runButton.click()
    assert batch.cancelled
    assert "Finished cases stay" in section.ui.batchStatus.text
    assert section.ui.runButton.text == "Run batch"


def test_closing_the_panel_stops_the_batch(section):
    batch = run(section)
    section.close()
    assert batch.cancelled


def test_a_double_click_opens_the_report_where_there_is_one(section, tmp_path, monkeypatch):
    opened: list[Path] = []
    monkeypatch.setattr(batch_section, "open_file", opened.append)
    batch = run(section)
    report = case_report(tmp_path / "out", "a")
    report.parent.mkdir(parents=True)
    report.touch()
    for row in (DONE, REFUSED):
        batch.row_done.emit(row)
    for row in (0, 1, 2, 3):
        QtCore.QMetaObject.invokeMethod(
            section.ui.caseTable, "cellDoubleClicked", QtCore.Q_ARG(int, row), QtCore.Q_ARG(int, 0)
        )
    assert opened == [report, report]
