"""The multitask network of Zhang et al. 2023: boxes, masks, boundaries and the class, by the six terms of Eq. 19."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from OsteoJointLib.config import NetworkConfig, network_config
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.network.losses.localizer import detection_losses
from OsteoJointLib.network.losses.weighting import Losses, LossWeighting
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import SegmenterOutput
from training.data.augment import AugmentConfig
from training.data.pair_batches import PairBatch, PairBatchConfig, PairBatches
from training.evaluation.pair_scores import score_pairs
from training.run_config import RunConfig
from training.task import StepModule


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
        window_px = self.config.window_px(progress)
        crops, masks, heatmaps = (_middle(x, window_px) for x in (batch.crops, batch.masks, batch.heatmaps))
        output = self.network.classify(crops[:, 0].contiguous(), crops[:, 1].contiguous())
        mask, boundary = _mask_terms(output.segmentation, masks, heatmaps, batch.mask_rows)
        status = None
        if bool(batch.status_rows.any()):
            status = soft_cross_entropy(output.logits[batch.status_rows], batch.status[batch.status_rows])
        box = box_class = objectness = None
        if len(batch.images) and self.network.localizer is not None:
            raw = self.network.localizer(batch.images)
            found = detection_losses(
                raw, list(batch.boxes_xyxy[:, None]), list(batch.labels[:, None]), self.network.config.anchors
            )
            box, box_class, objectness = found.box, found.box_class, found.objectness
        losses = Losses(box, box_class, objectness, mask, boundary, status)
        return MultitaskLosses(self.weighting(losses), *vars(losses).values())

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


def _middle(x: Tensor, window_px: int) -> Tensor:
    margin = (x.shape[-1] - window_px) // 2
    return x[..., margin : margin + window_px, margin : margin + window_px]


def _mask_terms(
    segmentation: SegmenterOutput, masks: Tensor, heatmaps: Tensor, rows: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    if not bool(rows.any()):
        return None, None
    chosen = torch.cat((rows, rows))  # the segmenter saw all L1, then all L2
    target = torch.cat((masks[:, 0], masks[:, 1]))[chosen]
    mask = dice_loss(segmentation.mask_logits[chosen], target)
    if segmentation.heatmap is None:
        return mask, None
    heat = torch.cat((heatmaps[:, 0], heatmaps[:, 1]))[chosen]
    return mask, heatmap_loss(segmentation.heatmap[chosen], heat)
