"""The evaluation: rows by hand, the comparison on a made-up reading, and a run that goes on where it stopped."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from training.evaluation.chain_numbers import summarize

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import (
    AxialSlice,
    BodyBox,
    CtVolume,
    Level,
    LevelPoint,
    LevelsFound,
    PointSource,
    SourceInfo,
    Status,
)
from training.evaluation import whole_chain as module

GRID = Grid.axis_aligned((2, 512, 512), (0.7, 0.7, 5.0), (-180.0, -180.0, 0.0))
THRESHOLDS = Thresholds(low_hu=100.0, high_hu=160.0, accuracy=1.0, n=3)


def row(seed, status, predicted, probabilities, hu, error_mm=1.0, iou=0.9, pixels=(90, 5, 5)):
    level = {
        "box_iou": iou,
        "box_confidence": 0.9 - 0.1 * seed,
        "pixels": list(pixels),
        "dice": 2 * pixels[0] / (2 * pixels[0] + pixels[1] + pixels[2]),
        "iou": pixels[0] / sum(pixels),
    }
    return {
        "seed": seed,
        "status": status,
        "predicted": predicted,
        "probabilities": probabilities,
        "roi_hu": [hu, hu],
        "levels": {"L1": level, "L2": level},
        "naming": naming("right" if error_mm <= 10.0 else "wrong_silent", error_mm, 0.95),
        "levels_given": error_mm > 10.0,
        "strata": {"sex": "F" if seed < 2 else "M"},
    }


def naming(outcome, error_mm=None, confidence=None, l2=(0.0, 0.0, 0.0), reason=None):
    return {
        "outcome": outcome,
        "expected_lps_mm": {"L1": [0.0, 0.0, 5.0], "L2": l2 and list(l2)},
        "found_lps_mm": {},
        "error_mm": error_mm,
        "confidence": confidence,
        "flags": [],
        "reason": reason,
        "message": None,
    }


ROWS = [
    row(0, "normal", "normal", [0.8, 0.1, 0.1], 200.0),
    row(1, "osteopenia", "osteopenia", [0.2, 0.7, 0.1], 130.0, error_mm=30.0),
    row(2, "osteoporosis", "osteopenia", [0.1, 0.5, 0.4], 60.0, iou=0.4),
    row(3, "normal", "normal", [0.6, 0.3, 0.1], 150.0, pixels=(50, 25, 25)),
]


def test_summary_of_four_rows_worked_by_hand():
    numbers = summarize(ROWS, THRESHOLDS)
    assert numbers["n"] == 4
    assert numbers["levels_within_10mm"] == 0.75
    assert numbers["accuracy"] == 0.75
    assert numbers["end_to_end"] == {"accuracy": 0.5, "refused_or_wrong_level": 1}
    assert numbers["confusion"]["counts"] == [[2, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert numbers["auc"] == {"normal": 1.0, "osteopenia": 1.0, "osteoporosis": 1.0}
    assert numbers["dice"] == pytest.approx((3 * 180 / 190 + 0.5 + 1 / 6) / 4)
    assert numbers["pooled"]["iou"] == pytest.approx(320 / (320 + 40 + 40))
    # six of eight boxes hit, confidence falling with the rows: the two misses come after four hits
    assert numbers["ap50"] == pytest.approx((4 * 1.0 + 2 * 6 / 8) / 8)
    # the baseline calls 150 HU osteopenia and the other three right
    assert numbers["baseline"]["accuracy"] == 0.75 and numbers["baseline"]["n"] == 4
    low, high = numbers["interval"]["dice"]
    assert low <= numbers["dice"] <= high


def test_a_case_that_was_not_read_at_all_counts_as_wrong():
    lost = {
        "seed": 4,
        "status": "normal",
        "naming": naming("refused", reason="levels_undecided"),
        "levels_given": True,
        "strata": {"sex": "F"},
        "refused_given": "body_not_localized",
    }
    numbers = summarize([*ROWS, lost], THRESHOLDS)
    assert numbers["accuracy"] == 0.6 and numbers["levels_within_10mm"] == 0.6
    assert numbers["levels"]["refused"] == 1 and numbers["not_read_at_all"] == 1
    assert numbers["levels"]["refused_by_reason"] == {"levels_undecided": 1}
    assert numbers["ap50"] == pytest.approx((4 * 1.0 + 2 * 6 / 8) / 10)


def reading(level, mask, box, slice_index):
    axial = AxialSlice(level, np.zeros((512, 512)), np.zeros((512, 512)), 0.7, slice_index, (0.0, 0.0), (1.0, 1.0))
    return SimpleNamespace(
        point=SimpleNamespace(level=level, center_lps_mm=(0.0, 0.0, 5.0)),
        axial=axial,
        segmentation=SimpleNamespace(mask=mask),
        box=BodyBox(box, 0.8),
        measurement=SimpleNamespace(hu_mean=120.0),
    )


@pytest.fixture
def phantom():
    labels = np.zeros((2, 512, 512), dtype=np.uint8)
    labels[0, 100:140, 200:260] = 21
    labels[1, 100:140, 200:260] = 20
    truth = SimpleNamespace(
        centers_lps_mm={20: (0.0, 0.0, 5.0), 21: (0.0, 0.0, 0.0)},
        status=Status.NORMAL,
        mean_bmd_mg_cm3=150.0,
        contrast_phase="none",
        kvp=120.0,
        drawn={"person": {"sex": "F"}, "acquisition": {"noise_hu": 12.0}},
    )
    volume = CtVolume(np.zeros((2, 512, 512), np.int16), GRID, SourceInfo("phantom"))
    return SimpleNamespace(volume=volume, labels=labels, truth=truth)


def test_comparison_is_made_on_the_slice_that_was_read(phantom):
    mask = np.zeros((512, 512), dtype=bool)
    mask[100:140, 200:230] = True
    right = module.compare_level(reading(Level.L1, mask, (200.0, 100.0, 260.0, 140.0), 1), phantom)
    assert right["box_iou"] == 1.0
    assert right["pixels"] == [1200, 0, 1200] and right["dice"] == pytest.approx(2 / 3)
    wrong = module.compare_level(reading(Level.L1, mask, (200.0, 100.0, 260.0, 140.0), 0), phantom)
    assert wrong["box_iou"] == 0.0 and wrong["dice"] == 0.0


class FakeReader:
    """Says what it is told of the levels, and reads both masks perfectly at points that are given."""

    def __init__(self, phantom, said):
        self.phantom, self.said, self.points, self.automatic = phantom, said, [], 0

    def finder(self, volume):
        if isinstance(self.said, InputRefused):
            raise self.said
        return self.said

    def read_levels(self, case, levels, options=None):
        assert levels is self.said
        self.automatic += 1
        return self._result()

    def read(self, case, points=None, options=None):
        self.points.append(points)
        return self._result()

    def _result(self):
        mask = self.phantom.labels[0] > 0
        box = (200.0, 100.0, 260.0, 140.0)
        classification = SimpleNamespace(status=Status.NORMAL, probabilities=(0.7, 0.2, 0.1))
        readings = (reading(Level.L1, mask, box, 1), reading(Level.L2, mask, box, 0))
        return SimpleNamespace(readings=readings, classification=classification)


REFUSED = InputRefused(Reason.LEVELS_UNDECIDED, "Two levels were expected.")


def found(l1, l2):
    points = (LevelPoint(Level.L1, l1, 0.97, PointSource.AUTO), LevelPoint(Level.L2, l2, 0.97, PointSource.AUTO))
    return LevelsFound(*points)


@pytest.fixture
def read_with(phantom, monkeypatch):
    def read(said):
        reader = FakeReader(phantom, said)
        monkeypatch.setattr(module, "shipped_reader", lambda weights: reader)
        monkeypatch.setattr(module, "make_phantom", lambda seed, **fields: phantom)
        return reader, json.loads(json.dumps(module.case_row("compact", 900_000)))

    return read


@pytest.mark.parametrize("said", [REFUSED, found((0.0, 0.0, 0.0), (0.0, 0.0, -35.0))])
def test_a_case_refused_or_one_level_off_is_read_again_at_the_true_points(read_with, said):
    reader, made = read_with(said)
    assert reader.points == [{Level.L1: (0.0, 0.0, 5.0), Level.L2: (0.0, 0.0, 0.0)}] and not reader.automatic
    assert made["levels_given"] and made["predicted"] == "normal"
    numbers = summarize([made], THRESHOLDS)
    assert numbers["levels_within_10mm"] == 0.0 and numbers["dice"] == 1.0 and numbers["accuracy"] == 1.0
    assert numbers["end_to_end"]["accuracy"] == 0.0
    outcome = "refused" if said is REFUSED else "wrong_silent"
    assert made["naming"]["outcome"] == outcome and numbers["levels"][outcome] == 1


def test_a_case_named_rightly_is_read_at_the_levels_that_were_found(read_with):
    reader, made = read_with(found((0.0, 1.0, 5.0), (0.0, 0.0, 2.0)))
    assert reader.automatic == 1 and not reader.points and not made["levels_given"]
    assert made["naming"]["error_mm"] == 2.0 and made["naming"]["outcome"] == "right"
    assert summarize([made], THRESHOLDS)["end_to_end"]["accuracy"] == 1.0


def test_of_a_phantom_without_l2_only_the_naming_is_judged(read_with, phantom):
    del phantom.truth.centers_lps_mm[21]
    reader, made = read_with(REFUSED)
    assert made["naming"]["outcome"] == "refused_rightly" and not reader.points and "levels" not in made
    numbers = summarize([*ROWS, made], THRESHOLDS)
    assert numbers["n"] == 4 and numbers["levels"]["n"] == 5 and numbers["levels"]["refused_rightly"] == 1
    assert numbers["accuracy"] == 0.75 and numbers["not_read_at_all"] == 0


def test_rows_that_are_there_are_not_made_again(tmp_path, monkeypatch):
    asked = []

    def made(weights, seed):
        asked.append(seed)
        return {**ROWS[seed - 900_000], "seed": seed}

    monkeypatch.setattr(module, "case_row", made)
    monkeypatch.setattr(module.Thresholds, "load", lambda: THRESHOLDS)
    loaded = SimpleNamespace(info=SimpleNamespace(sha256="abc"))
    monkeypatch.setattr(module, "load_weights", lambda name: loaded)
    path = tmp_path / "numbers.json"
    module.evaluate("compact", 900_000, 2, path, processes=1)
    module.evaluate("compact", 900_000, 4, path, processes=1)
    assert asked == [900_000, 900_001, 900_002, 900_003]
    assert json.loads(path.read_text())["n"] == 4
    loaded.info.sha256 = "other weights"
    module.evaluate("compact", 900_000, 1, path, processes=1)
    assert asked[4:] == [900_000]
    monkeypatch.setattr(module, "sources_sha256", lambda *folders: "other sources")
    module.evaluate("compact", 900_000, 1, path, processes=1)
    assert asked[5:] == [900_000]


def test_training_seeds_are_never_evaluated(tmp_path):
    with pytest.raises(UsageError, match="900000"):
        module.evaluate("compact", 5, 2, tmp_path / "n.json")
