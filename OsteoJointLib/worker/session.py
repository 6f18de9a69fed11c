"""What a worker keeps between requests: the reader, and every open case with its CT, levels and last result."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib import __version__
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.hardware import find_hardware
from OsteoJointLib.io import ct_input
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.output.case_folder import check_case_folder, deliver_case
from OsteoJointLib.output.result_json import read_result, result_document
from OsteoJointLib.output.viewer_arrays import write_views
from OsteoJointLib.pipeline.case import Case, CaseResult, images_of
from OsteoJointLib.pipeline.config_file import config_of
from OsteoJointLib.pipeline.drawn_masks import edited_masks
from OsteoJointLib.pipeline.points import Points, moved_levels, require_both
from OsteoJointLib.pipeline.reader import Reader, analyze
from OsteoJointLib.pipeline.refining import RefinedSlices
from OsteoJointLib.pipeline.stages import Progress, Stage, StageClock
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import Level, LevelsFound
from OsteoJointLib.typed_json import repr_of
from OsteoJointLib.worker import answers, requests
from OsteoJointLib.worker.lines import PROTOCOL
from OsteoJointLib.worker.requests import ReadRequest, Request
from OsteoJointLib.worker.saving import convert, deliver, label

OPEN_BYTES = 512 * 2**20
"""What the open cases may hold; where a new one makes it more, those that were opened first are let go (chosen: three
CTs of 512 x 512 x 300). The newest stays, however large it is."""
BESIDE_BYTES = 16 * 2**20
"""What a case holds beside its voxels: slices, masks, and what the network saw of them (measured: 15 MB)."""


@dataclass
class OpenCase:
    """A case between two requests: its CT, its levels once they were looked for, its result once it was read."""

    case: Case
    levels: LevelsFound | None = None
    result: CaseResult | None = None

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        return sum(image.hu.nbytes for image in images_of(self.case)) + BESIDE_BYTES


class Session:
    """The worker's memory and its operations; see ``docs/reference/worker.md`` for what each takes and gives.

    Args:
        load: makes a reader from weights, device, threads and configuration.
    """

    def __init__(self, load: Callable[..., Reader]):
        self._load = load
        self._reader: Reader | None = None
        self._cases: dict[str, OpenCase] = {}
        self._opened = 0

    def answer(self, request: Request[Any], progress: Progress) -> Any:
        """Carry out one request and return its answer.

        Raises:
            OsteoJointError: any refusal.
        """
        operations: dict[type, Callable[[Any, Progress], Any]] = {
            requests.Ping: lambda request, progress: answers.Alive(__version__, PROTOCOL, os.getpid()),
            requests.Load: self._load_weights,
            requests.Open: self._open_ct,
            requests.FindLevels: self._find_levels,
            requests.Segment: self._segment,
            requests.Analyze: self._analyze,
            requests.Edit: self._edit,
            requests.Refine: self._edit,
            requests.Classify: self._classify,
            requests.Deliver: self._deliver,
            requests.Label: self._label,
            requests.Convert: self._convert,
            requests.Close: self._close,
            requests.Shutdown: lambda request, progress: answers.Ended(),
        }
        return operations[type(request)](request, progress)

    def _load_weights(self, request: requests.Load, progress: Progress) -> answers.Loaded:
        self._reader = self._load(
            weights=request.weights, device=request.device, threads=request.threads, config=config_of(request.config)
        )
        model = self._reader.model
        told = answers.LoadedModel(model.name, model.profile, model.sha256)
        return answers.Loaded(told, str(self._reader.device), self._reader.detector is not None, find_hardware())

    def _open_ct(self, request: requests.Open, progress: Progress) -> answers.Opened:
        opened = self._read(request.input, StageClock(progress))
        before = set(self._cases)
        name = self._keep_open(opened)
        return answers.Opened(name, answers.case_flags(opened.case), tuple(sorted(before - set(self._cases))))

    def _analyze(self, request: requests.Analyze, progress: Progress) -> answers.CaseRead:
        _check(request)
        points = _lps_points(request.points, both=True)
        result = analyze(request.input, self._warm, points, request.options, progress, self._limits)
        name = self._keep_open(OpenCase(result.volume, result.levels, result))
        return _told(name, result, request, progress)

    def _find_levels(self, request: requests.FindLevels, progress: Progress) -> answers.LevelsTold:
        clock, points = StageClock(progress), _lps_points(request.points, both=True)
        if request.case is not None:
            name, opened = request.case, self._case(request.case)
        elif request.input is not None:
            name, opened = None, self._read(request.input, clock)
        else:
            raise UsageError(Reason.USAGE, "No CT is named. Give an open case, or a path as input.")
        with clock.stage(Stage.MODEL):
            reader = self._warm()
        with clock.stage(Stage.LEVELS):
            opened.levels = reader.find_levels(opened.case, points)
        opened.result = None
        return answers.levels_told(name or self._keep_open(opened), opened.case, opened.levels)

    def _segment(self, request: requests.Segment, progress: Progress) -> answers.CaseRead:
        """Run from preprocess on: both levels after ``levels``, the moved ones after a result."""
        _check(request)
        opened, points, reader = self._case(request.case), _lps_points(request.points), self._warm()
        if opened.result is not None:
            result = reader.move(opened.result, points or {}, request.options, progress)
            return self._keep(request.case, result, request, progress)
        clock = StageClock(progress)
        with clock.stage(Stage.LEVELS):
            if opened.levels is None:
                levels = reader.find_levels(opened.case, _lps_points(request.points, both=True))
            else:
                levels = opened.levels if points is None else moved_levels(opened.case, opened.levels, points)
        result = reader.read_levels(opened.case, levels, request.options, clock)
        return self._keep(request.case, result, request, progress)

    def _edit(self, request: requests.Edit | requests.Refine, progress: Progress) -> answers.CaseRead:
        """Take edited masks in, let the level set move some where that is asked, and run classification and measure."""
        _check(request)
        before, reader = self._result(request.case), self._warm()
        masks = edited_masks(before, requests.mask_files(request.segmentation))
        if isinstance(request, requests.Refine):
            parameters = requests.level_set_parameters(request.parameters, reader.config.level_set)
            reader = replace(reader, config=replace(reader.config, level_set=parameters))
            levels = [level for level in Level if level in request.levels]
            at = None if request.at is None else flip_lps_ras(np.asarray(request.at)).tolist()
            where = RefinedSlices(request.whole, None if at is None else (at[0], at[1], at[2]))
            result = reader.refine(before, levels, masks, request.options, progress, where)
        else:
            result = reader.edit(before, masks, request.options, progress)
        result = as_made(result, {level: making for level, making in request.made.items() if level in masks})
        return self._keep(request.case, result, request, progress, edited=tuple(masks))

    def _classify(self, request: requests.Classify, progress: Progress) -> answers.CaseRead:
        _check(request)
        result = self._warm().edit(self._result(request.case), {}, request.options, progress)
        return self._keep(request.case, result, request, progress)

    def _deliver(self, request: requests.Deliver, progress: Progress) -> answers.Delivered:
        result = self._result(request.case)
        with StageClock(progress).stage(Stage.OUTPUT):
            return deliver(result, request, self._limits)

    def _label(self, request: requests.Label, progress: Progress) -> answers.Labeled:
        opened = self._case(request.case)
        points = _lps_points(request.points)
        with StageClock(progress).stage(Stage.OUTPUT):
            return label(opened.case, opened.levels, opened.result, request, points)

    def _convert(self, request: requests.Convert, progress: Progress) -> answers.Converted:
        clock = StageClock(progress)
        case = self._read(request.input, clock).case
        with clock.stage(Stage.OUTPUT):
            return convert(case, request)

    def _close(self, request: requests.Close, progress: Progress) -> answers.Closed:
        self._case(request.case)
        del self._cases[request.case]
        return answers.Closed(len(self._cases))

    def _warm(self) -> Reader:
        if self._reader is None:
            self._reader = self._load()
        return self._reader

    @property
    def _limits(self) -> ReadingLimits | None:
        """The limits of the configuration that was loaded; None before."""
        return None if self._reader is None else self._reader.config.input

    def _read(self, path: Path | tuple[Path, ...], clock: StageClock) -> OpenCase:
        with clock.stage(Stage.IO):
            return OpenCase(ct_input.read_ct(path, limits=self._limits))

    def _keep_open(self, opened: OpenCase) -> str:
        self._opened += 1
        name = f"case-{self._opened}"
        self._cases[name] = opened
        while len(self._cases) > 1 and sum(kept.size for kept in self._cases.values()) > OPEN_BYTES:
            del self._cases[next(iter(self._cases))]
        return name

    def _case(self, name: str) -> OpenCase:
        opened = self._cases.get(name)
        if opened is None:
            raise UsageError(
                Reason.USAGE,
                f"No case {repr_of(name)} is open; the oldest are let go where memory is short. Open it by open, "
                "levels or analyze.",
            )
        return opened

    def _result(self, name: str) -> CaseResult:
        result = self._case(name).result
        if result is None:
            raise UsageError(Reason.USAGE, "The case has no masks yet. Ask for segment first.")
        return result

    def _keep(
        self,
        name: str,
        result: CaseResult,
        request: ReadRequest,
        progress: Progress,
        edited: tuple[Level, ...] | None = None,
    ) -> answers.CaseRead:
        opened = self._cases[name]
        opened.result, opened.levels = result, result.levels
        return replace(_told(name, result, request, progress), edited=edited)


def _check(request: ReadRequest) -> None:
    """Check before any work that the folder for the files is free."""
    if request.out is not None:
        check_case_folder(request.out)


def _told(name: str, result: CaseResult, request: ReadRequest, progress: Progress) -> answers.CaseRead:
    """Write what the request asks for, and tell of the result."""
    views = None if request.views is None else write_views(result, request.views)
    if request.out is None:
        return answers.CaseRead(name, result_document(result), (), views)
    with StageClock(progress).stage(Stage.OUTPUT):
        files = deliver_case(result, request.out)
    return answers.CaseRead(name, read_result(request.out), files, views)


def _lps_points(points: Mapping[Level, answers.PointRas] | None, both: bool = False) -> Points | None:
    """Turn a request's points to LPS mm; None when it has none."""
    if points is None:
        return None
    placed = {level: tuple(flip_lps_ras(np.asarray(point)).tolist()) for level, point in points.items()}
    if both:
        require_both(placed)
    return placed


def as_made(result: CaseResult, made: Mapping[Level, requests.Making]) -> CaseResult:
    """Mark a result's masks as edited and refined, as a request says of them.

    What the level set moved is refined, and what is the network's own nobody drew, whatever the request says.
    """

    def marked(reading: VertebraReading) -> VertebraReading:
        mask, making = reading.segmentation, made.get(reading.point.level)
        if making is None:
            return reading
        refined = making.refined or mask.refined
        body = reading.body and replace(reading.body, edited=making.edited and reading.body.edited, refined=refined)
        segmentation = replace(mask, edited=making.edited and mask.edited, refined=refined)
        return replace(reading, segmentation=segmentation, body=body)

    return replace(result, l1=marked(result.l1), l2=marked(result.l2))
