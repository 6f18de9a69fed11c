"""The views go to what has just been made: found, read, placed or shifted levels, another CT, a dragged point."""

from __future__ import annotations

import time

import numpy as np
import pytest
import qt
import slicer
import vtk
from example_readings import add_ct, world_matrix
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.panel import Panel
from OsteoJointLib.slicer_bridge.reading import controller
from OsteoJointLib.slicer_bridge.reading.controller import ReadingController
from OsteoJointLib.slicer_bridge.scene import level_nodes, slice_views

from .fake_reading import click_cell
from .test_controller import FakeEngine, center_of

L1, L2 = Level.L1, Level.L2
FAR = (3.0, 2.0, 25.0)
"""A place of the CT above L1, where the views lie before a button is pressed."""


class Desk:
    """The panel on a reading of a CT whose views lie far off, as a user has left them."""

    def __init__(self, host):
        self.host, self.ct = host, add_ct()
        self.reading = ReadingController()
        self.reading.follow = False
        logic = ScriptedLoadableModuleLogic()
        logic.moduleName = "OsteoJoint"
        self.place = qt.QWidget()
        self.panel = Panel(qt.QVBoxLayout(self.place), self.reading, logic.getParameterNode)
        self.panel.parameters.node.follow = False
        self.wander(FAR)

    def wander(self, ras) -> None:
        """Move the views elsewhere, as a user does."""
        for name in ("Red", "Yellow", "Green"):
            self.node(name).JumpSliceByCentering(*ras)

    def node(self, name: str):
        return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")

    @property
    def offsets(self) -> tuple[float, float, float]:
        """Where the planes lie: R, A, S mm."""
        views = enumerate(("Yellow", "Green", "Red"))
        return tuple(self.node(name).GetSliceToRAS().GetElement(axis, 3) for axis, name in views)

    @property
    def fields(self) -> list[float]:
        """The shorter side of what each view shows, mm."""
        return [min(self.node(name).GetFieldOfView()[:2]) for name in ("Red", "Yellow", "Green")]

    def settle(self) -> None:
        """Let everything come to rest: longer than the watcher's quiet moment."""
        end = time.monotonic() + 0.15
        assert self.host.wait_until(lambda: time.monotonic() > end and not self.reading.running)

    def press(self, name: str) -> None:
        slicer.util.findChild(self.place, name).click()
        self.settle()

    def close(self) -> None:
        self.panel.close()
        self.reading.close()
        self.place.deleteLater()
        slicer.app.processEvents()


@pytest.fixture
def desk(scene, host, monkeypatch):
    monkeypatch.setattr(controller, "Engine", FakeEngine)
    for name, axis in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
        slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}").SetOrientation(axis)
        host.views.render_slice(name)
    desk = Desk(host)
    yield desk
    desk.close()


def test_until_something_is_made_the_views_stay_where_the_user_left_them(desk):
    desk.reading.changed.emit()
    desk.settle()
    assert desk.offsets == pytest.approx(FAR)


@pytest.mark.parametrize("button", ["findButton", "applyButton"])
def test_found_levels_are_gone_to_and_seen_near(desk, button):
    desk.press(button)
    assert desk.offsets == pytest.approx(center_of(desk.ct, 16))
    assert desk.fields == pytest.approx([slice_views.AXIAL_FIELD_MM, *[slice_views.UPRIGHT_FIELD_MM] * 2])


def test_apply_goes_to_levels_that_were_found_earlier_and_left(desk):
    desk.press("findButton")
    desk.wander((3.0, 2.0, 60.0))
    desk.press("applyButton")
    assert desk.offsets == pytest.approx(center_of(desk.ct, 16))


def test_a_result_leaves_the_views_where_a_body_is_seen(desk):
    desk.press("applyButton")
    at = tuple(np.add(center_of(desk.ct, 6), (2.0, 1.0, 5.0)))
    desk.wander(at)
    desk.press("applyButton")
    assert desk.offsets == pytest.approx(at)


def test_a_zoom_of_the_user_s_own_stays(desk):
    desk.press("findButton")
    red = desk.node("Red")
    red.SetFieldOfView(40.0, 40.0, red.GetFieldOfView()[2])
    desk.press("shiftUpButton")
    desk.press("applyButton")
    assert desk.fields[0] == pytest.approx(40.0)


def test_a_shift_goes_to_the_level_looked_at_where_it_is_now(desk):
    desk.press("findButton")
    click_cell(slicer.util.findChild(desk.place, "levelsTable"), 1, 2)
    assert desk.offsets == pytest.approx(center_of(desk.ct, 6))
    desk.press("shiftUpButton")
    assert desk.offsets == pytest.approx(center_of(desk.ct, 16))  # L2 is where L1 was
    desk.press("shiftDownButton")
    assert desk.offsets == pytest.approx(center_of(desk.ct, 6))


def mouse(desk, view_name: str, event: str, ras) -> None:
    """Give the real markups manager of a view a mouse event at a place on its plane."""
    view = desk.host.views.sliceWidget(view_name).sliceView()
    node = view.mrmlSliceNode()
    xy = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())) @ [*ras, 1.0]
    data = slicer.vtkMRMLInteractionEventData()
    data.SetType(getattr(vtk.vtkCommand, event))
    data.SetViewNode(node)
    data.SetRenderer(view.renderer())
    data.SetDisplayPosition([round(x) for x in xy[:2]])
    data.SetWorldPosition(list(ras))
    manager = view.displayableManagerByClassName("vtkMRMLMarkupsDisplayableManager")
    if manager.CanProcessInteractionEvent(data, vtk.reference(0.0)):
        manager.ProcessInteractionEvent(data)


def drag(desk, view_name: str, start, end, release: bool = True) -> None:
    desk.host.views.render_slice(view_name)
    for event, ras in (
        ("MouseMoveEvent", start),
        ("LeftButtonPressEvent", start),
        ("MouseMoveEvent", np.add(start, end) / 2),
        ("MouseMoveEvent", end),
        *([("LeftButtonReleaseEvent", end)] if release else []),
    ):
        mouse(desk, view_name, event, ras)


def test_the_planes_of_the_other_views_go_along_with_a_dragged_point(desk):
    desk.press("findButton")
    start = center_of(desk.ct, 16)
    desk.wander(start)
    end = tuple(np.add(start, (0.0, 4.0, -6.0)))
    drag(desk, "Yellow", start, end, release=False)
    assert level_nodes.points(desk.reading.nodes)[L1] == pytest.approx(end, abs=0.3)
    assert desk.offsets == pytest.approx(level_nodes.points(desk.reading.nodes)[L1], abs=1e-6)  # while it is dragged
    mouse(desk, "Yellow", "LeftButtonReleaseEvent", end)
    desk.settle()
    now = level_nodes.points(desk.reading.nodes)[L1]
    assert desk.offsets == pytest.approx(now, abs=1e-6)
    # so that it can be taken hold of again, in another view
    drag(desk, "Red", now, np.add(now, (3.0, 0.0, 0.0)))
    desk.settle()
    again = level_nodes.points(desk.reading.nodes)[L1]
    assert again == pytest.approx(np.add(now, (3.0, 0.0, 0.0)), abs=0.3)
    assert desk.offsets == pytest.approx(again, abs=1e-6)


def test_a_dragged_point_pans_no_view_in_which_it_is_seen(desk):
    desk.press("findButton")
    before = [desk.node(name).GetXYToRAS().GetElement(row, 3) for name in ("Red", "Green") for row in (0, 1)]
    start = center_of(desk.ct, 16)
    drag(desk, "Yellow", start, np.add(start, (0.0, 4.0, -6.0)))
    desk.settle()
    after = [desk.node(name).GetXYToRAS().GetElement(row, 3) for name in ("Red", "Green") for row in (0, 1)]
    assert after[:3] == pytest.approx(before[:3])
    assert after[3] == pytest.approx(before[3] + 4.0, abs=0.3)  # the coronal plane itself


def test_a_placed_point_takes_the_other_planes_there(desk):
    desk.wander((3.0, 2.0, 10.0))
    desk.host.views.render_slice("Red")
    desk.reading.edits.place(L2)
    place = (-4.0, 5.0, 10.0)
    for event in ("MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        mouse(desk, "Red", event, place)
    desk.settle()
    now = level_nodes.points(desk.reading.nodes)[L2]
    assert now == pytest.approx(place, abs=0.5)
    assert desk.offsets == pytest.approx(now, abs=1e-6)
    fields = desk.fields
    desk.reading.edits.place(L1)
    assert desk.fields == fields  # nobody wants a jump between the two clicks


def test_a_script_that_moves_a_point_pulls_no_view_along_while_it_works(desk):
    desk.press("findButton")
    node = level_nodes.point_nodes(desk.reading.nodes)[0]
    before = desk.offsets
    node.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
    assert desk.offsets == before
    desk.settle()
    assert desk.offsets == pytest.approx((1.0, 2.0, 3.0))


def test_another_ct_is_shown_where_its_levels_are(desk):
    desk.press("findButton")
    other = add_ct(name="other")
    node = desk.panel.parameters.node
    node.volume = other
    assert desk.node("Red").GetSliceOffset() != pytest.approx(center_of(desk.ct, 16)[2])  # the whole of it
    desk.press("findButton")
    assert desk.offsets == pytest.approx(center_of(other, 16))
    desk.wander(FAR)
    node.volume = desk.ct
    assert desk.offsets == pytest.approx(center_of(desk.ct, 16))
    assert desk.fields[0] == pytest.approx(slice_views.AXIAL_FIELD_MM)
    shown = {n.GetBackgroundVolumeID() for n in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    assert shown == {desk.ct.GetID()}


def test_a_ct_whose_voxels_come_later_is_shown_then(desk):
    late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "late")
    desk.panel.parameters.node.volume = late
    desk.settle()
    assert all(np.linalg.det(slicer.util.arrayFromVTKMatrix(desk.node(n).GetXYToRAS())) for n in ("Red", "Yellow"))
    late.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(world_matrix(desk.ct)))
    slicer.util.updateVolumeFromArray(late, slicer.util.arrayFromVolume(desk.ct))
    late.CreateDefaultDisplayNodes()
    desk.settle()
    shown = {n.GetBackgroundVolumeID() for n in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    assert shown == {late.GetID()} and late.GetDisplayNode().GetWindow() == 1800
    desk.press("findButton")
    assert desk.offsets == pytest.approx(center_of(late, 16))
    assert all(np.linalg.det(slicer.util.arrayFromVTKMatrix(desk.node(n).GetXYToRAS())) for n in ("Red", "Yellow"))


def test_while_another_module_is_shown_its_views_are_left_alone(desk):
    desk.press("findButton")
    desk.panel.exit()
    desk.wander(FAR)
    desk.reading.edits.shift_levels(up=True)
    desk.settle()
    assert desk.offsets == pytest.approx(FAR)
    desk.panel.enter()
    desk.reading.changed.emit()
    assert desk.offsets == pytest.approx(FAR)
    desk.press("shiftDownButton")
    assert desk.offsets == pytest.approx(center_of(desk.ct, 16))


def test_a_scene_that_is_opened_shows_what_was_saved_with_it(desk, tmp_path):
    desk.press("findButton")
    slice_views.show_volume(desk.ct)
    desk.wander((3.0, 2.0, -20.0))
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    desk.reading.select(None)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    desk.settle()
    assert desk.reading.nodes is not None and desk.reading.state.levels[L1].center_ras is not None
    assert desk.offsets == pytest.approx((3.0, 2.0, -20.0), abs=1e-3)
