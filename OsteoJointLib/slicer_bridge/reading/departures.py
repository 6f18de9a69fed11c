"""Notices CTs that leave the scene, and takes away what is nothing without its CT.

A CT's own nodes can be told only as long as the CT is there, so they are noted before it goes and removed after. That
is done for every CT with a reading, not only for the one that is chosen: Slicer's selector chooses another CT while the
one that leaves is still in the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene import mask_nodes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE, OwnedNodes, Role, remove_node

_BEFORE_ALL_OTHERS = 100.0
"""Priority of the observer: before the selectors, which choose another CT."""


class Departures(slicer.util.VTKObservationMixin):
    """Watches the scene for CTs that leave it, but for its closing.

    Args:
        on_leaving: called with the CT's ID while it is still there.
        on_left: called with its ID and name once it is gone, whether it had a reading, and whether masks stay.
    """

    def __init__(self, on_leaving: Callable[[str], None], on_left: Callable[[str, str, bool, bool], None]):
        slicer.util.VTKObservationMixin.__init__(self)
        self._on_leaving, self._on_left = on_leaving, on_left
        self._leaving: dict[str, OwnedNodes] = {}
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._leaves, priority=_BEFORE_ALL_OTHERS)
        self.addObserver(scene, scene.NodeRemovedEvent, self._left)

    def close(self) -> None:
        """Watch no more."""
        self.removeObservers()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _leaves(self, caller: Any, event: Any, node: slicer.vtkMRMLNode) -> None:
        if slicer.mrmlScene.IsClosing() or not node.IsA("vtkMRMLScalarVolumeNode") or node.GetAttribute(ROLE):
            return
        nodes = self._leaving[node.GetID()] = OwnedNodes(node)
        nodes.hold()
        self._on_leaving(node.GetID())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _left(self, caller: Any, event: Any, node: slicer.vtkMRMLNode) -> None:
        nodes = self._leaving.pop(node.GetID(), None)
        if nodes is not None:
            had_reading = bool(nodes.all())
            self._on_left(node.GetID(), node.GetName(), had_reading, remove_orphans(nodes))


def remove_orphans(nodes: OwnedNodes) -> bool:
    """Remove a reading whose CT is gone; masks that a user corrected or refined are work, and stay as plain masks.

    Returns:
        Whether masks stay.
    """
    masks = nodes.get(Role.MASKS)
    own = any(mask_nodes.source(nodes, level) in mask_nodes.OWN for level in Level)
    if not own:
        nodes.remove_all()
        return False
    for node in nodes.all():
        if node is not masks:
            remove_node(node)
    nodes.release()
    return True
