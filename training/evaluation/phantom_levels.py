"""The level stage alone on phantoms never seen in training: every naming judged, and counted by stratum."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.records import Level
from OsteoJointLib.typed_json import from_json, to_json
from training.evaluation.level_outcomes import Expected, Finder, Naming, attempt, count_by, judge, summarize_namings
from training.evaluation.rows import Job, MadeBy, Row, complete_rows, sources_sha256
from training.evaluation.strata import strata_of
from training.seeds import EVALUATION_SEEDS, require_seeds

LEVEL_SOURCES = tuple(f"OsteoJointLib/{name}" for name in ("frames", "levels", "network", "phantom"))
"""Folders whose files decide how a phantom's levels are named."""


@dataclass(frozen=True)
class FinderSource:
    """Where a level stage comes from.

    Args:
        name: of the weights or the file.
        sha256: of the file.
        load: loads it, in whichever process; keeps it for the next call.
    """

    name: str
    sha256: str
    load: Callable[[], Finder]

    def said(self) -> dict[str, str]:
        """Say in JSON what was measured."""
        return {"weights": self.name, "weights_sha256": self.sha256}


def evaluate_levels(
    source: FinderSource, first_seed: int, count: int, path: Path, processes: int = 2
) -> dict[str, Any]:
    """Name the levels of phantoms and write the numbers; the rest of the chain doesn't run.

    Args:
        source: of the level stage.
        first_seed, count: of the phantoms, within ``EVALUATION_SEEDS``.
        path: of the JSON; rows go beside it, and rows already there of the same weights and sources are kept.
        processes: that work side by side, one thread each.

    Returns:
        What was written.
    """
    seeds = require_seeds(first_seed, count, EVALUATION_SEEDS)
    jobs = [Job((f"levels of {seed}",), partial(level_rows, source.load, seed)) for seed in seeds]
    made_by = MadeBy(source.sha256, sources_sha256(*LEVEL_SOURCES))
    rows = complete_rows(path.with_suffix(".jsonl"), made_by, jobs, processes)
    numbers = {"levels": level_numbers(list(rows.values())), "first_seed": first_seed, **source.said()}
    write_text_whole(path, json.dumps(numbers, indent=2) + "\n")
    print(json.dumps(numbers, indent=2))
    return numbers


def level_rows(load: Callable[[], Finder], seed: int, keys: Sequence[str]) -> Mapping[str, Row]:
    """Make one phantom and name its levels; the one row of a job."""
    finder, phantom = load(), make_phantom(seed)
    naming = judge(attempt(lambda: finder(phantom.volume)), expected_of(phantom))
    return {key: {"seed": seed, "strata": strata_of(phantom), "naming": to_json(naming)} for key in keys}


def expected_of(phantom: Phantom) -> Expected:
    """Say where a phantom's levels are."""
    return {level: phantom.truth.centers_lps_mm.get(level.verse_label) for level in Level}


def level_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Count what became of the levels, in all and by stratum.

    Args:
        rows: with ``naming`` and ``strata``.
    """
    namings = [from_json(Naming, row["naming"]) for row in rows]
    strata = sorted({name for row in rows for name in row["strata"]})
    pairs = list(zip([row["strata"] for row in rows], namings, strict=True))
    by_stratum = {
        name: dict(sorted(count_by((of[name], one) for of, one in pairs if name in of).items())) for name in strata
    }
    return {**summarize_namings(namings), "by_stratum": by_stratum}
