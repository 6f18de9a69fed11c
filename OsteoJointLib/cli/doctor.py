"""The doctor: what is installed, which device and weights there are, and whether it is enough to read a CT."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict, dataclass
from typing import Any

from OsteoJointLib import __version__
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.pipeline.loading import has_ultralytics
from OsteoJointLib.weights import DEFAULT_NAME, load_weights

PACKAGES = {
    "torch": "torch",
    "ultralytics": "ultralytics",
    "numpy": "numpy",
    "scipy": "scipy",
    "SimpleITK": "simpleitk",
    "pydicom": "pydicom",
    "scikit-image": "scikit-image",
    "OpenCV": "opencv-python-headless",
    "safetensors": "safetensors",
    "jinja2": "jinja2",
    "tqdm": "tqdm",
}
"""Packages the chain uses, and the distribution that brings each."""


@dataclass(frozen=True)
class Findings:
    """What the doctor found.

    Args:
        osteojoint, python, system: versions.
        packages: version by package; None where it is missing.
        devices: CPU with its usable cores, and every CUDA device.
        weights: name, profile, sha256 and trained_on of the default weights; None when they can't be used.
        weights_error: why they can't.
        localizer: whether automatic localization is possible.
        network: what is switched off.
    """

    osteojoint: str
    python: str
    system: str
    packages: dict[str, str | None]
    devices: list[str]
    weights: dict[str, str] | None
    weights_error: str | None
    localizer: bool
    network: str

    @property
    def fit(self) -> bool:
        """Whether a CT can be read with the default weights, be it with points placed by hand."""
        needed = all(version is not None for name, version in self.packages.items() if name != "ultralytics")
        return needed and self.weights is not None

    def document(self) -> dict[str, Any]:
        """The findings as JSON."""
        return {**asdict(self), "fit": self.fit}


def examine(weights: str = DEFAULT_NAME) -> Findings:
    """Look at everything; nothing is raised, nothing is written, nothing is asked of the network."""
    found, error = _weights(weights)
    return Findings(
        __version__,
        platform.python_version(),
        platform.platform(terse=True),
        {name: _version(distribution) for name, distribution in PACKAGES.items()},
        _devices(),
        found,
        error,
        has_ultralytics(),
        "not used: no telemetry, no downloads; Ultralytics is set offline while it is imported",
    )


def findings_text(findings: Findings) -> str:
    """The findings as a person reads them."""
    from OsteoJointLib.cli.terminal import table

    rows = [["OsteoJoint", findings.osteojoint], ["Python", f"{findings.python} on {findings.system}"]]
    rows += [[name, version or "missing"] for name, version in findings.packages.items()]
    rows += [["device", device] for device in findings.devices]
    if findings.weights is not None:
        rows += [
            ["weights", f"{findings.weights['name']} ({findings.weights['profile']}), hash checked"],
            ["", f"sha256 {findings.weights['sha256']}"],
            ["", f"trained on {findings.weights['trained_on']}"],
        ]
    else:
        rows.append(["weights", findings.weights_error or "missing"])
    localization = "automatic" if findings.localizer else "by points placed by hand (Ultralytics, AGPL-3.0, is missing)"
    rows += [["localization", localization], ["network", findings.network]]
    return f"{table(rows)}\n\n{'Fit to read a CT.' if findings.fit else 'Not fit to read a CT: see above.'}"


def _version(distribution: str) -> str | None:
    names = (distribution, "opencv-python") if distribution.startswith("opencv") else (distribution,)
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _devices() -> list[str]:
    from OsteoJointLib.device import usable_cores

    devices = [f"cpu ({usable_cores()} cores)"]
    try:
        import torch
    except ImportError:
        return devices
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return devices + [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(count)]


def _weights(name: str) -> tuple[dict[str, str] | None, str | None]:
    try:
        info = load_weights(name).info
    except OsteoJointError as error:
        return None, f"{error.message} [{error.reason}]"
    except ImportError as error:
        return None, f"Loading them needs a package that is missing: {error.name}."
    return {"name": info.name, "profile": info.profile, "sha256": info.sha256, "trained_on": info.trained_on}, None
