"""Where the viewer's arrays lie: every matrix against the labels and the gray values of the file itself.

A phantom is laid onto grids of every awkward kind and written to disk. Each pixel that a matrix places in the world is
looked up in that file by SimpleITK, which knows nothing of canonical axes, of the network's slice or of crops.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.frames import Grid, plane_to_mask
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.output.viewer_arrays import level_views, read_views, write_views
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline.drawn_masks import PlacedMask, mask_on_grid, read_level_mask
from OsteoJointLib.pipeline.measure import measure_roi, roi_mask
from OsteoJointLib.pipeline.preprocess import axial_slice, crop_around
from OsteoJointLib.pipeline.segmentation import mask_box
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import (
    CtVolume,
    ExplanationMap,
    ExplanationMethod,
    Level,
    LevelPoint,
    PointSource,
    VertebraSegmentation,
)
from OsteoJointLib.whole_body.one_body import body_of


@dataclass(frozen=True)
class Stored:
    """How a CT is stored: index axes as columns (x, y, z), voxels along them, their spacing."""

    direction: np.ndarray
    size_xyz: tuple[int, int, int]
    spacing_xyz_mm: tuple[float, float, float]


def turned(*degrees) -> np.ndarray:
    """A rotation about x, then y, then z."""
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.radians(degrees))
    return np.asarray(turn.GetMatrix()).reshape(3, 3)


L, P, S = np.eye(3)
GRIDS = {
    # 512 x 512 square pixels in the trained range: the network's slice is the plane itself
    "native, from left to right, head first": Stored(np.stack([-L, P, -S], 1), (512, 512, 24), (0.6, 0.6, 6.0)),
    "oblique, native": Stored(turned(9, -6, 4) @ np.stack([L, P, S], 1), (512, 512, 24), (0.7, 0.7, 6.0)),
    "oblique, stored sagittally, anisotropic": Stored(
        turned(-8, 5, 7) @ np.stack([P, -S, -L], 1), (200, 90, 150), (0.9, 1.7, 1.3)
    ),
    "oblique, stored coronally, left-handed, coarse": Stored(
        turned(6, 8, -5) @ np.stack([L, S, P], 1), (80, 70, 110), (2.4, 2.1, 1.6)
    ),
    "wide, finer than the network's pixels": Stored(np.stack([L, P, S], 1), (600, 560, 24), (0.5, 0.5, 6.0)),
}


@pytest.fixture(scope="module")
def phantom():
    around = Grid.axis_aligned((96, 150, 170), (1.5, 1.5, 1.5), (-127.0, -120.0, -72.0))
    return make_phantom(12, grid=around)


@pytest.fixture(scope="module", params=GRIDS)
def stored_case(request, phantom, tmp_path_factory):
    """The CT as read back, each level's reading made of the true masks, and the files as SimpleITK sees them."""
    stored, folder = GRIDS[request.param], tmp_path_factory.mktemp("views")
    middle = np.mean([phantom.truth.centers_lps_mm[level.verse_label] for level in Level], axis=0)
    images = {}
    for name, array in (("ct", phantom.volume.hu), ("labels", phantom.labels.astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(phantom.volume.grid.spacing_xyz_mm)
        image.SetOrigin(phantom.volume.grid.origin_lps_mm)
        half = 0.5 * (np.array(stored.size_xyz) - 1) * stored.spacing_xyz_mm
        target = sitk.Image(stored.size_xyz, image.GetPixelID())
        target.SetSpacing(stored.spacing_xyz_mm)
        target.SetDirection(stored.direction.ravel())
        target.SetOrigin(middle + np.array([5.0, -25.0, 0.0]) - stored.direction @ half)
        method, outside = (sitk.sitkLinear, -1000) if name == "ct" else (sitk.sitkNearestNeighbor, 0)
        images[name] = sitk.Resample(image, target, sitk.Transform(), method, outside)
        sitk.WriteImage(images[name], str(folder / f"{name}.nrrd"))
    volume = read_ct(folder / "ct.nrrd")
    readings = {
        level: make_reading(phantom, volume, read_level_mask(folder / "labels.nrrd", level, volume.grid), level)
        for level in Level
    }
    return request.param, volume, readings, images


def make_reading(phantom, volume: CtVolume, drawn: PlacedMask, level: Level) -> VertebraReading:
    """A reading whose mask is the truth, whose network's mask is the truth's left half, whose maps are the crop."""
    point = LevelPoint(level, phantom.truth.centers_lps_mm[level.verse_label], 1.0, PointSource.USER)
    axial = axial_slice(volume, point)
    mask = plane_to_mask(drawn.on_grid(volume.grid)[axial.slice_index], axial)
    box = mask_box(mask)
    x1, _, x2, _ = box.xyxy_px
    half = mask & (np.arange(mask.shape[1]) < (x1 + x2) / 2)
    crop = crop_around(axial, box)
    segmentation = VertebraSegmentation(level, mask, half, axial.image, 0.0)
    measured = measure_roi(axial.hu, mask, axial.pixel_mm, level)
    return VertebraReading(
        volume,
        point,
        axial,
        box,
        crop,
        segmentation=segmentation,
        measurement=measured,
        explanation=ExplanationMap(ExplanationMethod.HIRESCAM, crop.image, 1.0, 0.5),
    )


def to_ras(matrix: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N, 3) RAS mm of (N, 3) voxels, z y x, or of (N, 2) pixels of one slice."""
    x, y, z = indices[:, -1], indices[:, -2], indices[:, 0] if indices.shape[1] == 3 else 0 * indices[:, 0]
    return (matrix @ np.stack([x, y, z, np.ones_like(x)]))[:3].T


def lookup(image: sitk.Image, ras_mm: np.ndarray) -> list[int]:
    """What the file holds at points of the world."""
    lps = ras_mm * [-1.0, -1.0, 1.0]
    return [image.GetPixel(image.TransformPhysicalPointToIndex(point.tolist())) for point in lps]


@pytest.mark.parametrize("level", Level)
def test_every_pixel_of_a_mask_lies_on_its_label(stored_case, level):
    name, volume, readings, images = stored_case
    views = level_views(readings[level])
    assert views.mask.dtype == views.network_mask.dtype == views.roi.dtype == np.uint8
    assert views.mask.shape == views.network_mask.shape == views.roi.shape
    found = np.asarray(lookup(images["labels"], to_ras(views.mask_to_ras, np.argwhere(views.mask))))
    slice_index = readings[level].axial.slice_index
    there = np.count_nonzero(read_plane(images["labels"], volume, slice_index) == level.verse_label)
    assert there > 200
    if "native" in name:
        assert (found == level.verse_label).all()
        assert views.mask.sum() == there
        assert views.mask.shape == tuple(np.ptp(np.argwhere(views.mask), axis=0) + 1)
        assert len(views.mask) == 1
    else:
        # to the network's pixels and back: the rim may move by half a pixel of the coarser grid
        assert np.mean(found == level.verse_label) > 0.97
        assert views.mask.sum() == pytest.approx(there, rel=0.03)


@pytest.mark.parametrize("level", Level)
def test_every_voxel_of_a_body_lies_on_its_label(stored_case, level):
    """The network's is the right half of it, and ends two slices lower; the ROI is one of its own slices."""
    name, volume, readings, images = stored_case
    drawn = mask_on_grid(images["labels"], level, volume.grid).trimmed()
    half = drawn.mask & (np.arange(drawn.mask.shape[2]) < drawn.mask.shape[2] / 2)
    half[-2:] = False
    reading = replace(
        readings[level],
        body=body_of(level, drawn.mask, drawn.corner_zyx, volume.grid),
        network_body=body_of(level, half, drawn.corner_zyx, volume.grid),
    )
    third = np.zeros_like(drawn.mask)
    third[len(third) // 2 + 1] = drawn.mask[len(third) // 2 + 1]
    reading = replace(reading, measurement=replace(reading.measurement, mask=third, corner_zyx=drawn.corner_zyx))
    views = level_views(reading)
    assert views.mask.shape == views.network_mask.shape == views.roi.shape
    middle = reading.axial.slice_index - drawn.corner_zyx[0]
    for mask, expected in ((views.mask, drawn.mask), (views.network_mask, half), (views.roi, third)):
        assert mask.sum() == pytest.approx(expected.sum(), rel=0.03)
        found = np.asarray(lookup(images["labels"], to_ras(views.mask_to_ras, np.argwhere(mask))))
        assert np.mean(found == level.verse_label) > (0.9999 if "native" in name else 0.97)
    # off the mid-slice all is exact, whatever the grid
    np.testing.assert_array_equal(np.delete(views.mask, middle, axis=0).sum(), np.delete(drawn.mask, middle, 0).sum())
    np.testing.assert_array_equal(np.flatnonzero(views.roi.any(axis=(1, 2))), [len(third) // 2 + 1])


def read_plane(image: sitk.Image, volume: CtVolume, slice_index: int) -> np.ndarray:
    """The file's labels at the centers of the canonical plane's voxels."""
    rows, columns = volume.grid.shape_zyx[1:]
    index = np.stack(np.meshgrid([slice_index], np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    lps = volume.grid.index_to_lps(index.reshape(-1, 3))
    return np.array([image.GetPixel(image.TransformPhysicalPointToIndex(point.tolist())) for point in lps])


@pytest.mark.parametrize("level", Level)
def test_network_mask_and_roi_lie_in_the_same_box(stored_case, level):
    _, volume, readings, _ = stored_case
    reading = readings[level]
    views = level_views(reading)
    assert not (views.network_mask & ~views.mask).any()
    assert not (views.roi & ~views.mask).any()
    # the network's half is the one on the patient's right: canonical columns run to the left
    right = to_ras(views.mask_to_ras, np.argwhere(views.network_mask))[:, 0].mean()
    assert right > to_ras(views.mask_to_ras, np.argwhere(views.mask))[:, 0].mean() + 5
    assert len(views.roi) == 1
    pixel_mm2 = abs(np.linalg.det(views.mask_to_ras[:3, :3])) / volume.grid.spacing_xyz_mm[2]
    roi = roi_mask(reading.segmentation.mask, reading.axial.pixel_mm)
    assert views.roi.sum() * pixel_mm2 == pytest.approx(roi.sum() * reading.axial.pixel_mm**2, rel=0.08)


@pytest.mark.parametrize("level", Level)
def test_every_pixel_of_a_map_lies_on_the_gray_value_it_was_made_of(stored_case, level):
    _, _, readings, images = stored_case
    views = level_views(readings[level])
    assert views.heatmap.shape == views.explanation.shape == (224, 224)
    assert views.heatmap.dtype == views.explanation.dtype == np.float32
    np.testing.assert_array_equal(views.heatmap, views.explanation)
    pixels = np.argwhere(np.ones((224, 224), bool))
    lps = to_ras(views.crop_to_ras, pixels) * [-1.0, -1.0, 1.0]
    size = np.array(images["ct"].GetSize())
    index = np.array([images["ct"].TransformPhysicalPointToContinuousIndex(point.tolist()) for point in lps])
    inside = np.all((index > 0) & (index < size - 1), axis=1)
    assert inside.mean() > 0.5
    hu = [images["ct"].EvaluateAtPhysicalPoint(point.tolist(), sitk.sitkLinear) for point in lps[inside]]
    expected = to_unit_range(np.array(hu))
    found = views.explanation.ravel()[inside]
    assert found.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("level", Level)
def test_the_third_column_is_the_step_to_the_next_slice(stored_case, level):
    _, volume, readings, _ = stored_case
    views = level_views(readings[level])
    step = volume.grid.direction[:, 2] * volume.grid.spacing_xyz_mm[2] * [-1.0, -1.0, 1.0]
    for matrix in (views.mask_to_ras, views.crop_to_ras):
        np.testing.assert_allclose(matrix[:3, 2], step)
        assert matrix[2, 2] > 0
    pixel_mm = readings[level].axial.pixel_mm
    np.testing.assert_allclose(np.linalg.norm(views.crop_to_ras[:3, :2], axis=0), pixel_mm, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(views.mask_to_ras[:3, :2], axis=0), volume.grid.spacing_xyz_mm[:2])


def test_what_is_empty_is_one_voxel_and_what_is_missing_is_left_out(case, tmp_path):
    reading = case.l1
    empty = np.zeros_like(reading.segmentation.mask)
    bare = replace(
        reading,
        segmentation=replace(reading.segmentation, mask=empty, network_mask=empty, heatmap=None),
        measurement=replace(reading.measurement, mask=empty, voxels=0, hu_mean=None),
        explanation=None,
    )
    answer = write_views(replace(case, l1=bare), tmp_path / "views.npz")
    with np.load(answer["file"]) as arrays:
        names = {name for name in arrays if name.startswith("L1")}
        assert names == {"L1_mask", "L1_network_mask", "L1_roi"}
        assert all(arrays[name].shape == (1, 1, 1) and not arrays[name].any() for name in names)
        assert {"L2_heatmap", "L2_explanation"} <= set(arrays)
    assert np.isfinite(answer["L1"]["mask_to_ras"]).all()


def test_each_map_of_each_level_is_read_back_as_its_own(case, tmp_path):
    def with_maps(reading, heat: float, cam: float):
        heatmap, values = np.full((512, 512), heat, np.float32), np.full((224, 224), cam, np.float32)
        explanation = ExplanationMap(ExplanationMethod.HIRESCAM, values, 1.0, 0.5)
        return replace(reading, segmentation=replace(reading.segmentation, heatmap=heatmap), explanation=explanation)

    mapped = replace(case, l1=with_maps(case.l1, 0.125, 0.25), l2=with_maps(case.l2, 0.5, 1.0))
    read = read_views(write_views(mapped, tmp_path / "views.npz")).levels
    middles = {level: (one.heatmap[112, 112], one.explanation[112, 112]) for level, one in read.items()}
    assert middles == {Level.L1: (0.125, 0.25), Level.L2: (0.5, 1.0)}


def test_a_user_s_mask_outside_the_crop_widens_the_box(case):
    reading = case.l2
    drawn = reading.segmentation.mask.copy()
    drawn[2:6, 2:6] = True
    views = level_views(replace(reading, segmentation=replace(reading.segmentation, mask=drawn)))
    assert views.mask.sum() > views.network_mask.sum() > 0


def test_the_bodies_beside_them_are_read_back_where_they_lie(case, tmp_path):
    grid, mask = case.volume.grid, np.zeros((4, 6, 7), bool)
    mask[1:3, 2:5, 1:6] = True
    mask[2, 2] = False
    beside = {"T12": body_of("T12", mask, (9, 20, 30), grid), "L3": body_of("L3", mask[::-1], (1, 22, 33), grid)}
    read = read_views(write_views(replace(case, neighbors=tuple(beside.values())), tmp_path / "views.npz"))
    assert list(read.levels) == list(Level) and list(read.neighbors) == ["T12", "L3"]
    for name, body in beside.items():
        found = to_ras(read.neighbors[name].ijk_to_world, np.argwhere(read.neighbors[name].array_kji))
        lps = grid.index_to_lps(np.argwhere(body.mask) + body.corner_zyx)
        np.testing.assert_allclose(found, lps * [-1.0, -1.0, 1.0])
    assert read_views(write_views(case, tmp_path / "views.npz")).neighbors == {}
