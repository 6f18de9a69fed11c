"""Each fault of scale, geometry or acquisition gets its own reason, and a sound CT gets none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.header_checks import acquisition_flags, check_geometry
from OsteoJointLib.io.hu_checks import check_hu
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import SourceInfo

LIMITS = ReadingLimits()
GRID = Grid.axis_aligned((40, 64, 64), (5.0, 5.0, 2.5), (-157.5, -157.5, 0.0))


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    """(40, 64, 64) int16: air, an ellipse of fat around muscle, a bony cylinder."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    plane = np.full((64, 64), -1000.0)
    plane[(x / 0.8) ** 2 + (y / 0.6) ** 2 < 1] = -100.0
    plane[(x / 0.7) ** 2 + (y / 0.5) ** 2 < 1] = 50.0
    plane[x**2 + (y - 0.2) ** 2 < 0.02] = 400.0
    noise = np.random.default_rng(0).normal(0.0, 12.0, (40, 64, 64))
    return np.clip(plane + noise, -1024, 3071).astype(np.int16)


def codes(hu: np.ndarray) -> set[Reason]:
    return {flag.code for flag in check_hu(hu, LIMITS)}


def refusal(hu: np.ndarray) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        check_hu(hu, LIMITS)
    return caught.value


def test_a_body_has_no_flag(body):
    assert codes(body) == set()


def test_constant_volume_is_refused(body):
    assert refusal(np.full_like(body, 37)).reason is Reason.CONSTANT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda hu: (hu.astype(np.int32) + 1024).astype(np.int16), "rescale intercept was not applied"),
        (lambda hu: ((hu.astype(np.float64) + 1000) / 4).astype(np.int16), "no fat near -100"),
        (lambda hu: np.clip(hu * 7.0, -1024, 32767).astype(np.int16), "no fat near -100"),
        (lambda hu: np.clip(hu, -160, 240).astype(np.int16), "cut off at 240 HU"),
        (lambda hu: (hu > 0).astype(np.int16), "mask or label map"),
        (lambda hu: np.random.default_rng(0).integers(0, 800, hu.shape).astype(np.int16), "no fat near -100"),
    ],
    ids=["unscaled", "8 bit", "times 7", "windowed", "mask", "MR-like"],
)
def test_what_is_not_in_hounsfield_units_is_refused_and_told_why(body, change, words):
    error = refusal(change(body))
    assert error.reason is Reason.NOT_HU
    assert words in error.message


def test_few_distinct_values_are_no_label_map_where_some_are_negative(body):
    coarse = (body // 40 * 40).clip(-1000)
    coarse[0, 30, 30] = 1500
    assert len(np.unique(coarse)) < 64
    assert codes(coarse.astype(np.int16)) == set()


def test_a_tight_crop_without_air_is_truncated(body):
    assert codes(body[:, 17:47, 16:48]) == {Reason.TRUNCATED_VIEW}


def test_tissue_at_the_front_rim_counts_and_the_table_at_the_back_does_not(body):
    front, back = body.copy(), body.copy()
    front[:, :2, 20:44] = back[:, -2:, 20:44] = 50
    assert (codes(front), codes(back)) == ({Reason.TRUNCATED_VIEW}, set())


def test_the_rim_is_a_circle_only_where_the_corners_are_padding(body):
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    square = body.copy()
    square[:, (np.maximum(abs(x), abs(y)) < 0.9) & (body[0] < -500)] = -100
    assert codes(square) == set()
    square[:, :4, :4] = -1024  # one padded corner makes no round view
    assert codes(square) == set()
    square[:, np.hypot(x, y) > 1] = -1024
    assert codes(square) == {Reason.TRUNCATED_VIEW}


def test_body_cut_by_a_round_view_is_flagged(body):
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    round_view = body[:, 14:46, 16:48].repeat(2, 1).repeat(2, 2).copy()
    round_view[:, np.hypot(x, y) > 1] = -1024
    assert Reason.TRUNCATED_VIEW in codes(round_view)


def test_sound_geometry_has_no_flag():
    assert check_geometry(Grid.axis_aligned((40, 512, 512), (0.7, 0.7, 2.5), (0, 0, 0)), LIMITS) == ()


def test_thick_and_oblique_are_flagged():
    turned = Rotation.from_euler("x", 12, degrees=True).as_matrix()
    grid = Grid((30, 512, 512), (0.8, 0.8, 5.0), (0.0, 0.0, 0.0), turned)
    flags = {flag.code: flag.message for flag in check_geometry(grid, LIMITS)}
    assert set(flags) == {Reason.OBLIQUE, Reason.THICK_SLICES}
    assert "12 degrees" in flags[Reason.OBLIQUE]
    assert "5.0 mm" in flags[Reason.THICK_SLICES]


@pytest.mark.parametrize(
    ("shape", "spacing", "reason"),
    [
        ((40, 64, 64), (5.0, 5.0, 40.0), Reason.BAD_GEOMETRY),
        ((40, 64, 64), (0.5, 0.5, 2.5), Reason.BAD_GEOMETRY),
        ((1, 64, 64), (5.0, 5.0, 2.5), Reason.SINGLE_SLICE),
        ((8, 64, 64), (5.0, 5.0, 2.5), Reason.LEVEL_NOT_IN_VIEW),
    ],
)
def test_impossible_geometry_is_refused(shape, spacing, reason):
    with pytest.raises(InputRefused) as caught:
        check_geometry(Grid.axis_aligned(shape, spacing, (0, 0, 0)), LIMITS)
    assert caught.value.reason is reason


def test_rows_and_columns_have_their_own_spacing():
    wide = Grid.axis_aligned((40, 64, 640), (0.5, 5.0, 2.5), (0, 0, 0))  # 320 x 320 mm
    assert {flag.code for flag in check_geometry(wide, LIMITS)} == {Reason.THICK_SLICES}


def test_acquisition_flags_say_what_is_known_and_what_is_not():
    def told(**tags) -> set[Reason]:
        return {flag.code for flag in acquisition_flags(SourceInfo("dicom", **tags), None, LIMITS)}

    assert told(kvp=120.0, kernel="B30f", contrast=False, slice_thickness_mm=1.0) == set()
    whole = {"kernel": "B30f", "contrast": False}
    assert [told(kvp=kvp, **whole) == set() for kvp in (100.0, 110.0, 130.0, 140.0)] == [False, True, True, False]
    assert told() == {Reason.KVP_UNKNOWN, Reason.KERNEL_UNKNOWN, Reason.CONTRAST_UNKNOWN}
    assert told(kvp=80.0, kernel="BONEPLUS", contrast=True, slice_thickness_mm=5.0) == {
        Reason.KVP_OTHER,
        Reason.KERNEL_SHARP,
        Reason.CONTRAST,
        Reason.THICK_SLICES,
    }


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"fat_hu": (-60, -140)}, "increasing"),
        ({"thick_mm": -1.0}, "negative"),
        ({"max_gap_mm": float("nan")}, "finite"),
        ({"max_odd_fraction": 1.5}, "at most 1"),
    ],
)
def test_limits_that_make_no_sense_are_refused(setting, words):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must .*{words}"):
        ReadingLimits(**setting)
