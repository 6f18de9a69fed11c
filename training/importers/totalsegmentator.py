"""TotalSegmentator's training data, version 1 and 2 (CC BY 4.0): ``s0000/ct.nii.gz`` and a file a class beside it.

``s0000/segmentations/vertebrae_L1.nii.gz`` holds 0 and 1, and is empty where the CT shows no L1. ``meta.csv`` has the
part and, in version 2, the tube voltage; its fields are parted by semicolons. Masks are of whole vertebrae, resampled
to 1.5 mm; vertebrae are counted from the sacrum, so that a sixth lumbar one is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MaskKind, Origin
from OsteoJointLib.records import Level
from training.importers.found import NIFTI, Facts, FoundCase, LeftOut, MaskPart
from training.importers.tables import read_table

LICENCE, META_FILE = "CC BY 4.0", "meta.csv"
PARTS = {"train": "training", "val": "validation", "test": "test"}
BAD = {
    **dict.fromkeys(
        ("s0071", "s0128", "s0350", "s0513", "s0603", "s0676", "s0941"),
        "its vertebrae are mixed up (issue 394 of TotalSegmentator)",
    ),
    "s0016": "its vertebrae are wrong (issue 268 of TotalSegmentator)",
}
"""Those that stand in the issues' own text; their attached lists have more."""


def find(folder: Path) -> Iterator[FoundCase | LeftOut]:
    """Find the cases of a folder."""
    rows = {row.get("image_id", ""): row for path in folder.rglob(META_FILE) for row in read_table(path)}
    for image in sorted(folder.rglob(f"s*/ct{NIFTI}")):
        name = image.parent.name
        masks = {level: MaskPart(_mask_of(image, level), 1) for level in Level}
        missing = next((mask.path for mask in masks.values() if not mask.path.is_file()), None)
        if name in BAD:
            yield LeftOut(name, f"{BAD[name]}.")
        elif missing is not None:
            yield LeftOut(name, f"there is no {missing.name} where it should be. Complete the download.")
        else:
            row = rows.get(name, {})
            origin = Origin("TotalSegmentator", LICENCE, PARTS.get(row.get("split", "")))
            yield FoundCase(name, name, image, masks, MaskKind.WHOLE, origin, facts=Facts(kvp=_kvp(row)))


def _mask_of(image: Path, level: Level) -> Path:
    return image.parent / "segmentations" / f"vertebrae_{level}{NIFTI}"


def _kvp(row: Mapping[str, str]) -> float | None:
    """Read the tube voltage; None where there is none or it is none of a CT's."""
    try:
        kvp = float(row.get("kvp", ""))
    except ValueError:
        return None
    return kvp if 60.0 <= kvp <= 160.0 else None
