"""The file of a batch's ledger, ``batch.sqlite``: one table, a row a case, which several programs may write at once.

SQLite's write-ahead log makes each change whole: a process killed at any moment leaves the cases that were entered, all
of them, and no lock. What was entered last may be lost with the power, never with the process: then it is read again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import disk_full
from OsteoJointLib.locking import locked

LEDGER_FILE = "batch.sqlite"

_FORMAT = 1
"""Of the table; SQLite keeps it as ``user_version``, which is 0 in a file that has no table yet."""
_SCHEMA = (
    "CREATE TABLE cases (name TEXT PRIMARY KEY, key TEXT UNIQUE NOT NULL, position INTEGER NOT NULL, "
    "entered INTEGER NOT NULL, outcome TEXT NOT NULL, row TEXT NOT NULL, fingerprint TEXT, settings TEXT NOT NULL, "
    "place TEXT, batch TEXT NOT NULL, files TEXT NOT NULL)",
    "CREATE INDEX by_position ON cases (position)",
    "CREATE INDEX by_entry ON cases (entered)",
    f"PRAGMA user_version = {_FORMAT}",
)
_WAIT_S = 60.0
"""How long to wait for another writer, seconds; chosen: a change takes milliseconds."""


class Database:
    """The ledger's file, kept open; threads may share it.

    Args:
        folder: the batch's; it and the file are made by the first change.
    """

    def __init__(self, folder: Path):
        self._path = folder / LEDGER_FILE
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Let the file go; the next access opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Ask for rows; none where there is no file.

        Raises:
            InputRefused: UNREADABLE, the file is damaged or of a newer version.
            RunFailed: it can't be read.
        """
        with self._lock, _said(self._path):
            if self._connection is not None:
                return self._connection.execute(query, values).fetchall()
            if not self._path.is_file():
                return []
            with closing(_connect(self._path)) as connection:
                return connection.execute(query, values).fetchall() if _has_table(connection, self._path) else []

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Change rows, all or nothing, while no other program changes any.

        Raises:
            OsteoJointError: as :meth:`rows`, and DISK_FULL.
        """
        with self._lock, _said(self._path):
            if self._connection is None:
                self._connection = self._opened()
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        with locked(self._path.parent):
            connection = _connect(self._path)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                if not _has_table(connection, self._path):
                    connection.execute("BEGIN IMMEDIATE")
                    for words in _SCHEMA:
                        connection.execute(words)
                    connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
        return connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)


def _has_table(connection: sqlite3.Connection, path: Path) -> bool:
    """Say whether the table is there; InputRefused where a newer version has made it."""
    ((number,),) = connection.execute("PRAGMA user_version").fetchall()
    if number not in (0, _FORMAT):
        raise InputRefused(
            Reason.UNREADABLE,
            f"{path} was written by another version of OsteoJoint. Go on with that, or choose a new folder.",
        )
    return number != 0


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say in a sentence what SQLite refuses."""
    try:
        yield
    except sqlite3.Error as error:
        raise _ending(error, path) from error


def _ending(error: sqlite3.Error, path: Path) -> OsteoJointError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind
    if code == sqlite3.SQLITE_FULL:
        return disk_full()
    if code == sqlite3.SQLITE_BUSY:
        return RunFailed(
            Reason.FAILED, f"Another program is writing into {path.parent}. Wait until it has ended, then try again."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return RunFailed(
            Reason.FAILED, f"{path} can't be read or written: {error}. Choose another folder, or change its rights."
        )
    return InputRefused(
        Reason.UNREADABLE,
        f"{path} is damaged: {error}. Choose a new folder for this batch.",
    )
