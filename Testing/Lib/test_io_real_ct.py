"""Real CT reads properly and every awkward file and folder ends in a refusal or in flags (evaluation data only)."""

from __future__ import annotations

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.dicom_headers import read_headers
from OsteoJointLib.io.dicom_pixels import read_slices
from OsteoJointLib.records import CtVolume

SINGLE = Reason.SINGLE_SLICE
AWKWARD = {
    "broken-tags": Reason.SEVERAL_SERIES,
    "broken-tags/MR_truncated.dcm": Reason.NOT_CT,
    "broken-tags/headCT_J2K_pixelrep_mismatch_tilt-22.dcm": SINGLE,
    "broken-tags/neckCT_bad_sequence.dcm": SINGLE,
    "broken-tags/no_meta.dcm": Reason.UNREADABLE,
    "gantry-tilt/head-tilt-without-tag": Reason.GANTRY_TILT,
    "mr": Reason.NO_SERIES,
    "mr/totalseg_example_mr_sm_abdomen.nii.gz": Reason.NOT_HU,
    "multiframe/eCT_Supplemental.dcm": Reason.NOT_HU,
    "multiframe/emri_small_10frame_MR.dcm": Reason.NOT_CT,
    "single-slice/pancreasCT_one_slice_j2k_explicitUN.dcm": SINGLE,
    "single-slice/pydicom_CT_small_128.dcm": SINGLE,
    "slice-gaps/four-images-at-one-position/001": Reason.DUPLICATE_SLICES,
    "slice-gaps/uneven-increment/001": Reason.UNEVEN_SLICES,
    "slice-gaps/uneven-increment/002": Reason.UNEVEN_SLICES,
    "slice-gaps/uneven-increment/002_ground_truth.nii.gz": Reason.LEVEL_NOT_IN_VIEW,
}


def codes(volume: CtVolume) -> set[Reason]:
    return {flag.code for flag in volume.flags}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_input_is_refused_with_its_reason(real_ct, name):
    with pytest.raises(InputRefused) as caught:
        read_ct(real_ct / "awkward" / name)
    assert caught.value.reason is AWKWARD[name]


def test_every_other_awkward_file_and_folder_is_refused_or_flagged(real_ct):
    paths = [path for path in (real_ct / "awkward").rglob("*") if "no-lumbar" not in path.parts]
    assert paths
    for path in paths:
        try:
            result = read_ct(path)
        except InputRefused:
            continue
        assert codes(result), f"{path} was read without a flag"


def test_short_jpeg2000_series_without_uids_reads_with_its_flags(real_ct):
    volume = read_ct(real_ct / "awkward/no-lumbar/t11-t12-jpeg2000-no-series-uid")
    assert volume.hu.shape == (20, 512, 512)
    assert volume.grid.spacing_xyz_mm == pytest.approx((0.9765625, 0.9765625, 2.0))
    assert codes(volume) == {Reason.TAGS_REPAIRED, Reason.TRUNCATED_VIEW, Reason.CONTRAST}
    assert (volume.source.kvp, volume.source.kernel) == (120.0, "Br38f 3")


@pytest.mark.parametrize(
    ("name", "slices", "pixel_mm", "kernel", "flags"),
    [
        ("crlm-1004", 41, 0.796875, "STANDARD", {Reason.THICK_SLICES, Reason.CONTRAST}),
        ("crlm-1006", 51, 0.804688, None, {Reason.THICK_SLICES, Reason.CONTRAST, Reason.KERNEL_UNKNOWN}),
    ],
)
def test_padded_thick_series_reads_in_order_from_the_feet(real_ct, name, slices, pixel_mm, kernel, flags):
    volume = read_ct(real_ct / name / "dicom")
    assert volume.hu.shape == (slices, 512, 512)
    assert volume.grid.spacing_xyz_mm == pytest.approx((pixel_mm, pixel_mm, 5.0))
    assert volume.hu.min() == -1024
    assert codes(volume) == flags
    assert (volume.source.kernel, volume.source.kvp, volume.source.contrast) == (kernel, 120.0, True)
    # The patient lies on the table, so the back half of the body holds the spine: bone lies behind the middle.
    bone = np.argwhere(volume.hu[slices // 3] > 250)
    assert np.median(bone[:, 0]) > 256


@pytest.mark.parametrize(
    ("name", "brightest_hu"),
    [("neckCT_bad_sequence.dcm", 1243), ("headCT_J2K_pixelrep_mismatch_tilt-22.dcm", 1896)],
    ids=["JPEG lossless", "JPEG 2000 with the wrong sign"],
)
def test_compressed_slices_with_broken_tags_decode_to_hu(real_ct, name, brightest_hu):
    headers = read_headers([real_ct / "awkward" / "broken-tags" / name]).images
    hu = np.empty((1, 512, 512), dtype=np.int16)
    read_slices(headers, hu)
    assert hu.max() == brightest_hu
    assert -1024 <= hu.min() < -1000


def test_totalsegmentator_example_agrees_with_its_reference_masks(real_ct):
    import SimpleITK as sitk

    folder = real_ct / "totalsegmentator-example"
    volume = read_ct(folder / "ct.nii.gz")
    assert codes(volume) == {Reason.CONTRAST_UNKNOWN, Reason.KERNEL_UNKNOWN, Reason.KVP_UNKNOWN}
    bodies = sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(folder / "bodies_by_level.nii.gz"), "LPS"))
    assert bodies.shape == volume.hu.shape
    heights = [np.argwhere(bodies == label)[:, 0].mean() for label in (19, 20, 21, 22)]
    assert heights == sorted(heights, reverse=True)
    # Medians of the bodies measured from the same masks (reference/peers.md 2.5).
    whole, body = (
        sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(folder / f"vertebrae_{name}.nii.gz"), "LPS"))
        for name in ("total", "body")
    )
    medians = [float(np.median(volume.hu[(whole == label) & (body == 1)])) for label in (31, 30)]
    assert medians == [136.0, 150.0]
