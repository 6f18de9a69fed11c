"""The bodies of T12 to L3 over all slices: look along the column, part it at the discs, cut each body out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.records import BodyEvidence, BodyVolume, CtVolume
from OsteoJointLib.whole_body.body_places import body_places
from OsteoJointLib.whole_body.disc_planes import DiscFinder
from OsteoJointLib.whole_body.looking import Windows, look_along
from OsteoJointLib.whole_body.one_body import body_between

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork


def segment_bodies(
    network: MultitaskNetwork,
    volume: CtVolume,
    centers_mm: tuple[np.ndarray, np.ndarray],
    column: Sequence[BodyEvidence],
    device: torch.device,
    seen: Windows,
) -> tuple[dict[str, BodyVolume], Windows]:
    """Segment the whole bodies of T12, L1, L2 and L3.

    Args:
        network: in eval mode, on ``device``.
        volume: the CT.
        centers_mm: of L1 and L2, (3,) z, y, x in mm along the CT's own index axes.
        column: the bodies that the level network found, where it did.
        device: where to compute.
        seen: windows of this CT that this network has looked at.

    Returns:
        Those that were seen, by name; no two share a voxel. And the windows that they come from.
    """
    places = body_places(*centers_mm, column, volume.grid)
    logits, windows = look_along(network, volume, places, device, seen)
    discs = DiscFinder(logits)
    planes = [discs.plane_between(upper.center_mm, lower.center_mm) for upper, lower in pairwise(places)]
    bodies = {}
    for place, (upper, lower) in zip(places[1:-1], pairwise(planes), strict=True):
        body = body_between(logits, volume, place, upper, lower) if place.seen else None
        if body is not None:
            bodies[place.name] = body
    return bodies, windows
