"""Bone status of a case from its two crops (§3.5-3.6), with the masks as evidence.

The network's own soft masks guide the classifier. Where a user drew a mask, or the level set moved it, that mask takes
their place for its level, so that an edit reaches the class. The maps of Grad-CAM belong to the same pass.

The class is worth no more than the HU it was seen from: contrast, or a kernel that isn't known, makes it not reliable,
which :mod:`OsteoJointLib.output.flags` says in words with every result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.preprocess import slice_to_crop
from OsteoJointLib.records import STATUSES, Classification, Crop, VertebraSegmentation

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork
    from OsteoJointLib.network.segmenter import SegmenterOutput


@dataclass(frozen=True, eq=False)
class EncodedPair:
    """Both vertebrae as the classifier takes them: crops (2, 1, 224, 224) and the segmenter's output for them."""

    crops: torch.Tensor
    segmentation: SegmenterOutput


def crops_to_tensor(crops: Sequence[Crop], device: torch.device) -> torch.Tensor:
    """Stack crops to a (B, 1, 224, 224) float32 tensor on ``device``."""
    import torch

    return torch.from_numpy(np.stack([crop.image for crop in crops]))[:, None].to(device)


def run_segmenter(network: MultitaskNetwork, crops: Sequence[Crop], device: torch.device) -> EncodedPair:
    """Run the segmenter on crops, without gradients."""
    import torch

    images = crops_to_tensor(crops, device)
    with torch.no_grad():
        return EncodedPair(images, network.segmenter(images))


def encode_pair(
    network: MultitaskNetwork,
    crops: Sequence[Crop],
    masks: Sequence[VertebraSegmentation],
    device: torch.device,
    encoded: EncodedPair | None = None,
) -> EncodedPair:
    """Bring both vertebrae to where the classifier takes them, edited and refined masks in place of the network's own.

    Args:
        network: the network.
        crops: L1 and L2.
        masks: their segmentations; an empty mask is no evidence, so the network's own stays.
        device: where to compute.
        encoded: what the segmenter said by itself, where it was just run; only a changed mask then runs it again.

    Returns:
        Crops and segmenter output for the classifier.
    """
    import torch

    images = crops_to_tensor(crops, device) if encoded is None else encoded.crops
    changed = [index for index, mask in enumerate(masks) if _differs(mask)]
    parts: list[SegmenterOutput | None] = [None] * len(crops)
    if encoded is not None:
        parts = _split(encoded.segmentation)
    with torch.no_grad():
        if changed:
            drawn = [slice_to_crop(masks[index].mask, crops[index]).astype(np.float32) for index in changed]
            evidence = torch.from_numpy(np.stack(drawn))[:, None].to(device)
            _fill(parts, changed, network.segmenter(images[changed], evidence))
        missing = [index for index, part in enumerate(parts) if part is None]
        if missing:
            _fill(parts, missing, network.segmenter(images[missing]))
    return EncodedPair(images, _join(parts))


def _differs(segmentation: VertebraSegmentation) -> bool:
    """Whether a mask is there and isn't the network's own."""
    return bool(segmentation.mask.any()) and not np.array_equal(segmentation.mask, segmentation.network_mask)


def _split(output: SegmenterOutput) -> list[SegmenterOutput | None]:
    """One output a crop."""
    from OsteoJointLib.network.segmenter import SegmenterOutput

    return [
        SegmenterOutput(
            output.mask_logits[index : index + 1],
            None if output.heatmap is None else output.heatmap[index : index + 1],
            tuple(feature[index : index + 1] for feature in output.features),
        )
        for index in range(len(output.mask_logits))
    ]


def _fill(parts: list[SegmenterOutput | None], indices: Sequence[int], output: SegmenterOutput) -> None:
    for index, part in zip(indices, _split(output), strict=True):
        parts[index] = part


def _join(parts: Sequence[SegmenterOutput | None]) -> SegmenterOutput:
    """One output for all crops."""
    import torch

    from OsteoJointLib.network.segmenter import SegmenterOutput

    whole = [part for part in parts if part is not None]
    heatmaps = [part.heatmap for part in whole if part.heatmap is not None]
    return SegmenterOutput(
        torch.cat([part.mask_logits for part in whole]),
        torch.cat(heatmaps) if heatmaps else None,
        tuple(torch.cat(scale) for scale in zip(*(part.features for part in whole), strict=True)),
    )


def classify_pair(network: MultitaskNetwork, encoded: EncodedPair) -> Classification:
    """Classify one case.

    Args:
        network: the network, in eval mode.
        encoded: L1 and L2.

    Returns:
        Class, probabilities (softmax, Eq. 18) and fusion weights (Eq. 17).
    """
    import torch

    with torch.no_grad():
        output = network.fuse(encoded.crops, encoded.segmentation)
        probabilities = torch.softmax(output.logits[0].double(), dim=0).cpu().numpy()
        weights = output.weights[0].double().cpu().numpy()
    status = STATUSES[int(np.argmax(probabilities))]
    normal, osteopenia, osteoporosis = (float(p) for p in probabilities)
    return Classification(status, (normal, osteopenia, osteoporosis), float(weights[0]), float(weights[1]))


def explain_pair(network: MultitaskNetwork, encoded: EncodedPair, classification: Classification) -> np.ndarray:
    """Compute Grad-CAM of the predicted class, (2, 224, 224) float32 in [0, 1], L1 then L2."""
    from OsteoJointLib.gradcam import gradcam_maps

    target = STATUSES.index(classification.status)
    return gradcam_maps(
        lambda crops: network.fuse(crops, encoded.segmentation).logits,
        network.classifier.last_conv,
        encoded.crops,
        target,
    )
