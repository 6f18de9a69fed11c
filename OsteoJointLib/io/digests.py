"""Digests of content: a file is known again by the SHA-256 of its bytes, several by that of theirs together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

_PIECE_BYTES = 2**20


def file_digest(path: Path, each_piece: Callable[[], None] = lambda: None) -> str:
    """SHA-256 of a file's bytes.

    Args:
        path: the file.
        each_piece: called before each piece is read; what it raises ends it.

    Raises:
        OSError: it can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            each_piece()
            if not (piece := file.read(_PIECE_BYTES)):
                return digest.hexdigest()
            digest.update(piece)


def digest_of_all(digests: Iterable[str]) -> str:
    """Make one digest of those of several files, whatever their order; that of a single one is its own.

    >>> digest_of_all(["a"]), digest_of_all(["b", "a"]) == digest_of_all(["a", "b"])
    ('a', True)
    """
    listed = sorted(digests)
    return listed[0] if len(listed) == 1 else hashlib.sha256("".join(listed).encode()).hexdigest()
