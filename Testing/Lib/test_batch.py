"""A batch: every case has its row, a dead worker costs one case, resume does only what is left."""

import csv
import hashlib
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset

from OsteoJointLib.batch.inputs import find_cases, fingerprint, own_name
from OsteoJointLib.batch.ledger import CaseRecord, Ledger, Outcome, read_entered, read_ledger
from OsteoJointLib.batch.naming import Namer, Newcomer
from OsteoJointLib.batch.run import BatchOptions, run_batch
from OsteoJointLib.batch.tables import Tables
from OsteoJointLib.batch.worker_pool import WorkerProcess
from OsteoJointLib.device import usable_cores
from OsteoJointLib.errors import InputRefused, ModelRefused, Reason, RunFailed, UsageError
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.locking import LOCK_FILE, present
from OsteoJointLib.names import Names
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.pipeline.config_file import config_of
from OsteoJointLib.pipeline.measure import MeasureConfig
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig, ReadOptions
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.worker.answers import Loaded, LoadedModel

FAKE = """
import json, os, pathlib, sys, time
document = json.loads(pathlib.Path(sys.argv[1]).read_text())
log = open(sys.argv[2], "a")
def say(request, event, **fields):
    print(json.dumps({"id": request["id"], "event": event, **fields}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    print(line, end="", file=log, flush=True)
    if request["op"] == "load":
        weights = request.get("weights", "compact")
        if weights == "broken":
            say(request, "error", reason="weights_hash", message="The hash is wrong.", exit_code=4)
        else:
            loaded = json.loads(pathlib.Path(sys.argv[3]).read_text())
            say(request, "done", **loaded | {"model": loaded["model"] | {"sha256": weights}})
    elif request["op"] == "analyze":
        name = request["input"]
        content = "" if isinstance(name, list) else pathlib.Path(name).read_text()
        if content == "die":
            print("last words", file=sys.stderr, flush=True)
            os._exit(3)
        elif content == "kill":
            os.kill(os.getpid(), 9)
        elif content == "mute":
            print("no JSON", flush=True)
            os.close(1)
            time.sleep(60)
        elif content == "card":
            say(request, "error", reason="device_failed", message="The graphics card broke off.", exit_code=5)
            time.sleep(1)  # the end of a process with a broken card takes its time
            os._exit(5)
        elif content == "full":
            say(request, "error", reason="disk_full", message="The disk is full.", exit_code=5)
        elif content == "refuse":
            say(request, "error", reason="not_ct", message="This is no CT.", exit_code=3)
        else:
            say(request, "progress", stage="io", fraction=0.0)
            read = document["in doubt" if content == "doubt" else "sure"]
            say(request, "done", case="case-1", result=read, files=[])
    elif request["op"] == "deliver":
        out = pathlib.Path(request["out"])
        out.mkdir(parents=True, exist_ok=True)
        files = [out / "report.html", out / "result.json"]
        for file in files:
            file.write_text(json.dumps(document["sure"]))
        say(request, "done", files=[str(file) for file in files])
    else:
        say(request, "done", open=0)
"""


class Desk:
    """Inputs, output and fake workers of one batch."""

    def __init__(self, chain, folder: Path):
        self.inputs, self.out, self._log = folder / "in", folder / "out", folder / "log.txt"
        self.inputs.mkdir()
        (folder / "fake.py").write_text(FAKE)
        documents = {"sure": result_document(chain.result), "in doubt": result_document(chain.doubtful)}
        (folder / "document.json").write_text(json.dumps(documents))
        loaded = Loaded(LoadedModel("compact", "compact", ""), "cpu", True, Hardware("2.8.0", None, None, (), 8, 8))
        (folder / "loaded.json").write_text(json.dumps(to_json(loaded)))
        files = ("fake.py", "document.json", "log.txt", "loaded.json")
        self._command = (sys.executable, *(str(folder / name) for name in files))

    def add(self, name: str, content: str = "") -> Path:
        path = self.inputs / name
        path.write_text(content)
        return path

    def run(
        self, *, inputs=None, progress=None, weights="compact", refine=False, gradcam=True, names=Names.OWN, **options
    ):
        return run_batch(
            inputs or [self.inputs],
            self.out,
            BatchOptions(load=LoadOptions(weights), read=ReadOptions(refine, gradcam), names=names, **options),
            progress,
            lambda threads: WorkerProcess(threads, self._command),
        )

    def rows(self) -> dict[str, dict[str, str]]:
        with (self.out / "batch.csv").open(newline="") as file:
            return {row["case"]: row for row in csv.DictReader(file)}

    def requests(self) -> list[dict]:
        """What the workers were asked since the last call."""
        lines = self._log.read_text().splitlines()
        self._log.write_text("")
        return [json.loads(line) for line in lines]

    def asked(self) -> list[str]:
        """Which files the workers were asked for since the last call."""
        return sorted(Path(request["input"]).name for request in self.requests() if request["op"] == "analyze")


@pytest.fixture
def desk(chain, tmp_path) -> Desk:
    return Desk(chain, tmp_path)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_case_has_its_row(desk, workers):
    for name, content in (("a.nrrd", ""), ("b.nii.gz", "refuse"), ("c.mha", "die"), ("d.nrrd", ""), ("e.nrrd", "")):
        desk.add(name, content)
    steps = []
    report = desk.run(workers=workers, progress=lambda done, total, record: steps.append((done, total, record.case)))
    rows = desk.rows()
    assert list(rows) == ["a", "b", "c", "d", "e"]
    assert [row["outcome"] for row in rows.values()] == ["done", "refused", "failed", "done", "done"]
    assert [row["reason"] for row in rows.values()] == ["", "not_ct", "failed", "", ""]
    assert "last words" in rows["c"]["message"]
    assert report.counts == {"done": 3, "refused": 1, "failed": 1}
    assert report.exit_code == 6
    assert [step[:2] for step in steps] == [(done, 5) for done in range(1, 6)]
    assert sorted(case for *_, case in steps) == list(rows)
    assert {path.name for path in (desk.out / "cases").iterdir()} == {"a", "d", "e"}


def test_a_case_is_read_as_was_chosen_let_go_and_noted(desk):
    desk.add("a.nrrd")
    desk.run(gradcam=False, refine=True, word="mine")
    load, analyze, deliver, close = desk.requests()
    assert (deliver["op"], deliver["case"], deliver["row"]) == ("deliver", "case-1", "a")
    assert "pdf" not in deliver
    assert (analyze["refine"], analyze["gradcam"]) == (True, False)
    assert load["threads"] == usable_cores()
    assert (close["op"], close["case"]) == ("close", "case-1")
    assert read_ledger(desk.out)["a"].batch == "mine"
    desk.run(inputs=[desk.add("b.nrrd"), desk.add("c.nrrd")], workers=2)
    assert desk.requests()[0]["threads"] == max(1, usable_cores() // 2)


def test_a_case_whose_levels_are_in_doubt_is_refused_with_the_proposal_in_its_row(desk, chain):
    desk.add("a.nrrd", "doubt"), desk.add("b.nrrd")
    report = desk.run()
    assert (report.counts, report.exit_code) == ({"refused": 1, "done": 1}, 6)
    row, read = desk.rows()["a"], desk.rows()["b"]
    assert (row["outcome"], row["reason"]) == ("refused", "levels_uncertain")
    assert row["message"].startswith("They are right with 72 %") and "from above: T12, L1, L2." in row["message"]
    for level, (left, posterior, superior) in chain.centers_lps_mm.items():
        point = [row[f"{level.lower()}_center_{axis}_mm"] for axis in "ras"]
        assert [float(mm) for mm in point] == [-left, -posterior, superior]
        assert (row[f"{level.lower()}_confidence"], row[f"{level.lower()}_in_doubt"]) == ("0.72", "yes")
    for name in ("status", "p_normal", "baseline_status", "l1_hu_mean", "l1_fusion_weight"):
        assert (row[name], read[name] != "") == ("", True)
    assert [path.name for path in (desk.out / "cases").iterdir()] == ["b"]
    assert [request["op"] for request in desk.requests()] == ["load", "analyze", "close", "analyze", "deliver", "close"]
    desk.run()
    assert desk.asked() == ["a.nrrd"]  # like every case that was refused


def test_a_killed_worker_and_one_that_falls_mute_cost_a_case_each(desk, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.batch.worker_pool._ENDS_IN_S", 0.1)
    for name, content in (("a", "kill"), ("b", "mute"), ("c", "")):
        desk.add(f"{name}.nrrd", content)
    desk.run()
    rows = desk.rows()
    assert [row["reason"] for row in rows.values()] == ["worker_killed", "failed", ""]
    assert "exit code -9" in rows["a"]["message"] and "stopped answering" in rows["b"]["message"]


def test_a_failed_card_costs_one_case_and_its_worker(desk):
    for name, content in (("a", "card"), ("b", ""), ("c", "")):
        desk.add(f"{name}.nrrd", content)
    report = desk.run()
    assert report.counts == {"failed": 1, "done": 2}
    assert "graphics card" in desk.rows()["a"]["message"]


def test_resume_does_only_what_is_left(desk):
    desk.add("a.nrrd"), desk.add("b.nrrd", "refuse"), desk.add("c.nrrd"), desk.add("d.nrrd")
    desk.run()
    before = desk.rows()
    desk.asked()
    desk.add("c.nrrd", "changed")
    (desk.out / "cases" / "d" / "report.html").unlink()
    desk.add("e.nrrd")
    report = desk.run()
    assert desk.asked() == ["b.nrrd", "c.nrrd", "d.nrrd", "e.nrrd"]
    assert report.counts == {"skipped": 1, "done": 3, "refused": 1}
    assert desk.rows()["a"] == before["a"]
    assert desk.run().counts == {"skipped": 4, "refused": 1}
    assert desk.run().counts == {"skipped": 4, "refused": 1}


@pytest.mark.parametrize(
    "change",
    [
        *({"weights": "other"}, {"refine": True}, {"gradcam": False}, {"config": PipelineConfig(recenter_px=4)}),
        {"pdf": True},
    ],
)
def test_resume_with_other_settings_does_all_again(desk, change, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.batch.run.check_pdf", lambda: None)
    desk.add("a.nrrd")
    desk.run()
    desk.asked()
    desk.run(**change)
    assert desk.asked() == ["a.nrrd"]


def test_a_pdf_is_asked_for_with_each_case(desk, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.batch.run.check_pdf", lambda: None)
    desk.add("a.nrrd")
    desk.run(pdf=True)
    assert [request["pdf"] for request in desk.requests() if request["op"] == "deliver"] == [True]
    desk.run(pdf=True)
    assert desk.asked() == []


def test_the_workers_are_loaded_with_the_batchs_settings(desk):
    desk.add("a.nrrd")
    config = PipelineConfig(recenter_px=4, measure=MeasureConfig(erosion_mm=3.0))
    desk.run(config=config)
    (loaded,) = (request for request in desk.requests() if request["op"] == "load")
    assert config_of(loaded["config"]) == config


@pytest.mark.parametrize("fresh", [True, False])
def test_rows_of_an_earlier_batchs_other_cases_stay(desk, fresh):
    first, second = desk.add("a.nrrd"), desk.add("b.nrrd", "refuse")
    desk.run(inputs=[first, second])
    before = desk.rows()
    report = desk.run(inputs=[desk.add("c.nrrd", "c"), second], fresh=fresh)
    assert report.counts == {"done": 1, "refused": 1}
    assert list(desk.rows()) == ["a", "c", "b"]
    assert desk.rows()["a"] == before["a"]
    assert list(read_ledger(desk.out)) == ["a", "c", "b"]
    desk.asked()
    assert desk.run(inputs=[first]).counts == {"skipped": 1}
    assert desk.run(inputs=[first]).counts == {"skipped": 1}
    assert desk.asked() == []


def test_a_fresh_batch_does_all_again(desk):
    desk.add("a.nrrd")
    desk.run()
    desk.asked()
    desk.run(fresh=True)
    assert desk.asked() == ["a.nrrd"]


def test_weights_that_are_refused_end_the_batch_with_nothing_written(desk):
    desk.add("a.nrrd")
    with pytest.raises(ModelRefused, match="hash") as refusal:
        desk.run(weights="broken")
    assert refusal.value.reason is Reason.WEIGHTS_HASH
    assert not desk.out.exists()


def test_a_folder_with_others_files_is_refused(desk):
    desk.add("a.nrrd")
    desk.out.mkdir()
    (desk.out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="never overwritten"):
        desk.run()
    assert [path.name for path in desk.out.iterdir()] == ["notes.txt"]
    (desk.out / "notes.txt").rename(desk.out / LOCK_FILE)  # a batch that was killed at once leaves no more
    assert desk.run().exit_code == 0


@pytest.mark.parametrize(("content", "code"), [("refuse", 6), ("die", 6), ("", 0)])
def test_the_exit_code_says_whether_every_case_is_read(desk, content, code):
    desk.add("a.nrrd"), desk.add("b.nrrd", content)
    assert desk.run().exit_code == code
    assert desk.run().exit_code == code


def test_two_peoples_cts_of_one_name_never_take_each_others_place(desk):
    (desk.inputs / "x").mkdir(), (desk.inputs / "y").mkdir()
    first, second = desk.add("x/scan.nrrd", "x"), desk.add("y/scan.nrrd", "y")
    desk.run(inputs=[first])
    before = desk.rows()["scan"]
    assert desk.run(inputs=[second]).counts == {"done": 1}
    assert list(desk.rows()) == ["scan", "scan-2"]
    assert desk.rows()["scan"] == before
    assert desk.run(inputs=[second, first]).counts == {"skipped": 2}
    assert list(desk.rows()) == ["scan-2", "scan"]
    desk.add("scan.nrrd", "x")
    assert desk.run(inputs=[desk.inputs / "scan.nrrd", first]).counts == {"skipped": 1, "done": 1}
    assert list(desk.rows()) == ["scan-2", "scan-3", "scan"]
    moved = first.rename(desk.inputs / "scan.nrrd")
    assert desk.run(inputs=[moved]).counts == {"skipped": 1}
    second.write_text("changed")
    assert desk.run(inputs=[second]).counts == {"done": 1}
    assert list(desk.rows()) == ["scan", "scan-3", "scan-2"]


def newcomer(name: str, place: str | None = "", content: str | None = None) -> Newcomer:
    return Newcomer(name, f"/cts/{name}", name if place == "" else place, lambda: content)


def test_two_batches_at_once_keep_each_others_rows_and_never_share_a_name(tmp_path):
    row = {"case": "", "outcome": "done"}
    mine, others = Ledger(tmp_path), Ledger(tmp_path)
    b, a = mine.claim([newcomer("b"), newcomer("a")])
    c, d = others.claim([newcomer("c"), newcomer("d")])
    assert [b, a, c, d] == ["case-0001", "case-0002", "case-0003", "case-0004"]
    for ledger, name in ((mine, a), (others, c), (mine, b), (others, d), (mine, a)):
        ledger.enter(CaseRecord(name, Outcome.DONE, row | {"case": name}))
    mine.close(), others.close()
    assert list(read_ledger(tmp_path)) == [b, a, c, d]
    with (tmp_path / "batch.csv").open(newline="") as file:
        assert [one["case"] for one in csv.DictReader(file)] == [b, a, c, d]
    assert {path.name for path in tmp_path.iterdir()} == {"batch.sqlite", "batch.csv", "index.html", LOCK_FILE}


def test_cases_that_wait_have_no_row(desk):
    Ledger(desk.out).claim([newcomer("a"), newcomer("b")])
    assert [record.outcome for record in read_ledger(desk.out).values()] == [Outcome.WAITING] * 2
    assert desk.rows() == {}
    desk.add("c.nrrd")
    desk.run(names=Names.NEUTRAL)
    assert list(desk.rows()) == ["case-0003"]


def test_a_neutral_name_stays_with_its_case(desk):
    first, second = desk.add("b.nrrd", "b"), desk.add("c.nrrd", "refuse")
    neutral = {"names": Names.NEUTRAL}
    desk.run(**neutral)
    before = desk.rows()
    assert {name: row["outcome"] for name, row in before.items()} == {"case-0001": "done", "case-0002": "refused"}
    desk.asked()
    desk.add("a.nrrd", "a")  # it comes first by name
    desk.run(workers=2, **neutral)
    assert desk.asked() == ["a.nrrd", "c.nrrd"]
    assert [(name, row["outcome"]) for name, row in desk.rows().items()] == [
        ("case-0003", "done"),
        ("case-0001", "done"),
        ("case-0002", "refused"),
    ]
    assert desk.rows()["case-0001"] == before["case-0001"]
    desk.run(inputs=[second, first], **neutral)
    assert list(desk.rows()) == ["case-0003", "case-0002", "case-0001"]
    moved = first.rename(desk.inputs / "elsewhere.nrrd")
    assert desk.run(inputs=[moved], **neutral).counts == {"skipped": 1}
    second.write_text("mended")
    desk.run(inputs=[second, desk.add("new.nrrd", "new")], **neutral)
    assert sorted(desk.rows()) == ["case-0001", "case-0002", "case-0003", "case-0004"]
    assert desk.rows()["case-0002"]["outcome"] == "done"


def test_two_copies_of_one_ct_are_two_cases(desk):
    desk.add("a.nrrd", "same"), desk.add("b.nrrd", "same")
    for _ in range(2):
        desk.run(names=Names.NEUTRAL)
        assert list(desk.rows()) == ["case-0001", "case-0002"]


def test_what_has_neither_path_nor_content_takes_the_name_of_the_last_time(tmp_path):
    first = Ledger(tmp_path).claim([newcomer("CT", None, "x"), newcomer("lost", None)])
    again = Ledger(tmp_path)
    assert again.claim([newcomer("lost", None)]) == first[1:]
    assert again.claim([newcomer("lost too", None)]) == ("case-0003",)
    assert again.claim([newcomer("other", None, "x")]) == first[:1]


def test_the_table_of_keys_keeps_the_keys_of_other_batches(tmp_path):
    Ledger(tmp_path, Names.KEYS).claim([newcomer("a"), newcomer("b")])
    Ledger(tmp_path).claim([newcomer("c")])
    with Ledger(tmp_path, Names.KEYS) as ledger:
        (name,) = ledger.claim([newcomer("=d")])
        ledger.enter(CaseRecord(name, Outcome.DONE, {"case": name, "series_sha256": "5" * 64}))
    with (tmp_path / "keys.csv").open(newline="") as file:
        keys = [tuple(row.values()) for row in csv.DictReader(file)]
    others = [("case-0001", "/cts/a", "", ""), ("case-0002", "/cts/b", "", "")]
    assert keys == [*others, ("case-0004", "/cts/=d", "", "5" * 64)]


def test_what_is_entered_is_read_again_as_it_was(tmp_path):
    row = {"case": "b", "message": "Fu\udcdf"}
    record = CaseRecord("b", Outcome.REFUSED, row, "f", {"own": ""}, "p", "w", ("a", "b"))
    with Ledger(tmp_path) as ledger:
        ledger.enter(record)
    assert read_ledger(tmp_path) == {"b": record}


def test_only_the_cases_of_a_batch_that_have_ended_since_are_told(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.claim([newcomer("a"), newcomer("b"), newcomer("c")])
        for name, word in (("case-0002", "mine"), ("case-0001", "another's")):
            ledger.enter(CaseRecord(name, Outcome.DONE, {"case": name}, batch=word))
        records, since = read_entered(tmp_path, "mine", 0)
        assert [record.case for record in records] == ["case-0002"]
        assert read_entered(tmp_path, "mine", since) == ([], since)
        for name in ("case-0003", "case-0002"):
            ledger.enter(CaseRecord(name, Outcome.DONE, {"case": name}, batch="mine"))
        assert [one.case for one in read_entered(tmp_path, "mine", since)[0]] == ["case-0003", "case-0002"]
    assert read_entered(tmp_path / "nowhere", "mine", 0) == ([], 0)


def test_a_damaged_ledger_and_one_of_another_version_are_refused(tmp_path):
    (tmp_path / "batch.sqlite").write_text("no database at all" * 100)
    with pytest.raises(InputRefused, match=r"batch.sqlite is damaged: .*new folder"):
        read_ledger(tmp_path)
    (tmp_path / "batch.sqlite").unlink()
    with Ledger(tmp_path) as ledger:
        ledger.claim([newcomer("a")])
    with closing(sqlite3.connect(tmp_path / "batch.sqlite")) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(InputRefused, match="another version of OsteoJoint"):
        Ledger(tmp_path)


def test_a_ledger_that_was_begun_and_no_more_is_empty(tmp_path):
    (tmp_path / "batch.sqlite").touch()  # killed at once
    assert read_ledger(tmp_path) == {}
    with Ledger(tmp_path) as ledger:
        assert ledger.claim([newcomer("a")]) == ("case-0001",)


def test_the_cost_of_a_case_doesnt_grow_with_the_batch(tmp_path):
    """Lines of Python a case, which no other program on the machine disturbs; the tables are made at intervals."""

    def lines_run(cases: int) -> int:
        count = 0

        def trace(*_):
            nonlocal count
            count += 1
            return trace

        with Ledger(tmp_path / str(cases)) as ledger:
            names = ledger.claim([newcomer(f"c{number}") for number in range(cases)])
            for name in names[:-1]:
                ledger.enter(CaseRecord(name, Outcome.DONE, {"case": name}))
            ledger._tables._due_s = float("inf")
            sys.settrace(trace)
            try:
                ledger.enter(CaseRecord(names[-1], Outcome.DONE, {"case": names[-1]}))
            finally:
                sys.settrace(None)
        return count

    assert lines_run(200) <= lines_run(2) + 5


def test_the_tables_are_made_at_intervals_that_grow_with_their_cost(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("OsteoJointLib.batch.tables.time.monotonic", lambda: clock[0])
    made = []

    def rows():
        made.append(clock[0])
        clock[0] += 1.0  # so long it takes
        return []

    tables = Tables(tmp_path)
    for _ in range(60):
        tables.refresh(rows, dict)
        clock[0] += 1.0
    assert made == [100.0, 121.0, 142.0]
    tables.finish(rows, dict)
    tables.finish(rows, dict)
    assert len(made) == 4


def test_an_input_that_is_missing_has_its_row(desk):
    report = desk.run(inputs=[desk.inputs / "nowhere.nrrd", desk.add("a.nrrd")])
    row = desk.rows()["nowhere"]
    assert (row["outcome"], row["reason"]) == ("refused", "not_found")
    assert str(desk.inputs / "nowhere.nrrd") in row["message"]
    assert report.counts["done"] == 1


def test_workers_must_be_one_at_least():
    with pytest.raises(UsageError, match="at least 1 worker"):
        BatchOptions(workers=0)


def dicom(path: Path, patient="P1", study="1.1", series="1.1.1") -> Path:
    """A CT slice without pixels."""
    header = Dataset()
    header.SOPClassUID, header.Modality, header.StudyDate = "1.2.840.10008.5.1.4.1.1.2", "CT", "20240229"
    header.PatientID, header.StudyInstanceUID, header.SeriesInstanceUID = patient, study, series
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    header.file_meta.MediaStorageSOPClassUID, header.file_meta.MediaStorageSOPInstanceUID = header.SOPClassUID, "1.9"
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, header, enforce_file_format=True)
    return path


def found(cases, base: Path) -> list[tuple[str, str, int]]:
    return [(own_name(one.path), one.path.relative_to(base).as_posix(), len(one.files)) for one in cases]


def test_cases_are_found_in_files_and_folders(tmp_path):
    base = tmp_path / "in"
    dicom(base / "patient1" / "study" / "series1" / "1")
    dicom(base / "patient1" / "study" / "series2" / "1", series="1.1.2")
    dicom(base / "patient2" / "IM1", "P2", "2.1")
    for name in ("x/ct.nii.gz", "y/ct.nii.gz", "z.nrrd", "notes.txt", ".hidden.nrrd", "out/old.nrrd"):
        path = base / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    inputs = [base, base / "z.nrrd", base / "patient1" / "study" / "series2"]
    assert found(find_cases(inputs, base / "out"), base) == [
        ("study", "patient1/study", 2),
        ("patient2", "patient2", 1),
        ("x_ct", "x/ct.nii.gz", 0),
        ("y_ct", "y/ct.nii.gz", 0),
        ("z", "z.nrrd", 0),
    ]


def test_a_case_is_a_study_of_a_patient_wherever_it_lies(tmp_path):
    for disk, number in (("DISK1", 1), ("DISK2", 2)):
        dicom(tmp_path / disk / f"A{number}", "P1", "1.1")
        dicom(tmp_path / disk / f"B{number}", "P1", "1.2")
        dicom(tmp_path / disk / f"C{number}", "P2", "1.1")  # whoever took out the names gave all one UID
        (tmp_path / disk / f"D{number}.dcm").write_bytes(b"nothing of DICOM")
    cases = find_cases([tmp_path / "DISK1", tmp_path / "DISK2"], tmp_path / "out")
    assert [sorted(file.name for file in case.files) for case in cases] == [
        [f"{letter}1", f"{letter}2", "D1.dcm", "D2.dcm"] for letter in "ABC"
    ]
    assert len({case.place for case in cases}) == 3
    assert [case.identity.study_sha256 for case in cases][::2] == [hashlib.sha256(b"1.1").hexdigest()] * 2
    moved = (tmp_path / "DISK1").rename(tmp_path / "DISK3")
    assert [case.place for case in find_cases([moved, tmp_path / "DISK2"], tmp_path)] == [case.place for case in cases]


def test_a_folder_of_damaged_dicom_is_a_case(tmp_path):
    for name in ("a/1.dcm", "a/2.dcm", "b/1"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(128) + b"DICM" + b"\xff" * 8)
    cases = find_cases([tmp_path / "in"], tmp_path / "out")
    assert found(cases, tmp_path / "in") == [("a", "a", 2), ("b", "b", 1)]


def test_series_are_chosen_by_their_hash(tmp_path):
    for series in ("1.1", "1.2", "1.3"):
        dicom(tmp_path / "in" / series, series=series)
    digests = [hashlib.sha256(series.encode()).hexdigest() for series in ("1.1", "1.2", "1.3")]
    cases = find_cases([tmp_path / "in"], tmp_path / "out", f"{digests[2][:8]}, {digests[0].upper()}")
    assert [[file.name for file in case.files] for case in cases] == [["1.1"], ["1.3"]]
    assert [case.identity.series_sha256 for case in cases] == digests[::2]
    assert len({case.place for case in (*cases, *find_cases([tmp_path / "in"], tmp_path / "out"))}) == 3
    for wrong in ("abc", "no hash", "0" * 12):
        with pytest.raises(UsageError, match="SHA-256"):
            find_cases([tmp_path / "in"], tmp_path / "out", wrong)
    (case,) = find_cases([tmp_path / "in"], tmp_path / "out", "all")  # single slices are no volumes: one row says so
    assert len(case.files) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders, and links need rights")
def test_what_can_t_be_looked_into_has_a_row_and_holds_nothing_up(desk, tmp_path):
    desk.add("a.nrrd")
    os.mkfifo(desk.inputs / "b.nrrd")
    os.mkfifo(desk.inputs / "c")
    (desk.inputs / "d.nrrd").symlink_to("nowhere")
    (desk.inputs / "e").symlink_to("e")
    (desk.inputs / "f").mkdir()
    (desk.inputs / "f" / "back").symlink_to("..")
    (desk.inputs / "g.nrrd").symlink_to("/dev/zero")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "h.nrrd").write_text("h")
    (desk.inputs / "h").symlink_to(elsewhere)
    (desk.inputs / "i").symlink_to(elsewhere)  # the same once more
    (desk.inputs / "j\udcff.nrrd").write_text("j")
    report = desk.run()
    rows = {name: (row["outcome"], row["reason"]) for name, row in desk.rows().items()}
    refused = ("refused", "unreadable")
    assert rows == {
        **dict.fromkeys(("a", "h", "j"), ("done", "")),
        **dict.fromkeys(("b", "c", "d", "e", "back", "g"), refused),
    }
    assert report.exit_code == 6
    assert "leads back" in desk.rows()["back"]["message"] and "nowhere" in desk.rows()["d"]["message"]
    assert desk.rows()["j"]["input"].endswith("j\\xff.nrrd")


def test_a_folder_that_may_not_be_read_has_its_row(desk, monkeypatch):
    desk.add("a.nrrd")
    (desk.inputs / "locked").mkdir()
    listdir = os.listdir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr("OsteoJointLib.batch.inputs.os.listdir", refuse)
    desk.run()
    assert desk.rows()["locked"]["reason"] == "unreadable"
    assert "Permission denied" in desk.rows()["locked"]["message"]
    assert desk.rows()["a"]["outcome"] == "done"


def test_rows_say_which_input_a_case_is(desk):
    path = desk.add("a.nrrd", "refuse")
    desk.run()
    row = desk.rows()["a"]
    assert (row["input"], row["input_sha256"]) == (str(path), hashlib.sha256(b"refuse").hexdigest())
    dicom(desk.inputs / "b" / "1", series="5")
    desk.run(names=Names.NEUTRAL, inputs=[desk.inputs / "b"])
    row = desk.rows()["case-0001"]
    assert (row["input"], row["study_date"]) == ("", "")
    assert row["series_sha256"] == hashlib.sha256(b"5").hexdigest()
    desk.run(names=Names.NEUTRAL, inputs=[desk.inputs / "b"], dates=True)
    assert desk.rows()["case-0001"]["study_date"] == "20240229"


def test_a_full_disk_ends_the_batch_in_a_sentence(desk):
    desk.add("a.nrrd"), desk.add("b.nrrd", "full"), desk.add("c.nrrd")
    with pytest.raises(RunFailed, match="The disk is full"):
        desk.run()
    assert desk.rows()["a"]["outcome"] == "done"
    assert "c" not in desk.rows()


def test_results_at_a_url_are_whole_and_resumed(desk, tmp_path):
    desk.add("a.nrrd"), desk.add("b.nrrd", "refuse")
    store = f"file://{tmp_path}/bucket"
    report = desk.run(store=store)
    assert report.counts == {"done": 1, "refused": 1}
    found = sorted(str(path.relative_to(tmp_path / "bucket")) for path in (tmp_path / "bucket").rglob("*.*"))
    assert found == ["batch.csv", "cases/a/report.html", "cases/a/result.json", "index.html"]
    assert (tmp_path / "bucket" / "batch.csv").read_bytes() == (desk.out / "batch.csv").read_bytes()
    assert not list((desk.out / "cases").iterdir())
    desk.asked()
    assert desk.run(store=store).counts == {"skipped": 1, "refused": 1}
    assert desk.asked() == ["b.nrrd"]
    (tmp_path / "bucket" / "cases" / "a" / "report.html").unlink()
    desk.run(store=store)
    assert desk.asked() == ["a.nrrd", "b.nrrd"]


def test_hidden_files_of_killed_batches_are_swept_unless_another_batch_runs(desk):
    desk.add("a.nrrd")
    desk.run()
    left = [desk.out / ".osteojoint-x", desk.out / "cases/.osteojoint-y/z", desk.out / "cases/a/.osteojoint-w"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    with present(desk.out):
        desk.run()
        assert all(path.exists() for path in left)
    desk.run()
    assert [path.name for path in desk.out.rglob(".osteojoint*")] == [LOCK_FILE]


@pytest.mark.parametrize(
    ("header", "text", "data"),
    [
        ("a.nhdr", "NRRD0004\ndata file: v.raw\n", "v.raw"),
        ("a.nhdr", "NRRD0004\ndata file: LIST\nu.raw\nv.raw\n", "v.raw"),
        ("a.nhdr", "NRRD0004\ndata file: v%03d.raw 1 2 1\n", "v002.raw"),
        ("a.mhd", "NDims = 3\nElementDataFile = v.raw\n", "v.raw"),
        ("a.mhd", "NDims = 3\nElementDataFile = LIST\nv.raw\n", "v.raw"),
    ],
)
def test_the_data_of_a_detached_header_belong_to_its_content(tmp_path, header, text, data):
    (tmp_path / header).write_text(text)
    (tmp_path / data).write_bytes(b"1")
    before = fingerprint(tmp_path / header)
    (tmp_path / "else.raw").write_bytes(b"2")
    assert fingerprint(tmp_path / header) == before
    (tmp_path / data).write_bytes(b"2")
    assert fingerprint(tmp_path / header) != before


def test_names_differ_on_every_file_system():
    namer = Namer(Names.OWN, {}, {}, [], ())
    names = [namer.name(newcomer(name), None) for name in ("s", "S", "s-2", "s")]
    assert names == ["s", "S-2", "s-2-2", "s-3"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/ct.nii.gz", "a_ct"),
        ("x/1.2.840.3", "1.2.840.3"),
        ("b/c?.mha", "c"),
        ("x/...", "case"),
        ("x/nul.nrrd", "case_nul"),
    ],
)
def test_case_names(path, name):
    assert own_name(Path(path)) == name


def test_fingerprint_is_of_content_not_of_names(tmp_path):
    for folder, names in (("a", ("1", "2")), ("b", ("2", "1")), ("c", ("1", "2"))):
        (tmp_path / folder).mkdir()
        for name, content in zip(names, ("x", "y"), strict=True):
            (tmp_path / folder / name).write_text(content if folder != "c" else content + "z")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b") != fingerprint(tmp_path / "c")
