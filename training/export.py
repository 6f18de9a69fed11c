"""From two finished trainings to one weights file with its manifest entry.

``python -m training.export --multitask runs/compact/last.pt --levels runs/levels/levels.safetensors`` writes
``Resources/Weights/compact.safetensors`` from the multitask run's averaged weights and the level network's. After the
evaluation its numbers are entered with ``--metrics FILE`` (the same tensors, so the same hash).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.resources import resource_path

INTENDED_USE = (
    "Research only, not a medical device: trained on synthetic phantoms, never validated on patients for diagnosis."
)
LICENCE = "Apache-2.0"
_LARGEST_BYTES = 10_000_000


def export(multitask: Path, levels: Path, name: str, folder: Path, metrics: dict[str, Any] | None = None) -> Path:
    """Write one weights file of both networks.

    Args:
        multitask: checkpoint of :mod:`training.train`; its averaged weights are taken.
        levels: checkpoint or weights of :mod:`training.train_levels`.
        name: of the weights.
        folder: of the weights and their manifest.
        metrics: numbers of ``python -m training evaluate``, or None before there are any.

    Returns:
        The path of the file.

    Raises:
        InputRefused: an input is no checkpoint, or the file would be too large to ship.
    """
    from OsteoJointLib.weights import save_weights
    from training.train import load_checkpoint
    from training.train_levels import load_network

    content = load_checkpoint(multitask)
    config = json.loads(content["config"])
    level_network = load_network(levels)
    state = {f"multitask.{key}": value for key, value in content["average"].items()}
    state |= {f"levels.{key}": value for key, value in level_network.state_dict().items()}
    size = sum(2 * value.numel() for value in state.values())
    if size > _LARGEST_BYTES:
        raise InputRefused(
            Reason.UNREADABLE, f"Shipped weights may have 10 MB; {multitask} and {levels} make {size / 1e6:.1f} MB."
        )
    minutes = content["elapsed_s"] / 60.0
    fields = {
        "config": NetworkConfig.from_json(config["network"]).to_json(),
        "level_config": level_network.config.to_json(),
        "trained_on": f"OsteoJoint phantoms (training pairs and level samples), {content['step']} multitask steps",
        "training": {"steps": content["step"], "minutes": round(minutes, 1), "experiment": _experiment(config)},
        "metrics": metrics or {},
        "intended_use": INTENDED_USE,
        "licence": LICENCE,
    }
    return save_weights(folder, name, state, fields)


def _experiment(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in ("name", "seed", "optimizer", "windows_px", "precision")}


def evaluation_metrics(path: Path) -> dict[str, Any]:
    """The numbers of an evaluation that belong into a manifest.

    Raises:
        InputRefused: when the file is none.
    """
    keys = ("n", "first_seed", "levels_within_10mm", "ap50", "dice", "iou", "pooled", "accuracy", "auc", "baseline")
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        return {"on": "phantoms never seen in training"} | {key: numbers[key] for key in keys}
    except (OSError, ValueError, KeyError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"The JSON of python -m training evaluate was expected in {path}: {error!r}."
        ) from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__.split("\n\n")[0])
    parser.add_argument("--multitask", type=Path, required=True, help="last.pt of the multitask run")
    parser.add_argument("--levels", type=Path, required=True, help="last.pt or levels.safetensors of the level run")
    parser.add_argument("--name", default="compact")
    parser.add_argument("--folder", type=Path, default=resource_path("Weights"), help="default: the project's own")
    parser.add_argument("--metrics", type=Path, help="JSON of python -m training evaluate")
    options = parser.parse_args(arguments)
    metrics = None if options.metrics is None else evaluation_metrics(options.metrics)
    path = export(options.multitask, options.levels, options.name, options.folder, metrics)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
