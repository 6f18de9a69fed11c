"""Where the slice views look: they go to what has just been made, and stay where the user is at work.

Found levels, and a first result, bring the views there, close enough to see a body; so does another CT. A point that is
placed or dragged takes the planes of the other views with it, so that it can be taken hold of in any of them. A result
that follows an edit moves nothing as long as an axial view still shows a body.
"""

from __future__ import annotations

from typing import Any

import qt
import slicer

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene import level_nodes, slice_views, window_presets
from OsteoJointLib.slicer_bridge.scene.layout import SideBySide
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes

SIDE_BY_SIDE_SETTING = "OsteoJoint/SideBySide"
"""Whether this computer's user wants L1 and L2 side by side while the module is shown."""


class Sight(slicer.util.VTKObservationMixin):
    """Moves the slice views, and arranges them; ``layout`` is the arrangement with L1 and L2 side by side.

    Args:
        reading: whose levels are looked at.
    """

    def __init__(self, reading: Shown):
        slicer.util.VTKObservationMixin.__init__(self)
        self._reading = reading
        self.layout = SideBySide()
        self._three_d = False
        self._entered, self._zoomed, self._held = True, False, False
        self._level = Level.L1
        self._volume_id = ""
        self._state = ReadingState()
        self._watched: list[str] = []

    def look_at(self, level: Level) -> None:
        """Bring the slice views to a level: those that a level has for itself to theirs, all others to this one."""
        centers, nodes = _centers(self._reading.state), self._reading.nodes
        if level in centers and nodes is not None:
            self._level = level
            slice_views.jump_to(centers[level], nodes.volume)
            slice_views.jump_own_views(centers, nodes.volume)

    def show(self, state: ReadingState) -> None:
        """Go where something was made since the last call."""
        nodes, before = self._reading.nodes, self._state
        if nodes is None or nodes.volume is None:
            self.forget()
            return
        if nodes.volume.GetImageData() is None:  # it is being loaded: its voxels come in a moment
            return
        if state.problem:  # it may have no place in the world
            return
        self._state = state
        self._watch(nodes)
        if nodes.volume_id != self._volume_id:
            self._take(nodes, state)
        elif self._entered:
            self._go(before, state)

    def enter(self) -> None:
        """Move the views from now on, and arrange them as the user likes it: the module is shown."""
        self._entered = True
        if slicer.util.settingsValue(SIDE_BY_SIDE_SETTING, False, converter=slicer.util.toBool):
            self._arrange()

    def exit(self) -> None:
        """Move them no more, and give them back: another module is shown, whose views are its own."""
        self._entered = False
        self.layout.leave()

    def put_side_by_side(self, on: bool) -> None:
        """Show L1 and L2 side by side, or the layout from before; keep the choice for the next time."""
        qt.QSettings().setValue(SIDE_BY_SIDE_SETTING, on)
        if on:
            self._arrange()
        else:
            self.layout.leave()

    def show_3d(self, on: bool) -> None:
        """Let the layout have the 3-D view, or not."""
        self._three_d = on
        if self.layout.taken and self.layout.has_3d != on:
            self.layout.take(on)

    def _arrange(self) -> None:
        """Take the layout; views that are new in it show the CT, near where there are levels."""
        self.layout.take(self._three_d)
        nodes = self._reading.nodes
        if self.layout.taken and nodes is not None and nodes.volume is not None:
            level_nodes.project(nodes)
            if slice_views.show_volume(nodes.volume):
                self._zoomed = False
                self._look_close(_centers(self._reading.state))

    def forget(self) -> None:
        """Take no CT as seen: there is none, or the scene is another."""
        self.removeObservers()
        self._volume_id, self._watched, self._level, self._held = "", [], Level.L1, False
        self._state = ReadingState()

    def let_go(self) -> None:
        """Watch nothing any more: the panel is gone."""
        self.forget()
        self.layout.removeObservers()

    def _take(self, nodes: OwnedNodes, state: ReadingState) -> None:
        """Take another CT; the views of a scene that has just been opened stay as they were saved."""
        another, self._volume_id, self._zoomed = bool(self._volume_id), nodes.volume_id, False
        if self._entered:
            window_presets.open_in_bone(nodes.volume)
        if self._entered and (another or slice_views.shows_nothing()):
            slice_views.show_volume(nodes.volume)
            self._look_close(_centers(state))

    def _go(self, before: ReadingState, state: ReadingState) -> None:
        was, centers = _centers(before), _centers(state)
        moved = [level for level in centers if centers[level] != was.get(level)]
        if len(moved) == 1 and state.levels[moved[0]].source == PointSource.USER:
            self._level = moved[0]
            slice_views.follow(centers[moved[0]], moved[0])
        elif moved or (state.document != before.document and self._is_elsewhere(centers)):
            self._look_close(centers)

    def _is_elsewhere(self, centers: dict[Level, tuple[float, float, float]]) -> bool:
        """Say whether the user would see nothing of a result, or nothing but specks."""
        return not self._zoomed or not any(map(slice_views.is_seen, centers.values()))

    def _look_close(self, centers: dict[Level, tuple[float, float, float]]) -> None:
        """Go to the level that was looked at, near enough where that is the first time; later zooms are the user's."""
        if not centers:
            return
        if not self._zoomed:
            self._zoomed = True
            slice_views.zoom_in()
        self.look_at(self._level if self._level in centers else next(iter(centers)))

    def _watch(self, nodes: OwnedNodes) -> None:
        """Watch the points for being dragged, and let the views there are now show them."""
        level_nodes.project(nodes)
        points = level_nodes.point_nodes(nodes)
        if (watched := [point.GetID() for point in points]) == self._watched:
            return
        self.removeObservers()
        self._watched, self._held = watched, False
        for point in points:
            self.addObserver(point, point.PointStartInteractionEvent, self._held_by_mouse)
            self.addObserver(point, point.PointModifiedEvent, self._point_moved)
            self.addObserver(point, point.PointEndInteractionEvent, self._let_go)

    def _held_by_mouse(self, caller: Any = None, event: Any = None) -> None:
        self._held = True

    def _let_go(self, caller: Any = None, event: Any = None) -> None:
        self._held = False

    def _point_moved(self, caller: Any = None, event: Any = None) -> None:
        nodes = self._reading.nodes
        if not self._held or not self._entered or nodes is None:
            return
        for level, place in level_nodes.points(nodes).items():
            if caller is level_nodes.point_node(nodes, level):
                slice_views.follow(place, level)


def _centers(state: ReadingState) -> dict[Level, tuple[float, float, float]]:
    return {level: one.center_ras for level, one in state.levels.items() if one.center_ras is not None}
