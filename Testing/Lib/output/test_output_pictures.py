"""The pictures: the right place, the right side up, the right aspect."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.measure import find_contours

from OsteoJointLib.output import axial_pictures, column_pictures, overview
from OsteoJointLib.output.axial_pictures import FIELD_MM, ROI_COLOR, TRUTH_COLOR, axial_views, explanation_title
from OsteoJointLib.output.column_pictures import Plane, column_view
from OsteoJointLib.output.drawing import (
    BONE_WINDOW,
    COLOR_STOPS,
    DisplayWindow,
    Label,
    Patch,
    color_table,
    gray,
    outline,
    overlay,
    png_bytes,
    write_labels,
)
from OsteoJointLib.output.overview import OverviewTruth, overview_picture, write_overview
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import BodyVolume, ExplanationMethod, Level, Status


def where(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """(N, 2) rows and columns of the pixels of just this color."""
    return np.argwhere((picture == np.array(color)).all(axis=-1))


def test_a_window_maps_its_ends_to_black_and_white():
    picture = gray(np.array([[-500.0, -300.0, 200.0, 700.0, 3000.0]]), DisplayWindow(200.0, 1000.0))
    assert picture[0, :, 0].tolist() == [0, 0, 127, 255, 255]
    assert picture.shape == (1, 5, 3)


def test_a_patch_shows_its_center_in_the_middle_and_scales_about_it():
    patch = Patch(center_yx=(10.0, 20.0), field_px=50.0, size_px=101)
    np.testing.assert_allclose(patch.to_picture(np.array([20.0, 10.0])), [50.0, 50.0])
    np.testing.assert_allclose(patch.to_picture(np.array([25.0, 10.0])), [50.0 + 5 * 101 / 50, 50.0])


def test_what_is_cut_lies_where_points_are_mapped():
    array = np.zeros((64, 64))
    array[30, 41] = 1.0
    patch = Patch((32.0, 36.0), 24.0, 240)
    cut = patch.cut(array, 0.0)
    row, column = np.unravel_index(cut.argmax(), cut.shape)
    np.testing.assert_allclose([column, row], patch.to_picture(np.array([41.0, 30.0])), atol=1.0)


def test_outside_the_slice_is_the_border_value():
    cut = Patch((0.0, 0.0), 20.0, 40).cut(np.zeros((64, 64)), -1024.0)
    assert cut[0, 0] == -1024.0
    assert cut[-1, -1] == 0.0


def test_an_overlay_leaves_the_picture_alone_where_the_map_is_zero():
    picture = np.full((4, 4, 3), 90, dtype=np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0] = 1.0
    mixed = overlay(picture, heat)
    assert (mixed[1:] == 90).all()
    assert (mixed[0, 0] != 90).all()


@pytest.mark.parametrize("dashed", [False, True])
def test_an_outline_runs_along_the_mask_s_edge(dashed):
    mask = np.zeros((64, 64), dtype=bool)
    mask[20:40, 16:48] = True  # edges at 19.5, 39.5 and 15.5, 47.5
    patch = Patch((31.5, 31.5), 64.0, 640)
    picture = np.zeros((640, 640, 3), dtype=np.uint8)
    outline(picture, mask, patch, (255, 0, 0), dashed)
    drawn = where(picture, (255, 0, 0))
    first, last = patch.to_picture(np.array([[15.5, 19.5], [47.5, 39.5]]))[:, ::-1]
    np.testing.assert_allclose(drawn.min(axis=0), first, atol=5)
    np.testing.assert_allclose(drawn.max(axis=0), last, atol=5)
    assert not picture[320, 320].any()


def test_an_outline_runs_along_scikit_image_s_contour():
    y, x = np.mgrid[:64, :64]
    mask = (np.hypot((x - 30) / 20, (y - 36) / 12) < 1) & ~((x > 40) & (y > 40))  # a body with a notch at its left back
    patch = Patch((33.0, 29.0), 60.0, 480)
    picture = np.zeros((480, 480, 3), dtype=np.uint8)
    outline(picture, mask, patch, (255, 0, 0))
    (contour,) = find_contours(mask.astype(float), 0.5)
    edge = patch.to_picture(contour[:, ::-1])
    drawn = where(picture, (255, 0, 0))[:, ::-1]
    off_px = np.linalg.norm(drawn[:, None] - edge[None], axis=-1)
    # half a line's width and the corners that smoothing rounds: less than a slice's pixel (8 of the picture's)
    assert off_px.min(axis=1).max() < 6 and off_px.min(axis=0).max() < 6


def test_labels_are_written_near_their_anchor():
    picture = np.zeros((60, 200, 3), dtype=np.uint8)
    written = write_labels(picture, [Label("L1", (100, 30), fill=(9, 8, 7))])
    rows, columns = np.nonzero(written.any(axis=-1))
    assert abs(rows.mean() - 30) < 2
    assert abs(columns.mean() - 100) < 2
    assert not picture.any(), "the picture given is left as it was"


def test_png_reads_back_the_same_picture():
    picture = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(png_bytes(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back[..., ::-1], picture)


def test_the_axial_view_draws_the_body_at_its_size(case):
    size = 480
    views = axial_views(case.l1, size)
    assert views.boundary.shape == views.heatmap.shape == views.explanation.shape == (size, size, 3)
    drawn = where(views.boundary, segment_color_rgb(Level.L1))
    height, width = drawn.max(axis=0) - drawn.min(axis=0)
    assert abs(width - 36.0 * size / FIELD_MM) < 8
    assert abs(height - 24.0 * size / FIELD_MM) < 8


def test_the_roi_is_drawn_where_it_was_measured(case, poor_case):
    drawn = where(axial_views(case.l1).boundary, ROI_COLOR)
    assert len(drawn) > 50
    # 3 mm inside the 24 x 36 mm of the body, and without the posterior quarter of its depth
    height, width = np.ptp(drawn, axis=0) * FIELD_MM / 400
    assert (height, width) == (pytest.approx(15.0, abs=1.5), pytest.approx(30.0, abs=1.5))
    assert len(where(axial_views(poor_case.l2).boundary, ROI_COLOR)) == 0


def labels_of(monkeypatch, module) -> list[Label]:
    """What a module writes into its pictures from now on."""
    written: list[Label] = []

    def note(picture, labels):
        written.extend(labels)
        return write_labels(picture, labels)

    monkeypatch.setattr(module, "write_labels", note)
    return written


def place(labels: list[Label], text: str) -> tuple[float, float]:
    return next(label.xy for label in labels if label.text == text)


def test_the_patient_s_right_is_on_the_left_and_anterior_on_top(case, monkeypatch):
    written = labels_of(monkeypatch, axial_pictures)
    axial_views(case.l1, 400)
    assert place(written, "R")[0] < 100 < 300 < place(written, "L")[0]
    assert place(written, "A")[1] < 100 < 300 < place(written, "P")[1]


def test_the_scale_bar_is_two_centimeters_long(case):
    picture = axial_views(case.l1, 400).boundary
    bar = where(picture[386:387, 220:], (255, 255, 255))  # in the lower right corner
    assert np.ptp(bar[:, 1]) == pytest.approx(20.0 * 400 / FIELD_MM, abs=4)


def test_every_axial_picture_says_its_level_place_thickness_and_window(case, pair_case, monkeypatch):
    written = labels_of(monkeypatch, axial_pictures)
    thin = replace(case.l2, volume=replace(case.volume, source=replace(case.volume.source, slice_thickness_mm=1.25)))
    # slice z is z * 5 mm above -200 mm
    for one, place in ((case.l1, ("S -120.0 mm", "slices 5 mm apart")), (thin, ("S -155.0 mm", "1.25 mm thick"))):
        written.clear()
        axial_views(one, 400)
        texts = [label.text for label in written]
        for text in (f"{one.level} axial", *place, "W 640 L 120", "2 cm"):
            assert texts.count(text) == 3, text
    written.clear()
    axial_pictures.whole_slice_view(pair_case.l2, 400)
    assert {"L2 axial", "S -155.0 mm", "slices 5 mm apart", "W 640 L 120", "2 cm"} <= {label.text for label in written}


def test_heat_map_and_explanation_are_each_their_own(case):
    left, right = np.zeros((512, 512), np.float32), np.zeros((224, 224), np.float32)
    left[:, :79] = 1.0  # the body's middle is pixel 79 of the slice, 112 of the crop
    right[:, 112:] = 1.0
    explanation = replace(case.l1.explanation, values=right)
    reading = replace(case.l1, segmentation=replace(case.l1.segmentation, heatmap=left), explanation=explanation)
    views = axial_views(reading, 400)
    pictures = (views.heatmap, views.explanation)
    bright = [np.argwhere(view[60:340, 60:340, 0] > 200)[:, 1].mean() < 140 for view in pictures]
    assert bright == [True, False]


def test_the_body_s_contour_is_the_mask_s_and_not_the_network_s(case):
    none = np.zeros_like(case.l1.segmentation.mask)
    edited = replace(case.l1, segmentation=replace(case.l1.segmentation, network_mask=none))
    erased = replace(case.l1, segmentation=replace(case.l1.segmentation, mask=none))
    color = segment_color_rgb(Level.L1)
    assert [len(where(axial_views(one).boundary, color)) > 50 for one in (edited, erased)] == [True, False]


def test_maps_that_were_not_computed_are_not_drawn(poor_case):
    views = axial_views(poor_case.l2)
    assert views.heatmap is None
    assert views.explanation is None


def test_the_maps_color_bar_has_its_numbers_and_the_scale_s_colors(case, monkeypatch):
    written = labels_of(monkeypatch, axial_pictures)
    picture = axial_views(case.l1, 400).explanation
    assert {"0", "0.5", "1"} <= {label.text for label in written}  # of the heat map, which is no share
    del written[: [label.text for label in written].index("50") - 1]
    left, middle, right = (place(written, text)[0] for text in ("0", "50", "100 %"))
    assert left < middle < right < 200 and {place(written, text)[1] for text in ("0", "50", "100 %")} == {368}
    row = picture[378]
    for x, share in ((left, 0.0), (middle, 0.5), (right - 1, 1.0)):
        np.testing.assert_allclose(row[round(x)].astype(int), color_table()[round(255 * share)], atol=6)


def test_a_blank_map_says_no_influence_in_its_picture(case, monkeypatch):
    blank = replace(case.l1.explanation, values=np.zeros((224, 224), np.float32), share=0.0)
    written = labels_of(monkeypatch, axial_pictures)
    for one in (case.l1.explanation, blank):
        axial_views(replace(case.l1, explanation=one), 400)
    assert [label.text for label in written].count("no influence") == 1
    assert place(written, "no influence") == (200, 200)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "Explanation map: 62 % of the influence"),
        ({"method": ExplanationMethod.GRADCAM, "share": 0.4}, "Grad-CAM: 40 % of the influence"),
        ({"values": np.zeros((2, 2)), "share": 0.0}, "Explanation map: no influence"),
    ],
)
def test_a_map_is_named_and_its_share_said(case, changes, title):
    assert explanation_title(replace(case.l1.explanation, **changes)) == title


@pytest.mark.parametrize("plane", list(Plane))
def test_the_column_keeps_its_aspect(case, plane):
    picture = column_view(case, plane, px_per_mm=2.0)
    # 64 rows or 80 columns of 1.5 mm; 24 slices of 5 mm, and words below
    assert picture.shape[1:] == (192 if plane is Plane.SAGITTAL else 240, 3)
    assert picture[:240].max() == 255 and 240 + 30 < picture.shape[0] < 240 + 100


def test_superior_is_on_top_and_the_levels_lie_at_their_slices(case):
    picture = column_view(case, Plane.SAGITTAL)
    rows = {level: np.median(where(picture, segment_color_rgb(level))[:, 0]) for level in Level}
    # slice z is centered (24 - z - 1/2) * 5 mm below the top
    np.testing.assert_allclose([rows[Level.L1], rows[Level.L2]], [75.0, 145.0], atol=4)


@pytest.mark.parametrize("plane", list(Plane))
def test_what_is_superior_in_the_ct_is_on_top_in_the_picture(case, plane):
    hu = np.full_like(case.volume.hu, -1000)
    hu[20:] = 1000  # the highest four slices of 24
    picture = column_view(replace(case, volume=replace(case.volume, hu=hu)), plane)
    assert (np.median(picture[:40]), np.median(picture[200:240])) == (255, 0)  # 20 mm each


@pytest.mark.parametrize(("plane", "marked"), [(Plane.SAGITTAL, np.s_[:, :6, :]), (Plane.CORONAL, np.s_[:, :, :6])])
def test_anterior_and_the_patient_s_right_are_on_the_left(case, plane, marked):
    hu = np.full_like(case.volume.hu, -1000)
    hu[marked] = 1000
    picture = column_view(replace(case, volume=replace(case.volume, hu=hu)), plane)
    top = picture[100:108].mean(axis=(0, 2))  # between what is written into it
    assert top[:15].min() > 250
    assert top[60:].max() < 5


@pytest.mark.parametrize(("plane", "sides"), [(Plane.SAGITTAL, "AP"), (Plane.CORONAL, "RL")])
def test_the_column_s_labels_stand_at_their_levels_and_sides(case, plane, sides, monkeypatch):
    written = labels_of(monkeypatch, column_pictures)
    column_view(case, plane)
    assert place(written, "L1")[1] == pytest.approx(75.0) and place(written, "L2")[1] == pytest.approx(145.0)
    assert place(written, "T12")[1] == pytest.approx(5.0)  # 35 mm, seven slices, above L1
    colors = {label.text: label.fill for label in written if label.fill}
    assert colors == {level.value: segment_color_rgb(level) for level in Level}
    assert place(written, sides[0])[0] < 50 and place(written, sides[1])[0] > 150


@pytest.mark.parametrize("plane", list(Plane))
def test_the_column_s_picture_says_what_it_is(case, plane, monkeypatch):
    written = labels_of(monkeypatch, column_pictures)
    picture = column_view(case, plane, px_per_mm=2.0)
    centers = [level.center_lps_mm for level in (case.levels.l1, case.levels.l2)]
    axis, letter = (0, "R") if plane is Plane.SAGITTAL else (1, "A")
    where_cut = f"{letter} {-centers[0][axis]:.1f} mm at L1, {-centers[1][axis]:.1f} mm at L2"
    for text in (f"Mid-{plane} curved reformat", where_cut, "4.5 mm thick, W 1000 L 200"):  # three voxels of 1.5 mm
        assert place(written, text)[0] < 20
    assert place(written, "S")[1] < 30 and 240 > place(written, "I")[1] > 210
    x, y = place(written, "5 cm")
    bar = 60 + where(picture[round(y) + 5 : round(y) + 8, 60:], (255, 255, 255))[:, 1]
    assert np.ptp(bar) == pytest.approx(100, abs=4) and (bar.min() + bar.max()) / 2 == pytest.approx(x, abs=2)


def test_a_whole_body_is_outlined_where_the_bent_plane_cuts_it(case):
    # a body of 6 slices whose left half is 2 rows deeper at the back
    mask = np.zeros((6, 18, 24), dtype=bool)
    mask[:, :16], mask[:, 16:, 12:] = True, True
    body = BodyVolume("L1", mask, (14, 24, 28), 1.0)
    bare = replace(
        case, l1=replace(case.l1, segmentation=replace(case.l1.segmentation, mask=np.zeros((512, 512), bool)))
    )
    whole = replace(bare, l1=replace(bare.l1, body=body))
    for plane, columns in ((Plane.SAGITTAL, (24, 42)), (Plane.CORONAL, (28, 52))):
        changed = np.argwhere((column_view(bare, plane) != column_view(whole, plane)).any(axis=-1))
        top, left = changed.min(axis=0)
        bottom, right = changed.max(axis=0)
        # 24 slices of 5 mm from below, voxels of 1.5 mm, two pixels a millimeter; lines are four wide
        np.testing.assert_allclose([top, bottom], [(24 - 20) * 10, (24 - 14) * 10], atol=8)
        np.testing.assert_allclose([left, right], [columns[0] * 3, columns[1] * 3], atol=6)


def test_the_column_s_other_bodies_are_named(case):
    unnamed = replace(case, levels=replace(case.levels, column=(), names=(), name_confidence=()))
    assert (column_view(case, Plane.CORONAL) != column_view(unnamed, Plane.CORONAL)).any()


def test_the_plane_follows_a_bent_column(case):
    # a bright rod that moves 20 voxels to the left over the height is seen whole only by a bent plane
    hu = np.full_like(case.volume.hu, -1000)
    columns = np.round(np.linspace(30, 50, hu.shape[0])).astype(int)
    for z, x in enumerate(columns):
        hu[z, 30:34, x - 3 : x + 4] = 1000
    grid = case.volume.grid
    body = case.levels.column[0]
    centers = [tuple(grid.index_to_lps(np.array([z, 31.5, columns[z]]))) for z in (0, 8, 16, 23)]
    levels = replace(case.levels, column=tuple(replace(body, center_lps_mm=c) for c in centers), names=())
    picture = column_view(replace(case, volume=replace(case.volume, hu=hu), levels=levels), Plane.SAGITTAL)
    y_px = round(32 * 1.5 * 2)
    lines = gray(np.array([[1000.0]]), BONE_WINDOW)[0, 0, 0]
    shown = picture[:110, y_px, 0]  # above what is written into its corner
    assert np.median(shown) == lines
    assert (shown > 200).mean() > 0.85


def test_a_pair_of_slices_has_no_column(pair_case):
    assert column_view(pair_case, Plane.SAGITTAL) is None


@pytest.mark.parametrize("name", ["case", "oblique_case", "pair_case", "poor_case", "doubtful_case"])
def test_the_overview_is_one_picture_of_every_kind_of_case(name, request, tmp_path):
    write_overview(request.getfixturevalue(name), tmp_path / "overview.png")
    picture = cv2.imread(str(tmp_path / "overview.png"))
    assert picture.shape[0] > 800
    assert picture.shape[1] > 1000
    assert not len(where(picture[..., ::-1], TRUTH_COLOR))


def test_the_overview_says_each_class_s_own_share(case, monkeypatch):
    written = labels_of(monkeypatch, overview)
    picture = overview_picture(case)
    shares = {"normal": 25.0, "osteopenia": 62.5, "osteoporosis": 12.5}
    for status, share in shares.items():
        y = place(written, status)[1]
        assert place(written, f"{share} %")[1] == y
        bar = where(picture[int(y) : int(y) + 1, -440:], overview.STATUS_COLORS[Status(status)])
        assert np.ptp(bar[:, 1]) == pytest.approx(3.30 * share, abs=3)  # of a track of 330 pixels


def test_the_overview_says_whether_the_class_is_reliable(case, poor_case, doubtful_case, monkeypatch):
    written = labels_of(monkeypatch, overview)
    for one, words in ((case, "no doubt raised"), (poor_case, "is not reliable"), (doubtful_case, "No class")):
        written.clear()
        overview_picture(one)
        assert sum(words in label.text for label in written) == 1


def test_the_overview_s_truth_is_each_level_s_own(case):
    labels = np.zeros(case.volume.hu.shape, dtype=np.uint8)
    labels[16, 24:40, 28:52] = 20
    labels[9, 24:40, 28:52] = 20  # L2's slice shows no L2
    green = where(overview_picture(case, OverviewTruth(labels, {})), TRUTH_COLOR)
    assert len(green) > 100 and green[:, 0].max() < 132 + 30 + 360 + 12  # the header, and the first row of slices


def test_the_truth_is_drawn_in_green_where_it_is(case):
    labels = np.zeros(case.volume.hu.shape, dtype=np.uint8)
    labels[16, 24:40, 28:52] = 20
    labels[9, 24:40, 28:52] = 21
    centers = {reading.point.level: reading.point.center_lps_mm for reading in case.readings}
    truth = OverviewTruth(labels, centers, Status.NORMAL, 131.0)
    moved = replace(truth, labels=np.roll(labels, 3, axis=2))
    for one in (truth, moved):
        assert len(where(overview_picture(case, one), TRUTH_COLOR)) > 100
    assert (overview_picture(case, truth) != overview_picture(case, moved)).any()


def test_the_scale_is_inferno_from_dark_to_yellow():
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    inferno = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    np.testing.assert_allclose(color_table().astype(int), inferno.astype(int), atol=7)
    np.testing.assert_array_equal(color_table()[[0, 255]], [COLOR_STOPS[0], COLOR_STOPS[-1]])
    brightness = color_table() @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -0.5).all()
