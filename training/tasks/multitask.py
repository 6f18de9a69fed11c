"""The multitask network of Zhang et al. 2023: boxes, masks, boundaries and the class, by the six terms of Eq. 19."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from OsteoJointLib.config import NetworkConfig, ReferenceTissue, network_config
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.losses.anchor_matching import Assignment
from OsteoJointLib.network.losses.bmd import bmd_loss
from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.network.losses.localizer import assigned, detection_losses
from OsteoJointLib.network.losses.weighting import Losses, LossWeighting
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput
from training.data.augment import AugmentConfig
from training.data.pair_batches import PairBatch, PairBatchConfig, PairBatches
from training.data.pairs import UNKNOWN_TISSUE
from training.evaluation.pair_pictures import draw_pairs
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
    localizer: bool = True
    """Train the localizer, too; without it neither ultralytics nor whole slices are needed."""
    frozen_statistics: bool = False
    """Keep the batch norms' running means and variances, as for a network that is only to move a little."""
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


class PlannedBatch(NamedTuple):
    """A batch, and what is known of it before it moves to the device: which rows go where.

    On the device the same questions would each wait for an answer.

    Args:
        batch: the rows.
        mask: (M,) int64, rows that carry the mask and boundary terms.
        shared: (S,) those of them that carry the class term too.
        shared_crops: (2S,) where their crops lie among the 2M of ``mask``.
        class_alone: (C,) rows that carry the class term alone.
        anchors: which anchors answer for which body.
    """

    batch: PairBatch
    mask: Tensor
    shared: Tensor
    shared_crops: Tensor
    class_alone: Tensor
    anchors: Assignment | None


class MultitaskStep(StepModule):
    """Network and learned loss weights.

    Args:
        config: of the experiment.
    """

    network: MultitaskNetwork

    def __init__(self, config: MultitaskConfig):
        super().__init__(MultitaskNetwork(config.network, with_localizer=config.localizer))
        self.config, self.weighting = config, LossWeighting()

    def planned(self, batch: PairBatch) -> PlannedBatch:
        """Sort the rows by the terms that they carry, and the boxes by the anchors that answer for them."""
        mask = batch.mask_rows.nonzero()[:, 0]
        among = batch.status_rows[mask].nonzero()[:, 0]
        anchors = None
        if len(batch.images) and self.network.localizer is not None:
            config = self.network.config
            boxes, labels = list(batch.boxes_xyxy[:, None]), list(batch.labels[:, None])
            anchors = assigned(boxes, labels, config.anchors, batch.images.shape[-2:])
        return PlannedBatch(
            batch,
            mask,
            shared=mask[among],
            shared_crops=torch.stack((2 * among, 2 * among + 1), dim=1).flatten(),
            class_alone=(~batch.mask_rows & batch.status_rows).nonzero()[:, 0],
            anchors=anchors,
        )

    def compile_networks(self) -> None:
        """Compile each network by itself: between them lies what differs from batch to batch."""
        network = self.network
        for part in (network.localizer, network.segmenter, network.classifier):
            if part is not None:
                part.compile()

    def forward(self, plan: PlannedBatch, progress: float) -> MultitaskLosses:
        """Compute the terms of a batch on the middle of its crops."""
        plan = plan._replace(batch=windowed(plan.batch, self.config.window_px(progress)))
        batch = plan.batch
        segmentation = mask = boundary = None
        if len(plan.mask):
            segmentation = self.network.segmenter(batch.crops[plan.mask].flatten(0, 1).contiguous())
            mask, boundary = _mask_terms(segmentation, plan)
        status = self._status_term(segmentation, plan)
        box = box_class = objectness = None
        if plan.anchors is not None and self.network.localizer is not None:
            raw = self.network.localizer(batch.images)
            boxes = list(batch.boxes_xyxy[:, None])
            found = detection_losses(raw, boxes, plan.anchors, self.network.config.anchors)
            box, box_class, objectness = found.box, found.box_class, found.objectness
        losses = Losses(box, box_class, objectness, mask, boundary, status)
        return MultitaskLosses(self.weighting(losses), *vars(losses).values())

    def _status_term(self, segmentation: SegmenterOutput | None, plan: PlannedBatch) -> Tensor | None:
        """Compute the class term.

        Rows for masks too bring what the segmenter said of them, with gradient, and its mask or an imperfect one; rows
        for the class alone the segmenter's features without gradient, and an imperfect mask.
        """
        parts = [
            self._shared_rows(segmentation, plan),
            frozen_rows(self.network.segmenter, plan.batch, plan.class_alone),
        ]
        given = [part for part in parts if part]
        return status_loss(self.network, given, plan.batch) if given else None

    def _shared_rows(self, segmentation: SegmenterOutput | None, plan: PlannedBatch) -> ClassRows | None:
        batch, rows = plan.batch, plan.shared
        if segmentation is None or not len(rows):
            return None
        said = segmentation.rows(plan.shared_crops)
        guided = batch.guided_rows[rows].repeat_interleave(2)[:, None, None, None]
        body = torch.where(guided, batch.guides[rows].flatten(0, 1), said.body)
        return ClassRows(rows, batch.crops[rows].flatten(0, 1), body, said.features)

    def train(self, mode: bool = True) -> MultitaskStep:
        """Go into training mode, batch norms with frozen statistics left out."""
        super().train(mode)
        for module in self.modules():
            if self.config.frozen_statistics and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

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

    def notes(self, progress: float) -> dict[str, float | Tensor]:
        """Note the crops' window and the learned weight of each term."""
        weights = {f"weight_{name}": value for name, value in self.weighting.weights().items()}
        return {"window_px": self.config.window_px(progress), **weights}


class MultitaskTask:
    """Training pairs to the multitask network.

    Args:
        config: of the experiment.
    """

    name = "multitask"
    terms: tuple[str, ...] = MultitaskLosses._fields
    watched = "cross_entropy"

    def __init__(self, config: MultitaskConfig):
        self.config = config

    def build(self) -> MultitaskStep:
        """Build network and losses."""
        return MultitaskStep(self.config).to(memory_format=torch.channels_last)

    @property
    def cases_a_batch(self) -> int:
        """Those for masks and those for the class alone."""
        return self.config.data.rows + self.config.data.class_rows

    def batches(self, folder: Path) -> PairBatches:
        """Make the batches of a folder of training pairs."""
        return PairBatches(folder, self.config.seed, self.config.data, self.config.augment)

    def scores(self, network: nn.Module, folder: Path) -> dict[str, float]:
        """Measure Dice, IoU, AP50, accuracy and cross-entropy on a folder of validation pairs."""
        assert isinstance(network, MultitaskNetwork)
        return score_pairs(network, folder, self.config.validation_cases, self.config.data.heatmap_sigma_px)

    def picture(self, network: nn.Module, folder: Path) -> np.ndarray:
        """Draw outlines, heat maps, boxes and classes of a few validation pairs, beside the truth."""
        assert isinstance(network, MultitaskNetwork)
        return draw_pairs(network, folder)


def frozen_rows(segmenter: Segmenter, batch: PairBatch, rows: Tensor | None = None) -> ClassRows | None:
    """Gather rows for the class alone, with what the segmenter sees in them, without gradient; None without any.

    Args:
        segmenter: whose features they get.
        batch: of them.
        rows: (C,) int64 on the batch's device; None looks for them.
    """
    if rows is None:
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
    order = torch.arange(len(crops), device=crops.device)
    both = torch.cat((order[0::2], order[1::2]))
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


def _mask_terms(segmentation: SegmenterOutput, plan: PlannedBatch) -> tuple[Tensor, Tensor | None]:
    """Compute the terms of the masks (that of the body, and the mean of the reference tissues') and of the boundary."""
    batch = plan.batch
    masks, tissues, heatmaps = (x[plan.mask].flatten(0, 1) for x in (batch.masks, batch.tissues, batch.heatmaps))
    mask = dice_loss(segmentation.mask_logits, masks)
    if segmentation.tissue_logits is not None:
        true = torch.cat([tissues == tissue for tissue in ReferenceTissue], dim=1)
        labeled = (tissues != UNKNOWN_TISSUE).flatten(1).all(dim=1)
        mask = mask + _TISSUE_WEIGHT * dice_loss(segmentation.tissue_logits, true, labeled)
    return mask, None if segmentation.heatmap is None else heatmap_loss(segmentation.heatmap, heatmaps)
