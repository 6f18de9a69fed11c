"""What a volume file's header states is used, what it doesn't is never assumed; what is absurd ends in a sentence."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.files.header import three_sizes
from OsteoJointLib.io.files.opening import read_header, read_voxels
from OsteoJointLib.records import Flag

AFFINE = np.array([[-6.0, 0, 0, 117.0], [0, -6.5, 0, 100.0], [0, 0, 2.5, 12.5], [0, 0, 0, 1.0]])
MHA = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-117 -100 12.5",
    "ElementSpacing": "6 6.5 2.5",
    "DimSize": "40 32 20",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "40 32 20",
    "space directions": "(6,0,0) (0,6.5,0) (0,0,2.5)",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-117,-100,12.5)",
}


@pytest.fixture(scope="module")
def body(make_body) -> np.ndarray:
    return make_body(20)


def mha(path: Path, body: np.ndarray, **changes: str | None) -> Path:
    fields = {key: value for key, value in (MHA | changes).items() if value is not None}
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # the last
    head = "".join(f"{key} = {value}\n" for key, value in fields.items())
    path.write_bytes(head.encode("latin-1") + body.tobytes())
    return path


def nrrd(path: Path, body: np.ndarray, extra: str = "", **changes: str | None) -> Path:
    fields = NRRD | {key.replace("_", " "): value for key, value in changes.items()}
    head = "".join(f"{key}: {value}\n" for key, value in fields.items() if value is not None)
    path.write_bytes(f"NRRD0005\n{head}{extra}\n".encode("latin-1") + body.tobytes())
    return path


def nifti(path: Path, body: np.ndarray, sform=AFFINE, qform=AFFINE, codes=(1, 1), **fields: object) -> Path:
    """Write a file whose forms and fields are those given, whatever they are."""
    image = nibabel.Nifti1Image(body.T, None)
    image.set_qform(qform, 1)
    image.set_sform(sform, 1)
    header = image.header
    header["sform_code"], header["qform_code"] = codes
    for name, value in fields.items():
        header[name] = value
    raw = bytearray(header.binaryblock) + bytes(4)
    struct.pack_into("<f", raw, 108, fields.get("vox_offset", 352.0))
    raw[344:348] = b"n+1\0"
    content = bytes(raw) + body.tobytes()
    path.write_bytes(gzip.compress(content) if path.name.endswith("gz") else content)
    return path


def refusal(path: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path)
    return caught.value


def flag_of(path: Path, code: Reason) -> Flag | None:
    return next((flag for flag in read_ct(path).flags if flag.code is code), None)


def test_the_files_of_this_test_are_sound(tmp_path, body):
    for write, name in ((mha, "ct.mha"), (nrrd, "ct.nrrd"), (nifti, "ct.nii"), (nifti, "ct.nii.gz")):
        volume = read_ct(write(tmp_path / name, body))
        np.testing.assert_array_equal(volume.hu, body)
        assert volume.grid.spacing_xyz_mm == pytest.approx((6.0, 6.5, 2.5))
        assert volume.grid.origin_lps_mm == pytest.approx((-117.0, -100.0, 12.5))
        assert Reason.TAGS_REPAIRED not in {flag.code for flag in volume.flags}


@pytest.mark.parametrize(
    "changes",
    [
        {"NDims": "100"},
        {"NDims": "-1"},
        {"NDims": ""},
        {"NDims": "3 3"},
        {"DimSize": "40 32"},
        {"DimSize": "40 32 -20"},
        {"DimSize": "40 32 0"},
        {"DimSize": "40 32 " + "9" * 60},
        {"DimSize": "40 32 21"},
        {"DimSize": "40 32 10"},
        {"ElementType": "MET_OTHER"},
        {"ElementType": None},
        {"ElementDataFile": "%s%s%s%n.raw"},
        {"ElementDataFile": "../nowhere.raw"},
        {"ElementDataFile": "slice%03d.raw 1 20 1"},
        {"ElementDataFile": "LIST"},
        {"ElementNumberOfChannels": "-3"},
        {"ElementNumberOfChannels": "2000000000"},
        {"HeaderSize": "-9"},
        {"HeaderSize": "99999999"},
        {"CompressedData": "True"},
        {"TransformMatrix": "1 0 0 0 1 0"},
        {"TransformMatrix": "0 0 0 0 0 0 0 0 0"},
        {"BinaryData": "False"},
    ],
)
def test_an_absurd_metaimage_header_is_unreadable(tmp_path, body, changes):
    assert refusal(mha(tmp_path / "ct.mha", body, **changes)).reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    "spacing", [None, "", "0 6.5 2.5", "nan 6.5 2.5", "inf 6.5 2.5", "6 6.5", "-6 6.5 2.5", "1e400 6 2"]
)
def test_metaimage_without_voxel_size_is_refused(tmp_path, body, spacing):
    said = refusal(mha(tmp_path / "ct.mha", body, ElementSpacing=spacing))
    assert said.reason is Reason.BAD_GEOMETRY
    assert "doesn't state how large its voxels are" in said.message


def test_metaimage_fields_of_any_letters_are_read(tmp_path, body):
    path = mha(tmp_path / "ct.mha", body, Comment="Gr\xf6\xdfe", osteojoint_kvp="100")
    assert read_ct(path).source.kvp == 100.0
    assert flag_of(mha(tmp_path / "ct.mha", body, Offset=None), Reason.TAGS_REPAIRED) is not None


def test_packed_metaimage_is_read_and_its_damage_told(tmp_path, body):
    packed = zlib.compress(body.tobytes())
    path = mha(tmp_path / "ct.mha", np.frombuffer(packed, np.uint8), CompressedData="True")
    np.testing.assert_array_equal(read_ct(path).hu, body)
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    assert refusal(path).reason is Reason.UNREADABLE


@pytest.mark.parametrize("order", [("True", ">i2"), ("False", "<i2")])
def test_metaimage_byte_order_is_heeded(tmp_path, body, order):
    path = mha(tmp_path / "ct.mha", body.astype(order[1]), BinaryDataByteOrderMSB=order[0])
    np.testing.assert_array_equal(read_ct(path).hu, body)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"space_directions": None}, Reason.BAD_GEOMETRY),
        ({"space_directions": "(6,0,0) (0,6.5,0) (0,0,0)"}, Reason.BAD_GEOMETRY),
        ({"space_directions": "(6,0,0) (0,nan,0) (0,0,2.5)"}, Reason.BAD_GEOMETRY),
        ({"space_directions": "(6,0,0) (0,6.5,0)"}, Reason.BAD_GEOMETRY),
        ({"space_directions": "(6,0,0) (6,0,0) (0,0,2.5)"}, Reason.GANTRY_TILT),
        ({"space_directions": None, "spacings": "6 6.5 2.5"}, Reason.BAD_GEOMETRY),
        ({"space": None}, Reason.BAD_GEOMETRY),
        ({"space": "scanner-xyz"}, Reason.BAD_GEOMETRY),
        ({"space_units": '"cm" "cm" "cm"'}, Reason.BAD_GEOMETRY),
        ({"space_origin": "(0,0,1e9)"}, Reason.BAD_GEOMETRY),
        ({"sizes": "40 32"}, Reason.UNREADABLE),
        ({"sizes": "40 32 -20"}, Reason.UNREADABLE),
        ({"sizes": "40 32 21"}, Reason.UNREADABLE),
        ({"sizes": "40 32 19"}, Reason.UNREADABLE),
        ({"dimension": "4"}, Reason.UNREADABLE),
        ({"type": "block"}, Reason.UNREADABLE),
        ({"endian": None}, Reason.UNREADABLE),
        ({"encoding": "hex"}, Reason.UNREADABLE),
        ({"byte_skip": "-7"}, Reason.UNREADABLE),
        ({"line_skip": "4"}, Reason.UNREADABLE),
        ({"data_file": "LIST"}, Reason.UNREADABLE),
        ({"data_file": "/dev/zero"}, Reason.UNREADABLE),
        ({"extra": "sizes: 40 32 20\n"}, Reason.UNREADABLE),
        ({"extra": "what is this\n"}, Reason.UNREADABLE),
    ],
)
def test_an_nrrd_header_that_states_too_little_or_nonsense_is_refused(tmp_path, body, changes, reason):
    assert refusal(nrrd(tmp_path / "ct.nrrd", body, **changes)).reason is reason


@pytest.mark.parametrize(("space", "signs"), [("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1))])
def test_nrrd_spaces_are_turned_to_lps(tmp_path, body, space, signs):
    path = nrrd(tmp_path / "ct.nrrd", body, space=space)
    by_itk = sitk.ReadImage(path)
    grid = read_header(path).grid
    np.testing.assert_allclose(grid.direction, np.diag(signs))
    np.testing.assert_allclose(grid.direction.ravel(), by_itk.GetDirection())
    np.testing.assert_allclose(grid.origin_lps_mm, by_itk.GetOrigin())


def test_nrrd_pairs_are_read_as_itk_reads_them(tmp_path, body):
    path = nrrd(tmp_path / "ct.nrrd", body, extra="# a comment\nosteojoint_kvp:=80\nSegment0_ID:=a\\nb: c\n")
    keys = read_header(path).keys
    assert keys == {"osteojoint_kvp": "80", "Segment0_ID": "a\nb: c"}
    assert sitk.ReadImage(path).GetMetaData("Segment0_ID") == keys["Segment0_ID"]


def test_layers_of_a_segmentation_are_read_as_itk_reads_them(tmp_path, body):
    layers = sitk.GetImageFromArray(np.stack([body, body + 1], -1).astype(np.uint8), isVector=True)
    layers.SetSpacing((2.0, 3.0, 4.0))
    sitk.WriteImage(layers, tmp_path / "masks.seg.nrrd", useCompression=True)
    header = read_header(tmp_path / "masks.seg.nrrd")
    assert (header.components, header.grid.spacing_xyz_mm) == (2, (2.0, 3.0, 4.0))
    np.testing.assert_array_equal(read_voxels(header, 1.0), sitk.GetArrayFromImage(layers))


@pytest.mark.parametrize("sizes", [(0.0, 6.5, 2.5), (6.0, np.nan, 2.5), (6.0, 6.5, np.inf)])
def test_nifti_without_voxel_size_is_refused(tmp_path, body, sizes):
    said = refusal(nifti(tmp_path / "ct.nii", body, pixdim=[1, *sizes, 0, 0, 0, 0]))
    assert (said.reason, "doesn't state how large" in said.message) == (Reason.BAD_GEOMETRY, True)


@pytest.mark.parametrize("offset", [np.nan, -1.0, 0.0, 348.5, 1e30])
def test_nifti_that_does_not_say_where_its_voxels_are_is_unreadable(tmp_path, body, offset):
    assert refusal(nifti(tmp_path / "ct.nii", body, vox_offset=offset)).reason is Reason.UNREADABLE


def test_a_form_that_is_no_number_is_passed_over_and_noted(tmp_path, body):
    path = nifti(tmp_path / "ct.nii", body, srow_x=[np.nan] * 4)
    np.testing.assert_array_equal(read_ct(path).hu, body)
    assert "sform is no place" in flag_of(path, Reason.TAGS_REPAIRED).message
    assert refusal(nifti(tmp_path / "ct.nii", body, srow_x=[np.nan] * 4, codes=(1, 0))).reason is Reason.BAD_GEOMETRY
    assert refusal(nifti(tmp_path / "ct.nii", body, codes=(0, 0))).reason is Reason.BAD_GEOMETRY


def test_a_scaling_that_is_no_number_is_noted(tmp_path, body):
    path = nifti(tmp_path / "ct.nii", body, scl_slope=np.inf, scl_inter=0.0)
    np.testing.assert_array_equal(read_ct(path).hu, body)
    assert "scaling is no number" in flag_of(path, Reason.TAGS_REPAIRED).message


def scaled(axis: int, factor: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, axis] *= factor
    return affine


@pytest.mark.parametrize(
    "forms",
    [
        {"sform": scaled(2, 1.25)},
        {"sform": scaled(0, 0.5), "codes": (1, 0)},
        {"sform": scaled(2, -1), "qform": scaled(0, -1)},
        {"sform": np.diag([1.0, -1.0, -1.0, 1.0]) @ AFFINE},
        {"sform": AFFINE[:, [1, 0, 2, 3]]},
    ],
    ids=["other height", "other than pixdim", "upside down and mirrored", "turned by 180 degrees", "axes exchanged"],
)
def test_a_nifti_that_contradicts_itself_is_refused(tmp_path, body, forms):
    said = refusal(nifti(tmp_path / "ct.nii", body, **forms))
    assert (said.reason, "contradicts itself" in said.message) == (Reason.BAD_GEOMETRY, True)


def test_two_origins_are_noted_and_a_template_s_place_is_not_the_patient_s(tmp_path, body):
    moved = AFFINE.copy()
    moved[2, 3] += 40.0
    path = nifti(tmp_path / "ct.nii", body, qform=moved)
    assert "40.0 mm apart" in flag_of(path, Reason.TAGS_REPAIRED).message
    assert read_ct(path).grid.origin_lps_mm[2] == pytest.approx(12.5)
    path = nifti(tmp_path / "ct.nii", body, sform=np.diag([-1.1, 1.1, 1.1, 1.0]) @ AFFINE, codes=(4, 1))
    np.testing.assert_allclose(read_ct(path).grid.spacing_xyz_mm, (6.0, 6.5, 2.5))


@pytest.mark.parametrize(("unit", "factor"), [(0, 1.0), (2, 1.0), (1, 1e-3), (3, 1e3)])
def test_nifti_units_are_heeded(tmp_path, body, unit, factor):
    affine = AFFINE * np.array([factor, factor, factor, 1.0])[:, None]
    path = nifti(tmp_path / "ct.nii", body, sform=affine, qform=affine, xyzt_units=unit)
    assert read_ct(path).grid.spacing_xyz_mm == pytest.approx((6.0, 6.5, 2.5))


@pytest.mark.parametrize("rad", [1e-5, 1e-4, 9e-4])
def test_a_shear_of_rounding_is_straightened(tmp_path, body, rad):
    affine = AFFINE.copy()
    affine[1, 2] = 2.5 * np.sin(rad)
    volume = read_ct(nifti(tmp_path / "ct.nii", body, sform=affine))
    np.testing.assert_allclose(volume.grid.direction.T @ volume.grid.direction, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(volume.hu, body)
    assert Reason.GANTRY_TILT not in {flag.code for flag in volume.flags}


@pytest.mark.parametrize("degrees", [0.1, 7.0, 20.0])
def test_a_shear_that_is_none_of_rounding_is_refused_with_its_angle(tmp_path, body, degrees):
    affine = AFFINE.copy()
    affine[1, 2] = 2.5 * np.tan(np.radians(degrees))
    for codes in ((1, 0), (1, 1)):
        said = refusal(nifti(tmp_path / "ct.nii", body, sform=affine, codes=codes))
        assert said.reason is Reason.GANTRY_TILT
        assert f"sheared by {degrees:.2g} degrees" in said.message


@pytest.mark.parametrize("seed", range(6))
def test_random_places_agree_with_itk(tmp_path, body, seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * rng.uniform(1, 3, 3)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    codes = [(1, 0), (0, 1), (1, 1)][seed % 3]
    path = nifti(tmp_path / "ct.nii.gz", body, sform=affine, qform=affine, codes=codes)
    image, grid = sitk.ReadImage(path), read_header(path).grid
    np.testing.assert_allclose(grid.direction.ravel(), image.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(grid.spacing_xyz_mm, image.GetSpacing(), rtol=1e-5)
    np.testing.assert_allclose(grid.origin_lps_mm, image.GetOrigin(), rtol=1e-5)


def test_axes_of_one_voxel_do_not_count():
    assert three_sizes((4, 5, 6, 1, 1)) == (4, 5, 6)
    for sizes, reason in (((4, 5), Reason.SINGLE_SLICE), ((4, 5, 6, 2), Reason.NOT_3D), ((), Reason.UNREADABLE)):
        with pytest.raises(InputRefused) as caught:
            three_sizes(sizes)
        assert caught.value.reason is reason
