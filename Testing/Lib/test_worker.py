"""The worker's lines: every request answered, nothing else on stdout, an edit costs an edit."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.pipeline.config_file import config_of
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.worker import session
from OsteoJointLib.worker.lines import PROTOCOL, event_line
from OsteoJointLib.worker.serving import serve
from OsteoJointLib.worker.session import Session

REPOSITORY = Path(__file__).resolve().parents[2]


class Client:
    """A worker in this process, whose readings start from the tiny CT whatever the path says."""

    def __init__(self, chain, monkeypatch):
        self.loads, self.limits = [], []

        def load(**fields):
            self.loads.append(fields)
            return replace(chain.reader, config=fields.get("config", PipelineConfig()))

        def read_ct(path, limits=None):
            self.limits.append(limits)
            if "refused" in str(path):
                raise InputRefused(Reason.NOT_CT, "A CT was expected; an MR came.")
            return chain.make_ct()

        monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", read_ct)
        self.session = Session(load)
        self.events = []

    def send(self, *lines) -> list[dict]:
        """Send requests (dicts or raw text); return the last event of each."""
        start = len(self.events)
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        serve(io.StringIO(text + "\n"), lambda event: self.events.append(json.loads(event_line(event))), self.session)
        return [event for event in self.events[start:] if event["event"] != "progress"]

    def ask(self, op, **fields) -> dict:
        (event,) = self.send({"id": 7, "op": op, **fields})
        assert event["id"] == 7
        return event

    def stages(self) -> list[str]:
        return [event["stage"] for event in self.events if event["event"] == "progress"]


@pytest.fixture
def client(chain, monkeypatch) -> Client:
    return Client(chain, monkeypatch)


def test_ping(client):
    done = client.ask("ping")
    assert (done["event"], done["protocol"], done["pid"]) == ("done", PROTOCOL, os.getpid())
    assert client.loads == []


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"op": "ping"}', '{"id": 1}', '{"id": 1, "op": 5}', '"x"'])
def test_a_broken_line_is_an_error_and_the_next_is_answered(client, line):
    error, done = client.send(line, {"id": 2, "op": "ping"})
    assert (error["event"], error["reason"], error["exit_code"]) == ("error", "usage", 2)
    assert done["id"] == 2


def test_unknown_operations_and_fields_of_the_wrong_kind_are_errors(client):
    assert "Name one of ping, load" in client.ask("dance")["message"]
    assert client.ask("analyze")["reason"] == "usage"
    assert "refine must be true or false" in client.ask("analyze", input="ct", refine=1)["message"]
    words = client.ask("analyze", input="ct", points={"L1": [1, 2], "L2": [1, 2, 3]})["message"]
    assert "points.L1 must be a list of 3, each a number" in words
    assert "Only one of the two" in client.ask("analyze", input="ct", points={"L1": [1, 2, 3]})["message"]
    assert client.ask("close", case="case-9")["reason"] == "usage"


def test_load_says_what_was_loaded(client):
    done = client.ask("load", weights="compact", device="cpu", threads=1, config={"measure": {"erosion_mm": 3}})
    assert done["model"] == {"name": "random", "profile": "compact", "sha256": "f" * 64}
    assert (done["device"], done["localizer"]) == ("cpu", True)
    (asked,) = client.loads
    assert asked.pop("config") == config_of({"measure": {"erosion_mm": 3.0}})
    assert asked == {"weights": "compact", "device": "cpu", "threads": 1}
    assert "no measure.erosion" in client.ask("load", config={"measure": {"erosion": 3}})["message"]


def test_every_ct_is_judged_and_read_by_the_settings_that_were_loaded(client):
    client.ask("load", config={"input": {"thick_mm": 4}, "measure": {"erosion_mm": 3}})
    read = client.ask("analyze", input="ct.nrrd", gradcam=False)
    client.ask("open", input="ct.nrrd")
    client.ask("levels", input="ct.nrrd")
    assert [limits.thick_mm for limits in client.limits] == [4.0] * 3
    assert read["result"]["measurements"]["L1"]["erosion_mm"] == 3.0


def test_analyze_reports_progress_and_writes_before_done(client, tmp_path):
    done = client.ask("analyze", input="ct.nrrd", out=str(tmp_path / "out"), gradcam=False)
    assert done["event"] == "done"
    assert client.stages()[0] == "io"
    assert client.stages()[-1] == "output"
    assert done["result"] == json.loads((tmp_path / "out" / "result.json").read_text())
    assert all(Path(file).is_file() for file in done["files"])
    assert len(client.loads) == 1


def test_without_out_nothing_is_written_and_the_result_comes_anyway(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = client.ask("analyze", input="ct.nrrd", gradcam=False)
    assert done["result"]["schema"] == "osteojoint.result/2"
    assert done["files"] == []
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_an_error_event_and_writes_nothing(client, tmp_path):
    error = client.ask("analyze", input="refused.nrrd", out=str(tmp_path / "out"))
    assert (error["event"], error["reason"], error["exit_code"]) == ("error", "not_ct", 3)
    assert not (tmp_path / "out").exists()
    assert client.loads == []


def test_a_fault_is_an_error_event_and_the_worker_goes_on(client, monkeypatch, capsys):
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: 1 / 0)
    error = client.ask("analyze", input="ct.nrrd")
    assert (error["reason"], error["exit_code"]) == ("failed", 5)
    assert "ZeroDivisionError" in error["message"]
    assert "Traceback" in capsys.readouterr().err
    assert client.ask("ping")["event"] == "done"


def test_after_a_failure_of_the_card_the_worker_ends(client, monkeypatch):
    def fail(path, **settings):
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", fail)
    (error,) = client.send({"id": 1, "op": "open", "input": "ct"}, {"id": 2, "op": "ping"})
    assert error["reason"] == "device_failed"


def test_levels_then_segment_then_a_moved_point(client, chain):
    levels = client.ask("levels", input="ct.nrrd")
    x, y, z = chain.centers_lps_mm[next(iter(chain.centers_lps_mm))]
    assert levels["levels"]["L1"] == {
        "center_ras_mm": [-x, -y, z],
        "slice_index": 12,
        "confidence": 0.97,
        "source": "auto",
    }
    assert client.ask("edit", case=levels["case"], segmentation="x")["message"].startswith("The case has no masks")
    done = client.ask("segment", case=levels["case"], gradcam=False)
    assert done["result"]["levels"]["L1"]["source"] == "auto"
    moved = client.ask("segment", case=levels["case"], points={"L1": [-x, -y, z + 5]}, gradcam=False)
    assert moved["result"]["levels"]["L1"]["source"] == "user"
    assert moved["result"]["levels"]["L2"]["source"] == "auto"
    assert moved["result"]["levels"]["L1"]["slice_index"] == done["result"]["levels"]["L1"]["slice_index"] + 1
    assert client.stages().count("io") == 1


def test_an_edit_costs_an_edit(client, chain, tmp_path):
    done = client.ask("analyze", input="ct.nrrd", out=str(tmp_path / "out"), gradcam=False)
    path = tmp_path / "out" / "segmentation.seg.nrrd"
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    plane = array[done["result"]["levels"]["L2"]["slice_index"]]
    plane[:, :58] = np.where(plane[:, :58] == 21, 0, plane[:, :58])
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(image)
    edited_path = tmp_path / "edited.nrrd"
    sitk.WriteImage(changed, str(edited_path))
    client.events.clear()
    edited = client.ask(
        "edit", case=done["case"], segmentation=str(edited_path), gradcam=False, out=str(tmp_path / "out")
    )
    assert edited["edited"] == ["L2"]
    assert client.stages() == ["measure", "classification", "output"]
    areas = [answer["result"]["segmentation"]["L2"]["area_mm2"] for answer in (done, edited)]
    assert areas[1] < 0.9 * areas[0]
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == edited["result"]
    client.events.clear()
    again = client.ask("classify", case=done["case"])
    assert client.stages() == ["measure", "classification", "explanation"]
    assert again["result"]["segmentation"] == {
        level: {**fields, "file": None} for level, fields in edited["result"]["segmentation"].items()
    }


def test_cases_are_let_go_by_their_memory_the_oldest_first(client, chain, monkeypatch):
    size = chain.make_ct().hu.nbytes + session.BESIDE_BYTES
    monkeypatch.setattr(session, "OPEN_BYTES", 3 * size)
    first, second, third = (client.ask("open", input="ct.nrrd") for _ in range(3))
    assert not any(answer.get("let_go") for answer in (first, second, third))
    assert client.ask("open", input="ct.nrrd")["let_go"] == [first["case"]]
    assert client.ask("close", case=first["case"])["reason"] == "usage"
    assert client.ask("close", case=second["case"])["open"] == 2
    monkeypatch.setattr(session, "OPEN_BYTES", 1)
    last = client.ask("open", input="ct.nrrd")
    assert last["let_go"][0] == third["case"]
    assert client.ask("levels", case=last["case"])["event"] == "done", "the newest stays, however large it is"


def test_shutdown_ends_before_the_next_line(client):
    assert [event["event"] for event in client.send({"id": 1, "op": "shutdown"}, {"id": 2, "op": "ping"})] == ["done"]


def test_a_real_worker_keeps_stray_prints_off_stdout(tmp_path):
    code = """
import os, sys
import OsteoJointLib.worker.serving as worker
answer = worker.Session.answer
def noisy(session, request, progress):
    print("stray print")
    sys.stdout.flush()
    os.write(1, b"stray write\\n")
    return answer(session, request, progress)
worker.Session.answer = noisy
sys.exit(worker.run_worker())
"""
    requests = '{"id": 1, "op": "ping"}\nnot json\n{"id": "ü", "op": "ping"}\n'
    child = subprocess.run(
        [sys.executable, "-c", code], input=requests, capture_output=True, cwd=REPOSITORY, encoding="utf-8", timeout=300
    )
    assert child.returncode == 0
    events = [json.loads(line) for line in child.stdout.splitlines()]
    assert [event["id"] for event in events] == [1, None, "ü"]
    assert child.stderr.count("stray") == 4


def test_starting_a_worker_and_pinging_it_loads_no_torch():
    code = (
        "import sys; from OsteoJointLib.worker.serving import run_worker; run_worker(); print('torch' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], input='{"id": 1, "op": "ping"}\n', capture_output=True, cwd=REPOSITORY, text=True
    )
    assert child.stdout.splitlines()[-1] == "False"
