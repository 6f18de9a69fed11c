"""NRRD, NIfTI and MetaImage in any orientation and number type give the same volume; what can't be is refused."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.records import CtVolume

SPACING, ORIGIN = (6.0, 6.5, 2.5), (-117.0, -100.0, 12.5)
UNKNOWN = {Reason.KVP_UNKNOWN, Reason.KERNEL_UNKNOWN, Reason.CONTRAST_UNKNOWN}


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    """(20, 32, 40) int16, no two slices alike."""
    y, x = np.mgrid[-1:1:32j, -1:1:40j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 50.0
    hu = plane + np.random.default_rng(5).normal(0, 12, (20, 32, 40))
    return np.clip(hu, -1024, 3071).astype(np.int16)


def image_of(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def write(path: Path, array: np.ndarray) -> Path:
    sitk.WriteImage(image_of(array), path)
    return path


def codes(volume: CtVolume) -> set[Reason]:
    return {flag.code for flag in volume.flags} - {Reason.THICK_SLICES}


def refusal(path: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path)
    return caught.value


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nhdr", "ct.nii", "ct.nii.gz", "ct.mha", "ct.mhd", "CT.NRRD"])
def test_every_format_reads_the_same(tmp_path, body, name):
    volume = read_ct(write(tmp_path / name, body))
    np.testing.assert_array_equal(volume.hu, body)
    assert volume.hu.dtype == np.int16
    assert volume.hu.flags.c_contiguous
    assert volume.grid.spacing_xyz_mm == pytest.approx(SPACING)
    assert volume.grid.origin_lps_mm == pytest.approx(ORIGIN)
    assert volume.source.file_names == (name,)
    assert codes(volume) == UNKNOWN


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAS", "PIR", "SAR", "ASL", "RIP"])
@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nii.gz", "ct.mha"])
def test_every_orientation_gives_the_same_volume(tmp_path, body, orientation, name):
    turned = sitk.DICOMOrient(image_of(body), orientation)
    sitk.WriteImage(turned, tmp_path / name)
    volume = read_ct(tmp_path / name)
    np.testing.assert_array_equal(volume.hu, body)
    np.testing.assert_allclose(volume.grid.direction, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(volume.grid.origin_lps_mm, ORIGIN, atol=1e-4)
    assert codes(volume) == UNKNOWN


@pytest.mark.parametrize(("qform_x", "sform_x"), [(-1, -1), (-1, 1), (1, -1), (1, 1)])
def test_only_a_header_that_contradicts_itself_is_told_to_be_left_handed(tmp_path, body, qform_x, sform_x):
    image = nibabel.Nifti1Image(body.T, None)
    image.set_qform(np.diag([qform_x * 6.0, -6.5, 2.5, 1.0]), 1)
    image.set_sform(np.diag([sform_x * 6.0, -6.5, 2.5, 1.0]), 1)
    nibabel.save(image, tmp_path / "ct.nii")
    volume = read_ct(tmp_path / "ct.nii")
    np.testing.assert_array_equal(volume.hu, body[:, :, ::-sform_x])  # x to the right is stored first to last
    assert (Reason.LEFT_HANDED in codes(volume)) == (qform_x != sform_x)


@pytest.mark.parametrize("kind", [np.int32, np.float32, np.float64])
def test_every_number_type_is_rounded_to_int16(tmp_path, body, kind):
    values = body.astype(kind)
    if values.dtype.kind == "f":
        values += kind(0.25)
    np.testing.assert_array_equal(read_ct(write(tmp_path / "ct.nrrd", values)).hu, body)


def test_nifti_scaling_is_applied_once(tmp_path, body):
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    affine[:3, 3] = -ORIGIN[0], -ORIGIN[1], ORIGIN[2]
    image = nibabel.Nifti1Image(((body.T.astype(np.int32) + 1024) * 2).astype(np.int16), affine)
    image.header.set_slope_inter(0.5, -1024.0)
    nibabel.save(image, tmp_path / "ct.nii.gz")
    saved = nibabel.load(tmp_path / "ct.nii.gz")
    assert (saved.dataobj.slope, saved.dataobj.inter) == (0.5, -1024.0)
    np.testing.assert_array_equal(read_ct(tmp_path / "ct.nii.gz").hu, body)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8"])
def test_nifti_voxels_agree_with_itk_for_every_byte_order_and_number_type(tmp_path, body, order, kind):
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(kind)
    image = nibabel.Nifti1Image(body.T.astype(kind), np.diag([-6.0, 6.5, 2.5, 1.0]), header)
    nibabel.save(image, tmp_path / "ct.nii")
    volume = read_ct(tmp_path / "ct.nii")
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "ct.nii"))
    np.testing.assert_array_equal(volume.hu, by_itk[:, ::-1])  # this header's y runs to the front
    np.testing.assert_array_equal(by_itk, body)


def test_values_below_air_and_missing_numbers_become_air(tmp_path, body):
    values = body.astype(np.float32)
    values[0, 0, :3] = (-3024.0, np.nan, -np.inf)
    volume = read_ct(write(tmp_path / "ct.nrrd", values))
    assert volume.hu[0, 0, :3].tolist() == [-1024, -1024, -1024]
    assert codes(volume) == UNKNOWN | {Reason.TAGS_REPAIRED}
    assert "2 voxels hold no number" in next(f.message for f in volume.flags if f.code is Reason.TAGS_REPAIRED)


def test_fourth_axis_of_one_is_no_axis_and_more_is_refused(tmp_path, body):
    affine = np.diag([-6.0, -6.0, 2.5, 1.0])
    nibabel.save(nibabel.Nifti1Image(body.T[..., None], affine), tmp_path / "one.nii")
    assert read_ct(tmp_path / "one.nii").hu.shape == body.shape
    nibabel.save(nibabel.Nifti1Image(np.stack([body.T] * 2, -1), affine), tmp_path / "two.nii")
    error = refusal(tmp_path / "two.nii")
    assert error.reason is Reason.NOT_3D
    assert "[40, 32, 20, 2]" in error.message


def test_file_that_does_not_state_its_orientation_is_refused(tmp_path, body):
    nibabel.save(nibabel.Nifti1Image(body.T, None), tmp_path / "ct.nii")
    assert refusal(tmp_path / "ct.nii").reason is Reason.BAD_GEOMETRY
    (tmp_path / "ct.nhdr").write_text(
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 40 32 20\nspacings: 6 6 2.5\nendian: little\nencoding: raw\n"
        "data file: ct.raw\n"
    )
    (tmp_path / "ct.raw").write_bytes(body.tobytes())
    assert refusal(tmp_path / "ct.nhdr").reason is Reason.BAD_GEOMETRY


def test_metaimage_default_orientation_is_taken_and_flagged(tmp_path, body):
    (tmp_path / "ct.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 40 32 20\nElementSpacing = 6 6.5 2.5\nElementType = MET_SHORT\n"
        "ElementDataFile = ct.raw\n"
    )
    (tmp_path / "ct.raw").write_bytes(body.tobytes())
    volume = read_ct(tmp_path / "ct.mhd")
    np.testing.assert_array_equal(volume.hu, body)
    assert codes(volume) == UNKNOWN | {Reason.TAGS_REPAIRED}


def test_hash_covers_the_data_file_of_a_detached_header(tmp_path, body):
    first = read_ct(write(tmp_path / "ct.nhdr", body)).source.sha256
    data = next(path for path in tmp_path.iterdir() if path.suffix != ".nhdr")
    other = body.copy()
    other[3, 3, 3] += 1
    write(tmp_path / "ct.nhdr", other)
    assert data.exists()
    assert read_ct(tmp_path / "ct.nhdr").source.sha256 != first


def test_sheared_nifti_is_refused_as_gantry_tilt(tmp_path, body):
    affine = np.diag([-6.0, -6.0, 2.5, 1.0])
    affine[1, 2] = 0.7
    image = nibabel.Nifti1Image(body.T, affine)
    image.set_qform(np.diag([-6.0, -6.0, 2.5, 1.0]), 0)
    nibabel.save(image, tmp_path / "ct.nii")
    assert refusal(tmp_path / "ct.nii").reason is Reason.GANTRY_TILT


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii", "ct.nrrd", "ct.nhdr", "ct.mha", "ct.mhd", "ct.dcm"])
def test_text_file_with_the_name_of_an_image_is_refused(tmp_path, name):
    (tmp_path / name).write_text("This is a note, not an image.")
    assert refusal(tmp_path / name).reason is Reason.UNREADABLE


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii", "ct.nrrd", "ct.mha"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_truncated_file_is_refused(tmp_path, body, name, part):
    path = write(tmp_path / name, body)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert refusal(path).reason is Reason.UNREADABLE


def test_damage_in_the_middle_of_a_compressed_nifti_is_refused(tmp_path, body):
    path = tmp_path / "ct.nii.gz"
    sitk.WriteImage(image_of(body), path, useCompression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert refusal(path).reason is Reason.UNREADABLE


def test_mask_picture_single_slice_and_constant_are_refused(tmp_path, body):
    assert refusal(write(tmp_path / "mask.nrrd", (body > 0).astype(np.uint8))).reason is Reason.NOT_HU
    assert refusal(write(tmp_path / "mr.nii.gz", np.abs(body).astype(np.uint16))).reason is Reason.NOT_HU
    assert refusal(write(tmp_path / "one.nrrd", body[:1])).reason is Reason.SINGLE_SLICE
    assert refusal(write(tmp_path / "flat.mha", np.full_like(body, -1000))).reason is Reason.CONSTANT
    colors = sitk.GetImageFromArray(np.stack([body] * 3, -1), isVector=True)
    sitk.WriteImage(colors, tmp_path / "colors.nrrd")
    assert refusal(tmp_path / "colors.nrrd").reason is Reason.NOT_CT


def test_nifti_2_and_complex_values_are_refused(tmp_path, body):
    affine = np.diag([-6.0, -6.0, 2.5, 1.0])
    nibabel.save(nibabel.Nifti2Image(body.T, affine), tmp_path / "two.nii")
    assert refusal(tmp_path / "two.nii").reason is Reason.UNREADABLE
    nibabel.save(nibabel.Nifti1Image(body.T.astype(np.complex64), affine), tmp_path / "complex.nii")
    assert refusal(tmp_path / "complex.nii").reason in (Reason.NOT_CT, Reason.UNREADABLE)
