"""Lets two writers work in one folder at once, again and again, and looks whether a row or a label was lost.

    python -m Testing.attack.writers --rounds 50 --document RESULT.json

A round is two batches over different inputs into one folder, and two processes that add cases to one dataset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from OsteoJointLib.dataset.manifest import Manifest
from Testing.attack.kills import CASES, Target

_LABELS = 8
"""Cases that each process adds."""
ADD = """
import sys
from pathlib import Path
import numpy as np
from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskSlices
from OsteoJointLib.frames import Grid
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status
writer, count = int(sys.argv[2]), int(sys.argv[3])
grid = Grid.axis_aligned((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
centers = {Level.L1: (1.0, 1.0, 1.0), Level.L2: (2.0, 2.0, 2.0)}
for number in range(count):
    hu = np.full(grid.shape_zyx, 100 * writer + number, dtype=np.int16)
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    labels[1], labels[2] = 20, 21
    label = CaseLabel(f"P{writer}{number}", centers, MaskSlices.MID, Status.NORMAL, {}, None)
    add_case(Path(sys.argv[1]), f"w{writer}-{number}", CtVolume(hu, grid, SourceInfo("memory")), labels, label)
"""


def write_together(folder: Path, document: dict[str, object]) -> list[str]:
    """Run one round.

    Args:
        folder: for its files, empty.
        document: a ``result.json``.

    Returns:
        What was lost or broke, in words.
    """
    faults = []
    (folder / "other").mkdir()
    one, other = Target(folder, document), Target(folder / "other", document, out=folder / "out")
    batches = [one.start(), other.start()]
    words = [batch.communicate()[1] for batch in batches]
    rows = {row["case"]: row["outcome"] for row in one.rows()}
    if [batch.returncode for batch in batches] != [0, 0] or list(rows.values()) != ["done"] * 2 * CASES:
        faults.append(f"batches: {rows} {words}")
    if len(one.done()) != 2 * CASES or one.hidden():
        faults.append(f"ledger: {sorted(one.done())}, left: {one.hidden()}")
    dataset = folder / "dataset"
    adders = [subprocess.Popen([sys.executable, "-c", ADD, dataset, str(n), str(_LABELS)]) for n in (1, 2)]
    codes = [adder.wait() for adder in adders]
    ids = {case.id for case in Manifest(dataset).cases()}
    missing = {f"w{writer}-{number}" for writer in (1, 2) for number in range(_LABELS)} - ids
    if codes != [0, 0] or missing:
        faults.append(f"labels: exit {codes}, missing {sorted(missing)}")
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Run rounds and print what was found; 1 where there are faults."""
    parser = argparse.ArgumentParser(description="Let two writers work in one folder at once.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--document", type=Path, required=True, help="a result.json")
    arguments = parser.parse_args(argv)
    document = json.loads(arguments.document.read_text(encoding="utf-8"))
    faults: list[str] = []
    for number in range(1, arguments.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            faults += write_together(Path(folder), document)
        print(f"{number} rounds, {len(faults)} faults", *faults, sep="\n  ", file=sys.stderr, flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
