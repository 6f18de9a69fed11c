"""One writer at a time: a lock on a folder whose files are read, changed and written whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.errors import Reason, RunFailed

LOCK_FILE = f"{TEMPORARY_PREFIX}lock"
"""It stays in the folder; the system lets go of the lock itself when its holder dies."""
_WAIT_S = 60.0
"""How long to wait for another writer, seconds; chosen: longer than a table or a CT takes to write."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made when missing, and taken back where nothing was put into it.

    Slicer's own Python has no filelock where another interpreter computes and nothing was installed: then there is no
    lock, and only one batch at a time may write into a folder.

    Raises:
        RunFailed: another program holds it for too long.
    """
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError:
        yield
        return
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(_WAIT_S)
    except Timeout as error:
        raise RunFailed(
            Reason.FAILED, f"Another program is writing into {folder}. Wait until it has ended, then try again."
        ) from error
    try:
        yield
    finally:
        lock.release()
        if made and [child.name for child in folder.iterdir()] == [LOCK_FILE]:
            (folder / LOCK_FILE).unlink()
            folder.rmdir()
