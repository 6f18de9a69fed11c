"""The panel's section "Levels": find L1 and L2, go to them, place them by hand, shift both by one."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.panel.input_section import why_not_find, why_not_run
from OsteoJointLib.slicer_bridge.panel.parts.foreground import Foreground
from OsteoJointLib.slicer_bridge.panel.parts.level_table import fill_level_table
from OsteoJointLib.slicer_bridge.panel.parts.needs import Located
from OsteoJointLib.slicer_bridge.panel.parts.widgets import (
    WARNING,
    allow,
    load_form,
    paint_frame,
    set_checked,
    show_text,
)
from OsteoJointLib.slicer_bridge.reading.state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.scene import level_nodes

POSITION, CONFIDENCE, SOURCE = 1, 2, 3


class LevelsSection(slicer.util.VTKObservationMixin):
    """The two levels as rows.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose levels are shown.
        foreground: the maps over the slices, which follow the level looked at.
    """

    def __init__(self, layout: qt.QLayout, reading: Located, foreground: Foreground):
        slicer.util.VTKObservationMixin.__init__(self)
        self._reading, self._foreground = reading, foreground
        self._widget, self._ui = load_form(layout, "Levels")
        self._section, self._doubt = layout.parent(), ""
        ui = self._ui
        paint_frame(ui.doubtFrame, WARNING)
        ui.findButton.connect("clicked(bool)", self._find)
        ui.confirmButton.connect("clicked(bool)", self._confirm)
        ui.shiftUpButton.connect("clicked(bool)", self._shift_up)
        ui.shiftDownButton.connect("clicked(bool)", self._shift_down)
        ui.levelsTable.connect("cellClicked(int,int)", self._row_clicked)
        self._looking = False
        self._place_buttons = fill_level_table(ui.levelsTable, _("Place"))
        for level, button in self._place_buttons.items():
            button.setCheckable(True)
            button.connect("clicked(bool)", lambda checked=False, level=level: self._place(level))
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show where the levels are."""
        ui, table = self._ui, self._ui.levelsTable
        why_not = why_not_find(state)
        allow(ui.findButton, why_not, _("Find L1 and L2 and mark each with a point. Replaces points that are there."))
        for row, level in enumerate(Level):
            shown = state.levels[level]
            table.item(row, POSITION).setText(position_words(shown))
            table.item(row, CONFIDENCE).setText(confidence_words(shown))
            table.item(row, SOURCE).setText(source_words(shown))
            tip = _("Press, then click on the center of the body of {level} in a slice. Or drag its point.")
            may_place = state.volume_name and not state.problem
            allow(self._place_buttons[level], "" if may_place else why_not, tip.format(level=level))
        no_body = _("No vertebra was found there, or none were looked for yet.")
        up = _("Move L1 and L2 up by one vertebra, if they were counted wrongly.")
        down = _("Move L1 and L2 down by one vertebra, if they were counted wrongly.")
        allow(ui.shiftUpButton, "" if state.can_shift_up else no_body, up)
        allow(ui.shiftDownButton, "" if state.can_shift_down else no_body, down)
        self._show_doubt(state)
        self._show_placing(state)
        if self._looking and not state.running:
            self._looking = False
            self._foreground.look_at(Level.L1)

    def _show_doubt(self, state: ReadingState) -> None:
        """Show what makes the names uncertain and what to answer; a new doubt opens the section."""
        ui = self._ui
        if state.levels_doubt and not self._doubt:
            self._section.collapsed = False
        self._doubt = state.levels_doubt
        ui.doubtFrame.setVisible(bool(state.levels_doubt))
        ui.levelsDoubtLabel.setText(state.levels_doubt)
        ui.confirmButton.setVisible(bool(state.levels_doubt))
        allow(ui.confirmButton, why_not_run(state), _("The names are right: take both points for your own, and read."))

    def close(self) -> None:
        """Follow the mouse's mode no more."""
        self.removeObservers()

    def _show_placing(self, state: ReadingState) -> None:
        """Show which level the next click places, and what to do next."""
        self._state = state
        placed = None if self._reading.nodes is None else level_nodes.placed_now(self._reading.nodes)
        for level, button in self._place_buttons.items():
            set_checked(button, level == placed)
        show_text(self._ui.levelsHint, levels_hint(state, placed))

    def _place(self, level: Level) -> None:
        """Let the level be placed; where it is being placed already, call that off."""
        nodes, interaction = self._reading.nodes, level_nodes.interaction_node()
        if nodes is not None and level_nodes.placed_now(nodes) == level:
            level_nodes.stop_placing()
        else:
            self._reading.edits.place(level)
        if interaction is not None:
            self.removeObservers()
            self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._mode_changed)
        self._show_placing(self._state)

    def _mode_changed(self, caller: Any = None, event: Any = None) -> None:
        if caller.GetCurrentInteractionMode() != caller.Place:
            self.removeObservers()
        self._show_placing(self._state)

    def _find(self, checked: bool = False) -> None:
        self._looking = True
        self._reading.find_levels()

    def _confirm(self, checked: bool = False) -> None:
        self._reading.confirm_levels()

    def _shift_up(self, checked: bool = False) -> None:
        self._reading.shift_levels(up=True)

    def _shift_down(self, checked: bool = False) -> None:
        self._reading.shift_levels(up=False)

    def _row_clicked(self, row: int = 0, column: int = 0) -> None:
        self._foreground.look_at(list(Level)[row])


def position_words(level: LevelState) -> str:
    """Return how high a level lies, as Slicer's views call it: S above, I below the scanner's origin."""
    if level.center_ras is None:
        return "–"
    height = level.center_ras[2]
    return f"{'S' if height >= 0 else 'I'} {abs(height):.1f} mm"


def confidence_words(level: LevelState) -> str:
    """Return how sure the level's name is."""
    if level.confidence is None or level.source is not PointSource.AUTO:
        return "–"
    words = _("in doubt") if level.in_doubt else _("sure")
    return f"{words}, {100 * level.confidence:.0f}\u00a0%"


def source_words(level: LevelState) -> str:
    """Return who placed the level's point."""
    if level.center_ras is None:
        return _("not placed")
    return _("found") if level.source is PointSource.AUTO else _("by you")


def levels_hint(state: ReadingState, placed: Level | None) -> str:
    """Say what to do next about the levels; empty when there is nothing.

    Args:
        state: how the reading stands.
        placed: the level that the next click places.
    """
    if state.volume_name is None or state.problem:
        return ""
    if placed:
        return _("Click on the center of the body of {level} in a slice. A right click ends.").format(level=placed)
    missing = [level for level in Level if state.levels[level].center_ras is None]
    if not missing and state.levels_doubt:
        return _(
            "Are these L1 and L2? The bodies about them are named in the sagittal view. Press Confirm; or shift both "
            "by one vertebra, or move the points. The class comes after that."
        )
    if not missing:
        return "" if state.document else _("Check both points, then press Read above.")
    if len(missing) == len(Level):
        return _("Find both, or place each by hand: press Place, then click on its center in a slice.")
    return _("Now place {level}: press Place in its row, then click on its center in a slice. Or find both.").format(
        level=missing[0]
    )
