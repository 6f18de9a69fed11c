"""Raw NRRD, the one format in which voxels pass to the worker: plain Python.

ITK and the library read it; the world is LPS there and RAS in the scene.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from OsteoJointLib.frames import LPS_TO_RAS


def nrrd_header(
    dtype: np.dtype, sizes_ijk: tuple[int, int, int], ijk_to_world: np.ndarray, keys: Mapping[str, str] | None = None
) -> bytes:
    """Write the header that stands before the voxels, up to the empty line.

    Args:
        dtype: of the voxels: 8 to 64 bit integers or floats.
        sizes_ijk: voxels per axis, the fastest first.
        ijk_to_world: 4x4, voxel indices to RAS mm.
        keys: key/value pairs, on one line each.

    >>> print(nrrd_header(np.dtype("int16"), (2, 3, 4), np.diag([-0.5, -0.5, 2.0, 1.0])).decode().splitlines()[6])
    space directions: (0.5,0,0) (0,0.5,0) (0,0,2)
    """
    lps = LPS_TO_RAS @ np.asarray(ijk_to_world, dtype=np.float64) + 0.0  # no negative zeros
    lines = [
        "NRRD0004",
        f"type: {dtype.name if dtype.kind in 'iu' else {4: 'float', 8: 'double'}[dtype.itemsize]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(int(size)) for size in sizes_ijk)}",
        "kinds: domain domain domain",
        f"space directions: {' '.join(_vector(lps[:3, axis]) for axis in range(3))}",
        f"space origin: {_vector(lps[:3, 3])}",
        f"endian: {sys.byteorder}",
        "encoding: raw",
        *(f"{key}:={' '.join(value.split())}" for key, value in (keys or {}).items()),
    ]
    return "".join(f"{line}\n" for line in [*lines, ""]).encode()


def write_label_map(path: Path, array_kji: np.ndarray, ijk_to_world: np.ndarray) -> None:
    """Write a small label map.

    Args:
        path: a ``.nrrd`` file.
        array_kji: (k, j, i) uint8.
        ijk_to_world: 4x4, voxel indices to RAS mm.
    """
    array = np.ascontiguousarray(array_kji, dtype=np.uint8)
    slices, rows, columns = array.shape
    header = nrrd_header(array.dtype, (columns, rows, slices), ijk_to_world)
    path.write_bytes(header + array.tobytes())


def _vector(values: np.ndarray) -> str:
    return f"({','.join(format(float(value), '.17g') for value in values)})"
