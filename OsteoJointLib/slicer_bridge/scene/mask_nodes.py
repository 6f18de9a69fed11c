"""The masks of L1 and L2 as segmentations of the scene.

Four segmentations a CT, each with segments "L1" and "L2":

* ``masks``: what is shown, edited and measured;
* ``network``: the network's own, hidden;
* ``before``: what ``masks`` held before the last refinement, hidden;
* ``measured``: the regions that HU were measured in, outlines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import numpy as np
import slicer
from slicer import vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from OsteoJointLib.output.terminology import segment_color_rgb, terminology_entry
from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene import segments
from OsteoJointLib.slicer_bridge.scene.matrices import anatomical_ijk_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes

SOURCE = "OsteoJoint.Source"
"""Tag of a segment: "network", "corrected" or "refined"."""


def show_masks(nodes: OwnedNodes, views: Views, levels: Iterable[str] = Level, one_slice: Collection[str] = ()) -> None:
    """Put the masks of a reading into the scene; segments that are there are updated in place.

    Args:
        nodes: of the reading.
        views: its pictures.
        levels: whose visible mask is replaced; that of the others stays as it is.
        one_slice: those of them in which what a user drew on other slices stays.

    Raises:
        RunFailed: a mask is not on the CT's voxels.
    """
    nodes.follow_volume()
    levels = set(levels)
    for level, view in views.levels.items():
        kinds = {"masks": "mask"} if level in levels else {}
        for which, kind in {**kinds, "network": "network_mask", "measured": "roi"}.items():
            node, segment_id = _target(nodes, which, level)
            one = which == "masks" and level in one_slice
            segments.write_segment(node, segment_id, view.mask_array(kind), nodes.volume, one)


def segmentation_node(nodes: OwnedNodes, which: str = "masks"):
    """The segmentation node, or None; ``which`` is "masks", "network", "before" or "measured"."""
    return nodes.get(which)


def masks(nodes: OwnedNodes, which: str = "masks") -> dict[str, MaskArray | None]:
    """Both levels' masks as they are in the scene, cut to what is drawn; None where there is none."""
    node = nodes.get(which)
    return {level: segments.read_segment(node, level, nodes.memory(which)) for level in Level}


def has_masks(nodes: OwnedNodes, which: str, level: str | None = None) -> bool:
    """Whether there is a mask of ``level`` (None: of any) in one of the segmentations."""
    found = masks(nodes, which)
    return any(found[one] is not None for one in (Level if level is None else (level,)))


def mask_fingerprints(nodes: OwnedNodes, which: str = "masks") -> dict[str, str]:
    """A short text for each level's mask that changes with its voxels alone; "" where there is no mask.

    It stays the same when the CT is moved by a transform, and when the scene is saved and loaded.
    """
    volume = nodes.volume
    if volume is None or volume.GetImageData() is None:
        return dict.fromkeys(Level, "")
    world_to_ct = np.linalg.inv(anatomical_ijk_to_world(volume))
    return {
        level: "" if mask is None else _fingerprint(mask.array_kji, world_to_ct @ mask.ijk_to_world)
        for level, mask in masks(nodes, which).items()
    }


def mark_source(nodes: OwnedNodes, level: str, made_by: str) -> None:
    """Note on the visible segment where it comes from: "network", "corrected" or "refined"."""
    if (segment := segments.find_segment(nodes.get("masks"), level)) is not None:
        segment.SetTag(SOURCE, made_by)


def source(nodes: OwnedNodes, level: str, which: str = "masks") -> str | None:
    """Where a segment comes from; None where that isn't known or there is no segment."""
    return segments.tag(segments.find_segment(nodes.get(which), level), SOURCE)


def keep(nodes: OwnedNodes, which: str, levels: Iterable[str]) -> None:
    """Copy the visible masks of ``levels`` into "before" (or another), which holds nothing else then."""
    forget(nodes, which)
    _copy(nodes, "masks", which, levels)


def forget(nodes: OwnedNodes, which: str) -> None:
    """Remove the segments of "before" (or another)."""
    if (node := nodes.get(which)) is not None:
        node.GetSegmentation().RemoveAllSegments()


def restore(nodes: OwnedNodes, which: str, levels: Iterable[str]) -> None:
    """Put the masks of ``levels`` from "before" or "network" back in place of the visible ones."""
    _copy(nodes, which, "masks", levels)


def exchange(nodes: OwnedNodes, which: str, levels: Iterable[str]) -> None:
    """Put the masks of ``levels`` from "before" back in place of the visible ones, and keep these there instead."""
    for level in levels:
        now = slicer.vtkSegment()
        now.DeepCopy(segments.find_segment(nodes.get("masks"), level))
        _copy(nodes, which, "masks", [level])
        node, segment_id = _target(nodes, which, level)
        segments.copy_segment(now, node, segment_id)
        node.GetSegmentation().GetSegment(segment_id).SetTag(SOURCE, segments.tag(now, SOURCE) or "network")


def swap_visible(nodes: OwnedNodes, which: str | None) -> None:
    """Show the masks from "before" or of the "network" in place of the present ones, to compare; None: the present."""
    shown = ("masks", "measured") if which is None else (which,)
    for role in ("masks", "network", "before", "measured"):
        if (node := nodes.get(role)) is not None:
            node.SetDisplayVisibility(role in shown)


def show_surface(nodes: OwnedNodes, on: bool) -> None:
    """Show or hide the visible masks in 3D.

    A mask lies on one slice, so its surface is a plate as thick as the slice and no vertebra; only a mask that a user
    drew over several slices has a body.
    """
    node = nodes.get("masks")
    if node is None:
        return
    if on:
        node.CreateClosedSurfaceRepresentation()
    else:
        node.RemoveClosedSurfaceRepresentation()
    node.GetDisplayNode().SetVisibility3D(on)


def _target(nodes: OwnedNodes, which: str, level: str):
    """The segmentation node and the segment's ID, made where they are missing."""
    node = nodes.get(which) or _new_node(nodes, which)
    return node, segments.find_segment_id(node, level) or _new_segment(node, which, level)


def _new_node(nodes: OwnedNodes, which: str):
    name = {
        "masks": "L1 L2",
        "network": _("network's L1 L2"),
        "before": _("L1 L2 before refinement"),
        "measured": _("HU regions"),
    }[which]
    hidden = which in ("network", "before")
    node = nodes.add(which, vtkMRMLSegmentationNode(), name, hidden)
    node.SetReferenceImageGeometryParameterFromVolumeNode(nodes.volume)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(not hidden)
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(which != "measured")
    display.SetOpacity2DFill(0.2)
    display.SetOpacity2DOutline(1.0)
    return node


def _new_segment(node, which: str, level: str) -> str:
    color, name = np.array(segment_color_rgb(Level(level))) / 255, level
    if which == "measured":
        color, name = (color + 1) / 2, _("{level} HU region").format(level=level)
    segment_id = node.GetSegmentation().AddEmptySegment(level, name, color.tolist())
    segment = node.GetSegmentation().GetSegment(segment_id)
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    if which != "measured":
        segments.set_terminology(segment, terminology_entry(Level(level)))
    if which == "network":
        segment.SetTag(SOURCE, "network")
    return segment_id


def _copy(nodes: OwnedNodes, of: str, to: str, levels: Iterable[str]) -> None:
    """Copy masks with all their slices and their source, whatever their geometry."""
    nodes.follow_volume()
    for level in levels:
        if (segment := segments.find_segment(nodes.get(of), level)) is None:
            continue
        node, segment_id = _target(nodes, to, level)
        segments.copy_segment(segment, node, segment_id)
        node.GetSegmentation().GetSegment(segment_id).SetTag(SOURCE, segments.tag(segment, SOURCE) or "corrected")


def _fingerprint(array_kji: np.ndarray, array_to_ct: np.ndarray) -> str:
    # whole numbers on the CT's own voxels, so that rounding never tips
    place = np.round(array_to_ct, 2) + 0.0
    content = array_kji.tobytes() + repr(array_kji.shape).encode() + place.tobytes()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
