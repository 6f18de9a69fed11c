"""Slicer's modules: the C++ ones by name and logic, and a scripted module loaded as Slicer loads one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from shiboken6 import isValid

from osteojoint_host.errors import LOG
from osteojoint_host.qt_module import stand_in
from osteojoint_host.widgets.mrml_widget import qMRMLWidget


class LoadableModule:
    """A C++ module: its name and its logic; it has no widget here."""

    def __init__(self, name: str, logic):
        self.name, self.title, self._logic = name, name, logic
        self.path = ""

    def logic(self):
        """Return the module's logic."""
        return self._logic

    def widgetRepresentation(self):
        """There is none in this host."""


@stand_in
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The widget that holds a scripted module's panel."""

    def __init__(self, parent=None, module=None):
        super().__init__(parent)
        QtWidgets.QVBoxLayout(self)
        self._module, self._python, self._entered = module, None, False

    def self(self):
        """Return the Python object of the panel."""
        return self._python

    def setup(self):
        """Make the Python object and let it build the panel; errors are printed, as in Slicer."""
        name = self._module.name + "Widget"
        self._python = getattr(sys.modules[self._module.name], name)(self)
        setattr(slicer.modules, name, self._python)
        LOG.guard(self._python.setup)

    def reload(self):
        """Make a new Python object, after the module's file was read again."""
        self._entered = False
        self.setup()

    def enter(self):
        """Show the panel, as choosing the module does."""
        if not self._entered:
            self._entered = True
            LOG.guard(self._python.enter)

    def exit(self):
        """Leave the panel, as choosing another module does."""
        if self._entered:
            self._entered = False
            LOG.guard(self._python.exit)

    def isEntered(self):
        """Say whether the panel is shown."""
        return self._entered

    def module(self):
        """Return the module."""
        return self._module


@stand_in
class qSlicerScriptedLoadableModule(QtCore.QObject):
    """A scripted module: what its Python class writes into ``parent``."""

    def __init__(self, parent=None, path=""):
        super().__init__(parent)
        name = Path(path).stem
        self.__dict__.update(
            {"path": path, "name": name, "title": name, "icon": QtGui.QIcon(), "hidden": False},
            categories=[],
            dependencies=[],
            contributors=[],
            helpText="",
            acknowledgementText="",
            index=-1,
        )
        self._widget, self._made = None, []

    def __setattr__(self, name, value):
        self.__dict__[name] = value  # the C++ properties, which are too many and too plain to declare

    def load(self):
        """Run the module's file and make its class."""
        folder = str(Path(self.path).parent)
        if folder not in sys.path:
            sys.path.append(folder)
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        self._python_module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = self._python_module
        spec.loader.exec_module(self._python_module)
        self._python = getattr(self._python_module, self.name)(self)
        return self

    def self(self):
        """Return the Python object of the module."""
        return self._python

    def logic(self):
        """Return None: Slicer's C++ logic of a scripted module does nothing; ``getModuleLogic`` asks the widget."""

    def createNewWidgetRepresentation(self):
        """Build a new panel: setup first, then the scene. As in Slicer it lives on when the caller forgets it."""
        widget = qSlicerScriptedLoadableModuleWidget(None, self)
        widget.setObjectName(f"{self.name}ModuleWidget")
        self._made.append(widget)
        widget.setup()
        widget.setMRMLScene(slicer.mrmlScene)
        return widget

    def widgetRepresentation(self):
        """Return the one panel that belongs to the module."""
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def forget_widget(self):
        """Clean up and remove all panels, as Slicer does at its end; for tests."""
        alive = [widget for widget in self._made if isValid(widget)]
        for widget in alive:
            widget.exit()
        slicer.app.moduleManager().moduleAboutToBeUnloaded(self.name)
        for widget in alive:
            widget.deleteLater()
        self._widget = None
        self._made.clear()


class ModuleManager(QtCore.QObject):
    """`qSlicerModuleManager`."""

    STANDS_IN = True
    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleLoaded = QtCore.Signal(str)

    def __init__(self):
        super().__init__()
        self._modules = {}

    def add(self, module):
        """Register a module: by its name, and as ``slicer.modules.<lower case>``."""
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        self.moduleLoaded(module.name)
        return module

    def module(self, name):
        """Return a module by name, None where there is none."""
        return self._modules.get(name)

    def modulesNames(self):
        """Return the names of all modules."""
        return tuple(self._modules)

    def isHidden(self, name):
        """Say whether a module is left out of the menus."""
        return False
