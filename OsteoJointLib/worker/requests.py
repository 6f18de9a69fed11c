"""The fields of a worker's request, each checked to be of its kind and turned into what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.records import Level

if TYPE_CHECKING:
    from OsteoJointLib.level_set.parameters import LevelSetParameters
    from OsteoJointLib.pipeline.points import Points
    from OsteoJointLib.pipeline.settings import ReadOptions

Request = Mapping[str, Any]


def given(request: Request, **kinds: type) -> dict[str, Any]:
    """The optional fields that are there and not null, each checked to be of its kind."""
    found = {name: request[name] for name in kinds if request.get(name) is not None}
    for name, value in found.items():
        if type(value) is not kinds[name]:
            raise UsageError(Reason.USAGE, f"The field {name} must be of type {kinds[name].__name__}; got {value!r}.")
    return found


def read_options(request: Request) -> ReadOptions:
    """Refinement and Grad-CAM."""
    from OsteoJointLib.pipeline.settings import ReadOptions

    return ReadOptions(**given(request, refine=bool, gradcam=bool))


def path_of(request: Request, name: str) -> Path:
    """A field that must be a path."""
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(Reason.USAGE, f"The field {name} must be a path; got {value!r}.")
    return Path(value)


def path_if_given(request: Request, name: str) -> Path | None:
    """A field that may be a path; None when it isn't there."""
    return None if request.get(name) is None else path_of(request, name)


def checked_out(request: Request) -> Path | None:
    """The folder ``out``, checked to be free for results; None when it wasn't given."""
    from OsteoJointLib.output.delivery import check_case_folder

    out = path_if_given(request, "out")
    if out is not None:
        check_case_folder(out)
    return out


def points_of(request: Request, both: bool = False) -> Points | None:
    """The request's RAS points as LPS by level; None when it has none."""
    value = request.get("points")
    if value is None:
        return None
    if not isinstance(value, dict) or not value or not set(value) <= {level.value for level in Level}:
        raise UsageError(Reason.USAGE, f'Points must look like {{"L1": [R, A, S], "L2": [R, A, S]}}; got {value!r}.')
    if both and len(value) != len(Level):
        raise UsageError(Reason.USAGE, "Points were expected for both L1 and L2; one is missing. Give both.")
    return {Level(name): _lps_point(name, numbers) for name, numbers in value.items()}


def mask_files(request: Request) -> dict[Level, Path]:
    """The field ``segmentation``: one label map for both levels, or one a level; empty when it wasn't given."""
    value = request.get("segmentation")
    if value is None:
        return {}
    if isinstance(value, dict) and value and set(value) <= {level.value for level in Level}:
        return {Level(name): path_of(value, name) for name in value}
    return dict.fromkeys(Level, path_of(request, "segmentation"))


def making_of(request: Request) -> dict[Level, dict[str, bool]]:
    """The field ``made``: how the masks of ``segmentation`` came about; empty when it wasn't given."""
    value = request.get("made")
    if value is None:
        return {}
    names = {level.value for level in Level}
    whole = isinstance(value, dict) and set(value) <= names and all(isinstance(one, dict) for one in value.values())
    if not whole or not all(
        set(one) == {"edited", "refined"} and all(type(flag) is bool for flag in one.values()) for one in value.values()
    ):
        raise UsageError(
            Reason.USAGE, f'made must look like {{"L1": {{"edited": true, "refined": false}}}}; got {value!r}.'
        )
    return {Level(name): one for name, one in value.items()}


def levels_of(request: Request) -> tuple[Level, ...]:
    """The field ``levels``: which levels; both when it wasn't given."""
    value = request.get("levels")
    if value is None:
        return tuple(Level)
    if not isinstance(value, list) or not value or not set(map(str, value)) <= {level.value for level in Level}:
        raise UsageError(Reason.USAGE, f'Levels must look like ["L1", "L2"]; got {value!r}.')
    return tuple(level for level in Level if level.value in value)


def level_set_parameters(request: Request, defaults: LevelSetParameters) -> LevelSetParameters:
    """The field ``parameters``: any fields of the level set's parameters in place of the defaults."""
    from dataclasses import asdict, replace

    value = request.get("parameters")
    if value is None:
        return defaults
    known = asdict(defaults)
    if not isinstance(value, dict) or not set(value) <= set(known):
        raise UsageError(Reason.USAGE, f"Parameters must be among {', '.join(known)}; got {value!r}.")
    for name, number in value.items():
        if type(number) is not int and (type(number) is not float or type(known[name]) is int):
            kind = "whole number" if type(known[name]) is int else "number"
            raise UsageError(Reason.USAGE, f"The parameter {name} must be a {kind}; got {number!r}.")
    try:
        return replace(defaults, **value)
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"The level set can't run with these parameters: {error}") from error


def _lps_point(name: str, values: Any) -> tuple[float, float, float]:
    numbers = isinstance(values, list) and len(values) == 3 and all(type(v) in (int, float) for v in values)
    if not numbers or not np.isfinite(values).all():
        raise UsageError(Reason.USAGE, f"The point of {name} must be three numbers R, A, S in mm; got {values!r}.")
    x, y, z = flip_lps_ras(np.asarray(values))
    return (float(x), float(y), float(z))
