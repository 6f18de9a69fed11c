"""What the slice views show: a place, an overlay, the whole CT; and pictures of them.

Without a window all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE
from OsteoJointLib.worker.requests import PictureFile

OBLIQUE_DEGREES = 1.0
"""Slices are turned onto a CT's own planes where these are farther than this from the patient's axes (chosen: a slice
of 300 mm leaves its plane by 5 mm)."""


def show_volume(volume_node: slicer.vtkMRMLVolumeNode) -> None:
    """Show a CT in every slice view: whole where it wasn't shown, and on its own planes where it is oblique."""
    new = [node for node in _nodes("vtkMRMLSliceCompositeNode") if node.GetBackgroundVolumeID() != volume_node.GetID()]
    for node in new:
        node.SetBackgroundVolumeID(volume_node.GetID())
    if _is_oblique(volume_node):
        for node in _nodes("vtkMRMLSliceNode"):
            node.RotateToVolumePlane(volume_node)
    if new and _layout_manager() is not None:
        slicer.util.resetSliceViews()


def jump_to(ras: Sequence[float], volume_node: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Center every slice view on a point.

    Args:
        ras: RAS mm of the world.
        volume_node: a CT, which is shown then. The voxel's center nearest to ``ras`` is taken, so that a mask or map
            on its slice is shown at full strength.
    """
    place = np.array([*ras, 1.0])
    if volume_node is not None:
        show_volume(volume_node)
        ijk = ijk_to_world(volume_node)
        place = ijk @ [*np.rint((np.linalg.inv(ijk) @ place)[:3]), 1.0]
    for node in _nodes("vtkMRMLSliceNode"):
        node.JumpSliceByCentering(*place[:3])


def show_foreground(volume_node: slicer.vtkMRMLVolumeNode | None, opacity: float = 0.5) -> None:
    """Lay an overlay over every slice view, or take ours away.

    Args:
        volume_node: an overlay's node; None: none. A foreground that isn't ours stays then.
        opacity: 0 to 1.
    """
    for node in _nodes("vtkMRMLSliceCompositeNode"):
        if volume_node is not None:
            node.SetForegroundVolumeID(volume_node.GetID())
            node.SetForegroundOpacity(opacity)
        elif _is_ours(node.GetForegroundVolumeID()):
            node.SetForegroundVolumeID(None)
    for legend in _nodes("vtkMRMLColorLegendDisplayNode"):
        legend.Modified()  # a view looks at what it shows only when the legend itself changes


def screenshots(folder: Path) -> list[PictureFile]:
    """Write a PNG of each slice view and each 3D view that is on the screen, without the texts in their corners.

    Slicer writes the patient's and the volume's name there.

    Args:
        folder: is made where it is missing.

    Returns:
        The pictures with their captions; none without a window.
    """
    pictures = []
    for name, caption, view in _visible_views():
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = Path(folder) / f"view-{name}.png"
        _write_picture(view, path)
        pictures.append(PictureFile(path, caption))
    return pictures


def _write_picture(view: qt.QWidget, path: Path) -> None:
    corners = view.cornerAnnotation()
    shown = corners.GetVisibility()
    corners.SetVisibility(False)
    view.forceRender()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(view.renderWindow())
    writer = vtk.vtkPNGWriter()
    writer.SetInputConnection(grabber.GetOutputPort())
    writer.SetFileName(str(path))
    writer.Write()
    corners.SetVisibility(shown)
    view.scheduleRender()


def _visible_views() -> list[tuple[str, str, Any]]:
    """List name, caption and widget of every slice and 3D view of the layout."""
    manager = _layout_manager()
    if manager is None:
        return []
    found = []
    for name in manager.sliceViewNames():
        widget = manager.sliceWidget(name)
        node = widget.mrmlSliceNode()
        if node.IsMappedInLayout():
            found.append((f"slice-{name}", _plane(node), widget.sliceView()))
    for index in range(manager.threeDViewCount):
        view = manager.threeDWidget(index).threeDView()
        if view.mrmlViewNode().IsMappedInLayout():
            found.append((f"3d-{index + 1}", _("3D view"), view))
    return found


def _plane(slice_node: slicer.vtkMRMLSliceNode) -> str:
    """Say which of the patient's planes a slice view is nearest to, also where it was turned onto an oblique CT."""
    normal = np.abs(slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())[:3, 2])
    return (_("Sagittal slice"), _("Coronal slice"), _("Axial slice"))[int(normal.argmax())]


def _is_oblique(volume_node: slicer.vtkMRMLVolumeNode) -> bool:
    columns = ijk_to_world(volume_node)[:3, :3]
    cosines = np.abs(columns / np.linalg.norm(columns, axis=0)).max(axis=0)
    return bool(cosines.min() < np.cos(np.deg2rad(OBLIQUE_DEGREES)))


def _layout_manager() -> Any:
    app = getattr(slicer, "app", None)
    return None if app is None else app.layoutManager()


def _nodes(class_name: str) -> list[Any]:
    scene = slicer.mrmlScene
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]


def _is_ours(node_id: str | None) -> bool:
    node = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None
    return node is not None and node.GetAttribute(ROLE) is not None
