"""The stage of the whole bodies, and how a body and its level's mid-slice stay one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import edge_to_center, mask_to_plane
from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import BodyVolume, CtSlicePair, CtVolume, Flag, Level, LevelsFound
from OsteoJointLib.whole_body.one_body import body_of
from OsteoJointLib.whole_body.segmenting import segment_bodies

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork


def whole_bodies(
    network: MultitaskNetwork,
    volume: CtVolume,
    drawn: Mapping[Level, VertebraReading],
    levels: LevelsFound,
    device: torch.device,
) -> tuple[dict[Level, VertebraReading], tuple[BodyVolume, ...]]:
    """Give both levels their whole bodies, and segment their neighbors.

    Args:
        network: in eval mode, on ``device``.
        volume: the CT.
        drawn: both levels with their masks.
        levels: with the column.
        device: where to compute.

    Returns:
        The levels; T12 and L3 where they were seen.
    """
    centers_mm = (_center_mm(drawn[Level.L1]), _center_mm(drawn[Level.L2]))
    bodies = segment_bodies(network, volume, centers_mm, levels.column, device)
    read = {level: with_mid_slice(replace(one, body=bodies.get(level))) for level, one in drawn.items()}
    return read, tuple(body for name, body in bodies.items() if name not in read)


def with_mid_slice(reading: VertebraReading) -> VertebraReading:
    """Put the level's own mask on its mid-slice into its body; none where the mask is empty."""
    body, segmentation, grid = reading.body, reading.segmentation, reading.volume.grid
    if body is None or not segmentation.mask.any():
        return replace(reading, body=None)
    plane = mask_to_plane(segmentation.mask, reading.axial, grid.shape_zyx[1:])
    hit = np.argwhere(plane)
    corner, end = np.array(body.corner_zyx), np.add(body.corner_zyx, body.mask.shape)
    low = np.minimum(corner, [reading.axial.slice_index, *hit.min(axis=0)])
    high = np.maximum(end, [reading.axial.slice_index + 1, *hit.max(axis=0) + 1])
    mask = np.zeros(high - low, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(corner - low, end - low, strict=True))] = body.mask
    mask[reading.axial.slice_index - low[0]] = plane[low[1] : high[1], low[2] : high[2]]
    z, y, x = (int(n) for n in low)
    made = body_of(body.name, mask, (z, y, x), grid)
    return replace(reading, body=replace(made, edited=segmentation.edited, refined=segmentation.refined))


def volume_flags(case: Case, readings: Sequence[VertebraReading], options: ReadOptions) -> tuple[Flag, ...]:
    """Say why bodies have no volume, and which of them the edge of the CT cuts."""
    if isinstance(case, CtSlicePair):
        return (Flag(Reason.NOT_COMPUTED, "The bodies' volume was not computed: two slices were given alone."),)
    if not options.volume:
        message = "The bodies' volume was not computed: only the mid-slices were asked for."
        return (Flag(Reason.NOT_COMPUTED, message),)
    flags = []
    for reading in readings:
        level, body = reading.level, reading.body
        if body is None:
            message = f"The volume of {level} was not computed: no whole body was found about its slice."
            flags.append(Flag(Reason.NOT_COMPUTED, message, level))
        elif body.cut:
            message = (
                f"The edge of the CT cuts the body of {level}, so its volume and its heights can't be told. Take a CT "
                "that shows all of it."
            )
            flags.append(Flag(Reason.BODY_CUT, message, level))
    return tuple(flags)


def _center_mm(reading: VertebraReading) -> np.ndarray:
    """Find the middle of a level's mask on its slice, or of its box where the mask is empty.

    Returns:
        (3,) z, y, x in mm along the CT's own index axes.
    """
    axial, mask = reading.axial, reading.segmentation.mask
    if mask.any():
        pixel_yx = np.argwhere(mask).mean(axis=0)
    else:
        x1, y1, x2, y2 = reading.box.xyxy_px
        pixel_yx = np.asarray(edge_to_center(np.array([y1 + y2, x1 + x2]) / 2))
    index_yx = np.asarray(axial.origin_yx) + pixel_yx * np.asarray(axial.step_yx)
    return np.array([axial.slice_index, *index_yx]) * np.asarray(reading.volume.grid.spacing_xyz_mm)[::-1]
