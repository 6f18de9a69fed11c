"""result.json by its contract: worked numbers, nulls with flags, the schema, no patient data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator, ValidationError

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import box_to_plane
from OsteoJointLib.output.doubts import all_flags, class_is_reliable
from OsteoJointLib.output.result_json import SCHEMA_PATH, read_result, result_document, write_result
from OsteoJointLib.records import AxialSlice, Flag, Level


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", ["case", "oblique_case", "pair_case", "poor_case"])
def test_every_kind_of_case_fits_the_schema(name, validator, request):
    document = result_document(request.getfixturevalue(name), {Level.L1: "a.seg.nrrd"})
    validator.validate(json.loads(json.dumps(document, allow_nan=False)))


def test_the_schema_has_exactly_the_contract_s_keys(case):
    document = result_document(case)
    contract = (
        "input model device levels segmentation classification baseline measurements flags timings_s version schema "
        "notice"
    )
    assert set(document) == set(contract.split())
    assert set(document["levels"]["L1"]) == {"center_ras_mm", "slice_index", "box_px", "confidence", "source"}
    assert set(document["segmentation"]["L1"]) == {"file", "area_mm2", "volume_ml", "refined", "edited"}
    assert set(document["baseline"]) == {"status", "hu_mean", "low_hu", "high_hu", "method"}
    assert set(document["classification"]) == {"status", "probabilities", "fusion_weights"}
    measured = "roi erosion_mm voxels hu_mean hu_median hu_sd bmd_mg_cm3 calibration"
    assert set(document["measurements"]["L1"]) == set(measured.split())


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("classification", "status"), "healthy"),
        (("levels", "L1", "slice_index"), -1),
        (("input", "file_names"), ["folder/scan.nii"]),
        (("model", "sha256"), None),
        (("measurements", "L1", "hu_median"), None),
        (("extra",), 1),
    ],
)
def test_the_schema_refuses_what_the_contract_does_not_hold(case, validator, keys, value):
    document = result_document(case)
    part = document
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises(ValidationError):
        validator.validate(document)


def test_points_leave_in_ras(case):
    document = result_document(case)
    # LPS of voxel (z 16, y 31.5, x 39.5): x -60 + 59.25, y -50 + 47.25, z -200 + 80
    assert document["levels"]["L1"]["center_ras_mm"] == [0.75, 2.75, -120.0]
    geometry = document["input"]["geometry"]
    assert geometry["origin_ras_mm"] == [60.0, 50.0, -200.0]
    assert geometry["axes_ras"] == [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]


def test_the_box_is_in_the_ct_s_own_pixels(case):
    # pixel centers lie on every half voxel: edge 55 -> center 54.5 -> voxel 27.25 -> edge 27.75
    assert result_document(case)["levels"]["L1"]["box_px"] == [27.75, 23.75, 51.75, 39.75]


def test_a_box_on_a_native_slice_stays_as_it_is():
    image = np.zeros((512, 512), dtype=np.float32)
    axial = AxialSlice(Level.L1, image, image, 0.7, 3, (0.0, 0.0), (1.0, 1.0))
    assert box_to_plane((10.0, 20.0, 30.5, 40.0), axial) == (10.0, 20.0, 30.5, 40.0)


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


def test_a_stage_s_own_flag_is_not_said_twice(poor_case):
    own = Flag(Reason.ROI_TOO_SMALL, "Four pixels are too few.", Level.L2)
    flags = all_flags(replace(poor_case, flags=(own, own)))
    assert [flag for flag in flags if flag.code == Reason.ROI_TOO_SMALL] == [own]


def test_a_clean_case_is_reliable_and_a_doubtful_one_says_so_in_words(case, poor_case):
    assert class_is_reliable(all_flags(case))
    flags = all_flags(poor_case)
    assert not class_is_reliable(flags)
    assert flags[0].code == Reason.CLASS_NOT_RELIABLE
    assert "kernel is not known" in flags[0].message
    assert "metal" in flags[0].message


@pytest.mark.parametrize("reason", [Reason.CONTRAST, Reason.KERNEL_UNKNOWN, Reason.LEVELS_UNCERTAIN])
def test_one_doubt_is_enough_to_make_the_class_unreliable(case, reason):
    flags = all_flags(replace(case, flags=(Flag(reason, "A doubt."),)))
    assert not class_is_reliable(flags)
    assert Reason.CLASS_NOT_RELIABLE in {flag.code for flag in flags}


def test_flags_of_volume_levels_and_case_are_joined(case):
    flags = [Flag(reason, f"Because {reason}.") for reason in (Reason.OBLIQUE, Reason.STUB_RIB, Reason.THICK_SLICES)]
    case = replace(
        case,
        volume=replace(case.volume, flags=(flags[0],)),
        levels=replace(case.levels, flags=(flags[1],)),
        flags=(flags[2],),
    )
    assert set(flags) <= set(all_flags(case))


def test_only_base_names_of_files_are_kept(poor_case):
    text = json.dumps(result_document(poor_case))
    assert "scan <b>.nii.gz" in text
    assert "jane" not in text


def test_a_number_that_is_not_finite_is_a_fault(case):
    measurement = replace(case.l1.measurement, hu_mean=float("nan"))
    with pytest.raises(RunFailed, match="finite"):
        result_document(replace(case, l1=replace(case.l1, measurement=measurement)))


def test_written_and_read_back(case, tmp_path):
    write_result(case, tmp_path, {Level.L1: "m.seg.nrrd", Level.L2: "m.seg.nrrd"})
    document = read_result(tmp_path)
    assert document == result_document(case, {Level.L1: "m.seg.nrrd", Level.L2: "m.seg.nrrd"})
    assert document["notice"].startswith("Research only")


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "osteojoint.result/2"}'])
def test_another_format_is_refused(text, tmp_path):
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFailed, match=r"result\.json|osteojoint\.result/1"):
        read_result(tmp_path)
