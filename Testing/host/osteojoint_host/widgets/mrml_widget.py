"""`qMRMLWidget`: a widget that knows the scene and hands it on where the .ui file connects it."""

from __future__ import annotations

from typing import ClassVar

from PySide6 import QtCore, QtWidgets

from osteojoint_host.qt_module import stand_in


@stand_in
class qMRMLWidget(QtWidgets.QWidget):
    """Emits ``mrmlSceneChanged(vtkMRMLScene*)``; nothing reaches a child that isn't connected."""

    mrmlSceneChanged = QtCore.Signal(object)
    SIGNALS: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        """Return the scene."""
        return self._scene

    def setMRMLScene(self, scene):
        """Set the scene and tell those who listen."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged(scene)
