"""The explanation map: on which places of the two crops the predicted class depends (paper, section 4.5.4, Fig. 11).

The class's score, its log-odds, is differentiated at a map of the classifier:

* HiResCAM (Draelos 2020), the default: gradient times activation, element by element, summed over the channels, at the
  28 x 28 fused map. Each cell holds its first-order share of the score, so a cell that the score doesn't depend on
  stays dark. Its size is shown, whether it speaks for the class or against it: osteopenia lies between the
  other two, so that in a bone of 110 mg/cm3 the mineral itself speaks against it, and a map of what speaks for it would
  leave the bone dark (its peak lay outside the body in 43 % of the osteopenic levels, with the size in 7 %; hiding
  what it marked moved the class less; 80 and 24 phantoms). The next stage's shortcut reads every second cell, which may
  show as a lattice; it is left as it is, for smoothing it away made the maps less true.
* Grad-CAM (Selvaraju 2017), the paper's: the gradients are averaged over the map before they weigh the activations of
  the last convolution, 7 x 7, and only what speaks for the class stays (ReLU). The average smears a gradient of one
  place over all others, so that the map may light up where nothing counts; kept for the paper's figure.

Both vertebrae go through the classifier as one batch and share one score, so one pass gives both maps, and they keep
one scale: 1 is the strongest place of the two. Written out here, because importing Captum takes longer than reading a
case; tests hold both to be Captum's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.records import ExplanationMap, ExplanationMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from OsteoJointLib.network.gated_resnet import GatedResNet

_STAGE = {ExplanationMethod.HIRESCAM: 1, ExplanationMethod.GRADCAM: 3}
"""Which of the classifier's four stages is looked at: 28 x 28, where small bodies are still resolved; the last, as the
paper does."""


def explained_layer(classifier: GatedResNet, method: ExplanationMethod) -> nn.Module:
    """Return the module whose output a method looks at."""
    return classifier.fused_layers[_STAGE[method]]


def influence_maps(
    score_of: Callable[[torch.Tensor], torch.Tensor], layer: nn.Module, crops: torch.Tensor, method: ExplanationMethod
) -> np.ndarray:
    """Compute how much a score depends on each pixel of both crops.

    Args:
        score_of: maps crops (2, 1, H, W) to the score that is explained, a number; everything that doesn't depend on
            the classifier is held fixed inside it.
        layer: whose output for both crops is (2, C, h, w).
        crops: (2, 1, H, W) in [0, 1], L1 then L2.
        method: how gradient and activation are put together.

    Returns:
        (2, H, W) float32, at least 0, in units of the score a cell of the layer.
    """
    import torch
    import torch.nn.functional as functional

    activations: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda module, inputs, output: activations.append(output))
    try:
        with torch.enable_grad():
            score = score_of(crops.detach().clone().requires_grad_(True))
    finally:
        handle.remove()
    (activation,) = activations
    (gradient,) = torch.autograd.grad(score, activation)
    if method is ExplanationMethod.GRADCAM:
        gradient = gradient.mean(dim=(2, 3), keepdim=True)
    shares = (gradient * activation).sum(dim=1, keepdim=True).detach().float()
    influence = functional.relu(shares) if method is ExplanationMethod.GRADCAM else shares.abs()
    return (
        functional.interpolate(influence, size=crops.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        .cpu()
        .numpy()
    )


def scaled_pair(influence: np.ndarray, method: ExplanationMethod) -> tuple[ExplanationMap, ExplanationMap]:
    """Bring the maps of both vertebrae to one scale.

    Args:
        influence: (2, H, W), at least 0, L1 then L2.
        method: by which they were made.

    >>> l1, l2 = scaled_pair(np.array([[[0.0, 2.0]], [[1.0, 1.0]]]), ExplanationMethod.HIRESCAM)
    >>> (l1.values.tolist(), l2.values.tolist(), l1.share, l2.share, l1.scale_max)
    ([[0.0, 1.0]], [[0.5, 0.5]], 0.5, 0.5, 2.0)
    >>> scaled_pair(np.zeros((2, 1, 2)), ExplanationMethod.HIRESCAM)[0].share
    0.0
    """
    top, total = float(influence.max()), float(influence.sum())
    values = (influence / top if top > 0 else np.zeros_like(influence)).astype(np.float32)
    l1, l2 = (
        ExplanationMap(method, one, top, float(part.sum()) / total if total > 0 else 0.0)
        for one, part in zip(values, influence, strict=True)
    )
    return l1, l2
