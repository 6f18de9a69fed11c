"""The result document, what it was made from, what a user says of the CT: JSON in hidden text nodes of the scene."""

from __future__ import annotations

import json
from typing import Any

from slicer import vtkMRMLTextNode

from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role


def set_result(nodes: OwnedNodes, document: dict[str, Any]) -> None:
    """Keep the result document of a reading, as in result.json."""
    _set(nodes, Role.RESULT, document)


def result(nodes: OwnedNodes) -> dict[str, Any] | None:
    """Read the result document, not to be changed; None before the first, and where it can't be read."""
    return _get(nodes, Role.RESULT)


def set_record(nodes: OwnedNodes, document: dict[str, Any]) -> None:
    """Keep what the result was made from."""
    _set(nodes, Role.RECORD, document)


def record(nodes: OwnedNodes) -> dict[str, Any] | None:
    """Read what the result was made from, not to be changed; None where there is nothing."""
    return _get(nodes, Role.RECORD)


def set_said(nodes: OwnedNodes, document: dict[str, Any]) -> None:
    """Keep what a user says of the CT."""
    _set(nodes, Role.SAID, document)


def said(nodes: OwnedNodes) -> dict[str, Any] | None:
    """Read what a user says of the CT; None where nothing was said."""
    return _get(nodes, Role.SAID)


def _set(nodes: OwnedNodes, role: Role, document: dict[str, Any]) -> None:
    node = nodes.get(role) or nodes.add(role, vtkMRMLTextNode(), f"OsteoJoint {role}", hidden=True)
    node.SetText(json.dumps(document, ensure_ascii=False))


def _get(nodes: OwnedNodes, role: Role) -> dict[str, Any] | None:
    if (node := nodes.get(role)) is None:
        return None
    text, memory = node.GetText() or "null", nodes.memory(role)  # it is asked for many times and changes seldom
    if memory.get("text") != text:
        memory.update(text=text, document=_parsed(text))
    return memory["document"]


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:  # a user may write into it
        return None
    return document if isinstance(document, dict) else None
