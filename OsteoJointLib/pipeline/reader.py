"""The one inference path: from a CT to a :class:`CaseResult`, and back in at any stage after a user's edit.

A :class:`Reader` holds the loaded networks and nothing of any case, so it can be kept warm and asked in any order:

* :meth:`Reader.read` runs everything;
* :meth:`Reader.read_masks` takes both levels' masks from a user, and looks for nothing;
* :meth:`Reader.move` takes a moved point and runs from preprocess for that level, keeping the other level's mask;
* :meth:`Reader.edit` takes an edited mask and runs classification and measure only;
* :meth:`Reader.refine` lets the level set move masks there are and does the same.

Every entry returns a new result. :func:`analyze` is the way from a path: it reads and checks the input first and loads
the weights only then, so that what can't be read is refused at once. PyTorch is imported inside functions, because
the command line and the worker import this module to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.device import precision
from OsteoJointLib.io import ct_input
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.pipeline.calibrating import calibrated, calibration_flags, find_calibrations, look_for_rods
from OsteoJointLib.pipeline.case import Case, CaseResult, volume_of
from OsteoJointLib.pipeline.certainty import is_indeterminate
from OsteoJointLib.pipeline.classification import (
    classify_pair,
    encode_pair,
    explain_pair,
    facts_tensor,
    run_segmenter,
)
from OsteoJointLib.pipeline.contradictions import contradictions, left_out_flag, left_out_of
from OsteoJointLib.pipeline.doubts import all_flags, class_is_reliable
from OsteoJointLib.pipeline.drawn_masks import Drawn
from OsteoJointLib.pipeline.filling import draw, locate, measure, place_mask, redraw, take_slice, vertebra_flags
from OsteoJointLib.pipeline.given_masks import GivenMasks, centers_of, read_given_masks
from OsteoJointLib.pipeline.known_facts import with_facts
from OsteoJointLib.pipeline.localization import detect_boxes
from OsteoJointLib.pipeline.midslice import centered_levels, midslice_flags
from OsteoJointLib.pipeline.points import Points, assumed_levels, level_point, moved_levels, placed_levels
from OsteoJointLib.pipeline.refining import RefinedSlices, refined_slices
from OsteoJointLib.pipeline.segmentation import refined_segmentation
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.pipeline.stages import Progress, Stage, StageClock
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.pipeline.volume_stage import (
    WholeBodies,
    as_given,
    given_neighbors,
    volume_flags,
    whole_bodies,
    with_drawn,
    with_hints,
    with_mid_slice,
)
from OsteoJointLib.records import (
    AxialSlice,
    Classification,
    CtSlicePair,
    CtVolume,
    ExplanationMap,
    Flag,
    Level,
    LevelPoint,
    LevelsFound,
    ModelInfo,
    VertebraSegmentation,
)
from OsteoJointLib.whole_body.looking import Windows

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.detection import Detections
    from OsteoJointLib.network.multitask import MultitaskNetwork
    from OsteoJointLib.pipeline.localization import Detector


@dataclass(frozen=True, eq=False, repr=False)
class Reader:
    """The loaded networks and the path through them.

    Args:
        network: segmenter, classifier and fusion, in eval mode on ``device``.
        detector: the localizer with its box decoding; None when Ultralytics is missing.
        finder: finds L1 and L2 in a volume.
        model: which weights these are.
        device: where they are.
        config: settings of the stages.
    """

    network: MultitaskNetwork
    detector: Detector | None
    finder: Callable[[CtVolume], LevelsFound]
    model: ModelInfo
    device: torch.device
    config: PipelineConfig = field(default_factory=PipelineConfig)

    def read(
        self,
        case: Case,
        points: Points | None = None,
        options: ReadOptions | None = None,
        progress: Progress | None = None,
        earlier_s: Mapping[str, float] | None = None,
    ) -> CaseResult:
        """Run the whole chain on one case.

        Args:
            case: a CT, or the paper's pair of mid-slices.
            points: both levels' points by a user; None to find them.
            options: refinement and explanation map.
            progress: called as each stage begins.
            earlier_s: seconds of stages that ran before (reading, loading), for the result.

        Raises:
            InputRefused: levels not found, a point outside, a body not localized.
            ModelRefused: a localizer is needed and Ultralytics is missing.
        """
        clock = StageClock(progress, earlier_s)
        with clock.stage(Stage.LEVELS):
            levels = self.find_levels(case, points)
        return self.read_levels(case, levels, options, clock)

    def read_masks(
        self,
        case: Case,
        masks: GivenMasks,
        options: ReadOptions | None = None,
        progress: Progress | None = None,
        earlier_s: Mapping[str, float] | None = None,
    ) -> CaseResult:
        """Measure and classify by masks of both levels that a user gives; levels and boxes follow from them.

        Args:
            case: a CT, or the paper's pair of mid-slices.
            masks: as :func:`OsteoJointLib.pipeline.given_masks.read_given_masks` reads them.
            options: as in :meth:`read`; a refinement acts on these masks.
            progress: as in :meth:`read`.
            earlier_s: as in :meth:`read`.
        """
        clock = StageClock(progress, earlier_s)
        with clock.stage(Stage.LEVELS):
            levels = placed_levels(case, centers_of(masks, case))
        with clock.stage(Stage.PREPROCESS):
            placed = {
                level: place_mask(volume_of(case, level), level_point(levels, level), masks[level].mask)
                for level in Level
            }
        options, drawn = options or ReadOptions(), {}
        for level, vertebra in self._segment(placed, None, clock).items():
            mask = masks[level].mask
            whole = options.volume and mask.slices > 1
            plane = mask.plane(vertebra.axial.slice_index, vertebra.volume.hu.shape[1:])
            vertebra = with_drawn(vertebra, mask if whole else plane, self.config)
            if options.refine:
                vertebra = self._refined(vertebra, RefinedSlices(), clock)
            drawn[level] = as_given(vertebra, masks[level].source)
        neighbors = given_neighbors(case, masks) if isinstance(case, CtVolume) and options.volume else ()
        return self._conclude(case, levels, WholeBodies(drawn, neighbors), options, clock)

    def find_levels(self, case: Case, points: Points | None = None) -> LevelsFound | None:
        """Place L1 and L2 by the user's points, or find them in mid-body; None for a slice pair without points."""
        if points is not None:
            return placed_levels(case, points)
        return None if isinstance(case, CtSlicePair) else centered_levels(case, self.finder(case))

    def read_levels(
        self,
        case: Case,
        levels: LevelsFound | None,
        options: ReadOptions | None = None,
        clock: StageClock | None = None,
    ) -> CaseResult:
        """Run from preprocess on, for levels that are known (None: a slice pair, whose bodies are looked for)."""
        clock = clock or StageClock()
        points = {level: None if levels is None else level_point(levels, level) for level in Level}
        placed = self._locate(case, points, clock)
        if levels is None:
            levels = assumed_levels(placed[Level.L1].point, placed[Level.L2].point)
        drawn = self._segment(placed, options, clock)
        return self._conclude(case, levels, self._whole(case, levels, drawn, options, clock), options, clock)

    def move(
        self,
        result: CaseResult,
        points: Points,
        options: ReadOptions | None = None,
        progress: Progress | None = None,
    ) -> CaseResult:
        """Read again after a user moved one or both points; a level whose point stayed keeps its mask.

        Args:
            result: the reading so far.
            points: the new LPS mm points of the levels that moved.
            options: as in :meth:`read`.
            progress: as in :meth:`read`.
        """
        clock = StageClock(progress)
        with clock.stage(Stage.LEVELS):
            levels = moved_levels(result.volume, result.levels, points)
        placed = self._locate(result.volume, {level: level_point(levels, level) for level in points}, clock)
        drawn = {vertebra.level: vertebra for vertebra in result.readings} | self._segment(placed, options, clock)
        whole = self._whole(result.volume, levels, drawn, options, clock, self._windows_of(result))
        return self._conclude(result.volume, levels, whole, options, clock, result)

    def edit(
        self,
        result: CaseResult,
        masks: Mapping[Level, Drawn],
        options: ReadOptions | None = None,
        progress: Progress | None = None,
    ) -> CaseResult:
        """Classify and measure again with masks drawn by a user; nothing before them runs.

        Args:
            result: the reading so far.
            masks: of each edited level, (y, x) bool on the CT's own plane at its slice, or its whole body; levels left
                out keep their mask. Empty: classify and measure again as it is (for example to have the map now).
            options: as in :meth:`read`; a refinement acts on the edited masks only.
            progress: as in :meth:`read`.
        """
        refined = tuple(masks) if options is not None and options.refine else ()
        return self.refine(result, refined, masks, options, progress)

    def refine(
        self,
        result: CaseResult,
        levels: Sequence[Level],
        masks: Mapping[Level, Drawn] | None = None,
        options: ReadOptions | None = None,
        progress: Progress | None = None,
        where: RefinedSlices | None = None,
    ) -> CaseResult:
        """Let the level set move the masks there are, then classify and measure again.

        Args:
            result: the reading so far.
            levels: whose masks.
            masks: as in :meth:`edit`, taken in first.
            options: as in :meth:`read`.
            progress: as in :meth:`read`.
            where: on which slices; None: the mid-slices.
        """
        clock, masks = StageClock(progress), masks or {}
        drawn = {}
        for vertebra in result.readings:
            level = vertebra.level
            if level in masks:
                vertebra = with_drawn(vertebra, masks[level], self.config)
            if level in levels:
                vertebra = self._refined(vertebra, where or RefinedSlices(), clock)
            drawn[level] = vertebra
        whole = WholeBodies(drawn, result.neighbors, self._windows_of(result))
        if (options or ReadOptions()).volume != result.options.volume:
            whole = self._whole(result.volume, result.levels, drawn, options, clock, whole.windows)
        return self._conclude(result.volume, result.levels, whole, options, clock, result)

    def _locate(
        self, case: Case, points: Mapping[Level, LevelPoint | None], clock: StageClock
    ) -> dict[Level, VertebraReading]:
        """Preprocess and localization of the levels in ``points``."""
        volumes = {level: volume_of(case, level) for level in points}
        with clock.stage(Stage.PREPROCESS):
            axials = {level: take_slice(volumes[level], level, point) for level, point in points.items()}
        with clock.stage(Stage.LOCALIZATION):
            found: Sequence[Detections | None] = [None] * len(axials)
            if self.detector is not None:
                found = detect_boxes(self.detector, list(axials.values()), self.device)
            return {
                level: locate(volumes[level], axials[level], points[level], detections, self.config)
                for level, detections in zip(axials, found, strict=True)
            }

    def _segment(
        self, placed: Mapping[Level, VertebraReading], options: ReadOptions | None, clock: StageClock
    ) -> dict[Level, VertebraReading]:
        """Masks of the network, refined when asked."""
        with clock.stage(Stage.SEGMENTATION):
            said = run_segmenter(self.network, [v.crop for v in placed.values()], self.device, self._name)
            drawn = {
                level: draw(vertebra, encoded, self.config)
                for (level, vertebra), encoded in zip(placed.items(), said.split(), strict=True)
            }
        if options is not None and options.refine:
            for level, vertebra in drawn.items():
                mask = self._refine(vertebra.segmentation, vertebra.axial, clock)
                drawn[level] = replace(vertebra, segmentation=mask)
        return drawn

    def _refined(self, vertebra: VertebraReading, where: RefinedSlices, clock: StageClock) -> VertebraReading:
        """Let the level set move a level's mask on its mid-slice and on others of its body."""
        slices, middle, body = where.of(vertebra), vertebra.axial.slice_index, vertebra.body
        if middle in slices:
            mask = self._refine(vertebra.segmentation, vertebra.axial, clock)
            vertebra = with_mid_slice(redraw(vertebra, mask, self.config))
        if others := [index for index in slices if index != middle]:
            with clock.stage(Stage.LEVEL_SET):
                vertebra = refined_slices(vertebra, others, self.config.level_set)
        if body is None or vertebra.body is None:
            return vertebra
        # the level set is no user
        return replace(vertebra, body=replace(vertebra.body, edited=body.edited, refined=True))

    def _refine(self, segmentation: VertebraSegmentation, axial: AxialSlice, clock: StageClock) -> VertebraSegmentation:
        """Let the level set move a mask."""
        with clock.stage(Stage.LEVEL_SET):
            return refined_segmentation(segmentation, axial, self.config.level_set)

    def _whole(
        self,
        case: Case,
        levels: LevelsFound,
        drawn: Mapping[Level, VertebraReading],
        options: ReadOptions | None,
        clock: StageClock,
        seen: Windows | None = None,
    ) -> WholeBodies:
        """Whole bodies of both levels and their neighbors, where they are asked for and slices are there."""
        if isinstance(case, CtSlicePair) or not (options or ReadOptions()).volume:
            return WholeBodies({of: replace(one, body=None, network_body=None) for of, one in drawn.items()})
        with clock.stage(Stage.WHOLE_BODY):
            return whole_bodies(self.network, case, drawn, levels, self.device, seen or {})

    def _windows_of(self, result: CaseResult) -> Windows:
        """Return what these networks have looked at; nothing where others, or another device, made the result."""
        return result.windows if _networks(result.model, result.device) == self._name else {}

    def _conclude(
        self,
        case: Case,
        levels: LevelsFound,
        whole: WholeBodies,
        options: ReadOptions | None,
        clock: StageClock,
        before: CaseResult | None = None,
    ) -> CaseResult:
        """Measure; classification and explanation, unless the levels are in doubt; and the record of it all.

        ``before`` is the reading that was edited: what lies under the patient is where it was.
        """
        options = options or ReadOptions()
        classification: Classification | None = None
        maps: tuple[ExplanationMap | None, ExplanationMap | None] = (None, None)
        with clock.stage(Stage.MEASURE):
            pair = [measure(self._encoded(whole.levels[level]), self.config) for level in Level]
            case = with_facts(case, pair, options)
            rods = before.rods if before is not None else look_for_rods(case, pair, options)
            calibrations = find_calibrations(case, pair, rods, options)
            pair = [replace(one, measurement=calibrated(one.measurement, calibrations)) for one in pair]
            odd = contradictions(case, pair, self.config.input)
            left_out = left_out_of(odd, options)
        with clock.stage(Stage.CLASSIFICATION):
            encoded, facts = encode_pair(pair), facts_tensor(case, self.device)
            if levels.doubt is None:
                classification = classify_pair(self.network, encoded, facts, left_out)
        if classification is not None and options.gradcam:
            with clock.stage(Stage.EXPLANATION):
                maps = explain_pair(self.network, encoded, classification, self.config.explanation, facts)
        l1, l2 = (replace(vertebra, explanation=one) for vertebra, one in zip(pair, maps, strict=True))
        found = [
            *odd,
            *([] if left_out is None or classification is None else [left_out_flag(left_out)]),
            *(flag for one in (l1, l2) for flag in vertebra_flags(one, self.config)),
            *(flag for one in (l1, l2) for flag in midslice_flags(case, levels, one)),
        ]
        l1, l2, neighbors = with_hints(l1, l2, whole.neighbors)
        found += (*calibration_flags((l1, l2), calibrations), *volume_flags(case, (l1, l2), neighbors, options))
        without = None if left_out is None else left_out.level
        flags = all_flags(case, levels, found, without, self.config.input)
        if classification is not None:
            indeterminate = is_indeterminate(classification, class_is_reliable(flags))
            classification = replace(classification, indeterminate=indeterminate)
        device = str(self.device)
        timings = clock.timings_s
        return CaseResult(
            *(case, l1, l2, classification, self.model, device, levels, flags, timings, self.config, options),
            neighbors=neighbors,
            windows=whole.windows,
            rods=rods,
            precision=precision(self.device),
        )

    def _encoded(self, vertebra: VertebraReading) -> VertebraReading:
        """Complete a level by what this network's segmenter says of its crop."""
        if vertebra.encoded is not None and vertebra.encoded.made_by == self._name:
            return vertebra
        return replace(vertebra, encoded=run_segmenter(self.network, [vertebra.crop], self.device, self._name))

    def __repr__(self) -> str:
        localizer = "" if self.detector is not None else ", no localizer"
        return f"<Reader {self.model.name} ({self.model.profile}) on {self.device}{localizer}>"

    @property
    def _name(self) -> str:
        return _networks(self.model, str(self.device))


def _networks(model: ModelInfo, device: str) -> str:
    """Name networks by what their numbers depend on."""
    return f"{model.sha256} on {device}"


def analyze(
    path: Path | tuple[Path, ...],
    load: Callable[[], Reader],
    points: Points | None = None,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    limits: ReadingLimits | None = None,
    check: Callable[[Case], tuple[Flag, ...]] | None = None,
    masks: Path | None = None,
) -> CaseResult:
    """Read a CT from a path and run the whole chain on it.

    Args:
        path: file or DICOM folder, or some DICOM files of one.
        load: gives the reader; called after the input was read and checked, so that bad input is refused without
            loading weights.
        points: both levels' points by a user, or None.
        options: refinement and explanation map.
        progress: called as each stage begins.
        limits: by what the input is refused or flagged; None for the defaults.
        check: called with what was read, to refuse what it can't be used for, or to say something of it.
        masks: a file of a user's masks of both levels, by which the CT is read; no points then.

    Returns:
        The result.

    Raises:
        OsteoJointError: any refusal, with its reason.
    """
    clock = StageClock(progress)
    with clock.stage(Stage.IO):
        case = ct_input.read_ct(path, limits=limits)
        if check is not None and (said := check(case)) and isinstance(case, CtVolume):
            case = replace(case, flags=(*case.flags, *said))
        given = None if masks is None else read_given_masks(masks, case)
    with clock.stage(Stage.MODEL):
        reader = load()
    earlier = {stage.value: clock.timings_s[stage.value] for stage in (Stage.IO, Stage.MODEL)}
    if given is not None:
        return reader.read_masks(case, given, options, progress, earlier)
    return reader.read(case, points, options, progress, earlier)
