"""Grad-CAM of the predicted class, one map per vertebra (§4.5.4, Fig. 11; Selvaraju 2017).

On the classifier's last convolution: the class *logit* (not its probability) is differentiated, the gradients are
averaged over the map and weigh the activations, and only what speaks for the class stays (ReLU). Both vertebrae go
through the classifier as one batch and share one logit, so each gets its own map from one pass. Each map is scaled by
its own maximum; a map without any support stays zero. Written out here, because importing Captum takes longer than
reading a case; a test holds the two to be the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn


def gradcam_maps(
    logits_of: Callable[[torch.Tensor], torch.Tensor], layer: nn.Module, crops: torch.Tensor, target: int
) -> np.ndarray:
    """Compute the maps of one case.

    Args:
        logits_of: maps crops (2, 1, H, W) to class logits (1, 3); everything that doesn't depend on the classifier
            is held fixed inside it.
        layer: the classifier's last convolution, whose output for both crops is (2, C, h, w).
        crops: (2, 1, H, W) in [0, 1], L1 then L2.
        target: index of the class that is explained.

    Returns:
        (2, H, W) float32 in [0, 1]; each map's maximum is 1, or the map is zero.
    """
    import torch
    import torch.nn.functional as functional

    activations: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda module, inputs, output: activations.append(output))
    try:
        with torch.enable_grad():
            logits = logits_of(crops.detach().clone().requires_grad_(True))
    finally:
        handle.remove()
    (activation,) = activations
    (gradient,) = torch.autograd.grad(logits[:, target].sum(), activation)
    weighted = gradient.mean(dim=(2, 3), keepdim=True) * activation
    maps = functional.relu(weighted.sum(dim=1, keepdim=True))
    upsampled = functional.interpolate(
        maps.detach().float(), size=crops.shape[-2:], mode="bilinear", align_corners=False
    )
    return np.stack([normalize_map(values) for values in upsampled[:, 0].cpu().numpy()])


def normalize_map(values: np.ndarray) -> np.ndarray:
    """Scale a map of values >= 0 to a maximum of 1; a map without support stays zero.

    >>> normalize_map(np.array([[0.0, 2.0], [1.0, 4.0]])).tolist()
    [[0.0, 0.5], [0.25, 1.0]]
    >>> normalize_map(np.zeros((1, 2))).tolist()
    [[0.0, 0.0]]
    """
    top = float(values.max())
    return (values / top if top > 0 else np.zeros_like(values)).astype(np.float32)
