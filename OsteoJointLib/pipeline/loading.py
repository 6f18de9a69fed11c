"""From a weights' name to a warm :class:`Reader`: the networks built, filled, put on the device and ready."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from OsteoJointLib.device import check_device_name, resolve_device, set_threads
from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.levels.finding import find_levels
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig
from OsteoJointLib.weights import load_weights

if TYPE_CHECKING:
    import torch
    from torch import nn


def has_ultralytics() -> bool:
    """Say whether Ultralytics is installed; it is not imported."""
    return importlib.util.find_spec("ultralytics") is not None


def load_reader(
    weights: str = LoadOptions.weights,
    device: str = LoadOptions.device,
    threads: int | None = LoadOptions.threads,
    config: PipelineConfig | None = None,
) -> Reader:
    """Load weights and put the networks on a device.

    Args:
        weights: a name in the weights' manifest, or the path of a weights file.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads; None for a sensible number.
        config: settings of the stages.

    Returns:
        The reader; without a localizer where Ultralytics isn't installed.

    Raises:
        ModelRefused: weights not found, of a wrong hash or an unknown format; the device is missing.
    """
    check_device_name(device)
    import torch

    from OsteoJointLib.network.detection import detect
    from OsteoJointLib.network.folding import fold_batch_norm
    from OsteoJointLib.network.level_net import LevelNet
    from OsteoJointLib.network.multitask import MultitaskNetwork

    place = resolve_device(device)
    set_threads(threads)
    loaded = load_weights(weights)
    with_localizer = has_ultralytics()
    network = MultitaskNetwork(loaded.config, with_localizer=with_localizer)
    level_network = LevelNet(loaded.level_config)
    for module, prefix in ((network, "multitask."), (level_network, "levels.")):
        _fill(module, loaded.part(prefix), loaded.info.name)
        fold_batch_norm(module.eval().requires_grad_(False))
        module.to(place)
    network.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
    detector = None
    if network.localizer is not None:
        localizer = network.localizer
        detector = lambda images: detect(localizer(images), loaded.config)  # noqa: E731
    finder = partial(find_levels, level_network, loaded.level_config, device=place)
    return Reader(network, detector, finder, loaded.info, place, config or PipelineConfig())


def _fill(module: nn.Module, state: Mapping[str, torch.Tensor], name: str) -> None:
    """Load a state; the localizer's part is left over where there is no localizer.

    Raises:
        ModelRefused: WEIGHTS_FORMAT when anything else is missing or left over.
    """
    wanted = module.state_dict()
    state = {key: value for key, value in state.items() if key in wanted or not key.startswith("localizer.")}
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"The weights {name} don't fit the network that their manifest describes "
            f"({str(error).splitlines()[-1].strip()}). Export them again with this version.",
        ) from error
