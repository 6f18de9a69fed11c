"""What fills the record of one level: its place, its mask, its ROI; and what is doubtful about each.

Each function takes the record (or, for the first, what it is made of) and gives it back with one stage more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import plane_to_mask, point_in_slice, slice_to_lps
from OsteoJointLib.pipeline.body_roi import measure_body
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.localization import choose_box, fixed_box, localization_flags
from OsteoJointLib.pipeline.measure import measure_roi, measurement_flags
from OsteoJointLib.pipeline.preprocess import axial_slice, crop_around, middle_slice
from OsteoJointLib.pipeline.segmentation import mask_box, segment_crop, segmentation_flags
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import (
    AxialSlice,
    BodyBox,
    CtVolume,
    Flag,
    Level,
    LevelPoint,
    PointSource,
    VertebraSegmentation,
)

if TYPE_CHECKING:
    from OsteoJointLib.network.detection import Detections
    from OsteoJointLib.network.encoded import EncodedCrops


def take_slice(volume: CtVolume, level: Level, point: LevelPoint | None) -> AxialSlice:
    """Take the slice of one level.

    Args:
        volume: the CT, or one slice of a pair.
        level: which level.
        point: its center; None for a slice of a pair without a point. On a single slice a point's height is ignored.
    """
    if point is None:
        return middle_slice(volume, level)
    if volume.hu.shape[0] == 1:
        _, y, x = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
        x_mm, y_mm, z_mm = volume.grid.index_to_lps(np.array([0.0, y, x]))
        point = replace(point, center_lps_mm=(float(x_mm), float(y_mm), float(z_mm)))
    return axial_slice(volume, point)


def locate(
    volume: CtVolume,
    axial: AxialSlice,
    point: LevelPoint | None,
    detections: Detections | None,
    config: PipelineConfig,
) -> VertebraReading:
    """Begin a level's record: choose its box and cut its crop.

    Args:
        volume: the CT, or one slice of a pair.
        axial: the level's slice.
        point: its center; None for a slice of a pair, whose point becomes the box's center.
        detections: on the slice; None without a localizer, when a fixed window stands about the point.
        config: reach and sizes.

    Raises:
        InputRefused: BODY_NOT_LOCALIZED, no box where the body should be.
        ModelRefused: DEPENDENCY_MISSING, neither a localizer nor a point.
    """
    xy_px = None if point is None else point_in_slice(axial, volume.grid, point.center_lps_mm)
    if detections is not None:
        box = choose_box(detections, axial.level, axial.pixel_mm, xy_px, config.localization)
    else:
        box = fixed_box(axial.pixel_mm, xy_px, config.localization)
    if point is None:
        x1, y1, x2, y2 = box.xyxy_px
        center = slice_to_lps(axial, volume.grid, ((x1 + x2) / 2, (y1 + y2) / 2))
        point = LevelPoint(axial.level, center, None, PointSource.ASSUMED)
    return VertebraReading(volume, point, axial, box, crop_around(axial, box))


def place_mask(volume: CtVolume, point: LevelPoint, mask: PlacedMask) -> VertebraReading:
    """Begin a level's record by a user's mask: its box is the mask's.

    Args:
        volume: the CT, or one slice of a pair.
        point: in the mask's slice.
        mask: on the CT's grid.

    Raises:
        InputRefused: MASK_EMPTY, the mask is finer than the slice's pixels.
    """
    axial = take_slice(volume, point.level, point)
    box = mask_box(plane_to_mask(mask.plane(axial.slice_index, volume.hu.shape[1:]), axial))
    if box is None:
        raise InputRefused(
            Reason.MASK_EMPTY, f"The mask of {point.level} is too small to be a vertebral body. Draw it again."
        )
    return VertebraReading(volume, point, axial, box, crop_around(axial, box))


def draw(vertebra: VertebraReading, encoded: EncodedCrops, config: PipelineConfig) -> VertebraReading:
    """Give a level the mask that the segmenter draws of its crop."""
    said = encoded.segmentation
    logits = said.mask_logits[0, 0].float().cpu().numpy()
    heatmap = None if said.heatmap is None else said.heatmap[0, 0].float().cpu().numpy()
    segmentation = segment_crop(logits, heatmap, vertebra.axial, vertebra.crop, config.segmentation)
    return replace(vertebra, encoded=encoded, segmentation=segmentation)


def redraw(vertebra: VertebraReading, segmentation: VertebraSegmentation, config: PipelineConfig) -> VertebraReading:
    """Give a level another mask; box and crop follow a user's that lies elsewhere, and go back with the network's own.

    Args:
        vertebra: the level as it was.
        segmentation: its mask now; an empty one is not followed.
        config: how far it may lie off.
    """
    vertebra = replace(vertebra, segmentation=segmentation)
    if segmentation.untouched:
        return vertebra if vertebra.found_box is None else _with_box(vertebra, vertebra.found_box, None)
    box = mask_box(segmentation.mask)
    if box is None:
        return vertebra
    moved = _with_box(vertebra, box, vertebra.found_box or vertebra.box)
    moved_px = np.hypot(*np.subtract(moved.crop.corner_yx, vertebra.crop.corner_yx))
    return moved if moved_px > config.recenter_px else vertebra


def _with_box(vertebra: VertebraReading, box: BodyBox, found_box: BodyBox | None) -> VertebraReading:
    """Look at a level through another window, which the segmenter hasn't seen."""
    return replace(vertebra, box=box, crop=crop_around(vertebra.axial, box), found_box=found_box, encoded=None)


def measure(vertebra: VertebraReading, config: PipelineConfig) -> VertebraReading:
    """Give a level the HU of its mid-slice's ROI and, where there is one, of its whole body's."""
    axial, mask, volume, body = vertebra.axial, vertebra.segmentation.mask, vertebra.volume, vertebra.body
    plane_hu = volume.hu[axial.slice_index]
    of_slice = measure_roi(plane_hu, mask, axial.pixel_mm, vertebra.level, config.measure, axial)
    measured = of_slice if body is None else measure_body(volume, body, vertebra.level, config.measure)
    return replace(vertebra, measurement=measured, slice_measurement=of_slice)


def vertebra_flags(vertebra: VertebraReading, config: PipelineConfig) -> tuple[Flag, ...]:
    """Say what is doubtful about a level's box, mask and ROI."""
    return (
        *localization_flags(vertebra.box, vertebra.level),
        *segmentation_flags(vertebra.segmentation, vertebra.crop, config.segmentation),
        *measurement_flags(vertebra.slice_measurement, config.measure),
        *(measurement_flags(vertebra.measurement, config.measure) if vertebra.body is not None else ()),
    )
