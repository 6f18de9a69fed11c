"""One training step's arithmetic: the network, the learned weights, and the six terms of a batch (Eq. 19)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.network.losses.localizer import detection_losses
from OsteoJointLib.network.losses.weighting import TERMS, Losses, LossWeighting
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import SegmenterOutput
from training.data import Batch


class StepOutput(NamedTuple):
    """The total to descend, and the terms it was made of, by name; a named tuple for Fabric, as ``Batch``."""

    total: Tensor
    terms: dict[str, Tensor]

    def values(self) -> dict[str, float]:
        """Terms as numbers."""
        return {name: float(value.detach()) for name, value in self.terms.items()}


class MultitaskStep(nn.Module):
    """Network and loss weights in one module, so that one forward gives the loss under any precision and device.

    Args:
        network: with its localizer.
    """

    def __init__(self, network: MultitaskNetwork):
        super().__init__()
        self.network = network
        self.weighting = LossWeighting()

    def forward(self, batch: Batch, window_px: int) -> StepOutput:
        """Compute the terms of a batch on the middle ``window_px`` of its crops."""
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
        terms = {name: value for name in TERMS if (value := getattr(losses, name)) is not None}
        return StepOutput(self.weighting(losses), terms)


def parts(step: MultitaskStep) -> dict[str, list[nn.Parameter]]:
    """The parameters in the groups whose gradients are clipped apart, so that no task drowns another's."""
    network = step.network
    named = {
        "localizer": [] if network.localizer is None else list(network.localizer.parameters()),
        "segmenter": list(network.segmenter.parameters()),
        "classifier": [*network.classifier.parameters(), *network.fusion.parameters()],
        "weighting": list(step.weighting.parameters()),
    }
    return {name: parameters for name, parameters in named.items() if parameters}


def decay_groups(step: MultitaskStep, weight_decay: float) -> list[dict]:
    """Optimizer groups: decay on matrices and kernels, none on norms, biases, gates and loss weights."""
    kernels: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in step.named_parameters():
        kernel = parameter.ndim > 1 and ".gates." not in name
        (kernels if kernel else others).append(parameter)
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


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
