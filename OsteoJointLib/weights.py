"""Weights on disk: one safetensors file for both networks, entered in the manifest beside it.

``<name>.safetensors`` holds tensors only (nothing in it can run), keys prefixed ``multitask.`` and ``levels.``.
There is no other way to load weights.

Matrices are stored in half precision (2^-11 of their value is lost) so that the compact profile stays below 10 MB;
vectors, BatchNorm's statistics among them, keep single precision. Loading gives single precision back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib.atomic import write_text_whole, write_whole
from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import ModelRefused, Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.records import ModelInfo
from OsteoJointLib.weights_manifest import (
    DEFAULT_NAME,
    FORMAT,
    MANIFEST,
    REQUIRED_FIELDS,
    SUFFIX,
    damaged,
    read_checked,
    read_manifest,
)

if TYPE_CHECKING:
    from torch import Tensor

PREFIXES = ("multitask.", "levels.")
"""What every key begins with: which of the two networks it belongs to."""
_LARGEST = 1e6
"""The shipped weights' largest number is a variance of 749 (chosen)."""
_MOST_ZERO = 0.5
"""Some parts begin at zero and may stay there; a network isn't made of them (chosen)."""


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """Weights that were checked.

    Args:
        info: name, profile, sha256 of the file, what it was trained on.
        config: sizes of the multitask network.
        level_config: sizes of the level network.
        state: every tensor, single precision, on the CPU, keys prefixed ``multitask.`` or ``levels.``.
    """

    info: ModelInfo
    config: NetworkConfig
    level_config: LevelNetConfig
    state: dict[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the state of one network, keys without its prefix ("multitask." or "levels.")."""
        return {key.removeprefix(prefix): value for key, value in self.state.items() if key.startswith(prefix)}


def save_weights(
    folder: Path | str, name: str, state: Mapping[str, Tensor], manifest_fields: Mapping[str, Any], half: bool = True
) -> Path:
    """Write weights and enter them in the folder's manifest; both files appear whole, the manifest last.

    An interrupted run leaves at worst a file whose hash the manifest does not know, which is then refused.

    Args:
        folder: where; made when missing. Entries of other names stay as they are.
        name: of the weights: letters, digits, "-" and "_".
        state: tensors, keys prefixed ``multitask.`` or ``levels.``.
        manifest_fields: ``REQUIRED_FIELDS`` and whatever else is worth keeping, JSON-able.
        half: store matrices in half precision.

    Returns:
        The path of the safetensors file.

    Raises:
        UsageError: a field or prefix is missing, the name is odd, or a tensor holds values that are not finite.
        ModelRefused: the folder's manifest can't be read or is of an unknown format.
    """
    from safetensors.torch import save

    folder = Path(folder)
    _check_saved(name, state, manifest_fields)
    data = save({key: _stored(key, value, half) for key, value in state.items()}, metadata={"format": FORMAT})
    manifest_path = folder / MANIFEST
    known = read_manifest(manifest_path)["weights"] if manifest_path.exists() else []
    entry: dict[str, Any] = {
        **manifest_fields,
        "name": name,
        "file": name + SUFFIX,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    entries = sorted([entry, *(other for other in known if other["name"] != name)], key=lambda e: e["name"])
    text = json.dumps({"format": FORMAT, "weights": entries}, indent=2, sort_keys=True) + "\n"
    with write_whole(folder / entry["file"]) as temporary:
        temporary.write_bytes(data)
    write_text_whole(manifest_path, text)
    return folder / entry["file"]


def load_weights(name_or_path: str | Path = DEFAULT_NAME) -> LoadedWeights:
    """Read weights, by name from the project's own or by path, and check them against their manifest.

    Args:
        name_or_path: as for :func:`OsteoJointLib.weights_manifest.check_weights`.

    Returns:
        Configs and tensors.

    Raises:
        ModelRefused: as there; WEIGHTS_FORMAT also where what lies behind the header is broken or of no network.
    """
    file = read_checked(name_or_path)
    entry = file.entry
    info = ModelInfo(entry["name"], file.config.profile, entry["sha256"], str(entry["trained_on"]))
    return LoadedWeights(info, file.config, file.level_config, _parse(file.data, file.path))


def _parse(data: bytes, path: Path) -> dict[str, Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(path, error) from error
    strange = sorted(key for key in tensors if not key.startswith(PREFIXES))
    if strange:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"{path.name} holds tensors of neither network ({', '.join(strange[:3])}). Fetch it again.",
        )
    _refuse_absurd(tensors, path)
    return {key: value.to(torch.float32) if value.is_floating_point() else value for key, value in tensors.items()}


def _refuse_absurd(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse numbers that no training ends with: a network of them would answer, and the answer would be nothing."""
    import torch

    real = {key: value for key, value in tensors.items() if value.is_floating_point() and value.numel()}
    for key, value in real.items():
        fault = ""
        if not bool(torch.isfinite(value).all()):
            fault = "numbers that are not finite"
        elif float(value.abs().max()) > _LARGEST:
            fault = "numbers beyond any that a training ends with"
        elif key.endswith("running_var") and float(value.min()) < 0:
            fault = "a variance below 0"
        if fault:
            raise _absurd(path, f"{key} holds {fault}")
    for prefix in PREFIXES:
        matrices = [value for key, value in real.items() if key.startswith(prefix) and value.ndim >= 2]
        if matrices and sum(not bool(value.any()) for value in matrices) > _MOST_ZERO * len(matrices):
            raise _absurd(path, f"most of the network {prefix.rstrip('.')} is zeros")


def _absurd(path: Path, what: str) -> ModelRefused:
    return ModelRefused(
        Reason.WEIGHTS_FORMAT, f"The weights {path.name} can't be used: {what}. Fetch them again, or train anew."
    )


def _stored(key: str, value: Tensor, half: bool) -> Tensor:
    import torch

    value = value.detach().cpu()
    if value.is_floating_point():
        stored = torch.float16 if half and value.ndim >= 2 else torch.float32
        value = value.to(stored)
        if not bool(torch.isfinite(value).all()):
            raise UsageError(
                Reason.USAGE,
                f"{key} holds values that are not finite in {stored}. Train again, or save with half=False.",
            )
    return value.clone(memory_format=torch.contiguous_format)  # one storage a tensor


def _check_saved(name: str, state: Mapping[str, Tensor], manifest_fields: Mapping[str, Any]) -> None:
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(Reason.USAGE, f'Weights can\'t be named "{name}". Use letters, digits, "-" and "_".')
    missing = [field for field in REQUIRED_FIELDS if field not in manifest_fields]
    if missing:
        raise UsageError(Reason.USAGE, f"The manifest would say nothing of {', '.join(missing)}. Add it.")
    strange = sorted(key for key in state if not key.startswith(PREFIXES))
    if strange or not state:
        raise UsageError(
            Reason.USAGE,
            f"Every tensor's name begins with one of {PREFIXES}, but not {strange[:3] or 'in an empty state'}. Add the "
            "prefix.",
        )
