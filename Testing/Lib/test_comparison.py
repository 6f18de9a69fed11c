"""The demo's comparison, on a truth that is known exactly."""

from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.cli.comparison import compare, comparison_table, dice
from OsteoJointLib.pipeline.preprocess import mask_to_volume
from OsteoJointLib.records import Level, Status


@pytest.fixture
def phantom(chain) -> SimpleNamespace:
    """What the reading says is the truth, but for 3-4-0 mm at L1 and a bitten mask at L2."""
    readings = {reading.point.level: reading for reading in chain.result.readings}
    masks = {level: reading.segmentation.mask.copy() for level, reading in readings.items()}
    labels = mask_to_volume(masks, {level: r.axial for level, r in readings.items()}, chain.result.volume.hu.shape)
    plane = labels[readings[Level.L2].axial.slice_index]
    rows = np.flatnonzero((plane == 21).any(axis=1))
    plane[rows[0] : rows[len(rows) // 2]] = 0
    centers = {level.verse_label: r.point.center_lps_mm for level, r in readings.items()}
    centers[20] = tuple(np.add(centers[20], (3.0, 4.0, 0.0)))
    truth = SimpleNamespace(
        seed=3,
        kvp=120.0,
        centers_lps_mm=centers,
        bmd_mg_cm3={Level.L1: 150.0, Level.L2: 140.0},
        status=Status.NORMAL,
        trabecular_hu={Level.L1: 175.0, Level.L2: 164.0},
    )
    return SimpleNamespace(labels=labels, truth=truth)


def test_what_is_off_is_said(chain, phantom):
    comparison = compare(chain.result, phantom)
    document = comparison.document()
    assert document["levels_error_mm"] == {"L1": 5.0, "L2": 0.0}
    assert document["dice"]["L1"] == 1.0
    assert document["dice"]["L2"] == pytest.approx(2 / 3, abs=0.03)
    assert document["status"] == {"truth": "normal", "predicted": chain.result.classification.status.value}
    assert document["bmd_mg_cm3"] == {"L1": 150.0, "L2": 140.0}
    assert document["hu"]["expected"] == {"L1": 175.0, "L2": 164.0}
    assert document["hu"]["measured"]["L1"] == pytest.approx(chain.body_hu, abs=0.5)
    table = comparison_table(comparison)
    for words in ("5.0 mm off", "Dice 1.000", "175 (150 mg/cm3)", "normal"):
        assert words in table


def test_dice_worked_on_paper():
    a, b = np.array([1, 1, 1, 0], dtype=bool), np.array([0, 1, 1, 1], dtype=bool)
    assert dice(a, b) == pytest.approx(4 / 6)
    assert dice(a, ~a) == 0.0
    assert dice(a & ~a, a & ~a) == 1.0
