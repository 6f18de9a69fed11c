"""What is measured on one level of a reading, against the truth on the same slice, in the slice's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.phantom.cases import Phantom
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import AxialSlice
from training.data.augment import box_of
from training.evaluation.case_rows.explanation_row import explanation_row
from training.evaluation.metrics import Overlap, box_iou
from training.evaluation.rows import Row

if TYPE_CHECKING:
    from OsteoJointLib.network.detection import Detections


def level_row(reading: VertebraReading, detections: Detections | None, phantom: Phantom) -> Row:
    """Compare box, mask and explanation of one level with the truth.

    Args:
        reading: the level.
        detections: every box that the localizer sees on its slice; None without a localizer.
        phantom: the truth.
    """
    axial = reading.axial
    truth = plane_to_mask(phantom.labels[axial.slice_index] == reading.point.level.verse_label, axial)
    overlap = Overlap.of(reading.segmentation.mask, truth)
    row: Row = {
        **_box_row(reading, truth, axial),
        "pixels": [overlap.both, overlap.only_predicted, overlap.only_true],
        "dice": overlap.dice,
        "iou": overlap.iou,
    }
    if detections is not None:
        row["detections"] = detection_rows(detections, truth)
    if reading.explanation is not None:
        row["explanation"] = explanation_row(reading.explanation.values, truth, reading.crop, axial.pixel_mm)
    return row


def _box_row(reading: VertebraReading, truth: np.ndarray, axial: AxialSlice) -> Row:
    if not truth.any():
        return {"box_iou": 0.0, "box_confidence": reading.box.confidence, "center_off_mm": None}
    box, true = np.array(reading.box.xyxy_px), box_of(truth)
    off_px = (box[:2] + box[2:] - true[:2] - true[2:]) / 2.0
    return {
        "box_iou": float(box_iou(box, true)),
        "box_confidence": reading.box.confidence,
        "center_off_mm": float(np.hypot(*off_px)) * axial.pixel_mm,
    }


def detection_rows(detections: Detections, truth: np.ndarray) -> list[list[float]]:
    """Write each detection as its score for L1, its score for L2 and its IoU with the true body's box."""
    boxes, scores = (values.double().cpu().numpy() for values in (detections.boxes_xyxy, detections.label_scores))
    there = truth.any()
    true = box_of(truth) if there else np.zeros(4)
    return [
        [float(l1), float(l2), float(box_iou(box, true)) if there else 0.0]
        for box, (l1, l2) in zip(boxes, scores, strict=True)
    ]
