"""The case's folder: every file whole, result.json last, nothing else touched."""

from __future__ import annotations

import pytest

from OsteoJointLib.output import case_files
from OsteoJointLib.output.case_files import write_case
from OsteoJointLib.output.result_json import read_result

FILES = {"result.json", "report.html", "overview.png", "segmentation.seg.nrrd"}


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_all_files_are_written_and_named(case, tmp_path):
    folder = tmp_path / "new" / "case"
    files = write_case(case, folder)
    assert names(folder) == FILES
    assert files.result == folder / "result.json"
    document = read_result(folder)
    assert document["segmentation"]["L2"]["file"] == "segmentation.seg.nrrd"


def test_a_pair_names_a_file_a_level(pair_case, tmp_path):
    write_case(pair_case, tmp_path)
    document = read_result(tmp_path)
    named = {level: document["segmentation"][level]["file"] for level in ("L1", "L2")}
    assert named == {"L1": "segmentation.L1.seg.nrrd", "L2": "segmentation.L2.seg.nrrd"}
    assert set(named.values()) <= names(tmp_path)


@pytest.mark.parametrize("step", ["write_segmentation", "write_overview", "write_report", "write_result"])
def test_a_run_that_breaks_leaves_no_result(step, case, tmp_path, monkeypatch):
    (tmp_path / "result.json").write_text("of an earlier run", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("a user's", encoding="utf-8")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(case_files, step, broken)
    with pytest.raises(OSError, match="disk full"):
        write_case(case, tmp_path)
    left = names(tmp_path)
    assert "result.json" not in left
    assert left <= FILES | {"mine.txt"}, "no temporary file stays"
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "a user's"


def test_a_second_run_replaces_the_first(case, poor_case, tmp_path):
    write_case(case, tmp_path)
    write_case(poor_case, tmp_path)
    assert names(tmp_path) == FILES
    assert read_result(tmp_path)["measurements"]["L2"]["hu_mean"] is None


def test_the_same_case_gives_the_same_bytes(case, tmp_path):
    folders = (tmp_path / "a", tmp_path / "b")
    for folder in folders:
        write_case(case, folder)
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
