"""The packages that the worker's Python needs: licence, size, which are there. Plain Python; nothing is imported.

Ranges are those of pyproject.toml (a test holds them together). Ultralytics is AGPL-3.0 and optional: without it, and
what it needs, L1 and L2 are placed by hand.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass

MANUAL = "https://github.com/OsteoJoint/SlicerOsteoJoint#troubleshooting"
"""Where the README says what to do when an installation fails."""


@dataclass(frozen=True)
class Requirement:
    """A package.

    Args:
        module: name to import it by.
        package: pip's name.
        licence: SPDX.
        megabytes: what pip downloads for it and for what it alone brings, about; at most, where builds differ.
        minimum: lowest version; "" for any.
        automatic: needed only for finding the bodies automatically (Ultralytics and what that needs).
    """

    module: str
    package: str
    licence: str
    megabytes: float
    minimum: str = ""
    automatic: bool = False

    @property
    def specifier(self) -> str:
        """As pip takes it.

        >>> Requirement("pydicom", "pydicom", "MIT", 3, "3.0").specifier
        'pydicom>=3.0'
        """
        return f"{self.package}>={self.minimum}" if self.minimum else self.package


REQUIREMENTS = (
    Requirement("torch", "torch", "BSD-3-Clause", 3000, "2.4"),
    Requirement("cv2", "opencv-python-headless", "Apache-2.0", 62),
    Requirement("filelock", "filelock", "MIT", 0.1),
    Requirement("gdcm", "python-gdcm", "Apache-2.0", 14),
    Requirement("jinja2", "jinja2", "BSD-3-Clause", 0.2),
    Requirement("numpy", "numpy", "BSD-3-Clause", 17, "1.26"),
    Requirement("PIL", "pillow", "MIT-CMU", 7),
    Requirement("psutil", "psutil", "BSD-3-Clause", 0.2),
    Requirement("pydicom", "pydicom", "MIT", 3, "3.0"),
    Requirement("pylibjpeg", "pylibjpeg", "MIT", 0.1),
    Requirement("openjpeg", "pylibjpeg-openjpeg", "MIT", 2),
    Requirement("safetensors", "safetensors", "Apache-2.0", 0.5),
    Requirement("scipy", "scipy", "BSD-3-Clause", 36),
    Requirement("SimpleITK", "SimpleITK", "Apache-2.0", 53, "2.3"),
    Requirement("skimage", "scikit-image", "BSD-3-Clause", 17),
    Requirement("tqdm", "tqdm", "MPL-2.0 AND MIT", 0.1),
    Requirement("torchvision", "torchvision", "BSD-3-Clause", 8, "", automatic=True),
    Requirement("yaml", "PyYAML", "MIT", 1, "", automatic=True),
    Requirement("ultralytics", "ultralytics", "AGPL-3.0", 1.5, "8.3", automatic=True),
)
"""Everything, in the order in which it is shown."""
PYTORCH = ("torch", "torchvision")
"""What Slicer's PyTorch extension installs, in the build that fits the graphics card."""
AGPL = "ultralytics"
"""Installed only where the user ticks its licence; without its dependencies, which would bring a second OpenCV."""


@dataclass(frozen=True)
class Lack:
    """A requirement that isn't met: ``found`` is the version that is too old, "" where there is none."""

    requirement: Requirement
    found: str = ""

    @property
    def words(self) -> str:
        """Name, and what is there instead.

        >>> Lack(Requirement("pydicom", "pydicom", "MIT", 3, "3.0"), "2.4.4").words
        'pydicom (2.4.4 is there, 3.0 or newer is needed)'
        """
        package, minimum = self.requirement.package, self.requirement.minimum
        return f"{package} ({self.found} is there, {minimum} or newer is needed)" if self.found else package


def installed_version(requirement: Requirement) -> str | None:
    """Version of a requirement in this very Python; nothing is imported.

    Returns:
        None where it is missing, "" where it came under another name (opencv-python for opencv-python-headless, say).
    """
    if importlib.util.find_spec(requirement.module) is None:
        return None
    try:
        return importlib.metadata.version(requirement.package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def lacking(version: Callable[[Requirement], str | None] = installed_version) -> list[Lack]:
    """The requirements that aren't met.

    Args:
        version: says which version is there; None for none, "" for an unknown one.
    """
    versions = ((requirement, version(requirement)) for requirement in REQUIREMENTS)
    return [Lack(requirement, found or "") for requirement, found in versions if not _is_met(requirement, found)]


def missing_packages() -> list[str]:
    """Pip's names of the packages that this Python lacks, the optional ones among them."""
    return [lack.requirement.package for lack in lacking()]


def pins(version: Callable[[Requirement], str | None] = installed_version) -> list[str]:
    """Lines of a constraints file: what is there already stays as it is, because Slicer has it loaded."""
    versions = ((requirement, version(requirement)) for requirement in REQUIREMENTS)
    return [
        f"{requirement.package}=={found}" for requirement, found in versions if found and _is_met(requirement, found)
    ]


def pip_arguments(lacks: list[Lack], folder: str = "") -> list[list[str]]:
    """Arguments of ``pip install``, one list a call.

    Args:
        lacks: what to install.
        folder: of wheels, to install from instead of the network.

    >>> pip_arguments([Lack(one) for one in REQUIREMENTS if one.package in ("tqdm", "ultralytics")])
    [['tqdm'], ['--no-deps', 'ultralytics>=8.3']]
    """
    source = ["--no-index", "--find-links", folder] if folder else []
    plain = [lack.requirement.specifier for lack in lacks if lack.requirement.package != AGPL]
    alone = [lack.requirement.specifier for lack in lacks if lack.requirement.package == AGPL]
    calls = [[*source, *plain]] if plain else []
    return [*calls, *([[*source, "--no-deps", *alone]] if alone else [])]


def pip_commands(python: str, lacks: list[Lack]) -> str:
    """Commands for a terminal that install ``lacks`` for another Python, which OsteoJoint itself never changes."""
    return "\n".join(
        " ".join([f'"{python}" -m pip install', *(f'"{word}"' if ">" in word else word for word in arguments)])
        for arguments in pip_arguments(lacks)
    )


def _is_met(requirement: Requirement, found: str | None) -> bool:
    if found is None:
        return False
    return not found or not requirement.minimum or _numbers(found) >= _numbers(requirement.minimum)


def _numbers(version: str) -> tuple[int, ...]:
    """The release numbers of a version, without zeros at the end: "2.10.0+cpu" is (2, 10)."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", release.group()).split(".")) if release else ()
