"""Open DICOM files so that none makes more bytes than its header was checked for.

pydicom unpacks a deflated file whole before a tag can be seen (4 MB can become 8 GB), and takes memory for whatever
length a tag states. Here it reads through a guard that hands out no more than there is, and a deflated file is unpacked
up to a limit.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

LONGEST_HEADER = 2**26
"""Bytes before the pixels: an enhanced CT of 5000 frames has a tenth (chosen)."""

_RAW_DEFLATE = -15
_PIXEL_GROUP = b"\xe0\x7f"
_LAST_TAG = 0x7FE00007
"""The last before the pixels."""


class _DeflatedError(Exception):
    """What follows in the file is deflated."""


class _Guard:
    """An open file that gives no more bytes than are asked for and there: only what is deflated is read to its end."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        here = file.tell()
        self._size = file.seek(0, os.SEEK_END)
        file.seek(here)

    def read(self, count: int = -1) -> bytes:
        if count < 0:
            raise _DeflatedError
        return self._file.read(min(count, max(0, self._size - self._file.tell())))


@dataclass(frozen=True, eq=False)
class OpenedDataset:
    """A data set without its pixels, and where these begin.

    Args:
        dataset: the tags that were asked for; its transfer syntax is known.
        stream: stands at the element of the pixels, if there is one.
    """

    dataset: Any
    stream: Any

    def has_pixels(self) -> bool:
        """Say whether it stands there, and didn't come to the end before."""
        here = self.stream.tell()
        tag = self.stream.read(4)
        self.stream.seek(here)
        return len(tag) == 4 and _PIXEL_GROUP in (tag[:2], tag[1::-1])


def open_dataset(
    file: BinaryIO, tags: Sequence[str | int], pixel_bytes: int = 0, last_tag: int = _LAST_TAG
) -> OpenedDataset:
    """Read the data set of an open DICOM file up to its pixels.

    Args:
        file: at its start.
        tags: what to read of it.
        pixel_bytes: of the pixels that will be wanted: a deflated file is unpacked so far and no farther.
        last_tag: nothing behind it is read.

    Raises:
        Exception: of pydicom's or zlib's, on a broken file.
    """
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    guarded: Any = _Guard(file)
    wanted: Any = [Tag(tag) for tag in tags]

    def enough(tag: int, vr: str | None, length: int) -> bool:
        return tag > last_tag

    try:
        dataset = read_partial(guarded, enough, force=True, specific_tags=wanted)
    except _DeflatedError:
        return _inflated(file, wanted, pixel_bytes, enough)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return OpenedDataset(dataset, guarded)


def _inflated(
    file: BinaryIO, wanted: list[Any], pixel_bytes: int, enough: Callable[[int, str | None, int], bool]
) -> OpenedDataset:
    """Unpack what follows, no farther than a header and the pixels go, and read it."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset
    from pydicom.uid import ExplicitVRLittleEndian

    content = zlib.decompressobj(_RAW_DEFLATE).decompress(file.read(), LONGEST_HEADER + pixel_bytes)
    stream: Any = _Guard(BytesIO(content))
    dataset = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=enough,
        specific_tags=wanted,
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return OpenedDataset(dataset, stream)
