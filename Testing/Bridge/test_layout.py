"""L1 and L2 side by side: a layout that is taken, filled, linked, and given back."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from example_readings import add_ct, make_views, world_matrix

from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.parts.sight import SIDE_BY_SIDE_SETTING
from OsteoJointLib.slicer_bridge.reading.state import LevelState
from OsteoJointLib.slicer_bridge.scene import layout, level_nodes, overlay_nodes, slice_views

from .fake_reading import click_cell, open_panel

L1, L2 = Level.L1, Level.L2
FOUR_UP = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
RED_ALONE = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


def center_of(volume, slice_index: float) -> tuple[float, float, float]:
    x, y, z, _one = world_matrix(volume) @ [20.0, 20.0, slice_index, 1.0]
    return (float(x), float(y), float(z))


def node(name: str):
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")


def composite(name: str):
    return slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()


def at(name: str) -> list[float]:
    """Where the middle of a view lies, RAS."""
    return [node(name).GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]


def mapped() -> set[str]:
    return {one.GetLayoutName() for one in slicer.util.getNodesByClass("vtkMRMLSliceNode") if one.IsMappedInLayout()}


def mm_per_px(name: str) -> float:
    return node(name).GetFieldOfView()[0] / node(name).GetDimensions()[0]


@pytest.fixture
def opened(scene):
    """The panel with a CT, whose levels are found."""
    ct = add_ct()
    with open_panel() as opened:
        opened.ct = ct
        opened.centers = {L1: center_of(ct, 16), L2: center_of(ct, 6)}
        opened.found = {level: LevelState(center, 0.9, "auto") for level, center in opened.centers.items()}
        opened.reading.become(levels=opened.found)
        yield opened


def test_a_button_shows_a_view_a_level_and_brings_the_former_layout_back(opened, views):
    views.setLayout(RED_ALONE)
    button = opened.ui.sideBySideButton
    assert not button.checked
    button.click()
    slicer.app.processEvents()
    assert mapped() == {"L1", "L2", "Yellow", "Green"} and button.checked
    assert at("L1") == pytest.approx(opened.centers[L1]) and at("L2") == pytest.approx(opened.centers[L2])
    assert at("Yellow") == pytest.approx(opened.centers[L1])
    for level in Level:
        assert (node(level).GetLayoutLabel(), node(level).GetOrientation()) == (level, "Axial")
        assert np.multiply(node(level).GetLayoutColor(), 255) == pytest.approx(segment_color_rgb(level), abs=0.5)
        assert composite(level).GetBackgroundVolumeID() == opened.ct.GetID()
        assert min(node(level).GetFieldOfView()[:2]) == pytest.approx(slice_views.AXIAL_FIELD_MM)
        assert views.render_slice(level).any()
    button.click()
    assert views.layout == RED_ALONE and mapped() == {"Red"} and not button.checked


def test_each_view_stays_with_its_level(opened):
    opened.ui.sideBySideButton.click()
    click_cell(opened.ui.levelsTable, 1, 2)
    assert at("L1") == pytest.approx(opened.centers[L1]) and at("L2") == pytest.approx(opened.centers[L2])
    assert at("Yellow") == pytest.approx(opened.centers[L2])
    up = tuple(np.add(opened.centers[L2], (0, 0, 5.0)))
    opened.reading.become(levels=opened.found | {L2: LevelState(up, None, "user")})
    assert at("L1") == pytest.approx(opened.centers[L1])
    assert at("L2") == pytest.approx(up) and at("Green")[2] == pytest.approx(opened.centers[L2][2])


def test_both_axial_views_have_one_scale_and_slicer_s_linking_is_off(opened, views):
    opened.ui.sideBySideButton.click()
    slicer.app.processEvents()
    views.render_slice("L2", (500, 300))
    for name, other in (("L1", "L2"), ("L2", "L1")):
        width, height, depth = node(name).GetFieldOfView()
        node(name).SetFieldOfView(width / 2, height / 2, depth)
        assert mm_per_px(name) == pytest.approx(mm_per_px(other))
        assert not composite(name).GetLinkedControl()
    before = node("Yellow").GetFieldOfView()
    node("L1").SetFieldOfView(70, 70, 1)
    assert node("Yellow").GetFieldOfView() == before
    opened.ui.sideBySideButton.click()
    node("L1").SetFieldOfView(33, 33, 1)
    assert mm_per_px("L2") != pytest.approx(mm_per_px("L1"))  # nothing listens any more


def test_the_axial_planes_are_drawn_in_the_others_and_not_the_other_way_round(opened, views):
    opened.ui.sideBySideButton.click()
    slicer.app.processEvents()

    def colored(name: str, color) -> int:
        difference = np.abs(views.render_slice(name).astype(int) - np.asarray(color))
        return int((difference.max(axis=-1) < 60).sum())

    for level in Level:
        across_px = 44 * 0.7 / slice_views.UPRIGHT_FIELD_MM * 400 * (40 / 44)  # the CT's depth
        assert colored("Yellow", segment_color_rgb(level)) >= 0.8 * across_px
        assert colored(level, np.multiply(node("Yellow").GetLayoutColor(), 255)) == 0


def test_the_3d_view_comes_with_the_surfaces(opened, views):
    opened.ui.sideBySideButton.click()
    three_d = views.threeDWidget(0).mrmlViewNode()
    assert not three_d.IsMappedInLayout()
    node("L1").JumpSliceByOffsetting(0, 0, 7.0)
    opened.panel.parameters.node.surface = True
    assert three_d.IsMappedInLayout() and mapped() == {"L1", "L2", "Yellow", "Green"}
    assert at("L1")[2] == pytest.approx(7.0)  # where the user scrolled to
    opened.panel.parameters.node.surface = False
    assert not three_d.IsMappedInLayout()
    opened.ui.sideBySideButton.click()
    assert views.layout == FOUR_UP


def test_views_that_are_new_show_the_map_too(opened):
    nodes = opened.reading.nodes
    overlay_nodes.show_overlays(nodes, make_views(opened.ct))
    opened.panel.parameters.node.explanation = True
    opened.ui.sideBySideButton.click()
    for name in ("L1", "L2", "Yellow"):
        assert composite(name).GetForegroundVolumeID() == nodes.get("explanation").GetID()


def test_the_layout_ends_with_the_module_and_comes_back_with_it(opened, views):
    opened.ui.sideBySideButton.click()
    opened.panel.exit()
    assert views.layout == FOUR_UP and not opened.ui.sideBySideButton.checked
    width = node("L1").GetFieldOfView()[0]
    node("L1").SetFieldOfView(width / 2, width / 2, 1)
    node("L1").JumpSliceByOffsetting(0, 0, 7.0)
    opened.panel.enter()
    assert opened.ui.sideBySideButton.checked and mapped() == {"L1", "L2", "Yellow", "Green"}
    assert node("L1").GetFieldOfView()[0] == pytest.approx(width / 2)  # as the user left it
    assert at("L1")[2] == pytest.approx(7.0)
    opened.ui.sideBySideButton.click()
    opened.panel.exit()
    opened.panel.enter()
    assert views.layout == FOUR_UP


def test_a_closed_panel_leaves_no_layout_behind(scene, views):
    add_ct()
    with open_panel() as opened:
        opened.ui.sideBySideButton.click()
    assert views.layout == FOUR_UP


def test_another_layout_from_slicer_s_tool_bar_is_seen(opened, views):
    opened.ui.sideBySideButton.click()
    views.setLayout(RED_ALONE)
    assert not opened.ui.sideBySideButton.checked
    opened.panel.exit()
    assert views.layout == RED_ALONE


def test_the_layout_before_any_levels_shows_the_whole_ct(scene, views):
    ct = add_ct()
    with open_panel() as opened:
        opened.ui.sideBySideButton.click()
        slicer.app.processEvents()
        assert composite("L1").GetBackgroundVolumeID() == ct.GetID()
        assert views.render_slice("L1").any()
        opened.reading.become(levels={L1: LevelState(center_of(ct, 16), 0.9, "auto"), L2: LevelState()})
        assert at("L1") == pytest.approx(center_of(ct, 16))


def test_a_ct_that_lies_oblique_is_cut_along_its_own_planes(scene):
    ct = add_ct("oblique")
    with open_panel() as opened:
        opened.ui.sideBySideButton.click()
        normal = slicer.util.arrayFromVTKMatrix(node("L1").GetSliceToRAS())[:3, 2]
        column = world_matrix(ct)[:3, 2]
        assert abs(normal @ column / np.linalg.norm(column)) == pytest.approx(1.0, abs=1e-6)


def test_without_a_window_the_button_is_off_and_nothing_fails(scene, host):
    slicer.app.userSettings().setValue(SIDE_BY_SIDE_SETTING, True)
    with host.without_views():
        layout.register()
        with open_panel() as opened:
            add_ct()
            opened.panel.enter()
            assert not opened.ui.sideBySideButton.enabled
            assert "without a window" in opened.ui.sideBySideButton.toolTip
            opened.panel.exit()


def test_the_layouts_are_known_before_the_module_is_opened(host):
    host.load_module()
    logic_node = host.views.layoutLogic().GetLayoutNode()
    assert all(logic_node.IsLayoutDescription(number) for number in (layout.PLAIN, layout.WITH_3D))


def test_a_scene_closes_while_the_layout_is_shown(opened, views):
    opened.ui.sideBySideButton.click()
    slicer.mrmlScene.Clear()
    ct = add_ct(name="next")
    opened.panel.parameters.node.volume = ct
    opened.reading.changed.emit()  # its voxels have come
    assert composite("L2").GetBackgroundVolumeID() == ct.GetID()
    opened.ui.sideBySideButton.click()
    assert views.layout == FOUR_UP


def test_a_dragged_point_moves_its_own_view_alone(opened):
    level_nodes.show_levels(
        opened.reading.nodes,
        {level: level_nodes.LevelMark(center, 0.9, "auto") for level, center in opened.centers.items()},
    )
    opened.ui.sideBySideButton.click()
    opened.reading.changed.emit()
    point = level_nodes.point_node(opened.reading.nodes, L2)
    to = np.add(opened.centers[L2], (2.0, 1.0, 4.0))
    point.InvokeEvent(point.PointStartInteractionEvent)
    point.SetNthControlPointPositionWorld(0, *to)
    point.InvokeEvent(point.PointEndInteractionEvent)
    assert at("L2")[2] == pytest.approx(to[2]) and at("L1")[2] == pytest.approx(opened.centers[L1][2])
    assert (at("Yellow")[0], at("Green")[1]) == pytest.approx(to[:2])
