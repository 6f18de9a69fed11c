"""The optimizer over a step's parameters, and the moving average of the network's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from training.run_config import OptimizerConfig


def decay_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Make the optimizer's groups: decay on matrices and kernels, none on norms, biases, gates and loss weights."""
    kernels: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        kernel = parameter.ndim > 1 and ".gates." not in name
        (kernels if kernel else others).append(parameter)
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def make_optimizer(module: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Build the optimizer over all parameters of a step: the network's, and learned loss weights."""
    groups = decay_groups(module, config.weight_decay)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=True, fused=True)


@torch.no_grad()
def update_average(average: dict[str, Tensor], network: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights toward the network's: an exponential moving average with a lower decay at the start.

    Args:
        average: by name; changed in place.
        network: whose weights they follow.
        step: how many were taken before this one; the decay is (1 + step) / (10 + step) until that passes ``decay``.
        decay: share of the average that stays.
    """
    decay = min(decay, (1.0 + step) / (10.0 + step))  # the usual ramp: the first average is not the random start
    state = network.state_dict()
    moving = [name for name, value in state.items() if value.is_floating_point()]
    # a few kernels for all weights together, where one a weight would be a thousand for the paper's network
    torch._foreach_lerp_([average[name] for name in moving], [state[name] for name in moving], 1.0 - decay)
    for name in state.keys() - set(moving):  # batch normalization's counters
        average[name].copy_(state[name])
