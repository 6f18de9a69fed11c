"""The masks as DICOM Segmentation: each body and each region that was measured, on the CT's own images.

Segments may overlap (a region lies in its body), so each has frames of its own (type BINARY). Every frame lies on one
image of the source and refers to it, so nothing is resampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from highdicom import UID
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription

from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.io.dicom_study import SourceStudy
from OsteoJointLib.output.dicom.maker import Maker, concept, private
from OsteoJointLib.output.terminology import (
    VERTEBRAL_BODY,
    Code,
    segment_color_rgb,
    segment_name,
    vertebra_code,
)
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.mask_mark import MaskMark
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import MaskSource

STRUCTURE = Code("SCT", "91723000", "Anatomical Structure")
REGION = Code("SCT", "309825002", "Spatial and Relational Concept")
"""Categories of a body and of a region that is no structure (DICOM CID 7150; Slicer has another code for the first)."""

SELECTED_REGION = Code("DCM", "111099", "Selected region")
TRABECULAR_ROI = private("trabecular_roi", "Trabecular region of interest")


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment.

    Args:
        label: what viewers call it; also its tracking identifier.
        vertebra: the code of the vertebra.
        mask: where it lies on the CT's grid; not empty.
        color_rgb: 0 to 255.
        source: who drew it.
        slice_index: the slice that its level was read on; None of a neighbor.
        region: whether it is the region that was measured; else the body.
    """

    label: str
    vertebra: Code
    mask: PlacedMask
    color_rgb: tuple[int, int, int]
    source: MaskSource
    slice_index: int | None = None
    region: bool = False


def roi_label(level: str) -> str:
    """Name the segment of a region."""
    return f"ROI of {level}"


def segments_of(result: CaseResult) -> tuple[Segment, ...]:
    """List what a case has to show: bodies, then regions; what is empty is left out."""
    segments = [
        *(_body(reading) for reading in result.readings),
        *(_of(body.name, PlacedMask.of(body), body.source) for body in result.neighbors),
        *(_region(reading) for reading in result.readings),
    ]
    return tuple(segment for segment in segments if segment.mask.mask.any())


def make_segmentation(segments: tuple[Segment, ...], study: SourceStudy, maker: Maker) -> Segmentation:
    """Make the data set.

    Args:
        segments: at least one.
        study: the images they lie on.
        maker: who made them.
    """
    images, pixels = study.in_frames(segment.mask.on_grid(study.volume.grid) for segment in segments)
    return Segmentation(
        images,
        pixels,
        SegmentationTypeValues.BINARY,
        [_described(number, segment, maker) for number, segment in enumerate(segments, start=1)],
        content_label="VERTEBRAE",
        content_description="Vertebral bodies and measured regions; research only",
        **maker.stated("SEG", "OsteoJoint vertebral bodies"),
    )


def _described(number: int, segment: Segment, maker: Maker) -> SegmentDescription:
    described = SegmentDescription(
        number,
        segment.label,
        concept(REGION if segment.region else STRUCTURE),
        concept(SELECTED_REGION if segment.region else segment.vertebra),
        SegmentAlgorithmTypeValues.SEMIAUTOMATIC if segment.source.edited else SegmentAlgorithmTypeValues.AUTOMATIC,
        maker.algorithm,
        tracking_uid=UID(),
        tracking_id=segment.label,
        anatomic_regions=[concept(segment.vertebra)] if segment.region else None,
        display_color=CIELabColor.from_rgb(*segment.color_rgb),
    )
    described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
        concept(TRABECULAR_ROI if segment.region else VERTEBRAL_BODY)
    ]
    mark = "" if segment.region else f"; {MaskMark.of(segment.mask, segment.source, segment.slice_index)}"
    described.SegmentDescription = f"Mask: {segment.source.words}{mark}"
    return described


def _body(reading: VertebraReading) -> Segment:
    body = reading.body
    mask = _on_its_slice(reading, reading.segmentation.mask) if body is None else PlacedMask.of(body)
    return _of(reading.level, mask, reading.mask_source, reading.axial.slice_index)


def _of(name: str, mask: PlacedMask, source: MaskSource, slice_index: int | None = None) -> Segment:
    return Segment(segment_name(name), vertebra_code(name), mask, segment_color_rgb(name), source, slice_index)


def _region(reading: VertebraReading) -> Segment:
    level, measured = reading.level, reading.measurement
    corner = measured.corner_zyx
    mask = _on_its_slice(reading, measured.mask) if corner is None else PlacedMask(measured.mask, corner)
    source, color = reading.mask_source, segment_color_rgb(level)
    return Segment(roi_label(level), vertebra_code(level), mask, color, source, region=True)


def _on_its_slice(reading: VertebraReading, mask: np.ndarray) -> PlacedMask:
    """Bring a mask from the network's slice to the CT's own."""
    plane = mask_to_plane(mask, reading.axial, reading.volume.hu.shape[1:])
    return PlacedMask(plane[None], (reading.axial.slice_index, 0, 0))
