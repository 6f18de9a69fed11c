"""A table with a row a level, as two of the sections have; what has no room in a line of a cell takes a second one."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level


def fill_level_table(table: qt.QTableWidget, button: str) -> dict[Level, Any]:
    """Give a table its two rows, with the levels' colors and empty cells.

    Args:
        table: with its columns.
        button: words of a button in the last column.

    Returns:
        The buttons by level.
    """
    last = table.columnCount - 1
    table.setRowCount(len(Level))
    buttons: dict[Level, Any] = {}
    for row, level in enumerate(Level):
        table.setItem(row, 0, level_item(level))
        for column in range(1, last):
            table.setItem(row, column, qt.QTableWidgetItem(""))
        buttons[level] = qt.QPushButton(button)
        table.setCellWidget(row, last, buttons[level])
    header = table.horizontalHeader()
    header.setDefaultAlignment(qt.Qt.AlignLeft)
    for column in range(last + 1):
        mode = qt.QHeaderView.Stretch if 0 < column < last else qt.QHeaderView.ResizeToContents
        header.setSectionResizeMode(column, mode)
    table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    table.verticalHeader().setVisible(False)
    header.connect("sectionResized(int,int,int)", lambda index=0, before=0, now=0: table.resizeRowsToContents())
    table.connect("itemChanged(QTableWidgetItem*)", _say_whole)
    return buttons


def _say_whole(item: Any = None) -> None:
    """Say in a tooltip what a cell says, for one that is cut."""
    if item is not None and item.column() > 0 and item.toolTip() != item.text():
        item.setToolTip(item.text())


def level_item(level: Level) -> qt.QTableWidgetItem:
    """Make the cell that names a level, with a square of its color."""
    item = qt.QTableWidgetItem(level.value)
    square = qt.QPixmap(12, 12)
    square.fill(qt.QColor(*segment_color_rgb(level)))
    item.setIcon(qt.QIcon(square))
    item.setToolTip(_("Click to see {level} in the slices.").format(level=level))
    return item
