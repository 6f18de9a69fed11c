"""The voxels of a volume file, plane by plane, checked to be whole: nothing is made up for what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from OsteoJointLib.io.files.header import VolumeHeader, unreadable
from OsteoJointLib.io.files.inflating import Inflated

_PIECE = 2**20


def planes(header: VolumeHeader) -> Iterator[np.ndarray]:
    """Read the planes from the first to the last, one in memory at a time.

    Yields:
        (y, x), or (y, x, components) where a voxel holds more than one value, as stored.

    Raises:
        InputRefused: UNREADABLE, voxels are missing or damaged.
    """
    slices, rows, columns = header.grid.shape_zyx
    shape = (rows, columns) if header.components == 1 else (rows, columns, header.components)
    with header.data.path.open("rb") as file:
        source = _opened(file, header)
        for index in range(slices):
            content = source.read(header.plane_bytes)
            if len(content) < header.plane_bytes:
                there = index * header.plane_bytes + len(content)
                raise unreadable(f"it is cut short, {there} of {header.data_bytes} bytes of voxels are there")
            yield np.frombuffer(content, header.dtype).reshape(shape)
        if header.data.alone and len(source.read(header.plane_bytes)) == header.plane_bytes:
            raise unreadable("it holds more voxels than its header states")


def _opened(file: BinaryIO, header: VolumeHeader) -> BinaryIO | Inflated:
    data = header.data
    if data.compressed:
        file.seek(data.offset or 0)
        unpacked = Inflated(file)
        left = data.inner_offset
        while left > 0:
            piece = unpacked.read(min(left, _PIECE))
            if not piece:
                raise unreadable("it is cut short")
            left -= len(piece)
        return unpacked
    size = os.fstat(file.fileno()).st_size
    start = size - header.data_bytes if data.offset is None else data.offset
    there = size - start
    if start < 0 or there < header.data_bytes:
        raise unreadable(
            f"it is cut short, {max(0, min(there, size))} of {header.data_bytes} bytes of voxels are there"
        )
    file.seek(start)
    return file
