"""What names are given and withheld: refusals with what is seen, and every flag."""

from dataclasses import replace

import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.levels.assignment import VisibleColumn, assign_names
from OsteoJointLib.levels.finding import CONFIDENCE_LEAST, CONFIDENCE_SURE, NOT_IN_VIEW, choose_levels
from OsteoJointLib.records import Level

NAMES = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
NONE = (0.0, 0.0)
LONG, MIDDLE, SHORT = (196.0, 196.0), (176.0, 176.0), (90.0, 90.0)


def codes(levels):
    return {flag.code for flag in levels.flags}


def message(levels, code):
    return next(flag.message for flag in levels.flags if flag.code is code)


def choose(seen):
    """Choose from four views that see the same."""
    return choose_levels([seen] * 4)


def refusal_of(*views):
    with pytest.raises(InputRefused) as refusal:
        choose_levels(views if len(views) > 1 else views * 4)
    return refusal.value


# Refusals


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        ({"rib_mm": [LONG, LONG, MIDDLE, SHORT], "sacrum": False, "top_mm": 120.0}, Reason.LEVEL_NOT_IN_VIEW),
        ({"rib_mm": [LONG, MIDDLE, SHORT, NONE], "sacrum": False, "top_mm": 115.0}, Reason.LEVEL_NOT_IN_VIEW),
        ({"rib_mm": [NONE] * 3, "top_mm": 200.0, "slices": 60, "l1": 0}, Reason.LEVEL_NOT_IN_VIEW),
        ({"rib_mm": [NONE] * 4, "sacrum": False, "top_mm": 120.0}, Reason.LEVELS_UNDECIDED),
        ({"rib_mm": [NONE] * 4, "sacrum": False, "dropped": (0, 1, 2, 3)}, Reason.NO_SPINE),
    ],
    ids=["ends at T12", "ends at L1", "begins at L3", "neither ribs nor sacrum", "no spine"],
)
def test_refuses_rather_than_guesses(make, scene, reason):
    with pytest.raises(InputRefused) as refusal:
        make.scene(**{"slices": 36, **scene}).find()
    assert refusal.value.reason is reason


def test_no_body_at_all_is_no_spine():
    refusal = refusal_of(VisibleColumn(()))
    assert refusal.reason is Reason.NO_SPINE
    assert refusal.message.startswith("No vertebral bodies are seen")


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (-2, -1, "what is seen, 2 bodies, looks most like T11 to T12."),
        (-5, 0, "what is seen, 6 bodies, looks most like T8 to L1."),
        (2, 4, "what is seen, 3 bodies, looks most like L3 to L5."),
        (1, 4, "what is seen, 4 bodies, looks most like L2 to L5."),
        (4, 4, "what is seen, 1 body, looks most like L5."),
    ],
)
def test_levels_likely_out_of_view_are_said_to_be_and_what_is_seen_is_named(make, first, last, words):
    refusal = refusal_of(make.spine(first, last, sacrum=last == 4))
    assert refusal.reason is Reason.LEVEL_NOT_IN_VIEW
    assert words in refusal.message


@pytest.mark.parametrize(("first", "last"), [(-5, 1), (0, 4), (-1, 1)])
def test_both_at_the_edge_of_the_view_are_in_it(make, first, last):
    levels = choose(make.spine(first, last, sacrum=last == 4))
    assert levels.l1.center_lps_mm == make.spine(first, last).bodies[-first].center_lps_mm


def test_a_ct_of_l1_to_l3_is_not_said_to_lack_them(make):
    seen = make.spine(0, 2, sacrum=False, L1={"rib": (12.0, 0.0)})
    seen = replace(seen, above=make.body(30.0, rib_cut=(True, True), center_lps_mm=(0.0, 0.0, 31.0), cut=True))
    assert choose(seen).names == ("L1", "L2", "L3")


def test_merely_unsure_is_another_code_than_out_of_view(make):
    # Ribs and looks tell little: T12 to L2 or T11 to L1 or L1 to L3.
    seen = make.spine(0, 2, sacrum=False, lumbar=False, L1={"rib": (9.0, 0.0)})
    found = assign_names(seen)
    assert found.in_view > NOT_IN_VIEW and max(found.posterior.values()) < CONFIDENCE_LEAST
    refusal = refusal_of(seen)
    assert refusal.reason is Reason.LEVELS_UNDECIDED
    assert "among the 3 bodies in view" in refusal.message
    assert "% likely" in refusal.message


def test_neither_ribs_nor_sacrum_says_so(make):
    refusal = refusal_of(make.spine(0, 3, sacrum=False))
    assert refusal.reason is Reason.LEVELS_UNDECIDED
    assert "Neither a rib nor the sacrum is seen from which the 4 bodies in view" in refusal.message


def test_a_sacrum_that_is_seen_is_not_said_to_be_missing(make):
    whole = make.spine(0, 4)
    apart = VisibleColumn(whole.bodies[:-1], None, whole.sacrum_lps_mm)
    levels = choose(apart)
    assert levels.names == ("L1", "L2", "L3", "L4", "L5")
    assert Reason.NO_SACRUM_IN_VIEW not in codes(levels)
    told = message(levels, Reason.LEVELS_UNCERTAIN)
    assert "the sacrum is seen, but the bodies between it and the column are not" in told
    assert "L5 was not seen" in told


@pytest.mark.parametrize("first", [-22, -24])
def test_no_refusal_and_no_flag_names_what_no_anatomy_has(make, first):
    levels = choose(make.spine(first, 4))
    assert levels.names[-first] == "L1" and levels.names[0] == ""
    names = [name for name in levels.names if name]
    assert names[0] == "C1" and names[-1] == "L5"
    refusal = refusal_of(make.spine(first, -1, sacrum=False))
    assert refusal.reason is Reason.LEVEL_NOT_IN_VIEW
    assert "looks most like" not in refusal.message and " to T12" not in refusal.message


# Flags


def test_ribs_alone_are_sure_but_say_that_the_sacrum_is_missing(make):
    levels = choose(make.spine(-2, 3, sacrum=False))
    assert levels.names[2] == "L1"
    assert codes(levels) == {Reason.NO_SACRUM_IN_VIEW}


def test_the_sacrum_alone_counts_five_up_and_says_that_ribs_are_missing(make):
    levels = choose(make.spine(0, 4))
    assert levels.names == ("L1", "L2", "L3", "L4", "L5")
    assert codes(levels) == {Reason.NO_RIBS_IN_VIEW, Reason.LEVELS_UNCERTAIN}
    assert "one person in twelve has four or six" in message(levels, Reason.LEVELS_UNCERTAIN)


@pytest.mark.parametrize(("sacrum", "doubted"), [(True, False), (False, True)])
def test_stub_ribs_are_doubtful_only_without_the_sacrum(make, sacrum, doubted):
    levels = choose(make.spine(sacrum=sacrum, T12={"rib": 24.0}))
    assert levels.names[2] == "L1"
    assert "only 24 mm long" in message(levels, Reason.STUB_RIB)
    assert (Reason.LEVELS_UNCERTAIN in codes(levels)) is doubted


def test_the_last_rib_is_a_stub_only_where_both_sides_are_short(make):
    stub = choose(make.spine(T12={"rib": (24.0, 30.0)}))
    assert "30 mm" in message(stub, Reason.STUB_RIB)
    one_side = choose(make.spine(T12={"rib": (24.0, 90.0)}))
    assert (one_side.names[2], one_side.flags) == ("L1", ())


@pytest.mark.parametrize("cut", [(True, True), (False, True)])
def test_a_short_rib_that_the_image_ends_is_no_stub(make, cut):
    levels = choose(make.spine(T12={"rib": 30.0, "rib_cut": cut}))
    assert Reason.STUB_RIB not in codes(levels)


def test_a_rib_at_l1_and_none_at_t12_are_variants(make):
    at_l1 = choose(make.spine(L1={"rib": (0.0, 12.0)}))
    assert (at_l1.names[2], codes(at_l1) >= {Reason.STUB_RIB}) == ("L1", True)
    assert "a rib joins L1." in message(at_l1, Reason.TRANSITIONAL_ANATOMY)
    bare = choose(make.spine(T12={"rib": 0.0}))
    assert "no rib joins T12." in message(bare, Reason.TRANSITIONAL_ANATOMY)
    half_seen = choose(make.spine(T12={"rib": 0.0, "rib_seen": (True, False)}))
    assert (half_seen.names[1], Reason.TRANSITIONAL_ANATOMY in codes(half_seen)) == ("T12", False)


@pytest.mark.parametrize("last", [3, 5])
def test_other_counts_of_lumbar_bodies_are_variants_and_in_doubt(make, last):
    levels = choose(make.spine(-2, last))
    assert levels.names[2] == "L1"
    assert f"{last + 1} lumbar bodies" in message(levels, Reason.TRANSITIONAL_ANATOMY)
    assert "transitional" in message(levels, Reason.LEVELS_UNCERTAIN)


@pytest.mark.parametrize(
    ("cut", "flagged"),
    [("T11", []), ("T12", []), ("L1", [Level.L1]), ("L2", [Level.L2]), ("L3", []), ("L5", [])],
    ids=lambda case: str(case),
)
def test_only_l1_or_l2_itself_is_said_to_be_cut(make, cut, flagged):
    levels = choose(make.spine(**{cut: {"cut": True}}))
    assert [(flag.code, flag.level) for flag in levels.flags] == [(Reason.TRUNCATED_VIEW, level) for level in flagged]
    assert all(level.value in flag.message for flag, level in zip(levels.flags, flagged, strict=True))


def test_a_body_put_in_is_named_in_the_doubt(make):
    whole = make.spine()
    levels = choose(replace(whole, bodies=(*whole.bodies[:4], *whole.bodies[5:])))
    assert levels.names == NAMES[1:]
    told = message(levels, Reason.LEVELS_UNCERTAIN)
    assert "L3 was not seen and put in by spacing" in told
    assert "%" not in told


def test_a_body_left_out_makes_no_doubt_where_all_agree(make):
    whole = make.spine()
    middle = tuple(
        (a + b) / 2 for a, b in zip(whole.bodies[3].center_lps_mm, whole.bodies[4].center_lps_mm, strict=True)
    )
    disc = make.body(center_lps_mm=middle, score=0.5, valley=0.9, lumbar=0.6)
    bodies = (*whole.bodies[:4], disc, replace(whole.bodies[4], valley=0.9), *whole.bodies[5:])
    levels = choose(replace(whole, bodies=bodies))
    assert levels.names == NAMES[1:]
    assert levels.column == (*whole.bodies[:4], *bodies[5:])
    assert levels.flags == ()


def test_names_below_90_percent_are_uncertain_and_say_what_else_they_may_be(make):
    ribs = {"T10": {"rib": 220.0}, "T11": {"rib": 130.0}, "T12": {"rib": 0.0, "rib_seen": (True, False)}}
    seen = make.spine(-3, 4, lumbar=False, **ribs)
    (_, first), (_, second) = list(assign_names(seen).posterior.items())[:2]
    assert CONFIDENCE_LEAST < first < CONFIDENCE_SURE and second > 0.05
    told = message(choose(seen), Reason.LEVELS_UNCERTAIN)
    assert f"they are right with {100 * first:.0f} %, and with {100 * second:.0f} % L1 is the body called" in told


def test_rare_other_names_are_not_spoken_of(make):
    levels = choose_levels([make.spine(), make.spine(), make.spine(), VisibleColumn(())])
    assert "0 %" not in message(levels, Reason.LEVELS_UNCERTAIN)


def test_a_sure_column_is_sure(make):
    levels = choose(make.spine())
    assert levels.flags == () and levels.doubt is None
    assert levels.l1.confidence >= CONFIDENCE_SURE
