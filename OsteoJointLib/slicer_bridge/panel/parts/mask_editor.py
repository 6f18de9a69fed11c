"""Slicer's own Segment Editor inside the panel, for the masks of the reading.

It is made when it is first opened, for it is large, and has a parameter node of its own, so that the Segment Editor
module is left as it was. Its shortcuts and its effects are on only while it is open and the module is shown.
"""

from __future__ import annotations

from typing import Any

import qt
import slicer

EDITOR_TAG = "OsteoJoint"
"""Singleton tag of the editor's parameter node."""
UNDO_STATES = 20
"""How many strokes can be taken back (chosen; each holds a copy of the masks)."""


class MaskEditor:
    """The editor; nothing happens in it until it is opened.

    Args:
        layout: where the editor goes.
    """

    def __init__(self, layout: qt.QLayout):
        self._layout = layout
        self._editor: Any = None
        self._edited: tuple[str, str] | None = None
        self._open = False

    def set_open(self, is_open: bool, volume: Any, segmentation: Any) -> None:
        """Open or close the editor on a segmentation; both nodes may be None."""
        if is_open and self._editor is None:
            self._make()
        if is_open and not self._open:
            self._editor.setMRMLSegmentEditorNode(editor_node())
            self._editor.installKeyboardShortcuts()
            self._editor.setupViewObservations()
        elif self._open and not is_open:
            self._editor.setActiveEffectByName("")
            self._editor.uninstallKeyboardShortcuts()
            self._editor.removeViewObservations()
        self._open = is_open
        self.edit(volume, segmentation)

    def edit(self, volume: Any, segmentation: Any) -> None:
        """Take the nodes to edit; called at each change, so that a deleted node is let go."""
        if self._editor is None or not self._open:
            return
        gone = volume is None or segmentation is None
        edited = None if gone else (volume.GetID(), segmentation.GetID())
        self._editor.setEnabled(not gone)
        if edited == self._edited:
            return
        self._edited = edited
        self._editor.setSegmentationNode(None if gone else segmentation)
        if not gone:
            self._editor.setSourceVolumeNode(volume)

    def scene_closes(self) -> None:
        """Let go of everything; the next opening takes the new scene's nodes."""
        self.set_open(False, None, None)
        if self._editor is not None:
            self._editor.setSegmentationNode(None)
        self._edited = None

    def _make(self) -> None:
        editor = self._editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMaximumNumberOfUndoStates(UNDO_STATES)
        editor.setMRMLSegmentEditorNode(editor_node())  # before the scene, as the widget asks
        editor.setMRMLScene(slicer.mrmlScene)
        editor.setSegmentationNodeSelectorVisible(False)
        editor.setSourceVolumeNodeSelectorVisible(False)
        editor.setSwitchToSegmentationsButtonVisible(False)
        self._layout.addWidget(editor)


def editor_node() -> slicer.vtkMRMLSegmentEditorNode:
    """Return the editor's parameter node in the scene, made when there is none."""
    node = slicer.mrmlScene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag(EDITOR_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node
