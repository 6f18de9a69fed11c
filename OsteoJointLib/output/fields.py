"""Every number and word that a result reports, one row each: the one place to touch when a new one is measured.

From these rows are made ``result.json`` (:mod:`OsteoJointLib.output.result_json`) and its JSON Schema
(:mod:`OsteoJointLib.output.result_schema`), the columns of the CSV, the report's tables, the table in Slicer's scene,
the panel's table and the terminal's summary. ``Testing/Lib/output/test_output_fields.py --renew`` writes the schema and
the example result anew after a change.

Points leave the library here in RAS mm, boxes in the CT's own pixels. What could not be had is null, and a flag says
why in one sentence, which is the stage's own: never 0, never a guess. File names are base names: no patient data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import box_to_plane, flip_lps_ras
from OsteoJointLib.output.kinds import Choice, Count, Kind, List, Number, Share, Text, YesNo
from OsteoJointLib.pipeline.baseline import BaselineReading
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, Classification, CtVolume, Level

T = TypeVar("T", contravariant=True)


class View(Enum):
    """Where people see a field; programs have the document and the CSV."""

    REPORT = auto()
    PANEL = auto()
    SCENE = auto()
    TERMINAL = auto()


@dataclass(frozen=True)
class Field(Generic[T]):
    """One reported number or word.

    Args:
        place: where it stands in the document, names joined by dots; ``{level}`` is L1 or L2.
        title: what people call it.
        meaning: what it is: a phrase for the schema and for the list of the CSV's columns.
        kind: of its values, with unit and digits.
        take: gets its value; None where it could not be had.
        null: why it may be null: the code of the flag that says so, or a clause where no flag is due.
        columns: of the CSV (a level's get ``l1_`` or ``l2_`` before them); a list has one for each of its values.
        views: where people see it.
        short: what people call it where room is short; empty: the title.
    """

    place: str
    title: str
    meaning: str
    kind: Kind
    take: Callable[[T], Any]
    null: Reason | str = ""
    columns: tuple[str, ...] = ()
    views: frozenset[View] = frozenset()
    short: str = ""

    @property
    def head(self) -> str:
        """Title and unit, for the head of a row or column."""
        return f"{self.title}, {self.kind.unit}" if self.kind.unit not in self.title else self.title

    @property
    def description(self) -> str:
        """Meaning, unit and reason of a null in one sentence."""
        unit = f", {self.kind.unit}" if self.kind.unit else ""
        null = f"null with flag {self.null}" if isinstance(self.null, Reason) else self.null
        return f"{self.meaning}{unit}{'; ' if null else ''}{null}."

    def put(self, document: dict[str, Any], thing: T | None, level: str = "") -> None:
        """Take the value and write it into its place; null where there is nothing to take it from."""
        *parents, name = self.place.format(level=level).split(".")
        for parent in parents:
            document = document.setdefault(parent, {})
        value = None if thing is None else self.take(thing)
        document[name] = None if value is None else self.kind.stored(value)

    def value(self, document: Mapping[str, Any], level: str = "") -> Any:
        """Read what stands in its place; None where there is nothing, as in a result of an older version."""
        found: Any = document
        for name in self.place.format(level=level).split("."):
            found = (found or {}).get(name)
        return found

    def said(self, document: Mapping[str, Any], level: str = "") -> str:
        """Say what stands in its place, without the unit; a dash for null."""
        value = self.value(document, level)
        return "–" if value is None else self.kind.said(value)


@dataclass(frozen=True, eq=False)
class LevelFacts:
    """What the fields of one level are taken from.

    Args:
        reading: all that is known of it.
        in_doubt: whether its name is.
        fusion_weight: in the class; None where there is no class.
        file: with its mask.
    """

    reading: VertebraReading
    in_doubt: bool
    fusion_weight: float | None
    file: str | None


@dataclass(frozen=True)
class NamedBody:
    """Another body of the column that was named: its center, the slice nearest to it, and the name's posterior."""

    center_lps_mm: tuple[float, float, float]
    slice_index: int
    confidence: float | None


NAMED_BODIES = ("T11", "T12", "L3", "L4", "L5", "L6")
"""The bodies beside L1 and L2 that a result tells of, from top to bottom; L6 where the column has one."""

ROI_WORDS = "trabecular: the body's mask on the mid-slice, eroded, without its posterior part"
"""Which region HU are measured in (:func:`OsteoJointLib.pipeline.measure.roi_mask`)."""

_SHA256 = Text("^[0-9a-f]{64}$")
_BASE_NAME = Text(r"^[^/\\]+$")
_STATUS = Choice({str(status): str(status) for status in STATUSES})
_POINT = List(Number("mm", 3, said_digits=1), 3)
_HU = Number("HU")
_BMD = Number("mg/cm³")
_ALL, _NOT_PANEL = frozenset(View), frozenset(View) - {View.PANEL}
_TOO_SMALL, _NOT_CALIBRATED, _NOT_COMPUTED = Reason.ROI_TOO_SMALL, Reason.NOT_CALIBRATED, Reason.NOT_COMPUTED
_HELD_BACK = Reason.CLASS_HELD_BACK
_NO_BMD = "null when the class is held back, or the weights estimate no BMD"
_NO_MAP = "null where no maps were made: they were not asked for, or there is no class"


def _probability(index: int) -> Callable[[Classification], float]:
    return lambda said: said.probabilities[index]


# A row a field: its place, its name, what it is; its kind; how it is taken; and what else is true of it.
# fmt: off
IMAGE: tuple[Field[CtVolume], ...] = (
    Field("kind", "Format", "Format the image was read from",
          Choice({kind: kind for kind in ("dicom", "nrrd", "nifti", "mha", "phantom", "memory")}),
          lambda image: image.source.kind),
    Field("file_names", "Files", "Base names without folders; a DICOM series names its folder", List(_BASE_NAME),
          lambda image: [Path(name).name for name in image.source.file_names]),
    Field("sha256", "SHA-256", "Of the file's bytes, or of the sorted SHA-256 of a series' files", _SHA256,
          lambda image: image.source.sha256, null=_NOT_COMPUTED),
    Field("geometry.shape_zyx", "Voxels", "Voxels along the index axes z, y, x. Index 0 is the most caudal slice, the "
          "most anterior row, the most right column", List(Count(at_least=1), 3),
          lambda image: image.grid.shape_zyx),
    Field("geometry.spacing_xyz_mm", "Spacing", "Distance of voxel centers along the index axes x, y, z",
          List(Number("mm", 6, said_digits=2, above=0), 3), lambda image: image.grid.spacing_xyz_mm),
    Field("geometry.origin_ras_mm", "Origin", "Center of voxel (0, 0, 0), RAS", List(Number("mm", 4), 3),
          lambda image: flip_lps_ras(np.asarray(image.grid.origin_lps_mm))),
    Field("geometry.axes_ras", "Axes", "RAS unit vectors of the index axes x, y, z", List(List(Number(digits=9), 3), 3),
          lambda image: flip_lps_ras(image.grid.direction.T)),
    Field("kvp", "Tube voltage", "Tube voltage", Number("kV", 3, above=0),
          lambda image: image.source.kvp, null=Reason.KVP_UNKNOWN, columns=("kvp",)),
    Field("kernel", "Kernel", "Reconstruction kernel", Text(),
          lambda image: image.source.kernel, null=Reason.KERNEL_UNKNOWN, columns=("kernel",)),
    Field("contrast", "Contrast", "Whether a contrast agent was given", YesNo("given", "none"),
          lambda image: image.source.contrast, null=Reason.CONTRAST_UNKNOWN, columns=("contrast",)),
    Field("choice", "Series", "Why this series was chosen among several", Text(),
          lambda image: image.source.choice, null="null when there was only one"),
)
"""Of each image: the CT, or each slice of a pair; places are within ``input`` or ``input.L1`` and ``input.L2``."""

CASE: tuple[Field[CaseResult], ...] = (
    Field("model.name", "Weights", "Name of the weights", Text(), lambda case: case.model.name, columns=("model",)),
    Field("model.profile", "Profile", "Size of the network", Text(), lambda case: case.model.profile),
    Field("model.sha256", "SHA-256", "SHA-256 of the weights", _SHA256,
          lambda case: case.model.sha256, columns=("model_sha256",)),
    Field("model.trained_on", "Trained on", "What the weights were trained on", Text(),
          lambda case: case.model.trained_on),
    Field("device", "Computed on", "What computed it, such as cpu or cuda:0", Text(),
          lambda case: case.device, columns=("device",)),
    Field("explanation.method", "Explanation map", "How the explanation maps were made",
          Choice({"hirescam": "HiResCAM", "gradcam": "Grad-CAM"}),
          lambda case: case.l1.explanation and case.l1.explanation.method, null=_NO_MAP),
    Field("explanation.scale_max", "Full scale", "What 1 stands for in both maps: the most influence that a pixel has, "
          "in log-odds of the class a cell of the explained layer", Number(digits=6, at_least=0),
          lambda case: case.l1.explanation and case.l1.explanation.scale_max, null=_NO_MAP),
)

CLASS: tuple[Field[Classification], ...] = (
    Field("classification.status", "Bone status", "The class; a flag class_not_reliable says when not to rely on it",
          _STATUS, lambda said: said.status, null=_HELD_BACK, columns=("status",)),
    *(Field(f"classification.probabilities.{status}", str(status), f"Probability of {status}", Share(digits=6),
            _probability(index), null=_HELD_BACK, columns=(f"p_{status}",))
      for index, status in enumerate(STATUSES)),
    Field("classification.indeterminate", "Certainty", "Whether another class is possible too: the 90 % interval of "
          "BMD holds 80 or 120 mg/cm³ or, without an estimate of BMD, the class has less than 90 %; stricter where the "
          "class is not reliable", YesNo("indeterminate", "determinate"), lambda said: said.indeterminate,
          null=_HELD_BACK, columns=("indeterminate",)),
    Field("classification.left_out", "Left out", "The level that the class and the plain rule are made without",
          Choice({str(level): str(level) for level in Level}), lambda said: said.left_out,
          null="null when both count, or the class is held back", columns=("left_out",)),
)

ESTIMATE: tuple[Field[Classification], ...] = (
    Field("classification.bmd.mean_mg_cm3", "BMD of the network", "Mean of L1 and L2 as the network estimates it from "
          "the image, no measurement", _BMD, lambda said: said.bmd and said.bmd.mean_mg_cm3, null=_NO_BMD,
          columns=("network_bmd_mg_cm3",)),
    Field("classification.bmd.sd_mg_cm3", "Its SD", "Standard deviation of that estimate", _BMD,
          lambda said: said.bmd and said.bmd.sd_mg_cm3, null=_NO_BMD, columns=("network_bmd_sd_mg_cm3",)),
    Field("classification.bmd.interval_50_mg_cm3", "Its 50 % interval", "Where it lies with probability 0.5",
          List(_BMD, 2), lambda said: said.bmd and said.bmd.interval_mg_cm3(50), null=_NO_BMD),
    Field("classification.bmd.interval_90_mg_cm3", "Its 90 % interval", "Where it lies with probability 0.9",
          List(_BMD, 2), lambda said: said.bmd and said.bmd.interval_mg_cm3(90), null=_NO_BMD),
)
"""What the network says of the BMD beside the class."""

BASELINE: tuple[Field[BaselineReading], ...] = (
    Field("baseline.status", "Plain HU rule", "Class by the plain rule: osteoporosis below low_hu, normal from high_hu "
          "on", _STATUS, lambda rule: rule.status, columns=("baseline_status",)),
    Field("baseline.hu_mean", "Mean HU", "Mean of hu_mean of the levels that count", _HU, lambda rule: rule.hu_mean),
    Field("baseline.low_hu", "Low threshold", "Below it: osteoporosis", _HU, lambda rule: rule.thresholds.low_hu),
    Field("baseline.high_hu", "High threshold", "From it on: normal; not below low_hu", _HU,
          lambda rule: rule.thresholds.high_hu),
    Field("baseline.method", "Method", "What was averaged, and on what the thresholds were fitted", Text(),
          lambda rule: rule.method),
)

LEVEL: tuple[Field[LevelFacts], ...] = (
    Field("levels.{level}.center_ras_mm", "R, A, S", "Center of the vertebral body, RAS", _POINT,
          lambda of: flip_lps_ras(np.asarray(of.reading.point.center_lps_mm)),
          columns=("center_r_mm", "center_a_mm", "center_s_mm"), views=frozenset({View.REPORT, View.TERMINAL})),
    Field("levels.{level}.slice_index", "Slice from below", "The axial mid-slice, counted from the lowest as 0",
          Count(), lambda of: of.reading.axial.slice_index,
          columns=("slice_index",), views=frozenset({View.REPORT, View.TERMINAL})),
    Field("levels.{level}.box_px", "Box", "x1, y1, x2, y2 of the body in that slice: edge coordinates in the CT's own "
          "pixels, the first pixel spanning 0 to 1", List(Number("px"), 4),
          lambda of: box_to_plane(of.reading.box.xyxy_px, of.reading.axial)),
    Field("levels.{level}.confidence", "Confidence", "Posterior probability of the level's name; 1 for a user's point",
          Share(digits=4), lambda of: of.reading.point.confidence, null=Reason.LEVELS_ASSUMED,
          columns=("confidence",), views=_NOT_PANEL),
    Field("levels.{level}.in_doubt", "Name", "Whether the level's name is in doubt and no user has confirmed it",
          YesNo("in doubt, to be confirmed", "not in doubt"), lambda of: of.in_doubt, columns=("in_doubt",),
          views=_NOT_PANEL),
    Field("levels.{level}.source", "Placed by", "Who placed the point; assumed: nobody, two slices were given alone",
          Choice({"auto": "OsteoJoint", "user": "a user", "assumed": "nobody: assumed"}),
          lambda of: of.reading.point.source, columns=("source",), views=_NOT_PANEL),
    Field("segmentation.{level}.file", "File", "Base name of the file that holds the mask (label 20 for L1, 21 for L2)",
          _BASE_NAME, lambda of: of.file, null="null when none was written"),
    Field("segmentation.{level}.area_mm2", "Area of the body", "Area of the body on the mid-slice",
          Number("mm²", at_least=0), lambda of: of.reading.segmentation.area_mm2,
          columns=("area_mm2",), views=_NOT_PANEL),
    Field("segmentation.{level}.edited", "Mask", "Whether a user drew the mask, or the one that the level set moved",
          YesNo("corrected by a user", "the network's"), lambda of: of.reading.segmentation.edited,
          columns=("edited",), views=_NOT_PANEL),
    Field("segmentation.{level}.refined", "Refined by the level set", "Whether the level set moved the mask", YesNo(),
          lambda of: of.reading.segmentation.refined, views=_NOT_PANEL),
    Field("segmentation.{level}.volume_ml", "Volume of the body", "Volume of the body, where more than the mid-slice "
          "was segmented", Number("ml", at_least=0), lambda of: None, null=_NOT_COMPUTED, columns=("volume_ml",)),
    Field("measurements.{level}.hu_mean", "Mean HU", "Mean of the region", _HU,
          lambda of: of.reading.measurement.hu_mean,
          null=_TOO_SMALL, columns=("hu_mean",), views=_ALL, short="HU"),
    Field("measurements.{level}.hu_median", "Median HU", "Median of the region", _HU,
          lambda of: of.reading.measurement.hu_median,
          null=_TOO_SMALL, columns=("hu_median",), views=_ALL, short="Median"),
    Field("measurements.{level}.hu_sd", "SD of HU", "Standard deviation in the region", Number("HU", at_least=0),
          lambda of: of.reading.measurement.hu_sd, null=_TOO_SMALL, columns=("hu_sd",), views=_ALL, short="SD"),
    Field("measurements.{level}.bmd_mg_cm3", "BMD", "Volumetric bone mineral density", Number("mg/cm³"),
          lambda of: of.reading.measurement.bmd_mg_cm3, null=_NOT_CALIBRATED, columns=("bmd_mg_cm3",), views=_ALL),
    Field("measurements.{level}.calibration", "Calibration", "Name of the calibration", Text(),
          lambda of: of.reading.measurement.calibration, null=_NOT_CALIBRATED, views=frozenset({View.REPORT})),
    Field("measurements.{level}.erosion_mm", "Erosion", "How far the mask was shrunk before measuring",
          Number("mm", 3, said_digits=1, at_least=0), lambda of: of.reading.measurement.erosion_mm,
          columns=("roi_erosion_mm",), views=_ALL, short="Erosion, mm"),
    Field("measurements.{level}.roi_area_mm2", "Area of the region", "Area of the region on the mid-slice",
          Number("mm²", at_least=0), lambda of: of.reading.measurement.area_mm2,
          columns=("roi_area_mm2",), views=_NOT_PANEL),
    Field("measurements.{level}.voxels", "Voxels in the region", "Voxels of the CT's own grid in the region", Count(),
          lambda of: of.reading.measurement.voxels, columns=("roi_voxels",), views=_ALL, short="Voxels"),
    Field("measurements.{level}.roi", "Region", "Which region was measured", Text(), lambda of: ROI_WORDS),
    Field("classification.fusion_weights.{level}", "Weight in the class", "Weight of the level in the class: W1 or W2 "
          "of Eq. 17, which sum to 1", Share(digits=6), lambda of: of.fusion_weight, null=_HELD_BACK,
          columns=("fusion_weight",)),
    Field("explanation.influence.{level}", "Share of the influence", "Share of both explanation maps' sum that lies in "
          "the level's", Share(digits=6), lambda of: of.reading.explanation and of.reading.explanation.share,
          null=_NO_MAP, columns=("influence",)),
)

BODY: tuple[Field[NamedBody], ...] = (
    Field("levels.{level}.center_ras_mm", "Center (R, A, S)", "Center of the body, RAS", _POINT,
          lambda body: flip_lps_ras(np.asarray(body.center_lps_mm))),
    Field("levels.{level}.slice_index", "Slice from below", "The axial slice nearest to it, counted from the lowest as "
          "0", Count(), lambda body: body.slice_index),
    Field("levels.{level}.confidence", "Confidence", "Posterior probability of the body's name", Share(digits=4),
          lambda body: body.confidence),
)
"""Of each body of :data:`NAMED_BODIES` that was found and named."""
# fmt: on


def put_all(fields: Iterable[Field[T]], document: dict[str, Any], thing: T | None, level: str = "") -> dict[str, Any]:
    """Take the values of ``fields`` and write them into their places; returns the document."""
    for field in fields:
        field.put(document, thing, level)
    return document


def seen_in(view: View) -> list[Field[LevelFacts]]:
    """List the fields of a level that people see there: what was measured first, then the mask, then the point."""
    order = ("measurements", "segmentation", "levels")
    seen = [field for field in LEVEL if view in field.views]
    return sorted(seen, key=lambda field: order.index(field.place.split(".")[0]))
