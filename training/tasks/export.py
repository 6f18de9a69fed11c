"""From two finished trainings to one weights file with its manifest entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.weights import save_weights
from OsteoJointLib.weights_manifest import check_weights
from training.seeds import EVALUATION_SEEDS, require_seeds
from training.tasks.calibration import calibrated
from training.tasks.finished import level_part, multitask_part

INTENDED_USE = (
    "Research only, not a medical device: trained on synthetic phantoms, never validated on patients for diagnosis."
)
LICENCE = "Apache-2.0"
_LARGEST_BYTES = 10_000_000
"""What the project lets its weights weigh, so that they can come with the extension."""
_BYTES_A_WEIGHT = 2
"""Weights are stored in half precision."""


def export(
    multitask: Path | str,
    levels: Path | str,
    name: str,
    folder: Path,
    evaluation: Path | None = None,
    replace: bool = False,
    calibrate: int = 0,
) -> Path:
    """Write one weights file of both networks.

    Args:
        multitask: checkpoint of the multitask task, whose averaged weights are taken; or weights, by name or path,
            whose multitask network is kept.
        levels: the same for the level network.
        name: of the weights.
        folder: of the weights and their manifest.
        evaluation: JSON of ``python -m training evaluate`` on these very weights, or None before there is any.
        replace: write over weights of this name.
        calibrate: validation phantoms on which the config's ``bmd_sd_factor`` and ``class_from`` are chosen; 0 leaves
            both as they are.

    Returns:
        The path of the file.

    Raises:
        InputRefused: an input is no checkpoint of its task or no evaluation of it, or the file would be too large.
        UsageError: there are weights of this name, and ``replace`` is False.
    """
    kept, level_network = multitask_part(multitask), level_part(levels)
    state = {f"multitask.{key}": value for key, value in kept.state.items()}
    state |= {f"levels.{key}": value for key, value in level_network.state.items()}
    size = sum(_BYTES_A_WEIGHT * value.numel() for value in state.values())
    if size > _LARGEST_BYTES:
        raise InputRefused(
            Reason.UNREADABLE,
            f"The networks of {multitask} and {levels} are too large to ship: {size / 1e6:.1f} MB, where 10 MB may be. "
            "Train narrower ones.",
        )
    if (folder / f"{name}.safetensors").exists() and not replace:
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"There are weights named {name} in {folder} already. Choose another --name or --out, or say --replace to "
            "write over them.",
        )
    fields = {
        "config": kept.config.to_json(),
        "level_config": level_network.config.to_json(),
        "trained_on": _trained_on(kept.training),
        "training": kept.training,
        "level_training": level_network.training,
        "metrics": {},
        "intended_use": INTENDED_USE,
        "licence": LICENCE,
    }
    if evaluation is not None:
        measured, fields["metrics"] = evaluation_metrics(evaluation)
        with TemporaryDirectory() as scratch:
            sha256 = check_weights(save_weights(scratch, name, state, fields))["sha256"]
        if measured != (sha256, fields["config"]):
            raise InputRefused(
                Reason.UNREADABLE,
                f"{evaluation} measured other weights than those of {multitask} and {levels}. Export without "
                "--metrics, evaluate what was written, and enter that.",
            )
    path = save_weights(folder, name, state, fields)
    if calibrate and kept.config.ordinal_head:
        fields["config"] = calibrated(path, calibrate).to_json()
        save_weights(folder, name, state, fields)
    return path


def _trained_on(training: Mapping[str, Any]) -> str:
    """Say on what the multitask network was trained."""
    began = training.get("began_with")
    if began is None:
        return f"OsteoJoint phantoms (pairs and level samples), {training['steps']} multitask steps"
    return (
        f"{training['steps']} multitask steps on pairs of its owner's, begun with {began.get('from', 'other weights')}"
    )


def _without(numbers: Any, names: tuple[str, ...]) -> Any:
    """Leave out what is too long for a manifest, wherever it stands."""
    if not isinstance(numbers, dict):
        return numbers
    return {key: _without(value, names) for key, value in numbers.items() if key not in names}


def evaluation_metrics(path: Path) -> tuple[tuple[str, dict[str, Any]], dict[str, Any]]:
    """Read which weights an evaluation measured (sha256, config), and its numbers that belong into a manifest.

    Raises:
        InputRefused: when the file is none.
        UsageError: when it is one of phantoms that are not kept for the evaluation.
    """
    keys = (
        "n",
        "first_seed",
        "end_to_end",
        "levels",
        "levels_within_10mm",
        *("status", "baselines", "versus", "image", "bmd", "explanation", "localizer"),
        "dice",
        "iou",
        "pooled",
    )
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        found = {"on": "phantoms never seen in training"} | {key: numbers[key] for key in keys}
        found = _without(found, ("by_stratum", "reliability"))
        measured = (str(numbers["weights_sha256"]), dict(numbers["network"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputRefused(
            Reason.UNREADABLE,
            f"{path} can't be read, or was not written by python -m training evaluate. Give its --json file.",
        ) from error
    require_seeds(found["first_seed"], found["n"], EVALUATION_SEEDS)
    return measured, found
