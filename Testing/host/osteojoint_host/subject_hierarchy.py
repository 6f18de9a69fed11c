"""The subject hierarchy's items, which a Qt class of Slicer makes and removes: `qSlicerSubjectHierarchyPluginLogic`.

Order matters. A scene that was imported with a hierarchy of its own has two of them until they are merged, and a 3-D
view that asks the wrong one for a parent hangs for ever in C++; so they are merged first of all, before any other
observer of the end of an import hears of it.

Slicer's plugin for segmentations follows every segmentation of the scene, hidden ones too, and complains with a red
cross in the corner where one has no item; here a complaint fails the test.
"""

from __future__ import annotations

import slicer
import vtk

from osteojoint_host.errors import LOG

FIRST = 10.0
HIDDEN_CLASSES = ("vtkMRMLSubjectHierarchyNode", "vtkMRMLStorageNode", "vtkMRMLDisplayNode")


class SubjectHierarchyKeeper:
    """Keeps one item for each node that Slicer would list."""

    def __init__(self, scene):
        self._scene = scene
        for event, method, priority in (
            (scene.NodeAddedEvent, self._node_added, 0.0),
            (scene.NodeAboutToBeRemovedEvent, self._node_removed, 0.0),
            (scene.StartImportEvent, self._make_room, FIRST),
            (scene.EndImportEvent, self._resolve, FIRST),
            (scene.EndCloseEvent, self._resolve, FIRST),
            (scene.EndBatchProcessEvent, self._resolve, FIRST),
        ):
            scene.AddObserver(event, method, priority)
        self._resolve()

    def _hierarchy(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    def _make_room(self, caller=None, event=None):
        """Remove a hierarchy that a view made in the scene just closed: merging it with the one that is read fails."""
        for node in slicer.util.getNodesByClass("vtkMRMLSubjectHierarchyNode", self._scene):
            if self._scene.IsBatchProcessing() and not node.GetNumberOfItems():
                self._scene.RemoveNode(node)

    def _resolve(self, caller=None, event=None):
        if self._busy():
            return
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        self._add_missing()

    def _busy(self) -> bool:
        """Whether the hierarchies of the scene may be more than one: while it is read, closed or changed in bulk."""
        return self._scene.IsImporting() or self._scene.IsClosing() or self._scene.IsBatchProcessing()

    def _belongs(self, node) -> bool:
        if node.GetHideFromEditors() or any(node.IsA(name) for name in HIDDEN_CLASSES):
            return False
        return node.IsA("vtkMRMLDisplayableNode") or node.IsA("vtkMRMLTableNode") or node.IsA("vtkMRMLTextNode")

    def _add_missing(self, caller=None, event=None):
        if self._busy():
            return
        for index in range(self._scene.GetNumberOfNodes()):
            self._add(self._scene.GetNthNode(index))

    def _add(self, node):
        hierarchy = self._hierarchy()
        if self._belongs(node) and not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_added(self, caller, event, node):
        if node.IsA("vtkMRMLSegmentationNode"):
            for event in ("SegmentAdded", "SegmentRemoved", "SegmentModified"):
                node.AddObserver(getattr(slicer.vtkSegmentation, event), self._segment_changed)
        if self._busy():
            return
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            self._resolve()
        else:
            self._add(node)

    def _segment_changed(self, node, event):
        if node.GetScene() is not None and not self._busy() and not self._hierarchy().GetItemByDataNode(node):
            name = node.GetName()
            LOG.add(f"CRITICAL: {event}: Unable to find subject hierarchy item for segmentation node {name}")

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_removed(self, caller, event, node):
        if self._scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = self._hierarchy()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.RemoveItem(item, False, False)
