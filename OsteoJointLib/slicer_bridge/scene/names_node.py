"""The names that are proposed for the bodies about L1 and L2, while they are in doubt: words in the sagittal views.

A person counts on a sagittal slice, so the names stand there, in front of the bodies and whichever slice is shown, and
nowhere else. They can't be taken hold of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

IN_FRONT_MM = 45.0
"""How far in front of a body's center its name begins, mm: chosen, before the largest body and clear of its point."""
COLOR_RGB = (1.0, 0.75, 0.2)
"""Amber: the color of a doubt (chosen)."""
_SIDEWAYS = 0
"""The axis of RAS that a sagittal slice looks along."""


def show_names(nodes: OwnedNodes, names: Mapping[str, tuple[float, float, float]]) -> None:
    """Show proposed names in the sagittal views, or take them away.

    Args:
        nodes: of the reading.
        names: RAS mm of the world of each body's center, by its name; empty for none.
    """
    if not names:
        nodes.remove(Role.NAMES)
        return
    node = nodes.get(Role.NAMES) or _new_node(nodes)
    places = {_("{name} ?").format(name=name): (r, a + IN_FRONT_MM, s) for name, (r, a, s) in names.items()}
    if not _shows(node, places):
        with slicer.util.NodeModify(node):
            node.RemoveAllControlPoints()
            for label, place in places.items():
                node.AddControlPointWorld(vtk.vtkVector3d(*place), label)
    views = sagittal_view_ids()
    display = node.GetDisplayNode()
    if list(display.GetViewNodeIDs() or ()) != views:
        display.SetViewNodeIDs(views)
    display.SetVisibility2D(bool(views))  # without a list of views it would be shown in all of them


def sagittal_view_ids() -> list[str]:
    """List the slice views that look along the patient's left and right."""
    scene, found = slicer.mrmlScene, []
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
        view = scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
        normal = np.abs(slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 2])
        if int(normal.argmax()) == _SIDEWAYS:
            found.append(view.GetID())
    return found


def _new_node(nodes: OwnedNodes) -> Any:
    node = slicer.vtkMRMLMarkupsFiducialNode()
    node.SetLocked(True)
    nodes.add(Role.NAMES, node, _("Names to confirm"))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(COLOR_RGB)
    display.SetSelectedColor(COLOR_RGB)
    display.SetVisibility3D(False)
    display.SetSliceProjection(True)
    display.SetSliceProjectionUseFiducialColor(True)
    display.SetSliceProjectionOpacity(1.0)
    display.SetGlyphScale(0.1)  # the word is what is to be seen
    display.SetTextScale(4.0)  # chosen by eye
    return node


def _shows(node: Any, places: Mapping[str, tuple[float, float, float]]) -> bool:
    """Say whether the words stand there already."""
    if node.GetNumberOfControlPoints() != len(places):
        return False
    for index, (label, place) in enumerate(places.items()):
        there = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(index, there)
        if node.GetNthControlPointLabel(index) != label or not np.allclose(there, place, atol=0.01):
            return False
    return True
