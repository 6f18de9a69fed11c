"""Rows of an evaluation, one JSON line a case, so that a run can be stopped and given again.

A row is kept under what made it: the weights and the sources that decide about it. After either has changed it is
made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MadeBy:
    """What rows are made by.

    Args:
        weights_sha256: of the file of the weights, and of the network's config where it decides about a row.
        sources_sha256: of the program's files.
    """

    weights_sha256: str
    sources_sha256: str


@dataclass(frozen=True)
class Job:
    """Rows that are made together, from one phantom or CT.

    Args:
        keys: of the rows.
        work: makes the rows of the keys it is given; goes to another process.
    """

    keys: tuple[str, ...]
    work: Callable[[Sequence[str]], Mapping[str, Row]]


def sources_sha256(*places: str) -> str:
    """Hash the Python files of some of the repository's folders, and single files of it."""
    digest = hashlib.sha256()
    for place in places:
        there = _REPOSITORY / place
        for path in [there] if there.is_file() else sorted(there.rglob("*.py")):
            digest.update(path.relative_to(_REPOSITORY).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def complete_rows(path: Path, made_by: MadeBy, jobs: Sequence[Job], processes: int) -> dict[str, Row]:
    """Make the rows that are missing.

    Args:
        path: of the JSON lines; every new row is added as it comes.
        made_by: rows of other weights or sources stay in the file and count for nothing.
        jobs: all that is wanted.
        processes: that work side by side, one thread each.

    Returns:
        Every row by its key, in the order of the jobs.
    """
    stamp = {"weights_sha256": made_by.weights_sha256, "sources_sha256": made_by.sources_sha256}
    rows = {row["key"]: row for row in _read(path) if stamp.items() <= row.items()}
    left = [(job, [key for key in job.keys if key not in rows]) for job in jobs]
    missing = [(job, keys) for job, keys in left if keys]
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with path.open("a", encoding="utf-8") as stream:
        for done, made in enumerate(_work(missing, processes), 1):
            for key, row in made.items():
                line = json.dumps({"key": key, **stamp, **row})
                rows[key] = json.loads(line)  # the same as of a run that is given again
                stream.write(line + "\n")
            stream.flush()
            if done % 10 == 0 or done == len(missing):
                print(f"{done} of {len(missing)}, {(time.monotonic() - began) / done:.1f} s a case", flush=True)
    return {key: rows[key] for job in jobs for key in job.keys if key in rows}


def _work(jobs: list[tuple[Job, list[str]]], processes: int) -> Iterator[Mapping[str, Row]]:
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    if processes < 2 or len(jobs) < 2:
        yield from (job.work(keys) for job, keys in jobs)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the workers, which share the cores among them
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(job.work, keys) for job, keys in jobs]
        for future in as_completed(futures):
            yield future.result()


def _read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
