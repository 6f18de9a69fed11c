"""The scene and the logics that Slicer's application and its C++ modules make at start: all of them real."""

from __future__ import annotations

from pathlib import Path

import slicer
import vtk

from osteojoint_host.subject_hierarchy import SubjectHierarchyKeeper

COLORS = """# the first rows of Slicer's generic colors: a label map needs a table of this name
0 Background 0 0 0 0
1 tissue 128 174 128 255
2 bone 241 214 145 255
"""
MODULE_LOGICS = {
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Colors": "vtkSlicerColorLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}
"""Slicer's module: the class of its logic."""


class Mrml:
    """The scene, the application logic and the modules' logics.

    Args:
        folder: where the scene's cache and temporary files go.
        home: Slicer's home, which has what stands in `share` of an installed Slicer and not in the wheel.
    """

    def __init__(self, folder: Path, home: Path):
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.application_logic = slicer.vtkSlicerApplicationLogic()
        self.application_logic.SetMRMLScene(self.scene)
        self.application_logic.SetTemporaryPath(str(folder))
        self._add_home(home)
        self.application_logic.SetSliceLogics(vtk.vtkCollection())
        self.application_logic.SetViewLogics(vtk.vtkCollection())
        self._add_file_access(folder)
        self._add_singletons()
        self.hierarchy = SubjectHierarchyKeeper(self.scene)
        self.logics = {name: self._make_logic(name, owner) for name, owner in MODULE_LOGICS.items()}
        self.application_logic.SetColorLogic(self.logics["Colors"])
        self.logics["Colors"].AddDefaultColorNodes()

    def _add_home(self, home: Path) -> None:
        colors = home / "share" / "ColorFiles"
        colors.mkdir(parents=True)
        (colors / "GenericColors.txt").write_text(COLORS, encoding="utf-8")
        self.application_logic.SetHomeDirectory(str(home))
        self.application_logic.SetShareDirectory("share")

    def _add_file_access(self, folder: Path) -> None:
        remote = slicer.vtkMRMLRemoteIOLogic()
        remote.GetCacheManager().SetRemoteCacheDirectory(str(folder))
        remote.SetMRMLScene(self.scene)
        manager = slicer.vtkDataIOManagerLogic()
        manager.SetMRMLApplicationLogic(self.application_logic)
        manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
        remote.AddDataIOToScene()
        self.scene.SetRootDirectory(str(folder))
        self._file_access = (remote, manager)

    def _add_singletons(self) -> None:
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene)
        for owner, tag in (("Crosshair", "default"), ("Selection", "Singleton"), ("Interaction", "Singleton")):
            node = self.scene.CreateNodeByClass(f"vtkMRML{owner}Node")
            node.UnRegister(None)
            if owner == "Crosshair":
                node.SetCrosshairName(tag)
            node.SetSingletonTag(tag)
            self.scene.AddNode(node)

    def _make_logic(self, name: str, owner: str):
        logic = getattr(slicer, owner)()
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self.application_logic.SetModuleLogic(name, logic)
        return logic
