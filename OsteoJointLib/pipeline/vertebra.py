"""One level of a case: a single record that fills up as the stages pass it on.

It is born with its place (:func:`OsteoJointLib.pipeline.filling.locate`) and gets its mask, its ROI and its map of why.
What a later stage fills is :data:`NOT_YET` before: it stands in for the value and refuses to be asked, so that a stage
that runs too early fails at once and no reader of a finished case has to ask whether a mask is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.io.canonical import to_stored
from OsteoJointLib.pipeline.preprocess import mask_to_volume
from OsteoJointLib.records import (
    VERSE_LABELS,
    AxialSlice,
    BodyBox,
    BodyVolume,
    Crop,
    CtVolume,
    ExplanationMap,
    Level,
    LevelPoint,
    MaskSource,
    RoiMeasurement,
    VertebraSegmentation,
)

if TYPE_CHECKING:
    from OsteoJointLib.network.encoded import EncodedCrops


class _NotYet:
    """Stands where a later stage will put its result."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the stage that gives {name} has not run yet")

    def __repr__(self) -> str:
        return "not yet"


NOT_YET: Any = _NotYet()
"""The value of a field whose stage has not run."""


@dataclass(frozen=True, eq=False, repr=False)
class VertebraReading:
    """All that is known of one level.

    Args:
        volume: the CT, or that level's slice of a pair.
        point: the body's center.
        axial: its mid-slice as the networks see it.
        box: the body's box on the slice.
        crop: the window around the box.
        found_box: the box before it followed a user's mask that lies elsewhere; None where it followed none.
        encoded: what the segmenter said of the crop, kept so that an edit doesn't run it again (2 MB with compact
            weights, 11 MB with the paper's sizes); None where it hasn't seen this crop.
        segmentation: the mask and the boundary heat map.
        measurement: HU of the trabecular ROI: of the body where there is one, else of the slice.
        slice_measurement: HU of the mid-slice's ROI.
        explanation: where the class gets its support; None where there is no class, or it was not asked for.
        body: the whole body, its mid-slice being ``segmentation.mask``; None of a pair of slices, and where only the
            mid-slices were asked for.
        network_body: the network's own, before any edit.
    """

    volume: CtVolume
    point: LevelPoint
    axial: AxialSlice
    box: BodyBox
    crop: Crop
    found_box: BodyBox | None = None
    encoded: EncodedCrops | None = None
    segmentation: VertebraSegmentation = NOT_YET
    measurement: RoiMeasurement = NOT_YET
    slice_measurement: RoiMeasurement = NOT_YET
    explanation: ExplanationMap | None = None
    body: BodyVolume | None = None
    network_body: BodyVolume | None = None

    @property
    def level(self) -> Level:
        """Which vertebra."""
        return self.point.level

    @property
    def roi_mask(self) -> np.ndarray:
        """Where the mid-slice cuts the ROI that was measured, (512, 512) bool in the frame of ``axial``."""
        measured = self.measurement
        if measured.corner_zyx is None:
            return measured.mask
        z, y, x = measured.corner_zyx
        plane = np.zeros(self.volume.grid.shape_zyx[1:], dtype=bool)
        layer = self.axial.slice_index - z
        if 0 <= layer < len(measured.mask):
            _, rows, columns = measured.mask.shape
            plane[y : y + rows, x : x + columns] = measured.mask[layer]
        return plane_to_mask(plane, self.axial)

    @property
    def mask_source(self) -> MaskSource:
        """Who drew the mask that the level's numbers come from: of the body where there is one."""
        mask = self.body or self.segmentation
        return MaskSource.of(mask.edited, mask.refined)

    @property
    def label_map(self) -> np.ndarray:
        """The body in VerSe's number (L1 = 20, L2 = 21) on the CT's own grid, (z, y, x) uint8 as the CT was given.

        The whole body, or its mid-slice where only that was segmented.
        """
        return label_map([self], self.volume)

    def __repr__(self) -> str:
        hu, mask = self.measurement, self.segmentation
        if hu is NOT_YET or mask is NOT_YET:
            return f"<{self.level}, slice {self.axial.slice_index}, being read>"
        words = "no HU" if hu.hu_mean is None else f"{hu.hu_mean:.0f} HU"
        return f"<{self.level}, slice {self.axial.slice_index}, {mask.area_mm2:.0f} mm2, {words}>"


def draw_masks(
    vertebrae: Sequence[VertebraReading], shape_zyx: tuple[int, int, int], neighbors: Sequence[BodyVolume] = ()
) -> np.ndarray:
    """Draw bodies into one label volume in the library's own order, in VerSe's numbers.

    Args:
        vertebrae: levels; one without a whole body has its mid-slice drawn, see :func:`mask_to_volume`.
        shape_zyx: of the CT.
        neighbors: further bodies, over which the levels are drawn.
    """
    flat = [vertebra for vertebra in vertebrae if vertebra.body is None]
    masks = {vertebra.level: vertebra.segmentation.mask for vertebra in flat}
    labels = mask_to_volume(masks, {vertebra.level: vertebra.axial for vertebra in flat}, shape_zyx)
    for body in (*neighbors, *(vertebra.body for vertebra in vertebrae if vertebra.body is not None)):
        labels[body.part][body.mask] = VERSE_LABELS[body.name]
    return labels


def label_map(
    vertebrae: Sequence[VertebraReading], volume: CtVolume, neighbors: Sequence[BodyVolume] = ()
) -> np.ndarray:
    """Draw the bodies that one volume shows; see :attr:`VertebraReading.label_map`."""
    labels = draw_masks(vertebrae, volume.grid.shape_zyx, neighbors)
    return labels if volume.stored is None else np.ascontiguousarray(to_stored(labels, volume.stored))
