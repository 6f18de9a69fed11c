"""`qMRMLSegmentEditorWidget` over the real vtkSlicerSegmentEditorLogic: masking, overwriting and undo are Slicer's own.

There are no effects: an active effect is a name with parameters. A test paints with :func:`paint`, which is what
Slicer's Paint does with a finished stroke: it goes into the segment that is selected, and nowhere while the views are
not observed. Keys are real shortcuts, those of Slicer 5.12. Left out: the effects' panels, the mouse, the segments
table's look.
"""

from __future__ import annotations

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import numpy_to_vtk

from osteojoint_host.errors import LOG
from osteojoint_host.qt_module import NotWrapped, stand_in
from osteojoint_host.widgets.mrml_widget import qMRMLWidget
from osteojoint_host.widgets.observing import Watch

EFFECTS = (
    "Threshold Paint Draw Erase Level|tracing Grow|from|seeds Fill|between|slices Margin Hollow Smoothing Scissors "
    "Islands Logical|operators Mask|volume"
)
EFFECT_NAMES = tuple(name.replace("|", " ") for name in EFFECTS.split())
UNDO_KEYS, REDO_KEYS = ("Z", "Ctrl+Z"), ("Y", "Ctrl+Shift+Z")
"""As on Linux: Qt's standard key for redo is Ctrl+Y on Windows alone."""
OTHER_KEYS = (*"1234567890", *(f"Shift+{digit}" for digit in range(10)), "Esc", "Space", *"QW/*,.<>I")


class Effect:
    """An effect by name, with the parameters that Slicer keeps in the editor's node."""

    def __init__(self, editor, name: str):
        self.name, self._editor = name, editor

    def parameter(self, name):
        """Return a parameter as text."""
        return self._editor.mrmlSegmentEditorNode().GetAttribute(f"{self.name}.{name}") or ""

    def setParameter(self, name, value):
        """Set a parameter."""
        self._editor.mrmlSegmentEditorNode().SetAttribute(f"{self.name}.{name}", str(value))


def flag(name: str, default: bool):
    """Return a Qt property that is only kept."""
    return QtCore.Property(
        bool,
        lambda self: self.__dict__.get("_" + name, default),
        lambda self, value: self.__dict__.__setitem__("_" + name, bool(value)),
    )


@stand_in
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The segment editor: parameter node, segmentation, source volume, active effect, undo and redo."""

    segmentationNodeSelectorVisible = flag("segmentationNodeSelectorVisible", True)
    sourceVolumeNodeSelectorVisible = flag("sourceVolumeNodeSelectorVisible", True)
    switchToSegmentationsButtonVisible = flag("switchToSegmentationsButtonVisible", True)
    autoShowSourceVolumeNode = flag("autoShowSourceVolumeNode", True)
    undoEnabled = flag("undoEnabled", True)
    readOnly = flag("readOnly", False)
    jumpToSelectedSegmentEnabled = flag("jumpToSelectedSegmentEnabled", False)
    setUnorderedEffectsVisible = NotWrapped()
    currentSegmentIDChanged = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._effect, self._watch, self._node = None, Watch(self), None
        self._order, self._others_visible, self._observes_views = EFFECT_NAMES, True, False
        self._shortcuts: list[QtGui.QShortcut] = []
        self._table = QtWidgets.QListWidget()
        self._table.setObjectName("SegmentsTableView")
        self._table.connect("currentRowChanged(int)", self._row_chosen)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        layout.addLayout(self._effect_buttons())

    def _effect_buttons(self):
        self._grid = QtWidgets.QGridLayout()
        self._show_effects()
        return self._grid

    def _show_effects(self):
        while self._grid.count():
            self._grid.takeAt(0).widget().deleteLater()
        for index, name in enumerate((*self.availableEffectNames(), "Undo", "Redo")):
            button = QtWidgets.QToolButton()
            button.setText(name)
            slot = {"Undo": self.undo, "Redo": self.redo}.get(name)
            button.connect("clicked()", slot or (lambda name=name: self.setActiveEffectByName(name)))
            self._grid.addWidget(button, index // 2, index % 2)  # effectColumnCount is 2

    def _row_chosen(self, row=-1):
        """Select the segment of a row; it is the user's doing, so that the signal is emitted as well."""
        segmentation = self.segmentationNode()
        if segmentation is not None and row >= 0:
            name = segmentation.GetSegmentation().GetNthSegmentID(row)
            if name != self.currentSegmentID():
                self._node.SetSelectedSegmentID(name)
                self.currentSegmentIDChanged(name)

    def setMRMLScene(self, scene):
        """Set the scene."""
        super().setMRMLScene(scene)
        self._logic.SetMRMLScene(scene)

    def mrmlSegmentEditorNode(self):
        """Return the parameter node."""
        return self._node

    def setMRMLSegmentEditorNode(self, node):
        """Set the parameter node."""
        self._watch.stop()
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        if node is not None:
            self._watch.add(node, "ModifiedEvent", "updateWidgetFromMRML")
        self.updateWidgetFromMRML()

    def updateWidgetFromMRML(self):
        """Show the segments of the segmentation; an effect without one ends."""
        segmentation = self.segmentationNode()
        if segmentation is None:
            self._effect = None
        blocked = self._table.blockSignals(True)
        self._table.clear()
        for row, name in enumerate(segmentation.GetSegmentation().GetSegmentIDs() if segmentation else ()):
            self._table.addItem(segmentation.GetSegmentation().GetSegment(name).GetName())
            if name == self.currentSegmentID():
                self._table.setCurrentRow(row)
        self._table.blockSignals(blocked)

    def segmentationNode(self):
        """Return the segmentation that is edited."""
        return self._node.GetSegmentationNode() if self._node is not None else None

    def segmentationNodeID(self):
        """Return its ID."""
        return self.segmentationNode().GetID() if self.segmentationNode() else ""

    def setSegmentationNode(self, node):
        """Edit another segmentation; what could be undone is forgotten."""
        if self._node is None:
            if node is not None:
                LOG.add("Qt: setSegmentationNode: the segment editor's parameter node must be set first")
            return
        if node is not self.segmentationNode():
            self._node.SetAndObserveSegmentationNode(node)
            self._logic.SetSegmentationNode(node)
            identifiers = node.GetSegmentation().GetSegmentIDs() if node is not None else ()
            self._node.SetSelectedSegmentID(identifiers[0] if identifiers else None)
            self.updateWidgetFromMRML()

    def setSegmentationNodeID(self, identifier):
        """Edit another segmentation, by its ID."""
        self.setSegmentationNode(self.mrmlScene().GetNodeByID(identifier))

    def sourceVolumeNode(self):
        """Return the volume by which is edited."""
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def sourceVolumeNodeID(self):
        """Return its ID."""
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() else ""

    def setSourceVolumeNode(self, node):
        """Set the volume by which is edited; the segmentation comes first."""
        if self.segmentationNode() is None:
            LOG.add("Qt: setSourceVolumeNode: the parameter node and the segmentation must be set first")
            return
        self._node.SetAndObserveSourceVolumeNode(node)
        self._logic.SetSourceVolumeNode(node)

    def setSourceVolumeNodeID(self, identifier):
        """Set the volume by which is edited, by its ID."""
        self.setSourceVolumeNode(self.mrmlScene().GetNodeByID(identifier))

    def currentSegmentID(self):
        """Return the ID of the segment that is edited."""
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, identifier):
        """Edit another segment."""
        self._node.SetSelectedSegmentID(identifier)

    def availableEffectNames(self):
        """List the effects that have a button."""
        others = [name for name in EFFECT_NAMES if name not in self._order] if self._others_visible else []
        return (*(name for name in self._order if name in EFFECT_NAMES), *others)

    def setEffectNameOrder(self, names):
        """Order the effects' buttons."""
        self._order = tuple(names)
        self._show_effects()

    def _set_others_visible(self, visible):
        self._others_visible = visible
        self._show_effects()

    unorderedEffectsVisible = QtCore.Property(
        bool, lambda self: self._others_visible, lambda self, visible: self._set_others_visible(visible)
    )

    def activeEffect(self):
        """Return the active effect or None."""
        return self._effect

    def setActiveEffectByName(self, name):
        """Take an effect, or none for ""; without segmentation and volume there is none to take."""
        if name and name not in EFFECT_NAMES:
            LOG.add(f"Qt: setActiveEffectByName: no effect is called {name}")
        ready = self.segmentationNode() is not None and self.sourceVolumeNode() is not None
        self._effect = Effect(self, name) if ready and name in self.availableEffectNames() else None
        if self._node is not None:
            self._node.SetActiveEffectName(name if self._effect else "")

    def effectByName(self, name):
        """Return an effect by name."""
        return Effect(self, name) if name in EFFECT_NAMES else None

    def _set_states(self, number):
        self._logic.SetMaximumNumberOfUndoStates(number)

    maximumNumberOfUndoStates = QtCore.Property(
        int, lambda self: self._logic.GetMaximumNumberOfUndoStates(), lambda self, number: self._set_states(number)
    )

    def setMaximumNumberOfUndoStates(self, number):
        """Set how many steps can be undone."""
        self._set_states(number)

    def setSegmentationNodeSelectorVisible(self, visible):
        """Show the selector of the segmentation."""
        self.segmentationNodeSelectorVisible = visible

    def setSourceVolumeNodeSelectorVisible(self, visible):
        """Show the selector of the volume."""
        self.sourceVolumeNodeSelectorVisible = visible

    def setSwitchToSegmentationsButtonVisible(self, visible):
        """Show the button that opens the module Segmentations."""
        self.switchToSegmentationsButtonVisible = visible

    def setAutoShowSourceVolumeNode(self, show):
        """Show the volume in the slice views when it is set."""
        self.autoShowSourceVolumeNode = show

    def setUndoEnabled(self, enabled):
        """Keep states for undo."""
        self.undoEnabled = enabled

    def setReadOnly(self, read_only):
        """Forbid edits."""
        self.readOnly = read_only

    def setupViewObservations(self):
        """Listen to the mouse in the views: strokes are taken from now on."""
        self._observes_views = True

    def removeViewObservations(self):
        """Stop listening."""
        self._observes_views = False

    def installKeyboardShortcuts(self, parent=None):
        """Take the keys, in the window of ``parent``, or in the main window."""
        self.uninstallKeyboardShortcuts()
        parent = parent or slicer.util.mainWindow()
        if parent is None:
            LOG.add("Qt: QShortcut: without a main window the keyboard's shortcuts need a parent")
            return
        slots = {**dict.fromkeys(UNDO_KEYS, self.undo), **dict.fromkeys(REDO_KEYS, self.redo)}
        for key in (*slots, *OTHER_KEYS):
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(key), parent)
            if key in slots:
                shortcut.connect("activated()", slots[key])
            self._shortcuts.append(shortcut)

    def uninstallKeyboardShortcuts(self):
        """Give the keys back."""
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []

    def saveStateForUndo(self):
        """Remember the segmentation as it is."""
        self._logic.SaveStateForUndo()

    def undo(self):
        """Go back one edit."""
        self._logic.Undo()

    def redo(self):
        """Go forward again."""
        self._logic.Redo()


def paint(editor, mask: np.ndarray, erase: bool = False) -> None:
    """Do what a finished stroke does: masking, overwriting of other segments and undo are the real ones.

    Nothing where no segment is selected, the editor is off, or the views are not observed.

    Args:
        editor: a qMRMLSegmentEditorWidget with segmentation and source volume.
        mask: what is painted, not 0, (k, j, i) of the source volume.
        erase: take away instead.
    """
    volume, logic, segment_id = editor.sourceVolumeNode(), editor._logic, editor.currentSegmentID()
    if not (editor.enabled and editor._observes_views and segment_id):
        return
    logic.SaveStateForUndo()
    modifier = slicer.vtkOrientedImageData()
    modifier.SetDimensions(*mask.shape[::-1])
    scalars = numpy_to_vtk((np.ascontiguousarray(mask) != 0).astype(np.uint8).ravel(), deep=True)
    modifier.GetPointData().SetScalars(scalars)
    matrix = slicer.util.vtkMatrixFromArray(np.eye(4))
    volume.GetIJKToRASMatrix(matrix)
    modifier.SetGeometryFromImageToWorldMatrix(matrix)
    mode = logic.ModificationModeRemove if erase else logic.ModificationModeAdd
    logic.ModifySegmentByLabelmap(editor.segmentationNode(), segment_id, modifier, mode, False, False)
