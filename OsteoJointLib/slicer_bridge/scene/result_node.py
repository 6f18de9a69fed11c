"""The result document and the record of what it was made from: JSON in hidden text nodes, saved with the scene."""

from __future__ import annotations

import json
from typing import Any

from slicer import vtkMRMLTextNode

from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes


def set_result(nodes: OwnedNodes, document: dict[str, Any]) -> None:
    """Keep the result document of a reading, as in result.json."""
    _set(nodes, "result", document)


def result(nodes: OwnedNodes) -> dict[str, Any] | None:
    """The result document; None before the first, and where it can't be read."""
    return _get(nodes, "result")


def set_record(nodes: OwnedNodes, document: dict[str, Any]) -> None:
    """Keep what the result was made from."""
    _set(nodes, "record", document)


def record(nodes: OwnedNodes) -> dict[str, Any] | None:
    """What the result was made from; None where there is nothing."""
    return _get(nodes, "record")


def _set(nodes: OwnedNodes, role: str, document: dict[str, Any]) -> None:
    node = nodes.get(role) or nodes.add(role, vtkMRMLTextNode(), f"OsteoJoint {role}", hidden=True)
    node.SetText(json.dumps(document, ensure_ascii=False))


def _get(nodes: OwnedNodes, role: str) -> dict[str, Any] | None:
    if (node := nodes.get(role)) is None:
        return None
    try:
        document = json.loads(node.GetText() or "null")
    except ValueError:  # a user may write into it
        return None
    return document if isinstance(document, dict) else None
