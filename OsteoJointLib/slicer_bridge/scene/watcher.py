"""Tells a moment after the last change that something of a reading was changed in the scene.

Points are dragged and masks painted in many small steps, each of which comes as an event. They are gathered: the
watcher calls once, when nothing has happened for a moment and no point is held by the mouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import qt
import slicer

from OsteoJointLib.slicer_bridge.scene.level_nodes import point_nodes, update_boxes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

QUIET_MS = 80
"""How long nothing must happen before a change is told, ms; chosen: longer than between two steps of a drag."""


class Watcher(slicer.util.VTKObservationMixin):
    """Watches the nodes of one reading, and the scene.

    Args:
        on_change: called once after changes.
        on_closing: called when the scene is being closed.
    """

    def __init__(self, on_change: Callable[[], None], on_closing: Callable[[], None]):
        slicer.util.VTKObservationMixin.__init__(self)
        self._on_change, self._on_closing = on_change, on_closing
        self._nodes: OwnedNodes | None = None
        self._paused = self._held = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET_MS)
        self._timer.connect("timeout()", self._tell)

    def watch(self, nodes: OwnedNodes | None) -> None:
        """Watch another reading, or the same after nodes were added; None, or one whose CT is gone: nothing at all."""
        self.removeObservers()
        volume = None if nodes is None else nodes.volume
        self._nodes, self._held = None if volume is None else nodes, False
        if nodes is None or volume is None:
            self._timer.stop()
            return
        scene = slicer.mrmlScene
        for event in (scene.NodeRemovedEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self._scene_changed)
        self.addObserver(scene, scene.StartCloseEvent, self._scene_closes)
        for event in (volume.TransformModifiedEvent, volume.ImageDataModifiedEvent):
            self.addObserver(volume, event, self._changed)
        for point in point_nodes(nodes):
            self._watch_point(point)
        if (segmentation := nodes.get(Role.MASKS)) is not None:
            self._watch_segmentation(segmentation.GetSegmentation())

    def close(self) -> None:
        """Watch nothing any more, for good: PythonQt holds what is connected to the timer until it is let go."""
        self.watch(None)
        self._timer.disconnect("timeout()", self._tell)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Overlook what is changed inside the block: our own doing."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def _watch_point(self, node: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        for event in (node.PointModifiedEvent, node.PointPositionDefinedEvent, node.PointRemovedEvent):
            self.addObserver(node, event, self._point_changed)
        self.addObserver(node, node.PointStartInteractionEvent, self._held_by_mouse)
        self.addObserver(node, node.PointEndInteractionEvent, self._let_go)

    def _watch_segmentation(self, segmentation: slicer.vtkSegmentation) -> None:
        for event in (
            segmentation.SourceRepresentationModified,
            segmentation.SegmentAdded,
            segmentation.SegmentRemoved,
        ):
            self.addObserver(segmentation, event, self._changed)

    def _changed(self, caller: Any = None, event: Any = None) -> None:
        if not self._paused and not self._held:
            self._timer.start()

    def _point_changed(self, caller: Any = None, event: Any = None) -> None:
        if self._nodes is not None and not self._paused:
            update_boxes(self._nodes)
            self._changed()

    def _held_by_mouse(self, caller: Any = None, event: Any = None) -> None:
        self._held = True
        self._timer.stop()

    def _let_go(self, caller: Any = None, event: Any = None) -> None:
        self._held = False
        self._changed()

    def _scene_changed(self, caller: Any = None, event: Any = None) -> None:
        if self._nodes is not None and self._nodes.volume is not None:
            self._changed()

    def _scene_closes(self, caller: Any = None, event: Any = None) -> None:
        self.watch(None)
        self._on_closing()

    def _tell(self) -> None:
        if self._nodes is not None:
            self._on_change()
