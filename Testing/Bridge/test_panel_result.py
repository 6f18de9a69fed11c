"""The result at a glance: class, certainty, numbers, doubts, and a switch for each vertebra; and the section "Why"."""

import pytest

from OsteoJointLib.output.drawing import COLOR_STOPS
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.records import STATUSES, ContrastPhase, Kernel, LeftOutReason, Level, Status
from OsteoJointLib.slicer_bridge.panel.parts.status_words import class_look
from OsteoJointLib.slicer_bridge.panel.result_card import doubts, flags_html
from OsteoJointLib.slicer_bridge.panel.why_section import baseline_words, influence_words
from OsteoJointLib.slicer_bridge.reading.said import Said

from .fake_reading import INPUT, KERNEL_UNKNOWN, NOT_CALIBRATED, NOT_RELIABLE, add_ct, document, open_panel

METAL = {"code": "metal", "level": "L1", "message": "Metal lies beside L1."}
LEFT_OUT = {"code": "vertebra_left_out", "level": "L1", "message": "… read again with --leave-out none."}
HELD_BACK = {"code": "class_held_back", "level": None, "message": "The levels are in doubt, so no class is given."}


@pytest.fixture
def opened(scene):
    add_ct()
    with open_panel() as opened:
        yield opened


def classified(**changes) -> dict:
    """A result whose classification is changed."""
    return document(classification={**document()["classification"], **changes})


def proposed(reason: str = "focal_lesion") -> dict:
    """A result in which L1 is left out by proposal."""
    said = {"left_out": "L1", "left_out_by": "proposal", "left_out_reason": reason}
    return {**classified(**said), "flags": [LEFT_OUT]}


def test_before_a_reading_there_is_no_result_but_the_notice(opened):
    assert opened.ui.emptyLabel.visible and opened.ui.decidedLabel.text == "<div>No result yet.</div>"
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
    assert "L1 weighs 48 % in the class, L2 52 %." in ui.decidedLabel.text
    assert "Explanation map: 38 % of the influence lies in L1, 62 % in L2." in ui.decidedLabel.text
    assert "By mean HU alone: osteoporosis (98 HU;" in ui.decidedLabel.text
    assert "Weights compact, trained on OsteoJoint phantoms" in ui.decidedLabel.text
    assert "the CPU in 2.8 s" in ui.decidedLabel.text
    assert not ui.classDoubtFrame.visible


@pytest.mark.parametrize(
    ("shares", "indeterminate", "words"),
    [
        ((0.12, 0.75, 0.13), False, "Clear: 75.0 % for this class."),
        ((0.003, 0.996, 0.001), False, "Clear: 99.6 % for this class."),
        ((0.30, 0.50, 0.20), True, "Indeterminate: normal is possible too."),
        ((0.20, 0.50, 0.30), True, "Indeterminate: osteoporosis is possible too."),
    ],
)
def test_how_certain_the_class_is_is_said_in_words(opened, shares, indeterminate, words):
    probabilities = dict(zip((status.value for status in STATUSES), shares, strict=True))
    opened.reading.become_read(document=classified(probabilities=probabilities, indeterminate=indeterminate))
    assert opened.ui.certaintyLabel.text == words


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


def test_each_vertebra_has_its_bmd_with_an_interval_or_its_hu(opened):
    opened.reading.become_read()
    ui = opened.ui
    assert ui.bmdLabel.text == "BMD 101 mg/cm³, 90 % interval 93–110, by the scan's own tissues."
    assert ui.numbersL1Label.text == "101\u00a0mg/cm³ (93–110) · 119\u00a0HU"
    assert ui.numbersL2Label.text == "– HU"
    for words in ("Mean HU", "119", "SD of HU", "31", "Voxels in the region", "983", "Erosion, mm", "4.0"):
        assert words in ui.numbersL1Label.toolTip
    assert "983" not in ui.numbersL2Label.toolTip
    without = document(bmd=[], measurements={**document()["measurements"]})
    without["measurements"]["L1"].update(bmd_mg_cm3=None, bmd_se_mg_cm3=None)
    opened.reading.become_read(document=without)
    assert (ui.numbersL1Label.text, ui.bmdLabel.visible) == ("119\u00a0HU", False)


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


def test_the_legend_s_colors_are_the_report_s(opened):
    style = opened.ui.legendStrip.styleSheet
    assert style.index(f"stop: 0.000 rgb{COLOR_STOPS[0]}") < style.index(f"stop: 1.000 rgb{COLOR_STOPS[-1]}")


def test_a_vertebra_is_left_out_by_a_tick_and_counts_again_by_another(opened):
    opened.reading.become_read()
    ui = opened.ui
    assert not ui.reasonL1Combo.visible
    ui.leaveOutL1Check.click()
    assert opened.asked == [("say", Level.L1, LeftOutReason.OTHER)]
    opened.reading.become(said=Said(leave_out=Level.L1, leave_out_reason=LeftOutReason.OTHER))
    assert (ui.leaveOutL1Check.checked, ui.leaveOutL2Check.checked) == (True, False)
    assert (ui.reasonL1Combo.visible, ui.reasonL2Combo.visible) == (True, False)
    assert (ui.reasonL1Combo.currentText, ui.reasonL1Label.text) == ("other", "left out by you")
    assert opened.asked == []
    ui.reasonL1Combo.setCurrentIndex(1)
    assert opened.asked == [("say", Level.L1, LeftOutReason.CEMENT)]
    ui.leaveOutL2Check.click()  # one of the two at most
    assert opened.asked == [("say", Level.L2, LeftOutReason.OTHER)]
    opened.reading.become(said=Said(leave_out=Level.L2, leave_out_reason=LeftOutReason.METAL))
    assert (ui.leaveOutL1Check.checked, ui.reasonL2Combo.currentText) == (False, "metal")
    ui.leaveOutL2Check.click()
    assert opened.asked == [("say", None, None)]


def test_a_proposal_is_shown_as_such_and_can_be_overruled_or_taken(opened):
    opened.reading.become_read(document=proposed())
    ui = opened.ui
    assert (ui.leaveOutL1Check.checked, ui.leaveOutL2Check.checked) == (True, False)
    assert ui.reasonL1Label.text == "left out by proposal: look at it"
    assert ui.reasonL1Combo.currentText == "focal lesion"
    assert ui.firstDoubtList.item(0).text() == (
        "L1 is left out by proposal (focal lesion). Look at it; untick it to let it count."
    )
    ui.reasonL1Combo.setCurrentIndex(0)
    assert opened.asked == [("say", Level.L1, LeftOutReason.FRACTURE)]
    ui.leaveOutL1Check.click()
    assert opened.asked == [("say", False)]
    opened.reading.become(said=Said(propose=False))  # before it is read again
    assert not ui.leaveOutL1Check.checked and not ui.reasonL1Combo.visible


def test_a_vertebra_left_out_is_named_among_the_doubts(opened):
    said = {"left_out": "L1", "left_out_reason": "cement", "left_out_by": "user"}
    weights = {"L1": 0.0, "L2": 1.0}
    left_out = {**classified(**said, fusion_weights=weights), "flags": [LEFT_OUT]}
    opened.reading.become_read(document=left_out, said=Said(Level.L1, LeftOutReason.CEMENT))
    assert opened.ui.firstDoubtList.item(0).text() == "L1 was left out by you (cement)."
    assert "L1 was left out by you (cement)." in opened.ui.decidedLabel.text


def test_how_it_was_scanned_is_said_with_where_that_comes_from(opened):
    ui = opened.ui
    assert ui.kvpLabel.text == "<small>Not known before the first reading.</small>"
    opened.reading.become_read()
    assert "Read as 120 kV: so says the header." in ui.kvpLabel.text
    assert "Read as B40f: so says the header." in ui.kernelLabel.text
    assert "Read as portal: estimated from the image, 93 % sure." in ui.contrastLabel.text
    stated = {**INPUT, "kvp": None, "kvp_origin": "unknown", "kernel": "sharp", "kernel_origin": "user"}
    opened.reading.become_read(document=document(input={**stated, "contrast": False, "contrast_phase": "none"}))
    assert "Read as unknown" in ui.kvpLabel.text
    assert "Read as sharp: so said you." in ui.kernelLabel.text
    assert "Read as none given" in ui.contrastLabel.text
    assert opened.asked == []


def test_what_a_user_knows_better_goes_into_the_reading(opened):
    opened.reading.become_read()
    ui = opened.ui
    ui.kvpCombo.setCurrentIndex(ui.kvpCombo.findText("100 kV"))
    ui.kernelCombo.setCurrentIndex(ui.kernelCombo.findText("sharp"))
    ui.contrastCombo.setCurrentIndex(ui.contrastCombo.findText("portal"))
    assert opened.asked == [("say", 100.0), ("say", Kernel.SHARP), ("say", ContrastPhase.PORTAL)]
    opened.reading.become(said=Said(kvp=65.0, kernel=Kernel.SOFT))  # by a script
    shown = [combo.currentText for combo in (ui.kvpCombo, ui.kernelCombo, ui.contrastCombo)]
    assert shown == ["65 kV", "soft", "as found"]
    ui.kvpCombo.setCurrentIndex(0)
    assert opened.asked == [("say", None)]


def test_no_baseline_no_sentence(opened):
    opened.reading.become_read(document=document(baseline=None))
    assert "By mean HU alone" not in opened.ui.decidedLabel.text


def test_a_class_that_is_not_reliable_says_so_and_looks_so(opened):
    flags = [NOT_RELIABLE, KERNEL_UNKNOWN, NOT_CALIBRATED, NOT_CALIBRATED, METAL]
    opened.reading.become_read(document=document(flags=flags))
    ui = opened.ui
    assert "The class is not reliable" in ui.doubtLabel.text
    assert ui.classDoubtFrame.visible and not ui.lookAtLevelsButton.visible
    assert "background-color" not in ui.classLabel.styleSheet


def test_the_first_doubt_has_one_line_and_all_a_click(opened):
    opened.reading.become_read(document=document(flags=[NOT_CALIBRATED, METAL, KERNEL_UNKNOWN]))
    ui = opened.ui
    assert ui.firstDoubtList.item(0).text() == "Metal lies beside L1."
    assert ui.firstDoubtList.height < 2 * ui.firstDoubtList.sizeHintForRow(0)
    assert (ui.allDoubtsButton.text, ui.flagsLabel.visible) == ("3", False)
    ui.allDoubtsButton.click()
    assert ui.flagsLabel.visible
    assert ui.flagsLabel.text == flags_html(doubts(opened.reading.state.document))
    opened.reading.become_read(document=document(flags=[NOT_CALIBRATED]))
    assert ui.firstDoubtList.item(0).text() == "Nothing speaks against it. There are notes."
    assert ui.flagsLabel.visible and "No calibration" in ui.flagsLabel.text
    opened.reading.become_read(document=document(flags=[]))
    assert ui.firstDoubtList.item(0).text() == "Nothing speaks against it."
    assert not ui.allDoubtsButton.visible and not ui.flagsLabel.visible


def test_a_class_that_is_held_back_leaves_no_bar_and_leads_to_the_levels(opened):
    nothing = {
        "status": None,
        "probabilities": dict.fromkeys(("normal", "osteopenia", "osteoporosis")),
        "fusion_weights": {"L1": None, "L2": None},
        "left_out": None,
        "indeterminate": None,
    }
    opened.reading.become_read()
    opened.reading.become_read(document=document(classification=nothing, baseline=None, bmd=[], flags=[HELD_BACK]))
    ui = opened.ui
    assert (ui.classLabel.text, ui.barsArea.visible) == ("No class", False)
    assert "so no class is given" in ui.doubtLabel.text
    assert not ui.certaintyLabel.visible
    assert not ui.firstDoubtList.visible  # there is nothing more to say, and something does speak against it
    ui.levelsSection.collapsed = True
    ui.lookAtLevelsButton.click()
    assert not ui.levelsSection.collapsed
    opened.reading.become_read()
    assert (ui.classLabel.text, ui.certaintyLabel.visible) == ("Osteopenia", True)


def test_each_flag_is_one_sentence_once_doubts_first():
    said = {"classification": {"left_out": None}}
    shown = flags_html(doubts({**said, "flags": [NOT_CALIBRATED, NOT_RELIABLE, NOT_CALIBRATED, METAL]}))
    assert shown.count("<div") == 2
    assert shown.index("• Metal lies beside L1") < shown.index("gray") < shown.index("No calibration")
    assert "&lt;b&gt;" in flags_html(doubts({**said, "flags": [{**NOT_CALIBRATED, "message": "<b>"}]}))


def test_a_stale_result_says_what_was_changed_and_is_gray(opened):
    opened.reading.become_read(stale=("the point of L1 was moved", "the mask of L2 was edited"))
    assert opened.ui.staleFrame.visible
    assert opened.ui.staleLabel.text == "Out of date: the point of L1 was moved; the mask of L2 was edited."
    assert opened.ui.classLabel.styleSheet == class_look(Status.OSTEOPENIA, reliable=True, stale=True)
    opened.reading.become(stale=())
    assert not opened.ui.staleFrame.visible


def test_another_ct_without_a_result_shows_none(opened):
    opened.reading.become_read()
    assert opened.ui.resultArea.visible
    opened.reading.become(document=None)
    assert not opened.ui.resultArea.visible
