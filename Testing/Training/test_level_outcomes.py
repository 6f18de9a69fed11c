"""What became of a naming, by hand; counts, calibration, strata; the same definition for level samples."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.records import CtVolume, Flag, Level, LevelPoint, LevelsFound, PointSource, SourceInfo
from OsteoJointLib.typed_json import from_json, to_json
from training.__main__ import main
from training.checkpoint import recipe_of, save_checkpoint, start
from training.evaluation import level_scores, phantom_levels
from training.evaluation.level_outcomes import Naming, Outcome, attempt, judge, summarize_namings
from training.evaluation.phantom_levels import level_numbers
from training.evaluation.strata import strata_of
from training.schedule import Budget
from training.tasks.levels import LevelConfig

L1, L2 = (1.0, 2.0, 30.0), (1.0, 5.0, -5.0)
THERE = {Level.L1: L1, Level.L2: L2}
UNCERTAIN = Flag(Reason.LEVELS_UNCERTAIN, "The names are uncertain.")
STUB = Flag(Reason.STUB_RIB, "The last ribs are stubs.")
REFUSED = InputRefused(Reason.NO_SPINE, "No bodies.")


def found(l1=L1, l2=L2, flags=(), confidence=0.95):
    first, second = (
        LevelPoint(level, point, confidence, PointSource.AUTO) for level, point in ((Level.L1, l1), (Level.L2, l2))
    )
    return LevelsFound(first, second, flags=flags)


@pytest.mark.parametrize(
    ("said", "outcome", "error_mm"),
    [
        (found(), "right", 0.0),
        (found(l1=(1.0, 2.0, 40.0)), "right", 10.0),
        (found(l2=(1.0, 15.5, -5.0)), "wrong_silent", 10.5),
        (found(flags=(STUB,)), "right", 0.0),
        (found(flags=(UNCERTAIN,)), "right_flagged", 0.0),
        (found(L2, L1), "wrong_silent", pytest.approx(35.13, abs=0.01)),
        (found(L2, (1.0, 8.0, -40.0), (STUB, UNCERTAIN)), "wrong_flagged", pytest.approx(35.13, abs=0.01)),
        (REFUSED, "refused", None),
    ],
)
def test_outcomes_where_both_levels_are_in_view(said, outcome, error_mm):
    naming = judge(said, THERE)
    assert (naming.outcome, naming.error_mm) == (Outcome(outcome), error_mm)
    assert from_json(Naming, to_json(naming)) == naming


@pytest.mark.parametrize("there", [{Level.L1: L1, Level.L2: None}, {Level.L1: None, Level.L2: None}])
def test_without_both_levels_in_view_only_a_refusal_is_right(there):
    assert judge(REFUSED, there).outcome is Outcome.REFUSED_RIGHTLY
    assert judge(found(), there).outcome is Outcome.WRONG_SILENT
    assert judge(found(flags=(UNCERTAIN,)), there).outcome is Outcome.WRONG_FLAGGED


def test_how_near_is_right_can_be_said():
    assert judge(found(l1=(1.0, 13.5, 30.0)), THERE, near_mm=12.0).outcome is Outcome.RIGHT
    assert judge(found(l1=(1.0, 14.5, 30.0)), THERE, near_mm=12.0).outcome is Outcome.WRONG_SILENT


def test_a_refusal_is_an_answer_and_keeps_its_words():
    def refuse():
        raise REFUSED

    naming = judge(attempt(refuse), THERE)
    assert (naming.reason, naming.message, naming.confidence) == ("no_spine", "No bodies.", None)
    assert attempt(found) == found()


def test_counts_calibration_and_how_many_of_the_sure_ones_are_right():
    wrong = found(L2, L1, confidence=0.9)
    said = [found(confidence=1.0), found(confidence=0.992), wrong, found(confidence=0.7, flags=(UNCERTAIN,)), REFUSED]
    numbers = summarize_namings([judge(one, THERE) for one in said])
    counts = {"n": 5, "right": 2, "right_flagged": 1, "refused": 1, "wrong_silent": 1, "wrong_flagged": 0}
    assert counts.items() <= numbers.items()
    assert numbers["refused_by_reason"] == {"no_spine": 1}
    assert numbers["right_of_sure"] == pytest.approx(2 / 3)
    assert numbers["calibration"] == [
        {"from": 0.6, "to": 0.75, "n": 1, "right": 1},
        {"from": 0.9, "to": 0.95, "n": 1, "right": 0},
        {"from": 0.99, "to": 1.0, "n": 2, "right": 2},
    ]
    assert summarize_namings([judge(REFUSED, THERE)])["right_of_sure"] is None


def phantom(person, spacing=(0.8, 0.8, 2.5), shape=(100, 512, 512), centers=((20, L1), (21, L2))):
    grid = Grid.axis_aligned(shape, spacing, (-200.0, -200.0, -100.0))
    volume = CtVolume(np.zeros((1, 1, 1), np.int16), grid, SourceInfo("phantom"))
    drawn = {"person": person, "acquisition": {"noise_hu": 10.0}}
    return SimpleNamespace(volume=volume, truth=SimpleNamespace(drawn=drawn, centers_lps_mm=dict(centers)))


def test_strata_are_said_in_words_and_what_is_not_drawn_is_left_out():
    person = {"sex": "F", "lumbar_bodies": 6, "twelfth_rib": "thin", "fractured": (20, 22), "degeneration": 0.4}
    assert strata_of(phantom(person)) == {
        "thickness": "<= 3 mm",
        "field": ">= 38 cm",
        "l1_l2_in_view": "yes",
        "twelfth_rib": "thin",
        "lumbar_bodies": "6",
        "fractured": "some",
        "sex": "F",
        "degeneration": "middle",
        "noise": "<= 10 HU",
    }
    person = {"implant": None, "transition": "sacralized", "fractured": (), "degeneration": 0.9}
    strip = strata_of(phantom(person, (5.5, 0.7, 0.7), (700, 512, 20), centers=((20, L1),)))
    assert strip == {
        "thickness": "> 5 mm",
        "field": "< 18 cm",
        "l1_l2_in_view": "no",
        "implant": "none",
        "transition": "sacralized",
        "fractured": "none",
        "degeneration": "high",
        "noise": "<= 10 HU",
    }


def test_levels_of_phantoms_are_counted_by_stratum(monkeypatch):
    people = {900_000: {"sex": "F"}, 900_001: {"sex": "M", "implant": "rods"}, 900_002: {"sex": "F"}}
    monkeypatch.setattr(phantom_levels, "make_phantom", lambda seed, **fields: phantom(people[seed]))
    finders = {900_000: found(), 900_001: found(L2, L1), 900_002: found(flags=(UNCERTAIN,))}
    rows = [
        phantom_levels.level_rows(lambda seed=seed: lambda volume: finders[seed], seed, ["key"])["key"]
        for seed in people
    ]
    numbers = level_numbers(rows)
    assert (numbers["n"], numbers["right"], numbers["right_flagged"], numbers["wrong_silent"]) == (3, 1, 1, 1)
    assert numbers["by_stratum"]["sex"]["F"] == {
        **dict.fromkeys(Outcome, 0),
        "n": 2,
        "right": 1,
        "right_flagged": 1,
    }
    assert numbers["by_stratum"]["sex"]["M"]["wrong_silent"] == 1
    assert list(numbers["by_stratum"]["implant"]) == ["rods"] and numbers["by_stratum"]["implant"]["rods"]["n"] == 1


def test_level_samples_are_counted_by_the_same_outcomes():
    rows = [
        level_scores.LevelRow(seed, judge(said, THERE), 8, 8, 0, (0.9, 0.8, 0.7, 0.6, 0.5))
        for seed, said in enumerate((found(l1=(1.0, 2.0, 33.0)), found(L2, L1), REFUSED, REFUSED))
    ]
    numbers = level_scores.summarize(rows)
    assert (numbers["n"], numbers["right"], numbers["wrong_silent"], numbers["refused"]) == (4, 1, 1, 2)
    assert numbers["error_mm"] == 3.0


def test_a_network_that_was_not_exported_is_evaluated_as_it_stands(tmp_path, monkeypatch):
    task = LevelConfig(name="tiny_levels", network=LevelNetConfig(channels=(4, 4))).task()
    checkpoint = tmp_path / "last.pt"
    save_checkpoint(start(task), recipe_of(task, Budget(steps=1)), checkpoint)
    made = phantom({"sex": "F"}, spacing=(8.0, 8.0, 8.0), shape=(8, 8, 8))
    made.volume = replace(made.volume, hu=np.zeros((8, 8, 8), np.int16))
    monkeypatch.setattr(phantom_levels, "make_phantom", lambda seed, **fields: made)
    path = tmp_path / "levels.json"
    arguments = ["--levels-only", "--network", str(checkpoint), "--phantoms", "1", "--json", str(path)]
    assert main(["evaluate", *arguments]) == 0
    numbers = json.loads(path.read_text())
    assert numbers["levels"]["refused_by_reason"] == {"no_spine": 1}, "an untrained network sees no bodies"
    assert numbers["weights_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    row = json.loads(path.with_suffix(".jsonl").read_text())
    assert row["naming"]["expected_lps_mm"] == {"L1": list(L1), "L2": list(L2)} and row["seed"] == 900_000
