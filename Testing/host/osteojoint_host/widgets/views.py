"""The slice views and the 3-D view: real logics, displayable managers and offscreen rendering, in a QWidget.

Slicer's own slice actor (CTK's light box) isn't in the wheel; a vtkImageMapper shows the same image. Left out: the
controllers' buttons, texts in the corners but for what a caller writes there, light box, mouse interaction by Qt
events, and rendering by itself: a view renders when it is painted, grabbed or asked to (``forceRender``).
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from osteojoint_host.qt_module import stand_in

SIZE_PX = (400, 400)
SLICE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)
THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


class RenderView(QtWidgets.QWidget):
    """A render window with displayable managers, shown as a picture.

    Args:
        node: the view node: of a slice or of a 3-D view.
        factory: makes the displayable managers.
        managers: their classes.
    """

    STANDS_IN = True

    def __init__(self, node, factory, managers):
        super().__init__()
        self._node = node
        self._renderer, self._window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.AddRenderer(self._renderer)
        self._window.SetMultiSamples(0)
        self._add_image()
        self._corners = vtk.vtkCornerAnnotation()
        self._renderer.AddViewProp(self._corners)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.Initialize(factory, self._renderer)
        self._group.SetMRMLDisplayableNode(node)
        self.resize(*SIZE_PX)

    def _add_image(self) -> None:
        """Add what lies below all that the displayable managers draw, before they do."""

    def renderWindow(self):
        """Return the vtkRenderWindow, which vtkWindowToImageFilter can read."""
        return self._window

    def renderer(self):
        """Return the first renderer."""
        return self._renderer

    def cornerAnnotation(self):
        """Return the vtkCornerAnnotation: the texts in the corners."""
        return self._corners

    def interactor(self):
        """Return the vtkRenderWindowInteractor."""
        return self._interactor

    def displayableManagerByClassName(self, name):
        """Return a displayable manager, None where the view has none of that class."""
        return self._group.GetDisplayableManagerByClassName(name)

    def resizeEvent(self, event):
        """Qt calls this: the picture is as large as the widget."""
        self.set_size(event.size().width(), event.size().height())

    def set_size(self, width: int, height: int) -> None:
        """Set the size of the render window in pixels."""
        self._window.SetSize(width, height)
        self._interactor.SetSize(width, height)

    def forceRender(self):
        """Render now."""
        self._window.Render()

    def scheduleRender(self):
        """Render later: here, when somebody looks."""
        self.update()

    def pixels(self) -> np.ndarray:
        """Render and return the picture, RGB, (height, width, 3), top row first."""
        self.forceRender()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self._window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()

    def grab_image(self) -> QtGui.QImage:
        """Return the picture as a QImage."""
        rgb = self.pixels()
        height, width, _ = rgb.shape
        return QtGui.QImage(rgb.data, width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()

    def paintEvent(self, event):
        """Qt calls this."""
        QtGui.QPainter(self).drawImage(0, 0, self.grab_image())


@stand_in
class qMRMLSliceView(RenderView):
    """One slice: its image, and above it what the displayable managers draw."""

    def __init__(self, node, logic):
        self.__dict__["_new_logic"] = logic  # Qt's object is made first of all
        super().__init__(node, slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance(), SLICE_MANAGERS)
        self._logic = logic
        self.set_size(*SIZE_PX)

    def _add_image(self) -> None:
        logic = self.__dict__.pop("_new_logic")
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(logic.GetImageDataConnection())
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._actor, self._image_mapper = actor, mapper
        self._renderer.AddViewProp(actor)

    def set_size(self, width, height):
        """Set the size; the slice keeps its center and millimeters per pixel."""
        super().set_size(width, height)
        if "_logic" in self.__dict__:
            self._logic.ResizeSliceNode(width, height)

    def forceRender(self):
        """Render now; without a volume there is no image to draw."""
        self._logic.UpdatePipeline()
        connection = self._logic.GetImageDataConnection()
        self._actor.SetVisibility(connection is not None)
        if connection is not None:
            self._image_mapper.SetInputConnection(connection)
        super().forceRender()

    def mrmlSliceNode(self):
        """Return the slice node."""
        return self._node

    def sliceLogic(self):
        """Return the slice logic."""
        return self._logic


@stand_in
class qMRMLThreeDView(RenderView):
    """The 3-D view."""

    def __init__(self, node):
        super().__init__(node, slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance(), THREE_D_MANAGERS)
        self.set_size(*SIZE_PX)

    def mrmlViewNode(self):
        """Return the view node."""
        return self._node

    def cameraNode(self):
        """Return the camera's node."""
        return self.displayableManagerByClassName("vtkMRMLCameraDisplayableManager").GetCameraNode()

    def resetFocalPoint(self):
        """Look at the middle of what is shown."""
        self.resetCamera()

    def resetCamera(self, *arguments):
        """Move the camera so that all that is shown is seen."""
        self.forceRender()
        self._renderer.ResetCamera()

    def rotateToViewAxis(self, axis):
        """Look along an axis: 0 left, 1 right, 2 posterior, 3 anterior, 4 inferior, 5 superior."""
        camera = self.cameraNode()
        focus, distance = np.array(camera.GetFocalPoint()), camera.GetCamera().GetDistance()
        direction = np.zeros(3)
        direction[axis // 2] = -1.0 if axis % 2 == 0 else 1.0
        camera.SetPosition(*(focus + direction * distance))
        camera.SetViewUp(*((0.0, 0.0, 1.0) if axis < 4 else (0.0, 1.0, 0.0)))
        self._renderer.ResetCameraClippingRange()


class ViewWidget(QtWidgets.QWidget):
    """A view in its frame."""

    STANDS_IN = True

    def __init__(self, view):
        super().__init__()
        self._view = view
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self.resize(*SIZE_PX)

    def grab_image(self) -> QtGui.QImage:
        """Return the picture as a QImage."""
        return self._view.grab_image()


class Controller(QtCore.QObject):
    """A view's tool bar, which isn't drawn here."""

    STANDS_IN = True

    def __init__(self, widget):
        super().__init__(widget)
        self._widget = widget

    def setVisible(self, visible):
        """Show or hide the tool bar."""

    def setSliceVisible(self, visible):
        """Show the slice in the 3-D views."""
        self._widget.mrmlSliceNode().SetSliceVisible(visible)

    def fitSliceToBackground(self):
        """Fit the slice to the volume."""
        self._widget.sliceLogic().FitSliceToBackground()

    def setSliceOffsetValue(self, offset):
        """Move the slice."""
        self._widget.sliceLogic().SetSliceOffset(offset)

    def resetFocalPoint(self):
        """Look at the middle of what is shown."""
        self._widget.threeDView().resetFocalPoint()


@stand_in
class qMRMLSliceWidget(ViewWidget):
    """A slice view in its frame."""

    def __init__(self, view):
        super().__init__(view)
        self._controller = Controller(self)

    def sliceView(self):
        """Return the view."""
        return self._view

    def sliceLogic(self):
        """Return the slice logic."""
        return self._view.sliceLogic()

    def mrmlSliceNode(self):
        """Return the slice node."""
        return self._view.mrmlSliceNode()

    def mrmlSliceCompositeNode(self):
        """Return the node that says which volumes are shown."""
        return self.sliceLogic().GetSliceCompositeNode()

    def sliceController(self):
        """Return the tool bar."""
        return self._controller


@stand_in
class qMRMLThreeDWidget(ViewWidget):
    """A 3-D view in its frame."""

    def __init__(self, view):
        super().__init__(view)
        self._controller = Controller(self)

    def threeDView(self):
        """Return the view."""
        return self._view

    def mrmlViewNode(self):
        """Return the view node."""
        return self._view.mrmlViewNode()

    def threeDController(self):
        """Return the tool bar."""
        return self._controller
