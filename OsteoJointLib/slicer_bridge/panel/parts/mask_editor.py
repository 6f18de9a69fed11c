"""Slicer's own Segment Editor inside the panel, for the masks of the reading.

It is made when it is first opened, for it is large, and has a parameter node of its own, so that the Segment Editor
module is left as it was. Its shortcuts and its effects are on only while it is open and the module is shown. No level
takes voxels from another one: overwriting is off whenever it is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.parts.editor_keys import EditorKeys
from OsteoJointLib.slicer_bridge.scene import segments

EDITOR_TAG = "OsteoJoint"
"""Singleton tag of the editor's parameter node."""
UNDO_STATES = 20
"""How many strokes can be taken back (chosen; each holds a copy of the masks)."""
EFFECTS = (
    *("Paint", "Draw", "Erase", "Threshold", "Fill between slices", "Smoothing"),
    *("Level tracing", "Margin", "Scissors", "Islands"),
)
"""The effects that suit a vertebral body, in the order of their buttons and of the keys 1 to 9 and 0."""
BONE_HU = (150.0, 3071.0)
"""From which HU to which *Threshold* and the editable intensity range begin: cortex and endplates stand out from disc
and muscle, spongy bone of the old does not (chosen)."""
LOWEST_HU, HIGHEST_HU = "Threshold.MinimumThreshold", "Threshold.MaximumThreshold"
"""Where the effect *Threshold* keeps its range in the editor's node."""

TABLE_PARTS, TABLE_PX = ("SegmentsTableView", "SegmentsTableResizableFrame"), 90
"""The editor's table of segments, which has but two rows here: the effects below it shall be seen on a small screen."""


class MaskEditor(slicer.util.VTKObservationMixin):
    """The editor; nothing happens in it until it is opened.

    Args:
        layout: where the editor goes.
        on_select: called with the level whose segment was selected in the editor.
    """

    def __init__(self, layout: qt.QLayout, on_select: Callable[[Level], None]):
        slicer.util.VTKObservationMixin.__init__(self)
        self._layout, self._on_select = layout, on_select
        self._editor: Any = None
        self._keys: Any = None
        self._edited: tuple[str, str] | None = None
        self._selected: Level | None = None
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether strokes are taken."""
        return self._open

    def set_open(self, is_open: bool, volume: Any, segmentation: Any) -> None:
        """Open or close the editor on a segmentation; both nodes may be None."""
        if is_open and self._editor is None:
            self._make()
        if is_open and not self._open:
            node = editor_node()
            set_up(node)
            self._editor.setMRMLSegmentEditorNode(node)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._node_changed)
            self._keys.install()
            self._editor.setupViewObservations()
        elif self._open and not is_open:
            self.removeObservers()
            self._editor.setActiveEffectByName("")
            self._keys.uninstall()
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
        self._edited = None  # what the editor selects by itself meanwhile is nobody's choice
        self._editor.setSegmentationNode(None if gone else segmentation)
        if not gone:
            self._editor.setSourceVolumeNode(volume)
            self.select(self._selected or Level.L1)
        self._edited = edited

    def select(self, level: Level) -> None:
        """Edit the segment of a level, now or as soon as there is one."""
        self._selected = level
        if self._open and (segment_id := segments.find_segment_id(self._editor.segmentationNode(), level)):
            self._editor.setCurrentSegmentID(segment_id)

    def remember(self) -> None:
        """Note the masks as they are, so that the editor's undo brings them back after a button has changed them."""
        if self._open and self._edited is not None:
            self._editor.saveStateForUndo()

    def scene_closes(self) -> None:
        """Let go of everything; the next opening takes the new scene's nodes."""
        self.set_open(False, None, None)
        if self._editor is not None:
            self._editor.setSegmentationNode(None)
        self._edited = self._selected = None

    def _make(self) -> None:
        editor = self._editor = slicer.qMRMLSegmentEditorWidget()
        self._keys = EditorKeys(editor)
        editor.setMaximumNumberOfUndoStates(UNDO_STATES)
        editor.setMRMLSegmentEditorNode(editor_node())  # before the scene, as the widget asks
        editor.setMRMLScene(slicer.mrmlScene)
        editor.setSegmentationNodeSelectorVisible(False)
        editor.setSourceVolumeNodeSelectorVisible(False)
        editor.setSwitchToSegmentationsButtonVisible(False)
        editor.unorderedEffectsVisible = False  # the setter is no slot: Python has only the property
        editor.setEffectNameOrder(list(EFFECTS))
        for part in TABLE_PARTS:
            for table in slicer.util.findChildren(editor, name=part):
                table.setMaximumHeight(TABLE_PX)
        self._layout.addWidget(editor)

    def _node_changed(self, caller: Any = None, event: Any = None) -> None:
        """Tell of another segment that was selected in the editor, by a click or by its keys."""
        if self._edited is None:
            return
        segmentation = self._editor.segmentationNode()
        chosen = self._editor.currentSegmentID()
        for level in Level:
            if chosen and chosen == segments.find_segment_id(segmentation, level) and level is not self._selected:
                self._selected = level
                self._on_select(level)
                return


def editor_node() -> slicer.vtkMRMLSegmentEditorNode:
    """Return the editor's parameter node in the scene, made when there is none."""
    node = slicer.mrmlScene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag(EDITOR_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node


def set_up(node: slicer.vtkMRMLSegmentEditorNode) -> None:
    """Switch overwriting off, and let thresholds begin at bone where nothing was chosen; a closed scene resets both."""
    node.SetOverwriteMode(node.OverwriteNone)
    if node.GetAttribute(LOWEST_HU) is None:
        node.SetSourceVolumeIntensityMaskRange(*BONE_HU)
        for name, hu in zip((LOWEST_HU, HIGHEST_HU), BONE_HU, strict=True):
            node.SetAttribute(name, str(hu))
