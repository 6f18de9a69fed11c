"""The manifest that vouches for weights: which file bears a name, its format, its hash, what it was trained on.

``manifest.json`` lists every weights file beside it by name: format version, both configs, sha256, what it was trained
on, metrics and on what, intended use, license. A file whose hash differs, a format this version does not know, and a
pickle are refused. Neither PyTorch nor safetensors is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import ModelRefused, OsteoJointError, Reason
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.resources import resource_path

FORMAT = "osteojoint.weights/1"
"""The format that this version writes and reads; in the manifest and in every file's own header."""
DEFAULT_NAME = "compact"
"""The weights used when none are named."""
MANIFEST = "manifest.json"
REQUIRED_FIELDS = ("config", "level_config", "trained_on", "metrics", "intended_use", "licence")
"""What an entry must say beside name, file and sha256. ``config`` and ``level_config`` are configs' JSON."""
SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class CheckedFile:
    """A weights file whose hash and format were checked, unread.

    Args:
        path: of the file.
        entry: what the manifest says of it.
        data: its bytes.
        config, level_config: the sizes of both networks, from the entry.
    """

    path: Path
    entry: dict[str, Any]
    data: bytes
    config: NetworkConfig
    level_config: LevelNetConfig


def check_weights(name_or_path: str | Path) -> dict[str, Any]:
    """Check weights against their manifest without loading them: neither PyTorch nor safetensors is needed.

    Args:
        name_or_path: a name in ``Resources/Weights/manifest.json``, or the path of a .safetensors file with a
            ``manifest.json`` beside it. What has a suffix or a folder is a path.

    Returns:
        Their entry in the manifest.

    Raises:
        ModelRefused: WEIGHTS_NOT_FOUND (no such name, file or manifest), WEIGHTS_HASH (the file is not the one the
            manifest lists), WEIGHTS_FORMAT (a pickle, an unknown format, a broken header or manifest).
    """
    return read_checked(name_or_path).entry


def read_checked(name_or_path: str | Path) -> CheckedFile:
    """Read a weights file and check it against its manifest; arguments and refusals as :func:`check_weights`."""
    path, entry = _locate(name_or_path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND,
            f"The weights {path} can't be read ({error.strerror}). Check the path, or that you may read it.",
        ) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != entry["sha256"]:
        raise ModelRefused(
            Reason.WEIGHTS_HASH,
            f"The weights {path.name} were changed or damaged: their sha256 is {sha256}, and the manifest says "
            f"{entry['sha256']}. Fetch both again.",
        )
    _check_format(data, path)
    return CheckedFile(path, entry, data, *_configs(entry, path))


def _locate(name_or_path: str | Path) -> tuple[Path, dict[str, Any]]:
    text = str(name_or_path)
    if isinstance(name_or_path, str) and not Path(text).suffix and not set(text) & {"/", "\\"}:
        manifest_path = resource_path("Weights", MANIFEST)
        entries = {e["name"]: e for e in read_manifest(manifest_path)["weights"]}
        if text not in entries:
            raise ModelRefused(
                Reason.WEIGHTS_NOT_FOUND,
                f'No weights are named "{text}". Take one of {sorted(entries)}, or give the path of a file.',
            )
        return manifest_path.parent / entries[text]["file"], entries[text]
    path = Path(name_or_path)
    if path.suffix != SUFFIX:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"{path.name} is no {SUFFIX} file. Pickled checkpoints (.pt, .pth, .ckpt) can run code and are never "
            "opened: write the weights anew with python -m training export.",
        )
    if not path.is_file():
        raise ModelRefused(Reason.WEIGHTS_NOT_FOUND, f"There is no weights file {path}. Check the path.")
    entries = {e["file"]: e for e in read_manifest(path.parent / MANIFEST)["weights"]}
    if path.name not in entries:
        raise ModelRefused(
            Reason.WEIGHTS_HASH,
            f"Nothing vouches for {path.name}: the manifest beside it lists {sorted(entries)} only. Put the manifest "
            "there that came with it.",
        )
    return path, entries[path.name]


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest and check each entry; refusals as :func:`check_weights`."""
    if not path.is_file():
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND,
            f"The weights' manifest {path} is missing, so nothing vouches for them. Put it beside them.",
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known = manifest["format"]
        if known == FORMAT:
            for entry in manifest["weights"]:
                _check_entry(entry)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"The weights' manifest {path} is damaged: {error!r}. Fetch it again together with the weights.",
        ) from error
    if known != FORMAT:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f'The manifest {path} is of the format "{known}", and this version reads "{FORMAT}". Use the version of '
            "OsteoJoint that the weights were made for.",
        )
    return manifest


def _check_entry(entry: Mapping[str, Any]) -> None:
    for field in ("name", "file", "sha256", *REQUIRED_FIELDS):
        if field not in entry:
            raise KeyError(field)
    for field in ("name", "file", "sha256"):
        if not isinstance(entry[field], str):
            raise ValueError(f"{field} {entry[field]!r} is no text")
    if Path(entry["file"]).name != entry["file"] or Path(entry["file"]).suffix != SUFFIX:
        raise ValueError(f"file {entry['file']!r} is not a plain {SUFFIX} name")


def _check_format(data: bytes, path: Path) -> None:
    """Check the format that the file's own header names, a JSON object behind its length in eight bytes."""
    length = int.from_bytes(data[:8], "little")
    try:
        found = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get("format")
    except (ValueError, AttributeError, RecursionError) as error:
        raise damaged(path, error) from error
    if found != FORMAT:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f'{path.name} is of the format "{found}", and this version reads "{FORMAT}". Use the version of OsteoJoint '
            "that it was made for.",
        )


def damaged(path: Path, error: Exception) -> ModelRefused:
    """Say that a file is no whole safetensors file."""
    return ModelRefused(Reason.WEIGHTS_FORMAT, f"{path.name} is damaged: {error}. Fetch it again.")


def _configs(entry: Mapping[str, Any], path: Path) -> tuple[NetworkConfig, LevelNetConfig]:
    try:
        return NetworkConfig.from_json(entry["config"]), LevelNetConfig.from_json(entry["level_config"])
    except (OsteoJointError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ModelRefused(
            Reason.WEIGHTS_FORMAT,
            f"This version can't build the network that {path.name} was made for: {error} Use the version of "
            "OsteoJoint that the weights were made for.",
        ) from error
