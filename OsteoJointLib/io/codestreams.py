"""What a compressed image says of its own size, read before a decoder is let loose on it.

A decoder takes memory for what the compressed bytes state, whatever the DICOM header says: 0.2 MB of JPEG 2000 can
become 8 GB. So both have to agree.
"""

from __future__ import annotations

import struct

_JPEG2000_START, _JPEG_START = b"\xff\x4f\xff\x51", b"\xff\xd8"
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a JPEG or JPEG-LS frame, with its size."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that nothing follows."""
_MOST_TILES = 4096
"""Tiles of a JPEG 2000 image; each takes a decoder memory, and a CT has one (chosen)."""
_LONGEST_RUN_LENGTH, _RUN_LENGTH_HEADER = 1.1, 1024
"""What cannot be packed grows by a 128th by run lengths (PS3.5 G.3.1), and there are 64 bytes of header."""


def is_of_size(frame: bytes, rows: int, columns: int, bytes_each: int, run_length: bool) -> bool:
    """Say whether compressed bytes are one gray image of a size.

    Args:
        frame: of RLE, JPEG, JPEG-LS or JPEG 2000.
        rows, columns: what the DICOM header states.
        bytes_each: of a pixel.
        run_length: whether the transfer syntax is RLE, which states no size but can't be much longer than the image.
    """
    if run_length:
        return len(frame) <= _LONGEST_RUN_LENGTH * rows * columns * bytes_each + _RUN_LENGTH_HEADER
    if frame.startswith(_JPEG2000_START):
        return _jpeg_2000_fits(frame, rows, columns)
    return _jpeg_size(frame) == (rows, columns, 1)


def _jpeg_2000_fits(frame: bytes, rows: int, columns: int) -> bool:
    if len(frame) < 42:
        return False
    right, bottom, left, top, tile_x, tile_y, tiles_left, tiles_top = struct.unpack_from(">8I", frame, 8)
    (components,) = struct.unpack_from(">H", frame, 40)
    if components != 1 or not tile_x or not tile_y or (bottom - top, right - left) != (rows, columns):
        return False
    across, down = -(-(right - tiles_left) // tile_x), -(-(bottom - tiles_top) // tile_y)
    return 0 < across * down <= _MOST_TILES


def _jpeg_size(frame: bytes) -> tuple[int, int, int] | None:
    """Find (rows, columns, components) in the first header of a frame."""
    if not frame.startswith(_JPEG_START):
        return None
    at = len(_JPEG_START)
    while at + 9 < len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _BARE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            rows, columns, components = struct.unpack_from(">2HB", frame, at + 5)
            return rows, columns, components
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None
