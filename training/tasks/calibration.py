"""Honest probabilities: how sure the network may be, learned from validation phantoms of a hospital's mix.

Training departs from the plausible on purpose (docs/explain/phantom.md), so on plausible scans the network is surer
than it says. Two things of its config are chosen here: one factor on the standard deviation of BMD, that of the least
continuous ranked probability score, and where the probabilities come from, by the least cross-entropy. No weight moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.network.losses.bmd import bmd_loss
from OsteoJointLib.network.ordinal import class_areas
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import STATUSES, CtSlicePair, Level
from training.evaluation.case_rows.facts import phantom_slices
from training.seeds import VALIDATION_SEEDS, require_seeds

CALIBRATED_FROM = 850_000
"""First seed of the phantoms; chosen: of those that are watched and those of the image tests none."""

_FACTORS = np.round(np.arange(0.30, 2.001, 0.02), 2)
_LEAST_PROBABILITY = 1e-6
"""Bounds what one wrong and certain case costs."""


@dataclass(frozen=True)
class Sayings:
    """What a network says of N phantoms, and what is true.

    Args:
        softmax: (N, 3) probabilities in the order of ``STATUSES``.
        bmd: (N, 2) mean and SD, as the ordinal head gives them.
        true_bmd: (N,) mg/cm3.
        statuses: (N,) index into ``STATUSES``.
    """

    softmax: torch.Tensor
    bmd: torch.Tensor
    true_bmd: torch.Tensor
    statuses: torch.Tensor


def calibrated(weights: Path, count: int) -> NetworkConfig:
    """Return the config of weights with factor and source chosen on phantoms' mid-slices, read through the chain.

    Args:
        weights: the file; its network needs an ordinal head.
        count: of the phantoms.
    """
    reader = load_reader(str(weights), device="cpu")
    config = reader.network.config
    reader.network.config = replace(config, class_from="softmax")
    reader.network.fusion.sd_factor = 1.0
    chosen = choose(_say(reader, require_seeds(CALIBRATED_FROM, count, VALIDATION_SEEDS)))
    return replace(config, bmd_sd_factor=chosen[0], class_from=chosen[1])


def choose(said: Sayings) -> tuple[float, str]:
    """Choose the factor on the SD, and the source of the probabilities.

    >>> mean = torch.full((4,), 100.0)
    >>> said = Sayings(torch.full((4, 3), 1 / 3), torch.stack((mean, mean), 1), mean + 9.0, torch.ones(4).long())
    >>> choose(said)  # the SD of 100 is far too large, and the softmax knows nothing
    (0.3, 'areas')
    """

    def scaled(factor: float) -> torch.Tensor:
        return torch.stack((said.bmd[:, 0], factor * said.bmd[:, 1]), dim=1)

    scores = [float(bmd_loss(scaled(factor), said.true_bmd)) for factor in _FACTORS]
    factor = float(_FACTORS[int(np.argmin(scores))])
    areas = class_areas(scaled(factor).double())
    sources = {"softmax": said.softmax, "areas": areas, "mean": 0.5 * (said.softmax + areas)}
    return factor, min(sources, key=lambda name: _cross_entropy(sources[name], said.statuses))


def _cross_entropy(probabilities: torch.Tensor, statuses: torch.Tensor) -> float:
    true = probabilities[torch.arange(len(statuses)), statuses]
    return float(-true.clamp(min=_LEAST_PROBABILITY).log().mean())


def _say(reader: Reader, seeds: Sequence[int]) -> Sayings:
    """Read the true mid-slices of phantoms; one whose body is not localized is left out."""
    softmax, bmd, true_bmd, statuses = [], [], [], []
    for seed in seeds:
        truth, slices = phantom_slices(seed)
        points = {level: truth.centers_lps_mm[level.verse_label] for level in Level}
        pair = CtSlicePair(slices[Level.L1].volume, slices[Level.L2].volume)
        try:
            said = reader.read(pair, points=points, options=ReadOptions(gradcam=False)).classification
        except OsteoJointError:
            continue
        assert said is not None and said.bmd is not None
        softmax.append(said.probabilities)
        bmd.append((said.bmd.mean_mg_cm3, said.bmd.sd_mg_cm3))
        true_bmd.append(truth.mean_bmd_mg_cm3)
        statuses.append(STATUSES.index(truth.status))
    return Sayings(torch.tensor(softmax).double(), torch.tensor(bmd), torch.tensor(true_bmd), torch.tensor(statuses))
