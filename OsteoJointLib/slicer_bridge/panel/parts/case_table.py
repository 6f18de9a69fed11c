"""The table of a batch in the panel: a row for a case, and one below for what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from OsteoJointLib.batch.ledger import Outcome, Row
from OsteoJointLib.pipeline.doubts import NOTES, reliability_sentence
from OsteoJointLib.slicer_bridge.batch.contract import outcome_word

CASE, RESULT = range(2)
"""Columns; the remark has a row of its own over both, so that it is read whole in a narrow panel."""
ROWS = 2
"""Of the table, for one case."""


class CaseTable:
    """Fills a QTableWidget with case, result and remark.

    Args:
        widget: the table; it isn't shown while it is empty.
        on_open: called with the row of a case that was double-clicked.
    """

    def __init__(self, widget: qt.QTableWidget, on_open: Callable[[Row], None]):
        self._widget, self._on_open = widget, on_open
        self._rows: list[Row] = []
        header = widget.horizontalHeader()
        header.setSectionResizeMode(CASE, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(RESULT, qt.QHeaderView.ResizeToContents)
        header.connect("sectionResized(int,int,int)", self._fit)
        widget.connect("cellDoubleClicked(int,int)", self._opened)
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        self._rows.clear()
        self._widget.clearSpans()
        self._widget.setRowCount(0)
        self._widget.setVisible(False)

    def put(self, row: Row, skipped: bool = False) -> None:
        """Add a case, or show it anew; a skipped one was done before."""
        cases = [known["case"] for known in self._rows]
        index = cases.index(row["case"]) if row["case"] in cases else len(cases)
        self._rows[index : index + 1] = [row]
        self._widget.setRowCount(ROWS * len(self._rows))
        outcome, remark = Outcome.SKIPPED if skipped else Outcome(row["outcome"]), remark_on(row)
        tip = remark or _("Nothing speaks against the class.")
        top = ROWS * index
        self._set(top, CASE, row["case"], f"{row['case']}: {tip}")
        self._set(top, RESULT, result_words(outcome, row["status"]), tip)
        if index == len(cases):
            self._widget.setSpan(top + 1, CASE, 1, RESULT + 1)
        self._set(top + 1, CASE, remark, remark)
        self._widget.setRowHidden(top + 1, not remark)
        for one in (top, top + 1):
            self._widget.resizeRowToContents(one)
        self._widget.setVisible(True)

    def _set(self, row: int, column: int, text: str, tip: str) -> None:
        item = qt.QTableWidgetItem(text)
        item.setToolTip(tip)
        self._widget.setItem(row, column, item)

    def _fit(self, index: int = 0, before: int = 0, now: int = 0) -> None:
        """Make room for the remarks at another width."""
        for top in range(0, self._widget.rowCount, ROWS):
            self._widget.resizeRowToContents(top + 1)

    def _opened(self, row: int = 0, column: int = 0) -> None:
        self._on_open(self._rows[row // ROWS])


def result_words(outcome: Outcome, status: str) -> str:
    """Say in a word or two what came of a case: its class, or why it has none."""
    if outcome is Outcome.DONE and status:
        return class_word(status)
    return ", ".join(filter(None, (class_word(status), outcome_word(outcome))))


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
