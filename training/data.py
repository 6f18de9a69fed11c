"""Batches of training rows from a growing folder of pairs, the same for the same seed and step.

A row is one case: two crops (L1, L2) with masks and boundary heat maps, and a soft class. Mixed rows (Balanced-MixUp)
carry the class term only, rows with changed intensities the mask terms only, all others both, so that one forward
pass serves every term. Every ``localizer_every``-th step also brings whole slices with boxes for the localizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.network.heatmap import boundary_heatmap
from OsteoJointLib.pipeline.preprocess import to_unit_range
from training.augment import (
    AugmentConfig,
    Intensity,
    add_objects,
    box_of,
    degrade,
    draw_crop_placement,
    draw_image_placement,
    draw_scale,
)
from training.pairs import PairFolder, StoredPair, load_pair
from training.sampling import draw_rows

CROP_SIZE = NetworkConfig.crop_px
IMAGE_SIZE = NetworkConfig.slice_px
_RELIST_STEPS = 100


@dataclass(frozen=True)
class DataConfig:
    """What a batch is made of.

    Args:
        rows: cases a step; each gives two crops.
        images: whole slices of a localizer step.
        localizer_every: steps from one localizer step to the next.
        mixup_alpha: of Beta(alpha, 1); None turns Balanced-MixUp off.
        heatmap_sigma_px: of the boundary target.
        minimum_pairs: fewer in the folder refuse to start.
    """

    rows: int = 8
    images: int = 4
    localizer_every: int = 4
    mixup_alpha: float | None = 0.1
    heatmap_sigma_px: float = 2.0
    minimum_pairs: int = 16


class Batch(NamedTuple):
    """One step's rows; a named tuple, because Fabric moves those between devices and refuses frozen dataclasses.

    Args:
        crops: (B, 2, 1, 224, 224) float32 in [0, 1], L1 then L2.
        masks: (B, 2, 1, 224, 224) float32, 0 or 1.
        heatmaps: (B, 2, 1, 224, 224) float32 in [0, 1].
        mask_rows: (B,) bool, rows that carry the mask and boundary terms.
        status: (B, 3) float32, soft one-hot in the order of ``STATUSES``.
        status_rows: (B,) bool, rows that carry the class term.
        images: (N, 1, 512, 512) float32 in [0, 1] for the localizer; N = 0 on other steps.
        boxes_xyxy: (N, 4) float32, one body an image.
        labels: (N,) int64, 0 for L1, 1 for L2.
        case_ids: what each row was made of.
    """

    crops: torch.Tensor
    masks: torch.Tensor
    heatmaps: torch.Tensor
    mask_rows: torch.Tensor
    status: torch.Tensor
    status_rows: torch.Tensor
    images: torch.Tensor
    boxes_xyxy: torch.Tensor
    labels: torch.Tensor
    case_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Row:
    """One unmixed case: crops (2, 224, 224) in [0, 1], masks and heat maps of the same shape."""

    crops: np.ndarray
    masks: np.ndarray
    heatmaps: np.ndarray


def augmented_row(
    pair: StoredPair,
    generator: np.random.Generator,
    augment: AugmentConfig,
    intensity: Intensity | None,
    sigma_px: float,
    with_heatmaps: bool = True,
) -> Row:
    """Draw one augmented row of a pair.

    Args:
        pair: the two slices.
        generator: all chance comes from it.
        augment: the ranges.
        intensity: what to do to the grey values; None keeps absolute HU.
        sigma_px: of the boundary target.
        with_heatmaps: False leaves them 0 (mixed rows do not use them).
    """
    scale, flip = draw_scale(augment, generator), bool(generator.random() < 0.5)
    crops, masks = [], []
    for hu, mask in zip(pair.hu, pair.masks, strict=True):
        placement = draw_crop_placement(mask, scale, flip, augment, generator)
        crop, crop_mask = placement.image(hu, CROP_SIZE), placement.mask(mask, CROP_SIZE)
        if generator.random() < augment.object_probability:
            crop = add_objects(crop, crop_mask, augment, generator)
        crops.append(crop if intensity is None else intensity.on_hu(crop, crop_mask))
        masks.append(crop_mask)
    image = to_unit_range(degrade(np.stack(crops), augment, generator), WindowConfig())
    if intensity is not None and intensity.gamma != 1.0:
        image = image ** np.float32(intensity.gamma)
    heatmaps = np.zeros_like(image)
    if with_heatmaps:
        heatmaps = np.stack([boundary_heatmap(mask, sigma_px) for mask in masks])
    return Row(image, np.stack(masks), heatmaps)


def plain_row(pair: StoredPair, sigma_px: float) -> Row:
    """The row of a pair without augmentation, as the chain sees it with a perfect localizer."""
    unchanged = AugmentConfig(0.0, straight_probability=1.0)
    crops, masks = [], []
    for hu, mask in zip(pair.hu, pair.masks, strict=True):
        placement = draw_crop_placement(mask, 1.0, False, unchanged, np.random.default_rng(0))
        crops.append(to_unit_range(placement.image(hu, CROP_SIZE), WindowConfig()))
        masks.append(placement.mask(mask, CROP_SIZE))
    return Row(np.stack(crops), np.stack(masks), np.stack([boundary_heatmap(mask, sigma_px) for mask in masks]))


class TrainingBatches(Dataset):
    """Batch of a step by its number: the same folder, seed and step give the same batch.

    The folder is listed again now and then, so that pairs that arrive while training runs are used.

    Args:
        folder: of pairs.
        seed: of the run.
        data: sizes.
        augment: ranges.
    """

    def __init__(self, folder: Path, seed: int, data: DataConfig, augment: AugmentConfig):
        self.folder, self.seed, self.data, self.augment = Path(folder), seed, data, augment
        self._epoch, self._cases = -1, PairFolder.listed(self.folder, at_least=data.minimum_pairs)

    def _listed(self, epoch: int) -> PairFolder:
        if epoch != self._epoch:
            self._epoch, self._cases = epoch, PairFolder.listed(self.folder, at_least=self.data.minimum_pairs)
        return self._cases

    def __getitem__(self, step: int) -> Batch:
        generator = np.random.default_rng((self.seed, step))
        cases = self._listed(step // _RELIST_STEPS)
        draws = draw_rows(cases.statuses, self.data.rows, generator, self.data.mixup_alpha)
        rows = [self._row(draw, cases, generator) for draw in draws]
        located = step % self.data.localizer_every == 0
        images = [self._image(draw.balanced, cases, generator) for draw in self._spread(draws)] if located else []
        return _batch(rows, images)

    def _spread(self, draws: list) -> list:
        return [draws[i % len(draws)] for i in range(self.data.images)]

    def _row(self, draw, cases: PairFolder, generator) -> tuple[Row, bool, np.ndarray, bool, str]:
        """Return the row, whether its masks count, its soft class, whether that counts, and its case id."""
        sigma_px = self.data.heatmap_sigma_px
        if draw.pure is not None:
            changed = generator.random() < self.augment.intensity_probability
            intensity = Intensity.drawn(generator) if changed else None
            row = augmented_row(load_pair(cases.paths[draw.pure]), generator, self.augment, intensity, sigma_px)
            return row, True, _one_hot(cases.statuses[draw.pure]), not changed, cases.paths[draw.pure].stem
        first, second = (
            augmented_row(load_pair(cases.paths[index]), generator, self.augment, None, sigma_px, with_heatmaps=False)
            for index in (draw.instance, draw.balanced)
        )
        mix = np.float32(draw.mix)
        status = mix * _one_hot(cases.statuses[draw.instance]) + (1 - mix) * _one_hot(cases.statuses[draw.balanced])
        crops = mix * first.crops + (1 - mix) * second.crops
        name = f"{cases.paths[draw.instance].stem}*{draw.mix:.3f}+{cases.paths[draw.balanced].stem}"
        return Row(crops, second.masks, second.heatmaps), False, status, True, name

    def _image(self, index: int, cases: PairFolder, generator) -> tuple[np.ndarray, np.ndarray, int]:
        pair = load_pair(cases.paths[index])
        label = int(generator.integers(0, 2))
        mask = pair.masks[label]
        placement = draw_image_placement(mask, bool(generator.random() < 0.5), self.augment, generator)
        image, moved = placement.image(pair.hu[label], IMAGE_SIZE), placement.mask(mask, IMAGE_SIZE)
        if generator.random() < self.augment.intensity_probability:
            image = Intensity.drawn(generator).on_hu(image, moved)
        image = degrade(image[None], self.augment, generator)[0]
        return to_unit_range(image, WindowConfig()), box_of(moved), label


def training_loader(batches: TrainingBatches, first_step: int, last_step: int, workers: int) -> DataLoader:
    """Serve the batches of steps ``first_step`` to ``last_step - 1`` in order."""
    return DataLoader(
        batches,
        batch_size=None,
        collate_fn=_as_is,
        sampler=range(first_step, last_step),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_quiet_worker,
        # a fork of a process whose OpenCV or OpenMP threads have run may hang for good
        multiprocessing_context="spawn" if workers else None,
    )


def _as_is(batch: Any) -> Any:
    return batch


def _quiet_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _one_hot(status: int) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[int(status)]


def _batch(rows: list, images: list) -> Batch:
    parts = [row for row, *_ in rows]

    def stacked(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays).astype(np.float32))[:, :, None]

    shape = (len(images), 1, IMAGE_SIZE, IMAGE_SIZE)
    return Batch(
        crops=stacked([part.crops for part in parts]),
        masks=stacked([part.masks for part in parts]),
        heatmaps=stacked([part.heatmaps for part in parts]),
        mask_rows=torch.tensor([counts for _, counts, *_ in rows]),
        status=torch.from_numpy(np.stack([status for _, _, status, *_ in rows])),
        status_rows=torch.tensor([counts for _, _, _, counts, _ in rows]),
        images=torch.from_numpy(np.stack([i for i, _, _ in images])[:, None]) if images else torch.zeros(shape),
        boxes_xyxy=torch.from_numpy(np.stack([b for _, b, _ in images])) if images else torch.zeros(0, 4),
        labels=torch.tensor([label for _, _, label in images], dtype=torch.int64),
        case_ids=tuple(name for *_, name in rows),
    )
