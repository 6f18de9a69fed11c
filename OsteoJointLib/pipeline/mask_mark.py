"""What a written mask says of itself, so that one which comes back unchanged is still known for what it was.

A file of masks may come back edited. Beside each mask stand who drew it, the slice its level was read on, and a digest
of its voxels: the same voxels were drawn by whom the mark names, others by a user.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.records import MaskSource

MARK_KEY = "OsteoJoint.Mask"
"""A segment's tag in a ``.seg.nrrd``; Slicer keeps it through edits."""

_MARK = re.compile(rf"{re.escape(MARK_KEY)}:(\w+) (\d+|-) ([0-9a-f]{{64}})")


@dataclass(frozen=True)
class MaskMark:
    """What is said of one mask.

    Args:
        source: who drew it.
        slice_index: of the CT's slice on which the level was read; None of a neighbor.
        sha256: of the mask's voxels and their place.
    """

    source: MaskSource
    slice_index: int | None
    sha256: str

    @classmethod
    def of(cls, mask: PlacedMask, source: MaskSource, slice_index: int | None = None) -> MaskMark:
        """Mark a mask."""
        return cls(source, slice_index, _digest(mask))

    @classmethod
    def find(cls, text: str) -> MaskMark | None:
        """Find a mark in what stands beside a mask; None where there is none.

        >>> MaskMark.find(f"Segmentation.Status:completed|{MARK_KEY}:refined 103 {64 * '0'}|").slice_index
        103
        """
        found = _MARK.search(text)
        if found is None or found[1] not in list(MaskSource):
            return None
        return cls(MaskSource(found[1]), None if found[2] == "-" else int(found[2]), found[3])

    def source_of(self, mask: PlacedMask) -> MaskSource:
        """Tell who drew a mask that bears this mark."""
        return self.source if _digest(mask) == self.sha256 else MaskSource.EDITED

    def __str__(self) -> str:
        place = "-" if self.slice_index is None else self.slice_index
        return f"{MARK_KEY}:{self.source} {place} {self.sha256}"


def _digest(mask: PlacedMask) -> str:
    trimmed = mask.trimmed()
    place = np.array([*trimmed.corner_zyx, *trimmed.mask.shape], dtype="<i8")
    return hashlib.sha256(place.tobytes() + np.packbits(trimmed.mask).tobytes()).hexdigest()
