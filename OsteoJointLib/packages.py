"""The packages that OsteoJoint uses: what for, how large, under which license, and which of them are there.

The one table that the doctor, the Slicer module's setup and, held by a test, ``pyproject.toml`` agree on. Plain Python:
nothing is imported, so that it can be read where nothing is installed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class Need(Enum):
    """What fails without a package."""

    READING = auto()
    """A CT can't be read, or not every CT."""
    COMFORT = auto()
    """Something beside the reading."""
    LOCALIZER = auto()
    """YOLOv3's box around each body; a fixed window takes its place."""


@dataclass(frozen=True)
class Package:
    """A package.

    Args:
        module: name to import it by.
        name: pip's name.
        purpose: what it is used for.
        license: SPDX.
        megabytes: what pip downloads for it and for what it alone brings, about; at most, where builds differ.
        minimum: lowest version; "" for any.
        need: what fails without it.
    """

    module: str
    name: str
    purpose: str
    license: str
    megabytes: float
    minimum: str = ""
    need: Need = Need.READING

    @property
    def specifier(self) -> str:
        """As pip takes it.

        >>> Package("pydicom", "pydicom", "DICOM", "MIT", 3, "3.0").specifier
        'pydicom>=3.0'
        """
        return f"{self.name}>={self.minimum}" if self.minimum else self.name


PACKAGES = (
    Package("torch", "torch", "the networks", "BSD-3-Clause", 3000, "2.4"),
    Package("cv2", "opencv-python-headless", "resampling, filters and pictures", "Apache-2.0", 62),
    Package("gdcm", "python-gdcm", "compressed DICOM", "Apache-2.0", 14),
    Package("jinja2", "jinja2", "the report", "BSD-3-Clause", 0.2),
    Package("numpy", "numpy", "arrays", "BSD-3-Clause", 17, "1.26"),
    Package("PIL", "pillow", "pictures", "MIT-CMU", 7),
    Package("psutil", "psutil", "ending all that a canceled reading started", "BSD-3-Clause", 0.2, need=Need.COMFORT),
    Package("pydicom", "pydicom", "DICOM", "MIT", 3, "3.0"),
    Package("pylibjpeg", "pylibjpeg", "compressed DICOM", "MIT", 0.1),
    Package("openjpeg", "pylibjpeg-openjpeg", "compressed DICOM", "MIT", 2),
    Package("safetensors", "safetensors", "the weights", "Apache-2.0", 0.5),
    Package("scipy", "scipy", "distances, regions and resampling", "BSD-3-Clause", 36),
    Package("SimpleITK", "SimpleITK", "volume files", "Apache-2.0", 53, "2.3"),
    Package("tqdm", "tqdm", "progress in the terminal", "MPL-2.0 AND MIT", 0.1),
    Package("torchvision", "torchvision", "Ultralytics", "BSD-3-Clause", 8, need=Need.LOCALIZER),
    Package("yaml", "PyYAML", "Ultralytics", "MIT", 1, need=Need.LOCALIZER),
    Package("ultralytics", "ultralytics", "YOLOv3's backbone", "AGPL-3.0", 1.5, "8.3", need=Need.LOCALIZER),
)
"""Everything, in the order in which it is shown. Ultralytics is never bundled: its license is the user's to accept."""


@dataclass(frozen=True)
class Lack:
    """A package that isn't there (``found`` is empty), or is there in the version ``found``, which is too old."""

    package: Package
    found: str = ""

    @property
    def words(self) -> str:
        """Name, and what is there instead.

        >>> Lack(Package("pydicom", "pydicom", "DICOM", "MIT", 3, "3.0"), "2.4.4").words
        'pydicom (2.4.4 is there, 3.0 or newer is needed)'
        """
        name, minimum = self.package.name, self.package.minimum
        return f"{name} ({self.found} is there, {minimum} or newer is needed)" if self.found else name


def installed_version(package: Package) -> str | None:
    """Find the version of a package in this very Python; nothing is imported.

    Returns:
        None where it is missing, "" where it came under another name (opencv-python for opencv-python-headless, say).
    """
    if importlib.util.find_spec(package.module) is None:
        return None
    try:
        return importlib.metadata.version(package.name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def lacking(version: Callable[[Package], str | None] = installed_version) -> list[Lack]:
    """List the packages that are missing or too old.

    Args:
        version: says which version is there; None for none, "" for an unknown one.
    """
    versions = ((package, version(package)) for package in PACKAGES)
    return [Lack(package, found or "") for package, found in versions if not is_met(package, found)]


def is_met(package: Package, found: str | None) -> bool:
    """Say whether a version is new enough; None is no version, "" an unknown one, which is trusted."""
    if found is None:
        return False
    return not found or not package.minimum or _numbers(found) >= _numbers(package.minimum)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version without zeros at the end: "2.10.0+cpu" is (2, 10)."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", release.group()).split(".")) if release else ()
