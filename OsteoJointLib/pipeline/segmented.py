"""A level with its mask: what stands between segmentation and classification, and what becomes of it when measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.pipeline.localization import localization_flags
from OsteoJointLib.pipeline.measure import measure_roi, measurement_flags
from OsteoJointLib.pipeline.segmentation import segment_crop, segmentation_flags
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.pipeline.sites import Site, follow_mask
from OsteoJointLib.records import CtVolume, Flag, VertebraReading, VertebraSegmentation

if TYPE_CHECKING:
    from OsteoJointLib.pipeline.classification import EncodedCrops


@dataclass(frozen=True, eq=False)
class SegmentedLevel:
    """One level, segmented.

    Args:
        site: its slice, box and crop.
        segmentation: its mask.
        encoded: what the segmenter said of the crop; None where it hasn't seen it.
    """

    site: Site
    segmentation: VertebraSegmentation
    encoded: EncodedCrops | None

    @classmethod
    def of_reading(cls, reading: VertebraReading, volume: CtVolume) -> SegmentedLevel:
        """The level as it was read before."""
        return cls(Site.of_reading(reading, volume), reading.segmentation, reading.encoded)

    @classmethod
    def of_network(cls, site: Site, encoded: EncodedCrops, config: PipelineConfig) -> SegmentedLevel:
        """The level as the segmenter draws it."""
        said = encoded.segmentation
        logits = said.mask_logits[0, 0].float().cpu().numpy()
        heatmap = None if said.heatmap is None else said.heatmap[0, 0].float().cpu().numpy()
        return cls(site, segment_crop(logits, heatmap, site.axial, site.crop, config.segmentation), encoded)

    def with_mask(self, segmentation: VertebraSegmentation, config: PipelineConfig) -> SegmentedLevel:
        """The level with another mask; box and crop follow one that lies elsewhere."""
        site = follow_mask(self.site, segmentation, config)
        return SegmentedLevel(site, segmentation, self.encoded if site.crop is self.site.crop else None)

    def measured(self, gradcam: np.ndarray | None, config: PipelineConfig) -> VertebraReading:
        """The level with the HU of its ROI."""
        site, mask = self.site, self.segmentation
        roi = measure_roi(site.axial.hu, mask.mask, site.axial.pixel_mm, site.axial.level, config.measure)
        return VertebraReading(
            site.point, site.axial, site.box, site.crop, mask, roi, gradcam, self.encoded, site.found_box
        )


def reading_flags(reading: VertebraReading, config: PipelineConfig) -> tuple[Flag, ...]:
    """What is doubtful about a level's box, mask and ROI."""
    return (
        *localization_flags(reading.box, reading.point.level),
        *segmentation_flags(reading.segmentation, reading.crop, config.segmentation),
        *measurement_flags(reading.measurement, config.measure),
    )
