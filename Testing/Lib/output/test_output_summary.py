"""What a result says in short, and what known thresholds say of it: from its document alone, each its own words."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.summary import NO_TONE, summarize
from OsteoJointLib.output.thresholds import threshold_readings
from OsteoJointLib.records import Level, Status


@pytest.fixture
def document(case) -> dict:
    """A sure and reliable osteopenia that a test may change; the plain rule says so, too."""
    document = copy.deepcopy(result_document(case))
    document["baseline"] |= {"status": "osteopenia", "low_hu": 106.0, "high_hu": 170.0, "hu_mean": 160.0}
    return document


def flag(document: dict, code: str, level: str | None = None) -> None:
    document["flags"].append({"code": code, "level": level, "message": "…"})


def test_a_sure_class_is_said_with_its_share_and_its_color(document):
    summary = summarize(document)
    assert (summary.headline, summary.tone) == ("Osteopenia", Status.OSTEOPENIA)
    read, sure, todo = summary.sentences
    assert read == (
        "L1 and L2 were read from a CT (120 kV; kernel STANDARD; without contrast); the names of the levels are right "
        "with 96 %."
    )
    assert sure == (
        "The class is osteopenia with 62 %, and nothing speaks against it. The network estimates a BMD of 106 mg/cm³, "
        "with 90 % probability between 92 and 119."
    )
    assert todo == "It still is a research result: let DXA or QCT confirm it before anything follows from it."


def test_the_class_and_its_share_are_the_document_s(document):
    document["classification"] |= {"status": "normal"}
    document["classification"]["probabilities"] |= {"normal": 0.9996, "osteopenia": 0.0004}
    summary = summarize(document)
    assert (summary.headline, summary.tone) == ("Normal", Status.NORMAL)
    assert "normal with more than 99 %" in summary.sentences[1]
    assert "The plain HU rule says otherwise: osteopenia." in summary.sentences[1]


def test_an_indeterminate_class_has_no_color_and_sends_to_dxa(document):
    document["classification"]["indeterminate"] = True
    summary = summarize(document)
    assert (summary.headline, summary.tone) == ("Indeterminate, likeliest osteopenia", NO_TONE)
    assert "another is possible" in summary.sentences[1] and "only DXA or QCT decides" in summary.sentences[2]


def test_an_unreliable_class_has_no_color_no_bmd_and_its_reasons(document):
    flag(document, "class_not_reliable")
    flag(document, "metal", "L2")
    flag(document, "thick_slices")  # a note
    flag(document, "roi_too_small", "L1")
    flag(document, "stub_rib")
    summary = summarize(document)
    assert (summary.headline, summary.tone) == ("Not reliable: osteopenia", NO_TONE)
    assert summary.sentences[1] == "The class that came out, osteopenia, is not reliable: metal disturbs the HU."
    assert summary.sentences[2].startswith("Don't use it") and summary.sentences[2].endswith(
        "There are 2 more doubts below."
    )


def test_of_a_level_that_was_left_out_no_doubt_counts(document):
    flag(document, "metal", "L1")
    flag(document, "stub_rib", "L1")
    document["classification"]["left_out"] = "L1"
    read, sure, todo = summarize(document).sentences
    assert read.endswith("L1 was left out: the class is that of L2 alone.")
    assert "nothing speaks against it" in sure and "more doubt" not in todo
    flag(document, "class_not_reliable")
    document["classification"] |= {"left_out": "L2", "left_out_by": "user", "left_out_reason": "focal_lesion"}
    read, sure, _ = summarize(document).sentences
    assert "metal disturbs the HU" in sure
    assert read.endswith("L2 was left out by a user (focal lesion): the class is that of L1 alone.")
    document["classification"]["left_out_by"] = "proposal"
    assert "L2 was left out by proposal (focal lesion)" in summarize(document).sentences[0]


def test_a_class_held_back_is_none_and_says_what_to_do(doubtful_case):
    summary = summarize(result_document(doubtful_case))
    assert (summary.headline, summary.tone) == ("No class", NO_TONE)
    said = " ".join(summary.sentences)
    assert "their names are in doubt. No class is given until a person has confirmed them. Check the marks" in said
    assert "osteo" not in said and "BMD" not in said


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (("auto", "auto"), "right with 80 %"),
        (("auto", "user"), "right with 90 %"),
        (("user", "auto"), "right with 80 %"),
        (("user", "user"), "a user placed or confirmed both levels"),
        (("assumed", "assumed"), "that the upper one is L1 is assumed, not seen"),
    ],
)
def test_the_names_are_as_sure_as_the_less_sure_of_those_that_were_found(document, sources, words):
    for level, source, confidence in zip(Level, sources, (0.9, 0.8), strict=True):
        document["levels"][level] |= {"source": source, "confidence": confidence}
    assert words in summarize(document).sentences[0]


def test_what_the_header_lacks_is_said_once(document):
    document["input"] |= {"kernel": None, "contrast": True, "contrast_phase": None, "kvp_origin": "user"}
    assert "(120 kV (as a user says); with contrast; kernel not known)" in summarize(document).sentences[0]
    document["input"] |= {"kvp": None, "contrast": None}
    assert "(tube voltage, kernel and contrast not known)" in summarize(document).sentences[0]


def test_a_pair_is_read_from_one_slice_each(pair_case):
    assert summarize(result_document(pair_case)).sentences[0].startswith("One slice each of L1 and L2 was read")


def by_rods(bmd: float) -> dict:
    place = {"calibration": "rods of 2026", "kind": "rods", "levels": ["L1", "L2"]}
    return {**place, "mg_cm3": bmd, "se_mg_cm3": 3.0, "interval_90_mg_cm3": [bmd - 5, bmd + 5]}


def test_a_calibrated_bmd_stands_before_the_network_s(document):
    document["bmd"] = [by_rods(98.0), *document["bmd"]]
    rods, network = summarize(document).sentences[1].split(" By ")[1].split(". The network ")
    assert rods == "the rods in the scan the BMD is 98 mg/cm³, with 90 % probability between 93 and 103"
    assert network.startswith("estimates a BMD of 106")


def says(document: dict) -> list[str]:
    return [f"{one.number}: {one.says}" for one in threshold_readings(document)]


def test_each_rule_goes_by_its_own_number(document):
    document["measurements"]["L1"]["hu_mean"], document["measurements"]["L2"]["hu_mean"] = 120.0, 200.0
    assert says(document) == [
        "106 mg/cm³, the network's estimate: osteopenia",
        "120 HU: between the specific and the balanced threshold (135)",
        "160 HU: osteopenia",
    ]


def test_a_calibrated_bmd_goes_before_the_network_s_estimate_and_a_level_left_out_does_not_count(document):
    document["bmd"] = [by_rods(78.0), *document["bmd"]]
    assert says(document)[0] == "78 mg/cm³, by the rods in the scan: osteoporosis"
    document["classification"]["left_out"] = "L1"
    assert says(document)[1] == ": says nothing: L1 was left out"


def test_no_threshold_is_more_reliable_than_the_class(document):
    assert not any("not reliable" in one for one in says(document))
    flag(document, "class_not_reliable")
    assert all(one.endswith(", not reliable") for one in says(document))


def test_a_bmd_that_would_be_rounded_onto_a_threshold_has_a_decimal(document):
    document["bmd"] = [by_rods(79.6)]
    assert says(document)[0] == "79.6 mg/cm³, by the rods in the scan: osteoporosis"


def test_a_vertebra_left_out_by_proposal_is_to_be_looked_at(document):
    document["classification"] |= {"left_out": "L1", "left_out_by": "proposal", "left_out_reason": "cement"}
    summary = summarize(document)
    assert "L1 was left out by proposal (cement): the class is that of L2 alone." in summary.sentences[0]
    assert summary.sentences[2].startswith("Look at L1 below, which was left out by proposal. It still is")
    document["classification"]["left_out_by"] = "user"
    assert "Look at" not in summarize(document).sentences[2]


def test_hu_thresholds_say_where_this_ct_is_not_like_theirs(document):
    document["input"] |= {"kvp": 100.0, "contrast": None}
    assert says(document)[1].endswith("(this CT differs: 100 kV, contrast not known)")
    document["input"] |= {"kvp": 120.0, "contrast": False}
    assert "differs" not in says(document)[1]


def test_where_there_is_no_number_a_rule_says_nothing(doubtful_case, poor_case):
    assert says(result_document(doubtful_case)) == [": says nothing: the levels are in doubt"] * 3
    unread = replace(poor_case, l1=replace(poor_case.l1, measurement=poor_case.l2.measurement))
    assert says(result_document(unread))[1] == ": says nothing: HU of L1 was not measured"
