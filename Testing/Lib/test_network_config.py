"""The network's config: profiles, checks, JSON both ways."""

import json
from dataclasses import replace

import pytest

from OsteoJointLib.config import NetworkConfig, WindowConfig, network_config
from OsteoJointLib.errors import UsageError


@pytest.mark.parametrize("profile", ["compact", "paper"])
def test_json_round_trip(profile):
    config = network_config(profile)
    assert NetworkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_paper_profile_has_the_published_sizes():
    config = network_config("paper")
    assert config.localizer == "darknet53"
    assert config.classifier_blocks == (3, 4, 23, 3)
    assert config.classifier_planes == (64, 128, 256, 512)
    assert config.segmenter_channels[0] == 64
    assert (config.slice_px, config.crop_px) == (512, 224)
    assert not (config.mask_guidance or config.ordinal_head or config.reference_tissues or config.header_facts)


def test_unknown_profile_is_a_sentence():
    with pytest.raises(UsageError, match='"compact" or "paper"'):
        network_config("huge")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"segmenter_channels": (16, 32)}, "segmenter_channels"),
        ({"classifier_planes": (16, 32, 48, 0)}, "classifier_planes"),
        ({"localizer": "yolov9"}, "localizer"),
        ({"localizer_width": 0.0}, "localizer_width"),
        ({"anchors": ((), (), ())}, "anchors"),
        ({"crop_px": 225}, "crop_px"),
        ({"nms_iou": 1.5}, "nms_iou"),
        ({"fusion_hidden": 0}, "fusion_hidden"),
        ({"classifier_stem": -1}, "classifier_stem"),
        ({"class_from": "guess"}, "class_from"),
    ],
)
def test_impossible_sizes_are_refused_by_name(change, word):
    with pytest.raises(UsageError, match=word):
        replace(network_config("compact"), **change)


def test_json_with_unknown_or_missing_fields_is_refused():
    values = network_config("compact").to_json()
    with pytest.raises(UsageError, match="colour"):
        NetworkConfig.from_json({**values, "colour": 1})
    values.pop("profile")
    with pytest.raises(UsageError, match="profile"):
        NetworkConfig.from_json(values)


def test_window_maps_minus_160_to_240():
    assert (WindowConfig().low_hu, WindowConfig().high_hu) == (-160.0, 240.0)
    with pytest.raises(UsageError, match="width"):
        WindowConfig(width_hu=0.0)
