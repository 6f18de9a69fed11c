"""How a batch grows: CPU seconds and memory over 1 to 32 cases and 100 to 1600 slices, on this machine and by Ray.

    python Testing/measure_growth.py --out out/growth

Cases are copies of small phantoms, different in a voxel; slices are those of a phantom stretched to 512 x 512. Each
row is a whole `osteojoint batch` with one worker of one thread. Counted is what all its processes have computed, so a
busy machine falsifies it little; the seconds on the clock are those of this machine, as it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from OsteoJointLib.frames import Grid
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.phantom.cases import make_phantom

CASES, SLICES = (1, 2, 4, 8, 32), (100, 200, 400, 800, 1600)
GRID = Grid.axis_aligned((70, 128, 128), (3.2, 3.2, 4.5), (-204.5, -240.7, -198.9))
ENLARGED = 4
"""Pixels of the stretched phantom to one of the small: 512 x 512."""
_LOOK_S = 0.1
"""Between two looks at what the processes have computed, seconds; what one computes after the last is missed."""


@dataclass(frozen=True)
class Row:
    """One batch: how much of what, by which engine, and what it took."""

    engine: str
    cases: int
    slices: int
    cpu_s: float
    clock_s: float
    peak_mib: float
    outcome: str


def write_cases(folder: Path, count: int) -> None:
    """Write small CTs, no two with the same content."""
    folder.mkdir(parents=True)
    volume = make_phantom(12, grid=GRID).volume
    for number in range(count):
        hu = volume.hu.copy()
        hu[0, 0, number] += 1
        image = image_on_grid(hu, volume.grid)
        write_image(image, folder / f"{number:03}.nrrd", acquisition_keys(volume.source), compress=False)


def write_slices(folder: Path, count: int) -> None:
    """Write one CT of 512 x 512 pixels and so many slices."""
    folder.mkdir(parents=True)
    volume = make_phantom(12, grid=GRID).volume
    rows = np.arange(count) * GRID.shape_zyx[0] // count
    hu = volume.hu[rows].repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    x_mm, y_mm, z_mm = GRID.spacing_xyz_mm
    spacing_mm = (x_mm / ENLARGED, y_mm / ENLARGED, z_mm * GRID.shape_zyx[0] / count)
    grid = Grid.axis_aligned(hu.shape, spacing_mm, GRID.origin_lps_mm)
    write_image(image_on_grid(hu, grid), folder / "ct.nrrd", acquisition_keys(volume.source), compress=False)


def measure(engine: str, inputs: Path, out: Path, cases: int, slices: int) -> Row:
    """Run a batch, and count what it and all processes below it compute."""
    options = ["--engine", engine, "--workers", "1", "--no-gradcam", "--no-volume"]
    address = ["--ray-address", "local"] if engine == "ray" else []
    command = [sys.executable, "-m", "OsteoJointLib", "batch", inputs, "--out", out, *options, *address]
    begun_s, cpu_s, peak = time.monotonic(), dict[int, float](), 0
    batch = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    while batch.poll() is None:
        memory = 0
        for process in _below(batch.pid):
            try:
                times = process.cpu_times()
                cpu_s[process.pid] = times.user + times.system
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        peak = max(peak, memory)
        time.sleep(_LOOK_S)
    assert batch.stdout is not None
    said = batch.stdout.read().splitlines()
    clock_s = time.monotonic() - begun_s
    outcome = said[0] if said else f"ended with {batch.returncode}"
    return Row(engine, cases, slices, sum(cpu_s.values()), clock_s, peak / 2**20, outcome)


def _below(number: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(number)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def table(rows: Sequence[Row]) -> str:
    """Write the rows as Markdown, each beside the local one of the same size."""
    local = {(row.cases, row.slices): row.cpu_s for row in rows if row.engine == "local"}
    lines = [
        "| engine | cases | slices | CPU-s | a case | to local | clock, s | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = row.cpu_s / local[row.cases, row.slices] if (row.cases, row.slices) in local else float("nan")
        lines.append(
            f"| {row.engine} | {row.cases} | {row.slices} | {row.cpu_s:.1f} | {row.cpu_s / row.cases:.2f} "
            f"| {ratio:.2f} | {row.clock_s:.0f} | {row.peak_mib:.0f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/growth"))
    parser.add_argument("--cases", type=int, nargs="*", default=CASES)
    parser.add_argument("--slices", type=int, nargs="*", default=SLICES)
    parser.add_argument("--engines", nargs="*", default=("local", "ray"))
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    sizes = [(count, GRID.shape_zyx[0], write_cases) for count in arguments.cases]
    sizes += [(1, count, write_slices) for count in arguments.slices]
    rows: list[Row] = []
    for cases, slices, write in sizes:
        place = arguments.out / "run"
        shutil.rmtree(place, ignore_errors=True)
        write(place / "in", cases if write is write_cases else slices)
        for engine in arguments.engines:
            rows.append(measure(engine, place / "in", place / engine, cases, slices))
            print(rows[-1], file=sys.stderr, flush=True)
        shutil.rmtree(place)
    (arguments.out / "growth.json").write_text(json.dumps([asdict(row) for row in rows], indent=2))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
