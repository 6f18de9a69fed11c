"""Decode the images of one DICOM file, one at a time, so that no more than one is in memory as it is stored.

Uncompressed, RLE, JPEG, JPEG-LS and JPEG 2000 go through pydicom with pylibjpeg-openjpeg or GDCM, once the compressed
bytes are known to be of the size that the header states.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.io.codestreams import is_of_size
from OsteoJointLib.io.dicom_opening import OpenedDataset, open_dataset

_TAGS = """
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    NumberOfFrames PlanarConfiguration ExtendedOffsetTable ExtendedOffsetTableLengths
""".split()  # noqa: SIM905 - a list literal would take one line a word
_PIXEL_DATA = 0x7FE00010
_UNDEFINED_LENGTH = 0xFFFFFFFF
_MOST_PIXEL_BYTES = 8


class BrokenPixelsError(ValueError):
    """The pixels aren't what the header states."""


def decoded_images(path: Path, frames: Collection[int | None], pixels: int) -> Iterator[tuple[int | None, np.ndarray]]:
    """Decode the images of a file that are wanted.

    Args:
        path: the file.
        frames: their indices; None alone stands for a file of one image.
        pixels: of an image.

    Yields:
        The index and the (y, x) values as stored, in the order of the file.

    Raises:
        Exception: a decoder's or BrokenPixelsError, on a broken file.
    """
    last = max(frame or 0 for frame in frames)
    with path.open("rb") as file:
        opened = open_dataset(file, _TAGS, (last + 1) * pixels * _MOST_PIXEL_BYTES)
        for index, content in enumerate(_stored(opened, last + 1)):
            frame = None if None in frames else index
            if frame in frames:
                yield frame, _decoded(opened.dataset, content)


def _stored(opened: OpenedDataset, count: int) -> Iterator[bytes]:
    """Give the bytes of the first ``count`` images, as they are stored."""
    from pydicom.encaps import generate_frames
    from pydicom.uid import UID

    dataset, stream = opened.dataset, opened.stream
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    order = "little" if syntax.is_little_endian else "big"
    group, element = (int.from_bytes(stream.read(2), order) for _ in range(2))  # type: ignore[arg-type]
    if (group << 16) + element != _PIXEL_DATA:
        raise BrokenPixelsError("There are no pixels.")
    if not syntax.is_implicit_VR:
        stream.read(4)
    length = int.from_bytes(stream.read(4), order)  # type: ignore[arg-type]
    if syntax.is_encapsulated != (length == _UNDEFINED_LENGTH):
        raise BrokenPixelsError("They are compressed and said not to be, or the other way round.")
    if syntax.is_encapsulated:
        offsets = [dataset.get(tag) for tag in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
        number = int(dataset.get("NumberOfFrames") or 1)
        extended = None if None in offsets else (offsets[0], offsets[1])
        frames = generate_frames(stream, number_of_frames=number, extended_offsets=extended)
        for _, content in zip(range(count), frames, strict=False):
            if not is_of_size(content, dataset.Rows, dataset.Columns, _bits(dataset) // 8, syntax == _RLE):
                raise BrokenPixelsError("The compressed image is not of the size that the header states.")
            yield content
        return
    size = dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1) * _bits(dataset) // 8
    if length < count * size:
        raise BrokenPixelsError("There are fewer pixels than the header states.")
    for _ in range(count):
        content = stream.read(size)
        if len(content) < size:
            raise BrokenPixelsError("The file is cut short.")
        yield content


_RLE = "1.2.840.10008.1.2.5"


def _bits(dataset: Any) -> int:
    bits = int(dataset.BitsAllocated)
    if bits not in (8, 16, 32):
        raise BrokenPixelsError("No pixel of a CT has so many bits.")
    return bits


def _decoded(dataset: Any, content: bytes) -> np.ndarray:
    """Decode one image: as a file of its own."""
    from pydicom import Dataset
    from pydicom.encaps import encapsulate
    from pydicom.pixels import pixel_array
    from pydicom.uid import UID

    single = Dataset()
    single.file_meta = dataset.file_meta
    for tag in _TAGS:
        if tag in dataset and not tag.startswith("ExtendedOffset"):
            single[tag] = dataset[tag]
    single.NumberOfFrames = 1
    packed = UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated
    single.add_new(_PIXEL_DATA, "OB" if packed or dataset.BitsAllocated == 8 else "OW", content)
    if packed:
        single.PixelData = encapsulate([content])
        single["PixelData"].is_undefined_length = True
    elif len(content) % 2:
        single.PixelData = content + b"\0"
    stored, high = int(dataset.BitsStored), int(dataset.get("HighBit", dataset.BitsStored - 1))
    if high < stored or (packed and dataset.file_meta.TransferSyntaxUID != _RLE):
        return pixel_array(single)
    single.BitsStored = single.BitsAllocated  # pydicom takes the lowest bits wherever the pixels lie
    return own_bits(pixel_array(single), stored, high)


def own_bits(values: np.ndarray, stored: int, high: int) -> np.ndarray:
    """Take the pixels' own bits out of words in which they lie high, and an overlay may lie below.

    Args:
        values: whole words, signed or not.
        stored: how many bits are theirs.
        high: the highest of them, at least ``stored``. Where no word reaches beyond the lowest bits they lie there,
            and the header is wrong.

    >>> own_bits(np.array([0x4100, 0x4102], np.uint16), 12, 15).tolist()
    [1040, 1040]
    >>> own_bits(np.array([-256, 0x4100], np.int16), 12, 15).tolist(), own_bits(np.array([1040]), 12, 15).tolist()
    ([-16, 1040], [1040])
    """
    bits = 8 * values.dtype.itemsize
    lowest = 0 if values.dtype.kind == "u" else -(1 << (stored - 1))
    if values.min() >= lowest and values.max() < lowest + (1 << stored):
        return values
    return (values << (bits - 1 - high)) >> (bits - stored)
