"""The keys: each presses its button while the module is shown, and nothing otherwise."""

from pathlib import Path

import pytest
import qt
import slicer
from PySide6.QtTest import QTest

from OsteoJointLib.slicer_bridge.panel.shortcuts import Shortcuts, list_html, shortcuts

from .fake_reading import FOUND_LEVELS, add_ct, open_panel
from .test_panel_masks import add_masks, editors

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual" / "slicer.md"


@pytest.fixture
def window(scene):
    """A main window with the panel in it, the module shown."""
    window = qt.QMainWindow()
    add_ct()
    with open_panel() as opened:
        window.setCentralWidget(opened.place)
        window.show()
        window.activateWindow()
        opened.window, opened.keys = window, Shortcuts(opened.place, opened.panel.look_at, window)
        opened.keys.enter()
        slicer.app.processEvents()
        yield opened
        opened.keys.close()
        window.takeCentralWidget()
    window.deleteLater()


def press(window, keys: str) -> None:
    QTest.keySequence(window.window, qt.QKeySequence(keys))
    slicer.app.processEvents()


def test_each_key_presses_its_button_and_none_works_in_another_module(window):
    doubtful = {"levels": FOUND_LEVELS, "levels_doubt": "?", "can_shift_up": True, "can_shift_down": True}
    window.reading.become(**doubtful)
    asked = {}
    for one in shortcuts():
        press(window, one.keys)
        asked[one.keys] = window.asked
    assert asked["Ctrl+Shift+R"] == [("update",)] and asked["Ctrl+Shift+F"] == [("find_levels",)]
    assert asked["Ctrl+Shift+Return"] == [("confirm_levels",)]
    assert asked["Ctrl+Shift+Up"] == [("shift_levels", True)] and asked["Ctrl+Shift+Down"] == [("shift_levels", False)]
    window.keys.dialog.accept()
    window.keys.exit()
    for one in shortcuts():
        press(window, one.keys)
    assert window.asked == []


def test_a_key_whose_button_is_off_does_nothing(window):
    press(window, "Ctrl+Shift+Up")
    assert window.asked == []
    window.reading.become(running=True)
    press(window, "Ctrl+Shift+R")
    assert window.asked == [("cancel",)]


def test_keys_go_to_each_level(window):
    add_masks()
    window.reading.become_read()
    window.ui.editButton.collapsed = False
    (editor,) = editors(window)
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    for keys, row, height in (("Ctrl+Shift+L", 1, -17), ("Ctrl+Shift+U", 0, 16)):
        press(window, keys)
        assert node.GetSliceToRAS().GetElement(2, 3) == pytest.approx(height)
        assert [index.row() for index in window.ui.masksTable.selectionModel().selectedRows()] == [row]
        assert editor.currentSegmentID() == f"L{row + 1}"


def test_the_label_flow_has_its_keys_while_its_buttons_are_seen(window, tmp_path):
    window.reading.become_read()
    window.ui.datasetPath.setCurrentPath(str(tmp_path))
    window.ui.patientEdit.setText("P7")
    window.ui.labelSection.collapsed = True
    press(window, "Ctrl+Return")
    assert window.asked == []
    window.ui.labelSection.collapsed = False
    window.ui.patientEdit.setFocus()
    press(window, "Ctrl+Return")
    ((name, fields, *_),) = window.asked
    assert (name, fields["patient"]) == ("label", "P7")
    assert window.ui.labelButton.toolTip.endswith("Ctrl+Return")
    clicks = []
    window.ui.skipButton.connect("clicked(bool)", clicks.append)
    press(window, "Ctrl+Shift+N")
    assert clicks == []
    window.ui.skipButton.setVisible(True)
    press(window, "Ctrl+Shift+N")
    assert len(clicks) == 1


def test_the_list_and_the_manual_have_every_key(window):
    press(window, "Ctrl+Shift+K")
    (label,) = window.keys.dialog.findChildren(qt.QLabel)
    assert label.text == list_html()
    manual = MANUAL.read_text("utf-8").partition("## Keys")[2].partition("\n## ")[0]
    for one in shortcuts():
        assert one.keys in label.text and one.keys in manual, one.keys
    assert manual.count("Ctrl+") == len(shortcuts())
    window.keys.dialog.accept()


def test_without_a_window_there_are_no_keys(scene):
    with open_panel() as opened:
        keys = Shortcuts(opened.place, opened.panel.look_at, None)
        keys.enter()
        keys.close()
