"""The section "Status": the class at a glance, its doubts in words, the numbers, and always the notice."""

import pytest

from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.records import STATUSES, Status
from OsteoJointLib.slicer_bridge.panel.status_section import baseline_words, class_look, flags_html, influence_words

from .fake_reading import KERNEL_UNKNOWN, NOT_CALIBRATED, NOT_RELIABLE, add_ct, document, open_panel


@pytest.fixture
def opened(scene):
    add_ct()
    with open_panel() as opened:
        yield opened


def test_before_a_reading_there_is_no_result_but_the_notice(opened):
    assert opened.ui.emptyLabel.visible
    assert not opened.ui.resultArea.visible
    assert not opened.ui.staleFrame.visible
    assert "not a medical device" in opened.ui.noticeLabel.text
    assert opened.ui.noticeLabel.toolTip == RESEARCH_NOTICE


def test_the_class_its_shares_and_where_it_comes_from(opened):
    opened.reading.become_read()
    ui = opened.ui
    assert ui.classLabel.text == "Osteopenia"
    assert [getattr(ui, f"{status.value}Bar").value for status in STATUSES] == [120, 755, 125]
    assert [getattr(ui, f"{status.value}Percent").text for status in STATUSES] == [
        "12.0\u00a0%",
        "75.5\u00a0%",
        "12.5\u00a0%",
    ]
    assert ui.fusionLabel.text == (
        "L1 weighs 48 % in the class, L2 52 %. Explanation map: 38 % of the influence lies in L1, 62 % in L2."
    )
    assert ui.baselineLabel.text.startswith("By mean HU alone: osteoporosis (98 HU;")
    assert "Weights compact, trained on OsteoJoint phantoms" in ui.modelLabel.text
    assert "the CPU in 2.8 s" in ui.modelLabel.text
    assert "not a medical device" in ui.shortNoticeLabel.text
    assert not ui.doubtLabel.visible


@pytest.mark.parametrize(
    ("method", "l1", "l2", "words"),
    [
        ("hirescam", 0.0, 1.0, "Explanation map: no influence in L1, all of it in L2."),
        ("hirescam", 1.0, 0.0, "Explanation map: no influence in L2, all of it in L1."),
        ("gradcam", 0.0, 0.0, "Explanation map: the class depends on neither level."),
        (None, None, None, ""),
    ],
)
def test_a_blank_explanation_map_is_said_in_words(method, l1, l2, words):
    assert influence_words({"method": method, "influence": {"L1": l1, "L2": l2}}) == words


def test_what_was_not_measured_is_a_dash(opened):
    opened.reading.become_read()
    table = opened.ui.measuresTable
    heads = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    assert heads == ["", "HU", "Median", "SD", "BMD", "Erosion, mm", "Voxels"]
    rows = [[table.item(row, column).text() for column in range(len(heads))] for row in range(2)]
    assert rows == [
        ["L1", "119", "117", "31", "101", "4.0", "983"],
        ["L2", "–", "–", "–", "–", "4.0", "12"],
    ]
    assert table.horizontalHeaderItem(4).toolTip().endswith("mg/cm³; null with flag not_calibrated.")


@pytest.mark.parametrize(
    ("hu", "status", "words"),
    [
        (162.6, "osteopenia", "osteopenia (162.6 HU; below 111.0 osteoporosis, at least 162.8 normal)."),
        (162.8, "normal", "normal (163 HU; below 111 osteoporosis, at least 163 normal)."),
        (110.97, "osteoporosis", "osteoporosis (110.97 HU; below 111.00 osteoporosis, at least 162.80 normal)."),
        (140.2, "osteopenia", "osteopenia (140 HU; below 111 osteoporosis, at least 163 normal)."),
    ],
)
def test_the_plain_rule_never_contradicts_itself(hu, status, words):
    rule = {"status": status, "hu_mean": hu, "low_hu": 111.0, "high_hu": 162.8}
    assert baseline_words(rule) == f"By mean HU alone: {words}"


def test_an_indeterminate_class_says_so(opened):
    said = document()
    opened.reading.become_read(document=said)
    assert "Indeterminate" not in opened.ui.fusionLabel.text
    sure = said["classification"]
    opened.reading.become_read(document=document(classification={**sure, "indeterminate": True}))
    assert opened.ui.fusionLabel.text.startswith("Indeterminate: another class is possible too. L1 weighs")


def test_a_vertebra_left_out_is_named(opened):
    said = document()["classification"]
    assert "left out" not in opened.ui.fusionLabel.text
    alone = {
        **said,
        "left_out": "L1",
        "left_out_reason": "cement",
        "left_out_by": "user",
        "fusion_weights": {"L1": 0.0, "L2": 1.0},
    }
    opened.reading.become_read(document=document(classification=alone))
    assert "L1 was left out by you (cement). L1 weighs 0 %" in opened.ui.fusionLabel.text


def test_no_baseline_no_sentence(opened):
    opened.reading.become_read(document=document(baseline=None))
    assert not opened.ui.baselineLabel.visible


def test_a_class_that_is_not_reliable_says_so_and_looks_so(opened):
    flags = [NOT_RELIABLE, KERNEL_UNKNOWN, NOT_CALIBRATED, NOT_CALIBRATED]
    opened.reading.become_read(document=document(flags=flags))
    assert "The class is not reliable" in opened.ui.doubtLabel.text
    assert opened.ui.doubtLabel.visible
    assert "background-color" not in opened.ui.classLabel.styleSheet
    assert opened.ui.flagsLabel.text == flags_html(flags)


def test_a_class_that_is_held_back_leaves_no_bar_and_no_weight(opened):
    nothing = {
        "status": None,
        "probabilities": dict.fromkeys(("normal", "osteopenia", "osteoporosis")),
        "fusion_weights": {"L1": None, "L2": None},
        "left_out": None,
        "indeterminate": None,
    }
    held = {"code": "class_held_back", "level": None, "message": "The levels are in doubt, so no class is given."}
    opened.reading.become_read()
    opened.reading.become_read(document=document(classification=nothing, baseline=None, flags=[held]))
    ui = opened.ui
    assert (ui.classLabel.text, ui.normalBar.value, ui.normalPercent.text) == ("No class", 0, "–")
    assert "so no class is given" in ui.doubtLabel.text
    assert not ui.fusionLabel.visible
    assert not ui.flagsLabel.visible
    opened.reading.become_read()
    assert (ui.classLabel.text, ui.fusionLabel.visible) == ("Osteopenia", True)


def test_each_flag_is_one_sentence_once_doubts_first():
    metal = {"code": "metal", "level": "L1", "message": "Metal lies beside L1."}
    shown = flags_html([NOT_CALIBRATED, NOT_RELIABLE, NOT_CALIBRATED, metal])
    assert shown.count("<div") == 2
    assert shown.index("• Metal lies beside L1") < shown.index("gray") < shown.index("No calibration")
    assert "&lt;b&gt;" in flags_html([{**NOT_CALIBRATED, "message": "<b>"}])


def test_a_stale_result_says_what_was_changed_and_is_gray(opened):
    opened.reading.become_read(stale=("the point of L1 was moved", "the mask of L2 was edited"))
    assert opened.ui.staleFrame.visible
    assert opened.ui.staleLabel.text == "Out of date: the point of L1 was moved; the mask of L2 was edited."
    assert opened.ui.classLabel.styleSheet == class_look(Status.OSTEOPENIA, reliable=True, stale=True)
    opened.ui.updateButton.click()
    assert opened.asked == [("update",)]
    opened.reading.become(running=True)
    assert not opened.ui.updateButton.enabled
    opened.reading.become(running=False, stale=())
    assert not opened.ui.staleFrame.visible


def test_another_ct_without_a_result_shows_none(opened):
    opened.reading.become_read()
    assert opened.ui.resultArea.visible
    opened.reading.become(document=None)
    assert not opened.ui.resultArea.visible
