"""The measures against numbers worked by hand."""

import math

import numpy as np
import pytest

from training.evaluation.metrics import (
    Overlap,
    accuracy,
    auc,
    average_precision,
    bootstrap_interval,
    box_iou,
    confusion_matrix,
    one_against_rest,
)


def test_box_iou_of_hand_worked_boxes():
    first = np.array([[0, 0, 4, 4], [0, 0, 1, 1], [0, 0, 2, 2], [1, 1, 1, 1]])
    second = np.array([[2, 2, 6, 6], [1, 0, 2, 1], [0, 0, 2, 2], [1, 1, 1, 1]])
    np.testing.assert_allclose(box_iou(first, second), [4 / 28, 0.0, 1.0, 0.0])


def test_box_iou_agrees_with_torchvision():
    from torch import as_tensor
    from torchvision.ops import box_iou as reference

    generator = np.random.default_rng(3)
    low = generator.uniform(0, 50, (2, 20, 2))
    boxes = np.concatenate([low, low + generator.uniform(1, 50, (2, 20, 2))], axis=-1)
    expected = reference(as_tensor(boxes[0]), as_tensor(boxes[1])).diagonal().numpy()
    np.testing.assert_allclose(box_iou(boxes[0], boxes[1]), expected)


def test_overlap_counts_dice_and_iou():
    predicted = np.array([[1, 1, 0, 0]], dtype=bool)
    true = np.array([[0, 1, 1, 1]], dtype=bool)
    overlap = Overlap.of(predicted, true)
    assert overlap == Overlap(both=1, only_predicted=1, only_true=2)
    assert overlap.dice == pytest.approx(2 / 5)
    assert overlap.iou == pytest.approx(1 / 4)
    pooled = overlap + Overlap(3, 0, 0)
    assert pooled.dice == pytest.approx(8 / 11)
    assert math.isnan(Overlap(0, 0, 0).dice)
    with pytest.raises(ValueError, match="one shape"):
        Overlap.of(predicted, true.T)


@pytest.mark.parametrize(
    ("confidences", "hits", "truths", "expected"),
    [
        ([0.9, 0.8], [True, True], 2, 1.0),
        ([0.9, 0.8], [True, True], 4, 0.5),
        ([0.9, 0.8, 0.7], [True, False, True], 2, 0.5 * 1 + 0.5 * 2 / 3),
        ([0.9, 0.8], [False, True], 1, 0.5),
        ([0.8, 0.9], [True, False], 1, 0.5),
        ([], [], 3, 0.0),
    ],
)
def test_average_precision(confidences, hits, truths, expected):
    assert average_precision(np.array(confidences), np.array(hits, dtype=bool), truths) == pytest.approx(expected)


def test_average_precision_agrees_with_the_sum_over_hits():
    generator = np.random.default_rng(7)
    for count in range(1, 40):
        confidences, hits = generator.random(count), generator.random(count) < 0.7
        truths = int(hits.sum()) + 2
        ranked = hits[np.argsort(-confidences)]
        precision = np.cumsum(ranked) / np.arange(1, count + 1)
        best_from_here_on = np.array([precision[i:].max() for i in range(count)])
        expected = best_from_here_on[ranked].sum() / truths
        assert average_precision(confidences, hits, truths) == pytest.approx(expected)


def test_detections_of_equal_confidence_count_together_in_any_order():
    # the four are one point of the curve: precision 1/2, recall 2/3
    for hits in ([True, True, False, False], [False, True, False, True]):
        assert average_precision(np.full(4, 0.9), np.array(hits), 3) == pytest.approx(1 / 2 * 2 / 3)


def test_auc_counts_ordered_pairs_and_half_ties():
    scores = np.array([0.2, 0.5, 0.5, 0.9])
    positive = np.array([False, True, False, True])
    # pairs: (.5,.2) won, (.5,.5) tied, (.9,.2) won, (.9,.5) won
    assert auc(scores, positive) == pytest.approx(3.5 / 4)
    assert auc(-scores, positive) == pytest.approx(0.5 / 4)
    assert math.isnan(auc(scores, np.ones(4, dtype=bool)))


def test_confusion_accuracy_and_one_against_rest():
    true = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    predicted = np.array([0, 1, 1, 1, 2, 2, 0, 1])
    confusion = confusion_matrix(true, predicted, 3)
    np.testing.assert_array_equal(confusion, [[1, 1, 0], [0, 2, 0], [1, 1, 2]])
    assert accuracy(confusion) == pytest.approx(5 / 8)
    middle = one_against_rest(confusion, 1)
    assert middle["sensitivity"] == pytest.approx(1.0)
    assert middle["specificity"] == pytest.approx(4 / 6)
    assert middle["f1"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 0))


def test_bootstrap_interval_of_a_share():
    values = np.array([0.0, 1.0] * 50)
    low, high = bootstrap_interval(lambda index: float(values[index].mean()), len(values), seed=1)
    # sd of the mean of 100 fair coins is 0.05
    assert 0.38 < low < 0.43 and 0.57 < high < 0.62
    assert bootstrap_interval(lambda index: 2.0, 5, draws=20) == (2.0, 2.0)
    assert all(math.isnan(v) for v in bootstrap_interval(lambda index: float("nan"), 5, draws=5))
