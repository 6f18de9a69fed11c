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
from OsteoJointLib.output.kinds import Choice, Count, Entries, Kind, List, Number, Probability, Share, Text, YesNo
from OsteoJointLib.pipeline.baseline import BaselineReading
from OsteoJointLib.pipeline.calibrating import case_bmd
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.circle import CircleHu, circle_hu
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import (
    STATUSES,
    BodyHeights,
    BodyVolume,
    Classification,
    ContrastPhase,
    CtVolume,
    FractureHint,
    LeftOutReason,
    Level,
    MaskSource,
    Origin,
    RoiKind,
)

T = TypeVar("T", contravariant=True)
S = TypeVar("S")


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
    """Another body of the column that was named.

    Args:
        center_lps_mm: its center.
        slice_index: the slice nearest to it.
        confidence: the name's posterior.
        circle: HU in a circle about its center; None where the image cuts the circle or the body.
    """

    center_lps_mm: tuple[float, float, float]
    slice_index: int
    confidence: float | None
    circle: CircleHu | None


NAMED_BODIES = ("T11", "T12", "L3", "L4", "L5", "L6")
"""The bodies beside L1 and L2 that a result tells of, from top to bottom; L6 where the column has one."""

ROI_WORDS = {
    RoiKind.BODY: "trabecular: the middle third of the whole body along its own axis, eroded in 3-D, without its "
    "posterior part and without voxels too dense for trabecular bone",
    RoiKind.SLICE: "trabecular: the body's mask on the mid-slice, eroded, without its posterior part",
}
"""Which region HU are measured in (:mod:`OsteoJointLib.pipeline.body_roi`, :mod:`OsteoJointLib.pipeline.measure`)."""

_SHA256 = Text("^[0-9a-f]{64}$")
_BASE_NAME = Text(r"^[^/\\]+$")
_STATUS = Choice({str(status): str(status) for status in STATUSES})
_MASK_SOURCE = Choice({source: source.words for source in MaskSource})
_POINT = List(Number("mm", 3, said_digits=1), 3)
_HU = Number("HU")
_BMD = Number("mg/cm³")
_REPORTED = frozenset({View.REPORT})
_FACTS = {"kvp": "Tube voltage", "kernel": "Kernel", "contrast": "Contrast"}
CALIBRATED = Entries(
    {
        "calibration": (Text(), "Name of the calibration."),
        "kind": (
            Choice({"file": "file", "rods": "rods in the scan", "internal": "the scan's own tissues"}),
            "Where the calibration comes from.",
        ),
        "standard": (Choice({"K2HPO4": "K₂HPO₄", "HA": "HA"}), "What the calibration was made with."),
        "mg_cm3": (_BMD, "BMD in that standard, mg/cm³."),
        "k2hpo4_mg_cm3": (_BMD, "The same beside K2HPO4, mg/cm³; equal where that is the standard."),
        "se_mg_cm3": (Number("mg/cm³", said_digits=1, at_least=0), "Standard error of k2hpo4_mg_cm3, mg/cm³."),
    }
)
OF_CASE = Entries(
    {
        "calibration": (Text(), "Name of the calibration."),
        "kind": (
            Choice(
                {
                    "file": "file",
                    "rods": "rods in the scan",
                    "internal": "the scan's own tissues",
                    "network": "the network, no measurement",
                }
            ),
            "Where it comes from.",
        ),
        "mg_cm3": (_BMD, "BMD beside K2HPO4, mg/cm³."),
        "se_mg_cm3": (Number("mg/cm³", said_digits=1, at_least=0), "Standard error of it, mg/cm³."),
        "interval_90_mg_cm3": (List(_BMD, 2), "Where it lies with probability 0.9, mg/cm³."),
        "levels": (List(Choice({str(level): str(level) for level in Level})), "Levels that were averaged."),
    }
)
_ALL, _NOT_PANEL = frozenset(View), frozenset(View) - {View.PANEL}
_TOO_SMALL, _NOT_CALIBRATED, _NOT_COMPUTED = Reason.ROI_TOO_SMALL, Reason.NOT_CALIBRATED, Reason.NOT_COMPUTED
_HELD_BACK = Reason.CLASS_HELD_BACK
_NO_BODY = "null with flag not_computed, or body_cut where the edge of the CT cuts the body"
_NO_HINT = "null where the slices are too far apart or there are no heights, with flag not_computed or body_cut"
_BOTH_COUNT = "null when both count, or the class is held back"
_NO_BMD = "null when the class is held back, or the weights estimate no BMD"
_NO_UID = "null where the input has none"
_NO_MAP = "null where no maps were made: they were not asked for, or there is no class"


_CIRCLE = (
    "HU in a circle",
    "Mean HU in a circle of 8 mm radius about the body's center, on its axial slice: a quick "
    "look, alike for every body, and not the measured region",
    _HU,
)
_CIRCLE_SD = ("SD in the circle", "Standard deviation in that circle", Number("HU", at_least=0))
_NO_CIRCLE = "null where the image cuts the circle or the body"


def _circle(of: LevelFacts) -> CircleHu | None:
    return circle_hu(of.reading.volume, of.reading.point.center_lps_mm)


def _origin(name: str) -> Callable[[CtVolume], Origin]:
    return lambda image: image.source.fact(name).origin


def _confidence(name: str) -> Callable[[CtVolume], float | None]:
    return lambda image: image.source.fact(name).confidence


def _probability(index: int) -> Callable[[Classification], float]:
    return lambda said: said.probabilities[index]


# A row a field: its place, its name, what it is; its kind; how it is taken; and what else is true of it.
# fmt: off
IMAGE: tuple[Field[CtVolume], ...] = (
    Field("kind", "Format", "Format the image was read from",
          Choice({kind: kind for kind in ("dicom", "nrrd", "nifti", "mha", "phantom", "memory")}),
          lambda image: image.source.kind),
    Field("file_names", "Files", "Base names without folders, a DICOM series' folder; empty unless they were asked for "
          "(--names own), for they may say who was scanned", List(_BASE_NAME),
          lambda image: [Path(name).name for name in image.source.file_names]),
    Field("sha256", "SHA-256", "Of the file's bytes, or of the sorted SHA-256 of a series' files", _SHA256,
          lambda image: image.source.sha256, null=_NOT_COMPUTED),
    Field("study_sha256", "Study", "SHA-256 of the DICOM study's UID", _SHA256,
          lambda image: image.source.study_sha256, null=_NO_UID, columns=("study_sha256",)),
    Field("series_sha256", "Series' UID", "SHA-256 of the DICOM series' UID", _SHA256,
          lambda image: image.source.series_sha256, null=_NO_UID, columns=("series_sha256",)),
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
    Field("contrast_phase", "Contrast phase", "In which phase the scan was made",
          Choice({phase: phase for phase in ("none", "arterial", "portal", "excretory")}),
          lambda image: ContrastPhase.NONE if image.source.contrast is False else image.source.phase,
          null="null where it isn't known", columns=("contrast_phase",)),
    *(Field(f"{name}_origin", f"{title}: from", f"Where {name} comes from: the header, a user, or the image",
            Choice({origin: origin for origin in Origin}), _origin(name), columns=(f"{name}_origin",))
      for name, title in _FACTS.items()),
    *(Field(f"{name}_confidence", f"{title}: sure", f"Probability of {name}, where it is estimated from the image",
            Share(digits=4), _confidence(name), null="null where it isn't estimated")
      for name, title in _FACTS.items()),
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
    Field("precision", "Computed in", "In what masks and levels were computed: bfloat16 where the device has it, "
          "which may move a mask's edge by a few pixels", Choice({"bfloat16": "bfloat16", "float32": "float32"}),
          lambda case: case.precision, columns=("precision",)),
    Field("bmd", "BMD of the case", "Mean BMD of the levels that count, by each calibration there is and as the "
          "network estimates it, the best first", OF_CASE, lambda case: case_bmd(case.readings, case.classification)),
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
    *(Field(f"classification.probabilities.{status}", str(status), f"Probability of {status}", Probability(digits=6),
            _probability(index), null=_HELD_BACK, columns=(f"p_{status}",))
      for index, status in enumerate(STATUSES)),
    Field("classification.indeterminate", "Certainty", "Whether another class is possible too: the 90 % interval of "
          "BMD holds 80 or 120 mg/cm³ or, without an estimate of BMD, the class has less than 90 %; stricter where the "
          "class is not reliable", YesNo("indeterminate", "determinate"), lambda said: said.indeterminate,
          null=_HELD_BACK, columns=("indeterminate",)),
    Field("classification.left_out", "Left out", "The level that the class and the plain rule are made without",
          Choice({str(level): str(level) for level in Level}), lambda said: said.left_out,
          null=_BOTH_COUNT, columns=("left_out",)),
    Field("classification.left_out_by", "Left out by", "Who left it out: a user, or a proposal because its HU "
          "contradict all else", Choice({"user": "the user", "proposal": "proposal"}), lambda said: said.left_out_by,
          null=_BOTH_COUNT, columns=("left_out_by",)),
    Field("classification.left_out_reason", "Reason", "Why it is left out",
          Choice({reason: reason.words for reason in LeftOutReason}), lambda said: said.left_out_reason,
          null=_BOTH_COUNT, columns=("left_out_reason",)),
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


def _whole_body(of: LevelFacts) -> BodyVolume | None:
    return of.reading.body


def _itself(body: BodyVolume) -> BodyVolume | None:
    return body


def _of_body(body_of: Callable[[S], BodyVolume | None]) -> tuple[Field[S], ...]:
    """List what is reported of a whole body."""

    def body(value: Callable[[BodyVolume], Any]) -> Callable[[S], Any]:
        return lambda of: None if (one := body_of(of)) is None else value(one)

    def heights(value: Callable[[BodyHeights], Any]) -> Callable[[S], Any]:
        return body(lambda one: None if one.heights is None else value(one.heights))

    def hint(value: Callable[[FractureHint], Any]) -> Callable[[S], Any]:
        return body(lambda one: None if one.fracture is None else value(one.fracture))

    mm, ratio = Number("mm", 2, said_digits=1, at_least=0), Number("", 3, said_digits=2, at_least=0)
    return (
        Field("segmentation.{level}.volume_ml", "Volume of the body", "Volume of the whole body",
              Number("ml", said_digits=1, at_least=0), body(lambda one: None if one.cut else one.volume_ml),
              null=_NO_BODY, columns=("volume_ml",), views=_NOT_PANEL),
        Field("segmentation.{level}.heights.anterior_mm", "Anterior height", "Height of the body at a sixth of its "
              "depth from the front, in its mid-sagittal plane and along its own axis", mm,
              heights(lambda one: one.anterior_mm), null=_NO_BODY, columns=("anterior_mm",), views=_REPORTED),
        Field("segmentation.{level}.heights.middle_mm", "Middle height", "The same in the middle", mm,
              heights(lambda one: one.middle_mm), null=_NO_BODY, columns=("middle_mm",), views=_REPORTED),
        Field("segmentation.{level}.heights.posterior_mm", "Posterior height", "The same at five sixths", mm,
              heights(lambda one: one.posterior_mm), null=_NO_BODY, columns=("posterior_mm",), views=_REPORTED),
        Field("segmentation.{level}.heights.anterior_ratio", "Anterior to posterior height", "Anterior over posterior "
              "height", ratio, heights(lambda one: one.anterior_ratio), null=_NO_BODY, columns=("anterior_ratio",),
              views=_REPORTED),
        Field("segmentation.{level}.heights.middle_ratio", "Middle to posterior height", "Middle over posterior height",
              ratio, heights(lambda one: one.middle_ratio), null=_NO_BODY, columns=("middle_ratio",), views=_REPORTED),
        Field("segmentation.{level}.heights.limit_mm", "Heights may be off by", "How far each height may be off "
              "because of the slices' distance", mm, heights(lambda one: one.limit_mm), null=_NO_BODY, views=_REPORTED),
        Field("segmentation.{level}.fracture.grade", "Height loss (hint), Genant's grade", "Genant's grade that the "
              "heights hint at, for a person to look: 0 none, 1 from 20 %, 2 from 25 %, 3 from 40 % on", Count(),
              hint(lambda one: one.grade), null=_NO_HINT, columns=("fracture_grade",), views=_REPORTED),
        Field("segmentation.{level}.fracture.shape", "Its shape", "Where it is lowest: wedge, biconcave, or crush "
              "(against the bodies beside it)", Choice({name: name for name in ("wedge", "biconcave", "crush")}),
              hint(lambda one: one.shape), null=_NO_HINT + ", or there is none", columns=("fracture_shape",)),
        Field("segmentation.{level}.fracture.reduction", "Its extent", "The greatest loss, as a share of the height "
              "that it is compared with", Share(digits=3), hint(lambda one: one.reduction), null=_NO_HINT),
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
          Probability(digits=4), lambda of: of.reading.point.confidence, null=Reason.LEVELS_ASSUMED,
          columns=("confidence",), views=_NOT_PANEL),
    Field("levels.{level}.circle_hu", *_CIRCLE, lambda of: (it := _circle(of)) and it.mean_hu, null=_NO_CIRCLE),
    Field("levels.{level}.circle_hu_sd", *_CIRCLE_SD, lambda of: (it := _circle(of)) and it.sd_hu, null=_NO_CIRCLE),
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
          YesNo("corrected by a user", "the network's"), lambda of: (of.reading.body or of.reading.segmentation).edited,
          columns=("edited",), views=_NOT_PANEL),
    Field("segmentation.{level}.refined", "Refined by the level set", "Whether the level set moved the mask", YesNo(),
          lambda of: of.reading.segmentation.refined, views=_NOT_PANEL),
    Field("segmentation.{level}.source", "Drawn by", "Who drew the mask from which this level's numbers come",
          _MASK_SOURCE, lambda of: of.reading.mask_source, columns=("mask_source",)),
    *_of_body(_whole_body),
    Field("measurements.{level}.hu_mean", "Mean HU", "Mean of the region", _HU,
          lambda of: of.reading.measurement.hu_mean,
          null=_TOO_SMALL, columns=("hu_mean",), views=_ALL, short="HU"),
    Field("measurements.{level}.hu_median", "Median HU", "Median of the region", _HU,
          lambda of: of.reading.measurement.hu_median,
          null=_TOO_SMALL, columns=("hu_median",), views=_ALL, short="Median"),
    Field("measurements.{level}.hu_sd", "SD of HU", "Standard deviation in the region", Number("HU", at_least=0),
          lambda of: of.reading.measurement.hu_sd, null=_TOO_SMALL, columns=("hu_sd",), views=_ALL, short="SD"),
    Field("measurements.{level}.bmd_mg_cm3", "BMD", "Volumetric bone mineral density beside K2HPO4, by the best "
          "calibration there is: a file, else rods in the scan, else its own tissues; never the network's estimate",
          _BMD, lambda of: (best := of.reading.measurement.best_bmd) and best.k2hpo4_mg_cm3, null=_NOT_CALIBRATED,
          columns=("bmd_mg_cm3",), views=_ALL),
    Field("measurements.{level}.bmd_se_mg_cm3", "Standard error of BMD", "Standard error of bmd_mg_cm3",
          Number("mg/cm³", said_digits=1, at_least=0),
          lambda of: (best := of.reading.measurement.best_bmd) and best.se_mg_cm3, null=_NOT_CALIBRATED,
          columns=("bmd_se_mg_cm3",), views=_NOT_PANEL, short="SE"),
    Field("measurements.{level}.calibration", "Calibration", "Name of the calibration of bmd_mg_cm3", Text(),
          lambda of: (best := of.reading.measurement.best_bmd) and best.calibration, null=_NOT_CALIBRATED,
          columns=("calibration",), views=_NOT_PANEL),
    Field("measurements.{level}.bmd", "BMD by each calibration", "BMD by each calibration there is, the best first; "
          "empty with flag not_calibrated", CALIBRATED, lambda of: of.reading.measurement.bmd),
    Field("measurements.{level}.erosion_mm", "Erosion", "How far the mask was shrunk before measuring",
          Number("mm", 3, said_digits=1, at_least=0), lambda of: of.reading.measurement.erosion_mm,
          columns=("roi_erosion_mm",), views=_ALL, short="Erosion, mm"),
    Field("measurements.{level}.roi_volume_ml", "Volume of the region", "Volume of the region, where it goes through "
          "the whole body", Number("ml", said_digits=1, at_least=0), lambda of: of.reading.measurement.volume_ml,
          null="null for a region on the mid-slice", columns=("roi_volume_ml",), views=_NOT_PANEL),
    Field("measurements.{level}.roi_area_mm2", "Area of the region", "Area of the region, where it lies on the "
          "mid-slice", Number("mm²", at_least=0), lambda of: of.reading.measurement.area_mm2,
          null="null for a region through the whole body", columns=("roi_area_mm2",), views=_NOT_PANEL),
    Field("measurements.{level}.dense_share", "Left out as too dense", "Share of the region that was left out as too "
          "dense for trabecular bone: lime, cement, metal", Share(digits=4),
          lambda of: of.reading.measurement.dense_share, null="null for a region on the mid-slice",
          columns=("roi_dense_share",), views=frozenset({View.REPORT})),
    Field("measurements.{level}.voxels", "Voxels in the region", "Voxels of the CT's own grid in the region", Count(),
          lambda of: of.reading.measurement.voxels, columns=("roi_voxels",), views=_ALL, short="Voxels"),
    Field("measurements.{level}.roi", "Region", "Which region was measured", Text(),
          lambda of: ROI_WORDS[of.reading.measurement.kind]),
    Field("measurements.{level}.slice.hu_mean", "Mean HU of the mid-slice", "Mean of the region on the mid-slice, "
          "which the plain HU rule takes", _HU, lambda of: of.reading.slice_measurement.hu_mean, null=_TOO_SMALL,
          columns=("slice_hu_mean",), views=frozenset({View.REPORT})),
    Field("measurements.{level}.slice.hu_median", "Its median", "Median of that region", _HU,
          lambda of: of.reading.slice_measurement.hu_median, null=_TOO_SMALL, columns=("slice_hu_median",)),
    Field("measurements.{level}.slice.hu_sd", "Its SD", "Standard deviation in that region", Number("HU", at_least=0),
          lambda of: of.reading.slice_measurement.hu_sd, null=_TOO_SMALL, columns=("slice_hu_sd",)),
    Field("measurements.{level}.slice.roi_area_mm2", "Its area", "Area of that region", Number("mm²", at_least=0),
          lambda of: of.reading.slice_measurement.area_mm2, columns=("slice_roi_area_mm2",)),
    Field("measurements.{level}.slice.voxels", "Its voxels", "Voxels of the CT's own grid in that region", Count(),
          lambda of: of.reading.slice_measurement.voxels, columns=("slice_roi_voxels",)),
    Field("classification.fusion_weights.{level}", "Weight in the class", "Weight of the level in the class: W1 or W2 "
          "of Eq. 17, which sum to 1", Share(digits=6), lambda of: of.fusion_weight, null=_HELD_BACK,
          columns=("fusion_weight",)),
    Field("explanation.influence.{level}", "Share of the influence", "Share of both explanation maps' sum that lies in "
          "the level's", Share(digits=6), lambda of: of.reading.explanation and of.reading.explanation.share,
          null=_NO_MAP, columns=("influence",)),
)

NEIGHBOR: tuple[Field[BodyVolume], ...] = (
    Field("segmentation.{level}.source", "Drawn by", "Who drew the mask", _MASK_SOURCE, lambda body: body.source),
    *_of_body(_itself),
)
"""Of T12 and L3, where they were segmented."""

BODY: tuple[Field[NamedBody], ...] = (
    Field("levels.{level}.center_ras_mm", "Center (R, A, S)", "Center of the body, RAS", _POINT,
          lambda body: flip_lps_ras(np.asarray(body.center_lps_mm))),
    Field("levels.{level}.slice_index", "Slice from below", "The axial slice nearest to it, counted from the lowest as "
          "0", Count(), lambda body: body.slice_index),
    Field("levels.{level}.confidence", "Confidence", "Posterior probability of the body's name", Probability(digits=4),
          lambda body: body.confidence),
    Field("levels.{level}.circle_hu", *_CIRCLE, lambda body: body.circle and body.circle.mean_hu, null=_NO_CIRCLE),
    Field("levels.{level}.circle_hu_sd", *_CIRCLE_SD, lambda body: body.circle and body.circle.sd_hu, null=_NO_CIRCLE),
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
