"""The section "Masks": whose they are, what is seen of them, the editor, and the level set."""

from dataclasses import replace

import numpy as np
import pytest
import qt
import slicer

from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

from .fake_reading import READ_LEVELS, add_ct, open_panel

CORRECTED = {**READ_LEVELS, Level.L1: replace(READ_LEVELS[Level.L1], mask_source=MaskSource.CORRECTED)}


@pytest.fixture
def opened(scene):
    add_ct()
    with open_panel() as opened:
        yield opened


def add_masks():
    """Put a segmentation with L1 and L2 into the scene, as a reading does."""
    ct = slicer.util.getNode("CT")
    node = OwnedNodes(ct).add(Role.MASKS, slicer.vtkMRMLSegmentationNode(), "L1 and L2")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    for row, level in enumerate(("L1", "L2")):
        node.GetSegmentation().AddEmptySegment(level, level)
        mask = np.zeros((8, 16, 16), np.uint8)
        mask[3 + row, 4:8, 4:8] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, level, ct)
    return node


def test_each_row_says_whose_mask_it_is(opened):
    table = opened.ui.masksTable
    assert [table.item(0, column).text() for column in range(3)] == ["L1", "–", "–"]
    opened.reading.become_read(levels=CORRECTED)
    assert [table.item(0, column).text() for column in range(3)] == ["L1", "you (corrected)", "1350 mm²"]
    assert [table.item(1, column).text() for column in range(3)] == ["L2", "network", "1298 mm²"]
    assert table.cellWidget(0, 3).enabled
    assert not table.cellWidget(1, 3).enabled
    assert "network's own" in table.cellWidget(1, 3).toolTip
    table.cellWidget(0, 3).click()
    assert opened.asked == [("reset_mask", "L1")]


def test_a_tick_hides_one_mask(opened):
    display = add_masks().GetDisplayNode()
    opened.reading.become_read()
    item = opened.ui.masksTable.item(1, 0)
    assert item.checkState() == qt.Qt.Checked
    item.setCheckState(qt.Qt.Unchecked)
    assert (display.GetSegmentVisibility("L1"), display.GetSegmentVisibility("L2")) == (True, False)
    opened.reading.changed.emit()
    assert item.checkState() == qt.Qt.Unchecked
    item.setCheckState(qt.Qt.Checked)
    assert display.GetSegmentVisibility("L2")


def test_the_level_set_s_defaults_are_the_library_s(opened):
    add_masks()
    opened.reading.become_read()
    defaults = LevelSetParameters()
    assert opened.ui.maxShiftSlider.value == defaults.max_shift_mm
    assert opened.ui.stiffnessSlider.value == defaults.length_weight
    assert opened.ui.pullSlider.value == defaults.area_weight
    opened.ui.runRefineButton.click()
    names = ("max_shift_mm", "length_weight", "area_weight")
    assert opened.asked == [("refine", ["L1", "L2"], {name: getattr(defaults, name) for name in names})]


def test_what_is_set_is_what_is_refined_and_the_library_takes_it(opened):
    add_masks()
    opened.reading.become_read()
    opened.ui.refineLevels.setCurrentIndex(2)
    for slider in (opened.ui.maxShiftSlider, opened.ui.stiffnessSlider, opened.ui.pullSlider):
        slider.setValue(slider.maximum)
    opened.ui.runRefineButton.click()
    ((asked, levels, parameters),) = opened.asked
    assert (asked, levels) == ("refine", ["L2"])
    LevelSetParameters(**parameters)
    for slider in (opened.ui.maxShiftSlider, opened.ui.stiffnessSlider, opened.ui.pullSlider):
        slider.setValue(slider.minimum)
    LevelSetParameters(**opened.panel.parameters.refinement())


def test_refining_waits_for_masks_and_undo_for_a_refinement(opened):
    assert not opened.ui.runRefineButton.enabled
    assert "no masks yet" in opened.ui.runRefineButton.toolTip
    add_masks()
    opened.reading.become_read()
    assert opened.ui.runRefineButton.enabled
    assert not opened.ui.undoRefineButton.enabled
    assert not opened.ui.compareButton.enabled
    assert "Nothing was refined" in opened.ui.undoRefineButton.toolTip
    opened.reading.become(can_undo_refinement=True)
    assert not opened.ui.compareHint.visible
    opened.ui.compareButton.click()
    opened.reading.become(comparing=Role.BEFORE)
    assert opened.ui.compareButton.text == "Show after"
    assert "before the refinement" in opened.ui.compareHint.text
    opened.ui.compareButton.click()
    opened.reading.become(comparing=None)
    assert opened.ui.compareButton.text == "Show before"
    opened.ui.undoRefineButton.click()
    assert opened.asked == [("compare", "before"), ("compare", None), ("undo_refinement",)]


def test_the_network_s_masks_can_be_shown_instead(opened):
    opened.reading.become_read()
    assert not opened.ui.networkCheckBox.enabled
    opened.reading.become(levels=CORRECTED)
    opened.ui.networkCheckBox.click()
    assert opened.asked == [("compare", "network")]
    opened.reading.become(comparing=Role.NETWORK)
    assert opened.ui.compareHint.visible and "network's masks" in opened.ui.compareHint.text
    opened.reading.become(comparing=None)
    assert not opened.ui.networkCheckBox.checked
    assert opened.asked == []


def test_the_surface_comes_and_goes(opened):
    node = add_masks()
    opened.reading.become_read()
    opened.ui.surfaceCheckBox.click()
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")
    opened.ui.surfaceCheckBox.click()
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")


def test_what_is_drawn_on_other_slices_is_told_to_be_kept_for_labels(opened):
    node, ct = add_masks(), slicer.util.getNode("CT")
    opened.reading.become_read()
    assert "click the level's row" in opened.ui.editHint.text
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, "L2", ct)
    mask[6, 5, 5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "L2", ct)
    opened.reading.changed.emit()
    words = "Only the middle slice of L2 is read; what you drew elsewhere is kept for labels."
    assert opened.ui.editHint.text == words
    mask[6] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "L2", ct)
    opened.reading.changed.emit()
    assert "L2" not in opened.ui.editHint.text


def editors(opened) -> list:
    layout = opened.ui.editButton.layout()
    widgets = [layout.itemAt(index).widget() for index in range(layout.count())]
    return [widget for widget in widgets if widget.className() == "qMRMLSegmentEditorWidget"]


def test_the_editor_is_made_when_it_is_first_opened(opened):
    node = add_masks()
    opened.reading.become_read()
    assert editors(opened) == []
    opened.ui.editButton.collapsed = False
    (editor,) = editors(opened)
    assert editor.mrmlSegmentEditorNode().GetSingletonTag() == "OsteoJoint"
    assert editor.segmentationNodeID() == node.GetID()
    assert editor.sourceVolumeNodeID() == slicer.util.getNode("CT").GetID()
    opened.ui.editButton.collapsed = True
    opened.ui.editButton.collapsed = False
    assert editors(opened) == [editor]


def test_the_segment_editor_module_keeps_its_own_node(opened):
    own = slicer.vtkMRMLSegmentEditorNode()
    own.SetSingletonTag("SegmentEditor")
    own = slicer.mrmlScene.AddNode(own)
    add_masks()
    opened.reading.become_read()
    opened.ui.editButton.collapsed = False
    assert own.GetSegmentationNode() is None


def test_deleted_masks_are_let_go_and_new_ones_taken(opened):
    node = add_masks()
    opened.reading.become_read()
    opened.ui.editButton.collapsed = False
    (editor,) = editors(opened)
    slicer.mrmlScene.RemoveNode(node)
    opened.reading.changed.emit()
    assert not editor.enabled
    assert editor.segmentationNode() is None
    assert "no masks yet" in opened.ui.editHint.text
    node = add_masks()
    opened.reading.changed.emit()
    assert editor.enabled
    assert editor.segmentationNodeID() == node.GetID()


def test_the_editor_survives_a_closed_scene(opened):
    add_masks()
    opened.reading.become_read()
    opened.ui.editButton.collapsed = False
    (editor,) = editors(opened)
    slicer.mrmlScene.Clear()
    assert editor.segmentationNode() is None
    add_ct()
    node = add_masks()
    opened.reading.become_read()
    assert editor.segmentationNodeID() == node.GetID()


def test_keys_are_the_editor_s_only_while_it_is_open_and_shown(opened, monkeypatch):
    add_masks()
    opened.reading.become_read()
    opened.panel.enter()
    opened.ui.editButton.collapsed = False
    (editor,) = editors(opened)
    calls = []
    for name in ("installKeyboardShortcuts", "uninstallKeyboardShortcuts"):
        monkeypatch.setattr(type(editor), name, lambda self, name=name: calls.append(name))
    opened.panel.exit()
    opened.panel.enter()
    opened.ui.editButton.collapsed = True
    assert calls == ["uninstallKeyboardShortcuts", "installKeyboardShortcuts", "uninstallKeyboardShortcuts"]
