"""The table of a batch in the panel: one row a case, filled as the cases end."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from OsteoJointLib.batch.ledger import Outcome, Row
from OsteoJointLib.pipeline.doubts import NOTES, reliability_sentence
from OsteoJointLib.slicer_bridge.batch.contract import outcome_word


class CaseTable:
    """Fills a QTableWidget with the columns case, outcome, class and remark.

    Args:
        widget: the table; it isn't shown while it is empty.
        on_open: called with the row of a case that was double-clicked.
    """

    def __init__(self, widget: qt.QTableWidget, on_open: Callable[[Row], None]):
        self._widget, self._on_open = widget, on_open
        self._rows: list[Row] = []
        widget.connect("cellDoubleClicked(int,int)", self._opened)
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        self._rows.clear()
        self._widget.setRowCount(0)
        self._widget.setVisible(False)

    def put(self, row: Row, skipped: bool = False) -> None:
        """Add a case, or show it anew; a skipped one was done before."""
        cases = [known["case"] for known in self._rows]
        index = cases.index(row["case"]) if row["case"] in cases else len(cases)
        self._rows[index : index + 1] = [row]
        self._widget.setRowCount(len(self._rows))
        outcome, remark = outcome_word(Outcome.SKIPPED if skipped else Outcome(row["outcome"])), remark_on(row)
        words = (row["case"], outcome, class_word(row["status"]), remark)
        tip = remark or _("Nothing speaks against the class.")
        for column, text in enumerate(words):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(tip)
            self._widget.setItem(index, column, item)
        for column in range(len(words) - 1):
            self._widget.resizeColumnToContents(column)
        self._widget.setVisible(True)

    def _opened(self, row: int = 0, column: int = 0) -> None:
        self._on_open(self._rows[row])


def class_word(status: str) -> str:
    """Give the class of a case in a word; empty where there is none."""
    return {"normal": _("normal"), "osteopenia": _("osteopenia"), "osteoporosis": _("osteoporosis")}.get(status, "")


def remark_on(row: Row) -> str:
    """Say why a case wasn't read, or why not to lean on its class, in a sentence; empty where nothing is to be said."""
    if row["message"]:
        return row["message"]
    codes = row["flags"].split()
    if sentence := reliability_sentence(codes):
        return sentence
    if row["reliable"] == "no":
        return _("Not reliable: see its report.")
    return _("Doubtful: see its report.") if set(codes) - NOTES else ""
