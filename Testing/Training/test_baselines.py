"""The baselines: thresholds against an exhaustive search, what header and tissues add, what is not known."""

import itertools

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import STATUSES, Status
from training.evaluation.case_rows.facts import BaselineFacts, fitting_row
from training.evaluation.chain.baselines import fit_baselines
from training.evaluation.chain.thresholds import fit_thresholds


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


@pytest.fixture(scope="module")
def baselines(made_up_rows):
    return fit_baselines(made_up_rows(300, seed=1))


def right_of(baseline, rows):
    said = baseline.said([BaselineFacts(**row["facts"]) for row in rows])
    return np.mean([STATUSES[index] == row["status"] for index, row in zip(said.predicted, rows, strict=True)])


def test_header_and_tissues_each_add_what_they_tell(baselines, made_up_rows):
    rows = made_up_rows(300, seed=2)
    hu, header, tissue = (right_of(baselines[name], rows) for name in ("hu", "hu_header", "hu_header_tissue"))
    assert hu + 0.05 < header and header + 0.05 < tissue and tissue > 0.97


def test_a_headers_areas_are_probabilities_as_wide_as_its_error(baselines, made_up_rows):
    rows = made_up_rows(300, seed=3)
    said = baselines["hu_header"].said([BaselineFacts(**row["facts"]) for row in rows])
    np.testing.assert_allclose(said.scores.sum(axis=1), 1.0)
    assert said.scores[np.argmax(said.bmd_mg_cm3)].argmax() == STATUSES.index(Status.NORMAL)
    assert said.scores[np.argmin(said.bmd_mg_cm3)].argmax() == STATUSES.index(Status.OSTEOPOROSIS)
    assert baselines["hu_header"].sd_mg_cm3 == pytest.approx(12 / 1.35, rel=0.15)
    assert baselines["hu_header_tissue"].sd_mg_cm3 < 2.0


def test_the_same_hu_mean_less_bone_at_lower_voltage_and_with_contrast(baselines):
    def bmd(kvp, phase):
        return baselines["hu_header"].bmd([BaselineFacts(150.0, kvp, phase != "none", phase)])[0]

    assert bmd(100.0, "none") == pytest.approx(150 / 1.45, abs=4) and bmd(120.0, "none") == pytest.approx(120, abs=4)
    assert bmd(120.0, "portal") == pytest.approx(100, abs=4)


def test_what_is_not_known_lies_between_what_it_may_be(baselines):
    header = baselines["hu_header"]

    def bmd(kvp=None, contrast=None, phase=None):
        return float(header.bmd([BaselineFacts(150.0, kvp, contrast, phase)])[0])

    assert bmd(120.0, True) == pytest.approx(bmd(120.0, True, "portal"))  # the only phase with contrast here
    assert bmd(120.0, True, "portal") + 5 < bmd(120.0) < bmd(120.0, False, "none") - 5
    assert bmd(None, False, "none") + 5 < bmd(120.0, False, "none")
    assert bmd(130.0, False, "none") == pytest.approx(bmd(120.0, False, "none"))  # the nearest voltage it knows


def test_a_tissue_out_of_view_is_filled_in(baselines, made_up_rows):
    rows = made_up_rows(40, seed=4)
    for row in rows:
        row["facts"]["tissue_hu"] = row["facts"]["tissue_hu"] | {"blood": None}
    assert right_of(baselines["hu_header_tissue"], rows) > 0.9
    few = made_up_rows(40, seed=5)
    few[0]["facts"]["tissue_hu"] = few[0]["facts"]["tissue_hu"] | {"fat": None}
    assert len(fit_baselines(few)["hu_header_tissue"].fitted) == 39


def test_a_phantom_is_measured_on_its_true_masks_and_tissues():
    row = fitting_row(700_000)
    facts = BaselineFacts(**row["facts"])
    assert -130 < facts.tissue_hu["fat"] < -60 < -20 < facts.tissue_hu["muscle"] < 90  # marbled with fat
    assert facts.tissue_hu["blood"] > 20
    assert facts.contrast == (facts.phase != "none")
    assert abs(facts.hu - 1.25 * row["bmd_mg_cm3"] - 10) < 40 + 0.3 * row["bmd_mg_cm3"]
    assert Status(row["status"]) is Status.from_bmd(row["bmd_mg_cm3"])


def test_screws_in_the_bone_neither_teach_nor_make_a_square_run_away(baselines, made_up_rows):
    rows = made_up_rows(60, seed=6)
    alone = fit_baselines(rows)["hu_header"]
    screws = {**rows[0], "facts": rows[0]["facts"] | {"hu": 900.0}, "own_bone": False}
    fitted = fit_baselines([*rows, *[screws] * 9])["hu_header"]
    probe = [BaselineFacts(hu, 120.0, False, "none") for hu in (60.0, 150.0, 240.0)]
    np.testing.assert_allclose(fitted.bmd(probe), alone.bmd(probe))
    ordinary, metal = baselines["hu_header"].bmd([BaselineFacts(hu, 120.0, False, "none") for hu in (320.0, 900.0)])
    assert metal == ordinary
    assert baselines["hu_header"].said([BaselineFacts(900.0, 120.0, False, "none")]).predicted[0] == 0


def test_a_phantom_with_screws_in_l1_has_not_its_own_bone(monkeypatch):
    from training.evaluation.case_rows import facts

    truth, slices = facts.phantom_slices(700_001)
    for implanted, lesions, own in (
        ((20, 21), (), False),
        ((), ((21, "lytic"),), False),
        ((22,), ((19, "lytic"),), True),
    ):
        truth.drawn["person"] |= {"implanted": implanted, "lesions": lesions}
        monkeypatch.setattr(facts, "phantom_slices", lambda seed: (truth, slices))
        assert fitting_row(700_001)["own_bone"] is own
