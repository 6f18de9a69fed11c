"""The table's row: the same columns for every ending of a case."""

from __future__ import annotations

import csv

import pytest

from OsteoJointLib.errors import InputRefused, ModelRefused, Reason, RunFailed
from OsteoJointLib.output.csv_rows import COLUMNS, row_of_failure, row_of_result, write_table
from OsteoJointLib.output.result_json import result_document


def test_the_first_columns_say_which_case_and_how_it_ended():
    assert COLUMNS[:10] == (
        *("case", "outcome", "reason", "message", "reliable", "status"),
        *("p_normal", "p_osteopenia", "p_osteoporosis", "indeterminate"),
    )
    assert len(COLUMNS) == len(set(COLUMNS))
    assert COLUMNS[-1] == "notice"


def test_a_finished_case_fills_its_row(case):
    row = row_of_result("case 1", result_document(case))
    assert tuple(row) == COLUMNS
    assert (row["case"], row["outcome"], row["status"], row["reliable"]) == ("case 1", "done", "osteopenia", "yes")
    assert (row["p_normal"], row["p_osteopenia"], row["p_osteoporosis"]) == ("0.25", "0.625", "0.125")
    assert row["baseline_status"] == "osteopenia"
    assert (row["l1_center_r_mm"], row["l1_center_a_mm"], row["l1_center_s_mm"]) == ("0.75", "2.75", "-120.0")
    assert (row["l1_hu_mean"], row["l2_hu_median"], row["l2_roi_voxels"]) == ("160.0", "161.0", "800")
    assert (row["l1_bmd_mg_cm3"], row["l1_volume_ml"]) == ("", "")
    assert (row["l1_edited"], COLUMNS.index("l1_edited")) == ("no", COLUMNS.index("l1_area_mm2") + 1)
    assert (row["contrast"], row["kvp"], row["seconds"]) == ("no", "120.0", "2.25")
    assert "Research only" in row["notice"]


def test_a_doubtful_case_says_so_and_leaves_out_what_is_null(poor_case):
    row = row_of_result("x", result_document(poor_case))
    assert row["reliable"] == "no"
    assert row["l2_hu_mean"] == row["baseline_status"] == row["kvp"] == row["kernel"] == ""
    assert "roi_too_small" in row["flags"].split()


def test_a_mask_that_a_user_corrected_is_said(case):
    document = result_document(case)
    document["segmentation"]["L2"]["edited"] = True
    assert row_of_result("x", document)["l2_edited"] == "yes"


def test_a_result_of_an_older_version_has_no_plain_rule(case):
    document = result_document(case)
    del document["baseline"]
    assert row_of_result("old", document)["baseline_status"] == ""


def test_a_pair_of_slices_has_the_same_columns(pair_case):
    row = row_of_result("pair", result_document(pair_case))
    assert tuple(row) == COLUMNS
    assert row["kernel"] == "STANDARD"


def test_a_pair_of_different_slices_says_both(pair_case):
    document = result_document(pair_case)
    document["input"]["L2"]["kernel"] = "BONE"
    assert row_of_result("pair", document)["kernel"] == "STANDARD|BONE"


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (InputRefused(Reason.NOT_CT, "A CT was expected, MR came."), "refused", "not_ct"),
        (ModelRefused(Reason.WEIGHTS_HASH, "Wrong hash."), "failed", "weights_hash"),
        (RunFailed(Reason.OUT_OF_MEMORY, "Memory ran out."), "failed", "out_of_memory"),
    ],
)
def test_a_case_without_a_result_has_a_row_with_its_reason(error, outcome, reason):
    row = row_of_failure("bad", error)
    assert tuple(row) == COLUMNS
    assert (row["outcome"], row["reason"]) == (outcome, reason)
    assert row["message"] == error.message
    assert row["status"] == row["l1_hu_mean"] == row["reliable"] == ""


def test_the_message_of_a_row_names_a_path_only_where_names_are_no_secret():
    error = InputRefused(Reason.NOT_FOUND, "There is nothing at /data/Smith.", "There is no such file.")
    assert row_of_failure("a", error)["message"] == error.public
    assert row_of_failure("a", error, own_names=True)["message"] == error.message


def test_the_file_reads_back_whatever_the_texts_hold(case, tmp_path):
    texts = ['a, "quoted" case', "=1+1", "lines\nin a name", "-5"]
    rows = [row_of_failure(text, RunFailed(Reason.FAILED, text)) for text in texts] + [
        row_of_result("é", result_document(case))
    ]
    write_table(rows, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert back == rows
    # nothing that a spreadsheet would take for a formula
    assert [row["case"] for row in back] == ['a, "quoted" case', "'=1+1", "lines in a name", "'-5", "é"]
