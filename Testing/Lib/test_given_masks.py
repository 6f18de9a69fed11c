"""A CT is read by a user's own masks: what runs and what doesn't, what is refused, and that no side is exchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.cli.main import main
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid, mask_to_plane
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.output.csv_rows import row_of_result
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.given_masks import read_given_masks
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtSlicePair, Level, MaskSource, PointSource
from OsteoJointLib.whole_body.one_body import body_of

L1, L2 = Level
SLICES = {L1: range(10, 15), L2: range(4, 7)}


def drawn(chain) -> np.ndarray:
    """Bodies through several slices, that of L1 2 mm further to the left than the network's."""
    grid = chain.result.volume.grid
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    for level, slices in SLICES.items():
        center = np.add(chain.centers_lps_mm[level], (2.0, 0, 0) if level is L1 else 0)
        for z in slices:
            labels[z][chain.body_plane(grid, center)] = level.verse_label
    return labels


@pytest.fixture
def save(chain, tmp_path):
    """Writes labels as a file of masks on the CT's grid, or another."""

    def write(labels, grid: Grid | None = None, name: str = "masks.nrrd"):
        sitk.WriteImage(image_on_grid(labels, grid or chain.result.volume.grid), str(tmp_path / name))
        return tmp_path / name

    return write


@pytest.fixture
def written(chain, tmp_path):
    """The file of a reading's whole bodies, T12 and L3 among them; L1 lies beside the middle of its body."""
    first = chain.reader.read(chain.make_ct())
    grid, whole = first.volume.grid, {}
    for reading in first.readings:
        mask = np.zeros(grid.shape_zyx, dtype=bool)
        low = reading.axial.slice_index - (3 if reading.level is L1 else 1)
        plane = mask_to_plane(reading.segmentation.mask, reading.axial, grid.shape_zyx[1:])
        mask[low : reading.axial.slice_index + 2] = plane
        whole[reading.level] = replace(reading, body=body_of(reading.level, mask, (0, 0, 0), grid))
    beside = []
    for name, z in (("T12", 16), ("L3", 0)):
        mask = np.zeros(grid.shape_zyx, dtype=bool)
        mask[z : z + 2, 30:40, 50:70] = True
        beside.append(replace(body_of(name, mask, (0, 0, 0), grid), refined=name == "L3"))
    first = replace(first, l1=whole[L1], l2=whole[L2], neighbors=tuple(beside))
    write_segmentation(first, tmp_path / "first.seg.nrrd")
    return SimpleNamespace(result=first, path=tmp_path / "first.seg.nrrd", again=tmp_path / "again.seg.nrrd")


def edit(written, change) -> Path:
    """Change the voxels of the file as Slicer would, whose segments keep their tags."""
    image = sitk.ReadImage(str(written.path))
    labels = sitk.GetArrayFromImage(image)
    change(labels)
    edited = sitk.GetImageFromArray(labels)
    edited.CopyInformation(image)
    for key in image.GetMetaDataKeys():
        if key.startswith("Segment"):
            edited.SetMetaData(key, image.GetMetaData(key))
    sitk.WriteImage(edited, str(written.again))
    return written.again


def test_a_file_that_nobody_changed_says_who_drew_its_masks_and_on_which_slices_they_were_read(written, chain):
    masks = read_given_masks(written.path, chain.make_ct())
    assert list(masks) == ["T12", "L1", "L2", "L3"]
    sources = {name: one.source for name, one in masks.items()}
    assert sources == dict.fromkeys(("T12", "L1", "L2"), MaskSource.NETWORK) | {"L3": MaskSource.REFINED}
    result = chain.reader.read_masks(chain.make_ct(), masks)
    for reading, before in zip(result.readings, written.result.readings, strict=True):
        assert reading.mask_source is MaskSource.NETWORK
        assert reading.axial.slice_index == before.axial.slice_index
    slices = np.flatnonzero(written.result.l1.body.mask.any(axis=(1, 2)))
    assert result.l1.axial.slice_index != slices[len(slices) // 2]
    assert [(body.name, body.source) for body in result.neighbors] == [("T12", "network"), ("L3", "refined")]
    document = result_document(result)
    assert [document["segmentation"][name]["source"] for name in masks] == ["network"] * 3 + ["refined"]


def test_an_edit_of_one_body_leaves_the_others_the_network_s(written, chain):
    def cut_l1(labels):
        left = np.argwhere(labels == 20)[:, 2].min()
        labels[..., left : left + 3][labels[..., left : left + 3] == 20] = 0

    result = chain.reader.read_masks(chain.make_ct(), read_given_masks(edit(written, cut_l1), chain.make_ct()))
    assert (result.l1.mask_source, result.l2.mask_source) == (MaskSource.EDITED, MaskSource.NETWORK)
    assert result.l1.axial.slice_index == written.result.l1.axial.slice_index
    assert result.l1.body.volume_ml < written.result.l1.body.volume_ml
    assert [body.source for body in result.neighbors] == [MaskSource.NETWORK, MaskSource.REFINED]
    row = row_of_result("case-0001", result_document(result))
    assert (row["l1_mask_source"], row["l2_mask_source"]) == ("edited", "network")


def test_an_edit_that_moves_a_body_by_a_voxel_is_one(written, chain):
    def shift(labels):
        moved = np.roll(labels == 21, 1, axis=2)
        labels[labels == 21] = 0
        labels[moved] = 21

    masks = read_given_masks(edit(written, shift), chain.make_ct())
    assert {name for name, one in masks.items() if one.source is MaskSource.EDITED} == {"L2"}


def test_a_slice_that_was_erased_is_not_the_level_s_any_more(written, chain):
    def erase(labels):
        labels[written.result.l1.axial.slice_index :][labels[written.result.l1.axial.slice_index :] == 20] = 0

    given = read_given_masks(edit(written, erase), chain.make_ct())[L1]
    assert given.slice_index == written.result.l1.axial.slice_index - 2
    assert given.source is MaskSource.EDITED


def test_a_neighbor_on_the_wrong_side_is_refused(written, chain):
    def exchange(labels):
        t12 = labels == 19
        labels[labels == 22], labels[t12] = 19, 22

    said = refusal(edit(written, exchange), chain.make_ct())
    assert said.reason is Reason.MASKS_EXCHANGED
    assert "the mask of T12 lies below that of L1" in said.message


def test_without_whole_bodies_no_neighbors_are_taken(written, chain):
    masks = read_given_masks(written.path, chain.make_ct())
    result = chain.reader.read_masks(chain.make_ct(), masks, ReadOptions(volume=False))
    assert result.neighbors == ()
    assert result.l1.body is None
    assert result.l1.mask_source is MaskSource.NETWORK


def test_a_segmentation_without_any_voxel_is_refused(written, chain):
    said = refusal(edit(written, lambda labels: labels.fill(0)), chain.make_ct())
    assert said.reason is Reason.MASK_EMPTY


def refusal(path, case) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_given_masks(path, case)
    return caught.value


def test_levels_slices_and_boxes_follow_from_the_masks(chain, save):
    blind = replace(chain.make_reader(), detector=None, finder=None)  # nothing is looked for
    path = save(drawn(chain))
    result = blind.read_masks(chain.make_ct(), read_given_masks(path, chain.make_ct()))
    for reading in result.readings:
        level, slices = reading.level, SLICES[reading.level]
        assert reading.axial.slice_index == slices[len(slices) // 2]
        assert reading.point.source is PointSource.USER
        shift = 2.0 if level is L1 else 0.0
        np.testing.assert_allclose(reading.point.center_lps_mm[0], chain.centers_lps_mm[level][0] + shift, atol=0.01)
        plane = mask_to_plane(reading.segmentation.mask, reading.axial, result.volume.hu.shape[1:])
        np.testing.assert_array_equal(plane, drawn(chain)[reading.axial.slice_index] == level.verse_label)
        body = PlacedMask.of(reading.body).on_grid(result.volume.grid)
        np.testing.assert_array_equal(body, drawn(chain) == level.verse_label)
        assert reading.mask_source is MaskSource.EDITED
    assert result.neighbors == ()
    assert result.classification is not None
    assert {"localization", "model"}.isdisjoint(result.timings_s)


def test_the_network_s_own_mask_stays_beside_the_user_s(chain, save):
    result = chain.reader.read_masks(chain.make_ct(), read_given_masks(save(drawn(chain)), chain.make_ct()))
    network = result.l1.segmentation.network_mask
    assert network.any()
    assert not np.array_equal(network, result.l1.segmentation.mask)


def test_what_is_measured_is_what_was_drawn(chain, save):
    labels = drawn(chain)
    labels[:, :, :62][labels[:, :, :62] == 20] = 0  # the right half of L1 is erased
    half = chain.reader.read_masks(chain.make_ct(), read_given_masks(save(labels), chain.make_ct()))
    whole = chain.reader.read_masks(chain.make_ct(), read_given_masks(save(drawn(chain)), chain.make_ct()))
    assert half.l1.segmentation.area_mm2 < 0.7 * whole.l1.segmentation.area_mm2
    assert half.l2.segmentation.area_mm2 == whole.l2.segmentation.area_mm2
    assert half.l1.measurement.voxels < whole.l1.measurement.voxels


def test_a_refinement_acts_on_the_user_s_masks_and_is_said(chain, save):
    masks = read_given_masks(save(drawn(chain)), chain.make_ct())
    result = chain.reader.read_masks(chain.make_ct(), masks, ReadOptions(refine=True))
    assert result.l1.mask_source is MaskSource.EDITED_REFINED


def test_the_axes_of_the_file_may_run_any_way(chain, save, tmp_path):
    turned = sitk.DICOMOrient(sitk.ReadImage(str(save(drawn(chain)))), "ASR")
    sitk.WriteImage(turned, str(tmp_path / "turned.nrrd"))
    masks = read_given_masks(tmp_path / "turned.nrrd", chain.make_ct())
    for level in Level:
        expected = drawn(chain) == level.verse_label
        np.testing.assert_array_equal(masks[level].mask.on_grid(chain.result.volume.grid), expected)
        assert not np.array_equal(expected, expected[:, :, ::-1])


def test_masks_of_two_single_slices_lie_on_their_own_slices(chain, save):
    ct, labels = chain.make_ct(), drawn(chain)
    labels[[z for z in range(18) if z not in (12, 5)]] = 0
    one = {}
    for level, z in ((L1, 12), (L2, 5)):
        x, y, height = (float(v) for v in ct.grid.index_to_lps(np.array([z, 0, 0])))
        grid = replace(ct.grid, shape_zyx=(1, *ct.grid.shape_zyx[1:]), origin_lps_mm=(x, y, height))
        one[level] = replace(ct, hu=ct.hu[z : z + 1], grid=grid)
    pair = CtSlicePair(one[L1], one[L2])
    result = chain.reader.read_masks(pair, read_given_masks(save(labels), pair))
    assert [reading.axial.slice_index for reading in result.readings] == [0, 0]
    assert result.l1.segmentation.mask.any()


def test_a_level_that_is_missing_is_named(chain, save):
    labels = drawn(chain)
    labels[labels == 21] = 0
    said = refusal(save(labels), chain.make_ct())
    assert said.reason is Reason.MASK_EMPTY
    assert "L2" in said.message


def test_exchanged_levels_are_refused(chain, save):
    labels = drawn(chain)
    exchanged = np.where(labels == 20, 21, np.where(labels == 21, 20, 0)).astype(np.uint8)
    assert refusal(save(exchanged), chain.make_ct()).reason is Reason.MASKS_EXCHANGED


@pytest.mark.parametrize(
    "change",
    [
        lambda grid: replace(grid, spacing_xyz_mm=(2.0, 2.0, 2.5)),
        lambda grid: replace(grid, origin_lps_mm=tuple(np.add(grid.origin_lps_mm, (1.0, 0, 0)))),
        lambda grid: replace(grid, origin_lps_mm=tuple(np.add(grid.origin_lps_mm, (0, 0, 60.0)))),
        lambda grid: replace(grid, direction=np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])),
    ],
    ids=["other spacing", "half a voxel aside", "beyond the end", "turned"],
)
def test_masks_of_another_grid_are_refused(chain, save, change):
    said = refusal(save(drawn(chain), change(chain.result.volume.grid)), chain.make_ct())
    assert said.reason is Reason.MASKS_OFF_GRID


def test_a_missing_or_broken_file_is_refused(chain, tmp_path):
    assert refusal(tmp_path / "none.nrrd", chain.make_ct()).reason is Reason.NOT_FOUND
    (tmp_path / "broken.seg.nrrd").write_bytes(b"NRRD0005 but no more")
    assert refusal(tmp_path / "broken.seg.nrrd", chain.make_ct()).reason is Reason.UNREADABLE
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM and no more")
    assert refusal(tmp_path / "broken.dcm", chain.make_ct()).reason is Reason.UNREADABLE


@pytest.fixture
def tiny(chain, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: chain.make_ct())
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", lambda config: chain.reader)


def test_the_command_says_whose_masks_the_numbers_come_from(tiny, chain, save, tmp_path, capsys):
    arguments = ["analyze", "ct.nrrd", "--out", str(tmp_path / "out"), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["segmentation"]["L1"]["source"] == "network"
    assert main([*arguments, "--masks", str(save(drawn(chain)))]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["segmentation"]["L1"]["source"] == "edited"
    assert document["levels"]["L1"]["slice_index"] == 12


def test_masks_and_points_together_are_refused(tiny, chain, save, tmp_path, capsys):
    points = ["--l1", "1,2,3", "--l2", "1,2,0"]
    arguments = ["analyze", "ct.nrrd", "--out", str(tmp_path / "out"), "--masks", str(save(drawn(chain))), *points]
    assert main(arguments) == 2
    assert "not both" in capsys.readouterr().err


def test_nothing_is_written_by_refused_masks_and_no_weights_are_loaded(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", lambda config: pytest.fail("loaded"))
    assert main(["analyze", "ct.nrrd", "--out", str(tmp_path / "out"), "--masks", str(tmp_path / "none.nrrd")]) == 3
    assert not (tmp_path / "out").exists()


def test_our_own_file_gives_the_same_masks_again(chain, tmp_path):
    first = chain.reader.read(chain.make_ct(), options=ReadOptions(volume=False))
    write_segmentation(first, tmp_path / "s.seg.nrrd")
    again = chain.reader.read_masks(chain.make_ct(), read_given_masks(tmp_path / "s.seg.nrrd", chain.make_ct()))
    for reading, before in zip(again.readings, first.readings, strict=True):
        assert reading.body is None
        assert reading.axial.slice_index == before.axial.slice_index
        np.testing.assert_array_equal(reading.segmentation.mask, before.segmentation.mask)
        assert reading.mask_source is MaskSource.NETWORK
