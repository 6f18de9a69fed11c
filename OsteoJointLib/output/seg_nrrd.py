"""The masks as Slicer's ``.seg.nrrd``, in the geometry of the CT they were made on.

One label map in one layer: VerSe labels 20 (L1) and 21 (L2), and of the neighbors 19 (T12) and 22 (L3) where they were
segmented, with each segment's name, color, extent and SNOMED terminology in the header fields that Slicer reads
(Slicer's developer guide, "Segmentation labelmap file format"), and a tag of who drew it. Whole bodies, or mid-slices
where only these are there. A pair of slices gives two files, ``NAME.L1.seg.nrrd`` and ``NAME.L2.seg.nrrd``, as each
slice has its own place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.output.terminology import segment_color_rgb, terminology_entry
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.mask_mark import MaskMark
from OsteoJointLib.pipeline.vertebra import VertebraReading, draw_masks
from OsteoJointLib.pipeline.volume_stage import whole_drawn
from OsteoJointLib.records import VERSE_LABELS, BodyVolume, CtVolume, Level, MaskSource

if TYPE_CHECKING:
    import SimpleITK

SEGMENTATION_FILE = "segmentation.seg.nrrd"
_SUFFIX = ".seg.nrrd"


def write_segmentation(
    result: CaseResult, path: Path, drawn: Mapping[Level, PlacedMask] | None = None
) -> dict[Level, Path]:
    """Write the masks of a case.

    Args:
        result: the case.
        path: a name that ends with ``.seg.nrrd``.
        drawn: a user's masks in place of the result's; one on the mid-slice alone changes that slice of a whole body.

    Returns:
        The file that holds each level: ``path`` for both, or one file a slice for a pair of slices.

    Raises:
        RunFailed: ``path`` does not end with ``.seg.nrrd``.
    """
    path = Path(path)
    if not path.name.endswith(_SUFFIX):
        raise RunFailed(Reason.USAGE, f"The file name {path.name} doesn't end with {_SUFFIX}. Rename it.")
    if isinstance(result.volume, CtVolume):
        _write(result.volume.grid, result.readings, path, drawn or {}, result.neighbors)
        return dict.fromkeys(Level, path)
    stem = path.name[: -len(_SUFFIX)]
    files = {level: path.with_name(f"{stem}.{level}{_SUFFIX}") for level in Level}
    for reading, volume in zip(result.readings, (result.volume.l1, result.volume.l2), strict=True):
        _write(volume.grid, (reading,), files[reading.level], drawn or {})
    return files


def label_array(
    grid: Grid,
    readings: Sequence[VertebraReading],
    drawn: Mapping[Level, PlacedMask] | None = None,
    neighbors: Sequence[BodyVolume] = (),
) -> np.ndarray:
    """Draw masks into one label volume in VerSe's numbers.

    Args:
        grid: of the CT.
        readings: levels whose body, or mid-slice where there is no body, is drawn.
        drawn: masks that are drawn instead, also of levels without a reading.
        neighbors: further bodies.

    Returns:
        (z, y, x) uint8; where masks overlap, drawn ones win, and among these the lower level.
    """
    by_level = {reading.level: reading for reading in readings}
    whole = {level: whole_drawn(by_level.get(level), mask) for level, mask in (drawn or {}).items()}
    labels = draw_masks([reading for reading in readings if reading.level not in whole], grid.shape_zyx, neighbors)
    for level in Level:
        if level in whole:
            whole[level].draw(labels, level.verse_label)
    return labels


def _write(
    grid: Grid,
    readings: tuple[VertebraReading, ...],
    path: Path,
    drawn: Mapping[Level, PlacedMask],
    neighbors: Sequence[BodyVolume] = (),
) -> None:
    from scipy.ndimage import find_objects

    drawn = {reading.level: drawn[reading.level] for reading in readings if reading.level in drawn}
    labels = label_array(grid, readings, drawn, neighbors)
    told: list[tuple[str, MaskSource, int | None]] = [
        (one.level, MaskSource.EDITED if one.level in drawn else one.mask_source, one.axial.slice_index)
        for one in readings
    ]
    told += [(body.name, body.source, None) for body in neighbors]
    boxes = find_objects(labels)  # labels may be a third of a gigabyte: nothing of their size is made beside them
    masks = [_cut_out(labels, VERSE_LABELS[name], boxes) for name, _, _ in told]
    image = image_on_grid(labels, grid)
    del labels
    for index, ((name, source, slice_index), mask) in enumerate(zip(told, masks, strict=True)):
        _describe_segment(image, index, name, mask, MaskMark.of(mask, source, slice_index))
    # the master representation is the name before Slicer 5.2, the source representation the name since
    for key in ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation"):
        image.SetMetaData(key, "Binary labelmap")
    image.SetMetaData("Segmentation_ContainedRepresentationNames", "Binary labelmap|")
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    write_image(image, path)


def _cut_out(labels: np.ndarray, label: int, boxes: Sequence[tuple[slice, ...] | None]) -> PlacedMask:
    """Cut the mask of a label out of a label volume, by the boxes of labels 1, 2, ...; empty where it isn't there."""
    box = boxes[label - 1] if label <= len(boxes) else None
    if box is None:
        return PlacedMask(np.zeros((0, 0, 0), dtype=bool), (0, 0, 0))
    z, y, x = (part.start for part in box)
    return PlacedMask(labels[box] == label, (z, y, x))


def _describe_segment(image: SimpleITK.Image, index: int, name: str, mask: PlacedMask, mark: MaskMark) -> None:
    """Write the fields of a segment; ``mask`` is trimmed."""
    color = " ".join(f"{channel / 255:.6f}" for channel in segment_color_rgb(name))
    ends = zip(mask.corner_zyx[::-1], mask.mask.shape[::-1], strict=True)
    fields = {
        "ID": str(name),
        "Name": str(name),
        "NameAutoGenerated": "0",
        "Color": color,
        "ColorAutoGenerated": "0",
        "Extent": " ".join(f"{first} {first + count - 1}" for first, count in ends),  # 0 -1 where there is none
        "LabelValue": str(VERSE_LABELS[name]),
        "Layer": "0",
        "Tags": f"Segmentation.Status:completed|TerminologyEntry:{terminology_entry(name)}|{mark}|",
    }
    for key, value in fields.items():
        image.SetMetaData(f"Segment{index}_{key}", value)
