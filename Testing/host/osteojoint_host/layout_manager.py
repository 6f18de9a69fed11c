"""`slicer.app.layoutManager()`: the views of the layout that is chosen, made from its description as Slicer makes them.

The real vtkMRMLLayoutLogic reads the description and makes the view nodes. A view that is new has Qt's first size until
the event loop has turned, shows no volume, and lives as long as the process; a view that isn't in the layout stays, but
isn't mapped. Left out: the widgets' places on the screen, and other 3-D views than the first.
"""

from __future__ import annotations

import numpy as np
import slicer
from PySide6 import QtCore

from osteojoint_host.widgets.views import (
    SIZE_PX,
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
"""Orientation, label and color of each slice view that is there from the start."""
NEW_SIZE_PX = (100, 30)
"""Size of a widget that no layout has placed yet."""


class LayoutManager(QtCore.QObject):
    """Makes Red, Yellow, Green and one 3-D view, and others when a layout asks for them.

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
        # last: it takes the nodes that are there
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(mrml.application_logic)
        self._logic.SetMRMLScene(mrml.scene)
        self._logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._logic.GetLayoutNode().AddObserver("ModifiedEvent", self._lay_out)

    def straighten(self) -> None:
        """Go back to the four-up layout, and to the patient's planes: closing a scene leaves views as they are."""
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        for name, widget in self._slices.items():
            widget.mrmlSliceNode().SetOrientation(SLICES.get(name, ("Axial",))[0])

    def _lay_out(self, caller=None, event=None) -> None:
        """Make the views that are missing, and map those of the layout; Qt gives new ones their size later."""
        nodes = self._logic.GetViewNodes()
        wanted = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
        for node in wanted:
            if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName() not in self._slices:
                self._slices[node.GetLayoutName()] = self._make_slice_of_layout(node)
        views = [widget.mrmlSliceNode() for widget in self._slices.values()]
        for node in [*views, self._three_d.mrmlViewNode()]:
            node.SetMappedInLayout(node in wanted)

    def _make_slice_of_layout(self, node):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._mrml.application_logic)
        self._mrml.application_logic.GetSliceLogics().AddItem(logic)
        logic.SetSliceNode(node)
        logic.SetMRMLScene(self._mrml.scene)
        widget = qMRMLSliceWidget(qMRMLSliceView(node, logic))
        widget.sliceView().set_size(*NEW_SIZE_PX)
        QtCore.QTimer.singleShot(0, lambda: widget.sliceView().set_size(*SIZE_PX))
        return widget

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
        """Choose a layout; one that was never described is taken for the conventional one, as in Slicer."""
        if not self._logic.GetLayoutNode().IsLayoutDescription(layout):
            layout = slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
        self._logic.GetLayoutNode().SetViewArrangement(layout)

    layout = QtCore.Property(int, _get_layout, setLayout)

    def layoutLogic(self):
        """Return the real vtkMRMLLayoutLogic."""
        return self._logic

    def sliceViewNames(self):
        """Return the names of all slice views that were ever made, those that are not in the layout too."""
        return tuple(self._slices)

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
