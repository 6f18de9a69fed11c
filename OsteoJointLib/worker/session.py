"""What a worker keeps between requests: the reader, and every open case with its CT, levels and last result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.stages import Progress, Stage, StageClock
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import Level, LevelsFound
from OsteoJointLib.worker.answers import case_flags, levels_document
from OsteoJointLib.worker.requests import (
    Request,
    checked_out,
    given,
    level_set_parameters,
    levels_of,
    making_of,
    mask_files,
    path_if_given,
    path_of,
    points_of,
    read_options,
)
from OsteoJointLib.worker.saving import deliver, label

if TYPE_CHECKING:
    from OsteoJointLib.pipeline.case import Case
    from OsteoJointLib.pipeline.reader import Reader

MAX_OPEN = 4
"""Cases that stay open; the one that was opened first is let go for a fifth, so that memory has an end."""


@dataclass
class OpenCase:
    """A case between two requests: its CT, its levels once they were looked for, its result once it was read."""

    case: Case
    levels: LevelsFound | None = None
    result: CaseResult | None = None


@dataclass(frozen=True)
class Targets:
    """Where a result goes beside the answer: a folder for its files, a file for its views; each may be None."""

    out: Path | None
    views: Path | None

    @classmethod
    def of(cls, request: Request) -> Targets:
        """Those a request names, checked before any work."""
        return cls(checked_out(request), path_if_given(request, "views"))


class Session:
    """The worker's memory and its operations; see :mod:`OsteoJointLib.worker.serving` for what each takes and gives.

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
        from OsteoJointLib.hardware import find_hardware

        self._reader = self._load(**given(request, weights=str, device=str, threads=int))
        model = self._reader.model
        return {
            "model": {"name": model.name, "profile": model.profile, "sha256": model.sha256},
            "device": str(self._reader.device),
            "localizer": self._reader.detector is not None,
            "hardware": find_hardware().document(),
        }

    def open(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Read a CT and keep it."""
        opened = _read(path_of(request, "input"), StageClock(progress))
        return {"case": self._open(opened), "flags": case_flags(opened.case)}

    def analyze(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Read a CT and run the whole chain on it."""
        from OsteoJointLib.pipeline.reader import analyze

        path, targets = path_of(request, "input"), Targets.of(request)
        result = analyze(path, self._warm, points_of(request, both=True), read_options(request), progress)
        name = self._open(OpenCase(result.volume, result.levels, result))
        return self._answer(name, result, targets, progress)

    def levels(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Find or place the levels of a CT, which stays open."""
        clock, points = StageClock(progress), points_of(request, both=True)
        if request.get("case") is not None:
            name, opened = request["case"], self._case(request)
        else:
            name, opened = None, _read(path_of(request, "input"), clock)
        with clock.stage(Stage.MODEL):
            reader = self._warm()
        with clock.stage(Stage.LEVELS):
            opened.levels = reader.find_levels(opened.case, points)
        opened.result = None
        return {"case": name or self._open(opened), **levels_document(opened.case, opened.levels)}

    def segment(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Run from preprocess on: both levels after ``levels``, the moved ones after a result."""
        from OsteoJointLib.pipeline.points import moved_levels

        opened, targets, points = self._case(request), Targets.of(request), points_of(request)
        reader, options = self._warm(), read_options(request)
        if opened.result is not None:
            result = reader.move(opened.result, points or {}, options, progress)
            return self._keep(request["case"], result, targets, progress)
        clock = StageClock(progress)
        levels = opened.levels
        with clock.stage(Stage.LEVELS):
            if levels is None:
                levels = reader.find_levels(opened.case, points_of(request, both=True))
            elif points is not None:
                levels = moved_levels(opened.case, levels, points)
        result = reader.read_levels(opened.case, levels, options, clock)
        return self._keep(request["case"], result, targets, progress)

    def edit(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Take edited masks in and run classification and measure."""
        from OsteoJointLib.pipeline.drawn_masks import edited_planes

        targets, before = Targets.of(request), self._result(request)
        files, made = mask_files(request), making_of(request)
        if not files:
            raise UsageError(Reason.USAGE, "The field segmentation must be a path, or one for each level; none came.")
        planes = edited_planes(before, files)
        result = self._warm().edit(before, planes, read_options(request), progress)
        result = as_made(result, {level: making for level, making in made.items() if level in planes})
        return {**self._keep(request["case"], result, targets, progress), "edited": [level.value for level in planes]}

    def refine(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Let the level set move masks and run classification and measure."""
        from OsteoJointLib.pipeline.drawn_masks import edited_planes

        targets, before, reader = Targets.of(request), self._result(request), self._warm()
        made = making_of(request)
        parameters = level_set_parameters(request, reader.config.level_set)
        reader = replace(reader, config=replace(reader.config, level_set=parameters))
        planes = edited_planes(before, mask_files(request))
        result = reader.refine(before, levels_of(request), planes, read_options(request), progress)
        result = as_made(result, {level: making for level, making in made.items() if level in planes})
        return {**self._keep(request["case"], result, targets, progress), "edited": [level.value for level in planes]}

    def classify(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Run classification and measure on the masks there are."""
        targets = Targets.of(request)
        result = self._warm().edit(self._result(request), {}, read_options(request), progress)
        return self._keep(request["case"], result, targets, progress)

    def deliver(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Write the files of the result there is."""
        result = self._result(request)
        with StageClock(progress).stage(Stage.OUTPUT):
            return deliver(result, request)

    def label(self, request: Request, progress: Progress) -> dict[str, Any]:
        """Write the case into a dataset."""
        opened = self._case(request)
        with StageClock(progress).stage(Stage.OUTPUT):
            return label(opened.case, opened.levels, opened.result, request)

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
        name = request.get("case")
        opened = self._cases.get(name) if isinstance(name, str) else None
        if opened is None:
            raise UsageError(
                Reason.USAGE,
                f"An open case was expected; {name!r} isn't one (at most {MAX_OPEN} stay open). "
                "Open it by open, levels or analyze.",
            )
        return opened

    def _result(self, request: Request) -> CaseResult:
        result = self._case(request).result
        if result is None:
            raise UsageError(Reason.USAGE, "The case has no masks yet. Ask for segment first.")
        return result

    def _keep(self, name: str, result: CaseResult, targets: Targets, progress: Progress) -> dict[str, Any]:
        opened = self._cases[name]
        opened.result, opened.levels = result, result.levels
        return self._answer(name, result, targets, progress)

    def _answer(self, name: str, result: CaseResult, targets: Targets, progress: Progress) -> dict[str, Any]:
        from OsteoJointLib.output.delivery import deliver_case
        from OsteoJointLib.output.result_json import read_result, result_document

        answer: dict[str, Any] = {"case": name, "files": []}
        if targets.views is not None:
            from OsteoJointLib.output.viewer_arrays import write_views

            answer["views"] = write_views(result, targets.views)
        if targets.out is None:
            return {**answer, "result": result_document(result)}
        with StageClock(progress).stage(Stage.OUTPUT):
            files = deliver_case(result, targets.out)
        return {**answer, "result": read_result(targets.out), "files": [str(file) for file in files]}


def _read(path: Path, clock: StageClock) -> OpenCase:
    from OsteoJointLib.io.ct_input import read_ct

    with clock.stage(Stage.IO):
        return OpenCase(read_ct(path))


def as_made(result: CaseResult, made: Mapping[Level, Mapping[str, bool]]) -> CaseResult:
    """A result whose masks are marked as ``edited`` and ``refined`` as the request says of them."""

    def marked(reading: VertebraReading) -> VertebraReading:
        mask, making = reading.segmentation, made.get(reading.point.level)
        if making is None:
            return reading
        refined = making["refined"] or mask.refined
        return replace(reading, segmentation=replace(mask, edited=making["edited"], refined=refined))

    return replace(result, l1=marked(result.l1), l2=marked(result.l2))
