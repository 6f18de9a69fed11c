"""A batch over a folder: the command, the rows as they come, the ending, and that nothing outlives a cancel."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import slicer

from OsteoJointLib.batch.ledger import CaseRecord, Ledger, Outcome
from OsteoJointLib.cli.demo import DEMO_SEED
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason
from OsteoJointLib.output.csv_rows import row_of_failure
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.phantom.writing import write_nrrd
from OsteoJointLib.slicer_bridge.batch.folder_batch import FolderBatch, analyze_folder
from OsteoJointLib.slicer_bridge.batch.node_batch import analyze_nodes
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings

REFUSED = InputRefused(Reason.NOT_CT, "This is an MR, not a CT.")

START = """#!{python}
import shutil, sqlite3, subprocess, sys, time
from pathlib import Path

arguments = sys.argv[1:]
out = Path(arguments[arguments.index("--out") + 1])
tables = Path(__file__).parent
out.mkdir(parents=True, exist_ok=True)
(out / "arguments.txt").write_text("\\n".join(arguments), encoding="utf-8")
def case(number, total):
    word = arguments[arguments.index("--word") + 1]
    shutil.copyfile(tables / f"{{number}}.sqlite", out / "new")
    with sqlite3.connect(out / "new") as ledger:
        ledger.execute("PRAGMA journal_mode = DELETE")
        ledger.execute("UPDATE cases SET batch = ? WHERE batch = 'now'", (word,))
    ledger.close()
    (out / "new").replace(out / "batch.sqlite")
    print(f"{{number}}/{{total}}", file=sys.stderr, flush=True)
"""


@pytest.fixture
def interpreter(tmp_path):
    """Makes a stand-in for `python -m OsteoJointLib batch` that does what its text says."""
    folder = tmp_path / "Füße"
    folder.mkdir()
    rows = [row_of_failure(name, REFUSED) for name in ("another's", "Fuß-1", "Fuß-2")]
    batches, outcomes = ("earlier", "now", "now"), ("refused", "refused", "skipped")
    for number, (row, outcome, batch) in enumerate(zip(rows, outcomes, batches, strict=True)):
        with Ledger(tmp_path / "made") as ledger:
            ledger.enter(CaseRecord(row["case"], Outcome(outcome), row, batch=batch))
        shutil.copyfile(tmp_path / "made" / "batch.sqlite", folder / f"{number}.sqlite")

    def make(text: str) -> WorkerSettings:
        script = folder / "python"
        script.write_text(START.format(python=sys.executable) + text, encoding="utf-8")
        script.chmod(0o755)
        return WorkerSettings(python=str(script), device="cpu")

    return make


def test_only_its_own_cases_are_told_and_which_were_done_before(scene, interpreter, tmp_path, host):
    settings = interpreter("case(1, 2); case(2, 2); print('2 cases')")
    (tmp_path / "out").mkdir()
    shutil.copyfile(tmp_path / "Füße" / "0.sqlite", tmp_path / "out" / "batch.sqlite")
    batch = FolderBatch([tmp_path], tmp_path / "out", settings)
    ends = []
    batch.ended.connect(ends.append)
    batch.start()
    assert host.wait_until(lambda: ends, 10)
    assert list(batch.rows) == ["Fuß-1", "Fuß-2"]
    assert batch.skipped == {"Fuß-2"}
    assert ends[0].words == "2 cases: 1 skipped, 1 refused."


def test_rows_come_one_by_one(scene, interpreter, tmp_path):
    settings = interpreter("case(1, 2); time.sleep(0.3); case(2, 2); print('2 cases')")
    (tmp_path / "out").mkdir()
    shutil.copyfile(tmp_path / "Füße" / "0.sqlite", tmp_path / "out" / "batch.sqlite")
    told = []
    rows = analyze_folder(tmp_path, tmp_path / "out", settings=settings, on_progress=lambda *one: told.append(one))
    assert [row["case"] for row in rows] == ["Fuß-1", "Fuß-2"]
    assert [(done, total, row["case"]) for done, total, row in told] == [(1, 2, "Fuß-1"), (2, 2, "Fuß-2")]
    assert rows[0]["outcome"] == "refused"
    assert rows[0]["reason"] == "not_ct"


def test_rows_that_come_together_are_counted_one_by_one(scene, interpreter, tmp_path):
    settings = interpreter("case(2, 4); print('2/4', file=sys.stderr); print('2 cases')")
    told = []
    analyze_folder(tmp_path, tmp_path / "out", settings=settings, on_progress=lambda *one: told.append(one[:2]))
    assert told == [(1, 4), (2, 4)]


def test_the_command_says_what_was_asked_for(scene, interpreter, tmp_path):
    settings = interpreter("print('0 cases')")
    out = tmp_path / "out"
    wanted = {"skip_existing": False, "refine": True, "gradcam": False, "facts": "facts.csv"}
    analyze_folder([tmp_path / "a", "-b"], out, settings=settings, **wanted)
    arguments = (out / "arguments.txt").read_text(encoding="utf-8").splitlines()
    assert arguments[:4] == ["-m", "OsteoJointLib", "batch", str(tmp_path / "a")]
    assert arguments[4] == str(Path("-b").absolute())
    assert arguments[5:] == ["--out", str(out), "--device", "cpu", "--weights", "compact", *arguments[11:]]
    assert (arguments[11:14], arguments[15:]) == (
        ["--names", "neutral", "--word"],
        ["--fresh", "--refine", "--no-gradcam", "--facts", str(Path("facts.csv").absolute())],
    )


def test_done_cases_are_skipped_unless_told_otherwise(scene, interpreter, tmp_path):
    analyze_folder(tmp_path, tmp_path / "out", settings=interpreter("print('0 cases')"))
    assert "--fresh" not in (tmp_path / "out" / "arguments.txt").read_text().splitlines()


def test_a_refusal_says_its_reason(scene, interpreter, tmp_path):
    settings = interpreter("print('osteojoint: Name another folder. [output_exists]', file=sys.stderr); sys.exit(2)")
    with pytest.raises(OsteoJointError, match=r"^Name another folder\.$") as refusal:
        analyze_folder(tmp_path, tmp_path / "out", settings=settings)
    assert refusal.value.reason is Reason.OUTPUT_EXISTS


def test_a_batch_that_breaks_says_its_last_words(scene, interpreter, tmp_path):
    settings = interpreter("print('Segmentation fault', file=sys.stderr); sys.exit(139)")
    with pytest.raises(OsteoJointError, match=r"exit code 139. Its last words: Segmentation fault"):
        analyze_folder(tmp_path, tmp_path / "out", settings=settings)


def test_a_missing_interpreter_is_said(scene, tmp_path):
    with pytest.raises(OsteoJointError, match="no Python"):
        analyze_folder(tmp_path, tmp_path / "out", settings=WorkerSettings(python="/nowhere/python"))


def test_a_missing_package_is_named(scene, interpreter, tmp_path):
    settings = interpreter("import no_such_package_of_ours")
    with pytest.raises(OsteoJointError, match="no_such_package_of_ours") as refusal:
        analyze_folder(tmp_path, tmp_path / "out", settings=settings)
    assert refusal.value.reason is Reason.DEPENDENCY_MISSING


def test_false_from_the_caller_stops_it(scene, interpreter, tmp_path):
    settings = interpreter("case(1, 2); time.sleep(60)")
    rows = analyze_folder(tmp_path, tmp_path / "out", settings=settings, on_progress=lambda *one: False)
    assert len(rows) == 1


def test_what_the_caller_raises_is_raised_and_ends_it(scene, interpreter, tmp_path):
    settings = interpreter("case(1, 2); time.sleep(60)")

    def broken(done, total, row):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        analyze_folder(tmp_path, tmp_path / "out", settings=settings, on_progress=broken)


def test_cancel_kills_the_whole_tree(scene, interpreter, tmp_path, host):
    settings = interpreter(
        "child = subprocess.Popen(['sleep', '60']); (out / 'pid').write_text(str(child.pid)); time.sleep(60)"
    )
    batch = FolderBatch([tmp_path], tmp_path / "out", settings)
    ends = []
    batch.ended.connect(ends.append)
    batch.start()
    pid = tmp_path / "out" / "pid"
    assert host.wait_until(lambda: pid.exists() and pid.read_text(), 10)
    batch.cancel()
    assert host.wait_until(lambda: not is_running(int(pid.read_text())), 5)
    assert not ends


@pytest.mark.timeout_s(300)
def test_a_file_and_its_volume_in_the_scene_read_alike(scene, tmp_path):
    path = write_nrrd(make_phantom(DEMO_SEED), tmp_path / "Äpfel" / "p")
    path.with_name("broken.nrrd").write_bytes(b"NRRD0004\n")
    settings = WorkerSettings(device="cpu")
    broken, read = analyze_folder(path.parents[1], tmp_path / "folder", settings=settings)
    assert (broken["outcome"], broken["reason"]) == ("refused", "unreadable")
    node = slicer.util.loadVolume(str(path))
    (loaded,) = analyze_nodes(node, tmp_path / "nodes", settings=settings)
    assert read["outcome"] == "done"
    same = ("status", "model_sha256", "l1_slice_index", "l1_roi_voxels", "l2_roi_voxels")
    assert [loaded[name] for name in same] == [read[name] for name in same]
    for name in ("l1_hu_mean", "l2_hu_mean", "l1_area_mm2", "p_osteoporosis", "l2_center_s_mm"):
        assert float(loaded[name]) == pytest.approx(float(read[name]), abs=0.02), name
    for folder, row in (("folder", read), ("nodes", loaded)):
        assert (tmp_path / folder / "cases" / row["case"] / "report.html").is_file()
    assert not list(Path(slicer.app.temporaryPath).glob("OsteoJoint-*"))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
