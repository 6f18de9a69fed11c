"""Edited masks come in from files, whatever their grid, numbers and layers."""

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.pipeline.drawn_masks import edited_masks, read_level_mask
from OsteoJointLib.records import Level


def both(path) -> dict:
    return dict.fromkeys(Level, path)


def image_of(labels, grid) -> sitk.Image:
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(grid.spacing_xyz_mm)
    image.SetOrigin(grid.origin_lps_mm)
    return image


def edited_labels(chain) -> np.ndarray:
    """L1 moved by a voxel, L2 as it was."""
    labels = np.zeros(chain.result.volume.grid.shape_zyx, dtype=np.uint8)
    for reading in chain.result.readings:
        level = reading.point.level
        center = np.add(chain.centers_lps_mm[level], (2.0, 0, 0) if level is Level.L1 else 0)
        plane = chain.body_plane(chain.result.volume.grid, center)
        labels[reading.axial.slice_index][plane] = level.verse_label
    return labels


def test_what_was_written_and_not_touched_is_no_edit(chain, tmp_path):
    path = tmp_path / "s.seg.nrrd"
    write_segmentation(chain.result, path)
    assert edited_masks(chain.result, both(path)) == {}


def test_only_the_level_that_changed_is_taken(chain, tmp_path):
    path = tmp_path / "s.seg.nrrd"
    write_segmentation(chain.result, path)
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    array[chain.result.l1.axial.slice_index, 50:53] = 20
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(image)
    for key in image.GetMetaDataKeys():
        changed.SetMetaData(key, image.GetMetaData(key))
    sitk.WriteImage(changed, str(path))
    drawn = edited_masks(chain.result, both(path))
    assert list(drawn) == [Level.L1]
    whole = drawn[Level.L1].on_grid(chain.result.volume.grid)
    np.testing.assert_array_equal(whole, array == 20)
    assert whole[chain.result.l1.axial.slice_index, 50:53].all()


def test_a_plain_label_map_goes_by_verse_numbers_whatever_its_orientation(chain, tmp_path):
    path = tmp_path / "labels.nii.gz"
    labels = edited_labels(chain)
    turned = sitk.DICOMOrient(image_of(labels, chain.result.volume.grid), "RAS")
    sitk.WriteImage(turned, str(path))
    for level in Level:
        mask = read_level_mask(path, level, chain.result.volume.grid).on_grid(chain.result.volume.grid)
        np.testing.assert_array_equal(mask, labels == level.verse_label)


def test_slicer_s_own_numbers_and_cropped_extent_are_understood(chain, tmp_path):
    labels = edited_labels(chain)
    renumbered = np.where(labels == 20, 2, np.where(labels == 21, 1, 0)).astype(np.uint8)
    cropped = image_of(renumbered, chain.result.volume.grid)[20:100, 10:80, 3:15]
    for index, (name, value) in enumerate((("L1 vertebral body", 2), ("L2 vertebral body", 1))):
        cropped.SetMetaData(f"Segment{index}_ID", f"Segment_{index}")
        cropped.SetMetaData(f"Segment{index}_Name", name)
        cropped.SetMetaData(f"Segment{index}_LabelValue", str(value))
        cropped.SetMetaData(f"Segment{index}_Layer", "0")
    path = tmp_path / "s.seg.nrrd"
    sitk.WriteImage(cropped, str(path))
    for level in Level:
        mask = read_level_mask(path, level, chain.result.volume.grid).on_grid(chain.result.volume.grid)
        np.testing.assert_array_equal(mask, labels == level.verse_label)


def test_overlapping_segments_on_two_layers_are_understood(chain, tmp_path):
    labels = edited_labels(chain)
    layers = [image_of((labels == level.verse_label).astype(np.uint8), chain.result.volume.grid) for level in Level]
    image = sitk.Compose(layers)
    for index, level in enumerate(Level):
        image.SetMetaData(f"Segment{index}_ID", level.value)
        image.SetMetaData(f"Segment{index}_LabelValue", "1")
        image.SetMetaData(f"Segment{index}_Layer", str(index))
    path = tmp_path / "s.seg.nrrd"
    sitk.WriteImage(image, str(path))
    for level in Level:
        mask = read_level_mask(path, level, chain.result.volume.grid).on_grid(chain.result.volume.grid)
        np.testing.assert_array_equal(mask, labels == level.verse_label)


def test_a_segment_that_is_missing_is_no_edit(chain, tmp_path):
    image = image_of(edited_labels(chain), chain.result.volume.grid)
    image.SetMetaData("Segment0_ID", "L1")
    image.SetMetaData("Segment0_LabelValue", "20")
    path = tmp_path / "s.seg.nrrd"
    sitk.WriteImage(image, str(path))
    assert read_level_mask(path, Level.L2, chain.result.volume.grid) is None
    assert list(edited_masks(chain.result, both(path))) == [Level.L1]


def test_an_edit_of_the_lower_level_alone_is_taken(chain, tmp_path):
    labels = edited_labels(chain)
    labels[chain.result.l2.axial.slice_index, 50:53] = Level.L2.verse_label
    path = tmp_path / "labels.nrrd"
    sitk.WriteImage(image_of(labels, chain.result.volume.grid), str(path))
    assert list(edited_masks(chain.result, {Level.L2: path})) == [Level.L2]
    image = image_of(labels, chain.result.volume.grid)
    image.SetMetaData("Segment0_ID", "L2")
    image.SetMetaData("Segment0_LabelValue", "21")
    sitk.WriteImage(image, str(tmp_path / "s.seg.nrrd"))
    planes = edited_masks(chain.result, both(tmp_path / "s.seg.nrrd"))
    assert list(planes) == [Level.L2]
    np.testing.assert_array_equal(planes[Level.L2], labels[chain.result.l2.axial.slice_index] == 21)


def test_a_file_that_can_t_be_read_is_refused(chain, tmp_path):
    path = tmp_path / "s.nrrd"
    path.write_text("nothing")
    with pytest.raises(
        InputRefused, match=r"label map s\.nrrd can't be used. The file is damaged: it doesn't begin as NRRD"
    ) as refusal:
        edited_masks(chain.result, both(path))
    assert refusal.value.reason is Reason.UNREADABLE


def test_a_turned_and_finer_label_map_is_laid_on_the_grid_as_a_whole_resampling_would(chain, tmp_path):
    grid = chain.result.volume.grid
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.2, -0.15, 0.3)
    small = np.zeros((12, 40, 50), np.uint8)
    small[2:9, 5:30, 10:44] = 21
    image = sitk.GetImageFromArray(small)
    image.SetSpacing((1.3, 1.1, 3.0))
    image.SetDirection(turn.GetMatrix())
    image.SetOrigin((-15.0, -10.0, 5.0))
    path = tmp_path / "turned.nrrd"
    sitk.WriteImage(image, str(path))
    reference = image_of(np.zeros(grid.shape_zyx, np.uint8), grid)
    whole = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    mask = read_level_mask(path, Level.L2, grid)
    assert whole.any() and mask.mask.size < whole.size / 4
    np.testing.assert_array_equal(mask.on_grid(grid), whole == 21)
    assert not read_level_mask(path, Level.L1, grid).on_grid(grid).any()
    image.SetOrigin((5000.0, 0.0, 0.0))
    sitk.WriteImage(image, str(path))
    assert not read_level_mask(path, Level.L2, grid).on_grid(grid).any()
