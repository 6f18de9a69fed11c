"""The panel as a whole: it keeps in step with the scene, whoever changes it."""

import sys

import pytest
import slicer

from OsteoJointLib.packages import PACKAGES, Lack
from OsteoJointLib.slicer_bridge.panel import setup_packages
from OsteoJointLib.slicer_bridge.panel.panel import first_volume
from OsteoJointLib.slicer_bridge.process.worker_command import PYTHON_VARIABLE
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes

from .fake_reading import add_ct, open_panel


@pytest.fixture
def opened(scene):
    with open_panel() as opened:
        yield opened


def chosen(opened) -> list:
    return [request[1] for request in opened.reading.asked if request[0] == "select"]


def test_the_first_ct_of_the_scene_is_chosen(scene):
    add_ct("A")
    add_ct("B")
    with open_panel() as opened:
        assert chosen(opened) == ["A"]
        assert opened.ui.volumeSelector.currentNode().GetName() == "A"


def test_a_label_map_and_the_reading_s_own_maps_are_no_ct(scene):
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    ct = add_ct()
    OwnedNodes(ct).add("heatmap", slicer.vtkMRMLScalarVolumeNode(), "Boundary heat map", hidden=True)
    assert first_volume() is ct
    ct.SetHideFromEditors(True)
    assert first_volume() is None


def test_a_ct_that_is_loaded_later_is_chosen(opened):
    add_ct("later")
    assert chosen(opened)[-1] == "later"
    assert opened.ui.applyButton.enabled


def test_the_selector_and_the_reading_go_together(opened):
    add_ct("A")
    other = add_ct("B")
    opened.ui.volumeSelector.setCurrentNode(other)
    assert chosen(opened)[-1] == "B"
    opened.panel.parameters.node.volume = slicer.util.getNode("A")
    assert chosen(opened)[-1] == "A"
    assert opened.ui.volumeSelector.currentNode().GetName() == "A"


def test_a_ct_that_a_script_chose_is_shown(opened):
    add_ct("A")
    other = add_ct("B")
    opened.reading.select(other)
    assert opened.ui.volumeSelector.currentNode() is other
    assert chosen(opened) == ["A", "B"]


def test_a_removed_ct_is_let_go(opened):
    ct = add_ct("A")
    slicer.mrmlScene.RemoveNode(ct)
    assert chosen(opened)[-1] is None
    assert not opened.ui.applyButton.enabled


def test_closing_the_scene_lets_everything_go_and_the_next_scene_works(opened):
    add_ct("A")
    opened.panel.parameters.node.heatmap_opacity = 10
    opened.reading.become_read()
    slicer.mrmlScene.Clear()
    assert chosen(opened)[-1] is None
    assert opened.reading.nodes is None
    assert opened.panel.parameters.node.heatmap_opacity == 60
    assert opened.ui.heatmapOpacitySlider.value == 60
    add_ct("B")
    assert chosen(opened)[-1] == "B"


def test_a_saved_scene_brings_its_choices_back(opened, tmp_path):
    add_ct("A")
    opened.ui.volumeSelector.setCurrentNode(add_ct("B"))
    opened.ui.maxShiftSlider.setValue(3.5)
    opened.ui.explanationOpacitySlider.setValue(33)
    opened.ui.followCheckBox.setChecked(False)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear()
    assert opened.reading.follow
    slicer.util.loadScene(path)
    assert opened.ui.volumeSelector.currentNode().GetName() == "B"
    assert chosen(opened)[-1] == "B"
    assert opened.ui.maxShiftSlider.value == 3.5
    assert opened.ui.explanationOpacitySlider.value == 33
    assert not opened.reading.follow


def test_a_closed_panel_hears_nothing_any_more(scene):
    with open_panel() as opened:
        pass
    opened.reading.asked.clear()
    add_ct()
    opened.reading.changed.emit()
    slicer.mrmlScene.Clear()
    assert opened.reading.asked == []


def test_two_panels_may_be_made_one_after_the_other(scene):
    add_ct()
    for _ in range(2):
        with open_panel() as opened:
            assert opened.ui.applyButton.enabled


TORCH, ULTRALYTICS = (Lack(one) for one in PACKAGES if one.name in ("torch", "ultralytics"))


def test_missing_packages_open_setup_and_are_told_of_at_the_top(scene, monkeypatch):
    missing = [TORCH]
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(setup_packages, "lacking", lambda: list(missing))
    with open_panel() as opened:
        ui, words = opened.ui, "OsteoJoint needs packages that are not installed yet."
        assert (ui.setupFrame.visible, ui.setupFrameLabel.text) == (True, words)
        assert not ui.problemFrame.visible
        assert not ui.setupSection.collapsed
        ui.setupSection.collapsed = True
        add_ct()
        for button in (ui.applyButton, ui.findButton):
            assert (button.enabled, button.toolTip) == (False, words)
        assert ui.setupSection.collapsed  # it opens by itself only once
        ui.setupFrameButton.click()
        assert not ui.setupSection.collapsed
        missing.clear()
        opened.panel._setup.packages.look()
        assert not ui.setupFrame.visible
        assert ui.applyButton.enabled and ui.findButton.enabled


def test_what_is_optional_or_in_another_python_is_not_asked_for(scene, monkeypatch):
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(setup_packages, "lacking", lambda: [ULTRALYTICS])
    with open_panel() as opened:
        assert not opened.ui.setupFrame.visible
        assert opened.ui.setupSection.collapsed
    monkeypatch.setattr(setup_packages, "lacking", lambda: [TORCH])
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    with open_panel() as opened:
        assert not opened.ui.setupFrame.visible
        assert opened.ui.setupSection.collapsed


def test_every_enabled_or_disabled_button_explains_itself(opened):
    add_ct()
    opened.reading.become_read()
    buttons = [
        *(
            "applyButton",
            "setupFrameButton",
            "findButton",
            "shiftUpButton",
            "shiftDownButton",
            "runRefineButton",
            "undoRefineButton",
        ),
        *("compareButton", "useCpuButton", "openSetupButton", "networkCheckBox", "heatmapCheckBox"),
        *("explanationCheckBox", "surfaceCheckBox", "followCheckBox", "lookAtLevelsButton", "allDoubtsButton"),
        *("leaveOutL1Check", "leaveOutL2Check", "reasonL1Combo", "reasonL2Combo", "deviceSelector", "checkButton"),
        *("kvpCombo", "kernelCombo", "contrastCombo"),
    ]
    silent = [name for name in buttons if not getattr(opened.ui, name).toolTip]
    assert silent == []
