"""result.json by its contract: worked numbers, nulls with flags, no patient data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.output.result_json import read_result, result_document, write_result
from OsteoJointLib.records import Level


def test_points_leave_in_ras(case):
    document = result_document(case)
    # LPS of voxel (z 16, y 31.5, x 39.5): x -60 + 59.25, y -50 + 47.25, z -200 + 80
    assert document["levels"]["L1"]["center_ras_mm"] == [0.75, 2.75, -120.0]
    geometry = document["input"]["geometry"]
    assert geometry["origin_ras_mm"] == [60.0, 50.0, -200.0]
    assert geometry["axes_ras"] == [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]


def test_the_axes_of_an_oblique_ct_are_its_columns_in_ras(oblique_case):
    direction = oblique_case.volume.grid.direction
    axes = result_document(oblique_case)["input"]["geometry"]["axes_ras"]
    # the x axis is turned by 17 degrees about z: (cos, sin, 0) in LPS
    assert axes[0] == pytest.approx([-np.cos(np.deg2rad(17)), -np.sin(np.deg2rad(17)), 0.0])
    assert axes[1] == pytest.approx([-direction[0, 1], -direction[1, 1], direction[2, 1]])


def test_each_slice_of_a_pair_is_its_level_s(pair_case):
    images = result_document(pair_case)["input"]
    assert [images[level]["file_names"] for level in ("L1", "L2")] == [[], []]
    own = replace(pair_case, options=replace(pair_case.options, own_names=True))
    named = result_document(own)["input"]
    assert [named[level]["file_names"] for level in ("L1", "L2")] == [["L1.dcm"], ["L2.dcm"]]
    assert images["L1"]["geometry"]["origin_ras_mm"][2] == -200.0 + 16 * 5.0


def test_the_box_is_in_the_ct_s_own_pixels(case):
    # pixel centers lie on every half voxel: edge 55 -> center 54.5 -> voxel 27.25 -> edge 27.75
    assert result_document(case)["levels"]["L1"]["box_px"] == [27.75, 23.75, 51.75, 39.75]


def test_the_box_knows_x_from_y(lopsided_case):
    # steps (y 0.5, x 0.25) from (y -3, x 2): edge x 40 -> center 39.5 -> voxel 2 + 9.875 -> edge 12.375, and so on
    assert result_document(lopsided_case)["levels"]["L2"]["box_px"] == [12.38, 22.25, 32.38, 42.25]


def test_probabilities_carry_their_own_names(case):
    probabilities = result_document(case)["classification"]["probabilities"]
    assert probabilities == {"normal": 0.25, "osteopenia": 0.625, "osteoporosis": 0.125}


def test_every_null_has_a_flag_that_says_why(poor_case):
    document = result_document(poor_case)
    codes = {(flag["code"], flag["level"]) for flag in document["flags"]}
    assert document["measurements"]["L2"]["hu_mean"] is None
    assert document["input"]["kvp"] is document["input"]["kernel"] is document["input"]["contrast"] is None
    assert {("roi_too_small", "L2"), ("kvp_unknown", None), ("kernel_unknown", None)} <= codes
    assert {("contrast_unknown", None), ("not_calibrated", None), ("not_computed", None), ("metal", "L2")} <= codes
    assert ("roi_too_small", "L1") not in codes


def test_a_class_held_back_is_null_with_all_that_follows_from_it(doubtful_case):
    document = result_document(doubtful_case)
    assert set(document["classification"]["probabilities"].values()) == {None}
    assert document["classification"]["fusion_weights"] == {"L1": None, "L2": None}
    assert (document["classification"]["status"], document["baseline"]) == (None, None)
    assert [document["levels"][level]["in_doubt"] for level in Level] == [True, False]
    assert document["measurements"]["L1"]["hu_mean"] == 160.0
    assert document["flags"][0]["code"] == "class_held_back"


def test_other_bodies_stand_under_their_names_and_no_name_beyond_the_anatomy(case):
    t12, l1, l2 = case.levels.column
    levels = replace(
        case.levels, column=(t12, t12, l1, l2), names=("", *case.levels.names), name_confidence=(0.4, 0.95, 0.96, 0.96)
    )
    document = result_document(replace(case, levels=levels))["levels"]
    assert list(document) == ["L1", "L2", "T12"]
    left, posterior, superior = t12.center_lps_mm
    assert document["T12"] == {
        "center_ras_mm": [-left, -posterior, superior],
        "slice_index": 23,
        "confidence": 0.95,
        "circle_hu": -100.0,
        "circle_hu_sd": 0.0,  # there is no bone so high
    }
    cut = replace(levels, column=(t12, replace(t12, cut=True), l1, l2))
    assert result_document(replace(case, levels=cut))["levels"]["T12"]["circle_hu"] is None
    beyond = replace(case.levels, names=("C7", "L1", "L2"))
    assert list(result_document(replace(case, levels=beyond))["levels"]) == ["L1", "L2"]


def test_only_base_names_of_files_are_kept(poor_case):
    own = replace(poor_case, options=replace(poor_case.options, own_names=True))
    text = json.dumps(result_document(own))
    assert "scan <b>.nii.gz" in text
    assert "jane" not in text


def test_a_number_that_is_not_finite_is_a_fault(case):
    measurement = replace(case.l1.measurement, hu_mean=float("nan"))
    with pytest.raises(RunFailed, match="is nan"):
        result_document(replace(case, l1=replace(case.l1, measurement=measurement)))


def test_written_and_read_back(case, tmp_path):
    write_result(case, tmp_path, {Level.L1: "m.seg.nrrd", Level.L2: "m.seg.nrrd"})
    document = read_result(tmp_path)
    assert document == result_document(case, {Level.L1: "m.seg.nrrd", Level.L2: "m.seg.nrrd"})
    assert document["notice"].startswith("Research only")


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "osteojoint.result/1"}'])
def test_another_format_is_refused(text, tmp_path):
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFailed, match=r"result\.json|osteojoint\.result/2"):
        read_result(tmp_path)
