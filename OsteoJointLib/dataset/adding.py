"""Adding a labeled CT to a dataset: a folder a case, and its line in the manifest.

A CT stands in a dataset once, known by its voxels: as two cases it could stand in training and test alike.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import hidden_folder
from OsteoJointLib.dataset.labeled_case import CaseLabel, LabeledCase, labeled_case
from OsteoJointLib.dataset.manifest import KnownCase, Manifest
from OsteoJointLib.dataset.preview import write_preview
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.locking import locked
from OsteoJointLib.names import check_name, name_key
from OsteoJointLib.records import CtVolume

IMAGE_FILE, MASK_FILE, PREVIEW_FILE = "ct.nrrd", "labels.nrrd", "preview.png"


@dataclass(frozen=True)
class AddedCase:
    """A case that was added: its files with the manifest last, its entry there, and how many entries there are."""

    files: tuple[Path, ...]
    entry: LabeledCase
    count: int


def add_case(
    folder: Path, name: str, volume: CtVolume, labels: np.ndarray, label: CaseLabel, replace: bool = False
) -> AddedCase:
    """Write a CT with its masks into a dataset.

    A case that is replaced keeps its name as it was written, so that no folder is left behind. The files are written
    beside the dataset's others first and then put in place, and the manifest names a case only while all its files are:
    a run killed at any moment leaves the old case, the new one or none of that name.

    Args:
        folder: of the dataset; made when missing.
        name: of the case and its folder.
        volume: the CT.
        labels: (z, y, x) uint8, VerSe's numbers.
        label: what is known.
        replace: whether a case of that name may be replaced.

    Raises:
        UsageError: the name is unsafe; OUTPUT_EXISTS when it is taken, or the CT is there under another name.
        InputRefused: the manifest can't be read.
    """
    check_name(name)
    voxels = voxels_sha256(volume)
    with locked(folder):
        name = _free_name(folder, name, voxels, replace)
        case = folder / name
        with hidden_folder(case) as staging:
            image, mask, preview = (staging / name for name in (IMAGE_FILE, MASK_FILE, PREVIEW_FILE))
            write_image(image_on_grid(volume.hu, volume.grid), image, acquisition_keys(volume.source))
            write_image(image_on_grid(labels, volume.grid), mask)
            write_preview(volume, labels, label.centers_lps_mm, preview)
            entry = labeled_case(name, image, mask, label, voxels)

            def place() -> None:
                case.mkdir(exist_ok=True)
                for file in (image, mask, preview):
                    os.replace(file, case / file.name)

            manifest = Manifest(folder)
            count = manifest.put(entry, place)
    files = (case / IMAGE_FILE, case / MASK_FILE, case / PREVIEW_FILE, manifest.path)
    return AddedCase(files, entry, count)


def voxels_sha256(volume: CtVolume) -> str:
    """Hash a CT's voxels, int16 (z, y, x): the same CT whatever file it came in."""
    return hashlib.sha256(np.ascontiguousarray(volume.hu).data).hexdigest()


def existing_case(folder: Path, name: str) -> KnownCase | None:
    """Look for the case of a name, upper and lower case being one: in the manifest, else among the folders.

    Raises:
        InputRefused: the manifest can't be read.
    """
    children = sorted(child.name for child in folder.iterdir()) if folder.is_dir() else []
    cases = [*Manifest(folder).cases(), *map(KnownCase, children)]
    return next((case for case in cases if name_key(case.id) == name_key(name)), None)


def _free_name(folder: Path, name: str, voxels_sha256: str, replace: bool) -> str:
    """Find the name under which a CT may be written; UsageError where there is none."""
    known = existing_case(folder, name)
    if known is not None and not replace:
        raise UsageError(
            Reason.OUTPUT_EXISTS, f"The dataset has {known.words} already. Choose another name, or replace it."
        )
    name = name if known is None else known.id
    cases = Manifest(folder).cases()
    same = next((case for case in cases if case.image.voxels_sha256 == voxels_sha256), None)
    if same is not None and name_key(same.id) != name_key(name):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"The dataset has this very CT already as {same.words}. To replace that, save it under the name {same.id}.",
        )
    return name
