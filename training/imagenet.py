"""Begin the classifier with torchvision's ImageNet weights, from a file that the user has.

Nothing is fetched. torchvision's ResNet sees three channels, each less a mean and over a standard deviation, ours one
in [0, 1]. Shown a gray image on all three it computes a sum over them, so one kernel, the sum of the three over their
standard deviations, does the same but for a constant, which moves into the mean of the normalization that follows. What
torchvision has no weights for (gates, layered fusion, the head) stays as it was drawn; its ``fc`` is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.network.gated_resnet import GatedResNet
from OsteoJointLib.network.multitask import MultitaskNetwork
from training.task import StepModule

_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, as torchvision's weights expect them."""
_HEAD = {"fc.weight", "fc.bias"}
_COUNTER = "num_batches_tracked"
"""Of batch normalization; older files lack it."""


def from_imagenet(step: StepModule, path: Path) -> dict[str, Any]:
    """Put a file's weights into a network's classifier.

    Args:
        step: of the multitask task.
        path: what torchvision's resnet of the same sizes saves (``resnet101-….pth`` for the paper's profile).

    Returns:
        What they are, for the run's recipe.

    Raises:
        InputRefused: it is no such file.
    """
    network = step.network
    if not isinstance(network, MultitaskNetwork):
        raise InputRefused(
            Reason.USAGE, "ImageNet weights are for the multitask network's classifier. Train with another --config."
        )
    load_resnet(network.classifier, _state_of(path))
    return {"imagenet_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def load_resnet(classifier: GatedResNet, state: Mapping[str, Tensor]) -> None:
    """Put torchvision's weights into a classifier of the same sizes.

    Raises:
        InputRefused: names or shapes are not those of such a ResNet; names the first that differs.
    """
    own = {name: value for name, value in classifier.state_dict().items() if not name.startswith(("gates.", "fuse."))}
    wanted = {name for name in own if not name.endswith(_COUNTER)}
    given = {name for name in state if not name.endswith(_COUNTER)} - _HEAD
    for name in sorted(wanted ^ given):
        what = "lacks" if name in wanted else "has, and the network has not,"
        raise _refused(f"the file {what} {name}")
    kernel = state["conv1.weight"]
    if kernel.ndim != 4 or kernel.shape[1] != 3:
        raise _refused(f"its conv1.weight has the shape {tuple(kernel.shape)}, without three color channels")
    mean, sd = (torch.tensor(values)[None, :, None, None] for values in (_MEAN, _SD))
    gray = (kernel.double() / sd).sum(dim=1, keepdim=True)
    constant = (kernel.double() * mean / sd).sum(dim=(1, 2, 3))
    changed = {name: state[name] for name in wanted} | {
        "conv1.weight": gray,
        "bn1.running_mean": state["bn1.running_mean"].double() + constant,
    }
    for name, value in changed.items():
        if value.shape != own[name].shape:
            raise _refused(f"its {name} has the shape {tuple(value.shape)}, and the network's {tuple(own[name].shape)}")
        if not bool(value.isfinite().all()):
            raise _refused(f"its {name} holds what is no finite number")
    classifier.load_state_dict({name: value.float() for name, value in changed.items()}, strict=False)


def _state_of(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise InputRefused(
            Reason.NOT_FOUND,
            f"There is no file {path}. Download torchvision's weights of the ResNet yourself, and check the path.",
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of junk, PyTorch's reader raises whatever it trips over
        raise _refused("it is damaged, or no file of PyTorch weights") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _refused("it holds something else than named weights")
    return state


def _refused(why: str) -> InputRefused:
    return InputRefused(
        Reason.UNREADABLE,
        f"These are not torchvision's weights of a ResNet with the sizes of the network: {why}. For the paper's "
        "profile take those of resnet101.",
    )
