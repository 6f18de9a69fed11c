"""Trains segmenters on the crops of a bank, side by side on the same batches, and measures their masks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from OsteoJointLib.config import WindowConfig, network_config
from OsteoJointLib.device import set_threads
from OsteoJointLib.level_set.evolution import refine
from OsteoJointLib.network.heatmap import boundary_heatmap
from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.network.losses.weighting import Losses, LossWeighting
from OsteoJointLib.network.segmenter import Segmenter
from OsteoJointLib.typed_json import from_json, to_json
from training.data.crop_bank import BankConfig, CropBank
from training.evaluation.metrics import Overlap
from training.experiments.running import Cases, cases_of
from training.optimizing import make_optimizer
from training.run_config import OptimizerConfig
from training.schedule import learning_rate

_SIGMA_PX = 2.0
"""Of the boundary target, as in :class:`training.data.pair_batches.PairBatchConfig`."""
_TESTED = 16
_PER_TEN_THOUSAND = 10_000


@dataclass(frozen=True)
class OutlineSetting:
    """One segmenter."""

    name: str
    """Stands in rows and tables."""
    boundary_branch: bool = True
    """Whether there is a heat-map decoder."""
    evolved_share: float = 0.0
    """Of the level set's contour in its target."""


@dataclass(frozen=True, kw_only=True)
class OutlineExperiment:
    """Segmenters, seeds, and how long each is trained."""

    name: str
    """Its rows lie in NAME.jsonl."""
    settings: tuple[OutlineSetting, ...]
    """The first is what the others are compared with."""
    seeds: tuple[int, ...] = (0, 1)
    """Of weights and draws."""
    split_seed: int = 0
    """As the other experiments'."""
    steps: int = 160
    """Of each training."""
    rows: int = 6
    """Cases a step, two crops each."""
    curve_points: int = 8
    """Times at which the watched Dice is taken."""
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(name="sgd", learning_rate=0.05))
    """How the weights move."""
    bank: BankConfig = field(default_factory=BankConfig)
    """The crops."""

    def recipe_sha256(self, setting: OutlineSetting) -> str:
        """Hash what decides about a row, but for the seed."""
        told = {key: value for key, value in asdict(self).items() if key not in ("name", "settings", "seeds")}
        return hashlib.sha256(json.dumps({**told, "setting": asdict(setting)}, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class OutlineTrial:
    """One training and its test.

    Args:
        setting, seed, recipe_sha256, split_sha256, steps: which.
        dice, iou: (N,) means of both bodies of each test case, in ten thousandths.
        pooled_dice, pooled_iou: of all bodies' pixels together.
        curve: (step, watched Dice).
    """

    setting: str
    seed: int
    recipe_sha256: str
    split_sha256: str
    steps: int
    dice: tuple[int, ...]
    iou: tuple[int, ...]
    pooled_dice: float
    pooled_iou: float
    curve: tuple[tuple[float, ...], ...]


def read_outline_trials(path: Path) -> list[OutlineTrial]:
    """Read the rows of a file, none where there is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [from_json(OutlineTrial, json.loads(line)) for line in lines if line.strip()]


def complete_outlines(experiment: OutlineExperiment, bank: CropBank, out: Path) -> list[OutlineTrial]:
    """Train what is missing, seed after seed, and return every row of the experiment as it now is."""
    recipes = {setting.name: experiment.recipe_sha256(setting) for setting in experiment.settings}
    for seed in experiment.seeds:
        have = {
            t.setting for t in read_outline_trials(out) if t.seed == seed and recipes.get(t.setting) == t.recipe_sha256
        }
        left = [setting for setting in experiment.settings if setting.name not in have]
        if left:
            trials = _train(experiment, left, bank, seed)
            with out.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(to_json(t), separators=(",", ":")) + "\n" for t in trials)
    return [t for t in read_outline_trials(out) if recipes.get(t.setting) == t.recipe_sha256]


class _Outliner(nn.Module):
    """A segmenter with the learned weights of its terms."""

    def __init__(self, setting: OutlineSetting, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            channels = network_config("compact").segmenter_channels
            self.segmenter = Segmenter(channels, boundary_branch=setting.boundary_branch)
            self.weighting = LossWeighting()
        self.setting = setting
        self.to(memory_format=torch.channels_last)

    def loss(self, crops: Tensor, masks: Tensor, heatmaps: Tensor) -> Tensor:
        """Compute the weighted sum of the mask's and the boundary's term."""
        said = self.segmenter(crops)
        boundary = None if said.heatmap is None else heatmap_loss(said.heatmap, heatmaps)
        return self.weighting(Losses(None, None, None, dice_loss(said.mask_logits, masks), boundary, None))


def _train(
    experiment: OutlineExperiment, settings: Sequence[OutlineSetting], bank: CropBank, seed: int
) -> list[OutlineTrial]:
    set_threads(1)
    cases = cases_of(bank, experiment.split_seed, None)
    outliners = [_Outliner(setting, seed) for setting in settings]
    optimizers = [make_optimizer(one, experiment.optimizer) for one in outliners]
    curves: list[list[tuple[float, float]]] = [[] for _ in settings]
    train, every = bank.indices(cases.train), max(experiment.steps // experiment.curve_points, 1)
    targets = lru_cache(maxsize=4096)(lambda index, view, share: _target(bank, index, view, share))
    for step in range(experiment.steps):
        generator = np.random.default_rng((seed, step))
        chosen = [
            (int(i), int(v))
            for i, v in zip(
                generator.choice(train, experiment.rows),
                generator.integers(0, bank.crops.shape[1], experiment.rows),
                strict=True,
            )
        ]
        crops, masks = _images(bank, chosen)
        for one, optimizer in zip(outliners, optimizers, strict=True):
            one.train()
            heatmaps = torch.from_numpy(np.concatenate([targets(*case, one.setting.evolved_share) for case in chosen]))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step / experiment.steps, experiment.optimizer)
            with torch.autocast("cpu", torch.bfloat16):
                loss = one.loss(crops, masks, heatmaps[:, None])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(one.parameters(), experiment.optimizer.clip_norm)
            optimizer.step()
        if (step + 1) % every == 0 or step + 1 == experiment.steps:
            for one, curve in zip(outliners, curves, strict=True):
                dice, _, _ = _measure(one, bank, cases.watched)
                curve.append((float(step + 1), round(float(dice.mean()), 4)))
            print(f"{experiment.name}, seed {seed}, step {step + 1}: {[curve[-1][1] for curve in curves]}", flush=True)
    return [_trial(experiment, one, bank, cases, seed, curve) for one, curve in zip(outliners, curves, strict=True)]


def _trial(
    experiment: OutlineExperiment,
    one: _Outliner,
    bank: CropBank,
    cases: Cases,
    seed: int,
    curve: Sequence[tuple[float, float]],
) -> OutlineTrial:
    dice, iou, pooled = _measure(one, bank, cases.test)

    def rounded(values: np.ndarray) -> tuple[int, ...]:
        return tuple(int(value) for value in np.rint(values * _PER_TEN_THOUSAND))

    recipe = experiment.recipe_sha256(one.setting)
    which = (one.setting.name, seed, recipe, cases.sha256, experiment.steps)
    return OutlineTrial(*which, rounded(dice), rounded(iou), pooled.dice, pooled.iou, tuple(curve))


def _images(bank: CropBank, chosen: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Return (2 N, 1, H, W) crops and masks of (case, view)."""
    rows = [bank.row(*case) for case in chosen]
    crops, masks = (
        np.concatenate([getattr(row, name) for row in rows]).astype(np.float32) for name in ("crops", "masks")
    )
    return torch.from_numpy(crops)[:, None], torch.from_numpy(masks)[:, None]


def _target(bank: CropBank, index: int, view: int, share: float) -> np.ndarray:
    """Draw the (2, H, W) boundary targets of a view, guided by the level set, as ``pair_rows.evolved_heatmap`` does.

    Here the contour evolves on the crop as the network sees it: HU beyond the window are cut off.
    """
    row, window, drawn = bank.row(index, view), WindowConfig(), []
    for crop, mask in zip(row.crops, row.masks, strict=True):
        label = boundary_heatmap(mask, _SIGMA_PX)
        if share and mask.any():
            hu = window.low_hu + window.width_hu * crop.astype(float)
            contour = boundary_heatmap(refine(hu, mask, bank.cases[index].pixel_mm).mask, _SIGMA_PX)
            label = np.float32(1.0 - share) * label + np.float32(share) * contour
        drawn.append(label)
    return np.stack(drawn)


@torch.no_grad()
def _measure(one: _Outliner, bank: CropBank, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, Overlap]:
    """Measure plain views: (N,) Dice and IoU, means of both bodies, and the pooled overlap."""
    one.eval()
    indices = bank.indices(names)
    dice, iou, pooled = [], [], Overlap(0, 0, 0)
    for first in range(0, len(indices), _TESTED):
        crops, masks = _images(bank, [(int(index), 0) for index in indices[first : first + _TESTED]])
        with torch.autocast("cpu", torch.bfloat16):
            said = one.segmenter(crops).mask_logits[:, 0].numpy() > 0
        overlaps = [Overlap.of(mask, true) for mask, true in zip(said, masks[:, 0].numpy() > 0, strict=True)]
        dice += [overlap.dice for overlap in overlaps]
        iou += [overlap.iou for overlap in overlaps]
        pooled = sum(overlaps, pooled)
    return np.array(dice).reshape(-1, 2).mean(axis=1), np.array(iou).reshape(-1, 2).mean(axis=1), pooled
