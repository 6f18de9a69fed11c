"""Bone status of a case from its two crops (Zhang 2023 §3.5-3.6), guided by the masks.

The network's own soft masks guide the classifier. Where a user drew a mask, or the level set moved it, that mask takes
their place for its level, so that an edit reaches the class. Tube voltage and contrast enter where the header, a user
or a sure estimate says them. A vertebra may be left out; the class is the other one's then. The explanation maps are of
the same class.

The class is worth no more than the HU it was seen from; :mod:`OsteoJointLib.pipeline.doubts` says with every result
what speaks against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.device import in_its_precision
from OsteoJointLib.frames import slice_to_crop
from OsteoJointLib.network.encoded import EncodedCrops, join_crops
from OsteoJointLib.network.facts import case_facts
from OsteoJointLib.pipeline.case import Case, images_of
from OsteoJointLib.pipeline.explanation import explained_layer, influence_maps, scaled_pair
from OsteoJointLib.records import (
    STATUSES,
    BmdEstimate,
    Classification,
    Crop,
    ExplanationMap,
    ExplanationMethod,
    LeftOut,
    Level,
)

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork
    from OsteoJointLib.pipeline.vertebra import VertebraReading


def crops_to_tensor(crops: Sequence[Crop], device: torch.device) -> torch.Tensor:
    """Stack crops to a (B, 1, 224, 224) float32 tensor on ``device``."""
    import torch

    return torch.from_numpy(np.stack([crop.image for crop in crops]))[:, None].to(device)


def run_segmenter(
    network: MultitaskNetwork, crops: Sequence[Crop], device: torch.device, made_by: str = ""
) -> EncodedCrops:
    """Run the segmenter on crops, without gradients."""
    import torch

    images = crops_to_tensor(crops, device)
    with torch.no_grad(), in_its_precision(device):
        said = network.segmenter(images)
    return EncodedCrops(images, replace(said, features=tuple(feature.float() for feature in said.features)), made_by)


def encode_pair(pair: Sequence[VertebraReading]) -> EncodedCrops:
    """Bring both vertebrae to where the classifier takes them, edited and refined masks in place of the network's own.

    Args:
        pair: L1 and L2, each with what its segmenter says of the crop by itself; an empty mask guides nowhere, so the
            network's own stays.

    Returns:
        Crops and segmenter output for the classifier.
    """
    return join_crops([_with_mask(part) for part in pair])


def _with_mask(part: VertebraReading) -> EncodedCrops:
    """One vertebra guided by its mask, where the mask is there and isn't the network's own."""
    import torch

    segmentation, encoded = part.segmentation, part.encoded
    if encoded is None:
        raise ValueError(f"{segmentation.level} comes without what the segmenter says of its crop")
    if not segmentation.mask.any() or segmentation.untouched:
        return encoded
    drawn = slice_to_crop(segmentation.mask, part.crop).astype(np.float32)
    mask = torch.from_numpy(drawn)[None, None].to(encoded.crops.device)
    return replace(encoded, segmentation=encoded.segmentation.with_mask(mask))


def facts_tensor(case: Case, device: torch.device) -> torch.Tensor:
    """Return what is known of how the case was scanned as the fusion takes it, (1, 4) float32."""
    import torch

    return torch.tensor([case_facts([image.source for image in images_of(case)])], device=device)


def classify_pair(
    network: MultitaskNetwork,
    encoded: EncodedCrops,
    facts: torch.Tensor | None = None,
    left_out: LeftOut | None = None,
) -> Classification:
    """Classify one case.

    Args:
        network: the network, in eval mode.
        encoded: L1 and L2.
        facts: of :func:`facts_tensor`; None where nothing is known.
        left_out: the vertebra that doesn't count; None where both do.

    Returns:
        Class, probabilities, fusion weights (Eq. 17), and BMD where the network estimates it.
    """
    import torch

    with torch.no_grad():
        without = _left_out_tensor(None if left_out is None else left_out.level, encoded)
        output = network.fuse(encoded.crops, encoded.segmentation, facts, without)
        probabilities = output.probabilities()[0].cpu().numpy()
        weights = output.weights[0].double().cpu().numpy()
        bmd = None if output.bmd is None else BmdEstimate(*(float(value) for value in output.bmd[0]))
    status = STATUSES[int(np.argmax(probabilities))]
    normal, osteopenia, osteoporosis = (float(p) for p in probabilities / probabilities.sum())
    said = Classification(status, (normal, osteopenia, osteoporosis), float(weights[0]), float(weights[1]), bmd)
    if left_out is None:
        return said
    return replace(said, left_out=left_out.level, left_out_by=left_out.by, left_out_reason=left_out.reason)


def _left_out_tensor(left_out: Level | None, encoded: EncodedCrops) -> torch.Tensor | None:
    """Return which of L1 and L2 is left out as the fusion takes it, (1, 2) bool."""
    import torch

    if left_out is None:
        return None
    return torch.tensor([[level is left_out for level in Level]], device=encoded.crops.device)


def explain_pair(
    network: MultitaskNetwork,
    encoded: EncodedCrops,
    classification: Classification,
    method: ExplanationMethod,
    facts: torch.Tensor | None = None,
) -> tuple[ExplanationMap, ExplanationMap]:
    """Say on which places of L1 and L2 the class depends, in one scale; arguments as for :func:`classify_pair`."""
    target = STATUSES.index(classification.status)
    left_out = _left_out_tensor(classification.left_out, encoded)
    influence = influence_maps(
        lambda crops: network.fuse(crops, encoded.segmentation, facts, left_out).log_odds(target)[0],
        explained_layer(network.classifier, method),
        encoded.crops,
        method,
    )
    return scaled_pair(influence, method)
