"""A whole body and its level's mid-slice stay one, through edits of either and back again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import Level

QUICK = ReadOptions(gradcam=False)


def drawn(reading: VertebraReading) -> np.ndarray:
    """(z, y, x) bool of a level's body on the whole grid."""
    assert reading.body is not None
    return PlacedMask.of(reading.body).on_grid(reading.volume.grid)


def own_plane(reading: VertebraReading) -> np.ndarray:
    return mask_to_plane(reading.segmentation.mask, reading.axial, reading.volume.hu.shape[1:])


def volume_ml(mask: np.ndarray) -> float:
    return np.count_nonzero(mask) * 2.0 * 2.0 * 5.0 / 1000


def test_a_reading_holds_whole_bodies_with_their_own_mid_slices(chain):
    for reading, level in zip(chain.result.readings, Level, strict=True):
        body = drawn(reading)
        middle = round(chain.centers_lps_mm[level][2] / 5)
        np.testing.assert_array_equal(np.flatnonzero(body.any(axis=(1, 2))), np.arange(middle - 2, middle + 3))
        np.testing.assert_array_equal(body[middle], own_plane(reading))
        assert reading.body.name == level and reading.body.volume_ml == pytest.approx(volume_ml(body))
        assert not (reading.body.edited or reading.body.refined or reading.body.cut)
    assert chain.result.neighbors == ()


def test_without_volume_there_are_only_the_mid_slices_until_they_are_asked_for(chain):
    flat = chain.reader.read(chain.make_ct(), options=ReadOptions(gradcam=False, volume=False))
    assert flat.l1.body is None and flat.l2.body is None and "whole_body" not in flat.timings_s
    assert Reason.NOT_COMPUTED in {flag.code for flag in flat.flags}
    assert np.unique(np.nonzero(flat.label_map)[0]).tolist() == [5, 12]
    whole = chain.reader.edit(flat, {}, QUICK)
    np.testing.assert_array_equal(drawn(whole.l1), drawn(chain.result.l1))
    assert chain.reader.edit(whole, {}, ReadOptions(gradcam=False, volume=False)).l1.body is None


def test_an_edit_of_the_mid_slice_is_in_the_body_and_goes_with_it(chain):
    plane = own_plane(chain.result.l1)
    smaller = plane & (np.arange(plane.shape[1]) < 62)
    edited = chain.reader.edit(chain.result, {Level.L1: smaller}, QUICK)
    before, after = drawn(chain.result.l1), drawn(edited.l1)
    np.testing.assert_array_equal(after[12], smaller)
    np.testing.assert_array_equal(np.delete(after, 12, axis=0), np.delete(before, 12, axis=0))
    assert edited.l1.body.edited and not edited.l2.body.edited
    assert edited.l1.body.volume_ml == pytest.approx(volume_ml(before) - volume_ml(plane & ~smaller))
    back = chain.reader.edit(edited, {Level.L1: plane}, QUICK)
    assert not back.l1.body.edited
    np.testing.assert_array_equal(drawn(back.l1), before)


def test_an_erased_mid_slice_takes_the_body_with_it_and_brings_it_back(chain):
    plane = own_plane(chain.result.l2)
    erased = chain.reader.edit(chain.result, {Level.L2: np.zeros_like(plane)}, QUICK)
    assert erased.l2.body is None and erased.l1.body is not None
    assert (Reason.NOT_COMPUTED, Level.L2) in {(flag.code, flag.level) for flag in erased.flags}
    np.testing.assert_array_equal(drawn(chain.reader.edit(erased, {Level.L2: plane}, QUICK).l2), drawn(chain.result.l2))


def test_a_body_drawn_on_other_slices_is_kept_when_its_neighbor_moves(chain):
    body = drawn(chain.result.l1)
    body[14] = False
    edited = chain.reader.edit(chain.result, {Level.L1: PlacedMask(body, (0, 0, 0))}, QUICK)
    assert edited.l1.body.edited and not edited.l1.segmentation.edited
    x, y, z = chain.centers_lps_mm[Level.L2]
    moved = chain.reader.move(edited, {Level.L2: (x, y, z + 5)}, QUICK)
    np.testing.assert_array_equal(drawn(moved.l1), body)
    moved = chain.reader.move(edited, {Level.L1: chain.centers_lps_mm[Level.L1]}, QUICK)
    assert not moved.l1.body.edited and drawn(moved.l1)[14].any()


def write_labels(result: CaseResult, labels: np.ndarray, path) -> str:
    sitk.WriteImage(image_on_grid(labels, result.volume.grid), str(path))
    return str(path)


def test_a_label_map_of_whole_bodies_comes_in_by_the_worker(client, chain, tmp_path):
    first = client.done("analyze", input="ct.nrrd", gradcam=False)
    labels = chain.result.label_map
    same = write_labels(chain.result, labels, tmp_path / "same.nrrd")
    assert client.done("edit", case=first["case"], segmentation=same, gradcam=False)["edited"] == []
    labels[14][labels[14] == 20] = 0
    cut = write_labels(chain.result, labels, tmp_path / "cut.nrrd")
    told = client.done("edit", case=first["case"], segmentation=cut, gradcam=False)
    before, after = first["result"], told["result"]
    was, now = before["segmentation"], after["segmentation"]
    assert told["edited"] == ["L1"]
    assert [now[level]["edited"] for level in ("L1", "L2")] == [True, False]
    assert now["L1"]["volume_ml"] == pytest.approx(0.8 * was["L1"]["volume_ml"], rel=0.02)
    assert now["L2"] == was["L2"] and now["L1"]["area_mm2"] == was["L1"]["area_mm2"]
    # the class comes from the mid-slices, which are as they were
    probabilities = before["classification"]["probabilities"]
    assert after["classification"]["probabilities"] == pytest.approx(probabilities, abs=1e-5)


def test_what_the_network_saw_is_kept_for_a_move_but_not_by_other_weights(chain):
    point = {Level.L1: chain.result.l1.point.center_lps_mm}
    blind = replace(chain.result, windows={key: np.full_like(one, -4.0) for key, one in chain.result.windows.items()})
    assert blind.windows and chain.reader.move(blind, point, QUICK).neighbors == ()
    body = chain.reader.move(blind, point, QUICK).l1.body
    assert body is None or body.volume_ml < 0.5 * chain.result.l1.body.volume_ml
    other = replace(chain.reader, model=replace(chain.reader.model, sha256="0" * 64))
    np.testing.assert_array_equal(drawn(other.move(blind, point, QUICK).l1), drawn(chain.result.l1))


def test_a_body_that_was_drawn_is_not_lost_with_its_mid_slice(client, chain, tmp_path):
    """Erased on the mid-slice, then drawn there again: what the user drew on the other slices is still theirs."""
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    mine = chain.result.label_map
    mine[14][mine[14] == 20] = 0
    erased = mine.copy()
    erased[12][erased[12] == 20] = 0

    def edit(name, labels):
        file = write_labels(chain.result, labels, tmp_path / f"{name}.nrrd")
        return client.done("edit", case=case, segmentation=file, gradcam=False)["result"]["segmentation"]["L1"]

    first = edit("mine", mine)
    assert edit("erased", erased)["volume_ml"] is None
    assert edit("mine", mine) == first
