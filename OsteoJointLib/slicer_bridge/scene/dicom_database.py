"""Slicer's DICOM database, as far as a CT that was loaded from it is known there."""

from __future__ import annotations

from typing import Any

import slicer

_FRAME_OF_REFERENCE = "0020,0052"


def database() -> Any:
    """Give the database; None where Slicer has none, or none is open."""
    found = getattr(slicer, "dicomDatabase", None)
    return found if found is not None and found.isOpen else None


def instances(volume_node: slicer.vtkMRMLVolumeNode) -> list[str]:
    """List the UIDs of the images that a CT was loaded from; empty where it wasn't loaded from the database."""
    return (volume_node.GetAttribute("DICOM.instanceUIDs") or "").split()


def tag(volume_node: slicer.vtkMRMLVolumeNode, name: str) -> str:
    """Read a tag of a CT's first image, ``gggg,eeee``; empty where it isn't known."""
    known, uids = database(), instances(volume_node)
    return str(known.instanceValue(uids[0], name) or "") if known is not None and uids else ""


def frame_of_reference(volume_node: slicer.vtkMRMLVolumeNode) -> str | None:
    """Read the frame of reference of a CT; None where it isn't known."""
    return tag(volume_node, _FRAME_OF_REFERENCE).strip() or None
