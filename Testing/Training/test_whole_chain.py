"""The evaluation of the whole chain: rows by hand, a made-up reading, and a run that goes on where it stopped."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import (
    AxialSlice,
    BodyBox,
    Classification,
    Crop,
    CtVolume,
    Level,
    LevelPoint,
    LevelsFound,
    PointSource,
    SourceInfo,
    Status,
)
from training.evaluation.case_rows import chain_row
from training.evaluation.case_rows.level_row import level_row
from training.evaluation.chain import whole_chain as module
from training.evaluation.chain.baselines import HuRule
from training.evaluation.chain.chain_numbers import summarize
from training.evaluation.chain.whole_chain import Extent

GRID = Grid.axis_aligned((2, 512, 512), (0.7, 0.7, 5.0), (-180.0, -180.0, 0.0))
BASELINES = {"hu": HuRule(Thresholds(low_hu=100.0, high_hu=160.0, accuracy=1.0, n=3))}


def row(seed, status, predicted, probabilities, hu, error_mm=1.0, pixels=(90, 5, 5), levels_given=None):
    level = {
        "box_iou": 0.9,
        "center_off_mm": 2.0 + seed,
        "pixels": list(pixels),
        "dice": 2 * pixels[0] / (2 * pixels[0] + pixels[1] + pixels[2]),
        "iou": pixels[0] / sum(pixels),
        "explanation": {"energy_inside": 0.25 * seed, "peak_inside": seed > 1},
    }
    return {
        "seed": seed,
        "status": status,
        "bmd_mg_cm3": 100.0,
        "predicted": predicted,
        "probabilities": probabilities,
        "bmd": None,
        "indeterminate": max(probabilities) < 0.7,
        "facts": {"hu": hu},
        "image": {
            "constant": "normal",
            "blind": "normal",
            "swapped": predicted,
            "swapped_features": "osteopenia",
            "donor": "osteoporosis",
        },
        "levels": {"L1": level, "L2": level},
        "naming": naming("right" if error_mm <= 10.0 else "wrong_silent", error_mm, 0.95),
        "levels_given": error_mm > 10.0 if levels_given is None else levels_given,
        "strata": {"sex": "F" if seed < 2 else "M", "kvp": "100 kV" if seed < 2 else "120 kV"},
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
    row(2, "osteoporosis", "osteopenia", [0.1, 0.5, 0.4], 60.0),
    row(3, "normal", "normal", [0.6, 0.3, 0.1], 150.0, pixels=(50, 25, 25)),
]


def test_summary_of_four_rows_worked_by_hand():
    numbers = summarize(ROWS, BASELINES)
    assert numbers["n"] == 4 and list(numbers)[:2] == ["n", "end_to_end"]
    assert numbers["levels_within_10mm"] == 0.75
    # the second was read at a wrong level: its class, right at the true centers, counts nowhere but there
    end_to_end = numbers["end_to_end"]
    assert (end_to_end["accuracy"], end_to_end["refused"], end_to_end["wrong_level"]) == (0.5, 0, 1)
    assert numbers["at_true_centers"] == {"n": 1, "read": 1, "accuracy": 1.0, "dice": pytest.approx(180 / 190)}
    status = numbers["status"]
    assert status["n"] == 3 and status["accuracy"] == pytest.approx(2 / 3)
    assert status["confusion"]["counts"] == [[2, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert status["auc_of"] == {"normal": 1.0, "osteopenia": None, "osteoporosis": 1.0}
    assert status["indeterminate"] == pytest.approx(2 / 3) and status["accuracy_of_determinate"] == 1.0
    assert numbers["dice"] == pytest.approx((2 * 180 / 190 + 2 / 3) / 3)
    assert numbers["pooled"]["iou"] == pytest.approx(230 / 300)
    low, high = numbers["interval"]["dice"]
    assert low <= numbers["dice"] <= high


def test_the_plain_rule_stands_beside_it_on_the_same_cases():
    numbers = summarize(ROWS, BASELINES)
    # HU alone calls 60 osteoporosis, which the network missed, and 150 osteopenia, which the network got right
    assert numbers["baselines"]["hu"]["accuracy"] == pytest.approx(2 / 3)
    versus = numbers["versus"]["hu"]
    assert (versus["n"], versus["difference"], versus["only_first"], versus["only_second"]) == (3, 0.0, 1, 1)
    assert {value: one["n"] for value, one in versus["by_stratum"]["kvp"].items()} == {"100 kV": 1, "120 kV": 2}
    assert versus["by_stratum"]["protocol"]["paper"]["n"] == 0


def test_cases_drawn_for_the_papers_protocol_count_in_that_stratum_alone():
    paper = row(0, "normal", "osteopenia", [0.2, 0.7, 0.1], 200.0)
    paper["strata"]["protocol"] = "paper"
    numbers = summarize(ROWS, BASELINES, [paper, paper])
    versus = numbers["versus"]["hu"]
    assert numbers["n"] == 4 and versus["n"] == 3
    assert versus["by_stratum"]["protocol"]["paper"]["n"] == 2
    assert versus["by_stratum"]["protocol"]["paper"]["difference"] == -1.0


def test_what_the_image_and_the_map_say_is_counted():
    numbers = summarize(ROWS, BASELINES)
    image = numbers["image"]
    assert (image["constant_changed"], image["swapped_changed"]) == (pytest.approx(1 / 3), 0.0)
    assert image["swapped_features_changed"] == pytest.approx(2 / 3) and image["swapped_followed"] == 0.0
    assert numbers["explanation"]["energy_inside"] == pytest.approx((0.0 + 0.5 + 0.75) / 3)
    assert numbers["explanation"]["peak_inside"] == pytest.approx(2 / 3)
    assert numbers["localizer"]["center_off_mm"] == pytest.approx((2 + 4 + 5) / 3)


def test_a_run_of_no_localizer_no_bmd_and_absent_classes_is_json_without_nan():
    numbers = summarize(ROWS[:1], BASELINES)
    json.dumps(numbers, allow_nan=False)
    assert numbers["localizer"]["map50"] is None and numbers["bmd"]["mae"] is None
    assert numbers["status"]["auc"] is None and numbers["image"]["r2_on_hu"] is None


def test_refused_and_held_back_cases_count_against_the_whole_chain():
    refused = {
        "seed": 4,
        "status": "normal",
        "naming": naming("refused", reason="levels_undecided"),
        "levels_given": True,
        "strata": {"sex": "F"},
        "refused_given": "body_not_localized",
    }
    later = {**row(5, "normal", "normal", [0.9, 0.1, 0.0], 190.0, levels_given=True), "refused_later": "metal"}
    held_back = row(6, "normal", "normal", [0.9, 0.1, 0.0], 190.0, levels_given=True)
    numbers = summarize([*ROWS, refused, later, held_back], BASELINES)
    end_to_end = numbers["end_to_end"]
    assert end_to_end["accuracy"] == pytest.approx(2 / 7) and end_to_end["refused"] == 3
    assert end_to_end["refused_because"] == {"levels": 1, "a_later_stage": 1, "held_back": 1}
    assert numbers["status"]["n"] == 3 and numbers["at_true_centers"]["n"] == 4
    assert numbers["levels"]["refused_by_reason"] == {"levels_undecided": 1}


def reading(level, mask, box, slice_index):
    axial = AxialSlice(level, np.zeros((512, 512)), np.zeros((512, 512)), 0.7, slice_index, (0.0, 0.0), (1.0, 1.0))
    return SimpleNamespace(
        point=SimpleNamespace(level=level, center_lps_mm=(0.0, 0.0, 5.0)),
        axial=axial,
        segmentation=SimpleNamespace(mask=mask),
        box=BodyBox(box, 0.8),
        crop=Crop(np.zeros((224, 224), np.float32), (50, 120)),
        explanation=None,
        slice_measurement=SimpleNamespace(hu_mean=120.0),
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
    return SimpleNamespace(volume=volume, labels=labels, truth=truth, tissues={})


def test_comparison_is_made_on_the_slice_that_was_read(phantom):
    mask = np.zeros((512, 512), dtype=bool)
    mask[100:140, 200:230] = True
    right = level_row(reading(Level.L1, mask, (202.0, 100.0, 262.0, 140.0), 1), None, phantom)
    assert right["box_iou"] == pytest.approx(58 / 62) and right["center_off_mm"] == pytest.approx(2 * 0.7)
    assert right["pixels"] == [1200, 0, 1200] and right["dice"] == pytest.approx(2 / 3)
    wrong = level_row(reading(Level.L1, mask, (200.0, 100.0, 260.0, 140.0), 0), None, phantom)
    assert wrong["box_iou"] == 0.0 and wrong["dice"] == 0.0


class FakeReader:
    """Says what it is told of the levels, and reads both masks perfectly at points that are given."""

    def __init__(self, phantom, said):
        self.phantom, self.said, self.points, self.automatic = phantom, said, [], 0
        self.network, self.detector, self.device = None, None, None

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
        classification = Classification(Status.NORMAL, (0.7, 0.2, 0.1), 0.5, 0.5)
        readings = (reading(Level.L1, mask, box, 1), reading(Level.L2, mask, box, 0))
        return SimpleNamespace(volume=None, readings=readings, classification=classification)


REFUSED = InputRefused(Reason.LEVELS_UNDECIDED, "Two levels were expected.")


def found(l1, l2):
    points = (LevelPoint(Level.L1, l1, 0.97, PointSource.AUTO), LevelPoint(Level.L2, l2, 0.97, PointSource.AUTO))
    return LevelsFound(*points)


@pytest.fixture
def read_with(phantom, monkeypatch):
    def read(said):
        reader = FakeReader(phantom, said)
        monkeypatch.setattr(chain_row, "shipped_reader", lambda weights: reader)
        monkeypatch.setattr(chain_row, "make_phantom", lambda seed, **fields: phantom)
        for stage in ("donors_of", "donor_for", "encode_pair", "facts_tensor"):
            monkeypatch.setattr(chain_row, stage, lambda *given: None)
        same = dict.fromkeys(("constant", "blind", "swapped", "swapped_features", "donor"), "normal")
        monkeypatch.setattr(chain_row, "image_row", lambda *given: same)
        return reader, json.loads(json.dumps(chain_row.case_row("compact", 900_000)))

    return read


@pytest.mark.parametrize("said", [REFUSED, found((0.0, 0.0, 0.0), (0.0, 0.0, -35.0))])
def test_a_case_refused_or_one_level_off_is_read_again_at_the_true_points(read_with, said):
    reader, made = read_with(said)
    assert reader.points == [{Level.L1: (0.0, 0.0, 5.0), Level.L2: (0.0, 0.0, 0.0)}] and not reader.automatic
    assert made["levels_given"] and made["predicted"] == "normal"
    numbers = summarize([*ROWS, made], BASELINES)
    assert numbers["levels_within_10mm"] == 0.6 and numbers["status"]["n"] == 3
    assert numbers["at_true_centers"]["n"] == 2 and numbers["at_true_centers"]["accuracy"] == 1.0
    assert numbers["end_to_end"]["accuracy"] == 0.4
    outcome = "refused" if said is REFUSED else "wrong_silent"
    assert made["naming"]["outcome"] == outcome and numbers["levels"][outcome] >= 1


def test_a_case_named_rightly_is_read_at_the_levels_that_were_found(read_with):
    reader, made = read_with(found((0.0, 1.0, 5.0), (0.0, 0.0, 2.0)))
    assert reader.automatic == 1 and not reader.points and not made["levels_given"]
    assert made["naming"]["error_mm"] == 2.0 and made["naming"]["outcome"] == "right"
    assert summarize([made], BASELINES)["end_to_end"]["accuracy"] == 1.0


def test_of_a_phantom_without_l2_only_the_naming_is_judged(read_with, phantom):
    del phantom.truth.centers_lps_mm[21]
    reader, made = read_with(REFUSED)
    assert made["naming"]["outcome"] == "refused_rightly" and not reader.points and "levels" not in made
    numbers = summarize([*ROWS, made], BASELINES)
    assert numbers["n"] == 4 and numbers["levels"]["n"] == 5 and numbers["levels"]["refused_rightly"] == 1
    assert numbers["end_to_end"]["accuracy"] == 0.5


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Evaluate so many cases without a network; what was asked for, and under which hash."""
    asked, loaded = [], SimpleNamespace(info=SimpleNamespace(sha256="abc"), config=network_config("compact"))

    def made(weights, seed):
        asked.append(seed)
        extra = row(0, "normal", "osteopenia", [0.2, 0.7, 0.1], 200.0)
        extra["strata"]["protocol"] = "paper" if seed == 900_011 else "other"
        return {**ROWS[seed - 900_000], "seed": seed} if seed < 900_004 else extra

    monkeypatch.setattr(module, "case_row", made)
    monkeypatch.setattr(module, "fitting_rows", lambda path, count, processes: count)
    monkeypatch.setattr(module, "fit_baselines", lambda rows: BASELINES)
    monkeypatch.setattr(module, "load_weights", lambda name: loaded)
    monkeypatch.setattr(module, "paper_seeds", lambda later: (seed for seed in later if seed in (900_007, 900_011)))

    def run(count, paper=0, diagram=None):
        numbers = module.evaluate("compact", Extent(900_000, count, paper, 20), tmp_path / "n.json", 1, diagram)
        assert json.loads((tmp_path / "n.json").read_text())["n"] == numbers["n"]
        return numbers

    return SimpleNamespace(run=run, asked=asked, loaded=loaded)


def test_rows_that_are_there_are_not_made_again(evaluate, monkeypatch):
    evaluate.run(2)
    assert evaluate.run(4)["n"] == 4
    assert evaluate.asked == [900_000, 900_001, 900_002, 900_003]
    evaluate.loaded.info.sha256 = "other weights"
    evaluate.run(1)
    assert evaluate.asked[4:] == [900_000]
    monkeypatch.setattr(module, "sources_sha256", lambda *places: "other sources")
    evaluate.run(1)
    assert evaluate.asked[5:] == [900_000]
    evaluate.loaded.config = replace(network_config("compact"), class_from="areas")
    evaluate.run(1)
    assert evaluate.asked[6:] == [900_000]


def test_what_the_draw_lacks_of_the_papers_protocol_is_made_of_later_seeds(evaluate):
    numbers = evaluate.run(4, paper=2)
    assert evaluate.asked[4:] == [900_007, 900_011]
    # one of the two turned out to be a reformat
    assert numbers["n"] == 4 and numbers["versus"]["hu"]["by_stratum"]["protocol"]["paper"]["n"] == 1


def test_a_diagram_and_a_table_are_made_when_asked(evaluate, tmp_path, capsys):
    evaluate.run(4, diagram=tmp_path / "r.svg")
    assert (tmp_path / "r.svg").read_text().startswith("<svg")
    shown = capsys.readouterr().out
    assert "4 phantoms with L1 and L2 in view" in shown and "p (McNemar)" in shown and "nan" not in shown


def test_training_seeds_are_never_evaluated(tmp_path):
    with pytest.raises(UsageError, match="900000"):
        module.evaluate("compact", Extent(5, 2, 0, 20), tmp_path / "n.json")
