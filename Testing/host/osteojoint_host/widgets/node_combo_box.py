"""`qMRMLNodeComboBox` and `qMRMLCheckableNodeComboBox`.

Left out: adding, renaming and removing nodes by the menu, sorting, the scene model, and Slicer's order of signals when
several nodes come or go at once (here: one signal after each batch).
"""

from __future__ import annotations

from typing import ClassVar

from PySide6 import QtCore, QtWidgets

from osteojoint_host.qt_module import NotWrapped, stand_in
from osteojoint_host.widgets.observing import Watch


def simple(kind, name: str, default):
    """Return a Qt property that holds a value and refreshes its widget."""

    def read(self):
        return self.__dict__.get("_" + name, default)

    def write(self, value):
        self.__dict__["_" + name] = tuple(value) if isinstance(value, list) else value
        self.refresh()

    return QtCore.Property(kind, read, write)


@stand_in
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Shows the scene's nodes of some classes; the first of them is chosen where "None" isn't offered."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    SIGNALS: ClassVar = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged(PyObject)",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded(PyObject)",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser(PyObject)",
        "nodeAboutToBeRemoved(vtkMRMLNode*)": "nodeAboutToBeRemoved(PyObject)",
    }

    nodeTypes = simple("QStringList", "nodeTypes", ())
    hideChildNodeTypes = simple("QStringList", "hideChildNodeTypes", ())
    showChildNodeTypes = simple(bool, "showChildNodeTypes", True)
    showHidden = simple(bool, "showHidden", False)
    noneEnabled = simple(bool, "noneEnabled", False)
    noneDisplay = simple(str, "noneDisplay", "None")
    addEnabled = simple(bool, "addEnabled", True)
    removeEnabled = simple(bool, "removeEnabled", True)
    renameEnabled = simple(bool, "renameEnabled", False)
    editEnabled = simple(bool, "editEnabled", False)
    selectNodeUponCreation = simple(bool, "selectNodeUponCreation", True)
    baseName = simple(str, "baseName", "")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._scene, self._current, self._attributes, self._nodes = None, None, [], []
        self._candidates_watched, self._leaving = [], None
        self._watch, self._node_watch = Watch(self), Watch(self)
        self._refreshing = False
        self._box.connect("activated(int)", self._activated)

    def mrmlScene(self):
        """Return the scene."""
        return self._scene

    def setMRMLScene(self, scene):
        """Follow a scene."""
        if scene is self._scene:
            return
        self._watch.stop()
        self._scene = scene
        if scene is not None:
            for event in ("EndBatchProcess", "EndImport", "EndClose"):
                self._watch.add(scene, getattr(scene, event + "Event"), "refresh")
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
                self._watch.add(scene, event, "take_up", with_node=True)
            self._watch.add(scene, scene.NodeAboutToBeRemovedEvent, "leave_out", with_node=True)
        self.refresh()

    def addAttribute(self, nodeType, name, value=None):
        """Show nodes of a class only where they have an attribute, with this value where one is given."""
        self._attributes.append((nodeType, name, value))
        self.refresh()

    nodes = setNodeTypes = setNoneEnabled = setAddEnabled = setRemoveEnabled = setShowHidden = NotWrapped()

    def nodeCount(self):
        """Return how many nodes are shown."""
        return len(self._nodes)

    def nodeFromIndex(self, index):
        """Return the node in row ``index``."""
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def currentNode(self):
        """Return the chosen node or None."""
        return self._current

    def setCurrentNode(self, node):
        """Choose a node; one that isn't shown chooses nothing."""
        self._choose(node if node in self._nodes else None)

    def setCurrentNodeID(self, identifier):
        """Choose a node by its ID."""
        self.setCurrentNode(self._scene.GetNodeByID(identifier) if self._scene and identifier else None)

    currentNodeID = QtCore.Property(
        str,
        lambda self: self._current.GetID() if self._current else "",
        lambda self, value: self.setCurrentNodeID(value),
    )

    def setCurrentNodeIndex(self, index):
        """Choose the node in row ``index``."""
        self._choose(self.nodeFromIndex(index))

    def leave_out(self, node):
        """Let go of a node that is about to be removed, while the scene still has it, as Slicer's model does."""
        if self._scene.IsClosing() or not self._may_list(node):
            return
        self._leaving = node
        try:
            self.refresh()
        finally:
            self._leaving = None

    def take_up(self, node):
        """See a node that came or went, if its class is listed: all others cost nothing, as in Slicer."""
        if self._may_list(node):
            self.refresh()

    def _may_list(self, node) -> bool:
        return any(map(node.IsA, self.nodeTypes))

    def refresh(self):
        """Bring the rows up to the scene's nodes; where the chosen one is gone, its neighbor is chosen (QComboBox)."""
        if self._refreshing or (self._scene is not None and self._scene.IsBatchProcessing()):
            return
        candidates = self._candidates()
        if candidates != self._candidates_watched:
            self._node_watch.stop()
            self._candidates_watched = candidates
            for node in candidates:  # the hidden ones too: they may be shown one day
                self._node_watch.add(node, "ModifiedEvent", "refresh")
        row = self._nodes.index(self._current) if self._current in self._nodes else 0
        self._nodes = [node for node in candidates if self._fits(node)]
        self._refreshing = True
        self._fill()
        self._refreshing = False
        gone = self._current not in (None, *self._nodes)
        unchosen = self._current is None and not self.noneEnabled
        if gone or unchosen:
            self._choose(self._nodes[min(row, len(self._nodes) - 1)] if self._nodes else None)

    def _candidates(self):
        if self._scene is None:
            return []
        nodes = [self._scene.GetNthNode(i) for i in range(self._scene.GetNumberOfNodes())]
        return [node for node in nodes if node is not self._leaving and self._may_list(node)]

    def _fits(self, node) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        kinds = [t for t in self.nodeTypes if node.IsA(t)]
        if not self.showChildNodeTypes:
            kinds = [t for t in kinds if t == node.GetClassName()]
        if not kinds or node.GetClassName() in self.hideChildNodeTypes:
            return False
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _fill(self):
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay)
        for node in self._nodes:
            self._box.addItem(node.GetName() or "")
        self._show_current()

    def _show_current(self):
        row = self._nodes.index(self._current) if self._current in self._nodes else -1
        self._box.setCurrentIndex(row + int(self.noneEnabled))

    def _choose(self, node):
        if node is self._current:
            return
        self._current = node
        self._show_current()
        self.currentNodeChanged(node)
        self.currentNodeIDChanged(node.GetID() if node else "")

    def _activated(self, row=0):
        self._choose(self.nodeFromIndex(row - int(self.noneEnabled)))


@stand_in
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """The same with a check mark in each row: several nodes are chosen."""

    checkedNodesChanged = QtCore.Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._checked = []

    def checkedNodes(self):
        """Return the nodes with a check mark, in their order."""
        return tuple(node for node in self._nodes if node in self._checked)

    def uncheckedNodes(self):
        """Return the nodes without one."""
        return tuple(node for node in self._nodes if node not in self._checked)

    def checkState(self, node):
        """Return whether a node is checked, as Qt says it."""
        return QtCore.Qt.Checked if node in self._checked else QtCore.Qt.Unchecked

    def setCheckState(self, node, state):
        """Check or uncheck a node."""
        checked = state in (QtCore.Qt.Checked, 2)
        if checked != (node in self._checked):
            (self._checked.append if checked else self._checked.remove)(node)
            self._fill()
            self.checkedNodesChanged()

    def refresh(self):
        """Forget the check marks of nodes that are gone."""
        super().refresh()
        kept = [node for node in self.__dict__.get("_checked", []) if node in self._nodes]
        if "_checked" in self.__dict__ and kept != self._checked:
            self._checked = kept
            self.checkedNodesChanged()

    def _fill(self):
        super()._fill()
        for row, node in enumerate(self._nodes, int(self.noneEnabled)):
            marked = "☑" if node in self.__dict__.get("_checked", []) else "☐"
            self._box.setItemText(row, f"{marked} {node.GetName()}")
