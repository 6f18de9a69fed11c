"""What the rows of a folder were made of: the cases and their split, and the machine. The report says it."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.records import STATUSES
from OsteoJointLib.typed_json import from_json, to_json
from training.data.crop_bank import BankConfig, CropBank
from training.experiments.running import cases_of

FILE = "about.json"


@dataclass(frozen=True)
class About:
    """Cases and machine.

    Args:
        split_sha256: of the parts.
        classes: of training, watched and tested cases, how many are normal, osteopenic, osteoporotic (Fig. 6).
        window_px, views: of the crops.
        machine: processor and PyTorch.
    """

    split_sha256: str
    classes: tuple[tuple[int, ...], ...]
    window_px: int
    views: int
    machine: str


def write_about(out: Path, bank: CropBank, config: BankConfig, split_seed: int) -> None:
    """Write down what the rows beside it are made of."""
    import torch

    split = cases_of(bank, split_seed, None)
    status_of = {case.name: case.status for case in bank.cases}
    counts = [Counter(status_of[name] for name in part) for part in (split.train, split.watched, split.test)]
    about = About(
        split.sha256,
        tuple(tuple(count[status] for status in STATUSES) for count in counts),
        config.window_px,
        config.views,
        f"{_processor()}, PyTorch {torch.__version__}",
    )
    write_text_whole(out / FILE, json.dumps(to_json(about), indent=1) + "\n")


def read_about(folder: Path) -> About | None:
    """Read it; None where it isn't there."""
    path = folder / FILE
    return from_json(About, json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _processor() -> str:
    """Name the processor, as Linux knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
