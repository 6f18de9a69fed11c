"""What contradicts itself is named, with the vertebra that is odd, and the class is made from the other one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.pipeline.contradictions import ODD_CODES, contradictions, left_out_of, slice_offsets_hu
from OsteoJointLib.pipeline.doubts import class_is_reliable
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtSlicePair, CtVolume, Flag, LeftOutBy, LeftOutReason, Level, SourceInfo

QUICK = ReadOptions(gradcam=False)
BOTH = replace(QUICK, propose=False)


@pytest.fixture(scope="module")
def tall(chain):
    """A CT of the tiny kind that goes on to T12 and L3: four bodies of 180 HU, 35 mm apart."""
    return spine(chain, Grid.axis_aligned((32, 90, 120), (2.0, 2.0, 5.0), (-119.0, -89.0, -35.0)))


def spine(chain, grid):
    """Four bodies of 180 HU, 35 mm apart."""
    hu = np.full(grid.shape_zyx, -1000, dtype=np.int16)
    hu[:, 10:80, 10:110] = 30
    l1, l2 = (np.array(center) for center in chain.centers_lps_mm.values())
    for center in (2 * l1 - l2, l1, l2, 2 * l2 - l1):
        paint(hu, chain, grid, center, 180)
    return CtVolume(
        hu, grid, SourceInfo("memory", ("tall.nrrd",), "0" * 64, 120.0, "B30f", False, grid.spacing_xyz_mm[2])
    )


def paint(hu, chain, grid, center, value, semi_axes_mm=(22.0, 16.0), half_height_mm=12.5):
    """Give an elliptic cylinder about a center a HU value."""
    heights_mm = grid.origin_lps_mm[2] + np.arange(grid.shape_zyx[0]) * grid.spacing_xyz_mm[2]
    of_level = (np.abs(heights_mm - center[2]) <= half_height_mm)[:, None, None]
    hu[of_level & chain.body_plane(grid, center, semi_axes_mm)] = value


def painted(tall, chain, level, value, **size):
    hu = tall.hu.copy()
    paint(hu, chain, tall.grid, chain.centers_lps_mm[level], value, **size)
    return replace(tall, hu=hu)


def odd(result) -> dict[Reason, Level | None]:
    """Codes of what contradicts, with their levels."""
    return {flag.code: flag.level for flag in result.flags if flag.code in ODD_CODES}


def test_a_sound_ct_is_left_alone(chain, tall):
    result = chain.reader.read(tall, options=QUICK)
    assert odd(result) == {}
    assert result.classification.left_out is None
    assert class_is_reliable(result.flags)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(
    ("value", "semi_axes_mm", "reason"),
    [
        (1600, (9.0, 6.0), LeftOutReason.CEMENT),
        (420, (10.0, 7.0), LeftOutReason.FOCAL_LESION),
        (3000, (6.0, 6.0), LeftOutReason.METAL),
    ],
    ids=["cement", "sclerosis", "screw"],
)
def test_a_part_that_is_no_bone_leaves_its_vertebra_out(chain, tall, level, value, semi_axes_mm, reason):
    result = chain.reader.read(painted(tall, chain, level, value, semi_axes_mm=semi_axes_mm), options=QUICK)
    said = result.classification
    assert odd(result)[Reason.BODY_NOT_UNIFORM] is level
    assert (said.left_out, said.left_out_by, said.left_out_reason) == (level, LeftOutBy.PROPOSAL, reason)
    assert {said.fusion_weight_l1, said.fusion_weight_l2} == {0.0, 1.0}
    assert class_is_reliable(result.flags)
    (flag,) = [flag for flag in result.flags if flag.code is Reason.VERTEBRA_LEFT_OUT]
    other = "L2" if level is Level.L1 else "L1"
    assert f"{level} is left out by proposal ({reason.words}): the class is that of {other} alone" in flag.message
    assert f"of {other} against" in result_document(result)["baseline"]["method"]


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(("value", "words"), [(420, "sclerosis"), (1600, "cement"), (-60, "much less dense")])
def test_what_lies_beside_the_mid_slice_is_seen_through_the_body(chain, level, value, words):
    thin = spine(chain, Grid.axis_aligned((63, 90, 120), (2.0, 2.0, 2.5), (-119.0, -89.0, -35.0)))
    beside = np.array(chain.centers_lps_mm[level]) + np.array([0.0, -2.0, 3.75])
    paint(thin.hu, chain, thin.grid, beside, value, semi_axes_mm=(12.0, 8.0), half_height_mm=2.0)
    result = chain.reader.read(thin, options=QUICK)
    reading = next(one for one in result.readings if one.level is level)
    assert reading.slice_measurement.hu_sd < 1.0  # nothing of it is on the mid-slice
    (flag,) = [flag for flag in result.flags if flag.code is Reason.BODY_NOT_UNIFORM]
    assert flag.level is level and words in flag.message
    assert result.classification.left_out is level


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("value", [110, 320], ids=["lysis", "dense"])
def test_a_body_that_is_other_all_through_is_told_by_t12_and_l3(chain, tall, level, value):
    def around(points):
        return chain.reader.read(painted(tall, chain, level, value), points, QUICK)

    result = around(None)
    assert odd(result) == {Reason.LEVELS_CONTRADICT: level}
    assert result.classification.left_out is level
    message = next(flag.message for flag in result.flags if flag.code is Reason.LEVELS_CONTRADICT)
    assert f"{level} is the odd one" in message and "T12 has 180 and L3 has 180" in message


def test_which_one_is_odd_is_not_guessed_where_neither_t12_nor_l3_is_in_view(chain):
    ct = chain.make_ct()
    hu = ct.hu.copy()
    paint(hu, chain, ct.grid, chain.centers_lps_mm[Level.L2], 320)
    result = chain.reader.read(replace(ct, hu=hu), options=QUICK)
    assert odd(result) == {Reason.LEVELS_CONTRADICT: None}
    assert result.classification.left_out is None
    assert not class_is_reliable(result.flags)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("slices", [1, 3])
def test_slices_with_another_intercept_are_named(chain, tall, level, slices):
    hu, index = tall.hu.copy(), round((chain.centers_lps_mm[level][2] + 35) / 5)
    hu[index - slices // 2 : index + slices // 2 + 1] += 61
    result = chain.reader.read(replace(tall, hu=hu), options=QUICK)
    assert odd(result)[Reason.HU_JUMP] is level
    assert result.classification.left_out is level
    assert result.classification.left_out_reason is LeftOutReason.OTHER
    offsets = slice_offsets_hu(replace(tall, hu=hu))
    assert np.flatnonzero(offsets).tolist() == list(range(index - slices // 2, index + slices // 2 + 1))
    assert offsets.max() == 61


def test_a_slice_that_differs_only_within_the_body_is_unlike_its_neighbors(chain, tall):
    fine = Grid.axis_aligned((160, 90, 120), (2.0, 2.0, 1.0), tall.grid.origin_lps_mm)
    ct = replace(tall, hu=np.repeat(tall.hu, 5, axis=0)[:160], grid=fine)
    index = round(chain.centers_lps_mm[Level.L1][2] + 35)
    ct.hu[index][chain.body_plane(fine, chain.centers_lps_mm[Level.L1])] = 225
    result = chain.reader.read(ct, options=QUICK)
    assert odd(result) == {Reason.SLICE_UNLIKE_NEIGHBORS: Level.L1}


def test_faults_of_both_leave_none_out_and_make_the_class_unreliable(chain, tall):
    small = {"semi_axes_mm": (9.0, 6.0)}
    ct = painted(painted(tall, chain, Level.L1, 1600, **small), chain, Level.L2, 1600, **small)
    result = chain.reader.read(ct, options=QUICK)
    assert result.classification.left_out is None
    assert not class_is_reliable(result.flags)


def test_a_user_overrules_a_proposal_and_is_told_what_that_means(chain, tall):
    cement = painted(tall, chain, Level.L1, 1600, semi_axes_mm=(9.0, 6.0))
    proposed, both = (chain.reader.read(cement, options=options) for options in (QUICK, BOTH))
    assert (proposed.classification.left_out, both.classification.left_out) == (Level.L1, None)
    assert (class_is_reliable(proposed.flags), class_is_reliable(both.flags)) == (True, False)
    other = chain.reader.edit(proposed, {}, replace(QUICK, leave_out=Level.L2, leave_out_reason=LeftOutReason.FRACTURE))
    said = other.classification
    assert (said.left_out, said.left_out_by, said.left_out_reason) == (Level.L2, LeftOutBy.USER, LeftOutReason.FRACTURE)
    assert not class_is_reliable(other.flags)  # the cement counts now
    again = chain.reader.edit(other, {}, QUICK)
    assert again.classification.left_out is Level.L1


def test_metal_counts_only_beside_the_bodies(chain, tall):
    readings = chain.reader.read(tall, options=QUICK).readings

    def metal_at(z_mm, x_mm):
        hu = tall.hu.copy()
        paint(hu, chain, tall.grid, (x_mm, 20.0, z_mm), 3000, semi_axes_mm=(5.0, 5.0), half_height_mm=5.0)
        ct = replace(tall, hu=hu)
        flags = contradictions(ct, [replace(one, volume=ct) for one in readings], ReadingLimits())
        return next((flag.level for flag in flags if flag.code is Reason.METAL), None)

    assert metal_at(60.0, 45.0) is Level.L1
    assert metal_at(25.0, 45.0) is Level.L2
    assert metal_at(60.0, 90.0) is None
    assert metal_at(100.0, 45.0) is None


def test_without_a_proposal_nothing_is_left_out(chain):
    flag = Flag(Reason.BODY_NOT_UNIFORM, "Cement.", Level.L2)
    assert left_out_of([flag], QUICK).level is Level.L2
    assert left_out_of([flag], BOTH) is None
    assert left_out_of([replace(flag, code=Reason.MASK_EMPTY)], QUICK) is None
    assert left_out_of([replace(flag, level=None)], QUICK) is None


def test_a_pair_of_slices_is_compared_too(chain):
    result = chain.result
    l1, l2 = result.readings
    high = replace(l2, slice_measurement=replace(l2.slice_measurement, hu_mean=l1.slice_measurement.hu_mean + 60))
    flags = contradictions(CtSlicePair(result.volume, result.volume), (l1, high), ReadingLimits())
    assert [flag.code for flag in flags] == [Reason.LEVELS_CONTRADICT]
