"""The stage of the whole bodies, and how a body and its level's mid-slice stay one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import edge_to_center, mask_to_plane
from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.pipeline.drawn_masks import Drawn, PlacedMask, mask_from_plane
from OsteoJointLib.pipeline.filling import redraw
from OsteoJointLib.pipeline.given_masks import GivenMasks
from OsteoJointLib.pipeline.segmentation import edited_segmentation
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import VERSE_LABELS, BodyVolume, CtSlicePair, CtVolume, Flag, Level, LevelsFound, MaskSource
from OsteoJointLib.whole_body.heights import GRADE_LIMIT_MM, fracture_hint
from OsteoJointLib.whole_body.looking import Windows
from OsteoJointLib.whole_body.one_body import body_of
from OsteoJointLib.whole_body.segmenting import segment_bodies

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork


@dataclass(frozen=True, eq=False)
class WholeBodies:
    """Both levels and what lies about them.

    Args:
        levels: with their bodies, where these were asked for.
        neighbors: T12 and L3 where they were seen.
        windows: what the network saw them in.
    """

    levels: Mapping[Level, VertebraReading]
    neighbors: tuple[BodyVolume, ...] = ()
    windows: Windows = field(default_factory=dict)


def whole_bodies(
    network: MultitaskNetwork,
    volume: CtVolume,
    drawn: Mapping[Level, VertebraReading],
    levels: LevelsFound,
    device: torch.device,
    seen: Windows,
) -> WholeBodies:
    """Give both levels their whole bodies, and segment their neighbors.

    Args:
        network: in eval mode, on ``device``.
        volume: the CT.
        drawn: both levels with their masks.
        levels: with the column.
        device: where to compute.
        seen: windows of this CT that this network has looked at.
    """
    centers_mm = (_center_mm(drawn[Level.L1]), _center_mm(drawn[Level.L2]))
    bodies, windows = segment_bodies(network, volume, centers_mm, levels.column, device, seen)
    read = {level: _with_network_body(one, bodies.get(level)) for level, one in drawn.items()}
    return WholeBodies(read, tuple(body for name, body in bodies.items() if name not in read), windows)


def _with_network_body(reading: VertebraReading, found: BodyVolume | None) -> VertebraReading:
    """Take the network's body; one that a user drew on other slices stays in front of it."""
    if reading.body is None or not _drawn_elsewhere(reading.body, reading):
        return with_mid_slice(replace(reading, body=found, network_body=found))
    refined, reading = reading.body.refined, with_mid_slice(replace(reading, network_body=found))
    return replace(reading, body=reading.body and replace(reading.body, refined=refined))


def with_mid_slice(reading: VertebraReading) -> VertebraReading:
    """Put the level's own mask on its mid-slice into its body, and say what was edited.

    Args:
        reading: with a body or without; it has none afterwards where the mask is empty.
    """
    body, segmentation, grid = reading.body, reading.segmentation, reading.volume.grid
    if body is None or not segmentation.mask.any():
        return replace(reading, body=None)
    plane = mask_to_plane(segmentation.mask, reading.axial, grid.shape_zyx[1:])
    placed = PlacedMask.of(body).with_plane(reading.axial.slice_index, plane)
    made = body_of(body.name, placed.mask, placed.corner_zyx, grid)
    edited = segmentation.edited or _drawn_elsewhere(made, reading)
    return replace(reading, body=replace(made, edited=edited, refined=segmentation.refined))


def with_drawn(reading: VertebraReading, drawn: Drawn, config: PipelineConfig) -> VertebraReading:
    """Take in what a user drew: the mid-slice, or the whole body with its mid-slice.

    Args:
        reading: the level as it was.
        drawn: as :func:`OsteoJointLib.pipeline.drawn_masks.edited_masks` reads it.
        config: for what follows the mask.
    """
    if isinstance(drawn, PlacedMask):
        grid = reading.volume.grid
        reading = replace(reading, body=body_of(reading.level, drawn.mask, drawn.corner_zyx, grid))
        drawn = drawn.plane(reading.axial.slice_index, grid.shape_zyx[1:])
    elif reading.body is None:  # an erased mid-slice took the body with it
        reading = replace(reading, body=reading.network_body)
    mask = edited_segmentation(mask_from_plane(drawn, reading), reading.axial, reading.segmentation)
    return with_mid_slice(redraw(reading, mask, config))


def as_given(reading: VertebraReading, source: MaskSource) -> VertebraReading:
    """Say of masks that were given who drew them, and whether the level set has moved them, before or now."""
    segmentation, body = reading.segmentation, reading.body
    refined = source.refined or segmentation.refined
    segmentation = replace(segmentation, edited=source.edited and segmentation.edited, refined=refined)
    return replace(
        reading,
        segmentation=segmentation,
        body=None if body is None else replace(body, edited=source.edited, refined=refined),
    )


def given_neighbors(volume: CtVolume, masks: GivenMasks) -> tuple[BodyVolume, ...]:
    """Take the bodies of T12 and L3 that were given; one on a single slice is none."""
    neighbors = []
    for name, given in masks.items():
        if name not in list(Level) and given.mask.slices > 1:
            body = body_of(name, given.mask.mask, given.mask.corner_zyx, volume.grid)
            neighbors.append(replace(body, edited=given.source.edited, refined=given.source.refined))
    return tuple(neighbors)


def whole_drawn(reading: VertebraReading | None, drawn: PlacedMask) -> PlacedMask:
    """Give the whole body that a user's mask stands for: one on the mid-slice alone changes that slice of the body."""
    if reading is None or reading.body is None or drawn.slices != 1:
        return drawn
    index = reading.axial.slice_index
    plane = drawn.plane(index, reading.volume.grid.shape_zyx[1:])
    return PlacedMask.of(reading.body).with_plane(index, plane) if plane.any() else drawn


def _drawn_elsewhere(body: BodyVolume, reading: VertebraReading) -> bool:
    """Whether a body differs from the network's on other slices than the mid-slice, or there is no network's."""
    if reading.network_body is None:
        return True
    blank = np.zeros(reading.volume.grid.shape_zyx[1:], dtype=bool)
    index = reading.axial.slice_index
    own, network = (PlacedMask.of(one).with_plane(index, blank) for one in (body, reading.network_body))
    return not own.same_as(network)


def with_hints(
    l1: VertebraReading, l2: VertebraReading, neighbors: Sequence[BodyVolume]
) -> tuple[VertebraReading, VertebraReading, tuple[BodyVolume, ...]]:
    """Give every body the hint of a fracture that its own heights and those of the bodies beside it allow."""
    bodies = hinted([body for body in (*neighbors, l1.body, l2.body) if body is not None])
    by_name = {body.name: body for body in bodies}
    l1, l2 = (replace(reading, body=by_name.get(reading.level)) for reading in (l1, l2))
    return l1, l2, tuple(by_name[body.name] for body in neighbors)


def hinted(bodies: Sequence[BodyVolume]) -> list[BodyVolume]:
    """Give each of a column's bodies its hint, by its own heights and those of the bodies beside it."""
    by_name = {body.name: body for body in bodies}
    order = list(VERSE_LABELS)
    out = []
    for body in bodies:
        at = order.index(body.name)
        beside = (*order[max(at - 1, 0) : at], *order[at + 1 : at + 2])
        neighbors = [by_name[name] for name in beside if name in by_name]
        out.append(replace(body, fracture=fracture_hint(body, neighbors)))
    return out


def volume_flags(
    case: Case, readings: Sequence[VertebraReading], neighbors: Sequence[BodyVolume], options: ReadOptions
) -> tuple[Flag, ...]:
    """Say why bodies have no volume or heights, which of them the CT's edge cuts, and which may be fractured."""
    if isinstance(case, CtSlicePair):
        return (Flag(Reason.NOT_COMPUTED, "The bodies' volume was not computed: two slices were given alone."),)
    if not options.volume:
        message = "The bodies' volume was not computed: only the mid-slices were asked for."
        return (Flag(Reason.NOT_COMPUTED, message),)
    flags = [flag for reading in readings for flag in _level_flags(reading.level, reading.body)]
    hinted = [(reading.level, reading.body) for reading in readings] + [(None, body) for body in neighbors]
    return (*flags, *(_hint_flag(level, body) for level, body in hinted if body is not None and is_suspect(body)))


def _level_flags(level: Level, body: BodyVolume | None) -> list[Flag]:
    """Say what can't be told of one level's body."""
    if body is None:
        message = f"The volume of {level} was not computed: no whole body was found about its slice."
        return [Flag(Reason.NOT_COMPUTED, message, level)]
    if body.cut:
        message = (
            f"The edge of the CT cuts the body of {level}, so its volume and its heights can't be told. Take a CT that "
            "shows all of it."
        )
        return [Flag(Reason.BODY_CUT, message, level)]
    if body.heights is None:
        message = f"The heights of {level} were not computed: its mask has no two endplates. Check the mask."
        return [Flag(Reason.NOT_COMPUTED, message, level)]
    if body.fracture is None:
        message = (
            f"Whether {level} has lost height was not judged: its slices are {body.heights.limit_mm:.1f} mm apart, and "
            f"{GRADE_LIMIT_MM:g} mm or less are needed."
        )
        return [Flag(Reason.NOT_COMPUTED, message, level)]
    return []


def is_suspect(body: BodyVolume) -> bool:
    """Whether a body's heights hint at a fracture."""
    return body.fracture is not None and body.fracture.grade > 0


def _hint_flag(level: Level | None, body: BodyVolume) -> Flag:
    """Ask a person to look at a body that may be fractured."""
    hint = body.fracture
    assert hint is not None and hint.shape is not None
    place = {
        "wedge": "lower in front than at the back",
        "biconcave": "lower in the middle than at the back",
        "crush": "lower at the back than the bodies beside it",
    }[hint.shape]
    message = (
        f"The body of {body.name} is {100 * hint.reduction:.0f} % {place}, as in a fracture of Genant's grade "
        f"{hint.grade}. This is only a hint from the mask's heights: look at the body on a sagittal picture."
    )
    return Flag(Reason.FRACTURE_HINT, message, level)


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
