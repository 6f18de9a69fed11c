"""The whole chain on phantoms never seen in training, beside three baselines.

Each phantom is a full CT of ordinary geometry, read by the same :class:`OsteoJointLib.pipeline.reader.Reader` as a
patient's. One JSON row a case is written as it comes (``FILE.jsonl``, of the baselines' phantoms
``FILE.baselines.jsonl``), so that a run can be stopped and given again; the means are taken from the rows at the end.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.weights import load_weights
from training.evaluation.case_rows.chain_row import case_row
from training.evaluation.chain.baselines import fit_baselines, fitting_rows
from training.evaluation.chain.chain_numbers import summarize
from training.evaluation.chain.chain_table import chain_table
from training.evaluation.chain.reliability_diagram import reliability_svg
from training.evaluation.phantom_levels import LEVEL_SOURCES
from training.evaluation.rows import Job, MadeBy, Row, complete_rows, sources_sha256
from training.evaluation.strata import PAPER, paper_seeds
from training.seeds import EVALUATION_SEEDS, require_seeds

CHAIN_SOURCES = (
    *LEVEL_SOURCES,
    *(f"OsteoJointLib/{name}" for name in ("level_set", "pipeline")),
    *(
        f"training/evaluation/{name}"
        for name in ("case_rows", "faithfulness.py", "level_outcomes.py", "metrics.py", "strata.py")
    ),
)
"""Folders and files that decide about a row."""


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Args:
        first_seed, count: of the phantoms, within ``EVALUATION_SEEDS``.
        paper: at least so many of the paper's own protocol: what the draw lacks of them is made of later seeds.
        fitted_on: phantoms that the baselines are fitted on.
    """

    first_seed: int
    count: int
    paper: int
    fitted_on: int


def evaluate(
    weights: str, extent: Extent, path: Path, processes: int = 2, diagram: Path | None = None
) -> dict[str, Any]:
    """Evaluate weights on phantoms and write the numbers.

    Args:
        weights: name or path.
        extent: which phantoms, and how many.
        path: of the JSON; rows go beside it, and rows already there of the same weights and sources are kept.
        processes: that work side by side, one thread each.
        diagram: where a reliability diagram goes (SVG); None for none.

    Returns:
        What was written.
    """
    seeds = require_seeds(extent.first_seed, extent.count, EVALUATION_SEEDS)
    loaded = load_weights(weights)
    network = loaded.config.to_json()  # part of it is no weight and lies in the manifest
    identity = hashlib.sha256(f"{loaded.info.sha256} {json.dumps(network, sort_keys=True)}".encode()).hexdigest()
    baselines = fit_baselines(fitting_rows(path.with_suffix(".baselines.jsonl"), extent.fitted_on, processes))
    made_by = MadeBy(identity, sources_sha256(*CHAIN_SOURCES))

    def rows_of(of: Sequence[int]) -> list[Row]:
        jobs = [Job((str(seed),), partial(case_rows, weights, seed)) for seed in of]
        return list(complete_rows(path.with_suffix(".jsonl"), made_by, jobs, processes).values())

    rows = rows_of(seeds)
    lacking = extent.paper - sum(row["strata"].get("protocol") == PAPER for row in rows)
    later = range(seeds.stop, EVALUATION_SEEDS.stop)
    further = rows_of(list(itertools.islice(paper_seeds(later), max(lacking, 0))))
    further = [row for row in further if row["strata"]["protocol"] == PAPER]  # a reformat is no paper's scan
    numbers = summarize(rows, baselines, further)
    numbers |= {"first_seed": extent.first_seed, "weights": weights, "weights_sha256": loaded.info.sha256}
    numbers["network"] = network
    write_text_whole(path, json.dumps(numbers, indent=2, allow_nan=False) + "\n")
    if diagram:
        write_text_whole(diagram, reliability_svg(numbers["status"]["reliability"], numbers["status"]["ece"]))
    print(chain_table(numbers))
    return numbers


def case_rows(weights: str, seed: int, keys: Sequence[str]) -> Mapping[str, Row]:
    """Make the one row of a job."""
    return {key: case_row(weights, seed) for key in keys}
