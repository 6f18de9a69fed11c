"""What the worker computes with."""

from __future__ import annotations

from dataclasses import dataclass

from OsteoJointLib.pipeline.settings import LoadOptions


@dataclass
class WorkerSettings:
    """The worker's interpreter, device and weights, as they are set on this computer."""

    device: str = LoadOptions.device
    """auto, cpu, cuda or cuda:N."""
    weights: str = LoadOptions.weights
    """Name of shipped weights, or the path of others."""
    python: str = ""
    """Another interpreter for the worker; empty: Slicer's own."""
