"""Batches of training rows from a folder of pairs.

A row is one case: two crops (L1, L2) with masks and boundary heat maps, and a soft class. Mixed rows (Balanced-MixUp)
carry the class term only, rows with changed intensities the mask terms only, all others both, so that one forward
pass serves every term. Every ``localizer_every``-th step also brings whole slices with boxes for the localizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.heatmap import boundary_heatmap
from OsteoJointLib.pipeline.preprocess import to_unit_range
from training.data.augment import (
    AugmentConfig,
    Intensity,
    add_objects,
    box_of,
    degrade,
    draw_crop_placement,
    draw_image_placement,
    draw_scale,
)
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.data.sampling import Draw, draw_rows
from training.seeds import TRAINING_SEEDS
from training.step_batches import StepBatches

CROP_SIZE = NetworkConfig.crop_px
IMAGE_SIZE = NetworkConfig.slice_px


@dataclass(frozen=True)
class PairBatchConfig:
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

    def __post_init__(self) -> None:
        if min(self.rows, self.images, self.localizer_every, self.minimum_pairs) < 1:
            raise UsageError(Reason.USAGE, f"A batch needs at least 1 of everything, got {self}. Change the config.")


class PairBatch(NamedTuple):
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
    for hu, mask in zip(pair.hu[:2], pair.masks[:2], strict=True):
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
    """Make the row of a pair without augmentation, as the chain sees it with a perfect localizer."""
    unchanged = AugmentConfig(0.0, straight_probability=1.0)
    crops, masks = [], []
    for hu, mask in zip(pair.hu[:2], pair.masks[:2], strict=True):
        placement = draw_crop_placement(mask, 1.0, False, unchanged, np.random.default_rng(0))
        crops.append(to_unit_range(placement.image(hu, CROP_SIZE), WindowConfig()))
        masks.append(placement.mask(mask, CROP_SIZE))
    return Row(np.stack(crops), np.stack(masks), np.stack([boundary_heatmap(mask, sigma_px) for mask in masks]))


class RowDraw(NamedTuple):
    """One row of a batch.

    Args:
        row: crops, masks, heat maps.
        masks_count: whether it carries the mask and boundary terms.
        status: (3,) soft one-hot.
        status_counts: whether it carries the class term.
        case_id: what it was made of.
    """

    row: Row
    masks_count: bool
    status: np.ndarray
    status_counts: bool
    case_id: str


class SliceDraw(NamedTuple):
    """One slice for the localizer: (512, 512) image in [0, 1], (4,) box, 0 for L1 or 1 for L2."""

    image: np.ndarray
    box_xyxy: np.ndarray
    label: int


class PairBatches(StepBatches[PairFolder, PairBatch]):
    """Batches of a folder of training pairs.

    Args:
        folder: of pairs.
        seed: of the run.
        data: sizes.
        augment: ranges.
    """

    def __init__(self, folder: Path, seed: int, data: PairBatchConfig, augment: AugmentConfig):
        self.folder, self.seed, self.data, self.augment = Path(folder), seed, data, augment
        super().__init__()

    def listed(self) -> PairFolder:
        """List the pairs that are there now."""
        return PairFolder.listed(self.folder, TRAINING_SEEDS, self.data.minimum_pairs)

    def drawn(self, step: int, cases: PairFolder) -> PairBatch:
        """Draw the batch of a step."""
        generator = np.random.default_rng((self.seed, step))
        draws = draw_rows(cases.statuses, self.data.rows, generator, self.data.mixup_alpha)
        rows = [self.row(draw, cases, generator) for draw in draws]
        slices = []
        if step % self.data.localizer_every == 0:
            # the class-based draws, so that the localizer sees every class alike
            chosen = [draws[number % len(draws)].balanced for number in range(self.data.images)]
            slices = [self.slice(load_pair(cases.paths[index]), generator) for index in chosen]
        return _batch(rows, slices)

    def row(self, draw: Draw, cases: PairFolder, generator: np.random.Generator) -> RowDraw:
        """Draw the row of one case, or the mixture of two."""
        sigma_px = self.data.heatmap_sigma_px
        if draw.pure is not None:
            changed = generator.random() < self.augment.intensity_probability
            intensity = Intensity.drawn(generator) if changed else None
            row = augmented_row(load_pair(cases.paths[draw.pure]), generator, self.augment, intensity, sigma_px)
            return RowDraw(row, True, _one_hot(cases.statuses[draw.pure]), not changed, cases.paths[draw.pure].stem)
        first, second = (
            augmented_row(load_pair(cases.paths[index]), generator, self.augment, None, sigma_px, with_heatmaps=False)
            for index in (draw.instance, draw.balanced)
        )
        mix = np.float32(draw.mix)
        status = mix * _one_hot(cases.statuses[draw.instance]) + (1 - mix) * _one_hot(cases.statuses[draw.balanced])
        crops = mix * first.crops + (1 - mix) * second.crops
        name = f"{cases.paths[draw.instance].stem}*{draw.mix:.3f}+{cases.paths[draw.balanced].stem}"
        return RowDraw(Row(crops, second.masks, second.heatmaps), False, status, True, name)

    def slice(self, pair: StoredPair, generator: np.random.Generator) -> SliceDraw:
        """Draw a whole slice of one of the two levels, with its body's box."""
        label = int(generator.integers(0, 2))
        mask = pair.masks[label]
        placement = draw_image_placement(mask, bool(generator.random() < 0.5), self.augment, generator)
        image, moved = placement.image(pair.hu[label], IMAGE_SIZE), placement.mask(mask, IMAGE_SIZE)
        if generator.random() < self.augment.intensity_probability:
            image = Intensity.drawn(generator).on_hu(image, moved)
        image = degrade(image[None], self.augment, generator)[0]
        return SliceDraw(to_unit_range(image, WindowConfig()), box_of(moved), label)


def _one_hot(status: int) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[int(status)]


def _batch(rows: list[RowDraw], slices: list[SliceDraw]) -> PairBatch:
    def stacked(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays).astype(np.float32))[:, :, None]

    shape = (0, 1, IMAGE_SIZE, IMAGE_SIZE)
    return PairBatch(
        crops=stacked([drawn.row.crops for drawn in rows]),
        masks=stacked([drawn.row.masks for drawn in rows]),
        heatmaps=stacked([drawn.row.heatmaps for drawn in rows]),
        mask_rows=torch.tensor([drawn.masks_count for drawn in rows]),
        status=torch.from_numpy(np.stack([drawn.status for drawn in rows])),
        status_rows=torch.tensor([drawn.status_counts for drawn in rows]),
        images=torch.from_numpy(np.stack([s.image for s in slices])[:, None]) if slices else torch.zeros(shape),
        boxes_xyxy=torch.from_numpy(np.stack([s.box_xyxy for s in slices])) if slices else torch.zeros(0, 4),
        labels=torch.tensor([s.label for s in slices], dtype=torch.int64),
        case_ids=tuple(drawn.case_id for drawn in rows),
    )
