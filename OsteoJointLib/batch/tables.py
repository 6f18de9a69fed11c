"""What people see of a batch: ``batch.csv``, ``index.html`` and, on request, the private ``keys.csv``.

They are made whole from the ledger while the batch runs and at its end. That takes longer the more cases there are, so
it is done at intervals that grow with it: a small share of the batch's time however many cases it has. After a kill
they may lack the last cases, until the next batch into the folder or `osteojoint batch` with the same inputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.batch.index_page import INDEX_FILE, index_page
from OsteoJointLib.batch.naming import KEY_HASHES, write_keys
from OsteoJointLib.locking import locked
from OsteoJointLib.output.csv_rows import table_text

TABLE_FILE = "batch.csv"

_PAUSE_S = 2.0
"""Least time between two makings, seconds (chosen: soon enough for a person who looks)."""
_PAUSE_SHARE = 20.0
"""Pause after a making, in its own duration: it takes a twentieth of the time at most (chosen)."""

Rows = Callable[[], Sequence[Mapping[str, str]]]
Keys = Callable[[], Mapping[str, str]]


class Tables:
    """Makes the tables of one folder when they are due.

    Args:
        folder: the batch's.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._due_s = 0.0
        self._stale = False

    def refresh(self, rows: Rows, keys: Keys) -> None:
        """Say that something has changed, and make the tables where they are due.

        Args:
            rows: gives the rows of all cases that have ended, in the table's order.
            keys: says which case is which input; empty where no table of keys is asked for.
        """
        self._stale = True
        if time.monotonic() >= self._due_s:
            try:
                self.finish(rows, keys)
            except PermissionError:  # a spreadsheet has it open on Windows: perhaps not any more at the next time
                self._stale = True

    def finish(self, rows: Rows, keys: Keys) -> None:
        """Make the tables, unless nothing has changed since they were made."""
        if not self._stale:
            return
        begun = time.monotonic()
        with locked(self._folder):  # nobody puts older rows in the place of these
            self._stale = False
            listed = rows()
            write_text_whole(self._folder / TABLE_FILE, table_text(listed), lasting=False)
            write_text_whole(self._folder / INDEX_FILE, index_page(listed), lasting=False)
            if inputs := keys():
                hashes = {row["case"]: {name: row.get(name, "") for name in KEY_HASHES} for row in listed}
                none = dict.fromkeys(KEY_HASHES, "")
                said = ({"case": case, "input": words, **hashes.get(case, none)} for case, words in inputs.items())
                write_keys(self._folder, said)
        ended = time.monotonic()
        self._due_s = ended + max(_PAUSE_S, _PAUSE_SHARE * (ended - begun))
