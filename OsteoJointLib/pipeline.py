"""The one inference path: from a CT to a :class:`CaseResult`, and back in at any stage after a user's edit (design §1).

A :class:`Reader` holds the loaded networks and nothing of any case, so it can be kept warm and asked in any order:

* :meth:`Reader.read` runs everything;
* :meth:`Reader.move` takes a moved point and runs from preprocess for that level, keeping the other level's mask;
* :meth:`Reader.edit` takes an edited mask and runs classification and measure only;
* :meth:`Reader.refine` lets the level set move masks there are and does the same.

Every entry returns a new result. :func:`analyze` is the way from a path: it reads and checks the input first and loads
the weights only then, so that what can't be read is refused at once. PyTorch is imported inside functions, because
the command line and the worker import this module to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.case import Case, Points, level_point, moved_levels, placed_levels, volume_of
from OsteoJointLib.classification import EncodedCrops, classify_pair, encode_pair, explain_pair, run_segmenter
from OsteoJointLib.labels import mask_from_plane
from OsteoJointLib.localization import detect_boxes, localization_flags, refuse_without_localizer
from OsteoJointLib.measure import measure_roi, measurement_flags
from OsteoJointLib.pipeline_config import PipelineConfig, ReadOptions
from OsteoJointLib.records import (
    CaseResult,
    CtSlicePair,
    CtVolume,
    Flag,
    Level,
    LevelPoint,
    LevelsFound,
    ModelInfo,
    VertebraReading,
    VertebraSegmentation,
)
from OsteoJointLib.segmentation import (
    edited_segmentation,
    refined_segmentation,
    segment_crop,
    segmentation_flags,
)
from OsteoJointLib.sites import Site, follow_mask, locate_site, take_slice
from OsteoJointLib.stages import Progress, Stage, StageClock

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.localization import Detector
    from OsteoJointLib.network.detection import Detections
    from OsteoJointLib.network.multitask import MultitaskNetwork


@dataclass(frozen=True, eq=False)
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
            options: refinement and Grad-CAM.
            progress: called as each stage begins.
            earlier_s: seconds of stages that ran before (reading, loading), for the result.

        Returns:
            The result.

        Raises:
            InputRefused: levels not found, a point outside, a body not localized.
            ModelRefused: a localizer is needed and Ultralytics is missing.
        """
        clock = StageClock(progress, earlier_s)
        with clock.stage(Stage.LEVELS):
            levels = self.find_levels(case, points)
        return self.read_levels(case, levels, options, clock)

    def find_levels(self, case: Case, points: Points | None = None) -> LevelsFound | None:
        """Place L1 and L2 by the user's points, or find them; None for a slice pair without points."""
        if points is not None:
            return placed_levels(case, points)
        if self.detector is None:
            refuse_without_localizer(None)
        return None if isinstance(case, CtSlicePair) else self.finder(case)

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
        sites = self._locate(case, points, clock)
        if levels is None:
            levels = LevelsFound(sites[Level.L1].point, sites[Level.L2].point)
        masks, encoded = self._segment(sites, options, clock)
        return self._conclude(case, levels, sites, masks, encoded, options, clock)

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

        Returns:
            The new result.
        """
        clock = StageClock(progress)
        with clock.stage(Stage.LEVELS):
            levels = moved_levels(result.volume, result.levels, points)
        sites = self._locate(result.volume, {level: level_point(levels, level) for level in points}, clock)
        masks, encoded = self._segment(sites, options, clock)
        for reading in result.readings:
            level = reading.point.level
            if level not in points:
                sites[level] = Site.of_reading(reading, volume_of(result.volume, level))
                masks[level] = reading.segmentation
                encoded |= self._kept(reading, sites[level])
        return self._conclude(result.volume, levels, sites, masks, encoded, options, clock)

    def edit(
        self,
        result: CaseResult,
        planes: Mapping[Level, np.ndarray],
        options: ReadOptions | None = None,
        progress: Progress | None = None,
    ) -> CaseResult:
        """Classify and measure again with masks drawn by a user; nothing before them runs.

        Args:
            result: the reading so far.
            planes: (y, x) bool on the CT's own plane at each edited level's slice; levels left out keep their mask.
                Empty: classify and measure again as it is (for example to have Grad-CAM now).
            options: as in :meth:`read`; a refinement acts on the edited masks only.
            progress: as in :meth:`read`.

        Returns:
            The new result.
        """
        refined = tuple(planes) if options is not None and options.refine else ()
        return self._rework(result, planes, refined, options, StageClock(progress))

    def refine(
        self,
        result: CaseResult,
        levels: Sequence[Level],
        planes: Mapping[Level, np.ndarray] | None = None,
        options: ReadOptions | None = None,
        progress: Progress | None = None,
    ) -> CaseResult:
        """Let the level set move the masks there are, then classify and measure again.

        Args:
            result: the reading so far.
            levels: whose masks.
            planes: as in :meth:`edit`, taken in first.
            options: as in :meth:`read`.
            progress: as in :meth:`read`.

        Returns:
            The new result.
        """
        return self._rework(result, planes or {}, levels, options, StageClock(progress))

    def _rework(
        self,
        result: CaseResult,
        planes: Mapping[Level, np.ndarray],
        refined: Sequence[Level],
        options: ReadOptions | None,
        clock: StageClock,
    ) -> CaseResult:
        """Take masks in, refine those of ``refined``, and conclude."""
        sites, masks = {}, {}
        encoded: dict[Level, EncodedCrops] = {}
        for reading in result.readings:
            level = reading.point.level
            site, mask = Site.of_reading(reading, volume_of(result.volume, level)), reading.segmentation
            if level in planes:
                mask = edited_segmentation(mask_from_plane(planes[level], reading), site.axial, mask)
            if level in refined:
                mask = self._refine(mask, site, clock)
            if mask is not reading.segmentation:
                site = follow_mask(site, mask.mask, self.config)
            sites[level], masks[level] = site, mask
            encoded |= self._kept(reading, site)
        return self._conclude(result.volume, result.levels, sites, masks, encoded, options, clock)

    def _kept(self, reading: VertebraReading, site: Site) -> dict[Level, EncodedCrops]:
        """What the segmenter said of a level's crop, if this very network said it of this very crop."""
        kept = reading.encoded
        if kept is None or kept.made_by != self._name or site.crop is not reading.crop:
            return {}
        return {reading.point.level: kept}

    @property
    def _name(self) -> str:
        return f"{self.model.sha256} {self.device}"

    def _locate(self, case: Case, points: Mapping[Level, LevelPoint | None], clock: StageClock) -> dict[Level, Site]:
        """Preprocess and localization of the levels in ``points``."""
        volumes = {level: volume_of(case, level) for level in points}
        with clock.stage(Stage.PREPROCESS):
            axials = {
                level: take_slice(volumes[level], level, point, self.config.preprocess)
                for level, point in points.items()
            }
        with clock.stage(Stage.LOCALIZATION):
            found: Sequence[Detections | None] = [None] * len(axials)
            if self.detector is not None:
                found = detect_boxes(self.detector, list(axials.values()), self.device)
            return {
                level: locate_site(volumes[level], axials[level], points[level], detections, self.config)
                for level, detections in zip(axials, found, strict=True)
            }

    def _segment(
        self, sites: Mapping[Level, Site], options: ReadOptions | None, clock: StageClock
    ) -> tuple[dict[Level, VertebraSegmentation], dict[Level, EncodedCrops]]:
        """Masks of the network, refined when asked, and what the segmenter knows of the crops."""
        with clock.stage(Stage.SEGMENTATION):
            encoded = run_segmenter(self.network, [site.crop for site in sites.values()], self.device, self._name)
            logits = encoded.segmentation.mask_logits[:, 0].float().cpu().numpy()
            heatmaps = [None] * len(logits)
            if encoded.segmentation.heatmap is not None:
                heatmaps = list(encoded.segmentation.heatmap[:, 0].float().cpu().numpy())
            masks = {
                level: segment_crop(logits[i], heatmaps[i], site.axial, site.crop, self.config.segmentation)
                for i, (level, site) in enumerate(sites.items())
            }
        if options is not None and options.refine:
            masks = {level: self._refine(mask, sites[level], clock) for level, mask in masks.items()}
        return masks, dict(zip(sites, encoded.split(), strict=True))

    def _refine(self, segmentation: VertebraSegmentation, site: Site, clock: StageClock) -> VertebraSegmentation:
        """Let the level set move a mask."""
        with clock.stage(Stage.LEVEL_SET):
            return refined_segmentation(segmentation, site.axial, self.config.level_set)

    def _conclude(
        self,
        case: Case,
        levels: LevelsFound,
        sites: Mapping[Level, Site],
        masks: Mapping[Level, VertebraSegmentation],
        encoded: Mapping[Level, EncodedCrops],
        options: ReadOptions | None,
        clock: StageClock,
    ) -> CaseResult:
        """Classification, Grad-CAM and measure, and the record of it all."""
        crops, pair = [sites[level].crop for level in Level], [masks[level] for level in Level]
        with clock.stage(Stage.CLASSIFICATION):
            said = [
                encoded.get(level) or run_segmenter(self.network, [sites[level].crop], self.device, self._name)
                for level in Level
            ]
            evidence = encode_pair(self.network, said, crops, pair)
            classification = classify_pair(self.network, evidence)
        maps: list[np.ndarray | None] = [None, None]
        if (options or ReadOptions()).gradcam:
            with clock.stage(Stage.GRADCAM):
                maps = list(explain_pair(self.network, evidence, classification))
        with clock.stage(Stage.MEASURE):
            l1, l2 = (self._reading(sites[level], masks[level], maps[i], said[i]) for i, level in enumerate(Level))
        flags = (*self._flags(l1), *self._flags(l2))
        device = str(self.device)
        return CaseResult(case, l1, l2, classification, self.model, device, levels, flags, clock.timings_s)

    def _reading(
        self, site: Site, mask: VertebraSegmentation, gradcam: np.ndarray | None, encoded: EncodedCrops
    ) -> VertebraReading:
        axial = site.axial
        roi = measure_roi(axial.hu, mask.mask, axial.pixel_mm, axial.level, self.config.measure)
        return VertebraReading(site.point, axial, site.box, site.crop, mask, roi, gradcam, encoded)

    def _flags(self, reading: VertebraReading) -> tuple[Flag, ...]:
        return (
            *localization_flags(reading.box, reading.point.level),
            *segmentation_flags(reading.segmentation, reading.crop, self.config.segmentation),
            *measurement_flags(reading.measurement, self.config.measure),
        )


def analyze(
    path: Path,
    load: Callable[[], Reader],
    points: Points | None = None,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> CaseResult:
    """Read a CT from a path and run the whole chain on it.

    Args:
        path: file or DICOM folder.
        load: gives the reader; called after the input was read and checked, so that bad input is refused without
            loading weights.
        points: both levels' points by a user, or None.
        options: refinement and Grad-CAM.
        progress: called as each stage begins.

    Returns:
        The result.

    Raises:
        OsteoJointError: any refusal, with its reason.
    """
    from OsteoJointLib.io.reading import read_ct

    clock = StageClock(progress)
    with clock.stage(Stage.IO):
        case = read_ct(path)
    with clock.stage(Stage.MODEL):
        reader = load()
    earlier = {stage.value: clock.timings_s[stage.value] for stage in (Stage.IO, Stage.MODEL)}
    return reader.read(case, points, options, progress, earlier)
