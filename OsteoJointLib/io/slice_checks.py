"""Refuse a volume some of whose slices hold nothing: they were lost on the way, and what lies in them is made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason

_STEP = 8
"""A slice whose every eighth voxel along both axes is alike is looked at whole."""

_TISSUE_HU = -300
_LEAST_TISSUE = {"axial": 0.01, "coronal": 0.2, "sagittal": 0.2}
"""A slice shows the body where so much of it is denser than that. Coronal and sagittal slices of a sound CT may be
blank between others, where a tool has blanked the air between back and table, or trunk and arm: but beside such air the
body ends (chosen)."""

_MOST_CHANGE = 0.2
"""Share of a slice's voxels that hold no number in it and do in the next, or the other way round: a field of view that
a tool has cut changes by less from slice to slice (chosen)."""

_NAMED = 5


def refuse_blank_slices(hu: np.ndarray, plane: str = "axial") -> None:
    """Refuse a volume in which a slice, between others that show the body, holds one value only.

    Args:
        hu: (slices, rows, columns) int16.
        plane: axial, coronal or sagittal: how the slices lie.

    Raises:
        InputRefused: UNREADABLE.
    """
    thin = hu[:, ::_STEP, ::_STEP].reshape(len(hu), -1)
    suspect = np.flatnonzero(thin.min(axis=1) == thin.max(axis=1))
    blank = np.zeros(len(hu), dtype=bool)
    blank[[index for index in suspect if hu[index].min() == hu[index].max()]] = True
    filled = np.flatnonzero(~blank)
    shows = (thin[filled] > _TISSUE_HU).mean(axis=1) >= _LEAST_TISSUE[plane]
    after = np.searchsorted(filled, np.flatnonzero(blank))
    between = (after > 0) & (after < len(filled))
    between[between] = shows[after[between] - 1] & shows[after[between]]
    inside = np.flatnonzero(blank)[between].tolist()
    if inside:
        raise InputRefused(
            Reason.UNREADABLE,
            f"{_slices(inside, len(hu), plane)} one value only between others that show the body: they were lost. "
            "Copy or export the CT again.",
        )


def refuse_missing_numbers(missing: Sequence[float]) -> None:
    """Refuse a volume in which whole slices, or large parts of some, hold no numbers.

    Args:
        missing: of each slice, the share of voxels that hold none.

    Raises:
        InputRefused: UNREADABLE.
    """
    share = np.asarray(missing)
    filled = np.flatnonzero(share < 1)
    if not filled.size:
        return  # a constant volume, which has a sentence of its own
    first, last = int(filled[0]), int(filled[-1])
    jumps = np.flatnonzero(np.abs(np.diff(share[first : last + 1])) > _MOST_CHANGE)
    if jumps.size:
        inside = sorted({first + int(max((index, index + 1), key=lambda i: share[first + i])) for index in jumps})
        raise InputRefused(
            Reason.UNREADABLE,
            f"{_slices(inside, len(share), 'stored')} no numbers (NaN or infinite) where the next slices do: they were "
            "lost. Copy or export the CT again.",
        )


def _slices(indices: Sequence[int], total: int, words: str) -> str:
    named = ", ".join(str(index + 1) for index in indices[:_NAMED])
    more = f" and {len(indices) - _NAMED} more" if len(indices) > _NAMED else ""
    if len(indices) == 1:
        return f"The {words} slice {named} of {total} holds"
    return f"The {words} slices {named}{more} of {total} hold"
