"""The report: numbers worked by hand, the sides of every comparison, and a page that needs nothing but itself."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from training.__main__ import main
from training.data.pairs import load_pair
from training.experiments.modules import ALL, NONE, WITH_OURS
from training.experiments.modules import get_config as modules_config
from training.experiments.report import zhang2023
from training.experiments.report.blocks import Chart, Command, Grid, Prose, Section, as_html, markdown
from training.experiments.report.common import main_effect, outcome_of, pairs_of
from training.experiments.report.page import make_report
from training.experiments.report.results import read_results
from training.experiments.trials import (
    CurvePoint,
    Measure,
    Trial,
    add_trials,
    class_numbers,
    gain,
    mean_over_both,
    overall,
    per_mille,
)

TRUE = tuple([0] * 20 + [1] * 10 + [2] * 10)


def trial(setting, right, seed=0, experiment="modules", fold=None):
    """A training of which the first ``right`` of 40 cases are right, and the others one class off."""
    said = [true if place < right else (true + 1) % 3 for place, true in enumerate(TRUE)]
    rows = tuple(tuple(900 if k == index else 50 for k in range(3)) for index in said)
    curve = (CurvePoint(1, 2.0, 0.4), CurvePoint(2, 1.0, 0.6))
    return Trial(experiment, setting, seed, fold, "r", "s", 50, 2, 7, 3.0, TRUE, rows, None, curve)


@pytest.fixture
def folder(tmp_path):
    """All nine settings of the modules with two seeds; LF is worth four cases, GC none, FF costs two."""
    for setting in modules_config().settings:
        right = 30 + 4 * ("LF" in setting.name) - 2 * ("FF" in setting.name)
        add_trials(tmp_path / "modules.jsonl", [trial(setting.name, right + seed, seed) for seed in (0, 1)])
    return tmp_path


def test_the_papers_own_tables_give_the_accuracies_that_its_text_prints():
    modules = {name: 100 * zhang2023.overall(rows) for name, rows in zhang2023.MODULES.items()}
    plain = modules[NONE]
    assert plain == pytest.approx(82.1, abs=0.1) and modules[ALL] == pytest.approx(93.3, abs=0.3)
    gains = [modules[name] - plain for name in ("LF", "GC", "FF", "LF + GC", "GC + FF", "LF + FF")]
    assert gains == pytest.approx([3.5, 2.8, 3.3, 4.0, 8.1, 10.5], abs=0.16)  # section 4.5.4
    assert zhang2023.LEARNING_RATES["0.001"] == zhang2023.JOINT


def test_one_class_against_the_others_by_hand():
    one = replace(trial("x", 40), true=(0, 0, 1, 2), per_mille=per_mille(np.eye(3)[[0, 1, 1, 1]]))
    of_osteopenia = class_numbers([one], 1)
    assert of_osteopenia["accuracy"] == 0.5  # two of the others are called osteopenia
    assert of_osteopenia["sensitivity"] == 1.0 and of_osteopenia["specificity"] == pytest.approx(1 / 3)
    assert of_osteopenia["f1"] == pytest.approx(2 * 1 / (2 * 1 + 2))
    assert class_numbers([one], 0)["sensitivity"] == 0.5 and class_numbers([one], 2)["sensitivity"] == 0.0


def test_the_likeliest_class_stays_so_in_thousandths():
    close = np.array([[0.33340, 0.33341, 0.33319], [0.4996, 0.5004, 0.0]])
    assert np.array(per_mille(close)).argmax(axis=1).tolist() == [1, 1]


def test_a_gain_is_this_less_that_on_the_same_seeds():
    better, worse = [trial("a", 38, 0), trial("a", 36, 1)], [trial("b", 30, 0), trial("b", 30, 2)]
    assert gain(better, worse).value == pytest.approx(8 / 40)
    assert gain(worse, better).value == pytest.approx(-8 / 40)
    assert overall(better).value == pytest.approx(37 / 40)


def test_intervals_draw_patients_and_trainings():
    same = np.tile(np.arange(40) % 2 == 0, (4, 1))
    others = np.stack([np.full(40, seed < 2) for seed in range(4)])  # as good on the mean, but two trainings fail
    narrow, wide = mean_over_both(same), mean_over_both(others)
    assert narrow.value == wide.value == 0.5
    assert wide.high - wide.low > narrow.high - narrow.low > 0.2
    alone = mean_over_both(same[:1])
    assert 0.2 < alone.high - alone.low < 0.4  # 2 · 1.96 · sqrt(.25 / 40) = .31


def test_folds_are_one_after_another_and_every_patient_counts_once():
    folds = [trial("x", 40, fold=1), trial("x", 20, fold=0)]
    assert overall(folds).value == pytest.approx(60 / 80)


def test_a_modules_effect_is_the_mean_of_four_pairs(folder):
    results = read_results(folder)
    effects = {module: main_effect(results, module) for module in ("LF", "GC", "FF")}
    assert [effects[m].value for m in effects] == pytest.approx([4 / 40, 0.0, -2 / 40])
    assert [outcome_of(effects[m]) for m in effects] == ["holds", "open", "against"]
    for module in effects:
        for on, off in pairs_of(module):
            assert {*on.split(" + ")} - {*off.split(" + ")} == {module}
            assert {*off.split(" + ")} - {NONE} < {*on.split(" + ")}
    assert [outcome_of(Measure(0.0, *ends)) for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [
        "holds",
        "against",
        "open",
    ]


def test_the_page_holds_what_was_run_and_says_what_was_not(folder, tmp_path):
    html, beside = tmp_path / "report.html", tmp_path / "report.md"
    make_report(folder, html, beside)
    page, words = html.read_text(), beside.read_text()
    for text in (page, words):
        assert "Table 3" in text and "+0.100" in text and "holds here" in text
        assert text.count("Not run yet") >= 6
        assert "python -m training crossval" in text
    assert not re.search(r'(src|href)="(?!data:|#)', page) and "url(" not in page  # nothing is fetched
    assert page.count("<svg") >= 4 and "<svg" not in words
    assert "0.873" in page  # the paper's normal class without modules
    assert main(["report", "--results", str(folder), "--html", str(html)]) == 0


def test_an_empty_folder_makes_a_page_too(tmp_path):
    make_report(tmp_path, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count("not run") >= 5


def test_every_experiment_has_its_section(folder, tmp_path):
    for name, settings in (("learning_rates", ("0.1", "0.001")), ("own_switches", ("all on", "no mixing"))):
        add_trials(folder / f"{name}.jsonl", [trial(setting, 30, experiment=name) for setting in settings])
    add_trials(folder / "roi_baselines.jsonl", [trial(name, 25, experiment="x") for name in ("AlexNet", "VGG-19")])
    add_trials(folder / "roi_baselines.jsonl", [replace(trial("hu", 20), steps=0)])
    add_trials(folder / "ten_folds.jsonl", [trial("all on", 30 + k, fold=k) for k in range(3)])
    make_report(folder, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "3 of 10 folds" in page and "AlexNet" in page and "mean HU" in page and "no mixing" in page
    assert "VGG-19" in page and "EfficientNet" not in page.split("Table 2")[-1].split("Figures 9")[0].split("<svg")[1]


def test_blocks_read_alike_in_both_forms():
    grid = Grid(("name", "gain"), [("a", "+0.1 (+0.05 to +0.2)"), ("b<", "−0.1 (−0.2 to +0.1)")], "note", signed=(1,))
    drawn = as_html(grid)
    assert drawn.count('class="up"') == 1 and 'class="down"' not in drawn and "b&lt;" in drawn
    section = Section("x", "Title", [Prose("words `code`"), grid, Chart(("<svg></svg>",), "caption"), Command("go")])
    text = markdown("T", "L", [section])
    assert "| b< | −0.1 (−0.2 to +0.1) |" in text and "```sh\ngo\n```" in text and "svg" not in text
    assert "<code>code</code>" in as_html(section.blocks[0])


def test_the_whole_network_is_measured_and_its_pairs_stay_as_they_are(pair_folder, tmp_path):
    before = {path: path.read_bytes() for path in pair_folder.iterdir() if path.is_file()}
    out = tmp_path / "whole_network.json"
    assert main(["evaluate", "--pairs", str(pair_folder), "--json", str(out)]) == 0
    assert {path: path.read_bytes() for path in pair_folder.iterdir() if path.is_file()} == before
    whole = json.loads(out.read_text())
    assert len(whole["true"]) == len(whole["per_mille"]) == 5 and whole["masks"]["masks"] == 10
    iou, dice = (whole["masks"][name]["pooled"] for name in ("iou", "dice"))
    assert iou == pytest.approx(dice / (2 - dice))
    assert all((tmp_path / picture["file"]).stat().st_size > 500 for picture in whole["pictures"])
    assert load_pair(next(iter(before))).hu.any()
    make_report(tmp_path, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "data:image/webp;base64" in page and "5 tested cases" in page and WITH_OURS not in page
