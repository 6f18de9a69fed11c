"""On what a run computes: one device, several of one machine, or several machines, through Lightning Fabric.

Every process draws its own share of a step's batches and computes their gradients; the mean of all is what each of them
steps down, so that their weights stay alike. The command starts the other processes of its machine itself; on several
machines it is called once on each, with the address of the first in the environment (docs/manual/training.md).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from OsteoJointLib.device import resolve_device, set_threads
from OsteoJointLib.errors import ModelRefused, Reason, UsageError
from training.run_config import RunConfig


@dataclass(frozen=True)
class Machines:
    """What a run gets.

    Args:
        device: auto, cpu, cuda or cuda:N.
        devices: cards (or, on the CPU, processes) of each machine.
        machines: how many; the command is called on each.
        threads: of PyTorch in each process; None for as many as the library takes.
    """

    device: str = "cpu"
    devices: int = 1
    machines: int = 1
    threads: int | None = None

    @property
    def processes(self) -> int:
        """How many compute together."""
        return self.devices * self.machines


def start_fabric(machines: Machines, config: RunConfig) -> Fabric:
    """Resolve the device, set what is fast there, and start the other processes of this machine.

    Raises:
        ModelRefused: a device is not there.
        UsageError: the batches of a step can't be shared evenly.
    """
    place = resolve_device(machines.device)
    if machines.devices > 1 and place.type == "cuda" and torch.cuda.device_count() < machines.devices:
        raise ModelRefused(
            Reason.DEVICE_MISSING,
            f"{machines.devices} cards were asked for, and PyTorch sees {torch.cuda.device_count()} here. Ask for "
            "fewer --devices.",
        )
    if config.batches_a_step % machines.processes:
        raise UsageError(
            Reason.USAGE,
            f"{config.batches_a_step} batches a step can't be shared evenly among {machines.processes} devices. Set "
            f"batches_a_step to {machines.processes}, or a multiple of it.",
        )
    if place.type == "cuda":
        # float32 that is left (fusion, losses) on the tensor cores, and the fastest kernel for each shape
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    together = machines.processes > 1
    # a batch need not train every part
    strategy: Any = DDPStrategy(find_unused_parameters=True) if together else "auto"
    # 1x1 kernels that lie channels-last have two names for one order, which PyTorch takes for two
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    fabric = Fabric(
        accelerator=place.type,
        devices=machines.devices if together or not place.index else [place.index],
        num_nodes=machines.machines,
        strategy=strategy,
        precision=config.precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    if machines.threads or not together:  # Fabric has dealt the cores to the processes
        set_threads(machines.threads)
    return fabric
