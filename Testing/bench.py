"""`make bench`: how fast OsteoJoint is here, cold and warm, stage by stage; a table on the terminal and a JSON file.

The case is one phantom CT of 512 x 512 x 200 voxels in an uncompressed .nrrd. *Cold* is a whole process,
`osteojoint analyze`, with its peak memory. *Warm* is the worker asked again and again with its networks loaded. Every
time is the median of the repeats. Seconds differ from machine to machine, so each also stands as a ratio to one
yardstick measured beside it: a ResNet-50 forward pass of one 224 x 224 image (random weights, float32, the same
threads). Where MONAI is installed, so does a peer's way to the vertebrae: the SegResNet of its bundle
wholeBody_ct_segmentation over the same CT at 3 mm (random weights, float32; the network alone, without reading or
resampling). Nothing is asserted here: a slow machine is not a failed test. What other processes computed meanwhile is
counted, and where that is too much, the table says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SLICES = 200
SEED = 950_001
BUSY_SHARE = 0.05
"""Where other processes took more than this share of the cores, the times tell too little."""
PEER_MM, PEER_WINDOW, PEER_OVERLAP = 3.0, 96, 0.25
"""Voxels and sliding windows of the peer, as its bundle has them."""


class OtherWork:
    """How much other processes compute, from here on."""

    def __init__(self) -> None:
        self._begin = self._seconds()

    def share(self) -> float | None:
        """Return the share of all cores that others took so far; None where the system doesn't tell."""
        end = self._seconds()
        if end is None or self._begin is None:
            return None
        busy, own, wall = (now - before for now, before in zip(end, self._begin, strict=True))
        return max(busy - own, 0.0) / (wall * (os.cpu_count() or 1))

    @staticmethod
    def _seconds() -> tuple[float, float, float] | None:
        """Return what all processes have computed, what this one and its ended children have, and the clock."""
        try:
            words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        except OSError:
            return None
        user, nice, system, _idle, _wait, *interrupts = (int(word) for word in words[1:9])
        busy = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
        return busy, sum(os.times()[:4]), time.perf_counter()


def median_s(function: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, after one call that doesn't count."""
    function()
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def write_case(path: Path) -> dict:
    """Write the phantom; return its size and how long it took to make."""
    import SimpleITK
    from tqdm import tqdm

    from OsteoJointLib.frames import Grid
    from OsteoJointLib.phantom.cases import make_phantom

    with tqdm(total=2, desc="Phantom", disable=None) as bar:
        grid = make_phantom(SEED).volume.grid
        bar.update()
        height_mm = grid.shape_zyx[0] * grid.spacing_xyz_mm[2]
        spacing = (*grid.spacing_xyz_mm[:2], height_mm / SLICES)
        begin = time.perf_counter()
        volume = make_phantom(SEED, grid=Grid.axis_aligned((SLICES, 512, 512), spacing, grid.origin_lps_mm)).volume
        made_s = time.perf_counter() - begin
        bar.update()
    image = SimpleITK.GetImageFromArray(volume.hu)
    image.SetSpacing(volume.grid.spacing_xyz_mm)
    image.SetOrigin(volume.grid.origin_lps_mm)
    SimpleITK.WriteImage(image, str(path), useCompression=False)
    return {"seed": SEED, "voxels_zyx": list(volume.hu.shape), "spacing_mm": list(spacing), "made_s": made_s}


def machine() -> dict:
    """Name the machine and what computes on it."""
    import torch

    from OsteoJointLib.device import usable_cores

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": gpu,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_before": os.getloadavg()[0],
    }


def yardsticks(path: Path, repeats: int) -> dict[str, float]:
    """Measure what the times below are compared with, in seconds."""
    import SimpleITK
    import torch
    from torchvision.models import resnet50

    from OsteoJointLib.device import set_threads

    set_threads()
    network, image = resnet50().eval(), torch.zeros(1, 3, 224, 224)
    with torch.inference_mode():
        resnet50_s = median_s(lambda: network(image), 5 * repeats)
    return {
        "resnet50_224": resnet50_s,
        "python_import_torch": median_s(lambda: subprocess.run([sys.executable, "-c", "import torch"]), repeats),
        "simpleitk_read": median_s(lambda: SimpleITK.ReadImage(str(path)), repeats),
    }


def peer_s(grid: dict, repeats: int) -> float | None:
    """Measure the peer's network over the CT, window by window; None where MONAI isn't installed."""
    if importlib.util.find_spec("monai") is None:
        return None
    import torch

    extent_px = [n * mm / PEER_MM for n, mm in zip(grid["voxels_zyx"], grid["spacing_mm"][::-1], strict=True)]
    step_px = PEER_WINDOW * (1 - PEER_OVERLAP)
    windows = math.prod(max(math.ceil((px - PEER_WINDOW) / step_px), 0) + 1 for px in extent_px)
    network = (
        importlib.import_module("monai.networks.nets")
        .SegResNet(init_filters=32, in_channels=1, out_channels=105, blocks_down=(1, 2, 2, 4), blocks_up=(1, 1, 1))
        .eval()
    )
    window = torch.zeros(1, 1, PEER_WINDOW, PEER_WINDOW, PEER_WINDOW)
    with torch.inference_mode():
        return windows * median_s(lambda: network(window), repeats)


def peak_mib(pid: int) -> float:
    """Return the peak of a running process's memory so far, 0.0 where the system doesn't tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def cold(path: Path, out: Path, device: str, repeats: int) -> dict:
    """Run whole processes; return their median seconds, peak memory and the stages of the last one."""
    seconds, computed, peak = [], [], 0.0
    for number in range(repeats):
        folder = out / f"cold-{number}"
        command = [sys.executable, "-m", "OsteoJointLib", "analyze", str(path), "--out", str(folder)]
        begin, before_s = time.perf_counter(), sum(os.times()[2:4])
        child = subprocess.Popen([*command, "--device", device], stdout=subprocess.DEVNULL)
        while child.poll() is None:
            peak = max(peak, peak_mib(child.pid))
            time.sleep(0.02)
        seconds.append(time.perf_counter() - begin)
        computed.append(sum(os.times()[2:4]) - before_s)
        if child.returncode != 0:
            sys.exit(f"analyze ended with exit code {child.returncode}.")
    stages = json.loads((folder / "result.json").read_text(encoding="utf-8"))["timings_s"]
    cpu_s = statistics.median(computed)
    return {"process_s": statistics.median(seconds), "cpu_s": cpu_s, "peak_mib": peak, "stages_s": stages}


class Worker:
    """`osteojoint worker` as Slicer talks to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "OsteoJointLib", "worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, **request) -> dict:
        """Send one request; return its last event."""
        self._process.stdin.write(json.dumps({"id": "bench", **request}) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "error":
                sys.exit(f"The worker refused {request}: {event['message']}")
            if event["event"] == "done":
                return event
        sys.exit(f"The worker ended at {request}.")

    def timed(self, repeats: int, **request) -> float:
        """Median seconds of a request."""
        return median_s(lambda: self.ask(**request), repeats)

    def peak_mib(self) -> float:
        """Return the peak of its memory so far."""
        return peak_mib(self._process.pid)

    def close(self) -> None:
        """Let it end."""
        self._process.stdin.close()
        self._process.wait(10)


def warm(path: Path, out: Path, device: str, repeats: int) -> dict:
    """Ask a warm worker for a whole case, and for what follows each of a user's edits."""
    worker, folder = Worker(), out / "warm"
    begin = time.perf_counter()
    worker.ask(op="load", device=device)
    load_s = time.perf_counter() - begin
    case_s = worker.timed(repeats, op="analyze", input=str(path))
    mid_slices_s = worker.timed(repeats, op="analyze", input=str(path), volume=False)
    stages_s = worker.ask(op="analyze", input=str(path))["result"]["timings_s"]
    levels_s = worker.timed(repeats, op="levels", input=str(path))
    # last, because a worker lets its oldest cases go
    done = worker.ask(op="analyze", input=str(path), out=str(folder))
    case, result = done["case"], done["result"]
    left, anterior, height = result["levels"]["L1"]["center_ras_mm"]
    moved = {"L1": [left, anterior, height + 1.0]}
    measured = {
        "load_s": load_s,
        "case_s": case_s,
        "mid_slices_s": mid_slices_s,
        "stages_s": stages_s,
        "levels_s": levels_s,
        "moved_point_s": worker.timed(repeats, op="segment", case=case, points=moved),
        "edited_mask_s": worker.timed(
            repeats, op="edit", case=case, segmentation=str(folder / "segmentation.seg.nrrd"), gradcam=False
        ),
        "edited_mask_with_explanation_s": worker.timed(
            repeats, op="edit", case=case, segmentation=str(folder / "segmentation.seg.nrrd")
        ),
        "peak_mib": worker.peak_mib(),
    }
    worker.close()
    return measured


def rows(measured: dict) -> list[tuple[str, str, str, str]]:
    """Return what the table shows: name, value, ratios to the yardstick and to the peer."""
    unit, peer = measured["yardsticks_s"]["resnet50_224"], measured["yardsticks_s"].get("peer_segresnet_3mm")

    def timed(name: str, seconds: float) -> tuple[str, str, str, str]:
        return name, f"{seconds:.3f} s", f"{seconds / unit:.1f}", f"{seconds / peer:.3f}" if peer else ""

    found = [timed(f"yardstick: {name}", seconds) for name, seconds in measured["yardsticks_s"].items()]
    for device, runs in measured["devices"].items():
        cold_run, warm_run = runs["cold"], runs["warm"]
        found.append(timed(f"{device} cold: whole process", cold_run["process_s"]))
        found.append(timed(f"{device} cold: seconds of a core", cold_run["cpu_s"]))
        found.append((f"{device} cold: peak memory", f"{cold_run['peak_mib']:.0f} MiB", "", ""))
        found += [timed(f"{device} cold: {stage}", seconds) for stage, seconds in cold_run["stages_s"].items()]
        found += [
            timed(f"{device} warm: {key[:-2]}", warm_run[key])
            for key in warm_run
            if key.endswith("_s") and isinstance(warm_run[key], float)
        ]
        found += [timed(f"{device} warm: {stage}", seconds) for stage, seconds in warm_run["stages_s"].items()]
        found.append((f"{device} warm: peak memory", f"{warm_run['peak_mib']:.0f} MiB", "", ""))
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for bench.json")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured (default 3)")
    arguments = parser.parse_args()
    import torch

    from OsteoJointLib.atomic import write_text_whole

    others = OtherWork()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    with tempfile.TemporaryDirectory(prefix="osteojoint-bench-") as temporary:
        folder = Path(temporary)
        path = folder / "phantom.nrrd"
        measured: dict = {"case": write_case(path), "machine": machine(), "repeats": arguments.repeats}
        measured["yardsticks_s"] = yardsticks(path, arguments.repeats)
        if (seconds := peer_s(measured["case"], arguments.repeats)) is not None:
            measured["yardsticks_s"]["peer_segresnet_3mm"] = seconds
        measured["devices"] = {}
        for device in devices:
            print(f"Measuring on {device} …", file=sys.stderr)
            measured["devices"][device] = {
                "cold": cold(path, folder / device, device, arguments.repeats),
                "warm": warm(path, folder / device, device, arguments.repeats),
            }
    measured["machine"]["others_share"] = others.share()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_text_whole(arguments.out / "bench.json", json.dumps(measured, indent=2) + "\n")
    print("\n".join(f"{key}: {value}" for key, value in measured["machine"].items()))
    print(f"\n{'':42}{'value':>12}{'x ResNet-50':>14}{'x peer':>10}")
    print("\n".join(f"{name:42}{value:>12}{ratio:>14}{peer:>10}" for name, value, ratio, peer in rows(measured)))
    if "peer_segresnet_3mm" not in measured["yardsticks_s"]:
        print("\nMONAI is not installed, so nothing was compared with the peer's network (pip install monai).")
    if (share := measured["machine"]["others_share"]) is None or share > BUSY_SHARE:
        word = "can't be told here" if share is None else f"was {share:.0%} of all cores"
        print(f"\nToo busy to judge: what other processes computed meanwhile {word}. Repeat it on a machine at rest.")


if __name__ == "__main__":
    main()
