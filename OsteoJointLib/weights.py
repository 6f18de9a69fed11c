"""Weights on disk: one safetensors file for both networks, and the manifest that vouches for it.

``<name>.safetensors`` holds tensors only (nothing in it can run), keys prefixed ``multitask.`` and ``levels.``.
``manifest.json`` beside it lists every file by name: format version, both configs, sha256, what it was trained on,
metrics and on what, intended use, licence. A file whose hash differs, a format this version does not know, and a
pickle are refused; there is no other way to load weights.

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
from OsteoJointLib.errors import ModelRefused, OsteoJointError, Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.records import ModelInfo
from OsteoJointLib.resources import resource_path

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "osteojoint.weights/1"
"""The format that this version writes and reads; in the manifest and in every file's own header."""
DEFAULT_NAME = "compact"
"""The weights used when none are named."""
MANIFEST = "manifest.json"
PREFIXES = ("multitask.", "levels.")
"""What every key begins with: which of the two networks it belongs to."""
REQUIRED_FIELDS = ("config", "level_config", "trained_on", "metrics", "intended_use", "licence")
"""What an entry must say beside name, file and sha256. ``config`` and ``level_config`` are configs' JSON."""
_SUFFIX = ".safetensors"


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
        """Pick the state of one network, keys without its prefix ("multitask." or "levels.")."""
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
    known = _read_manifest(manifest_path)["weights"] if manifest_path.exists() else []
    entry: dict[str, Any] = {
        **manifest_fields,
        "name": name,
        "file": name + _SUFFIX,
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
        name_or_path: a name in ``Resources/Weights/manifest.json``, or the path of a .safetensors file with a
            ``manifest.json`` beside it. What has a suffix or a folder is a path.

    Returns:
        Configs and tensors.

    Raises:
        ModelRefused: WEIGHTS_NOT_FOUND (no such name, file or manifest), WEIGHTS_HASH (the file is not the one the
            manifest lists), WEIGHTS_FORMAT (a pickle, an unknown format, a broken file or manifest).
    """
    path, entry, data = _read_checked(name_or_path)
    config, level_config = _configs(entry, path)
    info = ModelInfo(entry["name"], config.profile, entry["sha256"], str(entry["trained_on"]))
    return LoadedWeights(info, config, level_config, _parse(data, path))


def check_weights(name_or_path: str | Path) -> dict[str, Any]:
    """Check weights against their manifest without loading them: neither PyTorch nor safetensors is needed.

    Args:
        name_or_path: as for :func:`load_weights`.

    Returns:
        Their entry in the manifest.

    Raises:
        ModelRefused: as :func:`load_weights`, but for what lies behind the file's header.
    """
    path, entry, _ = _read_checked(name_or_path)
    _configs(entry, path)
    return entry


def _read_checked(name_or_path: str | Path) -> tuple[Path, dict[str, Any], bytes]:
    """Path, manifest entry and bytes of weights whose hash and format were checked."""
    path, entry = _locate(name_or_path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND,
            f"Expected weights at {path}; they can't be read ({error.strerror}). Give the name or path of weights that "
            "are there.",
        ) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != entry["sha256"]:
        raise ModelRefused(
            Reason.WEIGHTS_HASH,
            f"{path.name} should have the sha256 {entry['sha256']} by its manifest; it has {sha256}. "
            "The file was changed or damaged: fetch it and its manifest again.",
        )
    _check_format(data, path)
    return path, entry, data


def _locate(name_or_path: str | Path) -> tuple[Path, dict[str, Any]]:
    text = str(name_or_path)
    if isinstance(name_or_path, str) and not Path(text).suffix and not set(text) & {"/", "\\"}:
        manifest_path = resource_path("Weights", MANIFEST)
        entries = {e["name"]: e for e in _read_manifest(manifest_path)["weights"]}
        if text not in entries:
            raise ModelRefused(
                Reason.WEIGHTS_NOT_FOUND,
                f'No weights are named "{text}"; there are {sorted(entries) or "none"}. Name one of them, or give a '
                "path.",
            )
        return manifest_path.parent / entries[text]["file"], entries[text]
    path = Path(name_or_path)
    if path.suffix != _SUFFIX:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f'Weights are {_SUFFIX} files; got "{path.name}". Pickled checkpoints (.pt, .pth, .ckpt) can run '
            "code and are never opened: convert them with training's save_weights.",
        )
    if not path.is_file():
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND, f"Expected weights at {path}; there is no such file. Check the path."
        )
    entries = {e["file"]: e for e in _read_manifest(path.parent / MANIFEST)["weights"]}
    if path.name not in entries:
        raise ModelRefused(
            Reason.WEIGHTS_HASH,
            f"The manifest beside {path.name} lists {sorted(entries)}, not this file, so nothing vouches for it. "
            "Put the manifest that came with it beside it.",
        )
    return path, entries[path.name]


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND,
            f"Expected the weights' manifest at {path}; there is none. Install the weights with their manifest.",
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known = manifest["format"]
        if known == FORMAT:
            for entry in manifest["weights"]:
                _check_entry(entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"The weights' manifest {path} is damaged: {error!r}. Fetch it again together with the weights.",
        ) from error
    if known != FORMAT:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f'This version reads weights of the format "{FORMAT}"; the manifest {path} says "{known}". Use '
            "the version of OsteoJoint that the weights were made for.",
        )
    return manifest


def _check_entry(entry: Mapping[str, Any]) -> None:
    for field in ("name", "file", "sha256", *REQUIRED_FIELDS):
        if field not in entry:
            raise KeyError(field)
    if Path(entry["file"]).name != entry["file"] or Path(entry["file"]).suffix != _SUFFIX:
        raise ValueError(f"file {entry['file']!r} is not a plain {_SUFFIX} name")


def _parse(data: bytes, path: Path) -> dict[str, Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _broken(path, error) from error
    strange = sorted(key for key in tensors if not key.startswith(PREFIXES))
    if strange:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"Every tensor in {path.name} should belong to {' or '.join(PREFIXES)}; got {strange[:3]}. Fetch it again.",
        )
    return {key: value.to(torch.float32) if value.is_floating_point() else value for key, value in tensors.items()}


def _check_format(data: bytes, path: Path) -> None:
    """Check the format that the file's own header names, a JSON object behind its length in eight bytes."""
    length = int.from_bytes(data[:8], "little")
    try:
        found = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get("format")
    except (ValueError, AttributeError) as error:
        raise _broken(path, error) from error
    if found != FORMAT:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f'This version reads weights of the format "{FORMAT}"; {path.name} says "{found}". Use the version of '
            "OsteoJoint that it was made for.",
        )


def _broken(path: Path, error: Exception) -> ModelRefused:
    return ModelRefused(Reason.WEIGHTS_FORMAT, f"{path.name} is no whole safetensors file: {error}. Fetch it again.")


def _configs(entry: Mapping[str, Any], path: Path) -> tuple[NetworkConfig, LevelNetConfig]:
    try:
        return NetworkConfig.from_json(entry["config"]), LevelNetConfig.from_json(entry["level_config"])
    except (OsteoJointError, ValueError, TypeError, KeyError) as error:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"The manifest describes {path.name} by a config that this version can't build: {error} Use the version of "
            "OsteoJoint that the weights were made for.",
        ) from error


def _stored(key: str, value: Tensor, half: bool) -> Tensor:
    import torch

    value = value.detach().cpu()
    if value.is_floating_point():
        stored = torch.float16 if half and value.ndim >= 2 else torch.float32
        value = value.to(stored)
        if not bool(torch.isfinite(value).all()):
            raise UsageError(
                Reason.USAGE,
                f"Weights must be finite; {key} is not (in {stored}). Train again or save with half=False.",
            )
    return value.clone(memory_format=torch.contiguous_format)  # one storage a tensor


def _check_saved(name: str, state: Mapping[str, Tensor], manifest_fields: Mapping[str, Any]) -> None:
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(Reason.USAGE, f'Weights are named by letters, digits, "-" and "_"; got "{name}". Rename them.')
    missing = [field for field in REQUIRED_FIELDS if field not in manifest_fields]
    if missing:
        raise UsageError(Reason.USAGE, f"The manifest must say {list(REQUIRED_FIELDS)}; missing: {missing}. Add them.")
    strange = sorted(key for key in state if not key.startswith(PREFIXES))
    if strange or not state:
        raise UsageError(
            Reason.USAGE,
            f"Every key begins with one of {PREFIXES}; got {strange[:3] or 'no tensor at all'}. Add the prefix.",
        )
