"""`slicer.app`: the QApplication with what Slicer's adds, offscreen and in testing mode."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from PySide6 import QtCore, QtWidgets

from osteojoint_host.qt_module import stand_in


@stand_in
class qSlicerApplication(QtWidgets.QApplication):
    """The application.

    Args:
        folder: a private folder for temporary files and settings.
    """

    startupCompleted = QtCore.Signal()

    def __init__(self, folder: Path):
        super().__init__(["Slicer", "--testing"])
        self.setApplicationName("Slicer")
        self.setOrganizationName("slicer.org")
        self._folder, self._paused, self._startup_environment = folder, 0, dict(os.environ)
        for part in ("home", "temporary", "settings"):
            (folder / part).mkdir()
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(folder / "settings"))
        self._settings = QtCore.QSettings()

    temporaryPath = QtCore.Property(str, lambda self: str(self._folder / "temporary"))
    slicerHome = QtCore.Property(str, lambda self: str(self._folder / "home"))
    os = QtCore.Property(str, lambda self: "linux")
    platform = QtCore.Property(str, lambda self: "linux-amd64")
    applicationVersion = QtCore.Property(str, lambda self: "5.13.0-2026-07-01")
    majorVersion = QtCore.Property(int, lambda self: 5)
    minorVersion = QtCore.Property(int, lambda self: 13)
    revision = QtCore.Property(str, lambda self: "31053")
    mainApplicationName = QtCore.Property(str, lambda self: "Slicer")
    documentationBaseUrl = QtCore.Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")

    def attach(self, mrml, module_manager, io_manager, layout_manager):
        """Give the application its parts, once they exist."""
        self._mrml, self._modules, self._io, self._layout = mrml, module_manager, io_manager, layout_manager

    def processEvents(self, *arguments):
        """Let Qt work, deferred deletions included."""
        QtWidgets.QApplication.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete.value)

    def testingEnabled(self):
        """Say that message boxes answer by themselves."""
        return True

    def commandOptions(self):
        """Return what the command line asked for."""
        return SimpleNamespace(testingEnabled=True, noMainWindow=True, verboseModuleDiscovery=False)

    def mrmlScene(self):
        """Return the scene."""
        return self._mrml.scene

    def applicationLogic(self):
        """Return the real vtkSlicerApplicationLogic."""
        return self._mrml.application_logic

    def moduleManager(self):
        """Return the modules."""
        return self._modules

    def layoutManager(self):
        """Return the views; None after ``host.without_views()``, as without a main window."""
        return self._layout

    def coreIOManager(self):
        """Return the readers and writers."""
        return self._io

    def ioManager(self):
        """Return the readers and writers."""
        return self._io

    def userSettings(self):
        """Return the settings of the user."""
        return self._settings

    def settings(self):
        """Return the settings of the user."""
        return self._settings

    def revisionUserSettings(self):
        """Return the settings of the user for this revision: the same ones here."""
        return self._settings

    def startupEnvironment(self):
        """Return the environment that Slicer's launcher found."""
        environment = QtCore.QProcessEnvironment()
        for name, value in self._startup_environment.items():
            environment.insert(name, value)
        return environment

    def pauseRender(self):
        """Put off rendering."""
        self._paused += 1

    def resumeRender(self):
        """Undo one :meth:`pauseRender`."""
        self._paused -= 1

    def moduleDocumentationUrl(self, name):
        """Return where a module of Slicer is documented."""
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"
