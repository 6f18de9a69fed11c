"""The section "Levels": two rows, a click to go there, placing and shifting."""

from dataclasses import replace

import pytest
import slicer

from OsteoJointLib.slicer_bridge.reading.state import LevelState
from OsteoJointLib.slicer_bridge.scene import level_nodes

from .fake_reading import FOUND_LEVELS, add_ct, click_cell, open_panel, read_state


@pytest.fixture
def opened(scene):
    add_ct()
    with open_panel() as opened:
        yield opened


def row(opened, index: int) -> list[str]:
    table = opened.ui.levelsTable
    return [table.item(index, column).text() for column in range(4)]


def test_before_anything_is_placed_the_panel_says_what_to_do(opened):
    assert row(opened, 0) == ["L1", "–", "–", "not placed"]
    assert opened.ui.levelsHint.text.startswith("Find both, or place each by hand")
    assert opened.ui.findButton.enabled


def test_found_levels_are_shown_with_how_sure_they_are(opened):
    opened.reading.become(levels=FOUND_LEVELS)
    assert row(opened, 0) == ["L1", "S 15.9 mm", "sure, 99\u00a0%", "found"]
    assert row(opened, 1) == ["L2", "I 16.9 mm", "sure, 99\u00a0%", "found"]
    assert "press Read" in opened.ui.levelsHint.text
    opened.reading.become(levels=FOUND_LEVELS, document=read_state().document)
    assert not opened.ui.levelsHint.visible
    assert not opened.ui.doubtFrame.visible


def test_levels_in_doubt_say_why_and_are_confirmed_by_one_click(opened):
    doubtful = {**FOUND_LEVELS, "L2": replace(FOUND_LEVELS["L2"], confidence=0.95, in_doubt=True)}
    opened.reading.become_read(levels=doubtful, levels_doubt="Count again.")
    assert [row(opened, index)[2] for index in range(2)] == ["sure, 99\u00a0%", "in doubt, 95\u00a0%"]
    assert opened.ui.doubtFrame.visible
    assert opened.ui.levelsDoubtLabel.text == "Count again."
    assert opened.ui.levelsHint.text.startswith(
        "Are these L1 and L2? The bodies about them are named in the sagittal view."
    )
    opened.ui.confirmButton.click()
    assert opened.asked == [("confirm_levels",)]
    opened.reading.become(running=True)
    assert not opened.ui.confirmButton.enabled


def test_a_doubt_opens_the_section_once_and_there_is_nothing_to_confirm_without(opened):
    opened.reading.become(levels=FOUND_LEVELS)
    assert not opened.ui.confirmButton.visible
    opened.ui.levelsSection.collapsed = True
    doubtful = {**FOUND_LEVELS, "L2": replace(FOUND_LEVELS["L2"], in_doubt=True)}
    opened.reading.become_read(levels=doubtful, levels_doubt="Count again.")
    assert not opened.ui.levelsSection.collapsed and opened.ui.confirmButton.visible
    opened.ui.levelsSection.collapsed = True
    opened.reading.changed.emit()
    assert opened.ui.levelsSection.collapsed


def test_a_point_by_hand_has_no_confidence(opened):
    opened.reading.become(levels={"L1": LevelState((0.0, 0.0, 5.0), None, "user"), "L2": LevelState()})
    assert row(opened, 0) == ["L1", "S 5.0 mm", "–", "by you"]
    assert opened.ui.levelsHint.text.startswith("Now place L2: press Place in its row")


def test_a_click_on_a_row_brings_the_views_there(opened):
    opened.reading.become(levels=FOUND_LEVELS)
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    click_cell(opened.ui.levelsTable, 1, 2)
    # the voxel of the CT (spacing 1 mm) that is nearest
    assert [node.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)] == pytest.approx([-1, 6, -17])
    opened.reading.become(levels={"L1": LevelState(), "L2": LevelState()})
    click_cell(opened.ui.levelsTable, 0, 0)  # nowhere to go


@pytest.fixture
def placing(opened):
    """The panel on a reading that does place points."""
    opened.reading.place = lambda level: level_nodes.start_placing(opened.reading.nodes, level)
    opened.reading.become(levels=FOUND_LEVELS)
    yield opened
    level_nodes.stop_placing()


def pressed(opened) -> list[bool]:
    return [opened.ui.levelsTable.cellWidget(index, 4).checked for index in range(2)]


def test_while_a_level_is_placed_the_panel_says_what_to_do(placing):
    first, second = (placing.ui.levelsTable.cellWidget(index, 4) for index in range(2))
    first.click()
    assert pressed(placing) == [True, False]
    assert placing.ui.levelsHint.text == "Click on the center of the body of L1 in a slice. A right click ends."
    second.click()
    assert pressed(placing) == [False, True]
    assert "the body of L2" in placing.ui.levelsHint.text
    placing.reading.changed.emit()
    assert pressed(placing) == [False, True]


def test_a_second_click_ends_placing(placing):
    button = placing.ui.levelsTable.cellWidget(0, 4)
    button.click()
    button.click()
    assert pressed(placing) == [False, False]
    assert level_nodes.placed_now(placing.reading.nodes) is None
    assert "Click on" not in placing.ui.levelsHint.text


def test_placing_that_ends_in_a_view_is_seen(placing):
    for _ in range(2):
        placing.ui.levelsTable.cellWidget(1, 4).click()
        assert pressed(placing) == [False, True]
        level_nodes.interaction_node().SwitchToViewTransformMode()
        assert pressed(placing) == [False, False]
    placing.ui.levelsTable.cellWidget(1, 4).click()
    placing.panel.close()
    level_nodes.interaction_node().SwitchToViewTransformMode()


def test_a_click_in_either_table_chooses_the_level_to_edit_so_that_they_never_contradict(opened):
    opened.reading.become_read()
    for table, row in ((opened.ui.levelsTable, 1), (opened.ui.masksTable, 0), (opened.ui.levelsTable, 1)):
        click_cell(table, row, 2)
        assert len(opened.ui.levelsTable.selectedItems()) == 0
        assert {index.row() for index in opened.ui.masksTable.selectionModel().selectedRows()} == {row}


def test_a_ct_that_cannot_be_read_asks_for_no_levels(opened):
    opened.reading.become(problem="The CT has one slice.")
    assert not opened.ui.levelsHint.visible


def test_buttons_ask_the_reading(opened):
    opened.reading.become(levels=FOUND_LEVELS, can_shift_up=True, can_shift_down=True)
    opened.ui.findButton.click()
    opened.ui.shiftUpButton.click()
    opened.ui.shiftDownButton.click()
    opened.ui.levelsTable.cellWidget(1, 4).click()
    opened.ui.levelsTable.cellWidget(0, 4).click()
    asked = [("find_levels",), ("shift_levels", True), ("shift_levels", False), ("place", "L2"), ("place", "L1")]
    assert opened.asked == asked


def test_every_button_that_is_off_says_why(opened):
    for button in (opened.ui.shiftUpButton, opened.ui.shiftDownButton):
        assert not button.enabled
        assert "No vertebra" in button.toolTip
    opened.reading.become(running=True)
    assert not opened.ui.findButton.enabled
    assert "under way" in opened.ui.findButton.toolTip
    assert opened.ui.levelsTable.cellWidget(0, 4).enabled
    opened.reading.become(running=False, volume_name=None)
    assert "Load a CT" in opened.ui.findButton.toolTip
    assert "Load a CT" in opened.ui.levelsTable.cellWidget(0, 4).toolTip
