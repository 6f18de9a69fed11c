"""A Ray cluster to read a batch's cases on: an existing one, or one that is started on this machine for this batch.

The one of this machine listens on 127.0.0.1 alone, takes orders from this process alone (by a token that nobody else
has), tells nobody that it runs, and is gone afterward with all that it wrote.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from OsteoJointLib.device import usable_cores
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed, UsageError

LOCAL = "local"
"""The address of a cluster that is yet to be started on this machine."""

_STORE_BYTES = 200 * 2**20
"""Memory by which the processes of the own cluster pass results on; a case's have a few MB."""
_WORKER_BYTES = 2 * 2**30
"""Memory that a worker is counted with, so that no machine gets more of them than it can hold (chosen: its peak over
a CT of 512 x 512 x 600 voxels, and some)."""
_OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's word for: this machine alone, at 127.0.0.1
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",  # Ray's own 15 lets any other program of a busy machine go before
}
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what machines say of themselves would stand among the batch's own lines
}
_ANSWERS_IN_S = 5.0
"""How long something at an address may take to answer, seconds (chosen)."""
_HIGHEST_PORT = 2**16 - 1


@dataclass(frozen=True)
class RayOptions:
    """Which cluster, and what each of its workers gets."""

    address: str = ""
    """HOST:PORT, ``auto`` for the cluster that this machine belongs to, ``local`` for one that is started here; empty:
    what the environment variable RAY_ADDRESS says, else ``local``."""
    cpus: int = 1
    """CPU cores of each worker, which are its threads."""
    gpus: float = 0.0
    """GPUs of each worker: a share such as 0.25 lets four workers use one; 0: it computes on the CPU."""

    def __post_init__(self) -> None:
        if self.cpus < 1:
            raise UsageError(Reason.USAGE, f"A worker needs at least 1 core. Correct --ray-cpus {self.cpus}.")
        if not (0 <= self.gpus <= 1 or self.gpus in range(2, 17)):
            raise UsageError(
                Reason.USAGE,
                f"A worker gets a share of a GPU between 0 and 1, or whole ones. Correct --ray-gpus {self.gpus:g}.",
            )

    @property
    def resources(self) -> dict[str, float]:
        """What each worker needs, in Ray's words for a machine's resources."""
        needs = {"CPU": float(self.cpus), "memory": float(_WORKER_BYTES)}
        return needs | ({"GPU": self.gpus} if self.gpus else {})

    def room(self, machines: list[Mapping[str, Any]]) -> int:
        """Count the workers for which these machines have room.

        Args:
            machines: as ``ray.nodes()`` lists them.

        >>> machine = {"Alive": True, "Resources": {"CPU": 8.0, "memory": 64e9, "GPU": 1.0}}
        >>> RayOptions(cpus=2, gpus=0.3).room([machine, machine | {"Alive": False}])
        3
        """
        here = [machine["Resources"] for machine in machines if machine["Alive"]]
        return sum(min(int(one.get(name, 0) / needed) for name, needed in self.resources.items()) for one in here)


@contextmanager
def connected(options: RayOptions) -> Iterator[None]:
    """Connect this process to the cluster; one that was started for it has ended afterward.

    Raises:
        RunFailed: Ray isn't installed, nothing answers at the address, or it is of another version.
        UsageError: no such address.
    """
    address = options.address or os.environ.get("RAY_ADDRESS", "") or LOCAL
    own = address == LOCAL
    with _environment(own), _own_folder(own) as folder:
        ray = _ray()
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if own:
            settings |= {"num_cpus": usable_cores(), "object_store_memory": _STORE_BYTES, "include_dashboard": False}
            settings |= {"_temp_dir": folder}
        else:
            _check_address(address)
        try:
            with _own_signals():
                ray.init(address=address, **settings)
        except Exception as error:  # of many kinds, with words for programmers
            raise _not_connected(address, error) from error
        try:
            if own and not ray.util.get_node_ip_address().startswith("127."):
                raise RunFailed(Reason.FAILED, "This program has loaded Ray before. Start the batch in a new one.")
            yield
        finally:
            ray.shutdown()


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise RunFailed(
            Reason.DEPENDENCY_MISSING,
            "Ray isn't installed. Install it with pip install 'osteojoint[ray]', or leave --engine ray out.",
        ) from error
    return ray


def _check_address(address: str) -> None:
    """Check that something listens at an address; Ray would try for minutes."""
    if address == "auto":
        return
    if "://" in address:
        raise UsageError(
            Reason.USAGE,
            f"{address} is an address of Ray's client, over which a batch can't run. Run it on a machine of the "
            "cluster with --ray-address auto, or by `ray job submit`.",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise UsageError(Reason.USAGE, f"{address} is no address of a Ray cluster. Give HOST:PORT, auto or local.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_IN_S).close()
    except OSError as error:
        raise _not_connected(address, error) from error


def _not_connected(address: str, error: Exception) -> OsteoJointError:
    words = " ".join(str(error).split())
    if address == LOCAL:
        what = f"Ray can't start on this machine: {words}. Check that there is memory, and room in {_short_folder()}."
    elif "mismatch" in words.lower():
        what = f"The Ray cluster at {address} is of other versions: {words} Install the same Ray and Python here."
    elif address == "auto":
        what = (
            "No Ray cluster runs on this machine. Start one with `ray start --head`, or give --ray-address HOST:PORT."
        )
    else:
        what = f"No Ray cluster answers at {address} ({words}). Check the address, and that the cluster runs."
    return RunFailed(Reason.NO_CLUSTER, what)


@contextmanager
def _environment(own: bool) -> Iterator[None]:
    """Say to Ray, before it is loaded, that it shall tell nobody, and on the own cluster take orders from us alone."""
    said = dict(_QUIET) | (_OWN | {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if own else {})
    before = {name: os.environ.get(name) for name in said}
    os.environ.update(said)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _short_folder() -> str:
    """Name the folder for temporary files; on Unix a short one, as Ray makes sockets in it."""
    return tempfile.gettempdir() if os.name == "nt" else "/tmp"


@contextmanager
def _own_folder(own: bool) -> Iterator[str | None]:
    """Make a folder for what the own cluster writes, which only this user may read."""
    if not own:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="osteojoint-", dir=_short_folder())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Let SIGTERM stay what it was; Ray takes it over."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)
