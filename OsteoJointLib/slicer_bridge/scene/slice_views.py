"""What the slice views show: a place, an overlay, the whole CT; and pictures of them.

Without a window all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene.layout import layout_manager
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE
from OsteoJointLib.worker.requests import PictureFile

OBLIQUE_DEGREES = 1.0
"""Slices are turned onto a CT's own planes where these are farther than this from the patient's axes (chosen: a slice
of 300 mm leaves its plane by 5 mm)."""

AXIAL_FIELD_MM = 100.0
"""Shorter side of what an axial view shows, mm (chosen: a body of 45 mm takes nearly half of it)."""

UPRIGHT_FIELD_MM = 200.0
"""The same of sagittal and coronal views, mm (chosen: five vertebrae, so that L1 and L2 can be counted)."""

HALF_BODY_MM = 13.0
"""Half the height of a lumbar body, mm: so far from its center a slice still shows it (chosen, of a small one)."""


def show_volume(volume_node: slicer.vtkMRMLVolumeNode) -> bool:
    """Show a CT in every slice view: whole where it wasn't shown, and on its own planes where it is oblique.

    A volume that has no voxels yet, as while it is loaded, isn't shown: a view fitted to it would have no depth.

    Returns:
        Whether there was a view that hadn't shown it.
    """
    if volume_node.GetImageData() is None:
        return False
    new = [node for node in _nodes("vtkMRMLSliceCompositeNode") if node.GetBackgroundVolumeID() != volume_node.GetID()]
    for node in new:
        node.SetBackgroundVolumeID(volume_node.GetID())
    if _is_oblique(volume_node):
        for node in _nodes("vtkMRMLSliceNode"):
            node.RotateToVolumePlane(volume_node)
    for node in new:
        logic = slicer.app.applicationLogic().GetSliceLogicByLayoutName(node.GetLayoutName())
        if logic is not None:
            logic.FitSliceToBackground()
    return bool(new)


def shows_nothing() -> bool:
    """Say whether no slice view has a volume."""
    return not any(node.GetBackgroundVolumeID() for node in _nodes("vtkMRMLSliceCompositeNode"))


def jump_to(ras: Sequence[float], volume_node: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Center every slice view on a point, but for those that a level has for itself.

    Args:
        ras: RAS mm of the world.
        volume_node: a CT, which is shown then. The voxel's center nearest to ``ras`` is taken, so that a mask or map
            on its slice is shown at full strength.
    """
    if volume_node is not None:
        show_volume(volume_node)
    place = _on_voxel(ras, volume_node)
    for node in _nodes("vtkMRMLSliceNode"):
        if own_level(node) is None:
            node.JumpSliceByCentering(*place)


def jump_own_views(centers: Mapping[Level, Sequence[float]], volume_node: slicer.vtkMRMLVolumeNode) -> None:
    """Center the views that a level has for itself on it.

    Args:
        centers: RAS mm of the world, of the levels that are placed.
        volume_node: the CT, as for :func:`jump_to`.
    """
    for node in _nodes("vtkMRMLSliceNode"):
        level = own_level(node)
        if level is not None and level in centers:
            node.JumpSliceByCentering(*_on_voxel(centers[level], volume_node))


def follow(ras: Sequence[float], level: Level) -> None:
    """Bring the planes of the slice views onto a point; a view in which it would lie outside is centered on it.

    Args:
        ras: RAS mm of the world, the very place: what is drawn at a point is seen on its own plane alone.
        level: whose point it is; a view of another level's own stays.
    """
    for node in _nodes("vtkMRMLSliceNode"):
        if own_level(node) in (None, level):
            node.JumpSliceByOffsetting(*ras)
            if not _is_in_field(node, ras):
                node.JumpSliceByCentering(*ras)


def zoom_in() -> None:
    """Let the slice views show a body and what is around it: axial ones a single one, the others its neighbors too."""
    for node in _nodes("vtkMRMLSliceNode"):
        width, height, depth = node.GetFieldOfView()
        scale = (AXIAL_FIELD_MM if is_axial(node) else UPRIGHT_FIELD_MM) / min(width, height)
        node.SetFieldOfView(width * scale, height * scale, depth)


def is_seen(center_ras: Sequence[float]) -> bool:
    """Say whether an axial view of the layout lies in the body around a point, and shows that."""
    for node in _nodes("vtkMRMLSliceNode"):
        if is_axial(node) and node.IsMappedInLayout() and _is_in_field(node, center_ras):
            to_ras = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
            if abs(to_ras[:3, 2] @ (np.asarray(center_ras) - to_ras[:3, 3])) <= HALF_BODY_MM:
                return True
    return False


def view_ids(upright: bool) -> list[str]:
    """List the IDs of the sagittal and coronal views, or of all others, 3-D views too."""
    slices = [node for node in _nodes("vtkMRMLSliceNode") if is_axial(node) != upright]
    return [node.GetID() for node in (slices if upright else [*slices, *_nodes("vtkMRMLViewNode")])]


def own_level(slice_node: slicer.vtkMRMLSliceNode) -> Level | None:
    """Say which level a slice view is there for, by its name; None where it is for any."""
    return next((level for level in Level if level == slice_node.GetLayoutName()), None)


def is_axial(slice_node: slicer.vtkMRMLSliceNode) -> bool:
    """Say whether a slice view is nearer to the axial plane than to the other two."""
    return _normal_axis(slice_node) == 2


def show_foreground(volume_node: slicer.vtkMRMLVolumeNode | None, opacity: float = 0.5) -> None:
    """Lay an overlay over every slice view, or take ours away.

    Args:
        volume_node: an overlay's node; None: none. A foreground that isn't ours stays then.
        opacity: 0 to 1.
    """
    for node in _nodes("vtkMRMLSliceCompositeNode"):
        # a view that is younger than a legend shows it only where the foreground is said to be chosen by a user
        node.SetInteractionFlags(node.ForegroundVolumeFlag)
        if volume_node is not None:
            node.SetForegroundVolumeID(volume_node.GetID())
            node.SetForegroundOpacity(opacity)
        elif _is_ours(node.GetForegroundVolumeID()):
            node.SetForegroundVolumeID(None)
        node.Modified()
        node.SetInteractionFlags(0)
    axial = [node.GetID() for node in _nodes("vtkMRMLSliceNode") if is_axial(node)]
    for legend in _nodes("vtkMRMLColorLegendDisplayNode"):
        if volume_node is not None and legend.GetDisplayableNode() is volume_node:
            legend.SetViewNodeIDs(axial)  # in the others a map is a line
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
    manager = layout_manager()
    if manager is None:
        return []
    found = []
    for name in manager.sliceViewNames():
        widget = manager.sliceWidget(name)
        node = widget.mrmlSliceNode()
        if node.IsMappedInLayout():
            found.append((f"slice-{name}", _caption(node), widget.sliceView()))
    for index in range(manager.threeDViewCount):
        view = manager.threeDWidget(index).threeDView()
        if view.mrmlViewNode().IsMappedInLayout():
            found.append((f"3d-{index + 1}", _("3D view"), view))
    return found


def _caption(slice_node: slicer.vtkMRMLSliceNode) -> str:
    level = own_level(slice_node)
    plane = _plane(slice_node)
    return plane if level is None else _("{plane}, {level}").format(plane=plane, level=level)


def _plane(slice_node: slicer.vtkMRMLSliceNode) -> str:
    """Say which of the patient's planes a slice view is nearest to, also where it was turned onto an oblique CT."""
    return (_("Sagittal slice"), _("Coronal slice"), _("Axial slice"))[_normal_axis(slice_node)]


def _normal_axis(slice_node: slicer.vtkMRMLSliceNode) -> int:
    normal = np.abs(slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())[:3, 2])
    return int(normal.argmax())


def _on_voxel(ras: Sequence[float], volume_node: slicer.vtkMRMLVolumeNode | None) -> list[float]:
    """Return the center of the voxel nearest to a point; the point itself without a volume."""
    if volume_node is None:
        return list(ras)
    ijk = ijk_to_world(volume_node)
    return (ijk @ [*np.rint((np.linalg.inv(ijk) @ [*ras, 1.0])[:3]), 1.0])[:3].tolist()


def _is_in_field(slice_node: slicer.vtkMRMLSliceNode, ras: Sequence[float]) -> bool:
    """Say whether a point lies in the field that a slice view shows, at whatever depth."""
    to_slice = np.linalg.inv(slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS()))
    from_middle = (to_slice @ [*ras, 1.0])[:2] - slice_node.GetXYZOrigin()[:2]
    return bool((np.abs(from_middle) <= np.array(slice_node.GetFieldOfView()[:2]) / 2).all())


def _is_oblique(volume_node: slicer.vtkMRMLVolumeNode) -> bool:
    columns = ijk_to_world(volume_node)[:3, :3]
    cosines = np.abs(columns / np.linalg.norm(columns, axis=0)).max(axis=0)
    return bool(cosines.min() < np.cos(np.deg2rad(OBLIQUE_DEGREES)))


def _nodes(class_name: str) -> list[Any]:
    scene = slicer.mrmlScene
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]


def _is_ours(node_id: str | None) -> bool:
    node = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None
    return node is not None and node.GetAttribute(ROLE) is not None
