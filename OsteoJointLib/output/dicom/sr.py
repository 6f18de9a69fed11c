"""The numbers of ``result.json`` as DICOM Structured Report: TID 1500, "Imaging Measurement Report".

One group of measurements a region, one a body, and one for the case: its class, and every doubt in words. A group names
the segment of the segmentation that it speaks of, and with it the images. What is null in the document is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from highdicom import UID
from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset
from pydicom.sr.codedict import Code as DicomCode
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from OsteoJointLib import __version__
from OsteoJointLib.io.dicom_study import SourceStudy
from OsteoJointLib.output.dicom.maker import NAME, Maker, concept, private
from OsteoJointLib.output.dicom.seg import TRABECULAR_ROI, roi_label
from OsteoJointLib.output.terminology import VERTEBRAL_BODY, Code, segment_name, vertebra_code
from OsteoJointLib.records import CalibrationKind, LeftOutReason, Level, MaskSource, Status

BMD = private("vbmd", "Volumetric bone mineral density beside K2HPO4")
BMD_ERROR = private("vbmd_se", "Standard error of volumetric bone mineral density")
BONE_STATUS = private("bone_status", "Bone status by volumetric BMD")
DOUBT = private("doubt", "Doubt about the reading")
MASK_SOURCE = private("mask_source", "Who drew the mask")
REGION_WORDS = private("region", "Which region was measured")
CALIBRATION = private("calibration", "Calibration")
NETWORK_ESTIMATE = private("network", "Estimated by the network from the image, not measured")
CALIBRATIONS = {
    CalibrationKind.FILE: private("cal_file", "Calibrated by a file made on the same scanner"),
    CalibrationKind.RODS: private("cal_rods", "Calibrated by rods of known density in the scan"),
    CalibrationKind.INTERNAL: private("cal_internal", "Calibrated by the scan's own tissues"),
    CalibrationKind.NETWORK: NETWORK_ESTIMATE,
}
CERTAINTY = private("certainty", "Certainty of the class")
INDETERMINATE = private("indeterminate", "Indeterminate: another class is possible too")
LEFT_OUT = private("left_out", "Vertebra left out of the class")
LUMBAR_SPINE = Code("SCT", "122496007", "Lumbar spine")
NEIGHBORS = ("T12", "L3")
COMMENT = Code("DCM", "121106", "Comment")

STATUS_CODES = {
    Status.NORMAL: Code("SCT", "17621005", "Normal"),
    Status.OSTEOPENIA: Code("SCT", "312894000", "Osteopenia"),
    Status.OSTEOPOROSIS: Code("SCT", "64859006", "Osteoporosis"),
}
_ATTENUATION = Code("DCM", "112031", "Attenuation Coefficient")
_AREA, _VOLUME = Code("SCT", "42798000", "Area"), Code("SCT", "118565006", "Volume")
_HEIGHT = Code("DCM", "121207", "Height")
_PLACES = {
    "anterior": Code("SCT", "255549009", "Anterior"),
    "middle": Code("SCT", "26216008", "Central"),
    "posterior": Code("SCT", "255551008", "Posterior"),
}
"""Where in the body each height is taken (DICOM CID 2)."""
_MILLILITER, _MM = DicomCode("mL", "UCUM", "milliliter"), codes.UCUM.Millimeter

Group = MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations


@dataclass(frozen=True)
class Row:
    """A number of the document as a measurement.

    Args:
        key: in the part of the document that a group takes its numbers from; dots lead deeper.
        name: what was measured.
        unit: UCUM.
        derivation: how it was made of several values; None for a single one.
        place: in the group's body, where it was taken.
    """

    key: str
    name: Code
    unit: DicomCode
    derivation: DicomCode | None = None
    place: Code | None = None


ROI_ROWS = (
    Row("hu_mean", _ATTENUATION, codes.UCUM.HounsfieldUnit, codes.SCT.Mean),
    Row("hu_median", _ATTENUATION, codes.UCUM.HounsfieldUnit, codes.SCT.Median),
    Row("hu_sd", _ATTENUATION, codes.UCUM.HounsfieldUnit, codes.SCT.StandardDeviation),
    Row("roi_area_mm2", _AREA, codes.UCUM.SquareMillimeter),
    Row("roi_volume_ml", _VOLUME, _MILLILITER),
)
BODY_ROWS = (
    Row("area_mm2", _AREA, codes.UCUM.SquareMillimeter),
    Row("volume_ml", _VOLUME, _MILLILITER),
    *(Row(f"heights.{part}_mm", _HEIGHT, _MM, place=place) for part, place in _PLACES.items()),
    Row("heights.limit_mm", private("height_limit", "How far each height may be off"), _MM),
    Row("fracture.grade", private("fracture_hint", "Genant grade hinted at by the heights"), codes.UCUM.NoUnits),
)
CLASS_ROWS = (
    *(
        Row(f"probabilities.{status}", private(f"p_{status}", f"Probability of {status}"), codes.UCUM.NoUnits)
        for status in Status
    ),
)


def make_report(
    document: Mapping[str, Any], segmentation: Segmentation | None, study: SourceStudy, maker: Maker
) -> ComprehensiveSR:
    """Make the data set.

    Args:
        document: of the result.
        segmentation: of the same result; None where no mask has a voxel.
        study: what it was read from.
        maker: who read it.
    """
    device = DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[NAME, __version__, maker.model.sha256]),
        name=NAME,
        manufacturer_name=NAME,
        model_name=maker.model.name,
        serial_number=maker.model.sha256,
    )
    groups = [*_level_groups(document, segmentation, maker), _case_group(document, maker)]
    content = MeasurementReport(
        ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device)),
        procedure_reported=codes.cid100.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    return ComprehensiveSR(
        [study.first] if segmentation is None else [*_images_under(segmentation, study), segmentation],
        content,
        is_complete=True,
        is_final=False,  # nobody has looked at it yet
        is_verified=False,
        **maker.stated("SR", "OsteoJoint measurements"),
    )


def _images_under(segmentation: Segmentation, study: SourceStudy) -> list[Dataset]:
    """List the images that a segmentation lies on."""
    series = segmentation.ReferencedSeriesSequence[0]
    used = {reference.ReferencedSOPInstanceUID for reference in series.ReferencedInstanceSequence}
    return [image for image in study.images if image.SOPInstanceUID in used]


def _level_groups(document: Mapping[str, Any], segmentation: Segmentation | None, maker: Maker) -> Iterator[Group]:
    """Take each level's region and its body."""
    for level in Level:
        measured, mask = document["measurements"][level], document["segmentation"][level]
        drawn_by, vertebra = (MASK_SOURCE, MaskSource(mask["source"]).words), vertebra_code(level)
        calibrations = [(CALIBRATION, _calibration_words(entry)) for entry in measured["bmd"]]
        yield _group(
            roi_label(level),
            TRABECULAR_ROI,
            vertebra,
            segmentation,
            maker,
            measurements=[*_measurements(measured, ROI_ROWS, vertebra), *_calibrated(measured["bmd"], "k2hpo4_mg_cm3")],
            texts=[drawn_by, (REGION_WORDS, measured["roi"]), *calibrations],
        )
        yield _body_group(level, mask, segmentation, maker)
    for name in NEIGHBORS:
        if name in document["segmentation"]:
            yield _body_group(name, document["segmentation"][name], segmentation, maker)


def _body_group(name: str, mask: Mapping[str, Any], segmentation: Segmentation | None, maker: Maker) -> Group:
    """Take a body's numbers."""
    vertebra, drawn_by = vertebra_code(name), [(MASK_SOURCE, MaskSource(mask["source"]).words)]
    numbers = _measurements(mask, BODY_ROWS, vertebra)
    return _group(segment_name(name), VERTEBRAL_BODY, vertebra, segmentation, maker, numbers, texts=drawn_by)


def _case_group(document: Mapping[str, Any], maker: Maker) -> Group:
    """Say the class with its probabilities, every doubt, and what the report is not."""
    said = document["classification"]
    texts = [(DOUBT, _doubt_words(flag)) for flag in document["flags"]]
    if said["left_out"]:
        why = said["left_out_reason"]
        words = LeftOutReason(why).words if why else "no reason given"
        texts.append((LEFT_OUT, f"{said['left_out']}, by {said['left_out_by']}: {words}"))
    evaluations = []
    if said["status"] is not None:
        evaluations.append((BONE_STATUS, STATUS_CODES[Status(said["status"])]))
    if said["indeterminate"]:
        evaluations.append((CERTAINTY, INDETERMINATE))
    return _group(
        "Bone status",
        BONE_STATUS,
        LUMBAR_SPINE,
        None,
        maker,
        measurements=[*_measurements(said, CLASS_ROWS, LUMBAR_SPINE), *_calibrated(document["bmd"], "mg_cm3")],
        evaluations=evaluations,
        texts=[*texts, (COMMENT, document["notice"])],
    )


def _doubt_words(flag: Mapping[str, Any]) -> str:
    place = f", {flag['level']}" if flag["level"] else ""
    return f"{flag['code']}{place}: {flag['message']}"


def _calibrated(entries: Sequence[Mapping[str, Any]], bmd_key: str) -> list[Measurement]:
    """Give BMD by each calibration, with its standard error and, of the case, the vertebrae that were averaged."""
    unit = codes.UCUM.MilligramsPerCubicCentimeter
    return [
        Measurement(
            concept(name),
            entry[key],
            unit,
            method=concept(CALIBRATIONS[CalibrationKind(entry["kind"])]),
            finding_sites=[FindingSite(concept(vertebra_code(level))) for level in entry.get("levels", ())] or None,
        )
        for entry in entries
        for key, name in ((bmd_key, BMD), ("se_mg_cm3", BMD_ERROR))
    ]


def _calibration_words(entry: Mapping[str, Any]) -> str:
    """Name a calibration and what it was made with."""
    return f"{entry['calibration']}, made with {entry['standard']}"


def _measurements(part: Mapping[str, Any], rows: tuple[Row, ...], site: Code) -> list[Measurement]:
    """Take a part's numbers; those that are null are left out, and ``site`` is where those with a place belong."""
    found = []
    for row in rows:
        value: Any = part
        for key in row.key.split("."):
            value = (value or {}).get(key)
        if value is not None:
            sites = None if row.place is None else [FindingSite(concept(site), None, concept(row.place))]
            found.append(
                Measurement(concept(row.name), value, row.unit, derivation=row.derivation, finding_sites=sites)
            )
    return found


def _group(
    label: str,
    finding: Code,
    site: Code,
    segmentation: Segmentation | None,
    maker: Maker,
    measurements: Sequence[Measurement] = (),
    evaluations: Sequence[tuple[Code, Code]] = (),
    texts: Sequence[tuple[Code, str]] = (),
) -> Group:
    """Make a group, on its segment where the segmentation has one of that label."""
    said: dict[str, Any] = {
        "finding_type": concept(finding),
        "finding_sites": [FindingSite(concept(site))],
        "algorithm_id": AlgorithmIdentification(
            NAME, __version__, [f"Weights: {maker.weights}"], codes.DCM.ArtificialIntelligence, NAME
        ),
        "measurements": list(measurements),
        "qualitative_evaluations": [
            QualitativeEvaluation(concept(name), concept(value)) for name, value in evaluations
        ],
    }
    segment = None if segmentation is None else _segment(segmentation, label)
    group: Group
    if segmentation is None or segment is None:
        group = MeasurementsAndQualitativeEvaluations(TrackingIdentifier(UID(), label), **said)
    else:
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(
            TrackingIdentifier(segment.TrackingUID, label),
            referenced_segment=ReferencedSegment.from_segmentation(segmentation, segment.SegmentNumber),
            **said,
        )
    group[0].ContentSequence.extend(
        TextContentItem(concept(name), text, RelationshipTypeValues.CONTAINS) for name, text in texts
    )
    return group


def _segment(segmentation: Segmentation, label: str) -> Dataset | None:
    return next((one for one in segmentation.SegmentSequence if one.SegmentLabel == label), None)
