"""The table of the section "Labels": one row a CT, with a small picture where it is labeled, and how it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import qt
from slicer.i18n import tr as _

from OsteoJointLib.dataset.adding import PREVIEW_FILE
from OsteoJointLib.dataset.manifest import KnownCase
from OsteoJointLib.names import name_key
from OsteoJointLib.slicer_bridge.labels.label_flow import LabelFlow, Standing
from OsteoJointLib.slicer_bridge.panel.parts.case_table import class_word

ROW_PX, STATE_PX = 50, 90
"""Height of a row, which its picture fits in, and width of the state's column; chosen."""


@dataclass(frozen=True)
class LabelRow:
    """A row.

    Args:
        name: of the CT's file or folder, or of a case of the dataset that isn't in the folder.
        state, label: words.
        tip: more of them.
        preview: the picture's file; None where there is none.
        index: in the flow; None for a case that isn't in the folder.
        is_current: whether it is the one that is worked on.
    """

    name: str
    state: str
    label: str = ""
    tip: str = ""
    preview: Path | None = None
    index: int | None = None
    is_current: bool = False


class LabelTable:
    """Fills a QTableWidget; a row that stays as it is isn't touched.

    Args:
        widget: the table; it isn't shown while it is empty.
        on_open: called with the index in the flow of a row that was double-clicked.
    """

    def __init__(self, widget: qt.QTableWidget, on_open: Callable[[int], None]):
        self._widget, self._on_open = widget, on_open
        self._rows: list[LabelRow] = []
        widget.verticalHeader().setDefaultSectionSize(ROW_PX)
        for column in (0, 2):  # names of files beside a picture need as much room as what is known of a case
            widget.horizontalHeader().setSectionResizeMode(column, qt.QHeaderView.Stretch)
        widget.setColumnWidth(1, STATE_PX)
        widget.connect("cellDoubleClicked(int,int)", self._opened)
        self.put([])

    def put(self, rows: Sequence[LabelRow]) -> None:
        """Show these rows, with the current one in view."""
        self._widget.setRowCount(len(rows))
        former, self._rows = self._rows, list(rows)
        for index, row in enumerate(rows):
            if index >= len(former) or former[index] != row:
                self._fill(index, row)
        self._widget.setVisible(bool(rows))
        current = next((index for index, row in enumerate(rows) if row.is_current), None)
        if current is not None:
            self._widget.setCurrentCell(current, 0)
            self._widget.scrollToItem(self._widget.item(current, 0))
        else:
            self._widget.clearSelection()

    def _fill(self, index: int, row: LabelRow) -> None:
        for column, text in enumerate((row.name, row.state, row.label)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(row.tip)
            if column == 0 and row.preview is not None:
                item.setIcon(qt.QIcon(str(row.preview)))
            self._widget.setItem(index, column, item)

    def _opened(self, row: int = 0, column: int = 0) -> None:
        index = self._rows[row].index
        if index is not None:
            self._on_open(index)


def label_rows(flow: LabelFlow | None, folder: Path, cases: Sequence[KnownCase]) -> list[LabelRow]:
    """Make the rows: the CTs of the flow, then the other cases of the dataset.

    Args:
        flow: None shows the dataset alone.
        folder: of the dataset.
        cases: of its manifest.
    """
    known = {name_key(case.id): case for case in cases}
    rows, shown = [], set()
    for index, one in enumerate([] if flow is None else flow.cases):
        assert flow is not None
        standing = flow.standing(index)
        case = known.get(name_key(one.case)) if one.case else None
        reason = one.worked.message if one.worked and standing is Standing.NOT_READ else ""
        tip = f"{one.path}\n{reason or _('Double-click opens it.')}"
        current = one is flow.current
        label, preview = (reason, None) if case is None else (label_words(case), _preview(folder, case))
        rows.append(LabelRow(one.name, standing_word(standing), label, tip, preview, index, current))
        shown.add(name_key(one.case))
    others = [case for key, case in known.items() if key not in shown]
    labeled = standing_word(Standing.LABELED)
    rows += [
        LabelRow(case.id, labeled, label_words(case), label_words(case), _preview(folder, case)) for case in others
    ]
    return rows


def label_words(case: KnownCase) -> str:
    """Say what is known of a labeled case.

    >>> label_words(KnownCase("case-0001", "P7", status="normal"))
    'case-0001, P7, normal'
    """
    return ", ".join(filter(None, (case.id, case.patient, class_word(case.status or ""))))


def standing_word(standing: Standing) -> str:
    """Say in a word how a CT stands."""
    return {
        Standing.WAITING: _("to do"),
        Standing.FETCHED: _("loading …"),
        Standing.OPEN: _("open"),
        Standing.LABELED: _("labeled"),
        Standing.SKIPPED: _("skipped"),
        Standing.NOT_READ: _("not readable"),
    }[standing]


def _preview(folder: Path, case: KnownCase) -> Path | None:
    path = folder / case.id / PREVIEW_FILE
    return path if path.is_file() else None
