"""A volume of the scene as a CT: whether it can be read, where it lies in the world, how it was acquired."""

from __future__ import annotations

import hashlib

import numpy as np
import slicer

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.contrast_words import NO_CONTRAST
from OsteoJointLib.io.dicom_tags import as_positive, cleaned
from OsteoJointLib.io.volume_files import CONTRAST_KEY, KERNEL_KEY, KVP_KEY
from OsteoJointLib.slicer_bridge.scene.dicom_database import tag
from OsteoJointLib.slicer_bridge.scene.matrices import anatomical_ijk_to_world, ijk_to_world

MAX_COSINE = 1e-3
"""Cosine between two axes from which on a volume counts as sheared; registration leaves some 1e-6."""

_KVP, _KERNEL, _CONTRAST = "0018,0060", "0018,1210", "0018,0010"


def check(volume_node: slicer.vtkMRMLNode | None) -> None:
    """Say why a volume can't be read as a CT, before anything is started.

    Raises:
        InputRefused: NOT_CT, NOT_3D, SINGLE_SLICE, BAD_GEOMETRY or GANTRY_TILT.
    """
    if volume_node is None or not volume_node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputRefused(Reason.NOT_CT, "No CT is chosen. Load one and choose it.")
    if volume_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputRefused(Reason.NOT_CT, "This is a label map, not a CT. Choose the CT itself.")
    image = volume_node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or min(image.GetDimensions()) < 1:
        raise InputRefused(Reason.NOT_3D, "This volume is empty. Load the CT again.")
    if (components := image.GetNumberOfScalarComponents()) != 1:
        raise InputRefused(
            Reason.NOT_CT,
            f"This volume has {components} values per voxel (colors, vectors), not gray values. Choose the CT.",
        )
    if min(image.GetDimensions()) < 2:
        raise InputRefused(Reason.SINGLE_SLICE, "This is a single slice. Load the whole series.")
    _check_place(volume_node)


def content_stamp(volume_node: slicer.vtkMRMLVolumeNode) -> tuple[int, bytes]:
    """Give what changes when voxels or place of a volume do, within this session: nothing is read or hashed."""
    return volume_node.GetImageData().GetMTime(), ijk_to_world(volume_node).tobytes()


def geometry_fingerprint(volume_node: slicer.vtkMRMLVolumeNode) -> str:
    """Give a volume's size and place in the world as a short text, the same after saving and loading the scene."""
    image = volume_node.GetImageData()
    if image is None:
        return ""
    place = np.round(anatomical_ijk_to_world(volume_node), 3) + 0.0  # no negative zeros
    return hashlib.sha256(f"{sorted(image.GetDimensions())}{place.tolist()}".encode()).hexdigest()[:16]


def acquisition(volume_node: slicer.vtkMRMLVolumeNode) -> dict[str, str]:
    """Tube voltage, kernel and contrast, as keys of a NRRD file.

    Returns:
        What the node's attributes of these names say and, before them, Slicer's DICOM database of a volume that was
        loaded from there. What is missing or empty says nothing.
    """
    database = _in_database(volume_node)
    said = {key: database.get(key) or volume_node.GetAttribute(key) for key in (KVP_KEY, KERNEL_KEY, CONTRAST_KEY)}
    kvp = as_positive(said[KVP_KEY])
    said[KVP_KEY] = f"{kvp:g}" if kvp else None
    return {key: value for key, value in said.items() if value}


def _in_database(volume_node: slicer.vtkMRMLVolumeNode) -> dict[str, str]:
    kvp, kernel, agent = (tag(volume_node, name) for name in (_KVP, _KERNEL, _CONTRAST))
    agent = agent.strip()
    return {KVP_KEY: kvp, KERNEL_KEY: cleaned(kernel.split("\\")) or "", CONTRAST_KEY: agent and _given(agent)}


def _check_place(volume_node: slicer.vtkMRMLVolumeNode) -> None:
    parent = volume_node.GetParentTransformNode()
    if parent is not None and not parent.IsTransformToWorldLinear():
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "A non-linear transform bends this CT. Harden the transform (module Transforms), then choose the CT again.",
        )
    axes = ijk_to_world(volume_node)[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(axes).all() or lengths.min() < 1e-6:  # mm; no scanner comes near
        raise InputRefused(Reason.BAD_GEOMETRY, "A transform flattens this CT to nothing. Remove the transform.")
    cosines = np.abs((axes / lengths).T @ (axes / lengths) - np.eye(3))
    if cosines.max() > MAX_COSINE:
        raise InputRefused(
            Reason.GANTRY_TILT,
            "This CT is sheared, by its transform or by a gantry tilt that was not corrected. Remove the transform, or "
            "resample the CT (module Resample Scalar/Vector/DWI Volume).",
        )


def _given(agent: str) -> str:
    return "no" if agent.upper() in NO_CONTRAST else "yes"
