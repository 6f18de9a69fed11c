"""VertebralBodiesCT-Labels (CC BY-SA 4.0): masks of bodies alone, for CTs of TotalSegmentator and VerSe.

``train/`` and ``test/`` hold label files in numbers of their own (L1 is 13, L2 is 14); the CTs are looked for in the
folders of the two datasets by their names. A patient has the code that the CT's own dataset gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MaskKind, Origin
from OsteoJointLib.records import Level
from training.importers.found import NIFTI, FoundCase, LeftOut, one_file, part_among, stem_of
from training.importers.verse import subject_of

LICENCE = "CC BY-SA 4.0"
NUMBERS = {Level.L1: 13, Level.L2: 14}
PARTS = {"train": "training", "test": "test"}
_PLAIN = re.compile(r"sub-|_ct\b|_ct-|_dir-|-|_|_0000$")
"""What names of one CT differ by."""


def find(folder: Path, images: Sequence[Path]) -> Iterator[FoundCase | LeftOut]:
    """Find the cases of a folder.

    Args:
        folder: of the labels.
        images: folders with TotalSegmentator's and VerSe's CTs.
    """
    known = {key_of(name_of(path)): path for root in images for path in sorted(root.rglob(f"*{NIFTI}")) if _is_ct(path)}
    for part in PARTS:
        for masks in sorted((folder / part).rglob(f"*{NIFTI}")):
            name = stem_of(masks)
            image = known.get(key_of(name))
            if image is None:
                yield LeftOut(name, "its CT is in none of the folders of --images. Add the one that has it.")
                continue
            origin = Origin("VertebralBodiesCT-Labels", LICENCE, part_among(masks, PARTS))
            patient = image.parent.name if _is_totalsegmentator(image) else subject_of(image)
            yield FoundCase(name, patient, image, one_file(masks, NUMBERS), MaskKind.BODY, origin)


def name_of(image: Path) -> str:
    """Name a CT as its dataset does: by its folder, or by its file."""
    return image.parent.name if _is_totalsegmentator(image) else stem_of(image)


def key_of(name: str) -> str:
    """Make a CT's names alike.

    >>> key_of("sub-verse500_dir-ax_ct"), key_of("verse500_CT-ax"), key_of("s0001")
    ('verse500ax', 'verse500ax', 's0001')
    """
    return _PLAIN.sub("", name.lower())


def _is_totalsegmentator(image: Path) -> bool:
    return image.name == f"ct{NIFTI}"


def _is_ct(path: Path) -> bool:
    return not re.search(r"_seg|_msk|vertebrae_|segmentations", path.as_posix().rsplit("/", 2)[-2] + "/" + path.name)
