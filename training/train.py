"""The multitask training: one flat loop, read top to bottom.

Everything a run leaves is in ``runs/<name>``: ``last.pt`` (written whole, every two minutes), ``log.csv`` (a row a
step) and ``validation.jsonl``. A run that was stopped goes on from ``last.pt`` as if it had not been: batches depend
on seed and step only, and the schedule on the share of the budget (steps, or minutes of training) that is used up.
"""

from __future__ import annotations

import csv
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason, RunFailed, UsageError
from OsteoJointLib.network.losses.weighting import TERMS
from OsteoJointLib.network.multitask import MultitaskNetwork
from training.config import OptimizerConfig, TrainConfig
from training.data import TrainingBatches, training_loader
from training.step import MultitaskStep, StepOutput, decay_groups, parts
from training.validation import validate

FORMAT = "osteojoint.checkpoint/1"
_ENDLESS = 10_000_000


@dataclass(frozen=True)
class Budget:
    """How long a run is: so many steps, or so many minutes of training; exactly one of the two.

    Args:
        steps: in all.
        minutes: in all, resumed runs added up.
    """

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError(Reason.USAGE, "Give either --steps or --minutes, one of the two.")

    def progress(self, step: int, elapsed_s: float) -> float:
        """Share of the budget that is used up, 0 to 1."""
        used = step / self.steps if self.steps is not None else elapsed_s / (60.0 * float(self.minutes or 0.0))
        return min(used, 1.0)


@dataclass
class RunState:
    """All that moves in a run; what a checkpoint holds."""

    step_module: MultitaskStep
    optimizer: torch.optim.Optimizer
    average: dict[str, torch.Tensor]
    step: int = 0
    elapsed_s: float = 0.0


def learning_rate(progress: float, config: OptimizerConfig) -> float:
    """Rate at a share of the run: linear warm-up from a tenth, then half a cosine down."""
    if progress < config.warmup:
        return config.learning_rate * (0.1 + 0.9 * progress / config.warmup)
    share = (progress - config.warmup) / max(1.0 - config.warmup, 1e-9)
    low = config.final_fraction
    return config.learning_rate * (low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0))))


def window_px(progress: float, config: TrainConfig) -> int:
    """Edge of the part of the crops that is trained on at a share of the run."""
    return next(px for end, px in config.windows_px if progress < end or end >= 1.0)


def make_optimizer(step_module: MultitaskStep, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Build the optimizer over network and loss weights."""
    groups = decay_groups(step_module, config.weight_decay)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate)
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=True)


@torch.no_grad()
def update_average(average: dict[str, torch.Tensor], module: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights toward the module's: exponential moving average with a lower decay at the start."""
    decay = min(decay, (1.0 + step) / (10.0 + step))
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value.to(average[name].dtype), 1.0 - decay)
        else:
            average[name].copy_(value)


def start(config: TrainConfig) -> RunState:
    """Build network, optimizer and averages from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        module = MultitaskStep(MultitaskNetwork(config.network)).to(memory_format=torch.channels_last)
    average = {name: value.detach().clone() for name, value in module.network.state_dict().items()}
    return RunState(module, make_optimizer(module, config.optimizer), average)


def save_checkpoint(state: RunState, config: TrainConfig, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    content = {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        "step": state.step,
        "elapsed_s": state.elapsed_s,
        "module": state.step_module.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "average": state.average,
    }
    with write_whole(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        InputRefused: when it is not one.
    """
    if not path.is_file():
        raise InputRefused(Reason.NOT_FOUND, f"A checkpoint was expected in {path}; there is none. Train first.")
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content.get("format") != FORMAT:
        raise InputRefused(Reason.UNREADABLE, f"{path} holds no {FORMAT}. Train again with this version.")
    return content


def restore(state: RunState, content: dict[str, Any]) -> None:
    """Put a run back to where a checkpoint was taken."""
    state.step_module.load_state_dict(content["module"])
    state.optimizer.load_state_dict(content["optimizer"])
    for name, value in content["average"].items():
        state.average[name].copy_(value)
    state.step, state.elapsed_s = int(content["step"]), float(content["elapsed_s"])


def train(
    config: TrainConfig,
    pairs: Path,
    out: Path,
    budget: Budget,
    validation: Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
    workers: int = 1,
    stop_after: int | None = None,
) -> RunState:
    """Train, or go on training.

    Args:
        config: the experiment.
        pairs: folder of training pairs; it may grow meanwhile.
        out: folder of the run; a ``last.pt`` in it is resumed.
        budget: how long.
        validation: folder of pairs that are watched, or None.
        device: "cpu" or "cuda".
        threads: of PyTorch; None leaves them alone.
        workers: processes that make batches; 0 makes them in this one.
        stop_after: leave after this step, for tests.

    Returns:
        The state at the end; it is in ``out / "last.pt"`` as well.

    Raises:
        RunFailed: a loss was not finite.
    """
    from lightning_fabric import Fabric

    if threads is not None:
        torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    state = start(config)
    if (out / "last.pt").is_file():
        restore(state, load_checkpoint(out / "last.pt"))
        print(f"resumed at step {state.step}, {state.elapsed_s / 60:.1f} min", flush=True)
    fabric = Fabric(accelerator=device, devices=1, precision=config.precision)  # type: ignore[arg-type]
    module, optimizer = fabric.setup(state.step_module, state.optimizer)
    state.average = {name: value.to(fabric.device) for name, value in state.average.items()}
    last_step = min(budget.steps or _ENDLESS, stop_after or _ENDLESS)
    loader = training_loader(
        TrainingBatches(pairs, config.seed, config.data, config.augment), state.step, last_step, workers
    )
    log = StepLog(out / "log.csv", state.step)
    began, elapsed_before = time.monotonic(), state.elapsed_s
    saved = validated = state.elapsed_s
    module.train()
    for batch in loader:
        progress = budget.progress(state.step, state.elapsed_s)
        if progress >= 1.0:
            break
        rate, window = learning_rate(progress, config.optimizer), window_px(progress, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        output = module(fabric.to_device(batch), window)
        require_finite(output, batch.case_ids, state.step)
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(output.total)
        norms = {
            name: float(torch.nn.utils.clip_grad_norm_(parameters, config.optimizer.clip_norm))
            for name, parameters in parts(state.step_module).items()
        }
        optimizer.step()
        update_average(state.average, state.step_module.network, state.step, config.ema_decay)
        state.step += 1
        state.elapsed_s = elapsed_before + time.monotonic() - began
        log.add(state, output, rate, window, norms)
        if state.elapsed_s - saved >= 60.0 * config.checkpoint_minutes:
            save_checkpoint(state, config, out / "last.pt")
            saved = state.elapsed_s
        if validation is not None and state.elapsed_s - validated >= 60.0 * config.validate_minutes:
            report_validation(state, config, validation, out)
            validated = state.elapsed_s
    save_checkpoint(state, config, out / "last.pt")
    if validation is not None:
        report_validation(state, config, validation, out)
    return state


def require_finite(output: StepOutput, case_ids: tuple[str, ...], step: int) -> None:
    """Stop at a loss that is no number.

    Raises:
        RunFailed: names the terms and the cases.
    """
    if not bool(torch.isfinite(output.total)):
        raise RunFailed(
            Reason.FAILED,
            f"The loss is not finite at step {step}: {output.values()}. The cases: {', '.join(case_ids)}.",
        )


def report_validation(state: RunState, config: TrainConfig, folder: Path, out: Path) -> None:
    """Validate the averaged weights; print the numbers and add them to ``validation.jsonl``."""
    network = MultitaskNetwork(config.network)
    network.load_state_dict({name: value.cpu() for name, value in state.average.items()})
    numbers = validate(network, folder, config.validation_cases, config.data.heatmap_sigma_px)
    row = {"step": state.step, "minutes": round(state.elapsed_s / 60.0, 2), **numbers}
    print(json.dumps(row), flush=True)
    with (out / "validation.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


class StepLog:
    """``log.csv``: a row a step; rows after the step that a run resumes from are dropped.

    Args:
        path: of the file.
        from_step: of the run.
    """

    def __init__(self, path: Path, from_step: int):
        self.columns = [
            *("step", "elapsed_s", "rate", "window_px", "total"),
            *TERMS,
            *(f"weight_{name}" for name in TERMS),
            *(f"norm_{name}" for name in ("localizer", "segmenter", "classifier", "weighting")),
        ]
        rows = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as stream:
                rows = [row for row in csv.DictReader(stream) if int(row["step"]) <= from_step]
        with write_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.columns)
            writer.writeheader()
            writer.writerows(rows)
        self.path = path

    def add(self, state: RunState, output: StepOutput, rate: float, window: int, norms: dict[str, float]) -> None:
        """Append the row of the step that was just taken; print every twentieth."""
        numbers = {"total": float(output.total.detach()), **output.values()}
        numbers |= {f"weight_{name}": value for name, value in state.step_module.weighting.weights().items()}
        numbers |= {f"norm_{name}": value for name, value in norms.items()}
        row = {"step": state.step, "elapsed_s": round(state.elapsed_s, 1), "rate": f"{rate:.3g}", "window_px": window}
        row |= {name: f"{value:.5g}" for name, value in numbers.items()}
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, self.columns).writerow(row)
        if state.step % 20 == 0:
            terms = " ".join(f"{name} {row[name]}" for name in TERMS if name in row)
            print(f"{state.step} {state.elapsed_s / 60:.1f} min {window} px rate {rate:.3g} {terms}", flush=True)
