"""A case's folder: others' files stay, ours appear whole."""

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.output import case_folder
from OsteoJointLib.output.case_folder import Additions, check_case_folder, deliver_case
from OsteoJointLib.output.result_json import read_result

FILES = {"result.json", "segmentation.seg.nrrd", "report.html", "overview.png"}


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_folder_appears_with_everything(chain, tmp_path):
    out = tmp_path / "a" / "b"
    files = deliver_case(chain.result, out, Additions(texts={"note.txt": "more"}))
    assert names(out) == FILES | {"note.txt"}
    assert files[-1].name == "result.json"
    assert names(tmp_path / "a") == {"b"}
    assert "segmentation.seg.nrrd" in (out / "report.html").read_text("utf-8")


def test_a_pair_names_a_file_a_level(pair_case, tmp_path):
    deliver_case(pair_case, tmp_path / "out")
    document = read_result(tmp_path / "out")
    named = {level: document["segmentation"][level]["file"] for level in ("L1", "L2")}
    assert named == {"L1": "segmentation.L1.seg.nrrd", "L2": "segmentation.L2.seg.nrrd"}
    assert set(named.values()) <= names(tmp_path / "out")


def test_the_same_case_gives_the_same_bytes(case, tmp_path):
    for out in ("a", "b"):
        deliver_case(case, tmp_path / out)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_an_earlier_result_is_replaced_and_other_files_stay(chain, tmp_path):
    out = tmp_path / "out"
    deliver_case(chain.result, out)
    (out / "notes.txt").write_text("mine")
    (out / "report.html").write_text("old")
    deliver_case(chain.result, out)
    assert names(out) == FILES | {"notes.txt"}
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "report.html").read_text() != "old"
    assert names(tmp_path) == {"out"}


def test_a_row_of_an_earlier_result_does_not_stay_beside_a_new_one(chain, tmp_path):
    out = tmp_path / "out"
    deliver_case(chain.result, out, Additions(texts={"result.csv": "row"}))
    assert names(out) == FILES | {"result.csv"}
    deliver_case(chain.result, out)
    assert names(out) == FILES


def test_an_empty_folder_will_do(chain, tmp_path):
    check_case_folder(tmp_path)
    deliver_case(chain.result, tmp_path / "empty")
    (tmp_path / "other").mkdir()
    deliver_case(chain.result, tmp_path / "other")
    assert names(tmp_path / "other") == FILES


@pytest.mark.parametrize("content", [None, "{}", '{"schema": "other/1"}', "not json"])
def test_a_folder_with_others_files_is_refused_and_left_alone(chain, tmp_path, content):
    (tmp_path / "report.html").write_text("theirs")
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(UsageError, match="never overwritten") as refusal:
        deliver_case(chain.result, tmp_path)
    assert refusal.value.reason is Reason.OUTPUT_EXISTS
    assert (tmp_path / "report.html").read_text() == "theirs"


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        check_case_folder(tmp_path / "out")


def test_a_failed_delivery_leaves_nothing_behind(chain, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(case_folder, "write_report", fail)
    with pytest.raises(OSError, match="disk full"):
        deliver_case(chain.result, tmp_path / "a" / "b")
    assert names(tmp_path) == set()


def test_a_failed_redelivery_keeps_the_earlier_result(chain, tmp_path, monkeypatch):
    out = tmp_path / "out"
    deliver_case(chain.result, out)
    before = (out / "result.json").read_text()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(case_folder, "write_result", fail)
    with pytest.raises(OSError, match="disk full"):
        deliver_case(chain.result, out)
    assert (out / "result.json").read_text() == before
    assert json.loads(before)["schema"] == "osteojoint.result/2"
    assert names(tmp_path) == {"out"}


def test_files_of_two_runs_never_stand_beside_a_result(chain, tmp_path, monkeypatch):
    out, replace_file = tmp_path / "out", os.replace
    deliver_case(chain.result, out)

    def fail_on_report(source, target):
        if Path(target) == out / "report.html":
            raise PermissionError("open elsewhere")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", fail_on_report)
    for _ in range(2):  # also where an earlier run was stopped
        with pytest.raises(PermissionError):
            deliver_case(chain.result, out)
        assert not (out / "result.json").exists()
    monkeypatch.setattr(os, "replace", replace_file)
    check_case_folder(out)
    deliver_case(chain.result, out)
    assert names(out) == FILES


def test_a_kill_at_any_moment_leaves_the_whole_result_or_none(chain, tmp_path):
    (tmp_path / "result.pickle").write_bytes(pickle.dumps(chain.result))
    code = """
import pathlib, pickle, sys, time
from OsteoJointLib.output import case_folder
folder = pathlib.Path(sys.argv[1])
def hang(*_):
    (folder / "reached").touch()
    time.sleep(600)
case_folder.write_result = hang
case_folder.deliver_case(pickle.loads((folder / "result.pickle").read_bytes()), folder / "results" / "case")
"""
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).resolve().parents[3])
    end = time.monotonic() + 300
    while not (tmp_path / "reached").exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert (tmp_path / "reached").exists()
    assert not (tmp_path / "results" / "case").exists()
    deliver_case(chain.result, tmp_path / "results" / "case")
    assert names(tmp_path / "results" / "case") == FILES
