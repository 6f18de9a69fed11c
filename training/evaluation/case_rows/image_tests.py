"""Does the class come from the image? It is read again with the image, or what was seen in it, taken away.

Only what the classifier takes is exchanged; masks stay those of the case, and so does what the header says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from OsteoJointLib.pipeline.classification import classify_pair
from training.evaluation.case_rows.donors import Donor
from training.evaluation.rows import Row

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.encoded import EncodedCrops
    from OsteoJointLib.network.multitask import MultitaskNetwork

CONSTANT_GREY = 0.5
"""Of every pixel of the constant crops: the middle of the window, one value for all cases, so that it tells nothing."""


def image_row(network: MultitaskNetwork, encoded: EncodedCrops, donor: Donor, facts: torch.Tensor | None = None) -> Row:
    """Classify a case again without its own image.

    Args:
        network: in eval mode.
        encoded: crops and segmentation of L1 and L2, as the class was read from them.
        donor: a case of another class.
        facts: what the case's own header says, which stays.

    Returns:
        The class with constant crops, blind (with constant crops and the decoder features of these: only the masks are
        left), with the donor's crops, with the donor's decoder features; the donor's own true class.
    """
    import torch

    given = donor.encoded
    constant = replace(encoded, crops=torch.full_like(encoded.crops, CONSTANT_GREY))
    with torch.no_grad():
        nothing = network.segmenter(constant.crops).features
    blind = replace(constant, segmentation=replace(encoded.segmentation, features=nothing))
    swapped = replace(encoded, crops=given.crops)
    features = replace(encoded, segmentation=replace(encoded.segmentation, features=given.segmentation.features))
    said = {"constant": constant, "blind": blind, "swapped": swapped, "swapped_features": features}
    return {name: classify_pair(network, one, facts).status.value for name, one in said.items()} | {
        "donor": donor.status.value
    }
