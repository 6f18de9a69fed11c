"""The engine of a Ray cluster: one actor a worker, each with the networks loaded, on whichever machines have room.

A worker computes fingerprint and reading beside the CT's files, which all machines see under the same path, and hands
the result's files to the batch: it alone writes them, and the ledger. A machine that is lost costs no case: what was
read on it is read again on another. A worker that dies on a machine that lives costs its case, as on one machine; so
no CT that kills workers goes round.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from OsteoJointLib import __version__
from OsteoJointLib.batch.case_engine import CaseEnd, CaseTask
from OsteoJointLib.batch.ray_cluster import RayOptions
from OsteoJointLib.errors import ModelRefused, OsteoJointError, Reason, RunFailed, UsageError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.output.case_folder import place_files
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.worker.answers import Loaded
from OsteoJointLib.worker.requests import Load

_TRIES = 3
"""Machines on which a case is tried when they are lost one after the other (chosen)."""
_ROOM_IN_S = 300.0
"""How long to wait while no worker lives at all, seconds (chosen: a cloud's machine takes minutes to come)."""


class RayEngine:
    """Reads cases on the cluster that this process is connected to.

    Args:
        workers: at most; None: as many as it has room for.
        cases: that are to be read.
        options: what each worker gets.
        load: what each loads.
        config: how the stages of its readings work.

    Raises:
        UsageError: a GPU is asked for, but no share of one given.
        ModelRefused: the weights or the device can't be used.
        RunFailed: no machine has room, or none has this version of OsteoJoint.
    """

    def __init__(self, workers: int | None, cases: int, options: RayOptions, load: LoadOptions, config: PipelineConfig):
        import ray

        self._ray, self._options = ray, options
        self._actors: Any = ray.remote(_actor_class())
        room = options.room(ray.nodes())
        if not room:
            raise _no_room(options)
        self.size = min(workers or room, cases)
        request = Load(
            weights=load.weights, device=_device(load, options), threads=options.cpus, config=to_json(config)
        )
        self._load = to_json(request)
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._living: set[_Worker] = set()
        self._lock, self._stopped = threading.Lock(), False
        self.model_sha256 = ""
        try:
            for _ in range(self.size):
                self._start()
            self._idle.put(self._lent())
        except BaseException:
            self.stop()
            raise

    def read(self, task: CaseTask, folder: Path) -> CaseEnd:
        """Carry out a task; see :class:`OsteoJointLib.batch.case_engine.Engine`."""
        for _ in range(_TRIES):
            worker = self._lent()
            try:
                end, files = worker.read(task)
            except self._ray.exceptions.RayError as error:
                self._replace(worker)
                if worker.is_lost(error):
                    continue
                return CaseEnd(ending=_died(error))
            if end.ending is not None and end.ending.reason is Reason.DEVICE_FAILED:
                self._replace(worker)  # no process can use a card again after its failure
            else:
                self._idle.put(worker)
            try:
                if files:
                    place_files(files, folder.resolve())
            except Exception as error:
                return CaseEnd(end.fingerprint, ending=as_ending(error))
            return end
        lost = f"{_TRIES} machines were lost while they read this CT, one after the other."
        return CaseEnd(ending=RunFailed(Reason.WORKER_KILLED, f"{lost} Run the same command again."))

    def stop(self) -> None:
        """End all workers at once, for good."""
        with self._lock:
            self._stopped = True
            for worker in self._living:
                worker.kill()
            self._living.clear()
        for _ in range(self.size):
            self._idle.put(None)

    def _start(self) -> None:
        """Let the cluster start a worker where it has room; it is lent once it has loaded the weights."""
        with self._lock:
            if self._stopped:
                return
            needs = {"num_cpus": self._options.cpus, "num_gpus": self._options.gpus}
            memory = int(self._options.resources["memory"])
            worker = _Worker(self._ray, self._actors.options(**needs, memory=memory).remote(), self._load)
            self._living.add(worker)
        worker.when_loaded(lambda: self._idle.put(worker))

    def _replace(self, worker: _Worker) -> None:
        with self._lock:
            self._living.discard(worker)
        worker.kill()
        self._start()

    def _lent(self) -> _Worker:
        """Wait for a worker that has nothing to do, and take it."""
        while True:
            worker = self._next()
            if worker.node is not None:
                return worker
            try:
                said = worker.loaded()
            except self._ray.exceptions.RayError as error:
                self._replace(worker)
                if not worker.is_lost(error):
                    raise _died(error) from error
                continue
            sha256 = _checked(said)
            with self._lock:
                self.model_sha256 = self.model_sha256 or sha256
            if sha256 != self.model_sha256:
                raise ModelRefused(
                    Reason.WEIGHTS_HASH,
                    "Two machines of the cluster have different weights of the same name. Install the same on all.",
                )
            return worker

    def _next(self) -> _Worker:
        while True:
            try:
                worker = self._idle.get(timeout=_ROOM_IN_S)
            except queue.Empty:
                with self._lock:
                    if any(worker.node is not None for worker in self._living):
                        continue
                raise _no_room(self._options) from None
            if worker is None or self._stopped:
                raise RunFailed(Reason.CANCELLED, "The batch was stopped.")
            return worker


class _Worker:
    """One actor: it is asked to load the weights as soon as its machine has started it.

    Args:
        ray: the module.
        actor: of :func:`_actor_class`.
        load: a :class:`Load`, as JSON.
    """

    def __init__(self, ray: ModuleType, actor: Any, load: Mapping[str, Any]):
        self._ray, self._actor = ray, actor
        self._loading = actor.load.remote(__version__, load)
        self.node: str | None = None
        """Its machine, once it is loaded."""

    def when_loaded(self, call: Callable[[], None]) -> None:
        """Call once it has loaded the weights, or died."""
        self._loading.future().add_done_callback(lambda _: call())

    def loaded(self) -> Any:
        """Say what became of the loading; RayError where the actor died."""
        self.node, said = self._ray.get(self._loading)
        return said

    def read(self, task: CaseTask) -> tuple[CaseEnd, dict[str, bytes]]:
        """Carry out a task; RayError where the actor died."""
        end, files = self._ray.get(self._actor.read.remote(task))
        return end, files

    def is_lost(self, error: Exception) -> bool:
        """Say whether it died with its machine, or with the way to it, and not by itself."""
        raised = self._ray.exceptions
        if isinstance(error, raised.ActorDiedError):
            dead = {machine["NodeID"] for machine in self._ray.nodes() if not machine["Alive"]}
            return error.preempted or self.node in dead or "node has died" in str(error)
        return isinstance(error, raised.ActorUnavailableError | raised.ObjectLostError | raised.NodeDiedError)

    def kill(self) -> None:
        """End the actor at once, or let the cluster forget it where it has not started yet."""
        with suppress(Exception):
            self._ray.kill(self._actor)


def _actor_class() -> type:
    """Make the actor's class; made in a function, it travels whole, and can say itself what its machine lacks."""

    class OsteoJointReader:
        """Reads cases on one machine of the cluster."""

        def load(self, version: str, request: Any) -> tuple[str, Any]:
            """Load the weights; give the machine's number, and what came of it."""
            import importlib

            import ray

            node = ray.get_runtime_context().get_node_id()
            try:
                here = importlib.import_module("OsteoJointLib.batch.case_reader")
            except ImportError as error:
                return node, f"lacks the package {error.name}"
            if here.__version__ != version:
                return node, f"has OsteoJoint {here.__version__}"
            self._reader = here.CaseReader()
            return node, self._reader.load(request)

        def read(self, task: Any) -> Any:
            """Carry out a task."""
            return self._reader.read(task)

    return OsteoJointReader


def _checked(said: Loaded | OsteoJointError | str) -> str:
    """Give the SHA-256 of the weights that a worker has loaded; raise what it says else."""
    if isinstance(said, str):
        raise RunFailed(
            Reason.DEPENDENCY_MISSING,
            f"A machine of the cluster {said}. The batch runs OsteoJoint {__version__}: install that on all machines, "
            "with all it needs.",
        )
    if isinstance(said, OsteoJointError):
        cluster = "On a machine of the cluster:"
        raise type(said)(said.reason, f"{cluster} {said.message}", f"{cluster} {said.public}")
    return said.model.sha256


def _died(error: Exception) -> OsteoJointError:
    """Say why a worker of a machine that lives has died."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return as_ending(cause)
    if type(error).__name__ == "OutOfMemoryError" or "OutOfMemory" in str(error):
        return as_ending(MemoryError())
    return RunFailed(
        Reason.WORKER_KILLED,
        "The worker was killed on its machine, which is what the system does when memory runs out, unless somebody did "
        "it. Try again; if it comes back: give each worker more cores (--ray-cpus), so that there are fewer on a "
        "machine, or crop the CT to the lumbar spine.",
    )


def _device(load: LoadOptions, options: RayOptions) -> str:
    """Choose where the workers compute: a worker without a share of a GPU never uses one."""
    if options.gpus:
        return load.device
    if load.device.startswith("cuda"):
        raise UsageError(
            Reason.USAGE, f"--device {load.device} needs a share of a GPU. Give one by --ray-gpus, such as 0.25."
        )
    return "cpu"


def _no_room(options: RayOptions) -> OsteoJointError:
    gpu = f", {options.gpus:g} GPU" if options.gpus else ""
    gib = options.resources["memory"] / 2**30
    return RunFailed(
        Reason.NO_CLUSTER,
        f"No machine of the cluster has room for a worker, which needs {options.cpus} cores, {gib:.0f} GiB{gpu}. "
        "Change --ray-cpus or --ray-gpus, or give the cluster a machine.",
    )
