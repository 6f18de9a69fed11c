"""Which box is taken."""

import numpy as np
import pytest
import torch

from OsteoJointLib.errors import InputRefused, ModelRefused, Reason
from OsteoJointLib.network.detection import Detections
from OsteoJointLib.pipeline.localization import (
    LocalizationConfig,
    choose_box,
    fixed_box,
    localization_flags,
)
from OsteoJointLib.records import BodyBox, Level


def detections(*boxes, objectness) -> Detections:
    certainty = torch.tensor(objectness)
    return Detections(torch.tensor(boxes).reshape(-1, 4), certainty[:, None] * torch.tensor([0.5, 0.2]), certainty)


NEAR, FAR = (240.0, 240.0, 280.0, 270.0), (20.0, 20.0, 60.0, 50.0)
POINT_PX = np.array([262.0, 250.0])


def test_best_box_near_the_point_wins_over_a_better_one_elsewhere():
    found = detections(FAR, NEAR, (236.0, 238.0, 270.0, 262.0), objectness=[0.99, 0.8, 0.6])
    box = choose_box(found, Level.L1, 0.8, POINT_PX)
    assert box.xyxy_px == NEAR
    assert box.confidence == pytest.approx(0.8)
    assert box.detected


def test_reach_is_in_mm():
    found = detections((300.0, 240.0, 340.0, 260.0), objectness=[0.9])  # its center is 58 px from the point
    assert choose_box(found, Level.L1, 25.0 / 58.1, POINT_PX).detected
    with pytest.raises(InputRefused, match="within 25 mm"):
        choose_box(found, Level.L1, 25.0 / 57.9, POINT_PX)


def test_without_a_point_the_best_box_anywhere_is_taken():
    assert choose_box(detections(NEAR, FAR, objectness=[0.8, 0.9]), Level.L2, 0.8, None).xyxy_px == FAR


@pytest.mark.parametrize("point_px", [POINT_PX, None])
def test_nothing_found_is_refused(point_px):
    with pytest.raises(InputRefused, match="No vertebral body was found for L2") as refusal:
        choose_box(detections(objectness=[]), Level.L2, 0.8, point_px)
    assert refusal.value.reason is Reason.BODY_NOT_LOCALIZED


@pytest.mark.parametrize("change", [{"reach_mm": 0.0}, {"fixed_box_mm": (0.0, 9.0)}, {"fixed_box_mm": (9.0, 0.0)}])
def test_lengths_that_are_none_are_refused(change):
    with pytest.raises(ValueError, match="must be positive"):
        LocalizationConfig(**change)
    assert LocalizationConfig(reach_mm=0.5, fixed_box_mm=(0.5, 0.5)).reach_mm == 0.5


def test_fixed_box_is_of_a_body_s_size_and_says_what_it_is():
    box = fixed_box(0.5, np.array([100.0, 200.0]), LocalizationConfig(fixed_box_mm=(50.0, 40.0)))
    assert box == BodyBox((50.0, 160.0, 150.0, 240.0), 0.0, detected=False)
    (flag,) = localization_flags(box, Level.L1)
    assert (flag.code, flag.level) == (Reason.BODY_NOT_LOCALIZED, Level.L1)
    assert localization_flags(BodyBox(NEAR, 0.9), Level.L1) == ()


def test_without_a_localizer_and_without_a_point_there_is_nowhere_to_put_a_window():
    with pytest.raises(ModelRefused, match="Ultralytics") as refusal:
        fixed_box(0.5, None)
    assert refusal.value.reason is Reason.DEPENDENCY_MISSING
