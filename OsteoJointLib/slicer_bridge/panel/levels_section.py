"""The panel's section "Levels": find L1 and L2, go to them, place them by hand, shift both by one."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.levels.finding import CONFIDENCE_SURE
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.input_section import why_not_run
from OsteoJointLib.slicer_bridge.panel.overlay import Overlay
from OsteoJointLib.slicer_bridge.panel.widgets import allow, load_form, show_text
from OsteoJointLib.slicer_bridge.reading_state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.record import LEVELS

POSITION, CONFIDENCE, SOURCE, PLACE = 1, 2, 3, 4


class LevelsSection:
    """The two levels as rows.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose levels are shown.
        overlay: the maps over the slices, which follow the level looked at.
    """

    def __init__(self, layout, reading, overlay: Overlay):
        self._reading, self._overlay = reading, overlay
        self._widget, self._ui = load_form(layout, "Levels")
        ui = self._ui
        ui.findButton.connect("clicked(bool)", self._find)
        ui.shiftUpButton.connect("clicked(bool)", self._shift_up)
        ui.shiftDownButton.connect("clicked(bool)", self._shift_down)
        ui.levelsTable.connect("cellClicked(int,int)", self._row_clicked)
        self._looking = False
        self._place_buttons = fill_levels_table(ui.levelsTable)
        for level, button in self._place_buttons.items():
            button.connect("clicked(bool)", lambda checked=False, level=level: self._reading.place(level))
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show where the levels are."""
        ui, table = self._ui, self._ui.levelsTable
        why_not = why_not_run(state)
        allow(
            ui.findButton, why_not, _("Look for L1 and L2 and mark each by a point, in place of those that are there.")
        )
        for row, level in enumerate(LEVELS):
            shown = state.levels[level]
            table.item(row, POSITION).setText(position_words(shown))
            table.item(row, CONFIDENCE).setText(confidence_words(shown))
            table.item(row, SOURCE).setText(source_words(shown))
            tip = _("Then click on the center of the body of {level} in a slice view. Or drag its point.")
            allow(
                self._place_buttons[level],
                "" if state.volume_name and not state.problem else why_not,
                tip.format(level=level),
            )
        no_body = _("No vertebra was found there, or L1 and L2 weren't looked for yet.")
        up = _("Move both labels one vertebra up: for anatomy that was counted wrongly.")
        down = _("Move both labels one vertebra down: for anatomy that was counted wrongly.")
        allow(ui.shiftUpButton, "" if state.can_shift_up else no_body, up)
        allow(ui.shiftDownButton, "" if state.can_shift_down else no_body, down)
        show_text(ui.levelsHint, levels_hint(state))
        if self._looking and not state.running:
            self._looking = False
            self._overlay.look_at(LEVELS[0])

    def _find(self, checked=False) -> None:
        self._looking = True
        self._reading.find_levels()

    def _shift_up(self, checked=False) -> None:
        self._reading.shift_levels(True)

    def _shift_down(self, checked=False) -> None:
        self._reading.shift_levels(False)

    def _row_clicked(self, row=0, column=0) -> None:
        self._overlay.look_at(LEVELS[row])


def fill_levels_table(table) -> dict[str, Any]:
    """Give a table its two rows, with the levels' colors and a button each.

    Returns:
        The buttons by level.
    """
    table.setRowCount(len(LEVELS))
    buttons = {}
    for row, level in enumerate(LEVELS):
        table.setItem(row, 0, level_item(level))
        for column in (POSITION, CONFIDENCE, SOURCE):
            table.setItem(row, column, qt.QTableWidgetItem(""))
        buttons[level] = qt.QPushButton(_("Place"))
        table.setCellWidget(row, PLACE, buttons[level])
    header = table.horizontalHeader()
    header.setDefaultAlignment(qt.Qt.AlignLeft)
    for column in range(table.columnCount):
        header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
    header.setSectionResizeMode(CONFIDENCE, qt.QHeaderView.Stretch)
    table.verticalHeader().setVisible(False)
    return buttons


def level_item(level: str):
    """Make the cell that names a level, with a square of its color."""
    item = qt.QTableWidgetItem(level)
    square = qt.QPixmap(12, 12)
    square.fill(qt.QColor(*segment_color_rgb(Level(level))))
    item.setIcon(qt.QIcon(square))
    return item


def position_words(level: LevelState) -> str:
    """Return how high a level lies, as Slicer's views call it: S above, I below the scanner's origin."""
    if level.center_ras is None:
        return "–"
    height = level.center_ras[2]
    return f"{'S' if height >= 0 else 'I'} {abs(height):.1f} mm"


def confidence_words(level: LevelState) -> str:
    """Return how sure the level's name is."""
    if level.confidence is None or level.source != "auto":
        return "–"
    words = _("sure") if level.confidence >= CONFIDENCE_SURE else _("uncertain")
    return f"{words}, {100 * level.confidence:.0f}\u00a0%"


def source_words(level: LevelState) -> str:
    """Return who placed the level's point."""
    if level.center_ras is None:
        return _("not placed")
    return _("found") if level.source == "auto" else _("by you")


def levels_hint(state: ReadingState) -> str:
    """Say what to do next about the levels; empty when there is nothing."""
    missing = [level for level in LEVELS if state.levels[level].center_ras is None]
    if state.volume_name is None:
        return ""
    if not missing:
        return "" if state.document else _("Check both points, then press Apply above.")
    if len(missing) == len(LEVELS):
        return _("Let them be found, or place each by hand: press Place, then click on its center in a slice.")
    return _("{level} has no point yet: click on its center in a slice after Place, or find both.").format(
        level=missing[0]
    )
