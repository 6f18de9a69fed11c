"""The section "Masks": whose they are, what is seen of them, the editor, and the level set."""

from dataclasses import replace

import numpy as np
import pytest
import qt
import slicer
from osteojoint_host.widgets import segment_editor

from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.reading.mask_changes import MaskChange
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

from .fake_reading import READ_LEVELS, add_ct, click_cell, open_panel

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
    assert opened.asked == [("refine", ["L1", "L2"], {name: getattr(defaults, name) for name in names}, False, None)]


def test_what_is_set_is_what_is_refined_and_the_library_takes_it(opened):
    add_masks()
    opened.reading.become_read()
    opened.ui.refineLevels.setCurrentIndex(2)
    for slider in (opened.ui.maxShiftSlider, opened.ui.stiffnessSlider, opened.ui.pullSlider):
        slider.setValue(slider.maximum)
    opened.ui.runRefineButton.click()
    ((asked, levels, parameters, *_),) = opened.asked
    assert (asked, levels) == ("refine", ["L2"])
    LevelSetParameters(**parameters)
    for slider in (opened.ui.maxShiftSlider, opened.ui.stiffnessSlider, opened.ui.pullSlider):
        slider.setValue(slider.minimum)
    LevelSetParameters(**opened.panel.parameters.refinement())


def test_the_whole_body_or_the_slice_that_is_shown_is_refined(opened):
    add_masks()
    opened.reading.become_read()
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    opened.ui.refineSlices.setCurrentIndex(2)
    opened.ui.runRefineButton.click()
    assert opened.asked[-1][3:] == (True, None)
    opened.ui.refineSlices.setCurrentIndex(1)
    assert not opened.ui.runRefineButton.enabled
    assert "choose L1 or L2" in opened.ui.runRefineButton.toolTip
    opened.ui.refineLevels.setCurrentIndex(2)
    red.JumpSliceByCentering(50, 60, -12)
    opened.ui.runRefineButton.click()
    (asked,) = opened.asked
    assert asked[1] == ["L2"] and asked[3] is False
    assert asked[4] == pytest.approx((*READ_LEVELS[Level.L2].center_ras[:2], -12.0))


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


def test_the_network_s_masks_can_be_shown_as_an_outline(opened):
    opened.reading.become_read()
    assert not opened.ui.networkCheckBox.enabled
    opened.reading.become(levels=CORRECTED)
    opened.ui.networkCheckBox.click()
    assert opened.asked == [("compare", "network")]
    opened.reading.become(comparing=Role.NETWORK)
    assert opened.ui.compareHint.visible and "green outline is the network's" in opened.ui.compareHint.text
    opened.reading.become(levels=READ_LEVELS)  # it must come off again
    assert opened.ui.networkCheckBox.enabled
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


def test_how_much_was_corrected_is_told(opened):
    def told(l1: MaskChange, source=MaskSource.CORRECTED) -> str:
        changed = replace(READ_LEVELS[Level.L1], mask_source=source, change=l1)
        opened.reading.become_read(levels={**READ_LEVELS, Level.L1: changed})
        assert opened.ui.changeHint.visible == bool(opened.ui.changeHint.text)
        return opened.ui.changeHint.text

    assert told(MaskChange(37, 3)) == "L1: 37 voxels on 3 slices corrected."
    assert told(MaskChange(5, 1)) == "L1: 5 voxels on 1 slice corrected."
    assert told(MaskChange(5, 1), MaskSource.REFINED) == ""
    assert told(MaskChange(0, 0)) == ""


def test_drawing_where_it_does_not_belong_is_warned_of(opened):
    def warned(**change) -> str:
        stray = replace(CORRECTED[Level.L1], change=MaskChange(50, 1, **change))
        opened.reading.become_read(levels={**READ_LEVELS, Level.L1: stray})
        return opened.ui.strayHint.text if opened.ui.strayFrame.visible else ""

    assert warned() == ""
    assert warned(onto=Level.L2, beyond_mm=20.0) == "You drew L1 on the body of L2. Ctrl+Z takes it back."
    assert warned(beyond_mm=31.6) == "You drew L1 32 mm away from its body. Ctrl+Z takes it back."


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
    (table,) = slicer.util.findChildren(editor, name="SegmentsTableView")
    assert table.height <= 90  # px: two rows, so that the effects below are seen on a small screen


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


def keys_of(window) -> list[str]:
    shortcuts = [child for child in window.children() if child.className() == "QShortcut"]
    return sorted(shortcut.property("key").toString() for shortcut in shortcuts)


@pytest.fixture
def editing(opened):
    """The panel after a reading, with the editor open on its masks: (opened, editor, counts of voxels)."""
    node, ct = add_masks(), slicer.util.getNode("CT")
    opened.reading.become_read()
    opened.panel.enter()
    opened.ui.editButton.collapsed = False
    (editor,) = editors(opened)

    def counts() -> list[int]:
        return [int(slicer.util.arrayFromSegmentBinaryLabelmap(node, level, ct).sum()) for level in Level]

    return opened, editor, counts


def stroke(on_slice: int, rows=slice(2, 6)) -> np.ndarray:
    mask = np.zeros((8, 16, 16), np.uint8)
    mask[on_slice, rows, 4:8] = 1
    return mask


def test_a_click_on_a_row_edits_that_level(editing, host):
    opened, editor, counts = editing
    assert counts() == [16, 16]
    click_cell(opened.ui.masksTable, 1, 0)
    host.paint(editor, stroke(4))
    assert counts() == [16, 24]
    host.paint(editor, stroke(4), erase=True)
    assert counts() == [16, 8]
    click_cell(opened.ui.masksTable, 0, 1)
    host.paint(editor, stroke(3))
    assert counts() == [24, 8]
    click_cell(opened.ui.levelsTable, 1, 0)  # the slices go there, too
    host.paint(editor, stroke(4))
    assert counts() == [24, 24]


def test_the_row_follows_the_segment_that_is_chosen_in_the_editor(editing):
    opened, editor, _ = editing
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")

    def rows() -> list[int]:
        return [index.row() for index in opened.ui.masksTable.selectionModel().selectedRows()]

    assert editor.currentSegmentID() == "L1" and rows() == [0]
    editor.setCurrentSegmentID("L2")
    assert rows() == [1]
    assert red.GetSliceOffset() == pytest.approx(-17)
    editor.setCurrentSegmentID("L1")
    assert rows() == [0]
    assert red.GetSliceOffset() == pytest.approx(16)
    red.JumpSliceByCentering(0, 0, -100)
    opened.reading.changed.emit()  # what is read anew doesn't move the views
    editor.mrmlSegmentEditorNode().Modified()
    assert red.GetSliceOffset() == pytest.approx(-100)


def test_a_row_that_was_chosen_before_is_what_the_editor_opens_on(opened):
    add_masks()
    opened.reading.become_read()
    click_cell(opened.ui.masksTable, 1, 0)
    opened.ui.editButton.collapsed = False
    assert editors(opened)[0].currentSegmentID() == "L2"


def test_no_level_takes_voxels_from_the_other(editing, host):
    _, editor, counts = editing
    assert editor.currentSegmentID() == "L1"
    host.paint(editor, stroke(4, slice(4, 8)))  # right on L2
    assert counts() == [32, 16]


def test_strokes_and_keys_are_the_editor_s_only_while_it_is_open_and_shown(editing, host):
    opened, editor, counts = editing
    window = opened.place.window()

    def taken() -> tuple[bool, bool]:
        before = counts()
        host.paint(editor, stroke(3))
        painted = counts() != before
        if painted:
            editor.undo()
        return painted, "Ctrl+Y" in keys_of(window)

    assert taken() == (True, True)
    opened.panel.exit()
    assert taken() == (False, False) and keys_of(window) == []
    opened.panel.enter()
    assert taken() == (True, True)
    opened.ui.editButton.collapsed = True
    assert taken() == (False, False)


def test_each_key_is_bound_once_whichever_slicer_brings(editing, monkeypatch):
    opened, _, _ = editing
    window = opened.place.window()
    bound = keys_of(window)
    assert sorted(set(bound)) == bound
    assert {"Ctrl+Z", "Ctrl+Y", "Ctrl+Shift+Z"} <= set(bound)
    monkeypatch.setattr(segment_editor, "UNDO_KEYS", ("Z",))  # as in Slicer 5.8
    monkeypatch.setattr(segment_editor, "REDO_KEYS", ("Y", "Ctrl+Y"))
    opened.panel.exit()
    opened.panel.enter()
    again = keys_of(window)
    assert sorted(set(again)) == again == bound


def test_undo_and_redo_by_keys(editing, host):
    opened, editor, counts = editing
    window = opened.place.window()

    def press(keys: str) -> None:
        shortcuts = [child for child in window.children() if child.className() == "QShortcut"]
        (shortcut,) = (one for one in shortcuts if one.property("key").toString() == keys)
        shortcut.activated()

    host.paint(editor, stroke(3))
    press("Ctrl+Z")
    assert counts() == [16, 16]
    press("Ctrl+Y")
    assert counts() == [24, 16]
    press("Ctrl+Z")
    press("Ctrl+Shift+Z")
    assert counts() == [24, 16]


def test_only_what_suits_a_body_is_offered(editing):
    _, editor, _ = editing
    offered = editor.availableEffectNames()
    assert set(offered) <= set(segment_editor.EFFECT_NAMES)
    assert {"Paint", "Erase", "Threshold", "Smoothing", "Fill between slices"} <= set(offered)
    assert {"Grow from seeds", "Mask volume", "Hollow"}.isdisjoint(offered)


def test_the_editor_s_undo_brings_back_what_a_reset_took(editing, host):
    opened, editor, counts = editing
    node = editor.segmentationNode()
    opened.reading.become(levels=CORRECTED)
    host.paint(editor, stroke(3))
    opened.ui.masksTable.cellWidget(0, 3).click()
    assert opened.asked[-1] == ("reset_mask", "L1")
    slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(node, "L1")
    assert counts() == [0, 16]
    editor.undo()
    assert counts() == [24, 16]


def test_bone_alone_is_painted_where_that_is_wished(editing, host):
    _, editor, counts = editing
    hu = slicer.util.arrayFromVolume(slicer.util.getNode("CT"))
    hu[3, 2, 4:8] = 300
    slicer.util.arrayFromVolumeModified(slicer.util.getNode("CT"))
    node = editor.mrmlSegmentEditorNode()
    assert not node.GetSourceVolumeIntensityMask()
    assert editor.effectByName("Threshold").parameter("MinimumThreshold") == "150.0"
    node.SetSourceVolumeIntensityMask(True)  # the key I
    host.paint(editor, stroke(3))
    assert counts() == [20, 16]
