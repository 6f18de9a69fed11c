"""The level set on the slices of a body: on those that are meant, and on no other."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.refining import RefinedSlices
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import Level

QUICK = ReadOptions(gradcam=False)


def body(reading) -> np.ndarray:
    """(z, y, x) bool on the whole grid."""
    return PlacedMask.of(reading.body).on_grid(reading.volume.grid)


@pytest.fixture
def smaller(chain):
    """The reading after a user drew L1's body a pixel too small on every slice."""
    thin = np.stack([ndimage.binary_erosion(plane) for plane in body(chain.result.l1)])
    return chain.reader.edit(chain.result, {Level.L1: PlacedMask(thin, (0, 0, 0))}, QUICK)


def refined(chain, case, **where):
    return chain.reader.refine(case, [Level.L1], options=QUICK, where=RefinedSlices(**where)).l1


def areas(reading) -> np.ndarray:
    return np.count_nonzero(body(reading), axis=(1, 2))


def test_the_mid_slice_alone_is_moved_where_nothing_is_said(chain, smaller):
    before, after = areas(smaller.l1), areas(refined(chain, smaller))
    middle = smaller.l1.axial.slice_index
    assert np.flatnonzero(before != after).tolist() == [middle]
    assert after[middle] > before[middle]


def test_the_slice_that_is_meant_is_moved_and_the_class_stays(chain, smaller):
    x, y, z = chain.centers_lps_mm[Level.L1]
    before, reading = areas(smaller.l1), refined(chain, smaller, at_lps_mm=(x, y, z - 5.0))
    after, middle = areas(reading), smaller.l1.axial.slice_index
    assert np.flatnonzero(before != after).tolist() == [middle - 1]
    assert after[middle - 1] > before[middle - 1]
    np.testing.assert_array_equal(reading.segmentation.mask, smaller.l1.segmentation.mask)
    assert (reading.body.edited, reading.body.refined) == (True, True)
    with pytest.raises(InputRefused, match="nothing on the slice that is shown"):
        refined(chain, smaller, at_lps_mm=(x, y, z + 20.0))


def test_a_whole_body_comes_nearer_to_the_truth_on_each_of_its_slices(chain, smaller):
    truth, before, after = areas(chain.result.l1), areas(smaller.l1), areas(refined(chain, smaller, whole=True))
    drawn = truth > 0
    assert np.count_nonzero(drawn) == 5
    assert (np.abs(truth - after)[drawn] < np.abs(truth - before)[drawn]).all()
    assert (after[~drawn] == 0).all()


def test_the_level_set_is_no_user(chain):
    """What the network drew and the level set moved is refined, and edited by nobody; the other level is untouched."""
    result = chain.reader.refine(chain.result, [Level.L1], options=QUICK, where=RefinedSlices(whole=True))
    assert (result.l1.body.edited, result.l1.body.refined) == (False, True)
    assert (result.l2.body.edited, result.l2.body.refined) == (False, False)
    np.testing.assert_array_equal(body(result.l2), body(chain.result.l2))


def test_the_worker_takes_the_whole_body_or_a_point_in_the_world(client, chain, smaller, tmp_path):
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    labels = smaller.label_map
    sitk.WriteImage(image_on_grid(labels, smaller.volume.grid), str(tmp_path / "small.nrrd"))
    small = client.done("edit", case=case, segmentation=str(tmp_path / "small.nrrd"), gradcam=False)["result"]
    x, y, z = chain.centers_lps_mm[Level.L1]
    fields = {"case": case, "segmentation": str(tmp_path / "small.nrrd"), "levels": ["L1"], "gradcam": False}
    volumes = [small["segmentation"]["L1"]["volume_ml"]]
    for where in ({"at": [-x, -y, z - 5.0]}, {"whole": True}):
        volumes.append(client.done("refine", **fields, **where)["result"]["segmentation"]["L1"]["volume_ml"])
    assert volumes[0] < volumes[1] < volumes[2]
    assert "Give one of them" in client.ask("refine", **fields, whole=True, at=[0.0, 0.0, 0.0])["message"]
