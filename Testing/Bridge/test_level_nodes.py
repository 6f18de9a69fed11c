"""Points of the levels: where they are, how they are placed, and the boxes around them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from example_readings import LYING, add_ct, move, placed, save_and_load, turned, world_matrix

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.scene import level_nodes, slice_views
from OsteoJointLib.slicer_bridge.scene.level_nodes import LevelMark, interaction_node
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes

L1, L2 = (1.0, 2.0, 3.5), (2.0, 1.0, -30.25)
FOUND = {Level.L1: LevelMark(L1, 0.987, PointSource.AUTO), Level.L2: LevelMark(L2, None, PointSource.USER)}


@pytest.fixture
def nodes(scene) -> OwnedNodes:
    return OwnedNodes(add_ct())


@pytest.mark.parametrize("lying", LYING)
def test_points_are_in_the_world(scene, lying):
    nodes = OwnedNodes(add_ct(lying))
    elsewhere = LevelMark((9.0, 8.0, 7.0), None, PointSource.USER)
    for marks in ({Level.L1: elsewhere}, FOUND):  # L1 is set anew, L2 is new
        level_nodes.show_levels(nodes, marks)
    found = level_nodes.points(nodes)
    np.testing.assert_allclose([found[Level.L1], found[Level.L2]], [L1, L2], atol=1e-6)


def test_a_point_is_named_after_its_level(nodes):
    level_nodes.show_levels(nodes, FOUND)
    one, other = level_nodes.point_nodes(nodes)
    assert one.GetName() == "L1 (CT)" and other.GetName() == "L2 (CT)"
    assert one.GetNthControlPointLabel(0) == Level.L1
    assert one.GetNthControlPointDescription(0) == "found, confidence 0.99"
    assert other.GetNthControlPointDescription(0) == "placed by hand"


def test_showing_again_moves_the_point_and_adds_none(nodes):
    level_nodes.show_levels(nodes, FOUND)
    first = level_nodes.point_nodes(nodes)
    level_nodes.show_levels(nodes, {Level.L1: LevelMark((9.0, 8.0, 7.0), 0.5, PointSource.AUTO)})
    assert level_nodes.point_nodes(nodes) == first
    assert first[0].GetNumberOfControlPoints() == 1
    assert level_nodes.points(nodes) == {Level.L1: pytest.approx((9.0, 8.0, 7.0)), Level.L2: pytest.approx(L2)}


@pytest.mark.parametrize("lying", LYING)
def test_the_box_stands_along_the_ct_around_the_point(scene, lying):
    volume = add_ct(lying)
    nodes = OwnedNodes(volume)
    level_nodes.show_levels(nodes, FOUND)
    box = nodes.get("L1 box")
    np.testing.assert_allclose(box.GetCenterWorld(), L1, atol=1e-6)
    np.testing.assert_allclose(box.GetSize(), (50.0, 50.0, 35.0))  # right, front, up
    axes = slicer.util.arrayFromVTKMatrix(box.GetObjectToWorldMatrix())[:3, :3]
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    columns = world_matrix(volume)[:3, :3]
    columns = columns / np.linalg.norm(columns, axis=0)
    np.testing.assert_allclose(np.abs(axes.T @ columns).max(axis=1), 1.0, atol=1e-6)
    # the short side runs along the patient's axis (in the CT's own frame), whichever way the slices lie
    local = slicer.util.arrayFromVTKMatrix(box.GetObjectToNodeMatrix())[:3, :3]
    assert (np.diag(local) > 0.9).all()
    assert box.GetLocked()


def test_the_box_follows_its_point_and_goes_with_it(nodes):
    level_nodes.show_levels(nodes, FOUND)
    box = nodes.get("L2 box")
    point = level_nodes.point_nodes(nodes)[1]
    point.SetNthControlPointPositionWorld(0, 5.0, 6.0, 7.0)
    level_nodes.update_boxes(nodes)
    assert nodes.get("L2 box") is box
    np.testing.assert_allclose(box.GetCenterWorld(), (5.0, 6.0, 7.0))
    point.RemoveAllControlPoints()
    level_nodes.update_boxes(nodes)
    assert nodes.get("L2 box") is None and nodes.get("L1 box") is not None
    slicer.mrmlScene.RemoveNode(level_nodes.point_nodes(nodes)[0])
    level_nodes.update_boxes(nodes)
    assert nodes.get("L1 box") is None and level_nodes.points(nodes) == {}


def test_a_box_a_user_hid_stays_hidden(nodes):
    level_nodes.show_levels(nodes, FOUND)
    nodes.get("L1 box").SetDisplayVisibility(False)
    level_nodes.show_levels(nodes, {Level.L1: LevelMark((4.0, 4.0, 4.0), 0.5, PointSource.AUTO)})
    assert not nodes.get("L1 box").GetDisplayVisibility()


def test_placing_is_for_the_level_and_one_click(nodes):
    level_nodes.start_placing(nodes, Level.L2)
    interaction = interaction_node()
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    point = level_nodes.point_nodes(nodes)[0]
    assert level_nodes.placed_now(nodes) is Level.L2
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert not interaction.GetPlaceModePersistence()
    assert selection.GetActivePlaceNodeID() == point.GetID()
    assert point.GetMaximumNumberOfControlPoints() == 1
    point.AddControlPointWorld(vtk.vtkVector3d(*L2))  # what a click does
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert level_nodes.points(nodes) == {Level.L2: pytest.approx(L2)}
    assert level_nodes.placed_now(nodes) is None
    assert point.GetNthControlPointLabel(0) == Level.L2


def mouse(host, event: str, x: int, y: int) -> np.ndarray:
    """Give the real markups manager of the Red view a mouse event; return its place in the world."""
    view = host.views.sliceWidget("Red").sliceView()
    ras = (slicer.util.arrayFromVTKMatrix(view.mrmlSliceNode().GetXYToRAS()) @ [x, y, 0, 1])[:3]
    data = slicer.vtkMRMLInteractionEventData()
    data.SetType(getattr(vtk.vtkCommand, event))
    data.SetViewNode(view.mrmlSliceNode())
    data.SetRenderer(view.renderer())
    data.SetDisplayPosition([x, y])
    data.SetWorldPosition(ras.tolist())
    manager = view.displayableManagerByClassName("vtkMRMLMarkupsDisplayableManager")
    if manager.CanProcessInteractionEvent(data, vtk.reference(0.0)):
        manager.ProcessInteractionEvent(data)
    return ras


def click(host, x: int, y: int) -> np.ndarray:
    for event in ("MouseMoveEvent", "LeftButtonPressEvent"):
        mouse(host, event, x, y)
    return mouse(host, "LeftButtonReleaseEvent", x, y)


@pytest.mark.parametrize("former", [False, True])
def test_one_click_in_a_view_places_the_point(nodes, host, former):
    host.views.render_slice("Red")
    if former:
        level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    mouse(host, "MouseMoveEvent", 100, 120)
    assert Level.L1 not in level_nodes.points(nodes)  # what hangs at the cursor isn't placed
    expected = click(host, 150, 220)
    assert interaction_node().GetCurrentInteractionMode() == interaction_node().ViewTransform
    assert level_nodes.points(nodes)[Level.L1] == pytest.approx(tuple(expected))
    click(host, 50, 60)
    assert level_nodes.points(nodes)[Level.L1] == pytest.approx(tuple(expected))
    assert level_nodes.point_nodes(nodes)[0].GetNumberOfControlPoints() == 1


def test_placing_called_off_while_a_point_hangs_at_the_cursor(nodes, host):
    host.views.render_slice("Red")
    level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    mouse(host, "MouseMoveEvent", 100, 120)
    interaction_node().SwitchToViewTransformMode()
    assert level_nodes.points(nodes)[Level.L1] == pytest.approx(L1)
    assert level_nodes.point_nodes(nodes)[0].GetNumberOfControlPoints() == 1


def test_a_right_click_ends_placing(nodes, host):
    host.views.render_slice("Red")
    level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    for event in ("MouseMoveEvent", "RightButtonPressEvent", "RightButtonReleaseEvent"):
        mouse(host, event, 100, 120)
    assert level_nodes.placed_now(nodes) is None
    assert level_nodes.points(nodes)[Level.L1] == pytest.approx(L1)


def test_a_new_point_replaces_the_former(nodes):
    level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    assert Level.L1 not in level_nodes.points(nodes)
    level_nodes.point_nodes(nodes)[0].AddControlPointWorld(vtk.vtkVector3d(7.0, 7.0, 7.0))
    interaction_node().SwitchToViewTransformMode()
    assert level_nodes.points(nodes)[Level.L1] == pytest.approx((7.0, 7.0, 7.0))


def test_placing_called_off_brings_the_former_point_back(nodes):
    move(nodes.volume, placed(turned(10, 20), (1, 1, 1), (5.0, 6.0, 7.0)))
    level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    level_nodes.start_placing(nodes, Level.L1)
    level_nodes.start_placing(nodes, Level.L2)
    assert level_nodes.points(nodes) == {} and level_nodes.placed_now(nodes) is Level.L2
    level_nodes.stop_placing()
    assert level_nodes.placed_now(nodes) is None
    found = level_nodes.points(nodes)
    np.testing.assert_allclose([found[Level.L1], found[Level.L2]], [L1, L2], atol=1e-6)


def test_placing_may_end_after_the_scene_was_closed(nodes):
    level_nodes.show_levels(nodes, FOUND)
    level_nodes.start_placing(nodes, Level.L1)
    slicer.mrmlScene.Clear()
    interaction_node().SwitchToViewTransformMode()
    assert level_nodes.points(nodes) == {}


def drawn(host, nodes, name: str, level: Level) -> int:
    """How many pixels of a view show a level's point."""
    pictures = []
    for on in (False, True):
        level_nodes.point_node(nodes, level).SetDisplayVisibility(on)
        pictures.append(host.views.render_slice(name))
    return int((pictures[0] != pictures[1]).any(axis=-1).sum())


def test_points_off_the_plane_are_seen_in_upright_views_and_not_in_axial_ones(nodes, host):
    level_nodes.show_levels(nodes, FOUND)
    for level in Level:
        nodes.get(f"{level} box").SetDisplayVisibility(False)
    slice_views.jump_to(L1, nodes.volume)
    slice_views.zoom_in()
    red, yellow = (slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}") for name in ("Red", "Yellow"))
    yellow.JumpSliceByOffsetting(L1[0] + 12.0, L1[1], L1[2])
    assert drawn(host, nodes, "Yellow", Level.L1) == 0
    level_nodes.project(nodes)
    point = level_nodes.point_node(nodes, Level.L1)
    assert point.GetNumberOfDisplayNodes() == 2
    assert min(drawn(host, nodes, "Yellow", level) for level in Level) > 20  # both at a glance
    assert drawn(host, nodes, "Red", Level.L1) > 20 and drawn(host, nodes, "Red", Level.L2) == 0
    red.JumpSliceByOffsetting(L1[0], L1[1], L1[2] + 12.0)
    assert drawn(host, nodes, "Red", Level.L1) == 0
    red.SetOrientation("Sagittal")  # a view may be turned
    level_nodes.project(nodes)
    assert drawn(host, nodes, "Red", Level.L1) > 20
    assert point.GetNumberOfDisplayNodes() == 2
    nodes.remove_all()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialDisplayNode") == 0


def test_levels_survive_a_saved_scene(scene, tmp_path):
    nodes = OwnedNodes(add_ct("upside down, moved"))
    level_nodes.show_levels(nodes, FOUND)
    save_and_load(tmp_path)
    again = OwnedNodes(slicer.util.getNode("CT"))
    found = level_nodes.points(again)
    np.testing.assert_allclose([found[Level.L1], found[Level.L2]], [L1, L2], atol=1e-3)
    box = again.get("L1 box")
    assert box.GetLocked() and not box.GetDisplayNode().GetHandlesInteractive()
    np.testing.assert_allclose(box.GetCenterWorld(), L1, atol=1e-3)
    count = slicer.mrmlScene.GetNumberOfNodes()
    level_nodes.show_levels(again, FOUND)
    assert slicer.mrmlScene.GetNumberOfNodes() == count
