"""The site of one level: its slice, box and crop, all that is known before its mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.pipeline.localization import choose_box, fixed_box, refuse_without_localizer
from OsteoJointLib.pipeline.preprocess import (
    PreprocessConfig,
    axial_slice,
    crop_around,
    middle_slice,
    point_in_slice,
    slice_to_lps,
)
from OsteoJointLib.pipeline.segmentation import mask_box
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.records import (
    AxialSlice,
    BodyBox,
    Crop,
    CtVolume,
    Level,
    LevelPoint,
    PointSource,
    VertebraReading,
    VertebraSegmentation,
)

if TYPE_CHECKING:
    from OsteoJointLib.network.detection import Detections


@dataclass(frozen=True, eq=False)
class Site:
    """Where one level is read; ``found_box`` is the box before it followed a user's mask, None where it did not."""

    volume: CtVolume
    point: LevelPoint
    axial: AxialSlice
    box: BodyBox
    crop: Crop
    found_box: BodyBox | None = None

    @classmethod
    def of_reading(cls, reading: VertebraReading, volume: CtVolume) -> Site:
        """The site of a level that was read before."""
        return cls(volume, reading.point, reading.axial, reading.box, reading.crop, reading.found_box)


def take_slice(volume: CtVolume, level: Level, point: LevelPoint | None, config: PreprocessConfig) -> AxialSlice:
    """Take the slice of one level.

    Args:
        volume: the CT, or one slice of a pair.
        level: which level.
        point: its center; None for a slice of a pair without a point. On a single slice a point's height is ignored.
        config: sizes.
    """
    if point is None:
        return middle_slice(volume, level, config)
    if volume.hu.shape[0] == 1:
        _, y, x = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
        x_mm, y_mm, z_mm = volume.grid.index_to_lps(np.array([0.0, y, x]))
        point = replace(point, center_lps_mm=(float(x_mm), float(y_mm), float(z_mm)))
    return axial_slice(volume, point, config)


def locate_site(
    volume: CtVolume,
    axial: AxialSlice,
    point: LevelPoint | None,
    detections: Detections | None,
    config: PipelineConfig,
) -> Site:
    """Choose a level's box and cut its crop.

    Args:
        volume: the CT, or one slice of a pair.
        axial: the level's slice.
        point: its center; None for a slice of a pair, whose point becomes the box's center.
        detections: on the slice; None when there is no localizer.
        config: reach and sizes.

    Returns:
        The site.

    Raises:
        InputRefused: no box where the body should be.
        ModelRefused: no localizer, and the point isn't a user's.
    """
    if detections is not None:
        xy_px = None if point is None else point_in_slice(axial, volume, point.center_lps_mm)
        box = choose_box(detections, axial.level, axial.pixel_mm, xy_px, config.localization)
    else:
        user_point = refuse_without_localizer(point)
        box = fixed_box(axial.pixel_mm, point_in_slice(axial, volume, user_point.center_lps_mm), config.localization)
    if point is None:
        x1, y1, x2, y2 = box.xyxy_px
        center = slice_to_lps(axial, volume, ((x1 + x2) / 2, (y1 + y2) / 2))
        point = LevelPoint(axial.level, center, 1.0, PointSource.AUTO)  # the pair says which level it shows
    return Site(volume, point, axial, box, crop_around(axial, box, config.preprocess))


def follow_mask(site: Site, segmentation: VertebraSegmentation, config: PipelineConfig) -> Site:
    """Let box and crop follow a user's mask when it lies elsewhere than they do, and go back with the network's own.

    Args:
        site: of the level.
        segmentation: its mask; an empty one is not followed.
        config: how far it may lie off.
    """
    if segmentation.untouched:
        found = site.found_box
        if found is None:
            return site
        return replace(site, box=found, crop=crop_around(site.axial, found, config.preprocess), found_box=None)
    box = mask_box(segmentation.mask)
    if box is None:
        return site
    crop = crop_around(site.axial, box, config.preprocess)
    moved_px = np.hypot(*np.subtract(crop.corner_yx, site.crop.corner_yx))
    if moved_px <= config.recenter_px:
        return site
    return replace(site, box=box, crop=crop, found_box=site.found_box or site.box)
