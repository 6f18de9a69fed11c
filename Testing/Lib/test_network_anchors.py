"""Re-clustering anchors with IoU as distance."""

import numpy as np
import pytest

from OsteoJointLib.config import VERTEBRA_ANCHORS, network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.anchors import cluster_anchors, mean_best_overlap, shape_overlap


def test_overlap_worked_by_hand():
    # 4x2 in 4x4: 8 of 16; 4x2 and 2x4: 4 of 12
    overlap = shape_overlap(np.array([[4.0, 2.0]]), np.array([[4.0, 4.0], [2.0, 4.0]]))
    np.testing.assert_allclose(overlap, [[0.5, 1 / 3]])


def test_nine_tight_groups_are_found():
    generator = np.random.default_rng(0)
    truth = np.array([(20.0 * (1.4**k), 14.0 * (1.4**k)) for k in range(9)])
    sizes = np.concatenate([center + generator.normal(0, 0.01, (30, 2)) for center in truth])
    anchors = cluster_anchors(sizes, np.random.default_rng(1))
    assert [len(scale) for scale in anchors] == [3, 3, 3]
    np.testing.assert_allclose(np.array(anchors).reshape(9, 2), truth, atol=0.1)


def test_anchors_are_sorted_and_can_be_a_config():
    sizes = np.random.default_rng(0).uniform((40, 25), (100, 75), (300, 2))
    anchors = cluster_anchors(sizes, np.random.default_rng(0))
    areas = [w * h for scale in anchors for w, h in scale]
    assert areas == sorted(areas)
    config = type(network_config("compact")).from_json({**network_config("compact").to_json(), "anchors": anchors})
    assert config.anchors == anchors
    assert mean_best_overlap(sizes, anchors) > mean_best_overlap(sizes, (((70.0, 50.0),),)) + 0.1


def test_same_generator_same_anchors():
    sizes = np.random.default_rng(0).uniform(30, 90, (100, 2))
    assert cluster_anchors(sizes, np.random.default_rng(5)) == cluster_anchors(sizes, np.random.default_rng(5))


def test_too_few_or_impossible_boxes_are_refused():
    with pytest.raises(UsageError, match="fewer than 9"):
        cluster_anchors(np.full((50, 2), 30.0), np.random.default_rng(0))
    with pytest.raises(UsageError, match="above 0"):
        cluster_anchors(np.array([[10.0, -1.0]] * 20), np.random.default_rng(0))


def test_default_anchors_fit_lumbar_bodies():
    generator = np.random.default_rng(0)
    pixel_mm = generator.uniform(0.55, 0.98, 2000)
    width_mm, ratio = generator.normal(46, 4, 2000), generator.normal(0.72, 0.05, 2000)
    sizes = np.stack((width_mm, width_mm * ratio), axis=1) / pixel_mm[:, None]
    assert mean_best_overlap(sizes, VERTEBRA_ANCHORS) > 0.85
