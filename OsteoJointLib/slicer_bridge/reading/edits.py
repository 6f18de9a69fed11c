"""What a button changes in the scene without the worker: points shifted or placed, masks brought back or compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.snapshot import Snapshot
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, result_node
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role
from OsteoJointLib.slicer_bridge.scene.watcher import Watcher


class Edits:
    """Changes the reading of the CT that is chosen.

    Args:
        chosen: gives that reading's scene, or raises where no CT is chosen.
        watcher: of its nodes.
        edited: called after what a result depends on was changed.
        shown: called after another thing is shown.
    """

    def __init__(
        self,
        chosen: Callable[[], Snapshot],
        watcher: Watcher,
        edited: Callable[[], None],
        shown: Callable[[], None],
    ):
        self._chosen, self._watcher, self._edited, self._shown = chosen, watcher, edited, shown
        self.comparing: Role | None = None
        """Which masks are shown instead of the present ones, or beside them."""

    def shift_levels(self, up: bool) -> None:
        """Move both points to the next body of the column: for anatomy that was counted wrongly."""
        scene = self._chosen()
        points = scene.record.shifted(scene.points, up)
        if points is not None:
            with self._watcher.paused():
                marks = {level: level_nodes.LevelMark(point, None, PointSource.USER) for level, point in points.items()}
                level_nodes.show_levels(scene.nodes, marks)
            self._edited()

    def confirm_levels(self) -> None:
        """Take the points as they are for the user's own: nothing about their names is in doubt then."""
        scene = self._chosen()
        marks = {level: level_nodes.LevelMark(point, None, PointSource.USER) for level, point in scene.points.items()}
        with self._watcher.paused():
            level_nodes.show_levels(scene.nodes, marks)
            result_node.set_record(scene.nodes, scene.record.confirmed().document())
        self._edited()

    def place(self, level: Level) -> None:
        """Let the user click where ``level`` is, in any slice view."""
        nodes = self._chosen().nodes
        level_nodes.start_placing(nodes, level)
        self._watcher.watch(nodes)

    def say(self, **changes: Any) -> None:
        """Say something of the CT, beside what is said already: fields of :class:`Said`, each as it shall be now.

        Raises:
            UsageError: that can't be said.
        """
        scene = self._chosen()
        said = scene.said.having(**changes)
        with self._watcher.paused():
            result_node.set_said(scene.nodes, said.document())
        self._edited()

    def undo_refinement(self) -> None:
        """Exchange the masks with those from before the last refinement; a second time takes that back."""
        mask_nodes.exchange(self._chosen().nodes)
        self.compare(None)
        self._edited()

    def reset_mask(self, level: Level) -> None:
        """Put the network's own mask back."""
        mask_nodes.restore(self._chosen().nodes, Role.NETWORK, [level])
        if self.comparing is Role.BEFORE:
            self.compare(None)
        self._edited()

    def compare(self, shown: Role | None) -> None:
        """Show the masks from before the last refinement instead of the present ones, or the network's as an outline.

        None: only the present ones.
        """
        mask_nodes.show_beside(self._chosen().nodes, shown)
        self.comparing = shown
        self._shown()

    def show_result(self, nodes: OwnedNodes) -> None:
        """Show the masks that a new result belongs to; the network's outline stays where it is shown."""
        if self.comparing is Role.BEFORE:
            self.comparing = None
        mask_nodes.show_beside(nodes, self.comparing)
