"""Where the files that come with the library lie: weights, terminology, icons, the panel.

``Resources`` stands beside the package in a checkout and in an installed Slicer extension, and inside the package in
a wheel. Nothing else in the project builds such a path.
"""

from __future__ import annotations

import os
from pathlib import Path

from OsteoJointLib.errors import Reason, RunFailed

_PACKAGE = Path(__file__).resolve().parent


def resources_folder() -> Path:
    """Return the ``Resources`` folder of this installation.

    Raises:
        RunFailed: the installation is incomplete.
    """
    places = (_PACKAGE / "Resources", _PACKAGE.parent / "Resources")
    for place in places:
        if (place / "Terminology").is_dir():
            return place
    looked = " nor ".join(str(place) for place in places)
    raise RunFailed(
        Reason.FAILED,
        f"The installation is incomplete: the folder Resources is in neither {looked}. Install OsteoJoint again.",
    )


def resource_path(*parts: str) -> Path:
    """Return the path of one resource, which need not exist: ``resource_path("Weights", "manifest.json")``."""
    return resources_folder().joinpath(*parts)


def python_path() -> str:
    """Write a PYTHONPATH by which a Python that is started runs this very library, before any other of its name."""
    return os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
