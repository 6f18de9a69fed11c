"""``from OsteoJointLib import read_ct, load_reader``: from a path, an image or an array to masks and numbers."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

import OsteoJointLib
from OsteoJointLib import Level, ReadOptions, read_ct
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.pipeline.vertebra import NOT_YET
from OsteoJointLib.records import CtSlicePair

# A chest's worth of air, fat and muscle: what tells HU from other numbers.
TISSUES = np.array([-1000, -100, 50], np.int16)


def small_ct() -> np.ndarray:
    """(z, y, x) HU with a voxel of bone whose place no flip and no exchange of axes maps to itself."""
    hu = np.repeat(np.repeat(TISSUES, 40)[None, :, None], 30, 0).repeat(100, 2)
    hu[3, 90, 20] = 700
    return hu


def place_of_bone(volume) -> list[float]:
    (index,) = np.argwhere(volume.hu == 700)
    return volume.grid.index_to_lps(index).tolist()


def test_an_array_is_read_with_its_spacing_along_its_own_axes():
    volume = read_ct(small_ct(), (2.5, 0.9, 0.8), kvp=120, kernel="B30f", contrast=False)
    assert volume.grid.spacing_xyz_mm == (0.8, 0.9, 2.5)
    assert place_of_bone(volume) == pytest.approx([20 * 0.8, 90 * 0.9, 3 * 2.5])
    assert (volume.source.kind, volume.source.kvp, volume.source.kernel) == ("memory", 120, "B30f")
    assert volume.source.contrast is False


def test_an_image_is_read_as_it_lies_in_the_world_and_masks_come_back_onto_it(tmp_path):
    image = sitk.GetImageFromArray(small_ct())
    image.SetSpacing((0.8, 0.9, 2.5))
    image.SetOrigin((5.0, 6.0, 7.0))
    turned = sitk.DICOMOrient(image, "ASR")
    write_image(turned, tmp_path / "ct.nrrd")
    for volume in (read_ct(turned), read_ct(tmp_path / "ct.nrrd")):
        assert place_of_bone(volume) == pytest.approx([5 + 20 * 0.8, 6 + 90 * 0.9, 7 + 3 * 2.5])
        assert volume.grid.shape_zyx == (30, 120, 100)
        assert volume.stored.shape_zyx == sitk.GetArrayViewFromImage(turned).shape


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "ASR", "PIL"])
def test_masks_lie_on_the_ct_s_own_grid_in_its_own_order(chain, orientation):
    ct = chain.make_ct()
    ct.hu[0, 12:40, 12:100], ct.hu[0, 50, 60:63] = -100, 900  # what every CT has: fat, and some dense bone
    image = sitk.DICOMOrient(image_on_grid(ct.hu, ct.grid), orientation)
    result = chain.reader.read(read_ct(image), options=ReadOptions(gradcam=False))
    labels = result.label_map
    assert labels.shape == sitk.GetArrayViewFromImage(image).shape
    assert set(np.unique(labels)) == {0, 20, 21}
    assert sitk.GetArrayFromImage(result.label_image).tolist() == labels.tolist()
    for level, reading in zip(Level, result.readings, strict=True):
        index = np.argwhere(labels == level.verse_label).mean(axis=0)[::-1]
        center = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
        assert np.linalg.norm(np.subtract(center, chain.centers_lps_mm[level])) < 1.0
        assert np.array_equal(reading.label_map == level.verse_label, labels == level.verse_label)
    aligned = sitk.DICOMOrient(result.label_image, "LPS")
    assert np.array_equal(sitk.GetArrayViewFromImage(aligned), chain.result.label_map)


@pytest.mark.parametrize(
    ("source", "spacing", "reason"),
    [
        (np.zeros((3, 4)), (1, 1, 1), Reason.NOT_3D),
        (small_ct(), None, Reason.BAD_GEOMETRY),
        (small_ct(), (1.0, 1.0), Reason.BAD_GEOMETRY),
        ([1, 2, 3], None, Reason.NOT_3D),
        (sitk.Image(5, 5, sitk.sitkInt16), None, Reason.NOT_3D),
    ],
)
def test_what_is_no_ct_is_refused(source, spacing, reason):
    with pytest.raises(InputRefused) as refusal:
        read_ct(source, spacing)
    assert refusal.value.reason is reason


def test_a_pair_of_slices_has_a_label_map_for_each(chain):
    ct = chain.make_ct()

    def one(level):
        index = int(chain.centers_lps_mm[level][2] / 5)
        grid = replace(ct.grid, shape_zyx=(1, *ct.grid.shape_zyx[1:]))
        return replace(ct, hu=ct.hu[index : index + 1], grid=grid)

    result = chain.reader.read(CtSlicePair(one(Level.L1), one(Level.L2)), options=ReadOptions(gradcam=False))
    assert set(np.unique(result.l2.label_map)) == {0, 21}
    with pytest.raises(UsageError, match="no grid in common"):
        _ = result.label_map


def test_what_is_printed_is_a_line(chain):
    for thing in (chain.reader, chain.result, chain.result.l1, chain.result.volume):
        assert "\n" not in repr(thing) and len(repr(thing)) < 160
    assert "no localizer" in repr(replace(chain.reader, detector=None)) and "no localizer" not in repr(chain.reader)
    unmeasured = replace(chain.result.l1, measurement=replace(chain.result.l1.measurement, hu_mean=None))
    assert "no HU" in repr(unmeasured) and "being read" in repr(replace(unmeasured, measurement=NOT_YET))
    assert chain.result.classification.status in repr(chain.result)
    assert "L1" in repr(chain.result) and f"{chain.result.l2.measurement.hu_mean:.0f} HU" in repr(chain.result)


def test_every_name_at_the_door_is_there_and_asking_for_another_fails():
    assert all(getattr(OsteoJointLib, name) for name in OsteoJointLib.__all__)
    with pytest.raises(AttributeError, match="read_mr"):
        _ = OsteoJointLib.read_mr


def test_importing_the_package_imports_nothing_else():
    code = "import sys, OsteoJointLib; print([m for m in sys.modules if 'numpy' in m or m.startswith('OsteoJointLib')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['OsteoJointLib']"
