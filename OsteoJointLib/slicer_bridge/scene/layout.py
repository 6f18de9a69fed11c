"""A layout of its own: L1 and L2 side by side, below them a sagittal and a coronal slice and, if wished, the 3-D view.

The two axial views bear the names of their levels and stay on them. They show the same scale: a zoom in one is a zoom
in the other. Slicer's own linking is off in them, because it would bring both onto the same slice. Their planes are
drawn in the other views, in the levels' colors. Without a window all of this does nothing.
"""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.signal import Signal

PLAIN, WITH_3D = 61410, 61411
"""Numbers of the two layouts (chosen far from Slicer's own, which lie below 600)."""

_FOUR_UP = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


class SideBySide(slicer.util.VTKObservationMixin):
    """Takes Slicer's views for the layout, and gives them back; ``changed`` tells that either was done, by whomever."""

    def __init__(self) -> None:
        slicer.util.VTKObservationMixin.__init__(self)
        self.changed = Signal()
        self._former: int | None = None
        self._linking = False
        self._seen: dict[str, tuple[object, object]] = {}

    @property
    def taken(self) -> bool:
        """Whether the layout is shown."""
        manager = layout_manager()
        return manager is not None and manager.layout in (PLAIN, WITH_3D)

    @property
    def has_3d(self) -> bool:
        """Whether it is shown with the 3-D view."""
        return self.taken and layout_manager().layout == WITH_3D

    def take(self, three_d: bool = False) -> None:
        """Show the layout, with or without the 3-D view."""
        manager = layout_manager()
        if manager is None:
            return
        register()
        if not self.taken:
            self._former = manager.layout
        self.removeObservers()
        manager.setLayout(WITH_3D if three_d else PLAIN)
        for level in Level:
            _set_up(level)
            node = _node(level)
            self._seen[node.GetID()] = node.GetDimensions(), node.GetFieldOfView()
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._zoomed)
        self.addObserver(manager.layoutLogic().GetLayoutNode(), vtk.vtkCommand.ModifiedEvent, self._layout_changed)
        self.changed.emit()

    def leave(self) -> None:
        """Show the layout from before again, where this one is shown."""
        manager = layout_manager()
        self.removeObservers()
        if manager is not None and self.taken:
            manager.setLayout(_FOUR_UP if self._former is None else self._former)
            self.changed.emit()

    def _layout_changed(self, caller: Any = None, event: Any = None) -> None:
        """Let go: the user has chosen another layout, or a scene brought one."""
        if not self.taken:
            self.removeObservers()
            self.changed.emit()

    def _zoomed(self, caller: Any = None, event: Any = None) -> None:
        """Show the same millimeters per pixel in both axial views; a view that is resized keeps its field by itself."""
        size, field = caller.GetDimensions(), caller.GetFieldOfView()
        former = self._seen.get(caller.GetID())
        self._seen[caller.GetID()] = size, field
        scale = _mm_per_px(caller)
        if self._linking or former is None or former[0] != size or former[1] == field or not scale:
            return
        self._linking = True
        for node in map(_node, Level):
            if abs(_mm_per_px(node) / scale - 1) > _SAME:
                width, height, _depth = node.GetDimensions()
                node.SetFieldOfView(width * scale, height * scale, node.GetFieldOfView()[2])
        self._linking = False


_SAME = 1e-4
"""Scales that differ by less are equal: rounding."""


def layout_manager() -> Any:
    """Find Slicer's layout manager; None without a window."""
    app = getattr(slicer, "app", None)
    return None if app is None else app.layoutManager()


def register() -> None:
    """Teach Slicer the layouts, so that a scene that was saved in one can be opened in it."""
    if (manager := layout_manager()) is not None:
        node = manager.layoutLogic().GetLayoutNode()
        for number in (PLAIN, WITH_3D):
            if not node.IsLayoutDescription(number):
                node.AddLayoutDescription(number, description(three_d=number == WITH_3D))


def description(three_d: bool) -> str:
    """Describe a layout as Slicer wants it."""
    above = "".join(_item(_slice(level.value, "Axial", level.value, _hex(level))) for level in Level)
    below = _item(_slice("Yellow", "Sagittal", "Y", "#EDD54C")) + _item(_slice("Green", "Coronal", "G", "#6EB04B"))
    if three_d:
        below += _item('<view class="vtkMRMLViewNode" singletontag="1"/>')
    rows = "".join(_item(f'<layout type="horizontal" split="true">{row}</layout>') for row in (above, below))
    return f'<layout type="vertical" split="true">{rows}</layout>'


def _item(content: str) -> str:
    return f"<item>{content}</item>"


def _slice(name: str, orientation: str, label: str, color: str) -> str:
    values = {"orientation": orientation, "viewlabel": label, "viewcolor": color}
    properties = "".join(f'<property name="{key}" action="default">{value}</property>' for key, value in values.items())
    return f'<view class="vtkMRMLSliceNode" singletontag="{name}">{properties}</view>'


def _hex(level: Level) -> str:
    return "#{:02X}{:02X}{:02X}".format(*segment_color_rgb(level))


def _node(level: Level) -> slicer.vtkMRMLSliceNode:
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{level}")


def _set_up(level: Level) -> None:
    logic = slicer.app.applicationLogic().GetSliceLogicByLayoutName(level.value)
    logic.GetSliceCompositeNode().SetLinkedControl(False)
    logic.GetSliceDisplayNode().SetIntersectingSlicesVisibility(True)
    logic.GetSliceNode().Modified()  # the lines of a view that is shown again are drawn once that changes


def _mm_per_px(slice_node: slicer.vtkMRMLSliceNode) -> float:
    width = slice_node.GetDimensions()[0]
    return slice_node.GetFieldOfView()[0] / width if width else 0.0
