"""The table of a batch in the panel: one row a case, filled as the cases end."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from OsteoJointLib.errors import Reason
from OsteoJointLib.slicer_bridge.batch_ledger import Row


class CaseTable:
    """Fills a QTableWidget with the columns case, outcome, class and reason.

    Args:
        widget: the table; it isn't shown while it is empty.
        on_open: called with the row of a case that was double-clicked.
    """

    def __init__(self, widget, on_open: Callable[[Row], None]):
        self._widget, self._on_open = widget, on_open
        self._rows: list[Row] = []
        widget.connect("cellDoubleClicked(int,int)", self._opened)
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        self._rows.clear()
        self._widget.setRowCount(0)
        self._widget.setVisible(False)

    def put(self, row: Row) -> None:
        """Add a case, or show it anew."""
        cases = [known["case"] for known in self._rows]
        index = cases.index(row["case"]) if row["case"] in cases else len(cases)
        self._rows[index : index + 1] = [row]
        self._widget.setRowCount(len(self._rows))
        words = (row["case"], outcome_word(row["outcome"]), class_word(row["status"]), reason_of(row))
        tip = row["message"] or row["flags"].replace(" ", ", ")
        for column, text in enumerate(words):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(tip)
            self._widget.setItem(index, column, item)
        for column in range(len(words) - 1):
            self._widget.resizeColumnToContents(column)
        self._widget.setVisible(True)

    def _opened(self, row=0, column=0) -> None:
        self._on_open(self._rows[row])


def outcome_word(outcome: str) -> str:
    """How a case ended, in a word."""
    return {"done": _("done"), "refused": _("refused"), "failed": _("failed")}[outcome]


def class_word(status: str) -> str:
    """The class of a case in a word; empty where there is none."""
    return {"normal": _("normal"), "osteopenia": _("osteopenia"), "osteoporosis": _("osteoporosis")}.get(status, "")


def reason_of(row: Row) -> str:
    """The code of why a case wasn't read, or of why not to lean on its class."""
    return Reason.CLASS_NOT_RELIABLE.value if row["reliable"] == "no" else row["reason"]
