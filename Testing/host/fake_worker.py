"""A worker that reads nothing and computes nothing, but speaks the worker's lines and breaks on demand.

``FAKE_WORKER`` holds, as JSON, ``log`` (a file that gets a line for each request) and, by operation, ``delay``
(seconds), ``exit`` (ends the process with this code), ``signal`` (kills it), ``say`` (goes to stderr first) and
``error`` ([reason, message]). Beside the worker's operations there are some of its own, see :data:`OWN`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

POINTS = {"L1": [1.0, 2.0, 30.0], "L2": [1.0, 2.0, 0.0]}
LABELS = {"L1": 20, "L2": 21}
SIZE = 10
SAID = ("leave_out", "leave_out_reason", "propose", "kvp", "kernel", "contrast")
"""What a user may say of a CT."""


def place(point) -> np.ndarray:
    """From the voxels of a level's box to RAS mm: 1 mm voxels, the point in the middle."""
    matrix = np.eye(4)
    matrix[:3, 3] = np.asarray(point) - [SIZE / 2, SIZE / 2, 0]
    return matrix


def network_mask() -> np.ndarray:
    mask = np.zeros((1, SIZE, SIZE), np.uint8)
    mask[:, 1:-1, 1:-1] = 1
    return mask


def read_plane(path: str, level: str) -> np.ndarray:
    """The middle plane of a level in a raw NRRD label map, 0 or 1."""
    header, _, voxels = Path(path).read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines()[1:])
    columns, rows, slices = map(int, fields["sizes"].split())
    array = np.frombuffer(voxels, np.uint8).reshape(slices, rows, columns)
    return (array[slices // 2][None] == LABELS[level]).astype(np.uint8)


MOST_OPEN = 4
"""The real one goes by memory."""


class FakeWorker:
    """The state and the operations."""

    def __init__(self):
        self.cases = {}
        self.opened = 0
        self.loaded = None

    def ping(self, request):
        return {"version": "0", "protocol": "osteojoint.worker/1", "pid": os.getpid()}

    def load(self, request):
        self.loaded = [request.get("device", "auto"), request.get("weights", "compact")]
        hardware = {"torch": "2.8.0", "cuda": None, "driver": None, "cards": [], "cores": 8, "threads": 8}
        model = {"name": "compact", "profile": "compact", "sha256": "0" * 64}
        return {"model": model, "device": "cpu", "localizer": True, "hardware": hardware}

    def open(self, request):
        assert Path(request["input"]).stat().st_size > 100
        self.opened += 1
        self.cases[f"case-{self.opened}"] = {"points": None, "masks": None}
        let_go = list(self.cases)[:-MOST_OPEN]
        for name in let_go:
            del self.cases[name]
        return {"case": f"case-{self.opened}", "flags": [], "let_go": let_go}

    def levels(self, request):
        case = self.cases[request["case"]]
        given = request.get("points")
        case.update(points=dict(given or POINTS), masks=None, source=dict.fromkeys(POINTS, "user" if given else "auto"))
        levels = {
            level: {"center_ras_mm": list(point), "confidence": 0.9, "source": case["source"][level], "slice_index": 3}
            for level, point in case["points"].items()
        }
        return {"case": request["case"], "levels": levels, "column": [], "flags": []}

    def segment(self, request):
        case = self.cases[request["case"]]
        moved = request.get("points", {})
        if case["points"] is None:
            case.update(points={}, source={})
        case["points"].update(moved)
        case["source"].update(dict.fromkeys(moved, "user"))
        fresh = moved if case["masks"] else POINTS
        case["masks"] = {**(case["masks"] or {}), **{level: network_mask() for level in fresh}}
        return self.result(request)

    def edit(self, request):
        for level, path in request.get("segmentation", {}).items():
            self.cases[request["case"]]["masks"][level] = read_plane(path, level)
        return self.result(request)

    def refine(self, request):
        self.edit(request)
        for level in request.get("levels", POINTS):
            mask = self.cases[request["case"]]["masks"][level]
            mask[..., -2:] = 0
        return self.result(request)

    def classify(self, request):
        return self.result(request)

    def deliver(self, request):
        return {"files": [request["out"]]}

    def close(self, request):
        del self.cases[request["case"]]
        return {"open": len(self.cases)}

    def result(self, request):
        case = self.cases[request["case"]]
        arrays = {}
        views = {"file": request["views"]}
        for level, mask in case["masks"].items():
            arrays.update({f"{level}_mask": mask, f"{level}_network_mask": network_mask(), f"{level}_roi": mask})
            matrix = place(case["points"][level]).tolist()
            views[level] = {"mask_to_ras": matrix, "crop_to_ras": matrix}
        with open(request["views"], "wb") as file:
            np.savez(file, **arrays)
        areas = {level: int(mask.sum()) for level, mask in case["masks"].items()}
        document = {
            "gradcam": request.get("gradcam", True),
            "areas": areas,
            "points": case["points"],
            "source": case["source"],
            "loaded": self.loaded,
            "said": {name: request[name] for name in SAID if name in request},
        }
        return {"case": request["case"], "result": document, "files": [], "views": views}


def send(event, pause=0.0) -> None:
    data = (json.dumps(event, ensure_ascii=False) + "\n").encode()
    half = len(data) // 2 if pause else len(data)
    for part in (data[:half], data[half:]):
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        time.sleep(pause)


def spawn(request):
    """Start a child that starts a child; both ignore every polite signal. Gives their numbers."""
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    inner = [sys.executable, "-c", stubborn + "time.sleep(60)"]
    outer = f"{stubborn}import subprocess; p = subprocess.Popen({inner!r}); print(p.pid, flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True)
    return {"pids": [os.getpid(), child.pid, int(child.stdout.readline())]}


def noise(request):
    """Print on stdout what is no event of anybody's."""
    for line in (b"plain words\n", b'{"id": 1}\n', b"[1, 2]\n", b"\xff\xfe\n", b'{"id": 99, "event": "done"}\n', b"\n"):
        sys.stdout.buffer.write(line)
    return {}


OWN = {
    "spawn": spawn,
    "noise": noise,
    "echo": lambda request: {"text": request["text"]},
    "huge": lambda request: {"text": "ü" * request["length"]},
}


def main() -> None:
    control = json.loads(os.environ.get("FAKE_WORKER", "{}"))
    worker = FakeWorker()
    for line in sys.stdin:
        request = json.loads(line)
        op = request["op"]
        if "log" in control:
            with open(control["log"], "a", encoding="utf-8") as log:
                log.write(line)
        if op == "shutdown":
            return
        for stage, fraction in (("levels", 0.2), ("measure", 0.8)):
            send({"id": request["id"], "event": "progress", "stage": stage, "fraction": fraction})
        time.sleep(control.get("delay", {}).get(op, 0))
        if op in control.get("say", {}):
            sys.stderr.write(control["say"][op] + "\n")
            sys.stderr.flush()
        if op in control.get("exit", {}):
            os._exit(control["exit"][op])
        if op in control.get("signal", {}):
            os.kill(os.getpid(), getattr(signal, control["signal"][op]))
        if op in control.get("error", {}):
            reason, message = control["error"][op]
            send({"id": request["id"], "event": "error", "reason": reason, "message": message, "exit_code": 5})
            continue
        answer = OWN[op](request) if op in OWN else getattr(worker, op)(request)
        send({"id": request["id"], "event": "done", **answer}, pause=0.03 if op == "echo" else 0)


if __name__ == "__main__":
    main()
