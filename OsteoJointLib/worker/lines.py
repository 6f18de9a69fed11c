"""The lines that pass between a worker and who asks it: requests one way, events the other, each one JSON object.

The worker's own side and the asking side both read and write them here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.failures import ending_document, ending_from_document
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.typed_json import WrongField, from_json, repr_of, to_json, without_defaults
from OsteoJointLib.worker.requests import OPERATIONS, Request

PROTOCOL = "osteojoint.worker/1"
"""Name and version of what passes over the lines."""
A = TypeVar("A")

_LONGEST_ID = 1000
"""Letters or digits of a request's ``id``; chosen: an answer repeats it with each stage."""


@dataclass(frozen=True)
class Progressed:
    """A stage begins; ``fraction`` of a whole reading lies before it."""

    id: Any
    stage: Stage
    fraction: float


@dataclass(frozen=True)
class Done:
    """A request was carried out; ``fields`` are its answer as JSON."""

    id: Any
    fields: Mapping[str, Any]

    def answer_to(self, request: Request[A]) -> A:
        """Read the answer as a record; WrongField where it is none to this request."""
        return from_json(request.answer, self.fields)


@dataclass(frozen=True)
class Failed:
    """A request was refused or broke."""

    id: Any
    ending: OsteoJointError


Event = Progressed | Done | Failed


def request_line(identifier: int, request: Request[Any]) -> str:
    """Write a request."""
    return _line({"id": identifier, "op": request.op, **without_defaults(request)})


def read_id(line: str) -> Any:
    """Read the ``id`` of a line: a text or a whole number; None where it has none."""
    document = _object(line)
    identifier = None if document is None else document.get("id")
    return identifier if _is_id(identifier) else None


def read_request(line: str) -> Request[Any]:
    """Read a request.

    Raises:
        UsageError: it is none, or a field isn't what it must be.
    """
    document = _object(line)
    if document is None or not _is_id(document.get("id")) or not isinstance(document.get("op"), str):
        raise UsageError(Reason.USAGE, 'This is no request. Send one line of JSON like {"id": 1, "op": "ping"}.')
    kind = OPERATIONS.get(document["op"])
    if kind is None:
        raise UsageError(
            Reason.USAGE, f"There is no operation {repr_of(document['op'])}. Name one of {', '.join(OPERATIONS)}."
        )
    try:
        return from_json(kind, document)
    except WrongField as error:
        raise UsageError(Reason.USAGE, str(error)) from error


def answer_event(identifier: Any, answer: Any) -> Done:
    """Make the event that carries an answer."""
    return Done(identifier, without_defaults(answer))


def event_line(event: Event) -> str:
    """Write an event."""
    if isinstance(event, Progressed):
        return _line({"event": "progress", **to_json(event)})
    if isinstance(event, Failed):
        return _line({"id": event.id, "event": "error", **ending_document(event.ending)})
    return _line({"id": event.id, "event": "done", **event.fields})


def read_event(line: str) -> Event | None:
    """Read an event; None where the line is none: something printed where only events belong."""
    document = _object(line) or {}
    try:
        if document.get("event") == "progress":
            return from_json(Progressed, document)
        if document.get("event") == "done":
            return Done(document["id"], document)
        return Failed(document["id"], ending_from_document(document)) if document.get("event") == "error" else None
    except (KeyError, WrongField):
        return None


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False)  # in ASCII: a file's name may hold what UTF-8 can't


def _object(line: str) -> dict[str, Any] | None:
    """Read a line as an object; None where it is none, or nests deeper than Python follows."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_id(value: Any) -> bool:
    return (type(value) is int or isinstance(value, str)) and len(str(value)) <= _LONGEST_ID
