"""``--config FILE``: the sections of :class:`OsteoJointLib.pipeline.settings.PipelineConfig` as JSON.

A file holds only what differs from the defaults, for example ``{"measure": {"erosion_mm": 3.0}}``; what a reading was
made with stands whole in its result. A name that isn't known, or a value of another kind, is refused: a setting that
was misspelled must not be read with its default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.typed_json import WrongField, from_json, to_json


def read_config(path: Path | None) -> PipelineConfig:
    """Read a settings file; None gives the defaults.

    Raises:
        UsageError: it can't be read, isn't JSON, or :func:`config_of` refuses it.
    """
    if path is None:
        return PipelineConfig()
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would wait for ever
            message = f"The settings file {path} is no ordinary file. Give a .json file."
            raise UsageError(Reason.USAGE, message)
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The settings file {path} can't be opened ({error.strerror}). Check its name."
        raise UsageError(Reason.USAGE, message) from error
    except (ValueError, RecursionError) as error:
        message = f"The settings file {Path(path).name} is no JSON: {error}. Mend it there."
        raise UsageError(Reason.USAGE, message) from error
    return config_of(document)


def config_of(document: Any) -> PipelineConfig:
    """Turn the sections of a settings file into settings; what is left out keeps its default.

    Args:
        document: sections of :class:`PipelineConfig`, as ``settings`` of a result.json has them.

    Raises:
        UsageError: a name is unknown, or a value is of the wrong kind or out of its range.

    >>> config_of({"measure": {"erosion_mm": 3}}).measure.erosion_mm
    3.0
    """
    try:
        _refuse_unknown(PipelineConfig(), document)
        return from_json(PipelineConfig, document)
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"The settings can't be used: {str(error).rstrip('.')}. Correct them.") from None


def settings_document(config: PipelineConfig, options: ReadOptions) -> dict[str, Any]:
    """Write everything that a reading was asked for: its options, and the settings of every stage."""
    return {**to_json(options), **to_json(config)}


def settings_sha256(config: PipelineConfig, options: ReadOptions) -> str:
    """Take the SHA-256 of :func:`settings_document`, by which a batch knows that it would read a case alike."""
    return hashlib.sha256(json.dumps(settings_document(config, options), sort_keys=True).encode()).hexdigest()


def _refuse_unknown(section: Any, document: Any, where: str = "") -> None:
    """Refuse names that a section doesn't have, which reading by its annotations would pass over."""
    if not isinstance(document, Mapping):
        raise WrongField(f'{where or "the whole"} must be an object such as {{"name": value}}.')
    known = {field.name: getattr(section, field.name) for field in fields(section)}
    for name, value in document.items():
        if name not in known:
            raise WrongField(f"there is no {f'{where}.{name}'.lstrip('.')}, only {', '.join(known)}.")
        if value is None:
            raise WrongField(f"{f'{where}.{name}'.lstrip('.')} is null. Leave it out for its default.")
        if is_dataclass(known[name]):
            _refuse_unknown(known[name], value, name)
