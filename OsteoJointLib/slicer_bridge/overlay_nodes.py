"""The boundary heat map and Grad-CAM as volumes of the scene, to be laid over the CT.

One volume a kind holds both levels. Low values are transparent; the colors are kept in nodes of their own, so that a
saved scene looks the same without OsteoJoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.slicer_bridge.geometry import local_to_world
from OsteoJointLib.slicer_bridge.overlay_volume import FULL, PlacedMap, combine
from OsteoJointLib.slicer_bridge.reading_nodes import ReadingNodes
from OsteoJointLib.slicer_bridge.view_arrays import MaskArray, Views

FROM_PERCENT = 20
"""What lies below isn't drawn."""

Stop = tuple[int, int, int]


@dataclass(frozen=True)
class OverlayKind:
    """One of the two overlays.

    Args:
        role: its node's role, and the name of its map in :class:`~OsteoJointLib.slicer_bridge.view_arrays.LevelViews`.
        colors: RGB, 0 to 255, from 0 to 1 in equal steps.
    """

    role: str
    colors: tuple[Stop, ...]

    @property
    def title(self) -> str:
        """What it is called."""
        return {"heatmap": _("Boundary heat map"), "gradcam": _("Grad-CAM")}[self.role]


KINDS = (
    OverlayKind(
        "heatmap",
        ((255, 255, 178), (254, 217, 118), (254, 178, 76), (253, 141, 60), (240, 59, 32), (189, 0, 38)),
    ),
    OverlayKind(
        "gradcam",
        ((68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129), (92, 200, 99),
         (170, 220, 50), (253, 231, 37)),
    ),
)  # fmt: skip
"""Yellow to red (ColorBrewer's YlOrRd) and viridis: apart from each other and from bone, for every color vision."""


def show_overlays(nodes: ReadingNodes, views: Views) -> None:
    """Put both overlays into the scene, in place of the former ones; one that no level has is removed.

    They are shown by :func:`OsteoJointLib.slicer_bridge.views.show_foreground`.

    Args:
        nodes: of the reading.
        views: its pictures.
    """
    nodes.follow_volume()
    for kind in KINDS:
        maps = [
            PlacedMap(values, level.crop_to_ras)
            for level in views.levels.values()
            if (values := getattr(level, kind.role)) is not None
        ]
        if maps:
            _show(nodes, kind, combine(maps))
        else:
            nodes.remove(kind.role)
            nodes.remove(f"{kind.role} colors")


def _show(nodes: ReadingNodes, kind: OverlayKind, percent: MaskArray) -> None:
    node = nodes.get(kind.role) or _new_node(nodes, kind)
    with slicer.util.NodeModify(node):
        slicer.util.updateVolumeFromArray(node, percent.array_kji)
        ijk_to_local = np.linalg.inv(local_to_world(node)) @ percent.ijk_to_world
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_local))


def _new_node(nodes: ReadingNodes, kind: OverlayKind):
    # hidden, so that no selector of volumes takes it for a CT
    node = nodes.add(kind.role, slicer.vtkMRMLScalarVolumeNode(), kind.title, hidden=True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(_color_node(nodes, kind).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, FULL)
    display.SetAutoThreshold(False)
    display.SetLowerThreshold(FROM_PERCENT)
    display.SetUpperThreshold(FULL)
    display.SetApplyThreshold(True)
    display.SetInterpolate(True)
    _add_legend(node, kind)
    return node


def _color_node(nodes: ReadingNodes, kind: OverlayKind):
    role = f"{kind.role} colors"
    if (node := nodes.get(role)) is not None:
        return node
    node = slicer.vtkMRMLColorTableNode()
    node.SetTypeToUser()
    node.SetNumberOfColors(256)
    values, steps = np.linspace(0.0, 1.0, 256), np.linspace(0.0, 1.0, len(kind.colors))
    channels = [np.interp(values, steps, channel) / 255 for channel in np.transpose(kind.colors)]
    for index, (red, green, blue) in enumerate(zip(*channels, strict=True)):
        node.SetColor(index, f"{values[index]:.0%}", red, green, blue, 1.0)
    return nodes.add(role, node, _("{title} colors").format(title=kind.title), hidden=True)


def _add_legend(node, kind: OverlayKind) -> None:
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(node)
    if legend is not None:
        legend.SetTitleText(_("{title} (%)").format(title=kind.title))
        legend.SetLabelFormat("%.0f")
        legend.SetNumberOfLabels(3)
        legend.GetTitleTextProperty().SetFontSize(14)
        legend.GetLabelTextProperty().SetFontSize(12)
        legend.SetSize(0.1, 0.4)
        legend.SetPosition(0.98, 0.5)
