"""How well the level stage names phantoms: one row per case, through the same path as the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.finding import choose_levels, read_column
from OsteoJointLib.levels.inference import predict
from OsteoJointLib.levels.resampling import CoarseVolume
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.records import BodyEvidence, Level
from training.data.level_samples import CachedSample, load_sample
from training.evaluation.level_outcomes import RIGHT, Naming, PointMm, attempt, count, judge
from training.evaluation.metrics import NEAR_MM, Overlap


@dataclass(frozen=True)
class LevelRow:
    """One case.

    Args:
        seed: of the phantom.
        naming: what became of L1 and L2.
        bodies: bodies in the sample.
        found: how many of them have a body of the column within 10 mm.
        spurious: bodies of the column with none of the sample's within 10 mm.
        dice: per tissue but background, NaN where a tissue is neither there nor predicted.
    """

    seed: int
    naming: Naming
    bodies: int
    found: int
    spurious: int
    dice: tuple[float, ...]


def score_sample(network: LevelNet, sample: CachedSample) -> LevelRow:
    """Run the level stage on one sample and compare with its truth."""
    spacing = (sample.spacing_mm,) * 3
    grid = Grid.axis_aligned(sample.hu.shape, spacing, (0.0, 0.0, 0.0))
    prediction = predict(network, CoarseVolume(sample.hu.astype(np.float32), grid), next(network.parameters()).device)
    column = read_column(prediction)
    truth = {name: grid.index_to_lps(c) for name, c in zip(sample.names, sample.centers_index_zyx, strict=True)}
    found, spurious = _match(column.bodies, truth)
    expected = {level: _point(truth.get(level.verse_label)) for level in Level}
    naming = judge(attempt(lambda: choose_levels(column)), expected)
    dice = tuple(Overlap.of(prediction.classes == tissue, sample.classes == tissue).dice for tissue in list(Tissue)[1:])
    return LevelRow(sample.seed, naming, len(truth), found, spurious, dice)


def _point(center: np.ndarray | None) -> PointMm | None:
    return None if center is None else (float(center[0]), float(center[1]), float(center[2]))


def _match(column: tuple[BodyEvidence, ...], truth: dict[int, np.ndarray]) -> tuple[int, int]:
    """Count the sample's bodies that were found, and the bodies found that are none."""
    if not column or not truth:
        return 0, len(column)
    seen, there = np.array([body.center_lps_mm for body in column]), np.array(list(truth.values()))
    near = np.linalg.norm(seen[:, None] - there, axis=2) <= NEAR_MM
    return int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())


def score_samples(network: LevelNet, paths: list[Path]) -> list[LevelRow]:
    """Score each cached sample; the network's device computes."""
    return [score_sample(network, load_sample(path)) for path in paths]


def summarize(rows: list[LevelRow]) -> dict[str, float]:
    """Take counts and means over cases.

    Args:
        rows: at least one.

    Returns:
        the counts of :func:`training.evaluation.level_outcomes.count`;
        ``recall`` of bodies; ``spurious`` a case; ``error_mm``, median of the right ones; Dice of each tissue.
    """
    namings = [row.naming for row in rows]
    errors_mm = [one.error_mm for one in namings if one.outcome in RIGHT and one.error_mm is not None]
    dice = np.array([row.dice for row in rows])
    means = {}
    for index, tissue in enumerate(list(Tissue)[1:]):
        there = dice[:, index][np.isfinite(dice[:, index])]
        means[f"dice_{tissue.name.lower()}"] = round(float(there.mean()), 4) if len(there) else float("nan")
    return {
        **count(namings),
        "recall": round(sum(row.found for row in rows) / max(sum(row.bodies for row in rows), 1), 4),
        "spurious": round(sum(row.spurious for row in rows) / len(rows), 3),
        "error_mm": round(float(np.median(errors_mm)), 2) if errors_mm else float("nan"),
        **means,
    }
