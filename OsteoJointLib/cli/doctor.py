"""The doctor: what is installed, which device and weights there are, and whether it is enough to read a CT."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

from OsteoJointLib import __version__
from OsteoJointLib.cli.text_table import table
from OsteoJointLib.device import usable_cores
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.output.report_pdf import check_pdf
from OsteoJointLib.packages import PACKAGES, Lack, Need, installed_version, lacking
from OsteoJointLib.weights import load_weights
from OsteoJointLib.weights_manifest import DEFAULT_NAME


@dataclass(frozen=True)
class Findings:
    """What the doctor found.

    Args:
        osteojoint, python, system: versions.
        packages: version by package; empty where it came under another name, None where it is missing.
        lacks: the packages that are missing or too old.
        devices: CPU with its usable cores, and every CUDA device.
        weights: name, profile, sha256 and trained_on of the default weights; None when they can't be used.
        weights_error: why they can't.
        network: what is switched off.
        pdf_error: why the report can't be written as a PDF; None where it can.
    """

    osteojoint: str
    python: str
    system: str
    packages: dict[str, str | None]
    lacks: list[Lack]
    devices: list[str]
    weights: dict[str, str] | None
    weights_error: str | None
    network: str
    pdf_error: str | None

    @property
    def fit(self) -> bool:
        """Whether a CT can be read with the default weights."""
        return self.weights is not None and not any(lack.package.need is Need.READING for lack in self.lacks)

    def document(self) -> dict[str, Any]:
        """Write the findings as JSON."""
        return {**asdict(self), "lacks": [lack.words for lack in self.lacks], "fit": self.fit}


def examine(weights: str = DEFAULT_NAME) -> Findings:
    """Look at everything; nothing is raised, nothing is written, nothing is asked of the network."""
    found, error = _weights(weights)
    return Findings(
        __version__,
        platform.python_version(),
        platform.platform(terse=True),
        {package.name: installed_version(package) for package in PACKAGES},
        lacking(),
        _devices(),
        found,
        error,
        "not used: no telemetry, no downloads; Ultralytics is set offline while it is imported",
        _pdf_error(),
    )


def findings_text(findings: Findings) -> str:
    """Write the findings as a person reads them."""
    rows = [["OsteoJoint", findings.osteojoint], ["Python", f"{findings.python} on {findings.system}"]]
    missing = {lack.package.name: _missing(lack) for lack in findings.lacks}
    rows += [[name, missing.get(name, version or "installed")] for name, version in findings.packages.items()]
    rows += [["device", device] for device in findings.devices]
    if findings.weights is not None:
        rows += [
            ["weights", f"{findings.weights['name']} ({findings.weights['profile']}), hash checked"],
            ["", f"sha256 {findings.weights['sha256']}"],
            ["", f"trained on {findings.weights['trained_on']}"],
        ]
    else:
        rows.append(["weights", findings.weights_error or "missing"])
    rows += [["network", findings.network], ["--pdf", findings.pdf_error or "can be made"]]
    return f"{table(rows)}\n\n{'Fit to read a CT.' if findings.fit else 'Not fit to read a CT: see above.'}"


def _missing(lack: Lack) -> str:
    found = f"{lack.found} is too old, {lack.package.minimum} or newer is needed" if lack.found else "missing"
    without = {
        Need.READING: "can't do without",
        Need.COMFORT: "works without",
        Need.LOCALIZER: "works without, by a fixed window in place of YOLOv3's box",
    }
    return f"{found} (for {lack.package.purpose}; {without[lack.package.need]})"


def _pdf_error() -> str | None:
    try:
        check_pdf()
    except OsteoJointError as error:
        return error.message
    return None


def _devices() -> list[str]:

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
