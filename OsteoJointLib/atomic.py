"""Files that appear whole or not at all.

Everything OsteoJoint writes goes through :func:`write_whole`: the content is written under a temporary name in the
same folder, flushed to the disk and renamed, so that a run killed at any moment leaves the old file, the new file
or nothing, never half a file. The temporary name starts with a dot and ends with the target's own suffixes, so that
writers which choose the format by the suffix (SimpleITK) see the right one.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY_PREFIX = ".osteojoint-"


@contextmanager
def write_whole(path: Path | str, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure.

    The block must close the file it writes before it ends. Missing parent folders are made.

    Args:
        path: where the file shall appear; an existing file is replaced in one step.
        lasting: whether to wait until the disk has it, which a loss of power then can't undo; a file that is made again
            anyway need not.

    Yields:
        A path that does not exist yet, in the same folder, ending like ``path``.

    Raises:
        FileNotFoundError: the block ended without writing the temporary file.
        OSError: as the file system raises.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with write_whole(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name holds random letters, not the target's whole name, so that a long name cannot grow past the limit.
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{''.join(path.suffixes[-2:])}"
    try:
        yield temporary
        if lasting:
            _flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def hidden_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder beside ``folder``, on the same disk; gone afterward unless it was renamed."""
    made = [parent for parent in folder.absolute().parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
    temporary.mkdir()
    delivered = False
    try:
        yield temporary
        delivered = True
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not delivered:
            for parent in made:
                try:
                    parent.rmdir()
                except OSError:
                    break


@contextmanager
def write_folder_whole(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; rename it to ``path`` on success, remove it on failure.

    Args:
        path: where the folder shall appear; it must not exist or be empty.

    Yields:
        A new, empty folder with the same parent.

    Raises:
        OSError: as the file system raises, also where ``path`` holds files.
    """
    path = Path(path)
    with hidden_folder(path) as temporary:
        yield temporary
        if path.exists():
            path.rmdir()
        os.replace(temporary, path)


def write_text_whole(path: Path | str, text: str, private: bool = False, lasting: bool = True) -> None:
    """Write UTF-8 text through :func:`write_whole`, with ``\\n`` line ends on every platform.

    What UTF-8 can't hold, such as a byte of a file's name that is none, is written as an escape: ``\\udcff``.

    Args:
        path: of the file.
        text: what it holds.
        private: whether only the file's owner may read it; on Windows its folder's rights say who may.
        lasting: as for :func:`write_whole`.
    """
    with write_whole(path, lasting) as temporary:
        temporary.touch(0o600 if private else 0o666)
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def check_writable(folder: Path) -> None:
    """Check that files can be written into a folder, which need not exist yet; nothing is left there.

    Raises:
        OSError: as the file system raises.
    """
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    trial = there / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
    trial.mkdir()
    trial.rmdir()


def sweep(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Remove the hidden files and folders that writers of ours have left in a folder when they were killed.

    Args:
        folder: need not exist.
        keep: beginnings of the names of those that are wanted.
    """
    for left in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if left.name.startswith(keep):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
