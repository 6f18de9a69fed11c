"""The JSON Schema of ``result.json``, made from the table of fields; ``result.schema.json`` is its copy for users."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from OsteoJointLib.output.fields import (
    BASELINE,
    BODY,
    CASE,
    CLASS,
    ESTIMATE,
    IMAGE,
    LEVEL,
    NAMED_BODIES,
    NEIGHBOR,
    Field,
)
from OsteoJointLib.output.result_json import RESULT_SCHEMA
from OsteoJointLib.pipeline.config_file import settings_document
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.records import Level

Schema = dict[str, Any]

SCHEMA_PATH = Path(__file__).with_name("result.schema.json")

_LEVELS = tuple(level.value for level in Level)
_NULL, _NUMBER, _TEXT = {"type": "null"}, {"type": "number"}, {"type": "string"}
_NOT_EMPTY = {"type": "string", "minLength": 1}
_OF_BMD = ("bmd_mg_cm3", "bmd_se_mg_cm3", "calibration")
_BETWEEN_FIELDS: dict[str, Schema] = {
    "classification.probabilities": {"description": "They sum to 1."},
    "baseline": {
        "type": ["object", "null"],
        "description": "The plain rule beside the network's class; null with flag roi_too_small when a level could not "
        "be measured, and with flag class_held_back.",
    },
    "measurements.{level}": {
        "if": {"properties": {"hu_mean": _NULL}},
        "then": {"properties": dict.fromkeys(("hu_median", "hu_sd", *_OF_BMD), _NULL)},
        "else": {
            "properties": dict.fromkeys(("hu_median", "hu_sd"), _NUMBER),
            "if": {"properties": {"bmd_mg_cm3": _NUMBER}},
            "then": {"properties": {"calibration": _TEXT, "bmd_se_mg_cm3": _NUMBER}},
            "else": {"properties": dict.fromkeys(_OF_BMD, _NULL)},
        },
    },
}
"""What is true of fields together, by the place of the object that holds them."""


def result_schema() -> Schema:
    """Describe ``result.json``: the fields of the table, and what is no single number."""
    definitions: dict[str, Schema] = {}
    image = definitions["image"] = _object(_tree(IMAGE), definitions)
    flag: dict[str, Schema] = {
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "A stable reason code."},
        "level": {"enum": [*_LEVELS, None], "description": "The level it concerns; null: the whole case."},
        "message": {**_NOT_EMPTY, "description": "A sentence."},
    }
    volume = _closed({"form": {"const": "volume"}, **image["properties"]})
    pair = _closed({"form": {"const": "slice_pair"}, **{level: {"$ref": "#/$defs/image"} for level in _LEVELS}})
    whole: dict[str, Schema] = {
        "schema": {"const": RESULT_SCHEMA},
        "version": {**_NOT_EMPTY, "description": "OsteoJoint's version."},
        "notice": {**_NOT_EMPTY, "description": "The research-only notice."},
        "input": {"oneOf": [volume, pair]},
        **_object(_tree((*CASE, *CLASS, *ESTIMATE, *BASELINE, *LEVEL)), definitions)["properties"],
        "flags": {"type": "array", "items": _closed(flag), "description": "Every doubt, and why what is null is null."},
        "settings": {
            **_of_values(settings_document(PipelineConfig(), ReadOptions())),
            "description": "All settings it was read with: the options, and every setting that --config FILE reaches.",
        },
        "timings_s": {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0},
            "description": "Seconds per stage, and their sum as total.",
        },
    }
    definitions["body"] = _closed({field.place.split(".")[-1]: _one(field) for field in BODY})
    whole["levels"]["properties"] |= {name: {"$ref": "#/$defs/body"} for name in NAMED_BODIES}
    definitions["neighbor"] = _object(_tree(NEIGHBOR)["segmentation"]["{level}"], definitions)
    whole["segmentation"]["properties"] |= {name: {"$ref": "#/$defs/neighbor"} for name in ("T12", "L3")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:osteojoint:result:2",
        "title": "OsteoJoint result",
        "description": "One case, from CT to bone status. Points are RAS mm, boxes are edge coordinates in the CT's "
        "own pixels. A field that could not be had is null and a flag says why. Research only, not a medical device.",
        **_closed(whole),
        "$defs": definitions,
    }


def _tree(fields: Iterable[Field[Any]]) -> dict[str, Any]:
    """Hang fields into the objects that hold them, by the parts of their places."""
    root: dict[str, Any] = {}
    for field in fields:
        *parents, name = field.place.split(".")
        branch = root
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = field
    return root


def _object(tree: dict[str, Any], definitions: dict[str, Schema], place: str = "") -> Schema:
    """Describe an object and all below it; what both levels have goes into ``definitions`` under its parent's name."""
    properties: dict[str, Schema] = {}
    for name, branch in tree.items():
        below = f"{place}.{name}".lstrip(".")
        one = _one(branch) if isinstance(branch, Field) else _object(branch, definitions, below)
        if name == "{level}":
            definitions[place] = one
            properties |= {level: {"$ref": f"#/$defs/{place}"} for level in _LEVELS}
        else:
            properties[name] = one
    return _closed(properties) | _BETWEEN_FIELDS.get(place, {})


def _one(field: Field[Any]) -> Schema:
    schema = field.kind.schema()
    if field.null and "enum" in schema:
        schema["enum"].append(None)
    elif field.null:
        schema["type"] = [schema["type"], "null"]
    return {**schema, "description": field.description}


def _of_values(value: Any) -> Schema:
    """Describe values by the kind of their defaults."""
    if isinstance(value, dict):
        return _closed({name: _of_values(one) for name, one in value.items()})
    if isinstance(value, list):
        return {"type": "array", "items": _of_values(value[0]), "minItems": len(value), "maxItems": len(value)}
    if value is None:  # a choice that nobody need make
        return {"type": ["string", "object", "null"]}
    return {"type": {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]}


def _closed(properties: dict[str, Schema]) -> Schema:
    """Describe an object with just these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }
