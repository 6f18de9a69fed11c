"""Read many small phantoms in one batch, and measure whether a case costs as much at the end as at the beginning.

    python -m Testing.attack.many --count 1000 --out out/attack/many [options of `osteojoint batch`]

A few phantoms stand behind detached headers (``.nhdr``), one a case, no two alike. Each hundred cases that were read
append a line to ``many.jsonl``: CPU-seconds a case of the batch and of its worker, their memory and the ledger's size.
A run that was stopped goes on when it is started again, as every batch does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from OsteoJointLib.batch.database import LEDGER_FILE
from Testing.attack.seeds import PHANTOM_GRID, small_phantom

SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)
BLOCK = 100
HEADER = """NRRD0004
# case {number}
type: int16
dimension: 3
space: left-posterior-superior
sizes: {sizes}
space directions: {directions}
space origin: {origin}
endian: little
encoding: raw
data file: {data}
osteojoint_kvp:={kvp:g}
osteojoint_kernel:=B30f
osteojoint_contrast:=NO
"""


def write_inputs(folder: Path, count: int) -> None:
    """Write ``count`` cases, each once."""
    folder.mkdir(parents=True, exist_ok=True)
    slices, rows, columns = PHANTOM_GRID.shape_zyx
    steps = np.diag(PHANTOM_GRID.spacing_xyz_mm)
    fixed = {
        "sizes": f"{columns} {rows} {slices}",
        "directions": " ".join(f"({','.join(map(str, step))})" for step in steps.tolist()),
        "origin": f"({','.join(map(str, PHANTOM_GRID.origin_lps_mm))})",
    }
    volts = []
    for place, seed in enumerate(SEEDS):
        phantom = small_phantom(seed)
        phantom.volume.hu.astype("<i2").tofile(folder / f"{place}.raw")
        volts.append(phantom.volume.source.kvp)
    for number in range(count):
        kind = number % len(SEEDS)
        text = HEADER.format(number=number, data=f"{kind}.raw", kvp=volts[kind], **fixed)
        (folder / f"{number:05d}.nhdr").write_text(text, encoding="ascii")


def spent(pid: int) -> tuple[float, float]:
    """CPU-seconds that a process has computed, and the MiB that it holds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processes(pid: int) -> list[int]:
    """Return a batch and its workers."""
    return [pid, *(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def run(count: int, out: Path, options: list[str]) -> int:
    """Read the cases; returns the batch's exit code."""
    if not (out / "in" / f"{count - 1:05d}.nhdr").exists():
        write_inputs(out / "in", count)
    command = [sys.executable, "-m", "OsteoJointLib", "batch", str(out / "in"), "--out", str(out / "batch"), *options]
    batch = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    read, before, begun = 0, None, time.monotonic()
    for line in batch.stderr:
        if not (told := re.match(r"(\d+)/\d+ \S+ (\w+)", line)):
            print(line, end="", file=sys.stderr, flush=True)
            continue
        if told[2] == "skipped":
            continue
        read += 1
        if int(told[1]) % BLOCK and before is not None:
            continue
        now = {pid: spent(pid) for pid in processes(batch.pid)}
        if before is not None:
            block = {
                "cases": int(told[1]),
                "of_them": read,
                "wall_s": round((time.monotonic() - begun) / read, 3),
                "batch_cpu_s": round((now[batch.pid][0] - before[batch.pid][0]) / read, 4),
                "worker_cpu_s": round(
                    sum(now[pid][0] - before.get(pid, (0.0, 0.0))[0] for pid in now if pid != batch.pid) / read, 3
                ),
                "batch_mib": round(now[batch.pid][1]),
                "worker_mib": round(sum(now[pid][1] for pid in now if pid != batch.pid)),
                "ledger_mib": round((out / "batch" / LEDGER_FILE).stat().st_size / 2**20, 2),
            }
            print(json.dumps(block), flush=True)
            with (out / "many.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(block) + "\n")
        read, before, begun = 0, now, time.monotonic()
    return batch.wait()


def main() -> int:
    """Run it; the batch's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("out/attack/many"))
    given, options = parser.parse_known_args()
    return run(given.count, given.out, options)


if __name__ == "__main__":
    sys.exit(main())
