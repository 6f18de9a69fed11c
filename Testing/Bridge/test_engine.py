"""The engine asks for what is missing and nothing else, and comes to the same end whatever the worker knew before."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from fake_client import Fake, Heard, alive, gone
from fake_worker import MOST_OPEN, POINTS, network_mask, place

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.records import ContrastPhase, LeftOutReason, Level
from OsteoJointLib.slicer_bridge.reading.engine import Engine, Refinement, Until, Wanted
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.worker.requests import Deliver

FOUND = {Level(level): tuple(point) for level, point in POINTS.items()}
MOVED = {**FOUND, Level.L1: (1.0, 2.0, 36.0)}


def deliver(out):
    return lambda case, masks: Deliver(case=case, segmentation=masks, out=Path(out), row="A")


def add_ct(shape_kji=(8, 60, 60)):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, np.zeros(shape_kji, np.int16))
    return node


def drawn(level: str = "L1", points=FOUND, rows: int = 3) -> MaskArray:
    """A mask of the user's: so many rows of the level's box."""
    array = np.zeros((1, 10, 10), np.uint8)
    array[0, :rows] = 1
    return MaskArray(array, place(points[level]))


class Bench:
    """An engine on a fake worker, with one CT in the scene."""

    def __init__(self, host, folder: Path):
        self.host = host
        self.fake = Fake(folder)
        self.engine = Engine(self.fake.client)
        self.ct = add_ct()
        self.heard = Heard(host)

    def wanted(self, **changes) -> Wanted:
        return replace(Wanted(self.ct.GetID(), device="cpu", weights="compact", found=FOUND), **changes)

    def start(self, **changes) -> Heard:
        self.heard = Heard(self.host)
        heard = self.heard
        self.engine.start(self.wanted(**changes), heard.levels, heard.result, heard.done, heard.error, heard.progress)
        assert heard.calls == []
        return heard

    def run(self, **changes) -> list[str]:
        """Run to the end; return the operations that were asked for."""
        self.fake.asked()
        heard = self.start(**changes)
        heard.wait("done", "error")
        assert not self.engine.running
        assert self.files() == []
        assert heard.names()[-1] == "done", heard.calls
        return self.fake.ops()

    def files(self) -> list[Path]:
        return list(Path(slicer.app.temporaryPath).glob("OsteoJoint-*"))

    @property
    def document(self):
        return self.heard.last("result")


@pytest.fixture
def bench(host, scene, tmp_path):
    bench = Bench(host, tmp_path)
    yield bench
    bench.engine.cancel()
    bench.fake.client.kill()


def test_a_first_reading_asks_for_everything_in_order(bench):
    assert bench.run() == ["load", "open", "levels", "segment"]
    assert bench.heard.names() == ["levels", "result", "done"]
    assert bench.document["loaded"] == ["cpu", "compact"]
    assert bench.document["source"] == {"L1": "auto", "L2": "auto"}
    stages = [call[1] for call in bench.heard.calls if call[0] == "progress"]
    fractions = [call[2] for call in bench.heard.calls if call[0] == "progress"]
    assert stages[0] == "handover"
    assert "measure" in stages
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] <= fractions[-1] <= 1
    assert bench.engine.hardware.words == "CPU with 8 of 8 cores: PyTorch 2.8.0 was built without CUDA."


def test_the_same_again_costs_nothing(bench):
    bench.run()
    document, views = bench.document, bench.heard.calls[-2][2]
    assert bench.run() == []
    assert bench.heard.names() == ["levels", "result", "done"]
    assert bench.document == document
    assert bench.heard.calls[-2][2] is views
    assert bench.run(points=FOUND) == []
    assert bench.heard.names() == ["result", "done"]


def test_what_a_user_says_of_the_ct_costs_a_classification_and_goes_with_every_request(bench):
    bench.run()
    assert bench.document["said"] == {}
    alone = Said(leave_out=Level.L1, leave_out_reason=LeftOutReason.CEMENT, kvp=100.0)
    assert bench.run(points=FOUND, said=alone) == ["classify"]
    assert bench.document["said"] == {"leave_out": "L1", "leave_out_reason": "cement", "kvp": 100.0}
    assert bench.run(points=FOUND, said=alone) == []
    assert bench.run(points=MOVED, said=alone) == ["segment"]
    assert bench.document["said"]["leave_out"] == "L1"
    assert bench.run(points=MOVED, said=Said(propose=False)) == ["classify"]
    assert bench.document["said"] == {"propose": False}
    mask = {Level.L1: drawn(points=MOVED)}
    assert bench.run(points=MOVED, masks=mask, said=Said(contrast=ContrastPhase.PORTAL)) == ["edit"]
    assert bench.document["said"] == {"contrast": "portal"}
    assert bench.run(points=MOVED, masks=mask) == ["classify"]
    assert bench.document["said"] == {}


def test_levels_first_then_the_reading(bench):
    assert bench.run(until=Until.LEVELS) == ["load", "open", "levels"]
    assert bench.heard.names() == ["levels", "done"]
    assert bench.heard.last("levels").levels["L1"].center_ras_mm == FOUND["L1"]
    assert bench.run(points=FOUND) == ["segment"]
    assert bench.document["source"] == {"L1": "auto", "L2": "auto"}


def test_levels_looked_for_again_are_looked_for_only_where_points_have_moved(bench):
    bench.run(until=Until.LEVELS)
    assert bench.run(until=Until.LEVELS) == []
    assert bench.heard.names() == ["levels", "done"]
    bench.run(points=MOVED)
    assert bench.run(until=Until.LEVELS) == ["levels"]
    assert bench.run(points=FOUND) == ["segment"]
    assert bench.document["source"] == {"L1": "auto", "L2": "auto"}


def test_points_from_the_scene_need_no_search(bench):
    assert bench.run(points=MOVED, found={}) == ["load", "open", "segment"]
    assert bench.heard.names() == ["result", "done"]
    assert bench.document["points"]["L1"] == list(MOVED["L1"])


def test_a_point_moved_before_the_first_result_keeps_the_other_as_found(bench):
    bench.run(until=Until.LEVELS)
    bench.fake.asked()
    bench.start(points=MOVED).wait("done")
    (request,) = bench.fake.asked()
    assert (request["op"], request["points"]) == ("segment", {"L1": list(MOVED["L1"])})
    assert bench.document["source"] == {"L1": "user", "L2": "auto"}


def test_a_moved_point_costs_one_level(bench):
    bench.run()
    bench.fake.asked()
    bench.start(points=MOVED).wait("done")
    (request,) = bench.fake.asked()
    assert (request["op"], request["points"]) == ("segment", {"L1": list(MOVED["L1"])})
    assert bench.run(points={**MOVED, Level.L1: (1.0, 2.0, 36.004)}) == []  # less than Slicer's rounding


def test_an_edited_mask_costs_an_edit_and_only_once(bench):
    bench.run()
    bench.fake.asked()
    bench.start(points=FOUND, masks={Level.L1: drawn()}).wait("done")
    (request,) = bench.fake.asked()
    assert (request["op"], list(request["segmentation"])) == ("edit", ["L1"])
    assert bench.document["areas"] == {"L1": 30, "L2": 64}
    assert bench.run(points=FOUND, masks={Level.L1: drawn()}) == []
    assert bench.run(points=FOUND, masks={Level.L1: drawn(rows=4)}) == ["edit"]
    assert bench.document["areas"]["L1"] == 40


def test_the_same_mask_in_another_array_is_the_same(bench):
    bench.run()
    bench.run(points=FOUND, masks={Level.L1: drawn()})
    mask = drawn()
    upside_down = np.array([[1, 0, 0, 0], [0, -1, 0, 9], [0, 0, 1, 0], [0, 0, 0, 1]])
    turned = MaskArray(mask.array_kji[:, ::-1].copy(), mask.ijk_to_world @ upside_down)
    assert bench.run(points=FOUND, masks={Level.L1: turned}) == []


def test_a_mask_of_several_slices_is_given_in_once(bench):
    bench.run()
    deep = np.zeros((3, 10, 10), np.uint8)
    deep[:, :5] = 1
    matrix = place(FOUND["L1"])
    matrix[2, 3] -= 1
    mask = MaskArray(deep, matrix)
    assert bench.run(points=FOUND, masks={Level.L1: mask}) == ["edit"]
    assert bench.document["areas"]["L1"] == 50
    assert bench.run(points=FOUND, masks={Level.L1: mask}) == []


def test_a_mask_that_is_no_longer_wanted_gives_way_to_the_networks(bench):
    bench.run()
    bench.run(points=FOUND, masks={Level.L1: drawn()})
    assert bench.run(points=FOUND) == ["edit"]
    assert bench.document["areas"] == {"L1": 64, "L2": 64}
    assert bench.run(points=FOUND) == []


def test_an_erased_mask_is_given_in_as_empty(bench):
    bench.run()
    empty = MaskArray(np.zeros((1, 1, 1), np.uint8), np.eye(4))
    bench.run(points=FOUND, masks={Level.L2: empty})
    assert bench.document["areas"]["L2"] == 0


def test_a_moved_level_takes_the_networks_mask_and_the_other_keeps_the_users(bench):
    masks = {Level.L1: drawn("L1", rows=4), Level.L2: drawn("L2")}
    bench.run()
    bench.run(points=FOUND, masks=masks)
    assert bench.document["areas"] == {"L1": 40, "L2": 30}
    assert bench.run(points=MOVED, masks={Level.L2: masks[Level.L2]}) == ["segment"]
    assert bench.document["areas"] == {"L1": 64, "L2": 30}


def test_a_refinement_is_one_request_and_stays(bench):
    bench.run()
    bench.fake.asked()
    refine = Refinement((Level.L1,), {"iterations": 5})
    bench.start(points=FOUND, masks={Level.L2: drawn("L2")}, refine=refine).wait("done")
    (request,) = bench.fake.asked()
    assert (request["op"], request["levels"], request["parameters"]) == ("refine", ["L1"], {"iterations": 5})
    assert list(request["segmentation"]) == ["L2"]
    assert bench.document["areas"] == {"L1": 56, "L2": 30}
    views = bench.heard.calls[-2][2]
    refined = views.levels["L1"].mask_array()
    assert bench.run(points=FOUND, masks={Level.L1: refined, Level.L2: drawn("L2")}) == []
    assert bench.run(points=FOUND, masks={Level.L1: refined, Level.L2: drawn("L2")}, refine=refine) == ["refine"]


def test_a_worker_that_died_is_brought_to_the_same_end(bench):
    bench.run()
    masks = {Level.L2: drawn("L2")}
    bench.run(points=MOVED, masks=masks)
    before = bench.document
    bench.fake.client.kill()
    assert bench.run(points=MOVED, masks=masks) == ["load", "open", "levels", "segment", "edit"]
    assert bench.document == before
    assert bench.document["source"] == {"L1": "user", "L2": "auto"}
    bench.fake.client.kill()
    assert bench.run(points=dict.fromkeys(FOUND, (9.0, 9.0, 9.0))) == ["load", "open", "segment"]


def test_steps_before_the_last_leave_out_what_nobody_sees(bench):
    bench.fake.asked()
    bench.start(masks={Level.L1: drawn()}).wait("done")
    requests = {request["op"]: request for request in bench.fake.asked()}
    assert requests["segment"]["gradcam"] is False
    assert "gradcam" not in requests["edit"]
    assert bench.heard.names() == ["levels", "result", "done"]


def test_a_result_without_gradcam_is_never_the_last(bench):
    same_as_the_networks = MaskArray(network_mask(), place(FOUND["L1"]))
    assert bench.run(masks={Level.L1: same_as_the_networks}) == ["load", "open", "levels", "segment", "classify"]
    assert bench.document["gradcam"] is True
    assert bench.run(masks={Level.L1: same_as_the_networks}) == []


def test_the_engine_may_be_cancelled_by_whom_it_tells(bench):
    heard = Heard(bench.host)
    bench.engine.start(
        bench.wanted(), lambda answer: bench.engine.cancel(), heard.result, heard.done, heard.error, heard.progress
    )
    assert bench.host.wait_until(lambda: not bench.engine.running)
    bench.host.wait_until(lambda: False, seconds=0.2)
    assert heard.names() == []
    assert "segment" not in bench.fake.ops()


def test_a_ct_that_was_opened_after_its_run_had_failed_is_closed(bench, monkeypatch):
    monkeypatch.setattr(shutil, "rmtree", lambda folder, ignore_errors: None)  # the worker was quicker
    bench.fake.control.update(error={"load": ["weights_hash", "Other weights."]}, delay={"load": 2})
    heard = bench.start()
    assert bench.host.wait_until(lambda: len(bench.fake.client._questions) == 2)
    heard.wait("error")
    assert bench.host.wait_until(lambda: not bench.fake.client.busy)
    monkeypatch.undo()
    bench.fake.asked()
    bench.start(points=FOUND).wait("error")
    assert bench.fake.ops()[:2] == ["close", "load"]


def test_a_question_whose_masks_cannot_be_written_is_an_error(bench, monkeypatch):
    bench.run()
    monkeypatch.setattr(slicer.app, "_folder", Path("/no/such/folder"))
    heard = Heard(bench.host)
    bench.engine.ask_case(deliver("/x"), {Level.L1: drawn()}, heard.done, heard.error)
    assert heard.calls == []
    heard.wait("error")
    assert heard.last("error").reason is Reason.FAILED
    assert not bench.engine.running


def test_a_changed_ct_is_opened_anew_and_the_old_one_closed(bench):
    bench.run()
    slicer.util.arrayFromVolume(bench.ct)[0, 0, 0] = 5
    slicer.util.arrayFromVolumeModified(bench.ct)
    assert bench.run(points=FOUND, found={}) == ["close", "open", "segment"]
    bench.ct.SetOrigin(1, 2, 3)
    assert bench.run(points=FOUND, found={}) == ["close", "open", "segment"]


def test_several_cts_stay_open_until_the_worker_lets_the_oldest_go(bench):
    first = bench.ct
    bench.run()
    for _ in range(MOST_OPEN - 1):
        bench.ct = add_ct()
        assert bench.run() == ["open", "levels", "segment"]
    bench.ct = first
    assert bench.run() == []
    bench.ct = add_ct()
    bench.run()
    bench.ct = first
    assert bench.run() == ["open", "levels", "segment"]


@pytest.mark.parametrize("other", [{"weights": "/other"}, {"device": "cuda:1"}])
def test_other_weights_or_another_device_read_anew(bench, other):
    bench.run()
    assert bench.run(**other, points=FOUND) == ["close", "load", "open", "levels", "segment"]
    assert bench.document["loaded"] == list(({"device": "cpu", "weights": "compact"} | other).values())


def test_forget_closes_the_ct(bench):
    bench.run()
    bench.engine.forget(bench.ct.GetID())
    assert bench.run(points=FOUND, found={}) == ["close", "open", "segment"]
    bench.engine.forget("vtkMRMLScalarVolumeNode99")


def test_load_alone_tells_the_hardware_and_serves_the_run(bench):
    bench.fake.control["delay"] = {"load": 0.3}
    bench.engine.load("cpu", "compact", bench.heard.loaded, bench.heard.error)
    assert bench.run() == ["load", "open", "levels", "segment"]
    bench.engine.load("cpu", "compact", bench.heard.again, bench.heard.error)
    bench.heard.wait("again")
    assert bench.fake.ops() == []


@pytest.mark.parametrize("op", ["load", "open", "levels", "segment"])
@pytest.mark.parametrize("reason", [Reason.OUT_OF_MEMORY, Reason.DEVICE_MISSING])
def test_a_refusal_ends_the_run_with_its_reason_and_the_next_run_goes_on(bench, op, reason):
    bench.fake.control["error"] = {op: [reason.value, "The words."]}
    heard = bench.start()
    heard.wait("error")
    assert heard.names()[-1] == "error"
    assert (heard.last("error").reason, heard.last("error").message) == (reason, "The words.")
    assert not bench.engine.running
    assert bench.files() == []
    bench.fake.client.kill()
    bench.fake.control.pop("error")
    assert bench.run()[-1] == "segment"


def test_after_a_refused_step_only_that_step_is_asked_again(bench):
    bench.run()
    bench.fake.control["error"] = {"edit": ["failed", "It broke."]}
    bench.fake.client.kill()
    bench.start(points=FOUND, masks={Level.L1: drawn()}).wait("error")
    bench.fake.asked()
    bench.start(points=FOUND, masks={Level.L1: drawn()}).wait("error")
    assert bench.fake.ops() == ["edit"]


@pytest.mark.parametrize("op", ["load", "open", "levels", "segment"])
def test_a_worker_that_dies_at_work_is_one_error_and_the_next_run_replays(bench, op):
    bench.fake.control["exit"] = {op: 3}
    heard = bench.start()
    heard.wait("error")
    bench.host.wait_until(lambda: False, seconds=0.1)
    assert heard.names().count("error") == 1
    assert "exit code 3" in heard.last("error").message
    assert bench.files() == []
    bench.fake.control.clear()
    bench.fake.control["log"] = str(bench.fake.log)
    assert bench.run() == ["load", "open", "levels", "segment"]


def test_a_worker_that_dies_idle_during_the_handover_is_started_again(bench, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.slicer_bridge.reading.handover.SLAB_BYTES", 1)
    bench.engine.load("cpu", "compact", bench.heard.loaded, bench.heard.error)
    bench.heard.wait("loaded")
    bench.ct = add_ct((300, 20, 20))
    heard = bench.start()
    assert bench.host.wait_until(lambda: len(heard.calls) > 3)
    assert not bench.fake.client.busy
    bench.fake.client._process.close_input()
    heard.wait("done", "error")
    assert heard.names()[-1] == "done"
    assert bench.fake.client.generation == 2
    assert bench.fake.ops() == ["load", "load", "open", "levels", "segment"]


def test_cancel_while_the_ct_is_written(bench, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.slicer_bridge.reading.handover.SLAB_BYTES", 1)
    bench.ct = add_ct((300, 20, 20))
    heard = bench.start()
    assert bench.host.wait_until(lambda: len(heard.calls) > 3)
    assert len(bench.files()) == 1
    pid = bench.fake.client.pid
    bench.engine.cancel()
    assert bench.files() == []
    assert not bench.engine.running
    calls = len(heard.calls)
    bench.host.wait_until(lambda: False, seconds=0.2)
    assert len(heard.calls) == calls
    assert gone([pid]) or not bench.fake.client.busy
    assert bench.run()[-1] == "segment"


@pytest.mark.parametrize("op", ["load", "open", "levels", "segment"])
def test_cancel_at_work_is_silent_and_leaves_nothing(bench, op):
    bench.fake.control["delay"] = {op: 30}
    heard = bench.start()
    assert bench.host.wait_until(lambda: bench.fake.log.exists() and op in bench.fake.log.read_text())
    pid = bench.fake.client.pid
    assert alive(pid)
    begin = time.perf_counter()
    bench.engine.cancel()
    print(f"cancel in {op} took {1000 * (time.perf_counter() - begin):.1f} ms")
    assert bench.files() == []
    assert gone([pid])
    told = list(heard.calls)
    bench.host.wait_until(lambda: False, seconds=0.2)
    assert heard.calls == told
    assert "done" not in heard.names()
    bench.fake.control["delay"] = {}
    bench.fake.asked()
    assert bench.run() == ["load", "open", "levels", "segment"]


def test_cancel_right_after_the_start_and_without_a_run(bench):
    heard = bench.start()
    bench.engine.cancel()
    bench.engine.cancel()
    bench.host.wait_until(lambda: False, seconds=0.1)
    assert heard.calls == []
    assert not bench.fake.client.running


def test_a_second_run_is_refused_while_one_is_under_way(bench):
    heard = bench.start()
    with pytest.raises(RunFailed, match="under way"):
        bench.engine.start(bench.wanted(), heard.levels, heard.result, heard.done, heard.error, heard.progress)
    heard.wait("done")


def test_a_ct_that_cannot_be_read_is_an_error_and_no_worker_is_started(bench):
    gone_id = bench.ct.GetID()
    slicer.mrmlScene.RemoveNode(bench.ct)
    heard = Heard(bench.host)
    bench.engine.start(Wanted(gone_id), heard.levels, heard.result, heard.done, heard.error, heard.progress)
    heard.wait("error")
    assert heard.last("error").reason is Reason.NOT_CT
    assert not bench.fake.client.running


@pytest.mark.parametrize("who", ["levels", "result"])
def test_what_breaks_where_the_answer_is_shown_ends_the_run(bench, who):
    def refuse(*arguments):
        raise RunFailed(Reason.FAILED, "The CT was moved.")

    heard = Heard(bench.host)
    setattr(heard, who, refuse)
    bench.engine.start(bench.wanted(), heard.levels, heard.result, heard.done, heard.error, heard.progress)
    heard.wait("error", "done")
    assert heard.names()[-1] == "error"
    assert heard.last("error").message == "The CT was moved."
    assert not bench.engine.running


def test_what_breaks_after_the_run_is_not_swallowed(bench):
    def refuse():
        raise RunFailed(Reason.FAILED, "Too late.")

    heard = Heard(bench.host)
    bench.engine.start(bench.wanted(), heard.levels, heard.result, refuse, heard.error, heard.progress)
    assert bench.host.wait_until(lambda: not bench.engine.running)
    assert any("Too late." in error for error in bench.host.errors())


def test_a_question_about_the_case_goes_with_its_name_and_masks(bench):
    bench.run()
    bench.ct = add_ct()
    bench.run()
    bench.fake.asked()
    heard, out = Heard(bench.host), "/of/the/user"
    bench.engine.ask_case(deliver(out), {Level.L2: drawn("L2")}, heard.done, heard.error)
    assert bench.engine.running
    heard.wait("done", "error")
    assert heard.last("done").files == (Path(out),)
    (request,) = bench.fake.asked()
    assert (request["op"], request["case"], list(request["segmentation"])) == ("deliver", "case-2", ["L2"])
    assert not bench.engine.running
    assert bench.files() == []


def test_a_question_about_a_case_that_died_with_the_worker_is_an_error(bench):
    bench.run()
    bench.fake.client.kill()
    heard = Heard(bench.host)
    bench.engine.ask_case(deliver("/x"), {}, heard.done, heard.error)
    heard.wait("error")
    assert "Read it again" in heard.last("error").message
    assert not bench.engine.running


def test_a_question_may_be_cancelled(bench):
    bench.run()
    bench.fake.control["delay"] = {"deliver": 30}
    bench.fake.client.kill()
    bench.run()
    heard = Heard(bench.host)
    bench.engine.ask_case(deliver("/x"), {}, heard.done, heard.error)
    bench.host.wait_until(lambda: False, seconds=0.2)
    bench.engine.cancel()
    bench.host.wait_until(lambda: False, seconds=0.1)
    assert heard.calls == []
    assert not bench.engine.running
