"""VerSe'19 and VerSe'20 (CC BY-SA 4.0), in the layout by subjects (OSF 923ap, 4skx2) and that of the challenge.

By subjects: ``rawdata/sub-verse500/sub-verse500_dir-ax_ct.nii.gz``, masks and centroids below ``derivatives/`` with the
same beginning; a person's several series have a ``split-`` in their names and one folder. In the challenge's layout
(``verse000.nii.gz``, ``verse000_seg.nii.gz``, ``verse000_iso-ctd.json``; also ``verse000_CT-ax…``) nobody can tell
which series are of one person. Masks are of whole vertebrae. The scans named gl are non-commercial.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MaskKind, Origin
from OsteoJointLib.records import Level
from training.importers.found import NIFTI, Centroids, FoundCase, LeftOut, one_file, part_among, stem_of

LICENCE, LICENCE_GL = "CC BY-SA 4.0", "CC BY-NC-ND"
PARTS = {"training": "training", "validation": "validation", "test": "test"}
NUMBERS = {level: level.verse_label for level in Level}
_GL = re.compile(r"(sub-)?gl\d", re.IGNORECASE)


def find(folder: Path) -> Iterator[FoundCase | LeftOut]:
    """Find the cases of a folder, in either layout."""
    by_subject = sorted(folder.rglob(f"rawdata/sub-*/*_ct{NIFTI}"))
    yield from (_by_subject(path) for path in by_subject)
    for path in sorted(folder.rglob(f"*_seg{NIFTI}")):
        yield _of_challenge(path)


def subject_of(image: Path) -> str:
    """Tell whose a CT of VerSe is, by the name of its file.

    >>> subject_of(Path("sub-verse400_split-verse090_ct.nii.gz")), subject_of(Path("verse500_CT-ax.nii.gz"))
    ('verse400', 'verse500')
    """
    return stem_of(image).removeprefix("sub-").split("_")[0]


def _by_subject(image: Path) -> FoundCase | LeftOut:
    stem, subject = stem_of(image).removesuffix("_ct"), image.parent.name
    derived = image.parents[2] / "derivatives" / subject
    masks, centroids = derived / f"{stem}_seg-vert_msk{NIFTI}", derived / f"{stem}_seg-subreg_ctd.json"
    return _found(stem.removeprefix("sub-"), image, masks, Centroids(centroids, in_mm=False))


def _of_challenge(masks: Path) -> FoundCase | LeftOut:
    stem = stem_of(masks).removesuffix("_seg")
    files = [masks.with_name(f"{stem}_{ending}.json") for ending in ("iso-ctd", "ctd")]
    centroids = next((path for path in files if path.is_file()), files[0])
    return _found(stem, masks.with_name(f"{stem}{NIFTI}"), masks, Centroids(centroids, in_mm=True))


def _found(name: str, image: Path, masks: Path, centroids: Centroids) -> FoundCase | LeftOut:
    if not (image.is_file() and masks.is_file()):
        missing = masks if image.is_file() else image
        return LeftOut(name, f"there is no {missing.name} where it should be. Complete the download.")
    licence = LICENCE_GL if _GL.match(name) else LICENCE
    origin = Origin("VerSe", licence, part_among(image, PARTS))
    where = centroids if centroids.path.is_file() else None
    return FoundCase(name, subject_of(image), image, one_file(masks, NUMBERS), MaskKind.WHOLE, origin, where)
