"""Read a DICOM Segmentation, ours or another's, as the image that a ``.seg.nrrd`` of Slicer gives.

Each wanted segment is a layer of its own with the value 1; name, code, layer and, among the tags, its description stand
in Slicer's own fields. The frames may be stored in any order; slices without a frame hold nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, ModelRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import triple
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.records import SNOMED_CODES

if TYPE_CHECKING:
    import SimpleITK
    from highdicom.seg import Segmentation

FRAME_OF_REFERENCE_KEY = "FrameOfReferenceUID"
"""Field of the image in which a DICOM SEG's frame of reference stands."""

_UNEVEN = 0.1
"""How far, as a share of the step, slices may lie off their even place by rounding (chosen)."""

_INSIDE = 0.5
"""Part of a voxel, in a segmentation of fractions, from which on it is inside."""


def read_segments(path: Path, wanted: Callable[[tuple[str, ...], str], bool]) -> SimpleITK.Image:
    """Read the segments that are wanted.

    Args:
        path: the file.
        wanted: says by a segment's names and by SNOMED's code of its type ("" where it has none) whether it is.

    Raises:
        InputRefused: UNREADABLE, the file is no segmentation or its frames form no volume; MASK_EMPTY, no segment is
            wanted.
        ModelRefused: DEPENDENCY_MISSING, highdicom is not installed.
    """
    try:
        from highdicom.seg import segread
    except ImportError:
        raise ModelRefused(
            Reason.DEPENDENCY_MISSING, "Reading a DICOM SEG needs highdicom. Run pip install highdicom."
        ) from None
    with quiet_dicom():
        try:
            segmentation = segread(path)
            chosen = {one.number: one for one in _segments(segmentation) if wanted(one.names, one.code)}
            if not chosen:
                raise InputRefused(
                    Reason.MASK_EMPTY, f"{path.name} has no segment of L1 or L2. Rename those that are meant."
                )
            volume = segmentation.get_volume(segment_numbers=list(chosen), rtol=_UNEVEN)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError) as error:
            raise InputRefused(
                Reason.UNREADABLE,
                f"{path.name} is no DICOM Segmentation whose slices form a volume. Give a DICOM SEG or a .seg.nrrd.",
            ) from error
    steps = volume.affine[:3, 2::-1]  # its axes are slice, row, column
    spacing = np.linalg.norm(steps, axis=0)
    grid = Grid(volume.spatial_shape, triple(spacing), triple(volume.affine[:3, 3]), steps / spacing)
    inside = (volume.array >= _INSIDE).astype(np.uint8)
    image = image_on_grid(inside if len(chosen) > 1 else inside[..., 0], grid)
    for layer, one in enumerate(chosen.values()):
        fields = {"ID": one.names[0], "Name": one.names[1], "Layer": str(layer), "LabelValue": "1"}
        fields["Tags"] = f"TerminologyEntry:~~SCT^{one.code}^{one.names[1]}~|{one.description}|"
        for name, value in fields.items():
            image.SetMetaData(f"Segment{layer}_{name}", value)
    image.SetMetaData(FRAME_OF_REFERENCE_KEY, str(segmentation.FrameOfReferenceUID))
    return image


@dataclass(frozen=True)
class _Segment:
    """A segment: its number; its label and the meaning of its type; the type's code in SNOMED CT; its description."""

    number: int
    names: tuple[str, str]
    code: str
    description: str


def _segments(segmentation: Segmentation) -> Iterator[_Segment]:
    from pydicom.sr.codedict import Code

    for number in segmentation.segment_numbers:
        described = segmentation.get_segment_description(number)
        kind = described.segmented_property_type
        code = Code(kind.value, kind.scheme_designator, "")  # equal to SNOMED's also in the older scheme SRT
        snomed = next((own for own in SNOMED_CODES.values() if code == Code(own, "SCT", "")), "")
        names = (str(described.segment_label), str(kind.meaning))
        yield _Segment(number, names, snomed, str(described.get("SegmentDescription", "")))
