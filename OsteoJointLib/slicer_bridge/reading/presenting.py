"""What the worker answers, put into the scene: levels, masks, overlays, table, result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from OsteoJointLib.output.viewer_arrays import Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.reading.provenance import Provenance
from OsteoJointLib.slicer_bridge.reading.snapshot import OWN
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, overlay_nodes, result_node, table_node, volumes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.worker.answers import LevelsTold


def present_levels(nodes: OwnedNodes, answer: LevelsTold, found: bool) -> None:
    """Put the levels into the scene.

    Args:
        nodes: of the reading.
        answer: what the worker told of them.
        found: whether they were looked for; False where they are the user's own points, which stay where they are.
    """
    record = Provenance.of_document(result_node.record(nodes))
    placed = answer.levels or {}
    record.found = to_json(placed)
    if found:
        record.column = to_json(answer.column)
        marks = {level: level_nodes.LevelMark(p.center_ras_mm, p.confidence, p.source) for level, p in placed.items()}
        level_nodes.show_levels(nodes, marks)
    result_node.set_record(nodes, record.document())


def present_result(
    nodes: OwnedNodes, document: dict[str, Any], views: Views, kept: Mapping[str, str], refined: Collection[str]
) -> None:
    """Put a result into the scene.

    Args:
        nodes: of the reading.
        document: as in result.json.
        views: its pictures.
        kept: the levels whose mask stays as the user drew it, with the fingerprint of the mask that was read; all
            others take the worker's.
        refined: the levels that the level set has moved.
    """
    drawn = [level for level in Level if level not in kept]
    if owned := [n for n in drawn if n in refined or mask_nodes.source(nodes, n) in OWN]:
        mask_nodes.keep(nodes, "before", owned)
    mask_nodes.show_masks(nodes, views, drawn, one_slice=refined)
    for level in drawn:
        mask_nodes.mark_source(nodes, level, "refined" if level in refined else "network")
    overlay_nodes.show_overlays(nodes, views)
    table_node.show_table(nodes, document)
    result_node.set_result(nodes, document)
    record = Provenance.of_document(result_node.record(nodes))
    record.points = {level: list(document["levels"][level]["center_ras_mm"]) for level in Level}
    record.masks = {**mask_nodes.mask_fingerprints(nodes), **kept}
    record.ct = volumes.geometry_fingerprint(nodes.volume)
    result_node.set_record(nodes, record.document())
