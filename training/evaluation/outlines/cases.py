"""Slices whose outline is known, and masks to start from: the network's, and the true one spoiled in four ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason
from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtSlicePair, CtVolume, Level
from training.evaluation.case_rows.facts import phantom_slices

OFF_MM = 2.0
"""By how much the true mask is dilated, eroded or shifted (issue 9)."""
_ROUGH_SD_MM, _ROUGH_WAVE_MM = 1.5, 2.0
"""Of a roughened outline: standard deviation of how far it is off, and of the Gaussian under its noise."""
_MARGIN_MM = 20.0
"""Around the body: what a method may look at."""
BODIES_FILE, CT_FILE = "bodies_by_level.nii.gz", "ct.nii.gz"
"""Of a real CT with reference masks: VerSe numbers, and HU."""


@dataclass(frozen=True, eq=False)
class OutlineCase:
    """One mid-slice, cut around its body.

    Args:
        name: for messages.
        hu: (y, x).
        truth: (y, x) bool, true mask.
        network: (y, x) bool, what the network said.
        pixel_mm: edge length of a pixel.
    """

    name: str
    hu: np.ndarray
    truth: np.ndarray
    network: np.ndarray
    pixel_mm: float


def signed_distance_mm(mask: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Distance from the outline, > 0 inside, (y, x) mm."""
    inside, outside = (ndimage.distance_transform_edt(part) for part in (mask, ~mask))
    return np.where(mask, inside - 0.5, 0.5 - outside) * pixel_mm


def starts(case: OutlineCase, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make the masks to start from, by name; the true mask is one of them."""
    off_mm, shape = signed_distance_mm(case.truth, case.pixel_mm), case.truth.shape
    angle = rng.uniform(0.0, 2.0 * np.pi)
    step_px = OFF_MM / case.pixel_mm * np.array([np.sin(angle), np.cos(angle)])
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), _ROUGH_WAVE_MM / case.pixel_mm)
    parts, _ = ndimage.label(off_mm + _ROUGH_SD_MM * noise / noise.std() > 0)
    rough = ndimage.binary_fill_holes(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))
    return {
        "network": case.network,
        "true": case.truth,
        "dilated": off_mm > -OFF_MM,
        "eroded": off_mm > OFF_MM,
        "shifted": ndimage.shift(off_mm, step_px, order=1, mode="nearest") > 0,
        "rough": rough,
    }


def phantom_cases(reader: Reader, seeds: range) -> Iterator[OutlineCase]:
    """Give the mid-slices of plausible phantoms, protocols mixed; one that the reader refuses is left out."""
    for seed in seeds:
        truth, slices = phantom_slices(seed)
        pair = CtSlicePair(slices[Level.L1].volume, slices[Level.L2].volume)
        centers = {level: truth.centers_lps_mm[level.verse_label] for level in Level}
        labels = {level: slices[level].labels for level in Level}
        yield from _cases(reader, f"phantom {seed}", pair, labels, centers)


def referenced_cts(folder: Path) -> Iterator[tuple[str, CtVolume, np.ndarray]]:
    """Read the CTs in a folder that have reference masks: each with its name and (z, y, x) VerSe numbers on its grid.

    Raises:
        InputRefused: where there is none.
    """
    import SimpleITK as sitk

    paths = sorted(path.parent for path in folder.glob(f"*/{BODIES_FILE}"))
    if not paths:
        problem = f"No folder in {folder} holds a {BODIES_FILE}, the reference masks. Give another folder with --ct."
        raise InputRefused(Reason.NOT_FOUND, problem)
    for path in paths:
        volume = read_ct(path / CT_FILE)
        assert isinstance(volume, CtVolume)
        bodies = sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(str(path / BODIES_FILE)), "LPS"))
        yield path.name, volume, bodies


def real_cases(reader: Reader, folder: Path) -> Iterator[OutlineCase]:
    """Give the mid-slices of the CTs in a folder that have reference masks.

    Raises:
        InputRefused: where there is none.
    """
    for name, volume, bodies in referenced_cts(folder):
        centers = {
            level: tuple(volume.grid.index_to_lps(np.array(ndimage.center_of_mass(bodies == level.verse_label))))
            for level in Level
        }
        yield from _cases(reader, name, volume, dict.fromkeys(Level, bodies), centers)


def _cases(
    reader: Reader,
    name: str,
    ct: CtVolume | CtSlicePair,
    labels: dict[Level, np.ndarray],
    centers: dict[Level, tuple[float, float, float]],
) -> Iterator[OutlineCase]:
    """Read a CT at its true centers and cut its slices around the bodies."""
    try:
        result = reader.read(ct, points=centers, options=ReadOptions(gradcam=False))
    except OsteoJointError as error:
        print(f"{name} is left out: {error}")
        return
    for reading in result.readings:
        axial, level = reading.axial, reading.level
        truth = plane_to_mask(labels[level][axial.slice_index] == level.verse_label, axial)
        if not (truth.any() and reading.segmentation.mask.any()):
            print(f"{level} of {name} is left out: no mask.")
            continue
        margin = round(_MARGIN_MM / axial.pixel_mm)
        around = tuple(
            slice(max(0, s.start - margin), s.stop + margin) for s in ndimage.find_objects(truth.astype(np.uint8))[0]
        )
        yield OutlineCase(
            f"{level} of {name}", axial.hu[around], truth[around], reading.segmentation.mask[around], axial.pixel_mm
        )
