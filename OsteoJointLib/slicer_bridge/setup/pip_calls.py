"""What pip is told: plain Python."""

from __future__ import annotations

from collections.abc import Callable

from OsteoJointLib.addresses import manual
from OsteoJointLib.packages import PACKAGES, Lack, Package, installed_version, is_met

MANUAL = manual("troubleshooting.md")
"""Where the manual says what to do when an installation fails."""
PYTORCH = ("torch", "torchvision")
"""What Slicer's PyTorch extension installs, in the build that fits the graphics card."""
AGPL = "ultralytics"
"""Installed only where the user ticks its license; without its dependencies, which would bring a second OpenCV."""

KEPT = ("numpy", "pillow", "scipy", "SimpleITK")
"""What Slicer itself has loaded: another version beside it breaks Slicer, so what is there stays, too old or not."""


def stays(lack: Lack) -> bool:
    """Say whether a package that is too old is Slicer's own, which is never exchanged."""
    return bool(lack.found) and lack.package.name in KEPT


def pins(version: Callable[[Package], str | None] = installed_version) -> list[str]:
    """List the lines of a constraints file: what is there already stays as it is, because Slicer has it loaded."""
    versions = ((package, version(package)) for package in PACKAGES)
    kept = ((one, found) for one, found in versions if found and (is_met(one, found) or one.name in KEPT))
    return [f"{package.name}=={found}" for package, found in kept]


def pip_arguments(lacks: list[Lack], folder: str = "") -> list[list[str]]:
    """List the arguments of ``pip install``, one list a call.

    Args:
        lacks: what to install.
        folder: of wheels, to install from instead of the network.

    >>> pip_arguments([Lack(one) for one in PACKAGES if one.name in ("tqdm", "ultralytics")])
    [['tqdm'], ['--no-deps', 'ultralytics>=8.3']]
    """
    source = ["--no-index", "--find-links", folder] if folder else []
    plain = [lack.package.specifier for lack in lacks if lack.package.name != AGPL]
    alone = [lack.package.specifier for lack in lacks if lack.package.name == AGPL]
    calls = [[*source, *plain]] if plain else []
    return [*calls, *([[*source, "--no-deps", *alone]] if alone else [])]


def pip_commands(python: str, lacks: list[Lack]) -> str:
    """Write the terminal's commands that install ``lacks`` for another Python, which OsteoJoint never changes."""
    return "\n".join(
        " ".join([f'"{python}" -m pip install', *(f'"{word}"' if ">" in word else word for word in arguments)])
        for arguments in pip_arguments(lacks)
    )
