"""The menu that a right click on a CT opens in the Data module."""

import numpy as np
import pytest
import slicer

from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

from .fake_reading import add_ct

ENTRY = "Read bone status"


@pytest.fixture
def menu_of(host, scene):
    host.load_module()
    return slicer.qSlicerSubjectHierarchyPluginHandler.menu_of


def test_a_ct_is_read_from_its_menu(host, menu_of, monkeypatch):
    add_ct("other")
    node = add_ct("CT")
    panel = slicer.util.getModuleWidget("OsteoJoint")
    asked = []
    monkeypatch.setattr(panel.logic.reading, "update", lambda: asked.append(panel.logic.reading.state.volume_name))
    menu_of(node)[ENTRY].trigger()
    assert asked == ["CT"]
    assert slicer.util.findChild(panel.parent, "volumeSelector").currentNode() is node


def test_a_second_choice_does_not_cancel_the_run_under_way(menu_of, monkeypatch):
    node = add_ct("CT")
    reading = slicer.util.getModuleWidget("OsteoJoint").logic.reading
    reading.select(node)
    monkeypatch.setattr(type(reading), "running", True)
    monkeypatch.setattr(reading, "cancel", lambda: pytest.fail("The run was canceled"))
    menu_of(node)[ENTRY].trigger()


@pytest.mark.parametrize("kind", ["labels", "model", "own map"])
def test_nothing_else_has_the_entry(scene, menu_of, kind):
    if kind == "labels":
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    elif kind == "model":
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    else:
        node = OwnedNodes(add_ct()).add(Role.HEATMAP, slicer.vtkMRMLScalarVolumeNode(), "map")
    assert ENTRY not in menu_of(node)


def test_what_cannot_be_read_is_chosen_and_says_why(menu_of):
    node = slicer.util.addVolumeFromArray(np.zeros((1, 8, 8), np.int16), name="slice")
    panel = slicer.util.getModuleWidget("OsteoJoint")
    menu_of(node)[ENTRY].trigger()
    assert not panel.logic.reading.running
    assert "single slice" in slicer.util.findChild(panel.parent, "problemLabel").text


def test_a_second_start_registers_nothing_twice(menu_of):
    from OsteoJoint import registerData

    registerData()
    assert list(menu_of(add_ct())) == [ENTRY]
