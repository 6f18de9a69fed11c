"""What a scan shows: fields by protocol, reformats, padding, and that binned pixels are less noisy."""

import numpy as np
import pytest

from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.phantom.patient import build_patient
from OsteoJointLib.phantom.scanner.acquisition import PADDING_HU, binned, draw_acquisition
from OsteoJointLib.phantom.scanner.field import Field, draw_field, pad_round

COLUMN = np.array([[5.0, 30.0, z] for z in range(200, -160, -30)], float)


@pytest.fixture(scope="module")
def fields():
    return {
        randomized: [draw_field(np.random.default_rng(s), COLUMN, randomized) for s in range(400)]
        for randomized in (False, True)
    }


def named(fields, protocol):
    return [field for field in fields[True] if field.protocol == protocol]


def middle(fields, axis):
    return np.mean([0.5 * (field.low_lps_mm[axis] + field.high_lps_mm[axis]) for field in fields])


def test_a_hospital_mostly_scans_abdomens_and_training_all_kinds(fields):
    shares = {kind: np.mean([field.protocol == "abdomen" for field in fields[kind]]) for kind in (False, True)}
    assert shares[False] > 0.6 and shares[True] < 0.4
    assert {field.protocol for field in fields[True]} == {"abdomen", "chest", "lumbar", "sagittal", "coronal", "part"}


def test_no_field_reaches_far_above_the_column_and_all_hold_four_bodies(fields):
    for field in fields[True]:
        assert field.high_lps_mm[2] <= COLUMN[0, 2] + 8.0
        assert field.high_lps_mm[2] - field.low_lps_mm[2] >= 110.0


def test_a_chest_ends_higher_than_an_abdomen_and_a_strip_is_narrow_from_right_to_left(fields):
    chest, abdomen, strips = (named(fields, protocol) for protocol in ("chest", "abdomen", "sagittal"))
    assert max(field.low_lps_mm[2] for field in abdomen) < min(field.low_lps_mm[2] for field in chest)
    assert all(field.width_mm <= 150.0 <= field.high_lps_mm[1] - field.low_lps_mm[1] for field in strips)


def test_a_field_lies_about_the_column_and_before_it(fields):
    lumbar = named(fields, "lumbar")
    assert middle(lumbar, 0) == pytest.approx(5.0, abs=3.0)
    assert 30.0 - 35.0 < middle(lumbar, 1) < 30.0


def test_voxels_begin_at_the_low_corner():
    grid = Field("lumbar", (-10.0, 20.0, -5.0), (10.0, 50.0, 7.0), False).grid((2.0, 3.0, 4.0))
    assert grid.shape_zyx == (3, 10, 10)
    assert grid.origin_lps_mm == (-9.0, 21.5, -3.0)


def test_only_the_corners_are_padded():
    hu = np.zeros((2, 21, 21), np.int16)
    pad_round(hu, PADDING_HU)
    assert hu[0, 0, 0] == hu[1, 20, 20] == PADDING_HU
    assert hu[0, 10, 0] == hu[0, 0, 10] == hu[0, 10, 10] == 0


def test_binned_pixels_are_less_noisy_and_larger_ones_than_the_field_s_own_stay():
    plain = draw_acquisition(np.random.default_rng(0), False)
    assert binned(plain, 358.4, 1.4).noise_hu == pytest.approx(plain.noise_hu / 2.0**0.8)
    assert binned(plain, 512.0, 0.5).noise_hu == plain.noise_hu


@pytest.mark.parametrize(("protocol", "thick_axis"), [("sagittal", 0), ("coronal", 1), ("lumbar", 2)])
def test_the_slices_of_a_reformat_run_the_other_way(monkeypatch, protocol, thick_axis):
    field = Field(protocol, (-30.0, 0.0, -40.0), (30.0, 60.0, 40.0), False)
    monkeypatch.setattr("OsteoJointLib.phantom.cases.draw_field", lambda *_: field)
    thickness = build_patient(np.random.default_rng([7, 1]), False).acquisition.thickness_mm
    spacing = make_phantom(7, any_field=True).volume.grid.spacing_xyz_mm
    assert spacing[thick_axis] == thickness and spacing.count(thickness) == 1
