"""A table with a row a level, as three of the sections have."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level


def fill_level_table(table: qt.QTableWidget, stretched: int, button: str = "") -> dict[Level, Any]:
    """Give a table its two rows, with the levels' colors and empty cells.

    Args:
        table: with its columns.
        stretched: the column that takes what room is left.
        button: words of a button in the last column; "" for none.

    Returns:
        The buttons by level.
    """
    last = table.columnCount - 1
    table.setRowCount(len(Level))
    buttons: dict[Level, Any] = {}
    for row, level in enumerate(Level):
        table.setItem(row, 0, level_item(level))
        for column in range(1, last if button else last + 1):
            table.setItem(row, column, qt.QTableWidgetItem(""))
        if button:
            buttons[level] = qt.QPushButton(button)
            table.setCellWidget(row, last, buttons[level])
    header = table.horizontalHeader()
    header.setDefaultAlignment(qt.Qt.AlignLeft)
    for column in range(last + 1):
        header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
    header.setSectionResizeMode(stretched, qt.QHeaderView.Stretch)
    table.verticalHeader().setVisible(False)
    return buttons


def level_item(level: Level) -> qt.QTableWidgetItem:
    """Make the cell that names a level, with a square of its color."""
    item = qt.QTableWidgetItem(level.value)
    square = qt.QPixmap(12, 12)
    square.fill(qt.QColor(*segment_color_rgb(level)))
    item.setIcon(qt.QIcon(square))
    item.setToolTip(_("Click to see {level} in the slices.").format(level=level))
    return item
