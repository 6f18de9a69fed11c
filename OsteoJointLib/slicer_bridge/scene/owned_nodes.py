"""All nodes of one CT's reading, found by what they are for.

Each node carries its role as an attribute and a reference to the CT, so that several CTs keep apart, a saved scene
finds everything again, and a node that a user deleted is simply absent.
"""

from __future__ import annotations

from typing import Any

import slicer

ROLE = "OsteoJoint.Role"
"""Attribute of a node: what it is for."""

CT = "OsteoJoint.CT"
"""Role of the node reference to the CT."""


class OwnedNodes:
    """The nodes of one CT's reading.

    Args:
        volume_node: the CT.
    """

    def __init__(self, volume_node):
        self.volume_id: str = volume_node.GetID()
        """ID of the CT, also once it is gone."""
        self._known: dict[str, str] = {}
        self._memories: dict[str, dict[str, Any]] = {}

    @property
    def volume(self):
        """The CT; None once it is gone."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id)

    def get(self, role: str):
        """The node of a role, or None."""
        node = slicer.mrmlScene.GetNodeByID(self._known.get(role, ""))
        if node is None or not self._owns(node) or node.GetAttribute(ROLE) != role:
            node = next((found for found in self.all() if found.GetAttribute(ROLE) == role), None)
        if node is None:
            self._known.pop(role, None)
        else:
            self._known[role] = node.GetID()
        return node

    def all(self) -> list[Any]:
        """Every node of the reading. After the CT was removed: those that were asked for before."""
        nodes = slicer.mrmlScene.GetNodes()
        every = (nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems()))
        return [node for node in every if self._owns(node)]

    def memory(self, role: str) -> dict[str, Any]:
        """What was read of the node of a role, kept so as not to read it again; empty for another node."""
        node = self.get(role)
        key = "" if node is None else f"{role} {node.GetID()}"
        return self._memories.setdefault(key, {})

    def add(self, role: str, node, name: str, hidden: bool = False):
        """Put a new node into the scene, in the CT's place: same parent transform, same study.

        Args:
            role: what it is for.
            node: not in a scene yet.
            name: what it is called; the CT's name follows in brackets.
            hidden: whether to keep it out of Slicer's lists.

        Returns:
            The node.
        """
        node.SetName(f"{name} ({self.volume.GetName()})")
        node.SetAttribute(ROLE, role)
        node.SetHideFromEditors(hidden)
        node = slicer.mrmlScene.AddNode(node)
        node.SetNodeReferenceID(CT, self.volume_id)
        self._known[role] = node.GetID()
        self._follow(node)
        if not hidden:
            self._put_beside_ct(node)
        return node

    def follow_volume(self) -> None:
        """Put every node under the CT's own parent transform again."""
        for node in self.all():
            self._follow(node)

    def show(self, on: bool) -> None:
        """Show or hide everything of the reading that Slicer's lists show: several readings at once confuse."""
        for node in self.all():
            if node.IsA("vtkMRMLDisplayableNode") and not node.GetHideFromEditors():
                node.SetDisplayVisibility(on)

    def remove(self, role: str) -> None:
        """Remove the node of a role, if there is one."""
        if (node := self.get(role)) is not None:
            remove_node(node)

    def remove_hidden(self) -> None:
        """Remove what Slicer's lists don't show."""
        for node in self.all():
            if node.GetHideFromEditors():
                remove_node(node)

    def remove_all(self) -> None:
        """Remove every node of the reading; the CT stays."""
        for node in self.all():
            remove_node(node)

    def _owns(self, node) -> bool:
        if (role := node.GetAttribute(ROLE)) is None:
            return False
        reference = node.GetNodeReferenceID(CT)  # the scene drops it together with the CT
        return reference == self.volume_id or (reference is None and self._known.get(role) == node.GetID())

    def _follow(self, node) -> None:
        volume = self.volume
        if volume is None or not node.IsA("vtkMRMLTransformableNode"):
            return
        if node.GetTransformNodeID() != volume.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())

    def _put_beside_ct(self, node) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        if hierarchy is None:
            return
        ct_item, item = hierarchy.GetItemByDataNode(self.volume), hierarchy.GetItemByDataNode(node)
        if ct_item and item:
            hierarchy.SetItemParent(item, hierarchy.GetItemParent(ct_item))


def remove_node(node) -> None:
    """Remove a node with its display and storage nodes, which would stay behind otherwise."""
    scene = slicer.mrmlScene
    helpers = []
    if node.IsA("vtkMRMLDisplayableNode"):
        helpers += [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        helpers += [node.GetNthStorageNode(index) for index in range(node.GetNumberOfStorageNodes())]
    scene.RemoveNode(node)
    for helper in helpers:
        if helper is not None and scene.IsNodePresent(helper):
            scene.RemoveNode(helper)
