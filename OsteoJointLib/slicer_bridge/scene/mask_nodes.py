"""The masks of L1 and L2 as segmentations of the scene.

Five segmentations a CT (:data:`ROLES`), four with segments "L1" and "L2", one with their neighbors "T12" and "L3".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import slicer
from slicer import vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from OsteoJointLib.output.terminology import segment_color_rgb, terminology_entry
from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene import segments
from OsteoJointLib.slicer_bridge.scene.matrices import anatomical_ijk_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

SOURCE = "OsteoJoint.Source"
"""Tag of a segment: its :class:`MaskSource`."""
NETWORK_RGB = (190, 255, 80)
"""Light green, for the outline of what the network drew: far from both levels' colors and from gray (chosen)."""
ROLES = (Role.MASKS, Role.NETWORK, Role.BEFORE, Role.MEASURED, Role.NEIGHBORS)
OUTLINES = (Role.NETWORK, Role.MEASURED, Role.NEIGHBORS)
"""Those that are drawn as outlines alone."""
NEIGHBOR_OPACITY = 0.35
"""Of the neighbors' surfaces in 3-D, so that they stand back (chosen)."""


class MaskSource(StrEnum):
    """Where a mask comes from."""

    NETWORK = "network"
    CORRECTED = "corrected"
    REFINED = "refined"


OWN = (MaskSource.CORRECTED, MaskSource.REFINED)
"""Sources of a mask that is not simply the network's."""


def show_masks(nodes: OwnedNodes, views: Views, levels: Iterable[Level] = Level) -> None:
    """Put the masks of a reading into the scene; segments that are there are updated in place.

    Args:
        nodes: of the reading.
        views: its pictures.
        levels: whose visible mask is replaced; that of the others stays as it is.

    Raises:
        RunFailed: a mask is not on the CT's voxels.
    """
    nodes.follow_volume()
    levels = set(levels)
    for level, view in views.levels.items():
        kinds = {Role.MASKS: "mask"} if level in levels else {}
        for role, kind in {**kinds, Role.NETWORK: "network_mask", Role.MEASURED: "roi"}.items():
            node, segment_id = _target(nodes, role, level)
            segments.write_segment(node, segment_id, view.mask_array(kind), nodes.volume, nodes.memory(role))


def show_neighbors(nodes: OwnedNodes, views: Views) -> None:
    """Put the bodies beside L1 and L2 into the scene, in place of the former ones; without any there is no node."""
    if not views.neighbors:
        nodes.remove(Role.NEIGHBORS)
        return
    nodes.follow_volume()
    node = nodes.get(Role.NEIGHBORS) or _new_node(nodes, Role.NEIGHBORS)
    segmentation = node.GetSegmentation()
    for name in [name for name in segmentation.GetSegmentIDs() if name not in views.neighbors]:
        segmentation.RemoveSegment(name)
    for name, mask in views.neighbors.items():
        _, segment_id = _target(nodes, Role.NEIGHBORS, name)
        segments.write_segment(node, segment_id, mask, nodes.volume, nodes.memory(Role.NEIGHBORS))


def masks(nodes: OwnedNodes, role: Role = Role.MASKS) -> dict[Level, MaskArray | None]:
    """Read both levels' masks as they are in the scene, cut to what is drawn; None where there is none."""
    node = nodes.get(role)
    return {level: segments.read_segment(node, level, nodes.memory(role)) for level in Level}


def masked_levels(nodes: OwnedNodes, role: Role) -> list[Level]:
    """List the levels that have a mask in one of the segmentations."""
    return [level for level, mask in masks(nodes, role).items() if mask is not None]


def mask_fingerprints(nodes: OwnedNodes, role: Role = Role.MASKS) -> dict[Level, str]:
    """Give a short text for each level's mask that changes with its voxels alone; "" where there is no mask.

    It stays the same when the CT is moved by a transform, and when the scene is saved and loaded.
    """
    volume = nodes.volume
    if volume is None or volume.GetImageData() is None:
        return dict.fromkeys(Level, "")
    world_to_ct = np.linalg.inv(anatomical_ijk_to_world(volume))
    return {
        level: "" if mask is None else _fingerprint(mask.array_kji, world_to_ct @ mask.ijk_to_world)
        for level, mask in masks(nodes, role).items()
    }


def mark_source(nodes: OwnedNodes, level: Level, made_by: MaskSource) -> None:
    """Note on the visible segment where it comes from."""
    if (segment := segments.find_segment(nodes.get(Role.MASKS), level)) is not None:
        segment.SetTag(SOURCE, made_by.value)


def source(nodes: OwnedNodes, level: Level, role: Role = Role.MASKS) -> MaskSource | None:
    """Say where a segment comes from; None where that isn't known or there is no segment."""
    tag = segments.tag(segments.find_segment(nodes.get(role), level), SOURCE)
    return next((one for one in MaskSource if one == tag), None)


def take(nodes: OwnedNodes, drawn: dict[Level, MaskArray]) -> None:
    """Put a user's masks in place of the visible ones, on the CT's voxels.

    Raises:
        RunFailed: a mask is not on them.
    """
    nodes.follow_volume()
    for level, mask in drawn.items():
        node, segment_id = _target(nodes, Role.MASKS, level)
        segments.write_segment(node, segment_id, mask, nodes.volume)
        mark_source(nodes, level, MaskSource.CORRECTED)


def keep(nodes: OwnedNodes, levels: Iterable[Level]) -> None:
    """Keep the visible masks of ``levels`` as those from before a refinement, in place of all that was kept there."""
    if (node := nodes.get(Role.BEFORE)) is not None:
        node.GetSegmentation().RemoveAllSegments()
    _copy(nodes, Role.MASKS, Role.BEFORE, levels)


def restore(nodes: OwnedNodes, role: Role, levels: Iterable[Level]) -> None:
    """Put the masks of ``levels`` from before, or the network's, back in place of the visible ones."""
    _copy(nodes, role, Role.MASKS, levels)


def exchange(nodes: OwnedNodes) -> None:
    """Exchange the visible masks with those from before the last refinement, where there are any."""
    for level in masked_levels(nodes, Role.BEFORE):
        now = slicer.vtkSegment()
        now.DeepCopy(segments.find_segment(nodes.get(Role.MASKS), level))
        restore(nodes, Role.BEFORE, [level])
        _put(now, nodes, Role.BEFORE, level, otherwise=MaskSource.NETWORK)


def show_beside(nodes: OwnedNodes, shown: Role | None) -> None:
    """Show other masks to compare.

    Args:
        nodes: of the reading.
        shown: those from before the last refinement take the place of the present ones; the network's are an outline
            over them; None: only the present ones are seen.
    """
    visible = (Role.BEFORE,) if shown is Role.BEFORE else (Role.MASKS, Role.MEASURED, Role.NEIGHBORS, shown)
    for role in ROLES:
        if (node := nodes.get(role)) is not None:
            node.SetDisplayVisibility(role in visible)


def show_surface(nodes: OwnedNodes, on: bool) -> None:
    """Show or hide the surfaces of the visible masks and of their neighbors in 3D."""
    for node in (nodes.get(Role.MASKS), nodes.get(Role.NEIGHBORS)):
        if node is None:
            continue
        if on:
            node.CreateClosedSurfaceRepresentation()
        else:
            node.RemoveClosedSurfaceRepresentation()
        node.GetDisplayNode().SetVisibility3D(on)


def center_3d_views() -> None:
    """Turn the 3-D views to what they show; without a window there are none."""
    manager = slicer.app.layoutManager()
    for index in range(0 if manager is None else manager.threeDViewCount):
        manager.threeDWidget(index).threeDView().resetFocalPoint()


def _target(nodes: OwnedNodes, role: Role, level: str) -> tuple[vtkMRMLSegmentationNode, str]:
    """Return the segmentation node and the segment's ID, made where they are missing."""
    node = nodes.get(role) or _new_node(nodes, role)
    return node, segments.find_segment_id(node, level) or _new_segment(node, role, level)


def _new_node(nodes: OwnedNodes, role: Role) -> vtkMRMLSegmentationNode:
    name = {
        Role.MASKS: "L1 L2",
        Role.NETWORK: _("network's L1 L2"),
        Role.BEFORE: _("L1 L2 before refinement"),
        Role.MEASURED: _("HU regions"),
        Role.NEIGHBORS: "T12 L3",
    }[role]
    hidden = role in (Role.NETWORK, Role.BEFORE)
    node = nodes.add(role, vtkMRMLSegmentationNode(), name, hidden)
    node.SetReferenceImageGeometryParameterFromVolumeNode(nodes.volume)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(not hidden)
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(role not in OUTLINES)
    if role is Role.NEIGHBORS:
        display.SetOpacity3D(NEIGHBOR_OPACITY)
    display.SetOpacity2DFill(0.2)  # chosen: the bone is seen through the mask
    display.SetOpacity2DOutline(1.0)
    return node


def _new_segment(node: vtkMRMLSegmentationNode, role: Role, level: str) -> str:
    color, name = np.array(segment_color_rgb(level)) / 255, str(level)
    if role is Role.NETWORK:
        color = np.array(NETWORK_RGB) / 255
    if role is Role.MEASURED:
        color, name = (color + 1) / 2, _("{level} HU region").format(level=level)
    segment_id = node.GetSegmentation().AddEmptySegment(str(level), name, color.tolist())
    segment = node.GetSegmentation().GetSegment(segment_id)
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    if role is not Role.MEASURED:
        segments.set_terminology(segment, terminology_entry(level))
    if role is Role.NETWORK:
        segment.SetTag(SOURCE, MaskSource.NETWORK.value)
    return segment_id


def _copy(nodes: OwnedNodes, of: Role, to: Role, levels: Iterable[Level]) -> None:
    """Copy masks with all their slices and their source, whatever their geometry."""
    nodes.follow_volume()
    for level in levels:
        if (segment := segments.find_segment(nodes.get(of), level)) is not None:
            _put(segment, nodes, to, level, otherwise=MaskSource.CORRECTED)


def _put(segment: slicer.vtkSegment, nodes: OwnedNodes, role: Role, level: Level, otherwise: MaskSource) -> None:
    node, segment_id = _target(nodes, role, level)
    segments.copy_segment(segment, node, segment_id)
    source = segments.tag(segment, SOURCE) or otherwise.value
    node.GetSegmentation().GetSegment(segment_id).SetTag(SOURCE, source)


def _fingerprint(array_kji: np.ndarray, array_to_ct: np.ndarray) -> str:
    # whole numbers on the CT's own voxels, so that rounding never tips
    place = np.round(array_to_ct, 2) + 0.0
    content = array_kji.tobytes() + repr(array_kji.shape).encode() + place.tobytes()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
