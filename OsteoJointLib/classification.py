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


def with_masks(
    network: MultitaskNetwork, encoded: EncodedPair, crops: Sequence[Crop], masks: Sequence[VertebraSegmentation]
) -> EncodedPair:
    """Let masks that differ from the network's own take their place as evidence for the class.

    Args:
        network: the network.
        encoded: what the segmenter said by itself.
        crops: L1 and L2.
        masks: their segmentations.

    Returns:
        ``encoded`` itself where nothing was edited or refined; an empty mask is no evidence and changes nothing.
    """
    import torch

    changed = [m.mask.any() and not np.array_equal(m.mask, m.network_mask) for m in masks]
    if not any(changed):
        return encoded
    evidence = torch.sigmoid(encoded.segmentation.mask_logits)
    for index, (crop, segmentation) in enumerate(zip(crops, masks, strict=True)):
        if changed[index]:
            drawn = slice_to_crop(segmentation.mask, crop).astype(np.float32)
            evidence[index, 0] = torch.from_numpy(drawn).to(evidence.device)
    with torch.no_grad():
        return EncodedPair(encoded.crops, network.segmenter(encoded.crops, evidence))


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
