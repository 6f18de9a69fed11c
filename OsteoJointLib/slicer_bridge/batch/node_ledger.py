"""What a batch over nodes has done, as `osteojoint batch` notes it: ``batch.jsonl``, ``batch.csv``; plain Python.

A case is known again by the digest of its CT, not by its name: in Slicer many CTs are called "2: CT". One that is new
gets a name that nobody has, so that a reading of one patient never takes the place of another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.batch.run import (
    CASES_FOLDER,
    DONE,
    LEDGER_FILE,
    TABLE_FILE,
    Outcome,
    check_batch_folder,
    read_ledger,
)
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.output.csv_rows import row_of_failure, row_of_result, write_table
from OsteoJointLib.slicer_bridge.batch.folder_names import holds_result, safe_name, unique_name

Row = dict[str, str]
"""One case, as in the table: the columns of :mod:`OsteoJointLib.output.csv_rows`."""


class BatchLedger:
    """The cases of one output folder, earlier batches' included.

    Args:
        folder: new, empty or an earlier batch's.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._outcomes: dict[str, Outcome] = {}
        self._entered: set[str] = set()

    def open(self) -> None:
        """Read what was done before.

        Raises:
            UsageError: OUTPUT_EXISTS where the folder holds other files.
        """
        check_batch_folder(self.folder)
        self._outcomes = read_ledger(self.folder)

    def name(self, words: str, digest: str) -> str:
        """The name of a case: the one it had, else a new one after the CT's.

        Args:
            words: the CT's name.
            digest: of the CT; empty where it has none.
        """
        for case, outcome in self._outcomes.items():
            if digest and outcome.fingerprint == digest:
                return case
        name = safe_name(words)
        known = self._outcomes.get(name)
        if known is not None and not known.fingerprint and not digest and name not in self._entered:
            return name
        return unique_name(name, self._outcomes)

    def case_folder(self, case: str) -> Path:
        """Where the files of a case lie."""
        return self.folder / CASES_FOLDER / case

    def row_if_done(self, case: str, settings: Mapping[str, Any]) -> Row | None:
        """The row of a case that was read with the same settings and whose result is still there."""
        known = self._outcomes.get(case)
        if known is None or known.outcome not in DONE or dict(known.settings) != dict(settings):
            return None
        return dict(known.row) if holds_result(self.case_folder(case)) else None

    def enter_result(self, case: str, digest: str, settings: Mapping[str, Any], document: Mapping[str, Any]) -> Row:
        """Note a case that was read, and write the table."""
        row = row_of_result(case, document)
        return self._enter(Outcome(case, row["outcome"], 0, digest, dict(settings), row))

    def enter_failure(self, case: str, digest: str, error: OsteoJointError) -> Row:
        """Note a case that wasn't read, and write the table."""
        row = row_of_failure(case, error)
        return self._enter(Outcome(case, row["outcome"], int(error.exit_code), digest or None, {}, row))

    def _enter(self, outcome: Outcome) -> Row:
        self._outcomes[outcome.case] = outcome
        self._entered.add(outcome.case)
        outcomes = self._outcomes.values()
        write_text_whole(self.folder / LEDGER_FILE, "".join(one.line() + "\n" for one in outcomes))
        write_table([one.row for one in outcomes], self.folder / TABLE_FILE)
        return dict(outcome.row)
