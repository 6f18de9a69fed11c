"""``--config FILE``: the sections of :class:`OsteoJointLib.pipeline.settings.PipelineConfig` as JSON.

A file holds only what differs from the defaults, for example ``{"measure": {"erosion_mm": 3.0}}``; what a reading was
made with stands whole in its result. A name that isn't known, or a value of another kind, is refused: a setting that
was misspelled must not be read with its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions


def read_config(path: Path) -> PipelineConfig:
    """Read a settings file.

    Raises:
        UsageError: it can't be read, isn't JSON, or :func:`config_of` refuses it.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The settings file {path} can't be opened ({error.strerror}). Check its name."
        raise UsageError(Reason.USAGE, message) from error
    except ValueError as error:
        message = f"The settings file {Path(path).name} is no JSON: {error}. Mend it there."
        raise UsageError(Reason.USAGE, message) from error
    return config_of(document)


def config_of(document: Any) -> PipelineConfig:
    """Turn the sections of a settings file into settings; what is left out keeps its default.

    Args:
        document: as :func:`config_document` writes it, or a part of it.

    Raises:
        UsageError: a name is unknown, or a value is of the wrong kind or out of its range.

    >>> config_of({"measure": {"erosion_mm": 3}}).measure.erosion_mm
    3.0
    """
    return _filled(PipelineConfig(), document, "")


def config_document(config: PipelineConfig) -> dict[str, Any]:
    """Write all settings as a JSON object; :func:`config_of` gives them back."""
    return _listed(config)


def settings_document(config: PipelineConfig, options: ReadOptions) -> dict[str, Any]:
    """Write everything that a reading was asked for: its options, and the settings of every stage."""
    return {**_listed(options), **config_document(config)}


def _filled(default: Any, document: Any, where: str) -> Any:
    """Put the values of a JSON object in place of a dataclass's own."""
    if not isinstance(document, Mapping):
        section = f"The section {where!r} of the settings" if where else "The settings"
        raise UsageError(Reason.USAGE, f'{section} must be an object such as {{"name": value}}. Mend it there.')
    known = {field.name: getattr(default, field.name) for field in fields(default)}
    unknown = [name for name in document if name not in known]
    if unknown:
        place = f"the section {where!r} has" if where else "there are"
        raise UsageError(
            Reason.USAGE,
            f"There is no setting {unknown[0]!r}: {place} {', '.join(known)}. Correct its name, or remove it.",
        )
    values = {
        name: (_filled if is_dataclass(known[name]) else _value)(known[name], value, f"{where}.{name}".lstrip("."))
        for name, value in document.items()
    }
    try:
        return replace(default, **values)
    except ValueError as error:
        place = f"The section {where!r} of the settings" if where else "The settings"
        raise UsageError(Reason.USAGE, f"{place} can't be used: {error}. Change it there.") from None


def _value(default: Any, value: Any, where: str) -> Any:
    """Take a value of the default's kind: a number, a whole number, or a row of as many."""
    if isinstance(default, tuple) and isinstance(value, list) and len(value) == len(default):
        return tuple(_value(one, other, where) for one, other in zip(default, value, strict=True))
    if isinstance(default, float) and type(value) in (int, float):
        return float(value)
    if isinstance(default, int) and type(value) is int:
        return value
    kind = f"{len(default)} numbers" if isinstance(default, tuple) else _KINDS[type(default)]
    raise UsageError(
        Reason.USAGE, f"The setting {where} must be {kind} such as {json.dumps(default)}, not {json.dumps(value)}."
    )


_KINDS = {float: "a number", int: "a whole number"}


def _listed(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _listed(getattr(value, field.name)) for field in fields(value)}
    return [_listed(one) for one in value] if isinstance(value, tuple) else value
