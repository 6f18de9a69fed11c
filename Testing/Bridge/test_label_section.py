"""The section "Labels" with a reading that only notes: what can be saved when, and what is asked of the reading."""

from __future__ import annotations

import json

import pytest
import qt
import slicer

from OsteoJointLib.dataset.labeled_case import ImageFile, LabeledCase, LevelCenter, MaskFile, MaskSlices
from OsteoJointLib.errors import Reason
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.label_section import LabelSection
from OsteoJointLib.worker.answers import Labeled

from .fake_reading import FOUND_LEVELS, FakeReading, add_ct, document


@pytest.fixture
def section(scene, tmp_path):
    """The section with a reading that only notes; `section.ui` has its widgets by name."""
    reading = FakeReading()
    parent = qt.QWidget()
    made = LabelSection(qt.QVBoxLayout(parent), reading)
    reading.changed.connect(lambda: made.show(reading.state))
    made.parent, made.reading, made.ui = parent, reading, slicer.util.childWidgetVariables(parent)
    return made


def asked(section, name):
    return [request for request in section.reading.asked if request[0] == name]


def labeled(name: str, count: int) -> Labeled:
    """What the worker answers."""
    levels = {level: LevelCenter((0.0, 0.0, 0.0)) for level in Level}
    entry = LabeledCase(
        id=name, patient="P7", image=ImageFile("ct", ""), mask=MaskFile("m", "", MaskSlices.ALL), levels=levels
    )
    return Labeled((), entry, count)


def test_nothing_can_be_saved_before_a_reading(section):
    assert not section.ui.labelButton.enabled
    assert section.ui.labelButton.toolTip == "L1, L2: no point or no mask yet. A label needs both."


def test_levels_in_doubt_have_no_label_before_they_are_confirmed(section):
    section.reading.become_read(levels_doubt="They are right with 72 %.")
    assert not section.ui.labelButton.enabled
    assert "Confirm" in section.ui.labelButton.toolTip
    section.reading.become(levels_doubt="")
    assert section.ui.labelButton.enabled


def test_a_folder_that_cannot_be_looked_into_is_said(section, tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    section.reading.become_read()
    monkeypatch.setattr("OsteoJointLib.slicer_bridge.panel.parts.label_form.existing_case", refused)
    fill(section, tmp_path)
    section.ui.labelButton.click()
    assert "be read or written" in section.ui.labeledLabel.text
    assert not asked(section, "label")


def test_a_label_that_was_refused_says_why_in_the_form(section, tmp_path):
    section.reading.become_read()
    fill(section, tmp_path)
    section.ui.labelButton.click()
    section.reading.become(message="It is there already.", reason=Reason.OUTPUT_EXISTS)
    assert section.ui.labeledLabel.text == "It is there already."


def fill(section, folder, **changes):
    texts = {"nameEdit": None, "patientEdit": "P7", "bmdL1Edit": "", "bmdL2Edit": ""} | changes
    section.ui.datasetPath.setCurrentPath(str(folder))
    for name, text in texts.items():
        if text is not None:
            getattr(section.ui, name).setText(text)


def test_labels_need_no_class(section, tmp_path):
    section.reading.become_read(document=None)
    fill(section, tmp_path)
    section.ui.labelButton.click()
    ((_, fields, on_done),) = asked(section, "label")
    assert fields == {
        "folder": tmp_path,
        "name": "case-0001",
        "patient": "P7",
        "status": None,
        "bmd": {},
        "bmd_method": None,
        "replace": False,
    }
    on_done(labeled("Case-0001", 12))
    assert "Saved as Case-0001" in section.ui.labeledLabel.text
    assert "12" in section.ui.labeledLabel.text
    assert section.ui.nameEdit.text == "Case-0001"
    assert section.ui.labelButton.text == "Save label again"
    section.reading.select(add_ct())
    assert section.ui.labelButton.text == "Save label"


def test_the_button_says_who_reads_the_labels(section):
    section.reading.become_read()
    assert "OsteoJoint's training can't read it yet" in section.ui.labelButton.toolTip


def test_dxa_is_not_offered(section):
    methods = [section.ui.methodCombo.itemText(index) for index in range(section.ui.methodCombo.count)]
    assert methods == ["", "QCT"]


@pytest.mark.parametrize("agreed", [True, False])
def test_a_class_against_the_bmd_is_asked_about(section, tmp_path, monkeypatch, agreed):
    asked_for = []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, *a, **k: asked_for.append(text) or agreed)
    section.reading.become_read()
    fill(section, tmp_path, bmdL1Edit="120.5", bmdL2Edit="118")
    section.ui.methodCombo.setCurrentIndex(1)
    section.ui.statusCombo.setCurrentIndex(3)
    section.ui.labelButton.click()
    assert asked_for == ["The BMD says osteopenia, you stated osteoporosis. Save anyway?"]
    assert [request[1]["status"] for request in asked(section, "label")] == ["osteoporosis"] * agreed
    section.ui.statusCombo.setCurrentIndex(2)
    section.ui.labelButton.click()
    assert len(asked_for) == 1


def test_what_was_entered_is_what_is_asked_for(section, tmp_path):
    section.reading.become_read()
    fill(section, tmp_path, bmdL1Edit="98,5", bmdL2Edit="104")
    section.ui.statusCombo.setCurrentIndex(2)
    section.ui.methodCombo.setCurrentIndex(1)
    section.ui.labelButton.click()
    fields = asked(section, "label")[0][1]
    assert fields["status"] == "osteopenia"
    assert fields["bmd"] == {"L1": 98.5, "L2": 104.0}
    assert fields["bmd_method"] == "QCT"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patientEdit": ""}, "patient code"),
        ({"bmdL1Edit": "much"}, "BMD of L1"),
        ({"bmdL1Edit": "98"}, "method of the BMD is missing"),
        ({"bmdL1Edit": "-5"}, "be -5 mg/cm³"),
        ({"bmdL2Edit": "0.98"}, "0.98, looks like g/cm² from DXA"),
        ({"patientEdit": "Smith, John *1953-01-01"}, "Give one such as P017"),
        ({"nameEdit": "../case"}, "Use letters, digits"),
        ({"nameEdit": "con"}, "Windows keeps it for itself"),
        ({"nameEdit": ""}, "The case has no name"),
    ],
)
def test_what_is_missing_is_said_and_nothing_asked(section, tmp_path, changes, words):
    section.reading.become_read()
    fill(section, tmp_path, **changes)
    section.ui.labelButton.click()
    assert words in section.ui.labeledLabel.text
    assert not asked(section, "label")


@pytest.mark.parametrize("agreed", [True, False])
def test_a_name_that_is_taken_is_replaced_only_on_request(section, tmp_path, monkeypatch, agreed):
    (tmp_path / "cases.jsonl").write_text(json.dumps({"id": "Case-0002", "patient": "P001"}) + "\n")
    (tmp_path / "Case-0002").mkdir()
    questions = []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, *a, **k: questions.append(text) or agreed)
    section.reading.become_read()
    fill(section, tmp_path)
    assert section.ui.nameEdit.text == "case-0003"
    section.ui.nameEdit.setText("case-0002")
    section.ui.labelButton.click()
    assert questions == ["The dataset has Case-0002 (patient P001) already. Replace it?"]
    assert [request[1]["replace"] for request in asked(section, "label")] == [True] * agreed


def test_nothing_entered_for_one_ct_is_kept_for_the_next(section, tmp_path):
    first, second = add_ct("CT"), add_ct("CT")
    section.reading.select(first)
    section.reading.become_read()
    fill(section, tmp_path, bmdL1Edit="98", patientEdit="P7")
    section.ui.statusCombo.setCurrentIndex(3)
    section.reading.become(document=document())
    assert section.ui.patientEdit.text == "P7"
    section.reading.select(second)
    assert section.ui.patientEdit.text == ""
    assert section.ui.bmdL1Edit.text == ""
    assert section.ui.statusCombo.currentText == "not stated"
    assert section.ui.datasetPath.currentPath == str(tmp_path)


def test_a_level_without_a_mask_has_no_label(section):
    section.reading.become_read(levels=FOUND_LEVELS)
    assert not section.ui.labelButton.enabled


def test_the_dataset_folder_is_remembered(section, tmp_path):
    section.reading.become_read()
    fill(section, tmp_path)
    section.ui.labelButton.click()
    parent = qt.QWidget()
    LabelSection(qt.QVBoxLayout(parent), FakeReading())
    slicer.app.processEvents()
    assert slicer.util.childWidgetVariables(parent).datasetPath.currentPath == str(tmp_path)


def test_a_broken_manifest_is_said(section, tmp_path):
    (tmp_path / "cases.jsonl").write_text("{}\n")
    section.reading.become_read()
    fill(section, tmp_path)
    section.ui.labelButton.click()
    assert "Line 1 of" in section.ui.labeledLabel.text
    assert not asked(section, "label")
