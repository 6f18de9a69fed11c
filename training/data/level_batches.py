"""Batches of crops for the level network from a folder of level samples."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.level_config import LevelNetConfig
from training.data.level_crops import CropSettings, LevelCrop, draw_crop
from training.data.level_samples import list_samples, load_sample
from training.seeds import TRAINING_SEEDS
from training.step_batches import StepBatches


class LevelBatch(NamedTuple):
    """One step's crops; a named tuple, as :class:`training.data.pair_batches.PairBatch`.

    Args:
        hu: (B, z, y, x) float32.
        classes: (B, z, y, x) int64, :data:`training.data.level_crops.IGNORED` outside the samples.
        landmarks: (B, 3, z, y, x) float32 in [0, 1].
        lumbar: (B, z, y, x) int64, 0 or 1, :data:`training.data.level_crops.IGNORED` outside bodies.
        case_ids: the sample of each crop.
    """

    hu: Tensor
    classes: Tensor
    landmarks: Tensor
    lumbar: Tensor
    case_ids: tuple[str, ...]


class LevelBatches(StepBatches[list[Path], LevelBatch]):
    """Batches of a folder of level samples.

    Args:
        folder: of samples.
        seed: of the run.
        rows: crops a batch.
        settings: how a crop is drawn.
        network: holds the grid's spacing and the heat map's width.
    """

    def __init__(self, folder: Path, seed: int, rows: int, settings: CropSettings, network: LevelNetConfig):
        self.folder, self.seed, self.rows, self.settings, self.network = folder, seed, rows, settings, network
        super().__init__()

    def listed(self) -> list[Path]:
        """List the samples that are there now."""
        return list_samples(self.folder, TRAINING_SEEDS)

    def drawn(self, step: int, cases: list[Path]) -> LevelBatch:
        """Draw the batch of a step."""
        drawn = [self.crop(number, cases) for number in range(step * self.rows, (step + 1) * self.rows)]
        crops = [crop for crop, _ in drawn]
        return LevelBatch(
            torch.from_numpy(np.stack([crop.hu for crop in crops])),
            torch.from_numpy(np.stack([crop.classes for crop in crops])).long(),
            torch.from_numpy(np.stack([crop.landmarks for crop in crops])),
            torch.from_numpy(np.stack([crop.lumbar for crop in crops])).long(),
            tuple(name for _, name in drawn),
        )

    def crop(self, number: int, cases: list[Path]) -> tuple[LevelCrop, str]:
        """Draw the crop of a number, and say of which sample it is.

        Raises:
            InputRefused: the sample is on another grid than the network's.
        """
        generator = np.random.default_rng((self.seed, number))
        path = cases[int(generator.integers(len(cases)))]
        sample = load_sample(path)
        if not np.isclose(sample.spacing_mm, self.network.spacing_mm):
            raise InputRefused(
                Reason.BAD_GEOMETRY,
                f"{path} has voxels of {sample.spacing_mm:g} mm, and the network works on {self.network.spacing_mm:g} "
                "mm. Make the samples again with --spacing-mm, or change network.spacing_mm.",
            )
        sigma_vox = self.network.heatmap_sigma_mm / self.network.spacing_mm
        return draw_crop(sample, self.settings, sigma_vox, generator), path.stem
