"""The table of reported fields: what is made of it, side by side; ``--renew`` writes schema and example anew."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from OsteoJointLib.cli.terminal import summary
from OsteoJointLib.errors import Reason
from OsteoJointLib.output.csv_rows import COLUMN_MEANINGS, row_of_result
from OsteoJointLib.output.fields import BASELINE, CASE, CLASS, ESTIMATE, IMAGE, LEVEL, View, seen_in
from OsteoJointLib.output.report import report_html
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.result_schema import SCHEMA_PATH, result_schema
from OsteoJointLib.records import Level

ALL = (*IMAGE, *CASE, *CLASS, *ESTIMATE, *BASELINE, *LEVEL)
FILES = {Level.L1: "one.seg.nrrd", Level.L2: "two.seg.nrrd"}


def as_text(document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def test_the_schema_for_users_is_the_table_s(golden):
    Draft202012Validator.check_schema(result_schema())
    golden(as_text(result_schema()), SCHEMA_PATH)


def test_a_result_is_what_it_was(lopsided_case, golden):
    document = result_document(lopsided_case, FILES)
    golden(as_text(document | {"version": "0"}), Path(__file__).with_name("example.result.json"))


def test_a_row_is_what_it_was(lopsided_case, golden):
    row = row_of_result("one", result_document(lopsided_case, FILES)) | {"version": "0"}
    text = "".join(f"{name}: {cell}\n" for name, cell in row.items())
    golden(text, Path(__file__).with_name("example.row.txt"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "name", ["case", "oblique_case", "pair_case", "poor_case", "doubtful_case", "lopsided_case", "whole_case"]
)
def test_every_kind_of_case_fits_the_schema(name, validator, request):
    document = result_document(request.getfixturevalue(name), {Level.L1: "a.seg.nrrd"})
    validator.validate(json.loads(json.dumps(document, allow_nan=False)))


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("classification", "status"), "healthy"),
        (("classification", "probabilities", "normal"), 1.5),
        (("levels", "L1", "slice_index"), -1),
        (("levels", "L2", "box_px"), [1.0, 2.0, 3.0]),
        (("input", "file_names"), ["folder/scan.nii"]),
        (("input", "kvp"), 0),
        (("model", "sha256"), None),
        (("segmentation", "L1", "area_mm2"), None),
        (("measurements", "L1", "hu_median"), None),
        (("measurements", "L2", "hu_sd"), -1.0),
        (("measurements", "L2", "bmd_mg_cm3"), 90.0),  # without the name of its calibration
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


def test_an_hu_of_zero_is_a_number_and_not_missing(case, validator):
    document = result_document(case)
    document["measurements"]["L1"] |= {"hu_mean": 0.0, "hu_median": 0.0}
    validator.validate(document)
    assert [field.said(document, "L1") for field in seen_in(View.REPORT)][:2] == ["0", "0"]


@pytest.mark.parametrize("name", ["poor_case", "case", "lopsided_case"])
def test_whatever_is_null_has_the_flag_that_its_row_names(name, request):
    document = result_document(request.getfixturevalue(name), FILES)
    flags = {(flag["code"], flag["level"]) for flag in document["flags"]}
    nulls = 0
    for field in LEVEL:
        for level in ("L1", "L2"):
            if field.value(document, level) is None and isinstance(field.null, Reason):
                nulls += 1
                assert flags & {(field.null, level), (field.null, None)}, (field.place, level)
    for field in IMAGE:
        if field.value(document["input"]) is None and isinstance(field.null, Reason):
            nulls += 1
            assert (field.null, None) in flags, field.place
    assert nulls == {"poor_case": 2 * 3 + 2 * 3 + 4, "case": 2 * 3, "lopsided_case": 2 + 1}[name]


def test_whole_bodies_are_reported_each_with_its_own_numbers(whole_case):
    said = result_document(whole_case)["segmentation"]
    assert [said[name]["volume_ml"] for name in ("T12", "L1", "L2", "L3")] == [10.8, 21.6, 22.5, 20.16]
    assert [said[name]["heights"]["anterior_mm"] for name in ("T12", "L1", "L2", "L3")] == [18.0, 17.8, 17.7, 17.6]
    assert said["L1"]["heights"] | {"anterior_mm": 0} == {
        "anterior_mm": 0,
        "middle_mm": 18.0,
        "posterior_mm": 21.0,
        "limit_mm": 2.5,
        "anterior_ratio": 0.848,
        "middle_ratio": 0.857,
    }
    assert said["L1"]["fracture"] == {"grade": 1, "shape": "wedge", "reduction": 0.219}
    assert (said["L2"]["fracture"]["grade"], said["T12"]["fracture"]["grade"]) == (0, None)
    cut = replace(whole_case, l1=replace(whole_case.l1, body=replace(whole_case.l1.body, cut=True, heights=None)))
    said = result_document(cut)["segmentation"]["L1"]
    assert said["volume_ml"] is None and set(said["heights"].values()) == {None}


def test_a_flag_for_a_null_names_its_own_level_only(poor_case):
    flags = [flag for flag in result_document(poor_case)["flags"] if flag["code"] == Reason.ROI_TOO_SMALL]
    assert [flag["level"] for flag in flags] == ["L2"]


def test_no_two_fields_share_a_place_a_column_or_a_name():
    places = Counter(field.place for field in (*CASE, *CLASS, *ESTIMATE, *BASELINE, *LEVEL))
    assert max(places.values()) == 1
    columns = Counter(
        name for fields in (IMAGE, CASE, CLASS, ESTIMATE, BASELINE) for field in fields for name in field.columns
    )
    columns += Counter(name for field in LEVEL for name in field.columns)
    assert max(columns.values()) == 1
    for view in View:
        heads = [field.head for field in seen_in(view)]
        assert len(heads) == len(set(heads)) > 4


def test_every_column_is_explained_in_a_sentence():
    for name, meaning in COLUMN_MEANINGS.items():
        assert meaning.endswith(".") and len(meaning) > 10, name
    assert COLUMN_MEANINGS["l2_hu_sd"] == "L2: Standard deviation in the region, HU; null with flag roi_too_small."


def test_people_see_what_was_measured_first_then_the_mask_then_the_point():
    order = [field.place.split(".")[0] for field in seen_in(View.TERMINAL)]
    assert list(dict.fromkeys(order)) == ["measurements", "segmentation", "levels"]
    assert seen_in(View.REPORT)[0].head == "Mean HU"


def test_the_terminal_says_whether_the_class_is_reliable(case, poor_case):
    said = [summary(result_document(one), []) for one in (case, poor_case)]
    assert ["osteopenia (NOT RELIABLE)" in words for words in said] == [False, True]


def test_every_page_says_that_a_class_is_indeterminate(case):
    open_case = replace(case, classification=replace(case.classification, indeterminate=True))
    for one, said in ((case, False), (open_case, True)):
        document = result_document(one)
        assert document["classification"]["indeterminate"] is said
        assert ("osteopenia, indeterminate" in summary(document, [])) is said
        assert (report_html(one).count("Indeterminate") == 1) is said


def test_the_first_line_says_that_the_class_is_held_back_and_how_to_confirm_the_levels(doubtful_case):
    document = result_document(doubtful_case)
    first, *rest = summary(document, []).splitlines()
    r, a, s = document["levels"]["L2"]["center_ras_mm"]
    assert first.startswith("No class is given") and first.endswith(f"--l2={r:g},{a:g},{s:g}")
    assert "Bone status: –" in "\n".join(rest)


def test_the_terminal_says_each_level_s_own(lopsided_case):
    lines = summary(result_document(lopsided_case), []).splitlines()
    cells = {(parts := re.split(" {2,}", line))[0]: parts[1:] for line in lines[1:14]}
    assert lines[0].split() == ["L1", "L2"]
    assert cells["Mean HU"] == ["160", "131"] and cells["Median HU"] == ["161", "130"]
    assert cells["BMD, mg/cm³"] == ["102", "–"] and cells["Erosion, mm"] == ["3.0", "3.5"]
    assert cells["Area of the body, mm²"] == ["864", "1022"]
