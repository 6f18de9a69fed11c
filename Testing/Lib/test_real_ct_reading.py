"""The shipped weights on real CT (../shared/ct, evaluation only): levels, masks, HU, and the doubts they owe."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.cli.comparison import dice
from OsteoJointLib.errors import Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import read_level_mask
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import analyze
from OsteoJointLib.records import Level

LEVEL_ERROR_MM = 10.0
DICE = 0.88
MEDIAN_HU = 25.0


@pytest.fixture(scope="module")
def reader():
    return load_reader("compact", "cpu")


@pytest.fixture(scope="module")
def example(real_ct, reader) -> CaseResult:
    return analyze(real_ct / "totalsegmentator-example" / "ct.nii.gz", lambda: reader)


@pytest.fixture(scope="module")
def reference(real_ct, example) -> np.ndarray:
    """(z, y, x) VerSe numbers of the bodies on the CT's own grid."""
    import SimpleITK as sitk

    image = sitk.DICOMOrient(
        sitk.ReadImage(str(real_ct / "totalsegmentator-example" / "bodies_by_level.nii.gz")), "LPS"
    )
    labels = sitk.GetArrayFromImage(image)
    assert labels.shape == example.volume.grid.shape_zyx
    np.testing.assert_allclose(image.GetOrigin(), example.volume.grid.origin_lps_mm, atol=1e-3)
    return labels


@pytest.mark.parametrize("level", list(Level))
def test_levels_and_masks_agree_with_the_reference(example, reference, tmp_path, level):
    grid = example.volume.grid
    write_segmentation(example, tmp_path / "case.seg.nrrd")
    reading = example.l1 if level is Level.L1 else example.l2
    truth = reference == level.verse_label
    center = grid.index_to_lps(np.array(ndimage.center_of_mass(truth)))
    assert np.linalg.norm(center - np.array(reading.point.center_lps_mm)) <= LEVEL_ERROR_MM
    plane = reading.axial.slice_index
    mask = read_level_mask(tmp_path / "case.seg.nrrd", level, grid).on_grid(grid)
    assert mask is not None
    assert dice(mask[plane], truth[plane]) >= DICE
    eroded = ndimage.binary_erosion(truth)
    assert reading.measurement.hu_median == pytest.approx(float(np.median(example.volume.hu[eroded])), abs=MEDIAN_HU)


@pytest.mark.parametrize(
    ("case", "l1_slices", "l2_slices"), [("crlm-1006", (19, 25), (13, 19)), ("crlm-1004", (18, 25), (11, 18))]
)
def test_levels_counted_from_ribs_alone(real_ct, reader, case, l1_slices, l2_slices):
    volume = read_ct(real_ct / case / "dicom")
    found = reader.finder(volume)
    indices = [float(volume.grid.lps_to_index(np.array(p.center_lps_mm))[0]) for p in (found.l1, found.l2)]
    right = all(low <= z <= high for z, (low, high) in zip(indices, (l1_slices, l2_slices), strict=True))
    codes = {flag.code for flag in found.flags}
    assert Reason.NO_SACRUM_IN_VIEW in codes
    if case == "crlm-1004":
        assert Reason.LEVELS_UNCERTAIN in codes, "stub ribs and no sacrum must be said to be uncertain"
    else:
        assert right, (indices, found.names)
