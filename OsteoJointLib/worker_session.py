"""What a worker keeps between requests: the reader, and every open case with its CT, levels and last result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.geometry import flip_lps_ras
from OsteoJointLib.records import CaseResult, CtVolume, Flag, Level, LevelPoint, LevelsFound
from OsteoJointLib.stages import Progress, Stage, StageClock

if TYPE_CHECKING:
    from OsteoJointLib.case import Case, Points
    from OsteoJointLib.pipeline import Reader
    from OsteoJointLib.pipeline_config import ReadOptions

Request = Mapping[str, Any]

MAX_OPEN = 4
"""Cases that stay open; the one that was opened first is let go for a fifth, so that memory has an end."""


@dataclass
class OpenCase:
    """A case between two requests: its CT, its levels once they were looked for, its result once it was read."""

    case: Case
    levels: LevelsFound | None = None
    result: CaseResult | None = None


class Session:
    """The worker's memory and its operations; see :mod:`OsteoJointLib.worker` for what each takes and gives.

    Args:
        load: makes a reader from ``weights``, ``device`` and ``threads``.
    """

    def __init__(self, load: Callable[..., Reader]):
        self._load = load
        self._reader: Reader | None = None
        self._cases: dict[str, OpenCase] = {}
        self._opened = 0

    def load(self, request: Request) -> dict[str, Any]:
        """Load weights; a second call replaces them."""
        self._reader = self._load(**_given(request, weights=str, device=str, threads=int))
        model = self._reader.model
        return {
            "model": {"name": model.name, "profile": model.profile, "sha256": model.sha256},
            "device": str(self._reader.device),
            "localizer": self._reader.detector is not None,
        }

    def analyze(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Read a CT and run the whole chain on it."""
        from OsteoJointLib.pipeline import analyze

        path, out = _path(request, "input"), _checked_out(request)
        result = analyze(path, self._warm, _points(request, both=True), _options(request), progress)
        name = self._open(OpenCase(result.volume, result.levels, result))
        return self._answer(name, result, out, progress)

    def levels(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Find or place the levels of a CT, which stays open."""
        from OsteoJointLib.io.reading import read_ct

        clock = StageClock(progress)
        if "case" in request:
            name, opened = request["case"], self._case(request)
        else:
            path = _path(request, "input")
            with clock.stage(Stage.IO):
                name, opened = None, OpenCase(read_ct(path))
        with clock.stage(Stage.MODEL):
            reader = self._warm()
        with clock.stage(Stage.LEVELS):
            opened.levels = reader.find_levels(opened.case, _points(request, both=True))
        opened.result = None
        return {"case": name or self._open(opened), **_levels_document(opened)}

    def segment(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Run from preprocess on: both levels after ``levels``, the moved ones after a result."""
        opened, out = self._case(request), _checked_out(request)
        reader, options = self._warm(), _options(request)
        if opened.result is None:
            points = _points(request, both=True)
            if points is not None:
                opened.levels = reader.find_levels(opened.case, points)
            result = reader.read_levels(opened.case, opened.levels, options, StageClock(progress))
        else:
            result = reader.move(opened.result, _points(request) or {}, options, progress)
        return self._keep(request["case"], result, out, progress)

    def edit(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Take edited masks in and run classification and measure."""
        from OsteoJointLib.labels import edited_planes

        out, before = _checked_out(request), self._result(request)
        planes = edited_planes(before, _mask_files(request))
        result = self._warm().edit(before, planes, _options(request), progress)
        return {**self._keep(request["case"], result, out, progress), "edited": [level.value for level in planes]}

    def classify(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Run classification and measure on the masks there are."""
        out = _checked_out(request)
        result = self._warm().edit(self._result(request), {}, _options(request), progress)
        return self._keep(request["case"], result, out, progress)

    def close(self, request: Request) -> dict[str, Any]:
        """Let a case go."""
        self._case(request)
        del self._cases[request["case"]]
        return {"open": len(self._cases)}

    def _warm(self) -> Reader:
        if self._reader is None:
            self._reader = self._load()
        return self._reader

    def _open(self, opened: OpenCase) -> str:
        self._opened += 1
        name = f"case-{self._opened}"
        self._cases[name] = opened
        while len(self._cases) > MAX_OPEN:
            del self._cases[next(iter(self._cases))]
        return name

    def _case(self, request: Request) -> OpenCase:
        opened = self._cases.get(request.get("case", ""))
        if opened is None:
            raise UsageError(
                Reason.USAGE,
                f"An open case was expected; {request.get('case')!r} isn't one (at most {MAX_OPEN} stay open). "
                "Open it by analyze or levels.",
            )
        return opened

    def _result(self, request: Request) -> CaseResult:
        result = self._case(request).result
        if result is None:
            raise UsageError(Reason.USAGE, "The case has no masks yet. Ask for segment first.")
        return result

    def _keep(self, name: str, result: CaseResult, out: Path | None, progress: Progress) -> dict[str, Any]:
        opened = self._cases[name]
        opened.result, opened.levels = result, result.levels
        return self._answer(name, result, out, progress)

    def _answer(self, name: str, result: CaseResult, out: Path | None, progress: Progress) -> dict[str, Any]:
        from OsteoJointLib.delivery import deliver_case
        from OsteoJointLib.output.result import read_result, result_document

        if out is None:
            return {"case": name, "result": result_document(result), "files": []}
        with StageClock(progress).stage(Stage.OUTPUT):
            files = deliver_case(result, out)
        return {"case": name, "result": read_result(out), "files": [str(file) for file in files]}


def _options(request: Request) -> ReadOptions:
    from OsteoJointLib.pipeline_config import ReadOptions

    return ReadOptions(**_given(request, refine=bool, gradcam=bool))


def _given(request: Request, **kinds: type) -> dict[str, Any]:
    """The optional fields that are there and not null, each checked to be of its kind."""
    given = {name: request[name] for name in kinds if request.get(name) is not None}
    for name, value in given.items():
        if type(value) is not kinds[name]:
            raise UsageError(Reason.USAGE, f"The field {name} must be of type {kinds[name].__name__}; got {value!r}.")
    return given


def _path(request: Request, name: str) -> Path:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(Reason.USAGE, f"The field {name} must be a path; got {value!r}.")
    return Path(value)


def _checked_out(request: Request) -> Path | None:
    from OsteoJointLib.delivery import check_case_folder

    if request.get("out") is None:
        return None
    out = _path(request, "out")
    check_case_folder(out)
    return out


def _points(request: Request, both: bool = False) -> Points | None:
    """The request's RAS points as LPS by level; None when it has none."""
    given = request.get("points")
    if given is None:
        return None
    if not isinstance(given, dict) or not given or not set(given) <= {level.value for level in Level}:
        raise UsageError(Reason.USAGE, f'Points must look like {{"L1": [R, A, S], "L2": [R, A, S]}}; got {given!r}.')
    if both and len(given) != len(Level):
        raise UsageError(Reason.USAGE, "Points were expected for both L1 and L2; one is missing. Give both.")
    return {Level(name): _lps_point(name, values) for name, values in given.items()}


def _lps_point(name: str, values: Any) -> tuple[float, float, float]:
    numbers = isinstance(values, list) and len(values) == 3 and all(type(v) in (int, float) for v in values)
    if not numbers or not np.isfinite(values).all():
        raise UsageError(Reason.USAGE, f"The point of {name} must be three numbers R, A, S in mm; got {values!r}.")
    x, y, z = flip_lps_ras(np.asarray(values))
    return (float(x), float(y), float(z))


def _mask_files(request: Request) -> dict[Level, Path]:
    value = request.get("segmentation")
    if isinstance(value, dict) and value and set(value) <= {level.value for level in Level}:
        return {Level(name): _path(value, name) for name in value}
    path = _path(request, "segmentation")
    return dict.fromkeys(Level, path)


def _levels_document(opened: OpenCase) -> dict[str, Any]:
    levels = opened.levels
    flags: tuple[Flag, ...] = levels.flags if levels is not None else ()
    if isinstance(opened.case, CtVolume):
        flags = (*opened.case.flags, *flags)
    points = (levels.l1, levels.l2) if levels is not None else ()
    return {
        "levels": {point.level.value: _point_document(point) for point in points} or None,
        "flags": [
            {"code": flag.code.value, "level": flag.level and flag.level.value, "message": flag.message}
            for flag in flags
        ],
    }


def _point_document(point: LevelPoint) -> dict[str, Any]:
    ras = flip_lps_ras(np.asarray(point.center_lps_mm))
    return {
        "center_ras_mm": [round(float(v), 3) for v in ras],
        "confidence": round(float(point.confidence), 4),
        "source": point.source.value,
    }
