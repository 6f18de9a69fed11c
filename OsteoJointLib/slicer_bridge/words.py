"""A result.json in the words of the panel."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CaseFiles:
    """One analyzed case as the panel needs it.

    Args:
        folder: where its files lie.
        headline: the class and its probability.
        notes: one sentence per flag.
    """

    folder: Path
    headline: str
    notes: tuple[str, ...]

    @property
    def segmentation(self) -> Path:
        """The segmentation with segments L1 and L2."""
        return self.folder / "segmentation.seg.nrrd"

    @property
    def report(self) -> Path:
        """The report, one file for the browser."""
        return self.folder / "report.html"


def read_case(folder: Path) -> CaseFiles:
    """Read what `osteojoint analyze` wrote into ``folder``."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    classification = result["classification"]
    status = classification["status"]
    probability = classification["probabilities"][status]
    notes = tuple(dict.fromkeys(flag["message"] for flag in result["flags"]))
    return CaseFiles(folder, f"{status.capitalize()} (probability {probability:.2f})", notes)


def failure_sentence(exit_code: int, log: str) -> str:
    """Return what to show for a run that ended badly: its own last words, or where it broke."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if lines:
        return lines[-1]
    return f"The analysis ended with exit code {exit_code} and said nothing; run `osteojoint doctor` in a terminal."
