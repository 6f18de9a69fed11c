"""The test host's scene, files, views, parameter nodes and modules are those that the extension meets in Slicer."""

import importlib.util
import shutil
import subprocess
from typing import Annotated

import ctk
import numpy as np
import pytest
import slicer
import vtk
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    flag: bool = True
    count: Annotated[int, WithinRange(0, 9), Default(3)]
    weight: float = 0.5
    device: Annotated[str, Choice(["auto", "cpu"])] = "auto"


class SomethingLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return Parameters(super().getParameterNode())


def add_ct(name="CT"):
    voxels = np.zeros((20, 32, 32), np.int16)
    voxels[5:15, 8:24, 8:24] = 300
    node = slicer.util.addVolumeFromArray(voxels, name=name)
    node.SetSpacing(2, 2, 3)
    node.CreateDefaultDisplayNodes()
    return node


def add_segments(ct):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node.GetSegmentation().AddEmptySegment("L1", "L1", (1.0, 0.0, 0.0))
    mask = (slicer.util.arrayFromVolume(ct) > 100).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "L1", ct)
    return node


def test_parameters_are_checked_and_kept_in_the_node(scene):
    parameters = SomethingLogic().getParameterNode()
    assert (parameters.flag, parameters.count, parameters.weight, parameters.device) == (True, 3, 0.5, "auto")
    assert parameters.volume is None
    for name, wrong in {"count": 10, "flag": 1, "device": "tpu", "weight": None}.items():
        with pytest.raises(ValueError):
            setattr(parameters, name, wrong)
    parameters.parameterNode.SetParameter("count", "7")
    assert parameters.count == 7
    assert SomethingLogic().getParameterNode().parameterNode is parameters.parameterNode


def test_a_bundle_brings_everything_back(scene, views, tmp_path):
    ct = add_ct()
    masks = add_segments(ct)
    masks.CreateClosedSurfaceRepresentation()
    parameters = SomethingLogic().getParameterNode()
    parameters.volume, parameters.count, parameters.flag = ct, 5, False
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(masks), study)
    path = str(tmp_path / "all.mrb")
    assert slicer.util.saveScene(path)
    for _ in range(2):  # into an empty scene, then into one with the same nodes, with a 3-D view alive
        slicer.util.loadScene(path, {"clear": True})
        parameters = SomethingLogic().getParameterNode()
        assert parameters.volume is slicer.util.getNode("CT")
        assert (parameters.count, parameters.flag) == (5, False)
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        masks = slicer.util.getNode("Masks")
        assert hierarchy.GetItemName(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(masks))) == "Study"
        assert len(slicer.util.getNodesByClass("vtkMRMLSubjectHierarchyNode")) == 1
        views.render_3d()


def test_a_closed_scene_brings_the_defaults_back(scene):
    parameters = SomethingLogic().getParameterNode()
    parameters.count = 5
    slicer.mrmlScene.Clear()
    assert SomethingLogic().getParameterNode().count == 3


def test_nodes_are_listed_in_the_subject_hierarchy_and_leave_it(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    ct = add_ct()
    assert hierarchy.GetItemByDataNode(ct)
    slicer.mrmlScene.RemoveNode(ct)
    assert hierarchy.GetNumberOfItems() == 0


def test_files_go_out_and_in(scene, tmp_path):
    ct = add_ct()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[0, 3] = 7
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    assert slicer.util.exportNode(ct, str(tmp_path / "world.nrrd"), {"useCompression": 0}, world=True)
    assert slicer.util.exportNode(ct, str(tmp_path / "local.nrrd"), {})
    assert slicer.util.loadVolume(str(tmp_path / "world.nrrd")).GetOrigin() == pytest.approx((7, 0, 0))
    assert slicer.util.loadVolume(str(tmp_path / "local.nrrd")).GetOrigin() == (0, 0, 0)
    assert ct.GetParentTransformNode() is transform
    assert ct.GetStorageNode() is None
    slicer.util.saveNode(add_segments(ct), str(tmp_path / "masks.seg.nrrd"))
    loaded = slicer.util.loadSegmentation(str(tmp_path / "masks.seg.nrrd"))
    assert loaded.GetSegmentation().GetSegmentIDs() == ("L1",)
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "absent.nrrd"))


def test_the_views_show_the_scene(scene, views):
    assert views.render_slice("Red", (200, 160)).shape == (160, 200, 3)
    assert not views.render_slice("Red", (200, 160)).any()
    ct = add_ct()
    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    gray = views.render_slice("Red", (200, 160))
    assert gray.any()
    masks = add_segments(ct)
    red, green, _ = np.moveaxis(views.render_slice("Red", (200, 160)).astype(int), 2, 0)
    assert (red - green > 100).sum() > 100
    empty = views.render_3d((200, 160))
    masks.CreateClosedSurfaceRepresentation()
    views.resetThreeDViews()
    assert (views.render_3d((200, 160)) != empty).any(axis=2).sum() > 500
    orientations = [views.sliceWidget(name).mrmlSliceNode().GetOrientation() for name in ("Red", "Yellow", "Green")]
    assert orientations == ["Axial", "Sagittal", "Coronal"]


def test_a_layout_makes_its_views_maps_them_and_sizes_them_later(scene, views):
    logic_node = views.layoutLogic().GetLayoutNode()
    view = '<view class="vtkMRMLSliceNode" singletontag="Extra"><property name="orientation">Coronal</property></view>'
    logic_node.AddLayoutDescription(4711, f'<layout type="horizontal"><item>{view}</item></layout>')
    views.setLayout(4711)
    node = views.sliceWidget("Extra").mrmlSliceNode()
    assert node.IsMappedInLayout() and node.GetOrientation() == "Coronal"
    assert not views.sliceWidget("Red").mrmlSliceNode().IsMappedInLayout()
    assert not views.threeDWidget(0).mrmlViewNode().IsMappedInLayout()
    first = node.GetDimensions()
    slicer.app.processEvents()
    assert first != (400, 400, 1) == node.GetDimensions()
    assert "Extra" in views.sliceViewNames()
    assert views.sliceWidget("Extra").mrmlSliceCompositeNode().GetBackgroundVolumeID() is None
    views.setLayout(4712)  # never described
    assert views.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
    assert not node.IsMappedInLayout() and views.sliceWidget("Red").mrmlSliceNode().IsMappedInLayout()


def test_a_view_is_grabbed_as_in_slicer(scene, views):
    slicer.util.setSliceViewerLayers(background=add_ct(), fit=True)
    widget = slicer.app.layoutManager().sliceWidget("Red")
    grabber = vtk.vtkWindowToImageFilter()
    widget.sliceView().forceRender()
    grabber.SetInput(widget.sliceView().renderWindow())
    grabber.Update()
    assert grabber.GetOutput().GetScalarRange()[1] > 200
    image = ctk.ctkWidgetsUtils.grabWidget(widget)
    assert (image.width(), image.height()) == grabber.GetOutput().GetDimensions()[:2]
    assert not widget.grab().isNull()


def test_without_views_there_is_no_layout_manager(host, scene):
    with host.without_views():
        assert slicer.app.layoutManager() is None
    assert slicer.app.layoutManager() is host.views


def test_the_application_answers_by_itself():
    assert slicer.app.testingEnabled()
    slicer.util.errorDisplay("No.")
    assert slicer.util.mainWindow() is None
    assert (slicer.app.majorVersion, slicer.app.minorVersion) == (5, 13)
    assert importlib.util.find_spec("slicer.packaging") is None  # a test that needs it brings a fake


def test_pythonslicer_starts_a_python():
    done = subprocess.run([shutil.which("PythonSlicer"), "-c", "print(6 * 7)"], capture_output=True, text=True)
    assert done.stdout == "42\n"


def test_what_vtk_complains_about_is_found(host):
    vtk.vtkXMLImageDataReader().Update()
    assert any("vtkXMLImageDataReader" in text for text in host.errors())
