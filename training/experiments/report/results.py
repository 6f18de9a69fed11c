"""Reads what the experiments left in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.experiments.about import About, read_about
from training.experiments.outline_trials import OutlineTrial, read_outline_trials
from training.experiments.trials import Trial, read_trials
from training.experiments.whole_network import FILE as WHOLE_FILE

EXPERIMENTS = ("learning_rates", "modules", "roi_baselines", "ten_folds", "own_switches")


_EARLIER = "own_switches_earlier.jsonl"


@dataclass(frozen=True, eq=False)
class Results:
    """Everything the report shows.

    Args:
        folder: where it was read.
        trials: by experiment, empty where it wasn't run.
        whole: of the whole network; None where it wasn't measured.
        outlines: rows of the segmenter's switches.
        earlier: rows of our own switches from before there were experiments, each with its ``right`` cases.
        about: cases and machine; None where nothing was trained.
    """

    folder: Path
    trials: Mapping[str, list[Trial]]
    whole: Mapping[str, Any] | None
    outlines: list[OutlineTrial]
    earlier: list[Mapping[str, Any]]
    about: About | None

    def of(self, experiment: str, setting: str) -> list[Trial]:
        """Return the trainings of one setting."""
        return [trial for trial in self.trials[experiment] if trial.setting == setting]

    @property
    def facts(self) -> list[str]:
        """Say in a few words what this rests on."""
        trainings = sum(trial.steps > 0 for of in self.trials.values() for trial in of) + len(self.outlines)
        said = [f"{trainings} trainings"]
        if self.about is not None:
            train, watched, test = (sum(part) for part in self.about.classes)
            said = [
                f"{train + watched + test} synthetic patients",
                f"{train} train, {watched} watched, {test} tested",
                *said,
                self.about.machine,
            ]
        return said


def read_results(folder: Path) -> Results:
    """Read a folder of rows."""
    whole, earlier = folder / WHOLE_FILE, folder / _EARLIER
    return Results(
        folder,
        {name: read_trials(folder / f"{name}.jsonl") for name in EXPERIMENTS},
        json.loads(whole.read_text(encoding="utf-8")) if whole.is_file() else None,
        read_outline_trials(folder / "outlines.jsonl"),
        [json.loads(line) for line in earlier.read_text("utf-8").splitlines()] if earlier.is_file() else [],
        read_about(folder),
    )
