"""The command that Slicer runs in its own Python, its environment, and what that Python lacks for it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

import OsteoJointLib

REQUIREMENTS: dict[str, str] = {
    "captum": "captum",
    "cv2": "opencv-python-headless",
    "gdcm": "python-gdcm",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "openjpeg": "pylibjpeg-openjpeg",
    "PIL": "pillow",
    "pydicom": "pydicom",
    "pylibjpeg": "pylibjpeg",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "SimpleITK": "SimpleITK",
    "skimage": "scikit-image",
    "torch": "torch",
    "torchvision": "torchvision",
    "tqdm": "tqdm",
    "ultralytics": "ultralytics",
    "yaml": "PyYAML",
}
"""What must be importable, by the name under which pip knows it."""


def analyze_arguments(ct: Path, out: Path) -> list[str]:
    """Return the arguments of Python that analyze ``ct`` into the folder ``out``."""
    return ["-m", "OsteoJointLib", "analyze", str(ct), "--out", str(out)]


def process_environment(current: Mapping[str, str]) -> dict[str, str]:
    """Return ``current`` changed so that a child Python finds this very library and keeps off Slicer's ITK plugins."""
    changed = {key: value for key, value in current.items() if key not in ("ITK_AUTOLOAD_PATH", "SITK_AUTOLOAD_PATH")}
    library = str(Path(OsteoJointLib.__file__).resolve().parents[1])
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, [library, current.get("PYTHONPATH")]))
    changed["PYTHONUTF8"] = "1"
    changed["PYTHONUNBUFFERED"] = "1"
    return changed


def missing_packages() -> list[str]:
    """Return pip's names of the packages that this Python lacks; nothing is imported."""
    return [package for module, package in REQUIREMENTS.items() if importlib.util.find_spec(module) is None]


def install_advice(missing: list[str]) -> str:
    """Say how to install what is missing, torch by its extension and Ultralytics with its licence named.

    >>> print(install_advice(["tqdm"]))
    Slicer's Python lacks tqdm. In the Python console: slicer.util.pip_install("tqdm")
    """
    sentences = [f"Slicer's Python lacks {', '.join(missing)}."]
    if "torch" in missing:
        sentences.append("Install the PyTorch extension and use its button for torch.")
    plain = [package for package in missing if package not in ("torch", "ultralytics")]
    if plain:
        sentences.append(f'In the Python console: slicer.util.pip_install("{" ".join(plain)}")')
    if "ultralytics" in missing:
        sentences.append(
            "Ultralytics is licensed under AGPL-3.0 and not part of OsteoJoint; if that suits you: "
            'slicer.util.pip_install("--no-deps ultralytics")'
        )
    return " ".join(sentences)
