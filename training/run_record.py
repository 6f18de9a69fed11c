"""What a run was made by and of, in ``run.json``: commit, config, data, hardware, versions and time, a part a start."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.device import usable_cores

RECORD = "run.json"
_PACKAGES = ("torch", "torchvision", "lightning-fabric", "numpy", "opencv-python-headless", "ultralytics")
_GIT_S = 10.0
"""Seconds that git may take."""


class RunRecord:
    """The record of a run, to which each start adds a part.

    Args:
        folder: of the run.
        recipe: task, config and budget.
        from_step: where this start begins.
        facts: of this start: what the caller knows, :func:`data_of` and :func:`hardware`.
    """

    def __init__(self, folder: Path, recipe: Mapping[str, Any], from_step: int, facts: Mapping[str, Any]):
        self.path = folder / RECORD
        starts = []
        if from_step and self.path.is_file():
            starts = json.loads(self.path.read_text(encoding="utf-8"))["starts"]
        start = {"at": _now(), "from_step": from_step, **commit(), "versions": versions(), **facts}
        self._content: dict[str, Any] = {"recipe": dict(recipe), "starts": [*starts, start]}
        self._write()

    def progress(self, step: int, elapsed_s: float, ended: bool) -> None:
        """Note how far the run is, and whether it is at its end."""
        self._content |= {"step": step, "minutes": round(elapsed_s / 60.0, 2), "at": _now(), "ended": ended}
        self._write()

    def _write(self) -> None:
        write_text_whole(self.path, json.dumps(self._content, indent=2) + "\n")


def data_of(folder: Path) -> dict[str, Any]:
    """Describe a folder of data: how many files, and a hash over their names and sizes.

    Not over their contents, which would take longer to read than a short training; a manifest's content is in it.
    What is hidden (the level set's contours) is none of it.
    """
    digest, count = hashlib.sha256(), 0
    for path in sorted(path for path in folder.rglob("[!.]*") if path.is_file() and path.parent.name[:1] != "."):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        if path.suffix == ".jsonl":
            digest.update(path.read_bytes())
        count += 1
    return {"folder": str(folder), "files": count, "sha256": digest.hexdigest()}


def commit() -> dict[str, Any]:
    """Name the commit of this checkout and say whether it was changed since; None where git can't tell."""
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": head, "changed_since": None if changes is None else bool(changes)}


def _git(*words: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hardware(device: torch.device) -> dict[str, Any]:
    """Name what computes."""
    found: dict[str, Any] = {
        "device": str(device),
        "cpu": _cpu(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        found |= {"card": card.name, "card_gib": round(card.total_memory / 2**30, 1)}
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def versions() -> dict[str, str | None]:
    """List the versions of Python and of what computes; None for what isn't installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
