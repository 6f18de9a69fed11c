"""The contours that the level set evolves from the labels (Zhang 2023 §3.4.2), each computed once and kept on disk.

A contour belongs to a slice and its label, not to a draw: it is evolved on the slice as it was scanned, and then
placed, turned and scaled as its label is. Its file is named by what it follows from, so that none is out of date.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.level_set.evolution import refine
from OsteoJointLib.level_set.parameters import LevelSetParameters

HIDDEN = ".contours"
"""Folder of the contours, in that of the pairs unless another one is named."""


def evolved_mask(hu: np.ndarray, mask: np.ndarray, pixel_mm: float, folder: Path) -> np.ndarray:
    """Evolve a label's contour to the bone's edge, or read what was evolved before.

    Args:
        hu: (y, x) HU of a slice.
        mask: (y, x) bool label; an empty one stays empty.
        pixel_mm: edge length of a pixel.
        folder: of the contours.

    Returns:
        (y, x) bool, what lies inside.

    Raises:
        UsageError: nothing can be written into the folder.
    """
    if not mask.any():
        return mask
    parameters = LevelSetParameters()
    digest = hashlib.blake2b(f"{hu.dtype} {hu.shape} {pixel_mm!r} {parameters}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(hu).data)
    digest.update(np.packbits(mask).data)
    path = folder / f"{digest.hexdigest()}.npy"
    if path.is_file():
        bits = np.load(path, allow_pickle=False)
        return np.unpackbits(bits, count=mask.size).reshape(mask.shape).astype(bool)
    evolved = refine(hu, mask, pixel_mm, parameters).mask
    try:
        with write_whole(path, lasting=False) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.packbits(evolved))
    except OSError as error:
        raise UsageError(
            Reason.USAGE,
            f"The level set's contours can't be kept in {folder}: {error.strerror}. Name another folder with --set "
            "data.contours=DIR, or train without them, --set data.evolved_share=0.0.",
        ) from error
    return evolved
