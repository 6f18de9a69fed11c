"""The engine of a cluster, with a stand-in for Ray: what is lost is read again, what dies costs its case."""

import sys
import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from OsteoJointLib import __version__
from OsteoJointLib.batch import ray_engine
from OsteoJointLib.batch.case_engine import CaseEnd, CaseTask
from OsteoJointLib.batch.ray_cluster import RayOptions, connected
from OsteoJointLib.batch.ray_engine import RayEngine
from OsteoJointLib.errors import ModelRefused, Reason, RunFailed, UsageError
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig, ReadOptions
from OsteoJointLib.worker.answers import Loaded, LoadedModel


class RayError(Exception):
    """Of the stand-in."""

    preempted = False


class ActorDiedError(RayError):
    """It died."""


class ActorUnavailableError(RayError):
    """It can't be reached."""


class ObjectLostError(RayError):
    """What it gave is gone."""


class NodeDiedError(RayError):
    """Its machine died."""


LOST = ActorUnavailableError("Socket closed")
LOST_LATE = ActorDiedError("The actor died because its node has died.")
CRASHED = ActorDiedError("The actor is dead because its worker process has died.")


def loaded(sha256: str = "f" * 64) -> Loaded:
    return Loaded(LoadedModel("compact", "compact", sha256), "cpu", True, Hardware("2.8.0", None, None, (), 8, 8))


class StandIn:
    """Ray with actors that do what a script says: an answer to give, an error to raise, or an event to wait for."""

    exceptions = SimpleNamespace(
        RayError=RayError,
        ActorDiedError=ActorDiedError,
        ActorUnavailableError=ActorUnavailableError,
        ObjectLostError=ObjectLostError,
        NodeDiedError=NodeDiedError,
    )

    def __init__(self, cores: int = 2, loads=(), reads=()):
        self._machines = [{"NodeID": "one", "Alive": True, "Resources": {"CPU": float(cores), "memory": 1e12}}]
        self._loads, self._reads = list(loads), list(reads)
        self.requests, self.tasks, self.killed, self.started = [], [], [], []

    def nodes(self):
        return self._machines

    def remote(self, kind):
        return self

    def options(self, **needs):
        return SimpleNamespace(remote=lambda: self._actor(needs))

    def _actor(self, needs):
        actor = SimpleNamespace(load=SimpleNamespace(), read=SimpleNamespace())
        actor.load.remote = lambda version, request: self._next(self._loads, self.requests, request, loaded(), True)
        actor.read.remote = lambda task: self._next(self._reads, self.tasks, task.case, None, False)
        self.started.append(needs)
        return actor

    def _next(self, script, log, what, usual, is_load):
        log.append(what)
        answer = script.pop(0) if script else usual
        future = Future()
        if isinstance(answer, RayError):
            future.set_exception(answer)
        elif isinstance(answer, Future):
            future = answer
        else:
            future.set_result(("one", answer) if is_load else answer or (CaseEnd("digest", {"of": what}), {}))
        return SimpleNamespace(future=lambda: future)

    def get(self, reference):
        return reference.future().result(timeout=20)

    def kill(self, actor):
        self.killed.append(actor)


@pytest.fixture
def engine(monkeypatch):
    made = []

    def make(stand_in=None, workers=None, cases=10, load=None, **options):
        stand_in = stand_in or StandIn()
        monkeypatch.setitem(sys.modules, "ray", stand_in)
        made.append(RayEngine(workers, cases, RayOptions(**options), load or LoadOptions(), PipelineConfig()))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def read(engine, tmp_path, case="a"):
    return engine.read(CaseTask(case, tmp_path / "a.nrrd", None, ReadOptions()), tmp_path / "cases" / case)


def test_there_are_as_many_workers_as_there_is_room_for_or_as_were_asked_for(engine):
    assert engine(StandIn(cores=5), cpus=2).size == 2
    assert engine(StandIn(cores=5), workers=1).size == 1
    assert engine(StandIn(cores=5), workers=9).size == 9  # the cluster may grow
    assert engine(StandIn(cores=5), cases=3).size == 3
    with pytest.raises(RunFailed, match="No machine of the cluster has room.*8 cores, 2 GiB") as refusal:
        engine(StandIn(cores=5), cpus=8)
    assert refusal.value.reason is Reason.NO_CLUSTER
    with pytest.raises(RunFailed, match=r"0\.5 GPU"):
        engine(StandIn(), gpus=0.5)


def test_a_worker_computes_on_the_cpu_unless_it_has_a_share_of_a_gpu(engine):
    ray = StandIn()
    engine(ray)
    assert (ray.requests[0]["device"], ray.requests[0]["threads"]) == ("cpu", 1)
    ray = StandIn(cores=8)
    ray.nodes()[0]["Resources"]["GPU"] = 1.0
    assert engine(ray, gpus=0.25, cpus=2).size == 4
    assert (ray.requests[0]["device"], ray.requests[0]["threads"]) == ("auto", 2)
    assert (ray.started[0]["num_gpus"], ray.started[0]["num_cpus"]) == (0.25, 2)
    with pytest.raises(UsageError, match="--ray-gpus"):
        engine(load=LoadOptions(device="cuda"))
    for wrong in ({"gpus": 1.5}, {"gpus": -0.5}, {"cpus": 0}):
        with pytest.raises(UsageError, match="--ray-"):
            RayOptions(**wrong)


def test_the_files_of_a_case_are_written_by_the_batch(engine, tmp_path):
    files = {"report.html": b"page", "result.json": b"{}"}
    ray = StandIn(reads=[(CaseEnd("d", {"status": "normal"}, tuple(files)), files)])
    assert read(engine(ray), tmp_path).files == tuple(files)
    folder = tmp_path / "cases" / "a"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


@pytest.mark.parametrize("error", [LOST, LOST_LATE, ObjectLostError("gone"), NodeDiedError("gone")])
def test_what_was_read_on_a_lost_machine_is_read_again(engine, tmp_path, error):
    ray = StandIn(reads=[error])
    end = read(engine(ray), tmp_path)
    assert (end.ending, end.result) == (None, {"of": "a"})
    assert (ray.tasks, len(ray.started), len(ray.killed)) == (["a", "a"], 3, 1)


def test_three_lost_machines_cost_the_case(engine, tmp_path):
    one = engine(StandIn(reads=[LOST] * 3))
    end = read(one, tmp_path)
    assert end.ending.reason is Reason.WORKER_KILLED and "3 machines were lost" in end.ending.message
    assert read(one, tmp_path, "b").result == {"of": "b"}


def test_a_worker_that_dies_costs_its_case_and_is_replaced(engine, tmp_path):
    ray = StandIn(cores=1, reads=[CRASHED])
    one = engine(ray)
    end = read(one, tmp_path)
    assert end.ending.reason is Reason.WORKER_KILLED and "--ray-cpus" in end.ending.message
    assert read(one, tmp_path, "b").result == {"of": "b"}
    assert (ray.tasks, len(ray.started)) == (["a", "b"], 2)


def test_a_card_that_failed_costs_its_case_and_the_worker(engine, tmp_path):
    broken = CaseEnd("d", ending=RunFailed(Reason.DEVICE_FAILED, "The graphics card broke off."))
    ray = StandIn(cores=1, reads=[(broken, {})])
    one = engine(ray)
    assert read(one, tmp_path).ending.reason is Reason.DEVICE_FAILED
    assert read(one, tmp_path, "b").result == {"of": "b"}
    assert len(ray.started) == 2


@pytest.mark.parametrize(
    ("said", "kind", "reason", "words"),
    [
        ("lacks the package OsteoJointLib", RunFailed, Reason.DEPENDENCY_MISSING, "lacks the package OsteoJointLib"),
        ("has OsteoJoint 0.0.1", RunFailed, Reason.DEPENDENCY_MISSING, f"has OsteoJoint 0.0.1.*{__version__}"),
        (
            ModelRefused(Reason.WEIGHTS_NOT_FOUND, "There are no weights x."),
            ModelRefused,
            Reason.WEIGHTS_NOT_FOUND,
            "On a machine of the cluster: There are no weights x",
        ),
        (CRASHED, RunFailed, Reason.WORKER_KILLED, "killed on its machine"),
    ],
)
def test_a_machine_that_can_t_load_ends_the_batch_in_a_sentence(engine, said, kind, reason, words):
    ray = StandIn(loads=[said, said])
    with pytest.raises(kind, match=words) as refusal:
        engine(ray)
    assert refusal.value.reason is reason
    assert len(ray.killed) == len(ray.started)


def test_machines_with_different_weights_are_refused(engine, tmp_path):
    one = engine(StandIn(loads=[loaded("1" * 64), loaded("2" * 64)]))
    with pytest.raises(ModelRefused, match="different weights"):
        for _ in range(2):
            read(one, tmp_path)


def test_a_machine_that_is_lost_while_it_loads_is_replaced(engine, tmp_path):
    ray = StandIn(cores=1, loads=[LOST_LATE])
    assert read(engine(ray), tmp_path).result == {"of": "a"}
    assert len(ray.started) == 2


def test_workers_for_which_there_is_no_room_yet_hold_nothing_up(engine, tmp_path):
    one = engine(StandIn(loads=[loaded(), Future()]))
    assert [read(one, tmp_path, name).result for name in "abc"] == [{"of": name} for name in "abc"]


def test_no_worker_for_too_long_ends_the_batch(engine, monkeypatch):
    monkeypatch.setattr(ray_engine, "_ROOM_IN_S", 0.05)
    with pytest.raises(RunFailed, match="No machine of the cluster has room"):
        engine(StandIn(loads=[Future(), Future()]))


def test_a_stop_lets_those_go_who_wait(engine, tmp_path):
    one, ended = engine(StandIn(cores=1), cases=1), []

    def wait():
        one._lent()
        with pytest.raises(RunFailed, match="stopped"):
            one._lent()
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    one.stop()
    thread.join(20)
    assert ended or not thread.is_alive()


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("127.0.0.1:1", RunFailed, "No Ray cluster answers at 127.0.0.1:1"),
        ("ray://head:10001", UsageError, "ray job submit"),
        ("head", UsageError, "HOST:PORT"),
        ("head:x", UsageError, "HOST:PORT"),
    ],
)
def test_a_wrong_address_is_said_at_once(address, kind, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", StandIn())
    with pytest.raises(kind, match=words), connected(RayOptions(address)):
        raise AssertionError("it connected")


def test_ray_that_isn_t_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RunFailed, match=r"osteojoint\[ray\]") as refusal, connected(RayOptions("local")):
        raise AssertionError("it connected")
    assert refusal.value.reason is Reason.DEPENDENCY_MISSING
