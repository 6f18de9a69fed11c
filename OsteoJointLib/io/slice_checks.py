"""Refuse a volume some of whose slices hold nothing: they were lost on the way, and what lies in them is made up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason

_STEP = 8
"""A slice whose every eighth voxel along both axes is alike is looked at whole."""

_MOST_CHANGE = 0.2
"""Share of a slice's voxels that hold no number in it and do in the next, or the other way round: a field of view that
a tool has cut changes by less from slice to slice (chosen)."""

_NAMED = 5


def refuse_blank_slices(hu: np.ndarray) -> None:
    """Refuse a volume in which a slice between others holds one value only, whichever way it is cut.

    Args:
        hu: (z, y, x) int16.

    Raises:
        InputRefused: UNREADABLE.
    """
    for axis, words in enumerate(("axial", "coronal", "sagittal")):
        planes = np.moveaxis(hu, axis, 0)
        thin = planes[:, ::_STEP, ::_STEP].reshape(len(planes), -1)
        suspect = np.flatnonzero(thin.min(axis=1) == thin.max(axis=1))
        blank = np.zeros(len(planes), dtype=bool)
        blank[[index for index in suspect if planes[index].min() == planes[index].max()]] = True
        if inside := _inside(blank):
            raise InputRefused(
                Reason.UNREADABLE,
                f"{_slices(inside, len(planes), words)} one value only between others that show the body: they were "
                "lost. Copy or export the CT again.",
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


def _inside(blank: np.ndarray) -> list[int]:
    """List the blank slices between the first and the last that aren't."""
    filled = np.flatnonzero(~blank)
    return [] if not filled.size else (filled[0] + np.flatnonzero(blank[filled[0] : filled[-1]])).tolist()


def _slices(indices: Sequence[int], total: int, words: str) -> str:
    named = ", ".join(str(index + 1) for index in indices[:_NAMED])
    more = f" and {len(indices) - _NAMED} more" if len(indices) > _NAMED else ""
    if len(indices) == 1:
        return f"The {words} slice {named} of {total} holds"
    return f"The {words} slices {named}{more} of {total} hold"
