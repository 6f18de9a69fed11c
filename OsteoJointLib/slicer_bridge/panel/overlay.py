"""The map that lies over the slices: the boundary heat map or Grad-CAM, of the level that is looked at.

Slice views have one foreground, and a map lies on one slice of one level. So one map is shown at a time, and switching
one on brings the views to its slice: elsewhere nothing of it would be seen.
"""

from __future__ import annotations

import slicer

from OsteoJointLib.slicer_bridge import overlay_nodes, views
from OsteoJointLib.slicer_bridge.record import LEVELS

KINDS = ("heatmap", "gradcam")
"""The maps, by the names of the parameters that switch them on; their opacity's name ends in ``_opacity``."""


class Overlay:
    """Keeps the foreground of the slice views in step with the parameters.

    Args:
        reading: whose maps are shown.
        parameters: which map, and how opaque.
    """

    def __init__(self, reading, parameters):
        self._reading, self._parameters = reading, parameters
        self._level, self._kind = LEVELS[0], ""
        self._shown: tuple[str, int] | None = None

    def look_at(self, level: str) -> None:
        """Bring the slice views to a level, and its map with them."""
        self._level = level
        center = self._reading.state.levels[level].center_ras
        if center is not None:
            views.jump_to(center)
        self.show()

    def show(self) -> None:
        """Show the map that is wanted now."""
        node = self._parameters.node
        if node is None or self._reading.nodes is None:
            return
        if node.heatmap and node.gradcam:
            setattr(node, self._kind or KINDS[1], False)  # the newer wish holds; this calls us again
            return
        kind = next((kind for kind in KINDS if getattr(node, kind)), "")
        switched_on, self._kind = bool(kind) and kind != self._kind, kind
        if switched_on and self._volume() is not None:
            self.look_at(self._nearest_level())
            return
        volume = self._volume()
        opacity = getattr(node, f"{kind}_opacity") if kind else 0
        shown = None if volume is None else (volume.GetID(), opacity)
        if shown != self._shown:
            views.show_foreground(volume, opacity / 100.0)
            self._shown = shown

    def forget(self) -> None:
        """Take nothing as shown: another CT was chosen, or the scene is another."""
        self._level, self._shown = LEVELS[0], None

    def _volume(self):
        return overlay_nodes.overlay(self._reading.nodes, self._kind, self._level) if self._kind else None

    def _nearest_level(self) -> str:
        """The level whose center is nearest to the axial slice that is shown; the present one without a view."""
        red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
        levels = self._reading.state.levels
        if red is None or any(levels[level].center_ras is None for level in LEVELS):
            return self._level
        matrix = red.GetSliceToRAS()

        def distance(level: str) -> float:
            center = levels[level].center_ras
            return abs(sum(matrix.GetElement(i, 2) * (center[i] - matrix.GetElement(i, 3)) for i in range(3)))

        return min(LEVELS, key=distance)
