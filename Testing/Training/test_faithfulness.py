"""Faithfulness of explanation maps, on networks whose dependence is known."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.chain.explained_cases import summarize
from training.evaluation.faithfulness import FILLS, SHARES, energy_inside, hiding_curves, most_marked, peak_inside

SIZE = 32
SPOT = np.s_[0, 10:14, 20:24]  # 16 pixels of L1, less than 1 % of the two crops


def reads_the_spot(crops: np.ndarray) -> np.ndarray:
    """A class that depends on the spot of L1 alone: sure as long as its gray is 0.5."""
    p = float(np.exp(-10 * np.abs(crops[SPOT] - 0.5).mean()))
    return np.array([1 - p, p, 0.0])


def crops() -> np.ndarray:
    return np.full((2, SIZE, SIZE), 0.5, np.float32)


def marked(spot=SPOT) -> np.ndarray:
    maps = np.zeros((2, SIZE, SIZE))
    maps[spot] = 1.0
    return maps


def test_a_true_map_moves_the_class_and_elsewhere_does_not():
    curves = hiding_curves(reads_the_spot, crops(), marked(), 1)
    gone = np.mean([np.exp(-10 * abs(fill - 0.5)) for fill in FILLS])
    assert curves.whole == 1 and curves.blank == pytest.approx(gone, rel=1e-4)
    np.testing.assert_allclose(curves.deleted, [gone] * len(SHARES), rtol=1e-4)
    np.testing.assert_allclose(curves.deleted_elsewhere, 1.0)
    np.testing.assert_allclose(curves.inserted, 1.0)
    np.testing.assert_allclose(curves.inserted_elsewhere, [gone] * len(SHARES), rtol=1e-4)
    assert curves.deletion_gain == curves.insertion_gain == pytest.approx(1 - gone, rel=1e-4)


@pytest.mark.parametrize("spot", [np.s_[1, 10:14, 20:24], np.s_[0, 10:14, 2:6], np.s_[0, 24:28, 20:24]])
def test_a_map_of_the_other_vertebra_or_place_gains_nothing(spot):
    curves = hiding_curves(reads_the_spot, crops(), marked(spot), 1)
    assert curves.deletion_gain <= 0 and curves.insertion_gain <= 0


def test_a_map_that_points_where_elsewhere_lies_loses():
    """Moved by half a crop to the side it marks the spot only when it is moved back."""
    curves = hiding_curves(reads_the_spot, crops(), np.roll(marked(), SIZE // 2, axis=2), 1)
    assert curves.deletion_gain < -0.1 and curves.insertion_gain < -0.1


def test_a_class_that_reads_no_image_moves_by_nothing():
    curves = hiding_curves(lambda crops: np.array([0.2, 0.7, 0.1]), crops(), marked(), 1)
    assert (curves.whole, curves.blank) == (0.7, 0.7)
    assert (curves.deletion_gain, curves.insertion_gain) == pytest.approx((0, 0))


def test_the_strongest_place_of_both_vertebrae_is_hidden_first():
    """On one scale the weak map of L2 waits for L1's; shares count the pixels of both crops."""
    maps = np.zeros((2, SIZE, SIZE))
    maps[0, :8], maps[1, :8] = 1.0, 0.4
    hidden = most_marked(maps, 0.08)
    assert hidden.sum() == round(0.08 * 2 * SIZE * SIZE)
    assert hidden[0].sum() == hidden.sum()
    assert most_marked(maps, 1.0).sum() == (maps > 0).sum()


def test_a_blank_map_has_no_curves():
    assert hiding_curves(reads_the_spot, crops(), np.zeros((2, SIZE, SIZE)), 1) is None


def test_energy_and_peak_count_the_body_and_its_margin():
    body = np.zeros((20, 20), dtype=bool)
    body[8:12, 4:9] = True
    values = np.zeros((20, 20))
    values[9, 5], values[9, 10], values[9, 15] = 1.0, 2.0, 5.0  # inside, 2 pixels off, 7 pixels off
    assert [energy_inside(values, body, 1.0, margin) for margin in (0, 1.9, 2.0, 7.0)] == [0.125, 0.125, 0.375, 1.0]
    assert energy_inside(values, body, 3.0) == 0.125, "the default margin is 5 mm, so 6 mm off is outside"
    assert energy_inside(values, body, 2.5) == 0.375
    assert [peak_inside(values, body, 1.0, margin) for margin in (6.9, 7.0)] == [False, True]
    assert energy_inside(np.zeros((20, 20)), body, 1.0) is None and not peak_inside(np.zeros((20, 20)), body, 1.0)
    nowhere = np.zeros_like(body)
    assert energy_inside(values, nowhere, 1.0) == 0 and peak_inside(values, nowhere, 1.0) is False


def test_a_blank_map_has_no_energy_and_its_peak_nowhere():
    level = {"share": 0.5, "energy_inside": 0.8, "peak_inside": True}
    blank = {"share": 0.0, "energy_inside": None, "peak_inside": False}
    full = {"curves": {"whole": 1}, "deletion_gain": 0.4, "insertion_gain": -0.2, "levels": {"L1": level, "L2": blank}}
    rows = [full, {"case": "no class", "status": None}, {"curves": None, "levels": {"L1": blank, "L2": blank}}]
    numbers = summarize(rows)
    assert (numbers["cases"], numbers["explained"], numbers["levels"]) == (3, 1, 4)
    assert (numbers["energy_inside"], numbers["peak_inside"]) == (0.8, 0.25)
    assert (numbers["deletion_gain"], numbers["insertion_gain"]) == (0.4, -0.2)
    assert (numbers["deletion_gained"], numbers["insertion_gained"]) == (1.0, 0.0)
