"""How well the level stage names phantoms: one row per case, through the same path as the program.

Run: ``python -m training.level_evaluation --network runs/levels/last.pt --samples runs/level_samples``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.finding import choose_levels, read_column
from OsteoJointLib.levels.inference import predict
from OsteoJointLib.levels.resampling import CoarseVolume
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.records import BodyEvidence, Level
from training.level_samples import CachedSample, list_samples, load_sample
from training.metrics import Overlap

NEAR_MM = 10.0
"""A body or a level counts as found within this distance."""


@dataclass(frozen=True)
class LevelRow:
    """One case.

    Args:
        seed: of the phantom.
        outcome: "right" (L1 and L2 within 10 mm), "wrong", or the reason of the refusal.
        expected: whether L1 and L2 are both in the sample.
        confidence: posterior of the names, None when refused.
        error_mm: the larger error of L1 and L2, None when refused or not in the sample.
        flags: codes.
        bodies: bodies in the sample.
        found: how many of them have a body of the column within 10 mm.
        spurious: bodies of the column with none of the sample's within 10 mm.
        dice: per tissue but background, NaN where a tissue is neither there nor predicted.
    """

    seed: int
    outcome: str
    expected: bool
    confidence: float | None
    error_mm: float | None
    flags: tuple[str, ...]
    bodies: int
    found: int
    spurious: int
    dice: tuple[float, ...]


def evaluate_sample(network: LevelNet, sample: CachedSample, device: torch.device | str) -> LevelRow:
    """Run the level stage on one sample and compare with its truth."""
    spacing = (sample.spacing_mm,) * 3
    grid = Grid.axis_aligned(sample.hu.shape, spacing, (0.0, 0.0, 0.0))
    prediction = predict(network, CoarseVolume(sample.hu.astype(np.float32), grid), device)
    column = read_column(prediction)
    truth = {name: grid.index_to_lps(c) for name, c in zip(sample.names, sample.centers_index_zyx, strict=True)}
    found, spurious = _match(column.bodies, truth)
    confidence: float | None = None
    error_mm: float | None = None
    flags: tuple[str, ...] = ()
    expected = {level.verse_label for level in Level} <= set(truth)
    try:
        levels = choose_levels(column)
    except InputRefused as refusal:
        outcome = refusal.reason.value
    else:
        confidence, flags = levels.l1.confidence, tuple(flag.code.value for flag in levels.flags)
        if expected:
            error_mm = max(
                float(np.linalg.norm(np.asarray(point.center_lps_mm) - truth[point.level.verse_label]))
                for point in (levels.l1, levels.l2)
            )
        outcome = "right" if error_mm is not None and error_mm <= NEAR_MM else "wrong"
    dice = tuple(Overlap.of(prediction.classes == tissue, sample.classes == tissue).dice for tissue in list(Tissue)[1:])
    return LevelRow(sample.seed, outcome, expected, confidence, error_mm, flags, len(truth), found, spurious, dice)


def _match(column: tuple[BodyEvidence, ...], truth: dict[int, np.ndarray]) -> tuple[int, int]:
    """Bodies of the sample that were found, and bodies found that are none."""
    if not column or not truth:
        return 0, len(column)
    seen, there = np.array([body.center_lps_mm for body in column]), np.array(list(truth.values()))
    near = np.linalg.norm(seen[:, None] - there, axis=2) <= NEAR_MM
    return int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())


def evaluate_levels(network: LevelNet, paths: list[Path], device: torch.device | str) -> list[LevelRow]:
    """One row per cached sample."""
    return [evaluate_sample(network, load_sample(path), device) for path in paths]


def summarize(rows: list[LevelRow]) -> dict[str, float | int]:
    """Counts and means over cases.

    Args:
        rows: at least one.

    Returns:
        ``cases``; ``right``, ``wrong`` and ``refused`` as shares of the cases that hold L1 and L2; ``wrong_unflagged``,
        wrong without the flag levels_uncertain; ``invented``, cases without L1 and L2 that were named all the same;
        ``recall`` of bodies; ``spurious`` a case; ``error_mm``, median of the right ones; Dice of each tissue.
    """
    held = [row for row in rows if row.expected]
    share = max(len(held), 1)
    wrong = [row for row in held if row.outcome == "wrong"]
    right = [row.error_mm for row in held if row.outcome == "right" and row.error_mm is not None]
    dice = np.array([row.dice for row in rows])
    means = {}
    for index, tissue in enumerate(list(Tissue)[1:]):
        there = dice[:, index][np.isfinite(dice[:, index])]
        means[f"dice_{tissue.name.lower()}"] = round(float(there.mean()), 4) if len(there) else float("nan")
    return {
        "cases": len(rows),
        "right": round(len(right) / share, 4),
        "wrong": round(len(wrong) / share, 4),
        "wrong_unflagged": round(sum("levels_uncertain" not in row.flags for row in wrong) / share, 4),
        "refused": round(1.0 - (len(right) + len(wrong)) / share, 4) if held else 0.0,
        "invented": sum(row.outcome == "wrong" for row in rows if not row.expected),
        "recall": round(sum(row.found for row in rows) / max(sum(row.bodies for row in rows), 1), 4),
        "spurious": round(sum(row.spurious for row in rows) / len(rows), 3),
        "error_mm": round(float(np.median(right)), 2) if right else float("nan"),
        **means,
    }


def main(arguments: list[str] | None = None) -> int:
    """Evaluate a level network on the validation samples."""
    from training.train_levels import load_network

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--network", type=Path, required=True, help="last.pt or levels.safetensors of a run")
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=None, help="at most so many")
    parser.add_argument("--rows", type=Path, default=None, help="write one JSON line per case")
    options = parser.parse_args(arguments)
    paths = list_samples(options.samples, validation=True)[: options.cases]
    rows = evaluate_levels(load_network(options.network), paths, "cpu")
    if options.rows:
        options.rows.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    print(json.dumps(summarize(rows), indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
