"""Which device computes, and with how many threads. A device that was asked for and is missing is refused."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.errors import ModelRefused, Reason, UsageError

if TYPE_CHECKING:
    import torch

GARBAGE_AFTER = 50_000
"""So many new objects let Python look for garbage; its own default is 700."""

MAX_THREADS = 8
"""More threads than this don't speed up two crops of 224x224."""


def check_device_name(name: str) -> str:
    """Check the spelling of a device's name, without loading anything.

    >>> check_device_name("cuda:1")
    'cuda:1'
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise UsageError(Reason.USAGE, f"The device must be auto, cpu, cuda or cuda:N; got {name!r}.")
    return name


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device's name into a device.

    Args:
        name: auto (the first CUDA device when there is one, else the CPU), cpu, cuda or cuda:N.

    Returns:
        The device.

    Raises:
        ModelRefused: DEVICE_MISSING when a CUDA device was asked for by name and isn't there.
    """
    import torch

    check_device_name(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        raise ModelRefused(
            Reason.DEVICE_MISSING,
            f"The device {name} was asked for, and PyTorch sees {count} CUDA device(s) here. "
            "Choose --device cpu or auto, or install a PyTorch built for your GPU.",
        )
    return torch.device(f"cuda:{index}")


def precision(device: torch.device) -> str:
    """Name what a device computes its convolutions in: bfloat16 where it can do so itself, else float32.

    Where bfloat16 is emulated it would be slower than float32.
    """
    import torch

    if device.type == "cuda":
        own = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        own = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if own else "float32"


def in_its_precision(device: torch.device) -> torch.autocast:
    """Let convolutions compute in the device's :func:`precision` inside this context."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=precision(device) == "bfloat16")


def usable_cores() -> int:
    """Count the CPU cores this process may use: its affinity, cut by a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _quota_cores(Path("/sys/fs/cgroup/cpu.max")) or cores))


def set_threads(threads: int | None = None) -> int:
    """Set PyTorch's threads and return their number.

    Args:
        threads: how many; None for ``OMP_NUM_THREADS`` where it is set, else the usable cores, at most 8.

    Raises:
        UsageError: fewer than one.
    """
    import torch

    if threads is None:
        threads = int(os.environ.get("OMP_NUM_THREADS") or 0) or min(usable_cores(), MAX_THREADS)
    if threads < 1:
        raise UsageError(Reason.USAGE, f"{threads} threads can't compute. Give a number from 1 on.")
    torch.set_num_threads(threads)
    return threads


def prepare_process() -> None:
    """Set what makes PyTorch start, compute and end faster in a process that is ours; before it is loaded.

    What the user has set in the environment stays.

    OpenMP's waiting threads sleep instead of spin. Spinning is a little faster on an idle machine. Where another
    program (Slicer's own window) wants one of the cores, it makes a network's many short steps five to ten times
    slower, and keeps that program waiting.

    Large tensors lie in large pages, where Linux has them: handing out small ones takes a tenth of a network's time.

    PyTorch's import makes half a million objects, none of them garbage. Python looks for garbage among them some
    hundred times, a fifth of a second, and once more when the process ends, half a second: seldom is enough, and not at
    the end.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def give_back_memory() -> None:
    """Give the memory that a reading needed and left back to the system, where glibc keeps it: about 100 MB."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _quota_cores(cpu_max: Path) -> int | None:
    """Read a cgroup's quota as whole cores ("200000 100000" is 2); None where there is no limit."""
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))
