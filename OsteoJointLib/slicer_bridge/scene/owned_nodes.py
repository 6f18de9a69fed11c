"""All nodes of one CT's reading, found by what they are for.

Each node carries its role as an attribute and a reference to the CT, so that several CTs keep apart, a saved scene
finds everything again, and a node that a user deleted is simply absent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import slicer

ROLE = "OsteoJoint.Role"
"""Attribute of a node: its :class:`Role`."""

CT = "OsteoJoint.CT"
"""Role of the node reference to the CT."""

FOLDER = "OsteoJoint.Folder"
"""Attribute of the folder that holds a reading in Slicer's data tree."""


class Role(StrEnum):
    """What a node is for, as its attribute says it in the scene."""

    MASKS = "masks"
    """What is shown, edited and measured."""
    NETWORK = "network"
    """The network's own masks, hidden."""
    BEFORE = "before"
    """What ``MASKS`` held before the last refinement, hidden."""
    NEIGHBORS = "neighbors"
    """The bodies of T12 and L3, outlines that nobody edits."""
    MEASURED = "measured"
    """The regions that HU were measured in, outlines."""
    HEATMAP = "heatmap"
    EXPLANATION = "explanation"
    HEATMAP_COLORS = "heatmap colors"
    EXPLANATION_COLORS = "explanation colors"
    TABLE = "table"
    RESULT = "result"
    """The result document."""
    RECORD = "record"
    """What the result was made from."""
    SAID = "said"
    """What a user says of the CT."""
    L1_POINT = "L1 point"
    L2_POINT = "L2 point"
    L1_BOX = "L1 box"
    L2_BOX = "L2 box"
    NAMES = "names"
    """The names proposed for the bodies about them, while they are in doubt."""


class OwnedNodes:
    """The nodes of one CT's reading.

    Args:
        volume_node: the CT.
    """

    def __init__(self, volume_node: slicer.vtkMRMLScalarVolumeNode):
        self.volume_id: str = volume_node.GetID()
        """ID of the CT, also once it is gone."""
        self._known: dict[Role, str] = {}
        self._every = slicer.mrmlScene.GetNodes()  # asked for anew, VTK goes through all of them
        self._looked_at = -1
        self._in_roles: dict[str, list[str]] = {}
        self._memories: dict[str, dict[str, Any]] = {}

    @property
    def volume(self) -> Any:
        """The CT; None once it is gone."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id)

    def get(self, role: Role) -> Any:
        """Find the node of a role; None where there is none."""
        node = slicer.mrmlScene.GetNodeByID(self._known.get(role, ""))
        if node is None or not self._owns(node) or node.GetAttribute(ROLE) != role:
            node = next((found for found in self._in_role(role) if found.GetAttribute(ROLE) == role), None)
        if node is None:
            self._known.pop(role, None)
        else:
            self._known[role] = node.GetID()
        return node

    def all(self) -> list[Any]:
        """List every node of the reading. After the CT was removed: those that were asked for before."""
        self._look()
        return [node for role in self._in_roles for node in self._in_role(role)]

    def _in_role(self, role: str) -> list[Any]:
        self._look()
        found = map(slicer.mrmlScene.GetNodeByID, self._in_roles.get(role, ()))
        return [node for node in found if node is not None and self._owns(node)]

    def _look(self) -> None:
        """Note which nodes have a role, of whichever CT.

        A node has its role before it comes into the scene, and from a file too; so the scene is gone through again only
        after one came or went. Whose a node is may change at any time, and is not remembered.
        """
        every = self._every
        if self._looked_at == every.GetMTime():
            return
        self._looked_at, self._in_roles = every.GetMTime(), {}
        for node in map(every.GetItemAsObject, range(every.GetNumberOfItems())):
            if role := node.GetAttribute(ROLE):
                self._in_roles.setdefault(role, []).append(node.GetID())

    def memory(self, role: Role) -> dict[str, Any]:
        """Give what was read of the node of a role, so as not to read it again; empty for another node."""
        node = self.get(role)
        key = "" if node is None else f"{role} {node.GetID()}"
        return self._memories.setdefault(key, {})

    def add(self, role: Role, node: slicer.vtkMRMLNode, name: str, hidden: bool = False) -> Any:
        """Put a new node into the scene, in the CT's place: same parent transform, in the reading's folder beside it.

        Args:
            role: what it is for.
            node: not in a scene yet.
            name: what it is called; the CT's name follows in brackets.
            hidden: whether to keep it out of Slicer's lists.

        Returns:
            The node.
        """
        node.SetName(f"{name} ({self.volume.GetName()})")
        node.SetAttribute(ROLE, str(role))
        node.SetHideFromEditors(hidden)
        node = slicer.mrmlScene.AddNode(node)
        node.SetNodeReferenceID(CT, self.volume_id)
        self._known[role] = node.GetID()
        self._follow(node)
        self._put_into_tree(node)
        return node

    def follow_volume(self) -> None:
        """Put every node under the CT's own parent transform again, and hidden masks of older scenes into the tree."""
        for node in self.all():
            self._follow(node)
            if node.GetHideFromEditors():
                self._put_into_tree(node)

    def show(self, on: bool) -> None:
        """Show or hide everything of the reading that Slicer's lists show: several readings at once confuse."""
        for node in self.all():
            if node.IsA("vtkMRMLDisplayableNode") and not node.GetHideFromEditors():
                node.SetDisplayVisibility(on)

    def remove(self, role: Role) -> None:
        """Remove the node of a role, if there is one."""
        if (node := self.get(role)) is not None:
            remove_node(node)

    def remove_all(self) -> None:
        """Remove every node of the reading and its folder; the CT stays."""
        folder = self._folder()
        for node in self.all():
            remove_node(node)
        _remove_if_empty(folder)

    def hold(self) -> None:
        """Remember every node: once the CT is gone, the scene has dropped what says that they are its own."""
        self._known.update({Role(role): n.GetID() for n in self.all() if (role := n.GetAttribute(ROLE)) in set(Role)})

    def release(self) -> None:
        """Let the nodes that Slicer's lists show be the user's own, for good; remove the hidden ones."""
        for node in self.all():
            if node.GetHideFromEditors():
                remove_node(node)
            else:
                node.RemoveAttribute(ROLE)

    def _owns(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetAttribute(ROLE) is None:
            return False
        reference = node.GetNodeReferenceID(CT)  # the scene drops it together with the CT
        return reference == self.volume_id or (reference is None and node.GetID() in self._known.values())

    def _follow(self, node: slicer.vtkMRMLNode) -> None:
        volume = self.volume
        if volume is None or not node.IsA("vtkMRMLTransformableNode"):
            return
        if node.GetTransformNodeID() != volume.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())

    def _put_into_tree(self, node: slicer.vtkMRMLNode) -> None:
        """Give a node its place in Slicer's data tree: in the reading's folder, under the CT's own study."""
        hierarchy = _hierarchy()
        if hierarchy is None:
            return
        if not node.GetHideFromEditors():
            if (item := hierarchy.GetItemByDataNode(node)) and (folder := self._folder() or self._new_folder()):
                hierarchy.SetItemParent(item, folder)
        elif node.IsA("vtkMRMLSegmentationNode") and not hierarchy.GetItemByDataNode(node):
            # Slicer follows its segments and complains where it has no item; the tree leaves it out, because it is
            # hidden, and outside the folder its eye doesn't show it
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _folder(self) -> int:
        """Find the folder that holds the reading's nodes, wherever a user has moved it; 0 where there is none."""
        hierarchy = _hierarchy()
        for node in self.all() if hierarchy is not None else ():
            item = hierarchy.GetItemByDataNode(node)
            parent = hierarchy.GetItemParent(item) if item else 0
            if parent and hierarchy.HasItemAttribute(parent, FOLDER):
                return parent
        return 0

    def _new_folder(self) -> int:
        hierarchy = _hierarchy()
        ct_item = hierarchy.GetItemByDataNode(self.volume)
        if not ct_item:
            return 0
        name = f"OsteoJoint ({self.volume.GetName()})"
        folder = hierarchy.CreateFolderItem(hierarchy.GetItemParent(ct_item), name)
        hierarchy.SetItemAttribute(folder, FOLDER, "1")
        hierarchy.SetItemExpanded(folder, False)
        return folder


def _hierarchy() -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def _remove_if_empty(folder: int) -> None:
    if folder and _hierarchy().GetNumberOfItemChildren(folder) == 0:
        _hierarchy().RemoveItem(folder)


def remove_node(node: slicer.vtkMRMLNode) -> None:
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
