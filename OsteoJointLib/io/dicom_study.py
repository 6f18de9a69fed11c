"""The headers of the DICOM images a CT was read from, made fit to go over into DICOM files written of it.

DICOM outputs carry the source study's identity (patient, study, frame of reference), straight from its files; nothing
else does, so the headers are read again when such a file is written and kept nowhere. What the standard wants present
may be empty; what it wants filled is demanded; a value that breaks the standard counts as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.canonical import to_stored
from OsteoJointLib.io.dicom_headers import CT_CLASSES
from OsteoJointLib.io.dicom_tags import quiet_dicom, text_of
from OsteoJointLib.records import CtSlicePair, CtVolume

if TYPE_CHECKING:
    from pydicom import Dataset

_FILLED = {
    "StudyInstanceUID": "study UID",
    "SeriesInstanceUID": "series UID",
    "SOPInstanceUID": "image UID",
    "FrameOfReferenceUID": "frame of reference",
}
"""What a reference to the images can't do without."""

_PRESENT = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName", "Modality"),
)
"""What the standard wants present, if only empty (type 2 of the modules Patient and General Study)."""

_SHARED = ("PlaneOrientationSequence", "PixelMeasuresSequence")
"""Of an enhanced CT, the same in all frames of a stack, wherever the file says it."""


@dataclass(frozen=True, eq=False)
class SourceStudy:
    """The images a volume was read from.

    Args:
        images: headers without pixels: one a slice as stored, or the one multi-frame file's.
        frames: of a multi-frame file, the frame of each slice as stored; None of classic images.
        volume: what was read from them.
    """

    images: tuple[Dataset, ...]
    frames: tuple[int, ...] | None
    volume: CtVolume

    @property
    def first(self) -> Dataset:
        """A header that speaks for patient and study."""
        return self.images[0]

    @property
    def names_patient(self) -> bool:
        """Whether the images say whose they are, as far as can be seen: a patient's number, not said to be removed."""
        return bool(text_of(self.first, "PatientID")) and text_of(self.first, "PatientIdentityRemoved") != "YES"

    def in_frames(self, masks: Iterable[np.ndarray]) -> tuple[list[Dataset], np.ndarray]:
        """Put masks on the images' own pixels.

        Args:
            masks: each (z, y, x) bool on the volume's grid; taken one by one, as each is as large as the CT.

        Returns:
            The images to refer to, and (frames, rows, columns, masks) uint8 in their order; of classic images only
            those that a mask touches.
        """
        touched = []
        for mask in masks:
            stored = to_stored(mask, self.volume.stored or self.volume.grid)
            slices = np.flatnonzero(stored.any(axis=(1, 2)))
            touched.append(dict(zip(slices.tolist(), stored[slices], strict=True)))
        if self.frames is None:
            used = sorted({index for one in touched for index in one})
            images, places, count = (
                [self.images[index] for index in used],
                {z: n for n, z in enumerate(used)},
                len(used),
            )
        else:
            images, places, count = [self.first], dict(enumerate(self.frames)), int(self.first.NumberOfFrames)
        pixels = np.zeros((count, self.first.Rows, self.first.Columns, len(touched)), dtype=np.uint8)
        for number, one in enumerate(touched):
            for index, plane in one.items():
                pixels[places[index], :, :, number] = plane
        return images, pixels


def read_study(case: CtVolume | CtSlicePair) -> SourceStudy:
    """Read the headers of a case's images again.

    Raises:
        InputRefused: NO_DICOM_SOURCE where the case was not read from DICOM images, its slices are not these images'
            own, or the headers lack what a reference needs; UNREADABLE.
    """
    if isinstance(case, CtSlicePair):
        raise _refused("Two single slices were given, and DICOM files are written of a whole CT")
    if case.source.kind != "dicom":
        raise _refused("The CT was not read from DICOM files, so there is no study that the results could belong to")
    if not case.images:
        raise _refused(
            "The CT's slices were shifted or filled up when it was read (gantry tilt, or slices missing), so the masks "
            "don't lie on the original images"
        )
    frames = [image.frame for image in case.images if image.frame is not None]
    paths = [image.path for image in case.images]
    if frames:
        paths = list(dict.fromkeys(paths))
        if len(paths) > 1:
            raise _refused("The CT lies in several multi-frame files, and a segmentation refers to one")
    try:
        headers = tuple(_header(path) for path in paths)
    except OSError as error:
        raise InputRefused(
            Reason.UNREADABLE, f"The DICOM files can't be opened again ({error.strerror}). Leave them where they are."
        ) from error
    _demand(headers)
    step_mm = round((case.stored or case.grid).spacing_xyz_mm[2], 6)  # by the positions: the tag is often wrong
    if frames:
        _share(headers[0], frames[0]).PixelMeasuresSequence[0].SpacingBetweenSlices = step_mm
    for header in headers if not frames else ():
        header.ImageOrientationPatient = headers[0].ImageOrientationPatient  # alike but for rounding
        header.SpacingBetweenSlices = step_mm
    return SourceStudy(headers, tuple(frames) or None, case)


def _refused(why: str) -> InputRefused:
    return InputRefused(
        Reason.NO_DICOM_SOURCE, f"{why}. Run without --dicom-seg and --dicom-sr, or give the original DICOM series."
    )


def _header(path: Any) -> Dataset:
    """Read one file's header; what breaks the standard or is missing is empty."""
    from pydicom import dcmread

    with quiet_dicom():
        header = dcmread(path, stop_before_pixels=True, force=True)
        for tag in _PRESENT:
            if not _sound(header, tag):
                setattr(header, tag, "")
        if text_of(header, "SOPClassUID") not in CT_CLASSES:  # missing: the reader took it from the modality
            header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    return header


def _sound(header: Dataset, tag: str) -> bool:
    """Say whether a tag is there, and holds what its kind allows."""
    from pydicom.valuerep import DA, TM

    checks: dict[str, Callable[[str], object]] = {
        "PatientBirthDate": DA,
        "StudyDate": DA,
        "StudyTime": TM,
        "PatientSex": ("", "M", "F", "O").index,
    }
    try:
        checks.get(tag, str)(text_of(header, tag) or "")
    except ValueError:
        return False
    return tag in header


def _demand(headers: tuple[Dataset, ...]) -> None:
    missing = [name for tag, name in _FILLED.items() if not all(text_of(header, tag) for header in headers)]
    if missing:
        raise InputRefused(
            Reason.NO_DICOM_SOURCE,
            f"The DICOM files lack their {' and '.join(missing)}, without which no other file can refer to them. Run "
            "without --dicom-seg and --dicom-sr, or export the series again.",
        )
    if len({text_of(header, "FrameOfReferenceUID") for header in headers}) > 1:
        raise _refused("The CT's images name different frames of reference")


def _share(header: Dataset, frame: int) -> Dataset:
    """Say once what a multi-frame file may say of every frame; return where it stands."""
    shared = header.SharedFunctionalGroupsSequence[0]
    for sequence in _SHARED:
        if sequence not in shared:
            setattr(shared, sequence, getattr(header.PerFrameFunctionalGroupsSequence[frame], sequence))
    return shared


def frame_of_reference(volume: CtVolume) -> str | None:
    """Read the frame of reference of a CT's images; None where they don't say it, or it wasn't read from DICOM."""
    if not volume.images:
        return None
    return text_of(_header(volume.images[0].path), "FrameOfReferenceUID")
