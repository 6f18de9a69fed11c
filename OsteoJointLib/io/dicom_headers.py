"""Read the headers of DICOM files, each image (file or frame) as one :class:`SliceHeader`.

Broken tags are the rule in the wild: a value that can't be parsed counts as missing, a missing one stays None, and what
had to be assumed is noted in ``repaired``. Classic and enhanced (multi-frame) CT give the same record, so everything
after this file knows no difference. Nothing here decodes pixels. The patient's name and number are kept only to tell
patients apart; they never leave this package.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.contrast_words import NO_CONTRAST
from OsteoJointLib.io.dicom_opening import open_dataset
from OsteoJointLib.io.dicom_tags import (
    as_number,
    as_numbers,
    as_positive,
    cleaned,
    integer_of,
    quiet_dicom,
    sequence_item,
    text_of,
    value_from,
    value_of,
)
from OsteoJointLib.io.limits import ReadingLimits

CT_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
"""SOP classes CT, enhanced CT and legacy converted enhanced CT."""

_DICOMDIR_CLASS = "1.2.840.10008.1.3.10"

_TAGS = """
    SOPClassUID SOPInstanceUID Modality ImageType SeriesInstanceUID StudyInstanceUID SeriesNumber SeriesDescription
    InstanceNumber AcquisitionNumber AcquisitionTime TemporalPositionIdentifier Rows Columns NumberOfFrames
    SamplesPerPixel ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness RescaleSlope
    RescaleIntercept RescaleType PixelPaddingValue GantryDetectorTilt KVP ConvolutionKernel ContrastBolusAgent
    ContrastBolusAgentSequence BodyPartExamined PatientName PatientID SharedFunctionalGroupsSequence
    PerFrameFunctionalGroupsSequence FrameOfReferenceUID BitsAllocated BitsStored PixelRepresentation
""".split()  # noqa: SIM905 - a list literal would take one line a word


@dataclass(frozen=True)
class SliceHeader:
    """One image of a DICOM file.

    Args:
        path: its file; never shown.
        frame: index in a multi-frame file, None in a classic one.
        series: the series' UID, or a stand-in made of other tags where it is missing; never shown.
        position_mm: (3,) center of the first pixel, LPS, None when missing.
        orientation: (6,) row and column cosines, None when missing.
        pixel_spacing_mm: (between rows, between columns), None when missing.
        split_keys: values by which images at one position may be told apart, in the order to try.
        patient: number and name, to tell patients apart; never shown.
        study_uid, series_uid: None when missing; never shown but as a digest.
        rescale_stated: whether slope and intercept are.
        stored_as: bits that a pixel has, and whether they are signed.
        repaired: sentences' parts on what was missing and assumed.
    """

    path: Path
    frame: int | None
    series: str
    series_number: int | None
    modality: str
    is_ct_class: bool
    image_type: tuple[str, ...]
    rows: int | None
    columns: int | None
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    thickness_mm: float | None
    slope: float
    intercept: float
    rescale_type: str | None
    padding: float | None
    tilt_deg: float | None
    kvp: float | None
    kernel: str | None
    contrast: bool | None
    body_part: str | None
    frame_of_reference: str | None
    stack: str
    split_keys: tuple[str, ...]
    instance: str
    patient: str
    study_uid: str | None
    series_uid: str | None
    rescale_stated: bool
    stored_as: tuple[int | None, ...]
    repaired: tuple[str, ...]


@dataclass(frozen=True)
class DamagedFile:
    """A file that claims to be DICOM, by its first bytes or by its name, and holds no image that can be read.

    Args:
        path: of the file; told to nobody but whoever gave the folder.
        place: which of the folder's files it is, by name, from 1 on: this names it where its name may not stand.
        why: what is wrong, where that is known.
    """

    path: Path
    place: int
    why: str = ""


@dataclass(frozen=True)
class FolderHeaders:
    """What a folder holds: the DICOM images, all files counted, and those that claim to be DICOM and are damaged."""

    images: tuple[SliceHeader, ...]
    files: int
    damaged: tuple[DamagedFile, ...]


def list_files(folder: Path, limits: ReadingLimits) -> list[Path]:
    """List all visible files below a folder, sorted.

    Raises:
        OSError: a folder may not be read.
        InputRefused: NO_SERIES when it holds absurdly many files.
    """

    def stop(error: OSError) -> None:
        raise error

    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".") and name != "DICOMDIR"]
        if len(files) > limits.max_files:
            raise InputRefused(
                Reason.NO_SERIES,
                f"The folder holds more than {limits.max_files} files, too many for one study. Give the study's own "
                "folder.",
            )
    return files


def looks_like_dicom(path: Path) -> bool:
    """Say whether a file starts as DICOM does, with or without preamble; what is no ordinary file is never opened."""
    if not path.is_file():  # a pipe would wait for somebody to write, a device might never end
        return False
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:132] == b"DICM" or start[:4] in (b"\x02\x00\x00\x00", b"\x08\x00\x00\x00", b"\x08\x00\x05\x00")


def may_be_dicom(path: Path) -> bool:
    """Say whether a file is named as DICOM files are: by their suffix, by a UID, or by a number without any suffix.

    >>> [may_be_dicom(Path(name)) for name in ("1.dcm", "IM0001", "1.2.840.5", "LICENSE", "notes.txt")]
    [True, True, True, False, False]
    """
    suffix = path.suffix[1:].lower()
    return suffix in ("dcm", "dicom", "ima") or suffix.isdigit() or (not suffix and bool(re.search(r"\d", path.name)))


def read_headers(files: list[Path]) -> FolderHeaders:
    """Read the headers of all DICOM images among files; no file that claims to be DICOM gets lost uncounted."""
    images: list[SliceHeader] = []
    damaged: list[DamagedFile] = []
    strangers: list[DamagedFile] = []
    with quiet_dicom():
        for place, path in enumerate(files, 1):
            try:
                if looks_like_dicom(path):
                    images += _headers_of_file(path)
                else:
                    strangers.append(DamagedFile(path, place))
            except InputRefused as refusal:
                damaged.append(DamagedFile(path, place, refusal.message))
            except Exception:  # a broken header raises almost anything; the file is counted and the caller told
                damaged.append(DamagedFile(path, place))
    suffixes = {image.path.suffix.lower() for image in images}
    damaged += [one for one in strangers if may_be_dicom(one.path) or one.path.suffix.lower() in suffixes - {""}]
    return FolderHeaders(tuple(images), len(files), tuple(sorted(damaged, key=lambda one: one.place)))


def _headers_of_file(path: Path) -> list[SliceHeader]:
    """Read what a file that starts as DICOM does says of its images; none of a table of contents (DICOMDIR).

    Raises:
        InputRefused: UNREADABLE, with what is wrong.
    """
    with path.open("rb") as file:
        opened = open_dataset(file, _TAGS)
        dataset, complete = opened.dataset, opened.has_pixels()
    if text_of(dataset, "Modality") is None and text_of(dataset, "SOPClassUID") is None:
        if text_of(dataset.file_meta, "MediaStorageSOPClassUID") == _DICOMDIR_CLASS:
            return []
        raise InputRefused(Reason.UNREADABLE, "it doesn't say what it holds")
    if text_of(dataset, "SOPClassUID") in CT_CLASSES and not complete:
        raise InputRefused(Reason.UNREADABLE, "it ends before its pixels")
    frames = integer_of(dataset, "NumberOfFrames") or 1
    per_frame = value_of(dataset, "PerFrameFunctionalGroupsSequence")
    if per_frame is None:
        if frames != 1 and text_of(dataset, "SOPClassUID") in CT_CLASSES:
            raise InputRefused(Reason.UNREADABLE, f"it says that it holds {frames} images and doesn't describe them")
        return [_header(path, None if frames == 1 else 0, dataset, ())]
    if len(per_frame) != frames:
        raise InputRefused(Reason.UNREADABLE, f"it describes {len(per_frame)} images and says that it holds {frames}")
    shared = value_of(dataset, "SharedFunctionalGroupsSequence") or ()
    return [_header(path, index, dataset, (group, *shared)) for index, group in enumerate(per_frame)]


def _header(path: Path, frame: int | None, dataset: Any, groups: tuple[Any, ...]) -> SliceHeader:
    repaired: list[str] = []
    slope, intercept, rescale_stated = _rescale(dataset, groups, repaired)
    modality = (text_of(dataset, "Modality") or "").upper()
    class_uid = text_of(dataset, "SOPClassUID")
    if class_uid is None:
        repaired.append("the SOP class is missing (taken from the modality)")
    spacing = as_numbers(value_from(dataset, groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
    content = sequence_item(groups, "FrameContentSequence")
    return SliceHeader(
        path=path,
        frame=frame,
        series=_series_key(dataset, repaired),
        series_number=integer_of(dataset, "SeriesNumber"),
        modality=modality,
        is_ct_class=class_uid in CT_CLASSES or (class_uid is None and modality == "CT"),
        image_type=_image_type(dataset, groups),
        rows=integer_of(dataset, "Rows"),
        columns=integer_of(dataset, "Columns"),
        position_mm=as_numbers(value_from(dataset, groups, "PlanePositionSequence", "ImagePositionPatient"), 3),
        orientation=as_numbers(value_from(dataset, groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6),
        pixel_spacing_mm=spacing if spacing and min(spacing) > 0 else None,
        thickness_mm=as_positive(value_from(dataset, groups, "PixelMeasuresSequence", "SliceThickness")),
        slope=slope,
        intercept=intercept,
        rescale_type=cleaned(value_from(dataset, groups, "PixelValueTransformationSequence", "RescaleType")),
        padding=as_number(value_of(dataset, "PixelPaddingValue")),
        tilt_deg=as_number(value_from(dataset, groups, "CTGeometrySequence", "GantryDetectorTilt")),
        kvp=as_positive(value_from(dataset, groups, "CTXRayDetailsSequence", "KVP")),
        kernel=cleaned(value_from(dataset, groups, "CTReconstructionSequence", "ConvolutionKernel")),
        contrast=_contrast(dataset),
        body_part=text_of(dataset, "BodyPartExamined"),
        frame_of_reference=text_of(dataset, "FrameOfReferenceUID"),
        stack=cleaned(value_of(content, "StackID")) or "",
        split_keys=_split_keys(dataset, content),
        instance=_instance(dataset, frame),
        patient=f"{text_of(dataset, 'PatientID') or ''}|{text_of(dataset, 'PatientName') or ''}",
        study_uid=text_of(dataset, "StudyInstanceUID"),
        series_uid=text_of(dataset, "SeriesInstanceUID"),
        rescale_stated=rescale_stated,
        stored_as=tuple(integer_of(dataset, tag) for tag in ("BitsAllocated", "BitsStored", "PixelRepresentation")),
        repaired=tuple(repaired),
    )


def _instance(dataset: Any, frame: int | None) -> str:
    number, uid = integer_of(dataset, "InstanceNumber"), text_of(dataset, "SOPInstanceUID")
    return f"{number or 0:08d} {uid or ''} {frame or 0:06d}"


def _series_key(dataset: Any, repaired: list[str]) -> str:
    uid = text_of(dataset, "SeriesInstanceUID")
    if uid is not None:
        return uid
    repaired.append("the series UID is missing (slices were grouped by their other tags)")
    return "|".join(text_of(dataset, tag) or "" for tag in ("StudyInstanceUID", "SeriesNumber", "SeriesDescription"))


def _rescale(dataset: Any, groups: tuple[Any, ...], repaired: list[str]) -> tuple[float, float, bool]:
    slope = as_number(value_from(dataset, groups, "PixelValueTransformationSequence", "RescaleSlope"))
    intercept = as_number(value_from(dataset, groups, "PixelValueTransformationSequence", "RescaleIntercept"))
    stated = not (slope is None or intercept is None or slope == 0)
    if not stated:
        repaired.append("the rescale slope or intercept is missing (1 and 0 taken, then checked against the image)")
    return slope or 1.0, intercept or 0.0, stated


def _image_type(dataset: Any, groups: tuple[Any, ...]) -> tuple[str, ...]:
    values = [value_of(dataset, "ImageType"), value_of(sequence_item(groups, "CTImageFrameTypeSequence"), "FrameType")]
    words: list[str] = []
    for value in values:
        if value is not None:
            words += [value] if isinstance(value, str) else [str(part) for part in value]
    return tuple(word.strip().upper() for word in words)


def _contrast(dataset: Any) -> bool | None:
    """Say whether contrast agent was given, None where the tags don't tell: an empty one says nothing."""
    agent = cleaned(value_of(dataset, "ContrastBolusAgent"))
    if agent is not None:
        return agent.upper() not in NO_CONTRAST
    return True if value_of(dataset, "ContrastBolusAgentSequence") else None


def _split_keys(dataset: Any, content: Any) -> tuple[str, ...]:
    return (
        str(value_of(content, "TemporalPositionIndex") or value_of(dataset, "TemporalPositionIdentifier") or ""),
        str(value_of(dataset, "AcquisitionNumber") or ""),
        str(value_of(dataset, "AcquisitionTime") or ""),
    )
