"""L1 and L2 in a whole CT without a click: see, look again, name, and say what could not be seen.

The stage refuses where it would have to guess: no column, L1 or L2 outside the view, or nothing to count from. Short of
that, every doubt is a flag that the result carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.levels.assignment import VisibleColumn, assign_names
from OsteoJointLib.levels.body_evidence import has_rib, is_upside_down, read_column
from OsteoJointLib.levels.inference import predict
from OsteoJointLib.levels.name_doubts import CONFIDENCE_SURE, name_flags, percent
from OsteoJointLib.levels.resampling import CoarseVolume, resample_coarse
from OsteoJointLib.levels.views import Agreement, agree, look_again
from OsteoJointLib.records import CtVolume, Level, LevelPoint, LevelsFound, PointSource

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.level_config import LevelNetConfig
    from OsteoJointLib.network.level_net import LevelNet

__all__ = ["CONFIDENCE_SURE", "choose_levels", "find_levels", "look"]

NOT_IN_VIEW = 0.25
"""Below this posterior of both lying in view the stage says that L1 or L2 is missing: it is three times likelier."""

CONFIDENCE_LEAST = 0.6
"""Below this posterior the stage refuses to name the levels (chosen)."""


def find_levels(
    network: LevelNet, level_config: LevelNetConfig, volume: CtVolume, device: torch.device | str
) -> LevelsFound:
    """Find L1 and L2.

    Args:
        network: the level network in eval mode, on ``device``.
        level_config: its config; the grid's spacing.
        volume: the CT.
        device: where the network runs.

    Returns:
        Both levels with their posterior, the named column, and flags.

    Raises:
        InputRefused: UPSIDE_DOWN, NO_SPINE, LEVEL_NOT_IN_VIEW or LEVELS_UNDECIDED.
    """
    return choose_levels(look(network, resample_coarse(volume, level_config.spacing_mm), device))


def look(
    network: LevelNet, phases: tuple[CoarseVolume, CoarseVolume], device: torch.device | str
) -> list[VisibleColumn]:
    """See the whole volume, and look again at the column where there is one.

    Args:
        network: in eval mode, on ``device``.
        phases: the coarse volume, and the same half a voxel further.
        device: where to compute.

    Raises:
        InputRefused: UPSIDE_DOWN.
    """
    prediction = predict(network, phases[0], device)
    if is_upside_down(prediction):
        raise InputRefused(
            Reason.UPSIDE_DOWN,
            "The patient seems to lie upside down or back to front in this CT: its header says wrongly which way is "
            "up. Export the CT anew, or place L1 and L2 by hand.",
        )
    whole = read_column(prediction)
    if not whole.bodies:
        return [whole]
    named = assign_names(whole)
    nearest = min(max(named.l1_index, 0), len(named.column) - 1)
    middle = np.array(named.column[nearest].center_lps_mm)
    return [whole, *look_again(network, phases, whole, middle, device)]


def choose_levels(views: Sequence[VisibleColumn]) -> LevelsFound:
    """Name the column and pick L1 and L2, or refuse.

    Args:
        views: the evidence, the whole volume's first.

    Returns:
        The levels with flags.

    Raises:
        InputRefused: NO_SPINE, LEVEL_NOT_IN_VIEW or LEVELS_UNDECIDED.
    """
    whole = views[0]
    if not whole.bodies:
        raise InputRefused(
            Reason.NO_SPINE,
            "No vertebral bodies are seen in this CT. If L1 and L2 are there, place them by hand.",
        )
    if not (whole.above or whole.sacrum or whole.sacrum_apart or any(map(has_rib, whole.bodies))):
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Neither a rib nor the sacrum is seen from which the {_bodies(whole.bodies)} in view could be counted. "
            "Place L1 and L2 by hand.",
        )
    agreement = agree([assign_names(view) if view.bodies else None for view in views])
    levels_mm = _levels_or_refusal(agreement)
    named = agreement.named
    l1, l2 = (
        LevelPoint(level, center_mm, agreement.confidence, PointSource.AUTO)
        for level, center_mm in zip((Level.L1, Level.L2), levels_mm, strict=True)
    )
    flags = tuple(name_flags(views, agreement))
    return LevelsFound(l1, l2, named.column, named.names, agreement.name_confidence, flags)


def _levels_or_refusal(agreement: Agreement) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    named = agreement.named
    seen = _bodies(named.column)
    names = " to ".join(dict.fromkeys((named.names[0], named.names[-1]))) if all(named.names) else ""
    if agreement.in_view < NOT_IN_VIEW or agreement.levels_mm is None:
        looks = f"looks most like {names}" if names and not named.inside else "can't be told from those above and below"
        raise InputRefused(
            Reason.LEVEL_NOT_IN_VIEW,
            f"L1 and L2 don't seem to be both in view: what is seen, {seen}, {looks}. Use a CT that shows both, or "
            "place them by hand.",
        )
    if agreement.confidence < CONFIDENCE_LEAST:
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Ribs and sacrum don't tell where L1 is among the {seen} in view: the likeliest names"
            f"{names and f', {names},'} are only {percent(agreement.confidence)} likely. Place L1 and L2 by hand.",
        )
    return agreement.levels_mm


def _bodies(column: tuple[object, ...]) -> str:
    return "1 body" if len(column) == 1 else f"{len(column)} bodies"
