"""What the worker answers, put into the scene: levels, masks, overlays, table, result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from OsteoJointLib.errors import Reason
from OsteoJointLib.output.viewer_arrays import Views
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.provenance import Provenance
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, overlay_nodes, result_node, table_node, volumes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes
from OsteoJointLib.worker.answers import LevelsTold


def present_levels(nodes: OwnedNodes, answer: LevelsTold, found: bool) -> None:
    """Put the levels into the scene.

    Args:
        nodes: of the reading.
        answer: what the worker told of them.
        found: whether they were looked for; False where they are the user's own points, which stay where they are.
    """
    record = Provenance.of_document(result_node.record(nodes))
    placed = dict(answer.levels or {})
    doubt = next((flag.message for flag in answer.flags if flag.code is Reason.LEVELS_UNCERTAIN), "")
    if found:
        level_nodes.show_levels(nodes, {level: level_nodes.LevelMark.of(p, bool(doubt)) for level, p in placed.items()})
        record = replace(record, column=answer.column)
    else:  # what a user has confirmed stays so
        placed |= {level: one for level, one in record.found.items() if one.source is PointSource.USER}
    result_node.set_record(nodes, replace(record, found=placed, doubt=doubt).document())


def present_result(
    nodes: OwnedNodes,
    document: dict[str, Any],
    views: Views,
    kept: Mapping[Level, str],
    refined: Collection[Level],
    said: Said,
) -> None:
    """Put a result into the scene.

    Args:
        nodes: of the reading.
        document: as in result.json.
        views: its pictures.
        kept: the levels whose mask stays as the user drew it, with the fingerprint of the mask that was read; all
            others take the worker's.
        refined: the levels that the level set has moved.
        said: what the user said of the CT when it was read.
    """
    drawn = [level for level in Level if level not in kept]
    if owned := [n for n in drawn if n in refined or mask_nodes.source(nodes, n) in mask_nodes.OWN]:
        mask_nodes.keep(nodes, owned)
    mask_nodes.show_masks(nodes, views, drawn)
    mask_nodes.show_neighbors(nodes, views)
    for level in drawn:
        made_by = mask_nodes.MaskSource.REFINED if level in refined else mask_nodes.MaskSource.NETWORK
        mask_nodes.mark_source(nodes, level, made_by)
    overlay_nodes.show_overlays(nodes, views)
    table_node.show_table(nodes, document)
    result_node.set_result(nodes, document)
    record, now = Provenance.of_document(result_node.record(nodes)), mask_nodes.mask_fingerprints(nodes)
    record = replace(
        record,
        points={level: tuple(document["levels"][level]["center_ras_mm"]) for level in Level},
        masks={**now, **kept},
        refined={**record.refined, **{level: now[level] for level in refined}},
        ct=volumes.geometry_fingerprint(nodes.volume),
        said=said,
    )
    result_node.set_record(nodes, record.document())
