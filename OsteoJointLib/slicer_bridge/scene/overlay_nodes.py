"""The boundary heat map and the explanation map as volumes of the scene, to be laid over the CT.

One volume a kind holds both levels, on one scale. Low values are transparent; the colors are the report's, kept in a
node of their own, so that a saved scene looks the same without OsteoJoint.
"""

from __future__ import annotations

import numpy as np
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.output.drawing import color_table, opaqueness
from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.slicer_bridge.scene.combined_map import FULL, PlacedMap, combine
from OsteoJointLib.slicer_bridge.scene.matrices import local_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

FROM_PERCENT = 20
"""What lies below isn't drawn (chosen: it would veil the CT and say little)."""
ROLES = (Role.HEATMAP, Role.EXPLANATION)
"""The overlays. Their values are also the names of the maps in
:class:`~OsteoJointLib.output.viewer_arrays.LevelViews`, and of the panel's parameters."""


def show_overlays(nodes: OwnedNodes, views: Views) -> None:
    """Put both overlays into the scene, in place of the former ones; one that no level has is removed.

    They are shown by :func:`OsteoJointLib.slicer_bridge.scene.slice_views.show_foreground`.

    Args:
        nodes: of the reading.
        views: its pictures.
    """
    nodes.follow_volume()
    for role in ROLES:
        maps = [
            PlacedMap(values, level.crop_to_ras)
            for level in views.levels.values()
            if (values := getattr(level, role)) is not None
        ]
        if maps:
            _show(nodes, role, combine(maps))
        else:
            nodes.remove(role)
            nodes.remove(_colors(role))


def _show(nodes: OwnedNodes, role: Role, percent: MaskArray) -> None:
    node = nodes.get(role) or _new_node(nodes, role)
    with slicer.util.NodeModify(node):
        slicer.util.updateVolumeFromArray(node, percent.array_kji)
        ijk_to_local = np.linalg.inv(local_to_world(node)) @ percent.ijk_to_world
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_local))


def _new_node(nodes: OwnedNodes, role: Role) -> slicer.vtkMRMLScalarVolumeNode:
    # hidden, so that no selector of volumes takes it for a CT
    node = nodes.add(role, slicer.vtkMRMLScalarVolumeNode(), _title(role), hidden=True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(_color_node(nodes, role).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, FULL)
    display.SetAutoThreshold(False)
    display.SetLowerThreshold(FROM_PERCENT)
    display.SetUpperThreshold(FULL)
    display.SetApplyThreshold(True)
    display.SetInterpolate(True)
    _add_legend(node, role)
    return node


def _colors(role: Role) -> Role:
    return Role(f"{role} colors")


def _color_node(nodes: OwnedNodes, role: Role) -> slicer.vtkMRMLColorNode:
    if (node := nodes.get(_colors(role))) is not None:
        return node
    node = slicer.vtkMRMLColorTableNode()
    node.SetTypeToUser()
    node.SetNumberOfColors(256)
    opaque = opaqueness(np.linspace(0.0, 1.0, 256))
    for index, (rgb, alpha) in enumerate(zip(color_table() / 255, opaque, strict=True)):
        node.SetColor(index, f"{index / 255:.0%}", *rgb.tolist(), float(alpha))
    return nodes.add(_colors(role), node, _("{title} colors").format(title=_title(role)), hidden=True)


def _add_legend(node: slicer.vtkMRMLScalarVolumeNode, role: Role) -> None:
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(node)
    if legend is not None:
        # sizes and place: chosen by eye, in the upper right corner of a view, beside the body; the width sets how large
        # the numbers are drawn, and the title keeps its ratio to them
        legend.SetTitleText(_("{title} (%)").format(title=_title(role)))
        legend.SetLabelFormat("%.0f")
        legend.SetNumberOfLabels(3)
        legend.GetTitleTextProperty().SetFontSize(14)
        legend.GetLabelTextProperty().SetFontSize(12)
        legend.SetSize(0.06, 0.4)
        legend.SetPosition(0.98, 0.85)


def _title(role: Role) -> str:
    return {Role.HEATMAP: _("Boundary heat map"), Role.EXPLANATION: _("Explanation map")}[role]
