"""The points of L1 and L2 and a box around each, as markups of the scene.

One fiducial node a level with at most one point, so that one click places it. Upright views (sagittal and coronal) show
it from any plane, by a display node of their own, so that both levels are seen there; in axial views it is seen on its
own slice alone, where L2's point over L1's body would mislead. The box is drawn along the CT's own axes and follows its
point; it can't be taken hold of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.frames import anatomical_axes
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.scene import slice_views
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_local
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role
from OsteoJointLib.worker.answers import PlacedLevel

BOX_MM = (50.0, 50.0, 35.0)
"""Size of the box, right to left, back to front and bottom to top, mm: it frames a large lumbar body."""

_FORMER = "OsteoJoint.Former"


@dataclass(frozen=True)
class LevelMark:
    """A level's point.

    Args:
        center_ras: RAS mm of the world.
        confidence: of the level's name, 0 to 1; None where a user placed it.
        source: who placed it.
        in_doubt: whether the level's name is.
    """

    center_ras: tuple[float, float, float]
    confidence: float | None
    source: PointSource
    in_doubt: bool = False

    @classmethod
    def of(cls, placed: PlacedLevel, doubt: bool) -> LevelMark:
        """Mark what the worker told; ``doubt`` says whether the names of what it found are uncertain."""
        found = placed.source is PointSource.AUTO
        return cls(placed.center_ras_mm, placed.confidence, placed.source, in_doubt=doubt and found)


def show_levels(nodes: OwnedNodes, marks: Mapping[Level, LevelMark]) -> None:
    """Put the points of some levels into the scene; those of the others stay as they are.

    Args:
        nodes: of the reading.
        marks: by level.
    """
    nodes.follow_volume()
    for level, mark in marks.items():
        node = _point_node(nodes, level)
        with slicer.util.NodeModify(node):
            _set_point(node, mark.center_ras)
            node.SetNthControlPointDescription(0, _description(mark))
    update_boxes(nodes)


def points(nodes: OwnedNodes) -> dict[Level, tuple[float, float, float]]:
    """Read the points that are there, RAS mm of the world; one that is just being placed doesn't count."""
    found = {}
    for level in Level:
        node = nodes.get(_point_role(level))
        if node is not None and _is_placed(node):
            place = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(0, place)
            found[level] = (place[0], place[1], place[2])
    return found


def point_nodes(nodes: OwnedNodes) -> list[Any]:
    """List the fiducial nodes that are there."""
    return [node for level in Level if (node := point_node(nodes, level)) is not None]


def point_node(nodes: OwnedNodes, level: Level) -> Any:
    """Find the fiducial node of a level; None where there is none."""
    return nodes.get(_point_role(level))


def project(nodes: OwnedNodes) -> None:
    """Show the points from any plane in the upright views there are now; to be called when views may have changed."""
    views = slice_views.view_ids(upright=False), slice_views.view_ids(upright=True)
    if not views[1]:
        return
    for node in point_nodes(nodes):
        if node.GetNumberOfDisplayNodes() == 1:
            _add_projection(node)
        for index, shown_in in enumerate(views):
            display = node.GetNthDisplayNode(index)
            if display is not None and list(display.GetViewNodeIDs()) != shown_in:
                display.SetViewNodeIDs(shown_in)


def start_placing(nodes: OwnedNodes, level: Level) -> None:
    """Let the next click in a view place the point of ``level``; the former point comes back when it is called off."""
    interaction, selection = interaction_node(), _selection_node()
    if interaction is None or selection is None:
        return
    node = _point_node(nodes, level)
    if _is_placed(node):
        former = [0.0, 0.0, 0.0]
        node.GetNthControlPointPosition(0, former)
        node.SetAttribute(_FORMER, " ".join(map(repr, former)))
        node.RemoveAllControlPoints()
    node_id = node.GetID()

    def ended(caller: slicer.vtkMRMLInteractionNode, event: str) -> None:
        # by ``caller``: an observer that holds what it observes would keep it alive for ever
        if caller.GetCurrentInteractionMode() != caller.Place:
            caller.RemoveObserver(tag)
            _bring_back(slicer.mrmlScene.GetNodeByID(node_id))

    tag = interaction.AddObserver(interaction.InteractionModeChangedEvent, ended)
    selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
    selection.SetActivePlaceNodeID(node_id)
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(interaction.Place)


def placed_now(nodes: OwnedNodes) -> Level | None:
    """Say whose point the next click places; None where none is being placed."""
    interaction, selection = interaction_node(), _selection_node()
    if interaction is None or selection is None or interaction.GetCurrentInteractionMode() != interaction.Place:
        return None
    place_node = selection.GetActivePlaceNodeID()
    return next((n for n in Level if (p := nodes.get(_point_role(n))) is not None and p.GetID() == place_node), None)


def stop_placing() -> None:
    """Call placing off."""
    if (interaction := interaction_node()) is not None:
        interaction.SwitchToViewTransformMode()


def interaction_node() -> slicer.vtkMRMLInteractionNode | None:
    """Find what says whether clicks place points; None without an application."""
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def update_boxes(nodes: OwnedNodes) -> None:
    """Let each box follow its point: made, moved or removed with it. To be called when a point has moved."""
    placed = points(nodes)
    for level in Level:
        if level not in placed:
            nodes.remove(_box_role(level))
            continue
        box = nodes.get(_box_role(level)) or _new_box(nodes, level)
        if box is None:
            continue
        center = [0.0, 0.0, 0.0]
        box.GetCenterWorld(center)
        if not np.allclose(center, placed[level], atol=1e-6):
            box.SetCenterWorld(placed[level])


def _selection_node() -> slicer.vtkMRMLSelectionNode | None:
    return slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")


def _point_node(nodes: OwnedNodes, level: Level) -> slicer.vtkMRMLMarkupsFiducialNode:
    if (node := nodes.get(_point_role(level))) is not None:
        return node
    node = slicer.vtkMRMLMarkupsFiducialNode()
    node.SetMaximumNumberOfControlPoints(1)
    node.SetControlPointLabelFormat(level.value)
    nodes.add(_point_role(level), node, level.value)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    color = _color(level)
    display.SetColor(color)
    display.SetSelectedColor(color)
    display.SetActiveColor([min(1.0, channel * 1.4) for channel in color])  # sizes and brightness: chosen by eye
    display.SetGlyphScale(2.0)
    display.SetTextScale(3.5)
    return node


def _add_projection(node: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    display = slicer.vtkMRMLMarkupsFiducialDisplayNode()
    display.CopyContent(node.GetDisplayNode())
    display.SetSliceProjection(True)
    display.SetSliceProjectionUseFiducialColor(True)
    display.SetSliceProjectionOpacity(0.6)  # chosen: fainter than on its own plane
    node.AddAndObserveDisplayNodeID(slicer.mrmlScene.AddNode(display).GetID())


def _new_box(nodes: OwnedNodes, level: Level) -> slicer.vtkMRMLMarkupsROINode | None:
    volume = nodes.volume
    if volume is None:
        return None
    node = slicer.vtkMRMLMarkupsROINode()
    node.SetLocked(True)
    nodes.add(_box_role(level), node, _("{level} region").format(level=level))
    node.CreateDefaultDisplayNodes()
    axes = np.eye(4)
    axes[:3, :3] = anatomical_axes(ijk_to_local(volume))
    node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(axes))
    node.SetSize(BOX_MM)
    display = node.GetDisplayNode()
    color = _color(level)
    display.SetColor(color)
    display.SetSelectedColor(color)
    display.SetHandlesInteractive(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetFillVisibility(False)
    display.SetOpacity(0.5)
    display.SetGlyphScale(1.0)  # its lines are as thick as that
    return node


def _set_point(node: slicer.vtkMRMLMarkupsNode, center_ras: tuple[float, float, float]) -> None:
    if node.GetNumberOfControlPoints() == 0:
        node.AddControlPointWorld(vtk.vtkVector3d(*center_ras))
    else:
        node.SetNthControlPointPositionWorld(0, *center_ras)
    node.SetNthControlPointLabel(0, node.GetControlPointLabelFormat())
    node.RemoveAttribute(_FORMER)


def _bring_back(node: slicer.vtkMRMLMarkupsNode | None) -> None:
    """Put the former point back where placing was called off."""
    if node is None or (former := node.GetAttribute(_FORMER)) is None:
        return
    node.RemoveAttribute(_FORMER)
    if not _is_placed(node):
        node.RemoveAllControlPoints()
        node.AddControlPoint(vtk.vtkVector3d(*(float(x) for x in former.split())))


def _is_placed(node: slicer.vtkMRMLMarkupsNode) -> bool:
    return node.GetNumberOfDefinedControlPoints() > 0


def _description(mark: LevelMark) -> str:
    if mark.source is not PointSource.AUTO or mark.confidence is None:
        return _("placed by hand")
    words = _("found, in doubt, {confidence:.2f}") if mark.in_doubt else _("found, confidence {confidence:.2f}")
    return words.format(confidence=mark.confidence)


def _color(level: Level) -> tuple[float, float, float]:
    red, green, blue = segment_color_rgb(level)
    return (red / 255, green / 255, blue / 255)


def _point_role(level: Level) -> Role:
    return Role(f"{level} point")


def _box_role(level: Level) -> Role:
    return Role(f"{level} box")
