"""A CT is read by a user's own masks: what runs and what doesn't, what is refused, and that no side is exchanged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.cli.main import main
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid, mask_to_plane
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.given_masks import read_given_masks
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtSlicePair, Level, MaskSource, PointSource

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
        np.testing.assert_array_equal(masks[level].on_grid(chain.result.volume.grid), expected)
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
