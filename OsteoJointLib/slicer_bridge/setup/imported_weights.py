"""Weights to choose from: those that are shipped, and those that the user imported. Plain Python.

Imported weights are copied whole into a folder of the user's own, one subfolder each with the file and its manifest,
so that they outlive an update of the extension. They are used by path.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.atomic import write_folder_whole, write_text_whole
from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.resources import resource_path
from OsteoJointLib.weights_manifest import FORMAT, MANIFEST, check_weights


@dataclass(frozen=True)
class WeightsChoice:
    """Weights that can be chosen.

    Args:
        name: as the manifest says.
        value: what ``--weights`` takes: the name where they are shipped, the path where they were imported.
        imported: whether they can be removed again.
        about: what they were trained on, what for, and their license.
    """

    name: str
    value: str
    imported: bool
    about: str


def weights_choices(folder: Path) -> list[WeightsChoice]:
    """Shipped weights first, then those imported into ``folder``, by name."""
    shipped = json.loads(resource_path("Weights", MANIFEST).read_text(encoding="utf-8"))["weights"]
    imported = [
        _choice(entry, str(manifest.parent / entry["file"]), True)
        for manifest in sorted(folder.glob(f"[!.]*/{MANIFEST}"))
        for entry in _entries(manifest)
    ]
    return [_choice(entry, entry["name"], False) for entry in shipped] + imported


def import_weights(path: Path, folder: Path) -> WeightsChoice:
    """Check a weights file against the manifest beside it and copy it whole into ``folder``.

    Args:
        path: a .safetensors file with its ``manifest.json`` in the same folder.
        folder: the user's weights; weights of the same name in it are replaced.

    Returns:
        What can be chosen now.

    Raises:
        ModelRefused: no such file, no manifest, another hash, another format; or it can't be written.
    """
    entry = check_weights(path)
    target = folder / path.stem
    try:
        with write_folder_whole(target) as temporary:
            shutil.copyfile(path, temporary / path.name)
            text = json.dumps({"format": FORMAT, "weights": [entry]}, indent=2, sort_keys=True)
            write_text_whole(temporary / MANIFEST, text + "\n")
            shutil.rmtree(target, ignore_errors=True)
    except OSError as error:
        raise ModelRefused(
            Reason.WEIGHTS_NOT_FOUND,
            f"{path.name} can't be copied into {folder} ({error.strerror}). Make room there, then import again.",
        ) from error
    return _choice(entry, str(target / path.name), True)


def remove_weights(choice: WeightsChoice) -> None:
    """Delete imported weights from the disk; shipped ones stay.

    Raises:
        OSError: as the file system raises.
    """
    if choice.imported:
        shutil.rmtree(Path(choice.value).parent)


def _entries(manifest: Path) -> list[dict[str, str]]:
    """Entries of an imported manifest; none where it can't be read any more, so that the rest can still be chosen."""
    try:
        return json.loads(manifest.read_text(encoding="utf-8"))["weights"]
    except (OSError, ValueError, KeyError):
        return []


def _choice(entry: dict[str, str], value: str, imported: bool) -> WeightsChoice:
    about = f"{entry['trained_on']}. {entry['intended_use']} {entry['licence']}."
    return WeightsChoice(entry["name"], value, imported, about)
