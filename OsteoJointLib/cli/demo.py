"""The demo: a phantom CT goes to disk, is read like any CT, and the result is put beside the phantom's truth."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.atomic import hidden_folder
from OsteoJointLib.cli.comparison import COMPARISON_FILE, compare, comparison_table
from OsteoJointLib.output.case_folder import Additions, check_case_folder, deliver_case
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.output.overview import OverviewTruth
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.phantom.writing import write_nrrd
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import analyze
from OsteoJointLib.pipeline.stages import Progress

if TYPE_CHECKING:
    from OsteoJointLib.pipeline.reader import Reader

DEMO_SEED = 200
"""The phantom that ``osteojoint demo`` shows when no seed is given: an ordinary spine of normal density."""

PHANTOM_FOLDER = "phantom"
"""Where, in the demo's folder, the phantom's CT lies: open it in Slicer beside the segmentation."""


def run_demo(
    out: Path, seed: int = DEMO_SEED, progress: Progress | None = None, load: Callable[[], Reader] | None = None
) -> str:
    """Make a phantom, run the full chain on its file and compare.

    Args:
        out: folder for result.json, segmentation.seg.nrrd, report.html, overview.png, comparison.json and the CT.
        seed: which phantom.
        progress: called as each stage begins.
        load: gives the reader; None for the shipped weights.

    Returns:
        The table of truth and prediction, to print.
    """
    check_case_folder(out)
    phantom = make_phantom(seed)
    with hidden_folder(out) as folder:
        ct = write_nrrd(phantom, folder)
        result = analyze(ct, load or load_reader, progress=progress)
        comparison = compare(result, phantom)
        text = json.dumps(comparison.document(), indent=2, allow_nan=False) + "\n"
        additions = Additions(truth=OverviewTruth.of_phantom(phantom), texts={COMPARISON_FILE: text})
        deliver_case(result, out, additions)
        (out / PHANTOM_FOLDER).mkdir(exist_ok=True)
        os.replace(ct, out / PHANTOM_FOLDER / ct.name)
    head = f"Phantom {seed}, {phantom.truth.kvp:g} kVp: truth beside prediction"
    return "\n\n".join([head, comparison_table(comparison), f"{out / 'report.html'}\n{RESEARCH_NOTICE}"])
