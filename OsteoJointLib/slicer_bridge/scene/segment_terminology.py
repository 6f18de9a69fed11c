"""OsteoJoint's terminology for Slicer: single vertebrae, which Slicer's own lists don't have."""

from __future__ import annotations

import slicer

from OsteoJointLib.resources import resource_path


def load_terminology() -> None:
    """Teach Slicer the codes of the two segments; to be called once the application has started.

    Does nothing where the Terminologies module is absent.
    """
    module = getattr(slicer.modules, "terminologies", None)
    if module is not None:
        module.logic().LoadTerminologyFromFile(str(resource_path("Terminology", "OsteoJoint.term.json")))
