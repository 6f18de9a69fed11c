"""The vertebral body's box on each level's slice (§3.3): which of the detector's boxes is the one that was asked for.

L1 and L2 look alike on their mid-slices, and the level is already known from the whole column. So a box is chosen by
where it is, whatever class the detector gave it: the surest one among those whose center lies near the point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, ModelRefused, Reason
from OsteoJointLib.records import AxialSlice, BodyBox, Flag, Level

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.detection import Detections

    Detector = Callable[[torch.Tensor], Sequence[Detections]]
    """Maps images (B, 1, 512, 512) in [0, 1] to the detections of each."""


@dataclass(frozen=True)
class LocalizationConfig:
    """How a box is chosen."""

    reach_mm: float = 25.0
    """How far a box's center may lie from the level's point, mm (half a lumbar body's width, 40-50 mm)."""
    fixed_box_mm: tuple[float, float] = (50.0, 38.0)
    """Width and depth of the box put at a level's point without a detector, mm (adult L1-L2, Zhou 2000)."""

    def __post_init__(self) -> None:
        if self.reach_mm <= 0 or min(self.fixed_box_mm) <= 0:
            raise ValueError(f"lengths must be positive, got {self}")


def detect_boxes(detector: Detector, axials: Sequence[AxialSlice], device: torch.device) -> list[Detections]:
    """Run the detector on slices.

    Args:
        detector: images (B, 1, 512, 512) to detections.
        axials: B slices.
        device: where to compute.

    Returns:
        B detections.
    """
    import torch

    images = torch.from_numpy(np.stack([axial.image for axial in axials]))[:, None].to(device)
    with torch.no_grad():
        return list(detector(images))


def choose_box(
    detections: Detections,
    level: Level,
    pixel_mm: float,
    point_xy_px: np.ndarray | None,
    config: LocalizationConfig | None = None,
) -> BodyBox:
    """Choose the body's box among a slice's detections.

    Args:
        detections: of the slice.
        level: whose slice it is, for the message.
        pixel_mm: the slice's pixel.
        point_xy_px: the level's point in edge coordinates; None to take the best one anywhere.
        config: the reach.

    Returns:
        The best box within reach; its confidence is the objectness, whichever level the detector took it for.

    Raises:
        InputRefused: BODY_NOT_LOCALIZED when there is none.
    """
    config = config or LocalizationConfig()
    boxes = detections.boxes_xyxy.double().cpu().numpy()
    scores = detections.objectness.double().cpu().numpy()
    near = np.ones(len(boxes), dtype=bool)
    if point_xy_px is not None:
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        near = np.linalg.norm(centers - point_xy_px, axis=1) * pixel_mm <= config.reach_mm
    if not near.any():
        where = f"within {config.reach_mm:g} mm of its point" if point_xy_px is not None else "on its slice"
        raise InputRefused(
            Reason.BODY_NOT_LOCALIZED,
            f"No vertebral body was found for {level} {where}. Move the point to the middle of the body, or check that "
            "the slice shows it.",
        )
    best = int(np.flatnonzero(near)[np.argmax(scores[near])])
    x1, y1, x2, y2 = (float(edge) for edge in boxes[best])
    return BodyBox((x1, y1, x2, y2), float(scores[best]))


def fixed_box(pixel_mm: float, point_xy_px: np.ndarray | None, config: LocalizationConfig | None = None) -> BodyBox:
    """Put a box of an ordinary body's size at a level's point, for want of a localizer; ``detected`` is False.

    Raises:
        ModelRefused: DEPENDENCY_MISSING where there is no point either (a pair of slices as they come).
    """
    config = config or LocalizationConfig()
    if point_xy_px is None:
        raise ModelRefused(
            Reason.DEPENDENCY_MISSING,
            "Ultralytics (AGPL-3.0) isn't installed, so the vertebral bodies can't be looked for on two single slices. "
            "Install it (pip install ultralytics), or give both points (--l1 and --l2).",
        )
    half_px = np.asarray(config.fixed_box_mm) / 2 / pixel_mm
    low, high = np.asarray(point_xy_px) - half_px, np.asarray(point_xy_px) + half_px
    return BodyBox((float(low[0]), float(low[1]), float(high[0]), float(high[1])), 0.0, detected=False)


def localization_flags(box: BodyBox, level: Level) -> tuple[Flag, ...]:
    """Say that a box was not detected but put at the level's point."""
    if box.detected:
        return ()
    message = (
        f"Ultralytics isn't installed, so the body of {level} was not localized: its window is a fixed one about its "
        "point."
    )
    return (Flag(Reason.BODY_NOT_LOCALIZED, message, level),)
