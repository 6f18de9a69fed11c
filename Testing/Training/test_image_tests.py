"""A network that ignores the image is exposed; maps are judged where the body truly is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.network.encoded import EncodedCrops
from OsteoJointLib.network.multitask import ClassifierOutput
from OsteoJointLib.network.segmenter import SegmenterOutput
from OsteoJointLib.pipeline.classification import classify_pair
from OsteoJointLib.records import Crop, Status
from training.evaluation.case_rows.donors import Donor, donor_for
from training.evaluation.case_rows.explanation_row import explanation_row
from training.evaluation.case_rows.image_tests import image_row


def encoded(crop_grey, feature_grey):
    crops = torch.full((2, 1, 8, 8), crop_grey)
    features = (torch.full((2, 1, 2, 2), feature_grey),)
    return EncodedCrops(crops, SegmenterOutput(torch.ones(2, 1, 8, 8), None, features, torch.ones(2, 1, 8, 8)))


class Reads:
    """A stand-in that calls bright normal and dark osteoporosis, by crops, by decoder features, or by neither."""

    def __init__(self, crops=0.0, features=0.0):
        self.weights = crops, features

    def fuse(self, crops, segmentation, *facts, **more):
        of_crops, of_features = self.weights
        seen = of_crops * (crops.mean() - 0.5) + of_features * (segmentation.features[0].mean() - 0.5)
        logits = torch.stack([seen, torch.tensor(-0.1), -seen])[None]
        return ClassifierOutput(logits, torch.tensor([[0.5, 0.5]]), segmentation, torch.zeros(2, 1))

    def segmenter(self, crops):
        return SegmenterOutput(torch.zeros_like(crops), None, (crops.mean() * torch.ones(2, 1, 2, 2),), crops)


DONOR = Donor(Status.OSTEOPOROSIS, encoded(0.2, 0.2))
CASE = encoded(0.8, 0.8)


@pytest.mark.parametrize(
    ("network", "constant", "blind", "swapped", "features"),
    [
        (Reads(features=9.0), "osteoporosis", "normal", "osteoporosis", "normal"),  # hollow: its crops are decoration
        (Reads(crops=9.0), "normal", "normal", "normal", "osteoporosis"),
        (Reads(), "normal", "normal", "normal", "normal"),  # looks at nothing
    ],
)
def test_what_the_class_follows_is_what_it_is_read_from(network, constant, blind, swapped, features):
    # a dark case of osteoporosis, and a bright donor that is normal; what is mid-grey is normal, barely
    row = image_row(network, encoded(0.2, 0.2), Donor(Status.NORMAL, encoded(0.8, 0.8)))
    assert (row["swapped"], row["swapped_features"], row["donor"]) == (swapped, features, "normal")
    assert (row["constant"], row["blind"]) == (constant, blind)


def test_a_constant_image_takes_away_what_was_seen_and_masks_stay():
    seen = []

    class Spy(Reads):
        def fuse(self, crops, segmentation, *facts, **more):
            seen.append((crops.clone(), segmentation))
            return super().fuse(crops, segmentation)

    network = Spy(crops=9.0)
    image_row(network, CASE, DONOR)
    constant, blind, swapped, features = seen
    assert blind[0].unique().tolist() == [0.5] and blind[1].mask_logits is CASE.segmentation.mask_logits
    assert blind[1].features[0].unique().tolist() == [0.5]
    assert constant[0].unique().tolist() == [0.5] and constant[1] is CASE.segmentation
    assert swapped[0] is not CASE.crops and swapped[1] is CASE.segmentation
    torch.testing.assert_close(features[0], CASE.crops)
    assert features[1].mask_logits is CASE.segmentation.mask_logits
    dark = encoded(0.2, 0.2)
    assert classify_pair(network, dark).status is Status.OSTEOPOROSIS
    assert image_row(network, dark, replace(DONOR, encoded=CASE))["constant"] != "osteoporosis"


def test_a_donor_is_always_of_another_class():
    donors = tuple(Donor(status, CASE) for status in Status for _ in range(2))
    for status in Status:
        chosen = [donor_for(donors, status, seed) for seed in range(8)]
        assert all(donor.status is not status for donor in chosen)
        assert {donor.status for donor in chosen} == set(Status) - {status}


CROP = Crop(np.zeros((224, 224), np.float32), (100, 150))  # crop (y, x) is slice (y + 100, x + 150)


def body(y, x):
    mask = np.zeros((512, 512), dtype=bool)
    mask[y : y + 30, x : x + 40] = True
    return mask


def spot(y, x, strength=1.0):
    values = np.zeros((224, 224), np.float32)
    values[y, x] = strength
    return values


def test_energy_and_peak_are_taken_in_the_slices_frame():
    inside = explanation_row(spot(60, 20), body(150, 160), CROP, 0.7)
    assert inside == {"energy_inside": 1.0, "peak_inside": True}
    outside = explanation_row(spot(20, 60), body(150, 160), CROP, 0.7)  # x and y exchanged
    assert outside == {"energy_inside": 0.0, "peak_inside": False}
    both = explanation_row(spot(60, 20) + spot(200, 200, 3.0), body(150, 160), CROP, 0.7)
    assert both == {"energy_inside": 0.25, "peak_inside": False}


def test_five_millimeters_about_the_body_count_as_inside():
    # the body's last column is 199; at 1 mm a pixel 204 is 5 mm away, at .5 mm a pixel 209 is
    for pixel_mm, last in ((1.0, 204), (0.5, 209)):
        near = explanation_row(spot(60, last - 150), body(150, 160), CROP, pixel_mm)
        far = explanation_row(spot(60, last + 1 - 150), body(150, 160), CROP, pixel_mm)
        assert near["peak_inside"] and not far["peak_inside"]


def test_a_map_blank_points_nowhere():
    assert explanation_row(np.zeros((224, 224)), body(150, 160), CROP, 0.7) == {
        "energy_inside": None,
        "peak_inside": False,
    }
