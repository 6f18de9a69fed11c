"""All flags of a case in one list: none lost, none said twice, and what they mean for the class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.doubts import NOTES, all_flags, class_is_reliable, reliability_reasons
from OsteoJointLib.records import (
    ContrastPhase,
    CtSlicePair,
    CtVolume,
    Flag,
    HuScale,
    Knowing,
    Level,
    LevelPoint,
    LevelsFound,
    Origin,
    PointSource,
    SourceInfo,
)

KNOWN = SourceInfo("dicom", ("series 4",), "a" * 64, 120.0, "STANDARD", False)
CT = CtVolume(np.zeros((2, 2, 2), np.int16), Grid.axis_aligned((2, 2, 2), (1, 1, 1), (0, 0, 0)), KNOWN)
LEVELS = LevelsFound(*(LevelPoint(level, (0.0, 0.0, 0.0), 1.0, PointSource.AUTO) for level in Level))


def doubt(reason: Reason, level: Level | None = None) -> Flag:
    return Flag(reason, f"Because {reason}.", level)


def codes(flags) -> list[Reason]:
    return [flag.code for flag in flags]


def test_a_clean_case_carries_no_flag():
    flags = all_flags(CT, LEVELS, ())
    assert flags == ()
    assert class_is_reliable(flags)


def test_flags_of_image_levels_and_stages_are_joined():
    ct = replace(CT, flags=(doubt(Reason.TAGS_REPAIRED),))
    levels = replace(LEVELS, flags=(doubt(Reason.STUB_RIB),))
    stages = (doubt(Reason.NOT_CALIBRATED), doubt(Reason.MASK_EMPTY, Level.L2))
    found = all_flags(ct, levels, stages)
    assert codes(found) == [
        *(Reason.CLASS_NOT_RELIABLE, Reason.MASK_EMPTY, Reason.STUB_RIB, Reason.TAGS_REPAIRED),
        Reason.NOT_CALIBRATED,
    ]
    assert found[1].level is Level.L2


def test_both_slices_of_a_pair_are_heard():
    l1, l2 = replace(CT, flags=(doubt(Reason.TAGS_REPAIRED),)), replace(CT, flags=(doubt(Reason.METAL),))
    assert {Reason.TAGS_REPAIRED, Reason.METAL} <= set(codes(all_flags(CtSlicePair(l1, l2), LEVELS, ())))


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ("kvp", Reason.KVP_UNKNOWN),
        ("kernel", Reason.KERNEL_UNKNOWN),
        ("contrast", Reason.CONTRAST_UNKNOWN),
        ("sha256", Reason.NOT_COMPUTED),
    ],
)
def test_what_the_source_lacks_is_said_once_though_nobody_read_it_from_a_file(lacking, code):
    flags = all_flags(replace(CT, source=replace(KNOWN, **{lacking: None})), LEVELS, ())
    assert codes(flags).count(code) == 1
    assert all_flags(replace(CT, source=replace(KNOWN, **{lacking: None}), flags=flags), LEVELS, flags) == flags


def test_an_unreliable_class_says_why_in_words():
    flags = all_flags(CT, LEVELS, (doubt(Reason.METAL), doubt(Reason.HU_JUMP), doubt(Reason.METAL, Level.L2)))
    assert not class_is_reliable(flags)
    words = "The class is not reliable: metal disturbs the HU; the HU scale differs between slices."
    assert flags[0] == Flag(Reason.CLASS_NOT_RELIABLE, words)


@pytest.mark.parametrize(
    "reason",
    [
        *(Reason.HU_OFFSET, Reason.HU_JUMP, Reason.LEVELS_CONTRADICT, Reason.BODY_NOT_UNIFORM, Reason.METAL),
        *(Reason.SLICE_UNLIKE_NEIGHBORS, Reason.SLICE_NOT_MID_BODY, Reason.MASK_EMPTY),
    ],
)
def test_one_doubt_is_enough_to_make_the_class_unreliable(reason):
    assert not class_is_reliable(all_flags(CT, LEVELS, (doubt(reason),)))


def test_levels_in_doubt_hold_the_class_back_whatever_else_speaks_against_it():
    levels = replace(LEVELS, flags=(doubt(Reason.LEVELS_UNCERTAIN),))
    flags = all_flags(CT, levels, (doubt(Reason.METAL),))
    assert not class_is_reliable(flags)
    assert codes(flags)[0] is Reason.CLASS_HELD_BACK
    assert Reason.CLASS_NOT_RELIABLE not in codes(flags)
    assert {Reason.METAL, Reason.LEVELS_UNCERTAIN} <= set(codes(flags))


@pytest.mark.parametrize("reason", [Reason.OBLIQUE, Reason.THICK_SLICES, Reason.ROI_TOO_SMALL, *sorted(NOTES)])
def test_what_does_not_touch_the_class_leaves_it_reliable(reason):
    assert class_is_reliable(all_flags(CT, LEVELS, (doubt(reason),)))


def test_reasons_are_told_from_codes_as_a_table_stores_them():
    assert reliability_reasons(["oblique", "metal", "metal"]) == ("metal disturbs the HU",)


def test_facts_that_were_completed_since_the_header_was_read_make_their_flags_anew():
    read = replace(CT, source=SourceInfo("nrrd", sha256="a" * 64), flags=(doubt(Reason.CONTRAST_UNKNOWN),))
    known_by = {"contrast": Knowing(Origin.ESTIMATED, 0.97)}
    facts = {"kvp": 100.0, "kernel": "B70f", "contrast": True, "phase": ContrastPhase.PORTAL}
    portal = replace(read.source, **facts, known_by=known_by)
    said = {flag.code: flag.message for flag in all_flags(replace(read, source=portal), LEVELS, ())}
    assert set(said) == {Reason.CONTRAST, Reason.KERNEL_SHARP, Reason.KVP_OTHER}
    assert "portal phase (estimated from the image, 97 % sure)" in said[Reason.CONTRAST]


def test_the_hu_scale_is_judged_by_the_voltage_that_is_known_in_the_end():
    """Fat of -124 HU is right at 80 kV, and 20 too dark at 120."""
    dark = replace(CT, scale=HuScale(-1000.0, False, -124.0, -118.0))
    assert Reason.HU_OFFSET in codes(all_flags(dark, LEVELS, ()))
    assert Reason.HU_OFFSET not in codes(all_flags(replace(dark, source=replace(KNOWN, kvp=80.0)), LEVELS, ()))


def test_a_fault_of_a_vertebra_that_is_left_out_does_not_count_and_that_of_the_other_does():
    flags = [doubt(Reason.BODY_NOT_UNIFORM, Level.L1)]
    assert class_is_reliable(all_flags(CT, LEVELS, flags, Level.L1))
    assert not class_is_reliable(all_flags(CT, LEVELS, flags, Level.L2))
