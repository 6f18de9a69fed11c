"""What a batch has done: its ledger ``batch.sqlite``, and the tables for people that are made of it.

The ledger has a row a case, entered when it ends; what that costs doesn't grow with the number of cases. ``batch.csv``
and ``index.html`` are made of all rows while the batch runs and at its end, see :mod:`.tables`.

Names are given in the same way, and stand in the ledger before anything is read: no two batches give one name, and a
case keeps its own. It doesn't tell what an input is called, unless that was asked for; the digest of its path tells
only whoever can guess the path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from OsteoJointLib import __version__
from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.batch.database import LEDGER_FILE, Database
from OsteoJointLib.batch.naming import Namer, Newcomer
from OsteoJointLib.batch.shelf import Shelf
from OsteoJointLib.batch.tables import Tables
from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.names import Names, name_key
from OsteoJointLib.output.csv_rows import row_of_batch, row_of_failure
from OsteoJointLib.pipeline.config_file import settings_sha256
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions

CASES_FOLDER = "cases"

Row = Mapping[str, str]
"""One case in the table: the columns of :mod:`OsteoJointLib.output.csv_rows`."""


class Outcome(StrEnum):
    """How a case ended; a skipped one was done before and has not changed, a waiting one has a name and no more."""

    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_read(self) -> bool:
        """Whether the case has a result."""
        return self in (Outcome.DONE, Outcome.SKIPPED)


@dataclass(frozen=True)
class CaseRecord:
    """One case of a batch: a row of the ledger.

    Args:
        case: its name.
        outcome: how it ended.
        row: in the table; empty while it waits.
        fingerprint: of its content; None where it couldn't be read.
        settings: it was read with, see :func:`reading_settings`.
        place: a digest of the path it was read from; None for a volume of Slicer's scene.
        batch: a word for the batch that ended it, which tells its cases from those of others.
        files: of its result, their names in the case's folder.
    """

    case: str
    outcome: Outcome
    row: Row
    fingerprint: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    place: str | None = None
    batch: str = ""
    files: tuple[str, ...] = ()


def read_case(case: str, document: Mapping[str, Any], **fields: Any) -> CaseRecord:
    """Record a case by its result, with further fields of :class:`CaseRecord`; refused where its class is held back."""
    row = row_of_batch(case, document)
    return CaseRecord(case, Outcome(row["outcome"]), row, **fields)


def failed_case(case: str, error: OsteoJointError, own_names: bool = False, **fields: Any) -> CaseRecord:
    """Record a case that was refused or failed, with further fields of :class:`CaseRecord`."""
    row = row_of_failure(case, error, own_names)
    return CaseRecord(case, Outcome(row["outcome"]), row, **fields)


def reading_settings(
    model_sha256: str, options: ReadOptions, config: PipelineConfig, own: str = "", files: Sequence[str] = ()
) -> dict[str, Any]:
    """Say what a reading follows from, beside the CT: a case is done only while all of it is the same.

    Args:
        model_sha256: of the weights.
        options: what the reading does.
        config: how its stages work.
        own: a digest of the points and masks that are a user's.
        files: that are asked for beside those every case has.
    """
    settings = settings_sha256(config, options)
    said = {"version": __version__, "model_sha256": model_sha256, "settings_sha256": settings, "own": own}
    return {**said, "files": list(files)} if files else said


def check_batch_folder(folder: Path) -> None:
    """Check that a batch may write into ``folder``; nothing is written.

    Raises:
        UsageError: OUTPUT_EXISTS.
    """
    if (folder / LEDGER_FILE).is_file() or not folder.exists():
        return
    if not folder.is_dir() or any(not child.name.startswith(TEMPORARY_PREFIX) for child in folder.iterdir()):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"{folder} holds files that are no batch's, and those are never overwritten. Choose a new or empty folder, "
            "or an earlier batch's.",
        )


def read_ledger(folder: Path) -> dict[str, CaseRecord]:
    """Read what batches have left in a folder, by case, as the table has them; empty where there was none.

    Raises:
        InputRefused: UNREADABLE, the ledger is damaged.
    """
    return {record.case: record for record in _records(Database(folder), "ORDER BY position")}


def read_entered(folder: Path, batch: str, since: int) -> tuple[list[CaseRecord], int]:
    """Read the cases of a batch that have ended since the last time.

    Args:
        folder: of the ledger.
        batch: its word.
        since: what the last call gave; 0 at first.

    Returns:
        The records in the order in which they were entered, and what to give the next time.
    """
    where = "WHERE batch = ? AND entered > ? AND outcome != ? ORDER BY entered"
    rows = Database(folder).rows(f"SELECT entered, {_COLUMNS} FROM cases {where}", (batch, since, Outcome.WAITING))
    return [_record(row[1:]) for row in rows], rows[-1][0] if rows else since


class Ledger:
    """The cases of one output folder, those of other batches included; closed, or its tables lack the last cases.

    Args:
        folder: as :func:`check_batch_folder` lets it through.
        names: what cases are called that have no name yet.
        shelf: where the cases' files are kept; None for a folder beside the ledger.
    """

    def __init__(self, folder: Path, names: Names = Names.NEUTRAL, shelf: Shelf | None = None):
        self.folder = folder
        self.shelf = shelf or Shelf(folder / CASES_FOLDER)
        self._names = names
        self._database = Database(folder)
        self._tables = Tables(folder)
        self._nameless = [name for name, place, content in self._known() if not content and place is None]
        self._told: dict[str, str] = {}

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Make the tables once more, where something has changed, and let the file go."""
        try:
            self._tables.finish(self._rows, self._keys)
        finally:
            self._database.close()

    def claim(self, newcomers: Sequence[Newcomer]) -> tuple[str, ...]:
        """Give cases their names, see :mod:`.naming`, which nobody else gets from then on.

        Args:
            newcomers: in the order in which they stand in the table, after all others.
        """
        contents = self._contents(newcomers)
        here = {one.place for one in newcomers if one.place}
        with self._database.change() as database:
            known = database.execute(_KNOWN).fetchall()
            at_place = {place: name for name, place, _ in known if place}
            of_content = {content: name for name, place, content in known if content and place not in here}
            namer = Namer(self._names, at_place, of_content, self._nameless, [name for name, *_ in known])
            named = {namer.name(one, content): one for one, content in zip(newcomers, contents, strict=True)}
            ((last,),) = database.execute("SELECT COALESCE(MAX(position), 0) FROM cases")
            for position, ((name, one), content) in enumerate(zip(named.items(), contents, strict=True), last + 1):
                record = CaseRecord(name, Outcome.WAITING, {}, None if one.place else content, place=one.place)
                _put(database, record, position, "position = excluded.position")
                self._told[name] = one.told
        self._tables.refresh(self._rows, self._keys)
        return tuple(named)

    def names_by_place(self) -> dict[str, str]:
        """Say what the cases are called that have a name, by the digest of their path."""
        return {place: name for name, place, _ in self._known() if place}

    def if_done(self, case: str, settings: Mapping[str, Any]) -> CaseRecord | None:
        """Find a case that was read in the same way and whose files are all still there.

        Whether its content is the same, its fingerprint says.
        """
        for known in _records(self._database, "WHERE name = ?", case):
            same = known.outcome.is_read and known.settings == settings
            if same and known.files and self.shelf.has(case, known.files):
                return known
        return None

    def enter(self, record: CaseRecord) -> None:
        """Note a case in place of what was known of it."""
        with self._database.change() as database:
            ((last,),) = database.execute("SELECT COALESCE(MAX(position), 0) FROM cases")
            _put(database, record, last + 1, _ALL_BUT_POSITION)
        self._tables.refresh(self._rows, self._keys)

    def _known(self) -> list[tuple[str, str | None, str | None]]:
        """List name, place and fingerprint of each case."""
        return [(name, place, content) for name, place, content in self._database.rows(_KNOWN)]

    def _contents(self, newcomers: Sequence[Newcomer]) -> list[str | None]:
        """Take the fingerprints by which a case may be known that isn't by its path; not while others wait."""
        known = self._known()
        here, places = {one.place for one in newcomers}, {place for _, place, _ in known}
        moved = any(content and place not in here for _, place, content in known)
        asked = (one.place is None or (moved and one.place not in places) for one in newcomers)
        return [one.content() if is_asked else None for one, is_asked in zip(newcomers, asked, strict=True)]

    def _rows(self) -> list[Row]:
        """List the rows of the cases that have ended, as the table has them."""
        query = "SELECT row FROM cases WHERE outcome != ? ORDER BY position"
        return [json.loads(row) for (row,) in self._database.rows(query, (Outcome.WAITING,))]

    def _keys(self) -> Mapping[str, str]:
        """Say which case of this batch is which input; nothing where no table of keys is asked for."""
        return self._told if self._names is Names.KEYS else {}


_KNOWN = "SELECT name, place, fingerprint FROM cases"
_COLUMNS = "name, outcome, row, fingerprint, settings, place, batch, files"
_ALL_BUT_POSITION = ", ".join(f"{name} = excluded.{name}" for name in ("entered", *_COLUMNS.split(", ")[1:]))


def _put(database: Connection, record: CaseRecord, position: int, where_known: str) -> None:
    """Put a record into the table, or change what ``where_known`` says of the one that is there."""
    texts = (json.dumps(one) for one in (dict(record.row), dict(record.settings), record.files))
    row, settings, files = texts
    database.execute(
        f"INSERT INTO cases ({_COLUMNS}, key, position, entered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        f"(SELECT COALESCE(MAX(entered), 0) + 1 FROM cases)) ON CONFLICT (name) DO UPDATE SET {where_known}",
        (
            *(record.case, record.outcome, row, record.fingerprint, settings, record.place, record.batch, files),
            *(name_key(record.case), position),
        ),
    )


def _records(database: Database, where: str, *values: Any) -> list[CaseRecord]:
    return [_record(row) for row in database.rows(f"SELECT {_COLUMNS} FROM cases {where}", values)]


def _record(row: Sequence[Any]) -> CaseRecord:
    case, outcome, cells, fingerprint, settings, place, batch, files = row
    said = (json.loads(cells), fingerprint, json.loads(settings), place, batch, tuple(json.loads(files)))
    return CaseRecord(case, Outcome(outcome), *said)
