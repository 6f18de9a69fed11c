"""The map that lies over the slices: the boundary heat map or the explanation map.

Slice views have one foreground, so one map is shown at a time. A map lies on the middle slice of its level alone:
switching one on brings the views there, for elsewhere nothing of it would be seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import slicer
import vtk

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import Parameters
from OsteoJointLib.slicer_bridge.panel.parts.sight import Sight
from OsteoJointLib.slicer_bridge.reading.state import LevelState
from OsteoJointLib.slicer_bridge.scene import slice_views
from OsteoJointLib.slicer_bridge.scene.overlay_nodes import ROLES
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role
from OsteoJointLib.slicer_bridge.signal import Signal


class Foreground:
    """Keeps the foreground of the slice views in step with the parameters.

    The parameters that switch the maps on are named after their roles; those of their opacity end in ``_opacity``.

    Args:
        reading: whose maps are shown.
        parameters: which map, and how opaque.
        sight: brings the views to a level.
    """

    def __init__(self, reading: Shown, parameters: Parameters, sight: Sight):
        self._reading, self._parameters, self._sight = reading, parameters, sight
        self.looked = Signal()
        """Told the level that the views were brought to: it is the one that is edited."""
        sight.layout.changed.connect(self._show_again)
        self._role: Role | None = None
        self._shown: tuple[str, int] | None = None

    def look_at(self, level: Level) -> None:
        """Bring the slice views to a level."""
        self._sight.look_at(level)
        self.looked.emit(level)

    def show(self) -> None:
        """Show the map that is wanted now."""
        node, nodes = self._parameters.node, self._reading.nodes
        if node is None or nodes is None:
            return
        self._sight.show_3d(node.surface)
        wanted = [role for role in ROLES if getattr(node, role)]
        if len(wanted) > 1:
            setattr(node, self._role or wanted[0], False)  # the newer wish holds; this calls us again
            return
        before, self._role = self._role, wanted[0] if wanted else None
        volume = nodes.get(self._role) if self._role else None
        opacity = getattr(node, f"{self._role}_opacity") if self._role else 0
        shown = None if volume is None else (volume.GetID(), opacity)
        if shown == self._shown:
            return
        self._shown = shown
        slice_views.show_foreground(volume, opacity / 100)
        if volume is not None and self._role != before:
            self._go_to_nearest()

    def forget(self) -> None:
        """Take nothing as shown: another CT was chosen, or the scene is another."""
        self._role = self._shown = None

    def _show_again(self) -> None:
        """Show the map in views that are new too."""
        self._shown = None
        self.show()

    def _go_to_nearest(self) -> None:
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
        level = None if red is None else nearest_level(red.GetSliceToRAS(), self._reading.state.levels)
        if level is not None:
            self.look_at(level)


def nearest_level(slice_to_ras: vtk.vtkMatrix4x4, levels: Mapping[Level, LevelState]) -> Level | None:
    """Return the level whose center is nearest to a slice's plane; None where no level is placed.

    Args:
        slice_to_ras: of a slice node.
        levels: both levels.
    """

    def distance(level: Level) -> float:
        center = levels[level].center_ras or (0.0, 0.0, 0.0)
        offsets = (center[axis] - slice_to_ras.GetElement(axis, 3) for axis in range(3))
        return abs(sum(slice_to_ras.GetElement(axis, 2) * offset for axis, offset in enumerate(offsets)))

    placed = [level for level in levels if levels[level].center_ras is not None]
    return min(placed, key=distance, default=None)
