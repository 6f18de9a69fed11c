"""`slicer.app.layoutManager()`: the views of the four-up layout, whatever layout is chosen."""

from __future__ import annotations

import numpy as np
import slicer
from PySide6 import QtCore

from osteojoint_host.widgets.views import (
    qMRMLSliceView,
    qMRMLSliceWidget,
    qMRMLThreeDView,
    qMRMLThreeDWidget,
)

SLICES = {
    "Red": ("Axial", "R", (0.952941176, 0.290196078, 0.2)),
    "Yellow": ("Sagittal", "Y", (0.929411765, 0.835294118, 0.298039216)),
    "Green": ("Coronal", "G", (0.431372549, 0.690196078, 0.294117647)),
}
"""Orientation, label and color of each slice view."""


class LayoutManager(QtCore.QObject):
    """Makes Red, Yellow, Green and one 3-D view, which live as long as the process.

    Args:
        mrml: the scene and the application logic.
    """

    STANDS_IN = True

    def __init__(self, mrml):
        super().__init__()
        self._mrml = mrml
        for factory in ("Slice", "ThreeD"):
            made = getattr(slicer, f"vtkMRML{factory}ViewDisplayableManagerFactory").GetInstance()
            made.SetMRMLApplicationLogic(mrml.application_logic)
        self._slices = {name: self._make_slice(name) for name in SLICES}
        self._three_d = self._make_three_d()
        # last: it takes the nodes that are there, whereas a slice logic can't take the layout's
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(mrml.application_logic)
        self._logic.SetMRMLScene(mrml.scene)
        self._logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def straighten(self) -> None:
        """Put the slices back onto the patient's planes; closing a scene leaves them as they were turned."""
        for name, widget in self._slices.items():
            widget.mrmlSliceNode().SetOrientation(SLICES[name][0])

    def _make_slice(self, name: str):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._mrml.application_logic)
        logic.SetMRMLScene(self._mrml.scene)
        node = logic.AddSliceNode(name)
        orientation, label, color = SLICES[name]
        node.SetOrientation(orientation)
        node.SetLayoutLabel(label)
        node.SetLayoutColor(*color)
        node.SetMappedInLayout(1)
        self._mrml.application_logic.GetSliceLogics().AddItem(logic)
        return qMRMLSliceWidget(qMRMLSliceView(node, logic))

    def _make_three_d(self):
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(self._mrml.application_logic)
        logic.SetMRMLScene(self._mrml.scene)
        node = logic.AddViewNode("1")
        node.SetMappedInLayout(1)
        self._mrml.application_logic.GetViewLogics().AddItem(logic)
        return qMRMLThreeDWidget(qMRMLThreeDView(node))

    threeDViewCount = QtCore.Property(int, lambda self: 1)
    tableViewCount = QtCore.Property(int, lambda self: 0)
    plotViewCount = QtCore.Property(int, lambda self: 0)

    def _get_layout(self):
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout):
        """Choose a layout: the layout node hears of it, the views stay as they are."""
        self._logic.GetLayoutNode().SetViewArrangement(layout)

    layout = QtCore.Property(int, _get_layout, setLayout)

    def layoutLogic(self):
        """Return the real vtkMRMLLayoutLogic."""
        return self._logic

    def sliceViewNames(self):
        """Return the names of the slice views."""
        return tuple(SLICES)

    def sliceWidget(self, name):
        """Return a slice view in its frame; None for an unknown name."""
        return self._slices.get(name)

    def threeDWidget(self, which):
        """Return the 3-D view in its frame, by index or name."""
        return self._three_d if which in (0, "View1", "1") else None

    def mrmlSliceLogics(self):
        """Return the slice logics."""
        return self._mrml.application_logic.GetSliceLogics()

    def activeMRMLThreeDViewNode(self):
        """Return the 3-D view's node."""
        return self._three_d.mrmlViewNode()

    def resetSliceViews(self):
        """Fit every slice to its volume."""
        for widget in self._slices.values():
            widget.sliceLogic().FitSliceToBackground()

    def resetThreeDViews(self):
        """Show everything in the 3-D view."""
        self._three_d.threeDView().resetFocalPoint()

    def render_slice(self, name: str = "Red", size_px: tuple[int, int] = (400, 400)) -> np.ndarray:
        """Render a slice view and return it as RGB, (height, width, 3); for tests, Slicer has no such method."""
        view = self._slices[name].sliceView()
        view.set_size(*size_px)
        return view.pixels()

    def render_3d(self, size_px: tuple[int, int] = (400, 400)) -> np.ndarray:
        """Render the 3-D view and return it as RGB, (height, width, 3); for tests, Slicer has no such method."""
        view = self._three_d.threeDView()
        view.set_size(*size_px)
        return view.pixels()
