"""The multitask network of Zhang et al. 2023: boxes, masks, boundaries and the class, by the six terms of Eq. 19."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from OsteoJointLib.config import NetworkConfig, ReferenceTissue, network_config
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.losses.bmd import bmd_loss
from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.network.losses.localizer import detection_losses
from OsteoJointLib.network.losses.weighting import Losses, LossWeighting
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput
from training.data.augment import AugmentConfig
from training.data.pair_batches import PairBatch, PairBatchConfig, PairBatches
from training.data.pairs import UNKNOWN_TISSUE
from training.evaluation.pair_scores import score_pairs
from training.run_config import RunConfig
from training.task import StepModule

_TISSUE_WEIGHT = 0.2
"""Of the reference tissues beside the body in the mask term; chosen: they serve the class, the body is the task."""


@dataclass(frozen=True, kw_only=True)
class MultitaskConfig(RunConfig):
    """One experiment with the multitask network."""

    network: NetworkConfig = field(default_factory=lambda: network_config("compact"))
    """Sizes and switches."""
    data: PairBatchConfig = field(default_factory=PairBatchConfig)
    """What a batch is made of."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Ranges of the augmentation."""
    windows_px: tuple[tuple[float, int], ...] = ((1.0, 224),)
    """(share of the run up to which, edge of the middle of the crop that is trained on); smaller is cheaper."""

    def __post_init__(self) -> None:
        super().__post_init__()
        ends = [end for end, _ in self.windows_px]
        # the segmenter halves its input five times, so that an edge is a multiple of 2^5
        if not (ends == sorted(ends) and ends[-1] >= 1.0 and all(px % 32 == 0 for _, px in self.windows_px)):
            raise UsageError(
                Reason.USAGE, f"windows_px needs rising shares up to 1.0 and multiples of 32, got {self.windows_px}."
            )

    def window_px(self, progress: float) -> int:
        """Return the edge of the part of the crops that is trained on at a share of the run."""
        return next(px for end, px in self.windows_px if progress < end or end >= 1.0)

    def task(self) -> MultitaskTask:
        """Return what the loop trains."""
        return MultitaskTask(self)


class MultitaskLosses(NamedTuple):
    """The weighted total of Eq. 19 and its six terms; None for one that this step does not train."""

    total: Tensor
    box: Tensor | None
    box_class: Tensor | None
    objectness: Tensor | None
    mask: Tensor | None
    boundary: Tensor | None
    status: Tensor | None


class ClassRows(NamedTuple):
    """Rows of a batch as the classifier takes them, L1 and L2 of a row beside each other: (R,), then (2R, ...)."""

    rows: Tensor
    crops: Tensor
    body: Tensor
    features: tuple[Tensor, ...]


class MultitaskStep(StepModule):
    """Network and learned loss weights.

    Args:
        config: of the experiment.
    """

    network: MultitaskNetwork

    def __init__(self, config: MultitaskConfig):
        super().__init__(MultitaskNetwork(config.network))
        self.config, self.weighting = config, LossWeighting()

    def forward(self, batch: PairBatch, progress: float) -> MultitaskLosses:
        """Compute the terms of a batch on the middle of its crops."""
        batch = windowed(batch, self.config.window_px(progress))
        segmentation = mask = boundary = None
        if bool(batch.mask_rows.any()):
            segmentation = self.network.segmenter(batch.crops[batch.mask_rows].flatten(0, 1).contiguous())
            mask, boundary = _mask_terms(segmentation, batch)
        status = self._status_term(segmentation, batch)
        box = box_class = objectness = None
        if len(batch.images) and self.network.localizer is not None:
            raw = self.network.localizer(batch.images)
            found = detection_losses(
                raw, list(batch.boxes_xyxy[:, None]), list(batch.labels[:, None]), self.network.config.anchors
            )
            box, box_class, objectness = found.box, found.box_class, found.objectness
        losses = Losses(box, box_class, objectness, mask, boundary, status)
        return MultitaskLosses(self.weighting(losses), *vars(losses).values())

    def _status_term(self, segmentation: SegmenterOutput | None, batch: PairBatch) -> Tensor | None:
        """Compute the class term.

        Rows for masks too bring what the segmenter said of them, with gradient, and its mask or an imperfect one; rows
        for the class alone the segmenter's features without gradient, and an imperfect mask.
        """
        parts = [self._shared_rows(segmentation, batch), frozen_rows(self.network.segmenter, batch)]
        given = [part for part in parts if part]
        return status_loss(self.network, given, batch) if given else None

    def _shared_rows(self, segmentation: SegmenterOutput | None, batch: PairBatch) -> ClassRows | None:
        rows = (batch.mask_rows & batch.status_rows).nonzero()[:, 0]
        if segmentation is None or not len(rows):
            return None
        said = segmentation.rows(batch.status_rows[batch.mask_rows].repeat_interleave(2))
        guided = batch.guided_rows[rows].repeat_interleave(2)[:, None, None, None]
        body = torch.where(guided, batch.guides[rows].flatten(0, 1), said.body)
        return ClassRows(rows, batch.crops[rows].flatten(0, 1), body, said.features)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Clip apart localizer, segmenter, classifier with fusion, and the loss weights."""
        network = self.network
        named = {
            "localizer": [] if network.localizer is None else list(network.localizer.parameters()),
            "segmenter": list(network.segmenter.parameters()),
            "classifier": [*network.classifier.parameters(), *network.fusion.parameters()],
            "weighting": list(self.weighting.parameters()),
        }
        return {name: parameters for name, parameters in named.items() if parameters}

    def notes(self, progress: float) -> dict[str, float]:
        """Note the crops' window and the learned weight of each term."""
        weights = {f"weight_{name}": value for name, value in self.weighting.weights().items()}
        return {"window_px": self.config.window_px(progress), **weights}


class MultitaskTask:
    """Training pairs to the multitask network.

    Args:
        config: of the experiment.
    """

    name = "multitask"
    terms = MultitaskLosses._fields
    watched = "cross_entropy"

    def __init__(self, config: MultitaskConfig):
        self.config = config

    def build(self) -> MultitaskStep:
        """Build network and losses."""
        return MultitaskStep(self.config).to(memory_format=torch.channels_last)

    def batches(self, folder: Path) -> PairBatches:
        """Make the batches of a folder of training pairs."""
        return PairBatches(folder, self.config.seed, self.config.data, self.config.augment)

    def scores(self, network: nn.Module, folder: Path) -> dict[str, float]:
        """Measure Dice, IoU, AP50, accuracy and cross-entropy on a folder of validation pairs."""
        assert isinstance(network, MultitaskNetwork)
        return score_pairs(network, folder, self.config.validation_cases, self.config.data.heatmap_sigma_px)


def frozen_rows(segmenter: Segmenter, batch: PairBatch) -> ClassRows | None:
    """Gather the rows for the class alone, with what the segmenter sees in them, without gradient; None without any."""
    rows = (~batch.mask_rows & batch.status_rows).nonzero()[:, 0]
    if not len(rows):
        return None
    crops = batch.crops[rows].flatten(0, 1).contiguous()
    with torch.no_grad():
        features = segmenter.features(crops)
    return ClassRows(rows, crops, batch.guides[rows].flatten(0, 1), features)


def status_loss(network: MultitaskNetwork, parts: Sequence[ClassRows], batch: PairBatch) -> Tensor:
    """Compute the mean cross-entropy of rows, and the score of the BMD beside it where the network estimates that."""
    rows, crops, body = (torch.cat(tensors) for tensors in zip(*(part[:3] for part in parts), strict=True))
    features = [torch.cat(scale) for scale in zip(*(part.features for part in parts), strict=True)]
    both = torch.cat((torch.arange(0, len(crops), 2), torch.arange(1, len(crops), 2))).to(crops.device)
    vectors = network.classifier(crops[both], [feature[both] for feature in features], body[both])
    output = network.fusion(*vectors.chunk(2), batch.facts[rows], batch.left_out[rows])
    loss = soft_cross_entropy(output.logits, batch.status[rows])
    return loss if output.bmd is None else loss + bmd_loss(output.bmd, batch.bmd[rows])


def windowed(batch: PairBatch, window_px: int) -> PairBatch:
    """Keep the middle of a batch's crops and of what lies over them."""
    margin = (batch.crops.shape[-1] - window_px) // 2
    middle = slice(margin, margin + window_px)
    names = ("crops", "masks", "tissues", "heatmaps", "guides")
    return batch._replace(**{name: getattr(batch, name)[..., middle, middle] for name in names})


def _mask_terms(segmentation: SegmenterOutput, batch: PairBatch) -> tuple[Tensor, Tensor | None]:
    """Compute the terms of the masks (that of the body, and the mean of the reference tissues') and of the boundary."""
    masks, tissues, heatmaps = (x[batch.mask_rows].flatten(0, 1) for x in (batch.masks, batch.tissues, batch.heatmaps))
    mask = dice_loss(segmentation.mask_logits, masks)
    if segmentation.tissue_logits is not None:
        true = torch.cat([tissues == tissue for tissue in ReferenceTissue], dim=1)
        labeled = (tissues != UNKNOWN_TISSUE).flatten(1).all(dim=1)
        mask = mask + _TISSUE_WEIGHT * dice_loss(segmentation.tissue_logits, true, labeled)
    return mask, None if segmentation.heatmap is None else heatmap_loss(segmentation.heatmap, heatmaps)
