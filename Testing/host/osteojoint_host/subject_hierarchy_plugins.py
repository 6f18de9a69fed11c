"""Slicer's plugins of the subject hierarchy that are written in Python, and the menu that a right click opens.

As in Slicer, a plugin's file is loaded by its path as a module of its own, outside any package; its class bears the
file's name; its constructor registers it; every action is hidden before the plugin is asked what it shows; and a method
that returns another type than C++ expects is an error. Left out: the C++ plugins, drag and drop, icons.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import slicer
from PySide6 import QtCore

from osteojoint_host.errors import LOG
from osteojoint_host.qt_module import stand_in

RESULTS = {"canOwnSubjectHierarchyItem": float, "roleForPlugin": str, "itemContextMenuActions": list}
"""What C++ makes of a method's result."""


@stand_in
class qSlicerSubjectHierarchyScriptedPlugin(QtCore.QObject):
    """The C++ side of one plugin."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._name, self._python = "UnnamedScriptedPlugin", None

    name = QtCore.Property(str, lambda self: self._name, lambda self, name: self.__dict__.update(_name=name))

    def setPythonSource(self, path):
        """Load a plugin's file and make its class."""
        name = Path(path).stem
        class_name = name if name.endswith("SubjectHierarchyPlugin") else name + "SubjectHierarchyPlugin"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        self._python = getattr(sys.modules[name], class_name)(self)
        setattr(slicer, class_name, self._python)
        return True

    def self(self):
        """Return the Python object."""
        return self._python

    def ask(self, method: str, *arguments):
        """Call one of the plugin's methods as C++ does."""
        result = getattr(self._python, method)(*arguments)
        if not isinstance(result, RESULTS.get(method, object)):
            LOG.add(f"Function '{method}' is expected to return a {RESULTS[method].__name__}, not {result!r}")
        return result


class PluginHandler:
    """`qSlicerSubjectHierarchyPluginHandler`, of which there is one."""

    def __init__(self):
        self._plugins, self._current = [], 0

    def instance(self):
        """Return the one handler."""
        return self

    def registerPlugin(self, plugin):
        """Take a plugin; it must have a name that no other has."""
        if not plugin.name or self.pluginByName(plugin.name) is not None:
            LOG.add(f"registerPlugin: a plugin named {plugin.name!r} has been registered already")
            return False
        self._plugins.append(plugin)
        return True

    def pluginByName(self, name):
        """Return a plugin; None where there is none of that name."""
        return next((plugin for plugin in self._plugins if plugin.name == name), None)

    def subjectHierarchyNode(self):
        """Return the hierarchy of the scene."""
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)

    def currentItem(self):
        """Return the item that was clicked on."""
        return self._current

    def menu_of(self, node) -> dict:
        """Open the menu of a node's item: the actions that are shown, by their text; for tests."""
        self._current = self.subjectHierarchyNode().GetItemByDataNode(node)
        shown = {}
        for plugin in self._plugins:
            actions = plugin.ask("itemContextMenuActions")
            for action in actions:
                action.visible = False
            plugin.ask("showContextMenuActionsForItem", self._current)
            shown |= {action.text: action for action in actions if action.visible}
        return shown
