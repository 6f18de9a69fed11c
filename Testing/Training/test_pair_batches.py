"""Batches: the right terms on the right rows, boxes that fit, and the same batch for the same step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.config import ReferenceTissue, WindowConfig
from OsteoJointLib.errors import UsageError
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.level_set.evolution import RefinedMask
from OsteoJointLib.network.heatmap import boundary_heatmap
from training.data.augment import AugmentConfig, Intensity, box_center_xy, box_of
from training.data.contours import HIDDEN, evolved_mask
from training.data.guides import imperfect
from training.data.pair_batches import PairBatchConfig, PairBatches
from training.data.pair_rows import augmented_row, guided_heatmap, plain_row
from training.data.pairs import PairFolder, load_pair, save_pair
from training.seeds import TRAINING_SEEDS
from training.step_batches import step_loader

SMALL = PairBatchConfig(rows=4, further_rows=0, class_rows=0, images=2, localizer_every=2, minimum_pairs=4)


def test_shapes_and_ranges(pair_folder):
    batch = PairBatches(pair_folder, 1, SMALL, AugmentConfig())[0]
    assert batch.crops.shape == batch.masks.shape == batch.heatmaps.shape == (4, 2, 1, 224, 224)
    assert batch.images.shape == (2, 1, 512, 512) and batch.boxes_xyxy.shape == (2, 4)
    for images in (batch.crops, batch.heatmaps, batch.images):
        assert images.dtype == torch.float32 and images.min() >= 0 and images.max() <= 1
    torch.testing.assert_close(batch.status.sum(dim=1), torch.ones(4))
    assert len(batch.case_ids) == 4


def test_only_every_second_step_brings_slices(pair_folder):
    batch = PairBatches(pair_folder, 1, SMALL, AugmentConfig())[1]
    assert batch.images.shape == (0, 1, 512, 512) and batch.boxes_xyxy.shape == (0, 4) and batch.labels.shape == (0,)


def test_every_row_carries_a_term_and_mixed_rows_only_the_class(pair_folder):
    data = replace(SMALL, rows=8, class_rows=8, localizer_every=1000)
    batches = PairBatches(pair_folder, 2, data, AugmentConfig())
    drawn = [batches[step] for step in range(1, 9)]
    for batch in drawn:
        assert torch.all(batch.mask_rows | batch.status_rows)
        assert batch.mask_rows.tolist() == 8 * [True] + 8 * [False] and batch.status_rows[8:].all()
        assert not any("+" in name for name in batch.case_ids[:8])
    names = [name for batch in drawn for name in batch.case_ids[8:]]
    assert 8 < sum("+" in name for name in names) < 40
    shared = torch.cat([batch.status_rows[:8] for batch in drawn])
    assert 25 < shared.sum() < 52, "those with changed intensities carry no class"


def test_cases_that_depart_from_physics_teach_outlines_only(pair_folder, tmp_path):
    for index, path in enumerate(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths):
        save_pair(replace(load_pair(path), departing=index % 2 == 0), tmp_path)
    data = replace(SMALL, rows=8, class_rows=8, localizer_every=1000)
    batches = PairBatches(tmp_path, 2, data, STILL)
    for batch in (batches[step] for step in range(1, 4)):
        departing = torch.tensor(["departing" in name for name in batch.case_ids])
        assert departing[:8].any() and not departing[8:].any()
        torch.testing.assert_close(batch.status_rows[:8], ~departing[:8])


def test_class_rows_keep_the_hu_of_their_status(pair_folder):
    batches = PairBatches(pair_folder, 3, replace(SMALL, rows=8, localizer_every=1000), AugmentConfig())
    expected = (np.array([200.0, 120.0, 50.0]) + 160.0) / 400.0
    checked = 0
    for step in range(1, 5):
        batch = batches[step]
        for row in torch.nonzero(batch.status_rows & batch.mask_rows).flatten().tolist():
            inside = batch.crops[row][batch.masks[row] > 0].median()
            assert float(inside) == pytest.approx(expected[int(batch.status[row].argmax())], abs=0.05)
            checked += 1
    assert checked > 5


def test_boxes_fit_the_bright_body(pair_folder):
    plain = AugmentConfig(noise_probability=0.0, intensity_probability=0.0, coarse_probability=0.0)
    batches = PairBatches(pair_folder, 4, replace(SMALL, images=4), plain)
    batch = batches[0]
    for image, box in zip(batch.images, batch.boxes_xyxy, strict=True):
        x1, y1, x2, y2 = (int(v) for v in box)
        middle = image[0, (y1 + y2) // 2, (x1 + x2) // 2]
        assert 0 <= x1 < x2 <= 512 and 0 <= y1 < y2 <= 512
        # every corner of the box lies outside the ellipse, on soft tissue (40 HU is 0.5); its middle on bone
        corners = image[0, [y1, y1, y2 - 1, y2 - 1], [x1, x2 - 1, x1, x2 - 1]]
        assert torch.all(torch.abs(corners - 0.5) < 0.12)
        assert abs(float(middle) - 0.5) > 0.01


def test_the_same_step_gives_the_same_batch(pair_folder):
    batches = PairBatches(pair_folder, 5, SMALL, AugmentConfig())
    served = list(step_loader(batches, 6, 8, workers=0))
    again = PairBatches(pair_folder, 5, SMALL, AugmentConfig())[7]
    torch.testing.assert_close(served[1].crops, again.crops, rtol=0, atol=0)
    assert served[1].case_ids == again.case_ids
    assert PairBatches(pair_folder, 6, SMALL, AugmentConfig())[7].case_ids != again.case_ids


def test_a_plain_row_is_the_crop_around_the_body(pair_folder):
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    row = plain_row(pair, 2.0)
    for mask, crop, hu, whole in zip(row.masks, row.crops, pair.hu[:2], pair.masks[:2], strict=True):
        x, y = np.rint(box_center_xy(whole)).astype(int)
        around = np.s_[y - 112 : y + 112, x - 112 : x + 112]  # neither moved nor mirrored
        np.testing.assert_array_equal(mask, whole[around])
        np.testing.assert_allclose(crop, np.clip((hu[around] + 160) / 400, 0, 1), atol=1e-6)
    assert row.heatmaps.max() == pytest.approx(1.0)


STILL = AugmentConfig(
    center_jitter_px=0.0,
    straight_probability=1.0,
    noise_probability=0.0,
    blur_probability=0.0,
    sharpen_probability=0.0,
    coarse_probability=0.0,
    object_probability=0.0,
    intensity_probability=0.0,
)


def test_rows_at_any_height_carry_masks_only_and_some_are_empty(pair_folder):
    data = replace(SMALL, rows=1, further_rows=3, localizer_every=1000)
    batch = PairBatches(pair_folder, 0, data, STILL)[1]
    assert batch.mask_rows[1:].all() and not batch.status_rows[1:].any()
    area = batch.masks[1:].sum(dim=(2, 3, 4))
    # of the stand-ins the third slice shows half a body's width and depth, the fourth none
    torch.testing.assert_close(area[:, 0], torch.full((3,), np.pi * 16 * 11), rtol=0.03, atol=0.0)
    assert not area[:, 1].any() and not batch.heatmaps[1:, 1].any()
    assert (batch.tissues[1:] == ReferenceTissue.BLOOD).any(dim=(2, 3, 4)).all()


def test_rows_for_the_class_alone_keep_their_hu_and_bring_no_heat_maps(pair_folder):
    data = replace(SMALL, rows=1, class_rows=12, mixup_alpha=None, localizer_every=1000)
    batch = PairBatches(pair_folder, 0, data, replace(STILL, intensity_probability=1.0))[1]
    assert batch.mask_rows.tolist() == [True] + 12 * [False]
    assert batch.status_rows.tolist() == [False] + 12 * [True]
    assert not batch.heatmaps[1:].any()
    for crops, masks, bmd in zip(batch.crops[1:], batch.masks[1:], batch.bmd[1:], strict=True):
        hu = {150.0: 200.0, 100.0: 120.0, 60.0: 50.0}[float(bmd)]
        assert float(crops[masks > 0].median()) == pytest.approx((hu + 160.0) / 400.0, abs=0.02)


def test_headers_lack_something_as_often_as_wanted_and_vertebrae_too(pair_folder):
    data = replace(SMALL, rows=1, class_rows=39, mixup_alpha=None, localizer_every=1000)
    sure = PairBatches(pair_folder, 0, replace(data, unknown_share=0.0, left_out_share=0.0), STILL)[1]
    assert torch.unique(sure.facts, dim=0).tolist() == [[1.0, 0.0, 1.0, 0.0]] and not sure.left_out.any()
    never = PairBatches(pair_folder, 0, replace(data, unknown_share=1.0, left_out_share=1.0), STILL)[1]
    assert not never.facts.any() and (never.left_out.sum(dim=1) == 1).all() and never.left_out.any(dim=0).all()
    half = PairBatches(pair_folder, 0, replace(data, unknown_share=0.5), STILL)[1]
    assert 8 < half.facts[:, 0].sum() < 32 and 8 < half.facts[:, 2].sum() < 32
    assert not torch.equal(half.facts[:, 0], half.facts[:, 2]), "one may be known without the other"


def test_a_mixture_s_label_follows_its_bmd(pair_folder):
    batches = PairBatches(pair_folder, 0, SMALL, STILL)
    cases = batches.listed()
    dense, porous = (load_pair(cases.paths[np.flatnonzero(cases.statuses == status)[0]]) for status in (0, 2))
    for mix, bmd, status in ((0.8, 132.0, 0), (0.5, 105.0, 1), (0.1, 69.0, 2)):
        drawn = batches.class_row([dense, porous], mix, np.random.default_rng(0))
        assert drawn.bmd == pytest.approx(bmd, rel=1e-6) and drawn.status.tolist() == np.eye(3)[status].tolist()


def test_a_mixture_of_two_headers_knows_what_they_have_in_common(pair_folder, tmp_path):
    for path in PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[:4]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    pair = load_pair(PairFolder.listed(tmp_path, TRAINING_SEEDS).paths[3])
    save_pair(replace(pair, kvp=100.0), tmp_path)
    batches = PairBatches(tmp_path, 0, replace(SMALL, unknown_share=0.0), STILL)
    cases = batches.listed()
    for instance, facts in ((3, (0.0, 0.0, 1.0, 0.0)), (1, (1.0, 0.0, 1.0, 0.0))):
        pairs = [load_pair(cases.paths[index]) for index in (instance, 2)]
        drawn = batches.class_row(pairs, 0.5, np.random.default_rng(0))
        assert drawn.facts == facts


def test_guides_are_near_the_truth_and_seldom_it(pair_folder):
    mask = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0]).masks[0]
    guides = [imperfect(mask, np.random.default_rng(seed)) for seed in range(60)]
    areas = np.array([guide.sum() for guide in guides]) / mask.sum()
    overlap = np.array([2 * (guide & mask).sum() / (guide.sum() + mask.sum()) for guide in guides])
    assert 0.1 < (overlap == 1.0).mean() < 0.5
    assert areas.min() < 0.85 < 1.15 < areas.max() and abs(np.median(areas) - 1.0) < 0.1
    assert 0.4 < overlap.min() < 0.85 < np.median(overlap)
    middles = np.array([np.argwhere(guide).mean(axis=0) for guide in guides]) - np.argwhere(mask).mean(axis=0)
    assert (np.abs(middles).max(axis=0) > 3.0).all() and (np.abs(middles.mean(axis=0)) < 1.5).all()
    empty = np.zeros_like(mask)
    assert not imperfect(empty, np.random.default_rng(1)).any()


def test_the_papers_mixed_row_weighs_image_and_label_alike(pair_folder):
    batches = PairBatches(pair_folder, 0, replace(SMALL, mix_labels="one-hot"), STILL)
    cases = batches.listed()
    dense, porous = (load_pair(cases.paths[np.flatnonzero(cases.statuses == status)[0]]) for status in (0, 2))
    drawn = batches.class_row([dense, porous], 0.8, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.status, [0.8, 0.0, 0.2], rtol=1e-6)
    # bodies of 200 and of 50 HU, window -160 to 240
    assert np.median(drawn.row.crops[0][drawn.row.masks[0]]) == pytest.approx(
        (0.8 * 200 + 0.2 * 50 + 160) / 400, abs=0.02
    )
    assert (drawn.masks_count, drawn.status_counts) == (False, True)


def test_a_row_for_masks_is_the_case(pair_folder):
    batches = PairBatches(pair_folder, 0, SMALL, STILL)
    cases = batches.listed()
    for chosen in (2, 7):
        pair = load_pair(cases.paths[chosen])
        drawn = batches.mask_row(pair, np.random.default_rng(0))
        assert drawn.case_id == cases.paths[chosen].stem
        assert drawn.status.argmax() == cases.statuses[chosen] and drawn.bmd == pair.bmd_mg_cm3
        plain = plain_row(pair, SMALL.heatmap_sigma_px)
        mirrored = not np.array_equal(drawn.row.crops, plain.crops)
        for mask, heatmap in zip(drawn.row.masks, drawn.row.heatmaps, strict=True):
            np.testing.assert_array_equal(heatmap, boundary_heatmap(mask, SMALL.heatmap_sigma_px))
        # a mirrored crop is about pixel 112, the flipped array about 111.5
        for name in ("masks", "tissues"):
            found = getattr(drawn.row, name)
            unflipped = np.roll(found[:, :, ::-1], 1, axis=2) if mirrored else found
            np.testing.assert_array_equal(unflipped[..., 1:], getattr(plain, name)[..., 1:])


def test_a_row_for_the_class_may_be_one_case_by_itself(pair_folder):
    batches = PairBatches(pair_folder, 0, SMALL, STILL)
    pair = load_pair(batches.listed().paths[2])
    for mix in (0.0, 1.0):
        drawn = batches.class_row([pair], mix, np.random.default_rng(0))
        assert (drawn.masks_count, drawn.status_counts, drawn.case_id) == (False, True, pair.name)
        assert drawn.bmd == pair.bmd_mg_cm3 and drawn.status.sum() == 1
        assert np.median(drawn.row.crops[0][drawn.row.masks[0]]) == pytest.approx((50.0 + 160.0) / 400.0, abs=0.02)


def test_changed_intensities_reach_the_row_and_cost_it_its_class_term(pair_folder):
    cases = PairBatches(pair_folder, 0, SMALL, STILL).listed()
    pair = load_pair(cases.paths[0])
    plain = augmented_row(pair, np.random.default_rng(1), STILL, None, 2.0).crops
    squared = augmented_row(pair, np.random.default_rng(1), STILL, Intensity(1.0, 0.0, 0.0, 0.0, 2.0), 2.0).crops
    np.testing.assert_allclose(squared, plain**2, atol=1e-6)
    batches = PairBatches(pair_folder, 0, SMALL, replace(STILL, intensity_probability=1.0))
    drawn = batches.mask_row(pair, np.random.default_rng(0))
    assert (drawn.masks_count, drawn.status_counts) == (True, False)


def test_a_slice_bears_the_label_of_its_level(pair_folder):
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    hu = np.stack([np.full_like(pair.hu[0], 10), np.full_like(pair.hu[1], 190)])  # two levels that can be told apart
    batches, labels = PairBatches(pair_folder, 0, SMALL, STILL), set()
    for seed in range(8):
        drawn = batches.slice(replace(pair, hu=hu), np.random.default_rng(seed))
        assert drawn.image[256, 256] == pytest.approx([(10 + 160) / 400, (190 + 160) / 400][drawn.label], abs=1e-4)
        labels.add(drawn.label)
    assert labels == {0, 1}


def test_half_of_the_rows_and_of_the_slices_are_mirrored(pair_folder):
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    bright_left = np.where(np.arange(512) < 256, 190, 10).astype(np.int16) * np.ones_like(pair.hu)
    pair, batches = replace(pair, hu=bright_left), PairBatches(pair_folder, 0, SMALL, STILL)
    rows = [augmented_row(pair, np.random.default_rng(n), STILL, None, 2.0, False).crops for n in range(80)]
    slices = [batches.slice(pair, np.random.default_rng(n)).image for n in range(40)]
    for images, edge, low, high in ((rows, 20, 28, 52), (slices, 150, 11, 29)):
        # a slice is moved by up to 80 pixels: look halfway to its edges
        left, right = np.s_[..., edge // 2 : edge], np.s_[..., -edge : -edge // 2]
        assert low <= sum(image[right].mean() > image[left].mean() for image in images) <= high


def test_intensities_change_a_slice_and_leave_its_air(pair_folder):
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    still, changing = (
        PairBatches(pair_folder, 0, SMALL, replace(STILL, image_scale=(1.0, 1.0), intensity_probability=share))
        for share in (0.0, 1.0)
    )
    for seed in range(5):
        before, after = (batches.slice(pair, np.random.default_rng(seed)) for batches in (still, changing))
        np.testing.assert_array_equal(before.box_xyxy, after.box_xyxy)
        assert np.mean(after.image[before.image == 0.0] == 0.0) > 0.97  # but for the skin's own pixels
        assert np.abs(after.image - before.image).max() > 0.02


def test_guidance_draws_the_contour_that_the_image_shows_beside_the_label(tmp_path):
    y, x = np.mgrid[:96, :96] - 47.5
    body, label = (np.hypot(y, x) < radius for radius in (26.0, 23.5))
    hu = np.where(body, 400.0, 40.0).astype(np.float32)
    evolved = evolved_mask(hu, label, 0.7, tmp_path)
    plain, half, all_of_it = (guided_heatmap(label, evolved, 2.0, share) for share in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(plain, boundary_heatmap(label, 2.0))
    np.testing.assert_allclose(half, 0.5 * (plain + all_of_it), atol=1e-6)
    at_body = boundary_heatmap(body, 2.0)
    assert np.abs(all_of_it - at_body).mean() < 0.3 * np.abs(plain - at_body).mean()
    nothing = np.zeros_like(label)
    assert evolved_mask(hu, nothing, 0.7, tmp_path) is nothing
    assert not guided_heatmap(nothing, nothing, 2.0, 0.5).any()


def test_a_contour_is_evolved_once_and_again_when_anything_changed(tmp_path, monkeypatch):
    y, x = np.mgrid[:64, :64] - 31.5
    label = np.hypot(y, x) < 15.0
    hu = np.where(np.hypot(y, x) < 17.0, 400, 40).astype(np.int16)
    first = evolved_mask(hu, label, 0.7, tmp_path / "kept")
    asked = []

    def refined(hu, mask, *more):
        asked.append(mask)
        return RefinedMask(~mask, 0.0)

    monkeypatch.setattr("training.data.contours.refine", refined)
    np.testing.assert_array_equal(evolved_mask(hu, label, 0.7, tmp_path / "kept"), first)
    assert asked == [] and first.sum() > label.sum()
    brighter, shifted = hu + np.int16(1), np.roll(label, 1, axis=0)
    for changed in ((brighter, label, 0.7), (hu, shifted, 0.7), (hu, label, 0.71)):
        np.testing.assert_array_equal(evolved_mask(*changed, tmp_path / "kept"), ~changed[1])
    assert len(asked) == 3
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"data\.contours=DIR"):
        evolved_mask(hu, label, 0.7, tmp_path / "file")


def test_a_row_s_contour_lies_where_its_label_lies(pair_folder, tmp_path):
    """Turned, scaled and flipped as the label is: with the label itself as contour guidance changes nothing."""
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    kept = {"contours": tmp_path}
    for seed in range(4):
        rows = [
            augmented_row(pair, np.random.default_rng(seed), AugmentConfig(), None, 2.0, evolved_share=share, **kept)
            for share in (0.0, 1.0)
        ]
        for plain, evolved, mask in zip(rows[0].heatmaps, rows[1].heatmaps, rows[0].masks, strict=True):
            off_px = [np.average(np.argwhere(h > 0.0), axis=0, weights=h[h > 0.0]) for h in (plain, evolved)]
            assert mask.any() and np.abs(off_px[0] - off_px[1]).max() < 1.5


def test_guidance_changes_the_boundary_s_target_alone(pair_folder):
    without, guided = (
        PairBatches(pair_folder, 8, replace(SMALL, class_rows=2, evolved_share=share), STILL)[1] for share in (0.0, 0.5)
    )
    for name in ("crops", "masks", "status", "guides"):
        torch.testing.assert_close(getattr(without, name), getattr(guided, name))
    assert guided.heatmaps[:4].ne(without.heatmaps[:4]).any()
    assert len(list((pair_folder / HIDDEN).glob("*.npy"))) > 4
    assert guided.heatmaps.min() >= 0 and guided.heatmaps.max() <= 1


def lopsided_pair(pair):
    """A pair whose bodies are like no mirror or turned image of themselves: a right triangle, 120 HU in 40 HU."""
    y, x = np.mgrid[:512, :512]
    mask = (x > 220) & (y > 235) & (2 * (x - 220) + 3 * (y - 235) < 150)
    hu = np.where(mask, 120, 40).astype(np.int16)
    tissue = np.where(np.hypot(x - 300, y - 210) < 12, ReferenceTissue.BLOOD, 0).astype(np.uint8)
    return replace(pair, hu=np.stack([hu] * 4), masks=np.stack([mask] * 4), tissues=np.stack([tissue] * 4))


def test_image_mask_heat_map_tissue_and_box_are_flipped_turned_and_scaled_together(pair_folder):
    pair = lopsided_pair(load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0]))
    moving = AugmentConfig(
        **{f"{kind}_probability": 0.0 for kind in ("noise", "blur", "sharpen", "coarse", "object", "intensity")},
        straight_probability=0.0,
    )
    batches, seen = PairBatches(pair_folder, 0, SMALL, moving), set()
    between = to_unit_range(np.array([80.0]), WindowConfig())[0]
    for seed in range(16):
        row = batches.mask_row(pair, np.random.default_rng(seed)).row
        for crop, mask, heatmap, tissue in zip(row.crops, row.masks, row.heatmaps, row.tissues, strict=True):
            bright = crop > between
            assert np.count_nonzero(bright ^ mask) <= 0.03 * mask.sum()  # edges, where the two are interpolated
            np.testing.assert_array_equal(heatmap, boundary_heatmap(mask, SMALL.heatmap_sigma_px))
            body, blood = (np.argwhere(part).mean(axis=0) for part in (mask, tissue == ReferenceTissue.BLOOD))
            scale = np.sqrt(mask.sum() / pair.masks[0].sum())
            assert np.linalg.norm(blood - body) / scale == pytest.approx(_apart(pair), rel=0.03)
            seen.add((bool(blood[1] > body[1]), bool(scale > 1)))
        drawn = batches.slice(pair, np.random.default_rng(seed))
        np.testing.assert_allclose(drawn.box_xyxy, box_of(drawn.image > between), atol=1.01)
    assert len(seen) == 4  # mirrored and not, larger and smaller


def _apart(pair) -> float:
    body, blood = (np.argwhere(part).mean(axis=0) for part in (pair.masks[0], pair.tissues[0] == ReferenceTissue.BLOOD))
    return float(np.linalg.norm(blood - body))
