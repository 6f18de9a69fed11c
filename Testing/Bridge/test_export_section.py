"""The section "Export": what can be saved when, where it goes, and what is asked of the reading."""

from __future__ import annotations

import pytest
import qt
import slicer
from PySide6 import QtCore

from OsteoJointLib.errors import Reason
from OsteoJointLib.slicer_bridge.panel.export_section import ExportSection

from .fake_reading import FakeReading


@pytest.fixture
def section(scene, tmp_path):
    """The section with a reading that only notes; `section.ui` has its widgets by name."""
    reading = FakeReading()
    parent = qt.QWidget()
    made = ExportSection(qt.QVBoxLayout(parent), reading)
    reading.changed.connect(lambda: made.show(reading.state))
    made.parent, made.reading, made.ui = parent, reading, slicer.util.childWidgetVariables(parent)
    return made


def asked(section, name):
    return [request for request in section.reading.asked if request[0] == name]


def test_nothing_can_be_saved_before_a_reading(section):
    assert not section.ui.saveButton.enabled
    assert section.ui.saveButton.toolTip == "Nothing is read yet."


def test_a_reading_is_saved_into_a_new_folder_inside_one_that_holds_other_things(section, tmp_path):
    (tmp_path / "holiday.jpg").touch()
    (tmp_path / "case-0001").mkdir()
    section.reading.become_read(volume_name="Smith^John 1950")
    qt.QFileDialog.answers.append(str(tmp_path))
    section.ui.saveButton.click()
    ((_, folder, row, on_done),) = asked(section, "deliver")
    assert folder == tmp_path / "case-0002"
    assert row == "case-0002"
    on_done([])
    text = section.ui.savedLabel.text
    assert (folder / "report.html").as_uri() in text
    assert f'"{folder.as_uri()}"' in text


def test_an_empty_folder_is_taken_as_it_is(section, tmp_path):
    section.reading.become_read()
    section.save_into(tmp_path / "new")
    assert asked(section, "deliver")[0][1] == tmp_path / "new"


@pytest.mark.parametrize("agreed", [True, False])
def test_an_earlier_reading_is_replaced_only_on_request(section, tmp_path, monkeypatch, agreed):
    (tmp_path / "result.json").touch()
    section.reading.become_read()
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda *a, **k: agreed)
    section.save_into(tmp_path)
    assert len(asked(section, "deliver")) == agreed


def test_a_stale_reading_is_updated_before_it_is_saved(section):
    section.reading.become_read(stale=("the mask of L1 was edited",))
    assert not section.ui.saveButton.enabled
    assert "the mask of L1 was edited" in section.ui.saveHint.text
    QtCore.QMetaObject.invokeMethod(section.ui.saveHint, "linkActivated", QtCore.Q_ARG(str, "#"))
    assert asked(section, "update")
    section.reading.become(stale=())
    assert section.ui.saveButton.enabled
    assert section.ui.saveHint.text == ""


def test_a_failure_takes_the_promise_back_and_says_why(section, tmp_path):
    section.reading.become_read()
    section.save_into(tmp_path / "new")
    assert section.ui.savedLabel.text == "Saving …"
    section.reading.become(message="The network drew L1 anew.")
    assert section.ui.savedLabel.text == "Saving …"
    section.reading.become(message="The disk is full.", reason=Reason.FAILED)
    assert section.ui.savedLabel.text == "The disk is full."


def test_a_folder_that_cannot_be_looked_into_is_said(section, tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    section.reading.become_read()
    monkeypatch.setattr("OsteoJointLib.slicer_bridge.panel.export_section.reading_folder", refused)
    section.save_into(tmp_path)
    assert "be read or written" in section.ui.savedLabel.text
    assert not asked(section, "deliver")
