"""Slicer's DICOM database, as far as a CT that was loaded from it is known there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import slicer

from OsteoJointLib.errors import InputRefused, Reason, RunFailed

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


def why_no_source(volume_node: slicer.vtkMRMLVolumeNode) -> str:
    """Say why there is no study that results could be put beside; empty where there may be one."""
    if database() is not None and instances(volume_node):
        return ""
    return (
        "This CT wasn't loaded from Slicer's DICOM database, so there is no study that results could be put beside. "
        "Import its DICOM files (module DICOM) and load it from there."
    )


def image_files(volume_node: slicer.vtkMRMLVolumeNode) -> list[Path]:
    """List the files that a CT was loaded from.

    Raises:
        InputRefused: NO_DICOM_SOURCE, it wasn't loaded from the database, or its files aren't there any more.
    """
    if why := why_no_source(volume_node):
        raise InputRefused(Reason.NO_DICOM_SOURCE, why)
    known = database()
    files = [Path(str(known.fileForInstance(uid) or "")) for uid in instances(volume_node)]
    if not all(file.is_file() for file in files):
        raise InputRefused(
            Reason.NO_DICOM_SOURCE,
            "Some of this CT's DICOM files aren't in Slicer's DICOM database any more. Import them again.",
        )
    return files


def add(files: Iterable[Path]) -> None:
    """Copy DICOM files into the database, where they stand beside the study that they belong to.

    Raises:
        RunFailed: it didn't take them.
    """
    from DICOMLib import DICOMUtils  # Slicer's own

    files = list(files)
    folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
    try:
        for file in files:
            shutil.copy(file, folder / file.name)
        done = DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not done:
        raise RunFailed(
            Reason.FAILED,
            "Slicer's DICOM database didn't take the files. Look into Slicer's error log; its disk may be full.",
        )
