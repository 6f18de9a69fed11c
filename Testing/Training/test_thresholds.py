"""The two-threshold baseline against an exhaustive search."""

import itertools

import numpy as np
import pytest
from training.evaluation.thresholds import fit_thresholds

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import STATUSES, Status


def test_separable_cases_are_all_right():
    hu = np.array([40.0, 60.0, 100.0, 120.0, 180.0, 200.0])
    statuses = np.array([STATUSES.index(s) for s in ["osteoporosis"] * 2 + ["osteopenia"] * 2 + ["normal"] * 2])
    thresholds = fit_thresholds(hu, statuses)
    assert (thresholds.low_hu, thresholds.high_hu, thresholds.accuracy, thresholds.n) == (80.0, 150.0, 1.0, 6)
    assert thresholds.status(79.0) is Status.OSTEOPOROSIS
    assert thresholds.status(80.0) is Status.OSTEOPENIA
    assert thresholds.status(150.0) is Status.NORMAL
    assert thresholds.scores(115.0)[1] == 0.0


def test_agrees_with_exhaustive_search():
    generator = np.random.default_rng(5)
    for _ in range(5):
        hu, statuses = generator.normal(100, 40, 25), generator.integers(0, 3, 25)
        cuts = np.concatenate([[hu.min() - 1], np.sort(hu) + 1e-9])
        best = max(
            np.mean([STATUSES.index(Thresholds(a, b, 0, 0).status(h)) == s for h, s in zip(hu, statuses, strict=True)])
            for a, b in itertools.combinations_with_replacement(cuts, 2)
        )
        thresholds = fit_thresholds(hu, statuses)
        assert thresholds.accuracy == pytest.approx(best)
        assert thresholds.low_hu <= thresholds.high_hu


def test_saved_thresholds_come_back_and_a_missing_file_is_refused(tmp_path):
    thresholds = Thresholds(80.5, 140.25, 0.9, 300)
    thresholds.save(tmp_path / "t.json")
    assert Thresholds.load(tmp_path / "t.json") == thresholds
    with pytest.raises(InputRefused, match="python -m training thresholds"):
        Thresholds.load(tmp_path / "none.json")
