"""One writer at a time: a lock on a folder whose files are read, changed and written whole.

The lock is the operating system's own (``flock``, on Windows a locked byte), so that it ends with the process that held
it, however that ended, and needs no package. The file it is taken on stays in the folder.
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.errors import Reason, RunFailed

LOCK_FILE = f"{TEMPORARY_PREFIX}lock"
RUN_PREFIX = f"{TEMPORARY_PREFIX}run-"
"""Each writer that stays for long has a locked file of this name, by which others see that it lives."""
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""How the systems say that another holds it; all else is a file system that knows no locks."""
_WAIT_S = 60.0
"""How long to wait for another writer, seconds; chosen: longer than a table or a CT takes to write."""
_TURN_S = 0.01
"""Between two tries, seconds (chosen)."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made when missing, and taken back where nothing was put into it.

    Raises:
        RunFailed: another program holds it for too long.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = _wait_for(folder / LOCK_FILE)
    try:
        yield
    finally:
        if made and [child.name for child in folder.iterdir()] == [LOCK_FILE]:
            with suppress(OSError):  # another writer has come
                (folder / LOCK_FILE).unlink()
                folder.rmdir()
        os.close(lock)


@contextmanager
def present(folder: Path) -> Iterator[bool]:
    """Let others see that a writer works in a folder, until it ends or dies.

    Yields:
        Whether it is alone, so that hidden files it finds there are what dead ones have left.
    """
    own = folder / f"{RUN_PREFIX}{secrets.token_hex(6)}"
    with locked(folder):
        others = [file for file in folder.glob(f"{RUN_PREFIX}*") if not _is_dead(file)]
        lock = _taken(own)
    try:
        yield not others
    finally:
        with suppress(OSError):
            own.unlink()
        if lock is not None:
            os.close(lock)
        with suppress(OSError):
            own.unlink(missing_ok=True)  # Windows lets no open file go


def _is_dead(file: Path) -> bool:
    """Say whether nobody holds a file any more; it is removed then."""
    lock = _taken(file)
    if lock is None:
        return False
    os.close(lock)
    with suppress(OSError):
        file.unlink()
    return True


def _wait_for(file: Path) -> int:
    until = time.monotonic() + _WAIT_S
    while True:
        lock = _taken(file)
        if lock is not None:
            if _is_still(file, lock):
                return lock
            os.close(lock)
        if time.monotonic() > until:
            raise RunFailed(
                Reason.FAILED,
                f"Another program is writing into {file.parent}. Wait until it has ended, then try again.",
                "Another program is writing into the folder. Wait until it has ended, then try again.",
            )
        time.sleep(_TURN_S)


def _is_still(file: Path, lock: int) -> bool:
    """Say whether the locked file is still the one of that name: whoever made the folder may have taken it back."""
    try:
        return os.path.samestat(file.stat(), os.fstat(lock))
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        return False


def _taken(file: Path) -> int | None:
    """Open and lock a file; None where another holds it."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:  # the folder went meanwhile
        file.parent.mkdir(parents=True, exist_ok=True)
        return None
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno in _HELD:
            return None
        raise
    return descriptor


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
