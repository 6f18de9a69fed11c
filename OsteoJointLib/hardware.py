"""What there is to compute with: PyTorch's build, the graphics cards, their driver, the CPU's cores."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field

from OsteoJointLib.device import usable_cores


@dataclass(frozen=True)
class Card:
    """A graphics card PyTorch can use."""

    name: str
    memory_gib: float


@dataclass(frozen=True)
class Hardware:
    """What PyTorch finds on this machine.

    Args:
        torch: its version.
        cuda: version of CUDA it was built for; None for a build without.
        driver: version of NVIDIA's driver; None without one.
        cards: what it can compute on; in the order of cuda:0, cuda:1 ….
        cores: CPU cores this process may use.
        threads: CPU threads PyTorch uses.

    >>> Hardware("2.8.0", None, None, (), 8, 8).words
    'CPU with 8 of 8 cores: PyTorch 2.8.0 was built without CUDA.'
    """

    torch: str
    cuda: str | None
    driver: str | None
    cards: tuple[Card, ...]
    cores: int
    threads: int

    words: str = field(init=False)
    """One sentence for people."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self._sentence())

    def _sentence(self) -> str:
        cpu = f"CPU with {self.threads} of {self.cores} core{'s' if self.cores != 1 else ''}"
        if self.cards:
            cards = ", ".join(f"{card.name} ({card.memory_gib:.0f} GiB)" for card in self.cards)
            driver = f", driver {self.driver}" if self.driver else ""
            build = f" for CUDA {self.cuda}" if self.cuda else ""
            return f"{cards}: PyTorch {self.torch}{build}{driver}."
        if self.cuda is None:
            there = f"; NVIDIA's driver {self.driver} is there, so a build with CUDA would work" if self.driver else ""
            return f"{cpu}: PyTorch {self.torch} was built without CUDA{there}."
        if self.driver is None:
            return f"{cpu}: PyTorch {self.torch} is built for CUDA {self.cuda}, but no NVIDIA driver was found."
        return (
            f"{cpu}: PyTorch {self.torch} is built for CUDA {self.cuda}, but finds no card it can use with NVIDIA's "
            f"driver {self.driver}; a newer driver may help."
        )


def computes_on_cpu(device: str, hardware: Hardware | None) -> bool:
    """Say whether a chosen device means the CPU on this machine.

    Args:
        device: auto, cpu, cuda or cuda:N.
        hardware: what was found; None while nobody has looked.

    >>> bare = Hardware("2.8.0", None, None, (), 8, 8)
    >>> [computes_on_cpu(device, bare) for device in ("cpu", "auto", "cuda")]
    [True, True, False]
    """
    return device == "cpu" or (device == "auto" and hardware is not None and not hardware.cards)


def find_hardware() -> Hardware:
    """Look at this machine through PyTorch, which is imported."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(index) for index in range(count)]
    cards = tuple(Card(found.name, round(found.total_memory / 2**30, 1)) for found in properties)
    cuda = torch.version.cuda
    return Hardware(str(torch.__version__), cuda, nvidia_driver(), cards, usable_cores(), torch.get_num_threads())


def nvidia_driver(library: str | None = None) -> str | None:
    """Version of NVIDIA's driver as its management library (NVML) says; None where there is none.

    Args:
        library: file of NVML; None for the system's.
    """
    try:
        nvml = ctypes.CDLL(library or ("nvml.dll" if os.name == "nt" else "libnvidia-ml.so.1"))
    except OSError:
        return None
    version = ctypes.create_string_buffer(96)
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        failed = nvml.nvmlSystemGetDriverVersion(version, ctypes.c_uint(len(version)))
    finally:
        nvml.nvmlShutdown()
    return None if failed else version.value.decode("ascii", "replace")
