"""CTSpine1K (CC BY-NC-SA 4.0): a CT ``X.nii.gz`` and its whole vertebrae ``X_seg.nii.gz`` in VerSe's numbers.

Both may lie side by side or in different folders, as on Hugging Face. The part is a folder's name, or stands in
``data_split.txt``. A patient is known by a digest of the file's name, which may be a DICOM UID.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MaskKind, Origin
from OsteoJointLib.names import portable_name
from OsteoJointLib.records import Level
from training.importers.found import NIFTI, FoundCase, LeftOut, one_file, part_among, stem_of

LICENCE = "CC BY-NC-SA 4.0"
PARTS = {"trainset": "training", "test_public": "validation", "test_private": "test"}
SPLIT_FILE = "data_split.txt"
BAD = {
    "1.3.6.1.4.1.9328.50.4.0103": "its labels skip numbers (issue 13 of CTSpine1K)",
    "1.3.6.1.4.1.9328.50.4.0291": "its label 22 is missing (issue 13 of CTSpine1K)",
    "1.3.6.1.4.1.9328.50.4.0730": "its label 22 is missing (issue 13 of CTSpine1K)",
    "1.3.6.1.4.1.9328.50.4.0482": "its labels are shifted (issue 15 of CTSpine1K)",
    "1.3.6.1.4.1.9328.50.4.0500": "its labels are shifted (issue 15 of CTSpine1K)",
}


def find(folder: Path) -> Iterator[FoundCase | LeftOut]:
    """Find the cases of a folder."""
    files = sorted(folder.rglob(f"*{NIFTI}"))
    images = {stem_of(path): path for path in files if not stem_of(path).endswith("_seg")}
    stated = _stated_parts(folder)
    for masks in (path for path in files if stem_of(path).endswith("_seg")):
        stem = stem_of(masks).removesuffix("_seg")
        beside = masks.with_name(f"{stem}{NIFTI}")
        image = beside if beside.is_file() else images.get(stem)
        if stem in BAD:
            yield LeftOut(stem, f"{BAD[stem]}.")
        elif image is None:
            yield LeftOut(stem, f"there is no {stem}{NIFTI}. Complete the download.")
        else:
            origin = Origin("CTSpine1K", LICENCE, stated.get(stem) or part_among(masks, PARTS))
            numbers = {level: level.verse_label for level in Level}
            patient = f"ct1k{hashlib.sha256(stem.encode()).hexdigest()[:12]}"
            yield FoundCase(portable_name(stem), patient, image, one_file(masks, numbers), MaskKind.WHOLE, origin)


def _stated_parts(folder: Path) -> dict[str, str]:
    """Read data_split.txt: a line that names a part, then the files of it."""
    path, part, parts = folder / SPLIT_FILE, "", {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        word = line.strip().strip(":").strip()
        part = PARTS.get(word, part)
        if part and word and word not in PARTS:
            parts[Path(word).name.removesuffix(NIFTI).removesuffix("_seg")] = part
    return parts
