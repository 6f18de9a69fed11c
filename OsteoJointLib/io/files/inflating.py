"""Unpack zlib and gzip piece by piece: never more bytes than were asked for, whatever a file would unpack to."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from OsteoJointLib.io.files.header import unreadable

_PIECE = 2**20
_EITHER = 47
"""zlib's sign for either format, told by its first bytes."""


class Inflated:
    """The unpacked bytes of a file, read in order; gzip's checksums are verified, its members follow each other.

    Raises:
        InputRefused: UNREADABLE, the packed bytes are damaged.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._packed = file, b""
        self._member = zlib.decompressobj(_EITHER)

    def read(self, count: int) -> bytes:
        """Read ``count`` bytes; fewer where there are no more."""
        parts, left = [], count
        while left:
            part = self._some(left)
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        """Read up to ``most`` bytes, but at least one unless the end has come."""
        while True:
            if self._member.eof:
                rest = (self._member.unused_data + self._file.read(_PIECE)).lstrip(b"\0")
                if not rest.startswith(b"\x1f\x8b"):  # no further member: what follows is no part of it
                    return b""
                self._member, self._packed = zlib.decompressobj(_EITHER), rest
            packed = self._packed or self._file.read(_PIECE)
            if not packed:
                raise unreadable("it is cut short")
            try:
                part = self._member.decompress(packed, most)
            except zlib.error as error:
                raise unreadable("its packed bytes are no whole zlib or gzip data") from error
            self._packed = self._member.unconsumed_tail
            if part:
                return part


def start_of(path: Path, count: int) -> tuple[bytes, bool]:
    """Read the first bytes of a file that may be packed by gzip, and say whether it is."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        return (Inflated(file).read(count) if packed else file.read(count)), packed
