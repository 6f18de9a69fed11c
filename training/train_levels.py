"""Train the level network on cached phantoms, on CPU or CUDA.

Run, beside a generator: ``python -m training.level_samples --out runs/level_samples --count 4000 &`` and then
``python -m training.train_levels --samples runs/level_samples --out runs/levels --minutes 120``. A step of two crops
takes about 0.5 s on one CPU core with bfloat16 matrix units. Stopped at any moment, the same command goes on from the
last checkpoint (every two minutes); the learning rate follows the share of the minutes already used, over all starts.
``OUT/log.csv`` gets a line every 50 steps, ``OUT/validation.csv`` one every 10 minutes; at the end,
``OUT/levels.safetensors`` holds the weights and the config.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.network.level_net import LevelNet, LevelNetConfig, window_channels
from training.level_crops import CropSettings, crop_stream
from training.level_losses import LevelLoss, level_loss


@dataclass(frozen=True)
class LevelTraining:
    """One run.

    Args:
        samples: folder of the cached samples.
        out: folder of checkpoints, log and weights.
        minutes: length of the run over all starts; the learning rate is back at 0 then.
        max_steps: ends the run earlier; for trials.
        batch: crops a step.
        learning_rate: the peak, of AdamW.
        weight_decay: of AdamW.
        warmup: share of the run in which the rate rises.
        device: "cpu", "cuda" or "cuda:n".
        threads: CPU threads of the network. On a machine shared with others, two threads that wait for each
            other can be ten times slower than one.
        workers: processes that draw crops; 0 draws them in the loop.
        seed: of weights and crops.
        checkpoint_s: seconds between checkpoints.
        validate_s: seconds between validations.
        validation_cases: whole samples in a validation.
    """

    samples: Path
    out: Path
    minutes: float
    max_steps: int | None = None
    batch: int = 2
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    device: str = "cpu"
    threads: int = 1
    workers: int = 1
    seed: int = 0
    checkpoint_s: float = 120.0
    validate_s: float = 600.0
    validation_cases: int = 10


class CropDataset(IterableDataset):
    """Crops drawn without end, for a DataLoader; with several workers each draws every n-th."""

    def __init__(self, folder: Path, settings: CropSettings, seed: int, start: int):
        self.folder, self.settings, self.seed, self.start = folder, settings, seed, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (hu float32, classes int64, heatmap float32), each (z, y, x)."""
        worker = get_worker_info()
        number, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for crop in crop_stream(self.folder, self.settings, self.seed, self.start + number, stride):
            yield torch.from_numpy(crop.hu), torch.from_numpy(crop.classes).long(), torch.from_numpy(crop.heatmap)


def rate_share(progress: float, warmup: float) -> float:
    """Share of the peak learning rate: a linear rise, then half a cosine down to 0.

    >>> [round(rate_share(p, 0.1), 3) for p in (0.0, 0.05, 0.1, 0.55, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (progress - warmup) / (1.0 - warmup))))


def save_checkpoint(path: Path, network: LevelNet, optimizer: torch.optim.Optimizer, step: int, elapsed_s: float):
    """Write the state of the run; the file appears whole."""
    state = {
        "config": json.dumps(network.config.to_json()),
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "elapsed_s": elapsed_s,
    }
    with write_whole(path) as temporary:
        torch.save(state, temporary)


def load_network(path: Path) -> LevelNet:
    """Read a network from a checkpoint (.pt) or from the weights of a finished run (.safetensors), in eval mode."""
    if path.suffix == ".pt":
        state = torch.load(path, map_location="cpu", weights_only=True)
        config, weights = state["config"], state["network"]
    else:
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            config = file.metadata()["config"]
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    network = LevelNet(LevelNetConfig.from_json(json.loads(config)))
    network.load_state_dict(weights)
    return network.eval()


def save_weights(path: Path, network: LevelNet) -> None:
    """Write weights and config as safetensors; the file appears whole."""
    from safetensors.torch import save_file

    weights = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    with write_whole(path) as temporary:
        save_file(weights, temporary, metadata={"config": json.dumps(network.config.to_json())})


def append_row(path: Path, row: Mapping[str, object]) -> None:
    """Add one line to a CSV, with a header when it is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def train_step(
    network: LevelNet, optimizer: torch.optim.Optimizer, batch: list[Tensor], device: torch.device
) -> LevelLoss:
    """One step of the optimizer; the network runs in bfloat16, the loss in float32.

    Raises:
        FloatingPointError: the loss is not finite; the message holds its terms.
    """
    hu, classes, heatmap = (part.to(device, non_blocking=True) for part in batch)
    image = window_channels(hu, network.config).contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        output = network(image)
    loss = level_loss(output, classes, heatmap)
    if not torch.isfinite(loss.total):
        raise FloatingPointError(f"The loss is not finite: {asdict(loss)}; lower the learning rate.")
    optimizer.zero_grad(set_to_none=True)
    loss.total.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return loss


def train(run: LevelTraining, config: LevelNetConfig, settings: CropSettings) -> Path:
    """Train to the end of the run, from the last checkpoint where there is one.

    Returns:
        The weights' file.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(run.threads)
    device = torch.device(run.device)
    torch.manual_seed(run.seed)
    network = LevelNet(config).to(device).to(memory_format=torch.channels_last_3d)
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in network.parameters() if parameter.ndim > 1]},
        {"params": [parameter for parameter in network.parameters() if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, run.learning_rate, weight_decay=run.weight_decay, fused=True)
    checkpoint, step, before_s = run.out / "last.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        step, before_s = state["step"], state["elapsed_s"]
        print(f"resumed at step {step}, minute {before_s / 60:.1f}", flush=True)
    dataset = CropDataset(run.samples, settings, run.seed, step * run.batch)
    loader = iter(
        DataLoader(
            dataset, run.batch, num_workers=run.workers, multiprocessing_context="spawn" if run.workers else None
        )
    )

    started = saved = validated = time.monotonic()
    while True:
        elapsed_s = before_s + time.monotonic() - started
        progress = max(elapsed_s / (60.0 * run.minutes), step / run.max_steps if run.max_steps else 0.0)
        if progress >= 1.0:
            break
        rate = run.learning_rate * rate_share(progress, run.warmup)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = train_step(network.train(), optimizer, next(loader), device)
        step += 1
        if step % 50 == 0 or step == run.max_steps:
            terms = {name: round(float(term.detach()), 4) for name, term in vars(loss).items()}
            row = {"step": step, "minutes": round(elapsed_s / 60, 2), "rate": f"{rate:.2e}", **terms}
            append_row(run.out / "log.csv", row)
        if time.monotonic() - saved > run.checkpoint_s:
            save_checkpoint(checkpoint, network, optimizer, step, before_s + time.monotonic() - started)
            saved = time.monotonic()
        if time.monotonic() - validated > run.validate_s:
            _validate(network, run, device, step, elapsed_s)
            validated = time.monotonic()
    save_checkpoint(checkpoint, network, optimizer, step, before_s + time.monotonic() - started)
    _validate(network, run, device, step, before_s + time.monotonic() - started)
    weights = run.out / "levels.safetensors"
    save_weights(weights, network)
    return weights


def _validate(network: LevelNet, run: LevelTraining, device: torch.device, step: int, elapsed_s: float) -> None:
    from training.level_evaluation import evaluate_levels, summarize
    from training.level_samples import list_samples

    paths = list_samples(run.samples, validation=True)[: run.validation_cases]
    if not paths:
        print(f"no validation samples in {run.samples} yet", flush=True)
        return
    summary = summarize(evaluate_levels(network.eval(), paths, device))
    row = {"step": step, "minutes": round(elapsed_s / 60, 2), **summary}
    append_row(run.out / "validation.csv", row)
    print(json.dumps(row), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Train the level network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    defaults = {name: field.default for name, field in LevelTraining.__dataclass_fields__.items()}
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--max-steps", type=int, default=defaults["max_steps"])
    parser.add_argument("--batch", type=int, default=defaults["batch"])
    parser.add_argument("--learning-rate", type=float, default=defaults["learning_rate"])
    parser.add_argument("--device", default=defaults["device"])
    parser.add_argument("--threads", type=int, default=defaults["threads"])
    parser.add_argument("--workers", type=int, default=defaults["workers"])
    parser.add_argument("--seed", type=int, default=defaults["seed"])
    options = parser.parse_args(arguments)
    config = LevelNetConfig()
    settings = CropSettings(heatmap_sigma_vox=config.heatmap_sigma_mm / config.spacing_mm)
    weights = train(LevelTraining(**vars(options)), config, settings)
    print(f"weights in {weights}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
