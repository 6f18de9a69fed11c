"""A batch on Ray's own cluster of two machines, one of which is killed in mid-batch: the same table as on one machine.

Ray runs in processes of their own, below one that has its own session: none of them outlives its test.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from OsteoJointLib.batch.run import BatchOptions, run_batch
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline.settings import ReadOptions

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray reads batches on many machines"),
    pytest.mark.skipif(sys.platform != "linux", reason="Ray's cluster of several machines on one is for Linux"),
]

REPOSITORY = Path(__file__).resolve().parents[2]
GRID = Grid.axis_aligned((70, 128, 128), (3.2, 3.2, 4.5), (-204.5, -240.7, -198.9))
QUICK = ReadOptions(gradcam=False, volume=False)
ONE_MACHINE = {
    "PYTHONPATH": str(REPOSITORY),
    "OMP_NUM_THREADS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
    "RAY_worker_niceness": "0",
    "RAY_memory_usage_threshold": "1.0",
}
ON_TWO = """
import json, sys, threading
from pathlib import Path
from ray.cluster_utils import Cluster
from OsteoJointLib.batch.ray_cluster import RayOptions
from OsteoJointLib.batch.run import BatchOptions, run_batch
from OsteoJointLib.pipeline.settings import ReadOptions

inputs, out, store = sys.argv[1:]
machine = {"object_store_memory": 100 * 2**20, "memory": 4 * 2**30, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**machine, "num_cpus": 0})
machines = [cluster.add_node(**machine, num_cpus=1) for _ in range(2)]
options = BatchOptions(
    ray=RayOptions(cluster.address), store=store, read=ReadOptions(gradcam=False, volume=False), word="ray"
)
ended = []

def progress(done, total, record):
    ended.append((record.case, record.outcome))
    if done == 1:
        threading.Thread(target=cluster.remove_node, args=(machines[1], False)).start()

try:
    report = run_batch([Path(inputs)], Path(out), options, progress)
    print(json.dumps({"ended": ended, "exit": report.exit_code}))
finally:
    cluster.shutdown()
"""


@pytest.fixture(scope="module")
def cts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cts")
    for seed in (7, 11, 12, 950_002):
        volume = make_phantom(seed, grid=GRID).volume
        keys = acquisition_keys(volume.source)
        write_image(image_on_grid(volume.hu, volume.grid), folder / f"{seed}.nrrd", keys, compress=False)
    (folder / "broken.nrrd").write_text("no CT")
    return folder


@pytest.fixture(scope="module")
def local(cts, tmp_path_factory) -> Path:
    """What one machine makes of them, with as many threads as a worker of the cluster has."""
    out = tmp_path_factory.mktemp("local") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("OsteoJointLib.batch.worker_pool.usable_cores", lambda: 1)
        run_batch([cts], out, BatchOptions(read=QUICK))
    return out


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, *map(str, arguments)]
    env = os.environ | ONE_MACHINE | environment
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=env, start_new_session=True, **pipes)


def of_session(session: int) -> list[psutil.Process]:
    """The processes that were started below one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def ended(process: subprocess.Popen[str], limit_s: float = 300) -> tuple[int, str, str]:
    """Wait for a process; nothing that it has started may live on for long."""
    try:
        said, noise = process.communicate(timeout=limit_s)
        _, left = psutil.wait_procs(of_session(process.pid), timeout=20)
    finally:
        for one in of_session(process.pid):
            one.kill()
    assert not left
    return process.returncode, said, noise


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "batch.csv").open(newline="") as file:
        return {
            row["case"]: {name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)
        }


def files(cases: Path) -> dict[str, bytes]:
    """The cases' files but those that hold how long it took."""
    found = {str(path.relative_to(cases)): path for path in sorted(cases.rglob("*")) if path.is_file()}
    timed = ("result.json", "report.html", "result.csv")
    return {name: b"" if path.name in timed else path.read_bytes() for name, path in found.items()}


def results(cases: Path) -> dict[str, dict]:
    documents = {path.parent.name: json.loads(path.read_text()) for path in cases.glob("*/result.json")}
    return {case: {key: value for key, value in one.items() if key != "timings_s"} for case, one in documents.items()}


def test_a_machine_that_is_killed_loses_no_case_and_changes_no_row(cts, local, tmp_path):
    """The results go to a URL besides."""
    store = tmp_path / "bucket"
    code, said, noise = ended(start("-c", ON_TWO, cts, tmp_path / "out", f"file://{store}"))
    assert code == 0, noise[-3000:]
    report = json.loads(said.splitlines()[-1])
    assert sorted(case for case, _ in report["ended"]) == [f"case-{number:04}" for number in range(1, 6)]
    assert [outcome for _, outcome in sorted(report["ended"])].count("done") == 4
    assert report["exit"] == 6
    assert rows(tmp_path / "out") == rows(local)
    assert results(store / "cases") == results(local / "cases")
    assert files(store / "cases") == files(local / "cases")
    assert (store / "batch.csv").read_bytes() == (tmp_path / "out" / "batch.csv").read_bytes()
    assert (store / "index.html").is_file()
    assert not list((tmp_path / "out" / "cases").glob("*"))


def test_a_batch_on_the_own_cluster_is_stopped_by_sigterm_and_goes_on(cts, local, tmp_path):
    out = tmp_path / "out"
    quick = ("--no-gradcam", "--no-volume", "--workers", "1")
    command = ("-m", "OsteoJointLib", "batch", cts, "--out", out, "--engine", "ray", "--ray-address", "local", *quick)
    batch = start(*command, TMPDIR=str(tmp_path))
    assert batch.stderr is not None
    first = batch.stderr.readline()
    listening = {
        (one.laddr.ip, process.name())
        for process in of_session(batch.pid)
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    }
    batch.send_signal(signal.SIGTERM)
    code, _, noise = ended(batch)
    assert (code, "stopped" in noise, "Traceback" in noise) == (130, True, False), noise
    assert first.startswith("1/5 case-")
    assert {ip.removeprefix("::ffff:") for ip, _ in listening} == {"127.0.0.1"}, listening
    assert {"raylet", "gcs_server"} <= {name for _, name in listening}
    code, said, noise = ended(start(*command))
    assert (code, "skipped" in said) == (6, True), noise
    assert rows(out) == rows(local)
    assert files(out / "cases") == files(local / "cases")
