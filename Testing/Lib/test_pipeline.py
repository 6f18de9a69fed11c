"""The one path from a CT to a result, and back in after an edit."""

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid, mask_to_plane
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.pipeline.doubts import NOTES, all_flags, class_is_reliable
from OsteoJointLib.pipeline.points import moved_levels
from OsteoJointLib.pipeline.reader import analyze
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.records import CtSlicePair, CtVolume, ExplanationMethod, Flag, Level, PointSource

QUICK = ReadOptions(gradcam=False)


def plane_of(chain, level, shift_mm=(0.0, 0.0, 0.0), scale=1.0) -> np.ndarray:
    center = np.add(chain.centers_lps_mm[level], shift_mm)
    return chain.body_plane(chain.make_ct().grid, center, tuple(scale * axis for axis in chain.semi_axes_mm))


def doubts(result) -> list[tuple[Reason, Level | None]]:
    return [(flag.code, flag.level) for flag in result.flags if flag.code not in NOTES]


def test_a_case_is_read_right(chain):
    result = chain.result
    for reading, level in zip(result.readings, Level, strict=True):
        assert reading.point.level is reading.axial.level is reading.segmentation.level is level
        assert reading.axial.slice_index == chain.centers_lps_mm[level][2] / 5
        assert reading.box.confidence == pytest.approx(0.9)
        truth = plane_of(chain, level)
        mask = mask_to_plane(reading.segmentation.mask, reading.axial, truth.shape)
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.97
        assert reading.measurement.hu_median == pytest.approx(chain.body_hu, abs=0.5)
        roi = mask_to_plane(reading.slice_measurement.mask, reading.axial, truth.shape)
        own_hu = reading.volume.hu[reading.axial.slice_index][roi]
        assert (reading.slice_measurement.voxels, reading.slice_measurement.hu_mean) == (own_hu.size, own_hu.mean())
        assert reading.explanation.values.shape == (224, 224)
    assert sum(result.classification.probabilities) == pytest.approx(1)
    assert result.classification.fusion_weight_l1 + result.classification.fusion_weight_l2 == pytest.approx(1)
    notes = {Reason.NOT_CALIBRATED, Reason.NOT_COMPUTED}  # of calibration, and of heights in slices of 5 mm
    assert doubts(result) == [] and {flag.code for flag in result.flags} == notes
    assert (result.device, result.model.name) == ("cpu", "random")


def test_stages_are_timed_and_reported_in_order(chain):
    seen = []
    result = chain.reader.read(chain.make_ct(), progress=lambda stage, fraction: seen.append((stage, fraction)))
    stages = [stage for stage, _ in seen]
    assert stages == [s for s in Stage if s not in (Stage.IO, Stage.MODEL, Stage.LEVEL_SET, Stage.OUTPUT)]
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)
    assert set(result.timings_s) == {*stages, "total"}
    assert result.timings_s["total"] == pytest.approx(sum(result.timings_s[stage] for stage in stages))


def assert_same_classification(a, b):
    """Equal to float32's rounding, which varies with how oneDNN splits a convolution."""
    assert a.classification.status is b.classification.status
    assert a.classification.probabilities == pytest.approx(b.classification.probabilities, abs=1e-6)
    assert a.classification.fusion_weight_l1 == pytest.approx(b.classification.fusion_weight_l1, abs=1e-6)


def test_the_same_case_gives_the_same_numbers(chain):
    again = chain.reader.read(chain.make_ct())
    assert_same_classification(again, chain.result)
    np.testing.assert_allclose(again.l1.explanation.values, chain.result.l1.explanation.values, atol=1e-4)


def test_the_setting_chooses_how_the_class_is_explained(chain):
    by_setting = replace(chain.reader, config=PipelineConfig(explanation=ExplanationMethod.GRADCAM))
    paper = by_setting.edit(chain.result, {})
    assert [one.explanation.method for one in (*chain.result.readings, *paper.readings)] == [
        *[ExplanationMethod.HIRESCAM] * 2,
        *[ExplanationMethod.GRADCAM] * 2,
    ]
    assert np.abs(paper.l1.explanation.values - chain.result.l1.explanation.values).max() > 0.1


def test_the_maps_of_a_case_share_one_scale(chain):
    l1, l2 = (reading.explanation for reading in chain.result.readings)
    assert l1.scale_max == l2.scale_max > 0 and l1.share + l2.share == pytest.approx(1)
    assert max(l1.values.max(), l2.values.max()) == 1
    assert l1.share / l2.share == pytest.approx(l1.values.sum() / l2.values.sum(), rel=1e-4)


def test_options_leave_out_and_add(chain):
    result = chain.reader.read(chain.make_ct(), options=ReadOptions(refine=True, gradcam=False))
    assert result.l1.explanation is None
    assert result.l1.segmentation.refined and result.l2.segmentation.refined
    assert "level_set" in result.timings_s
    assert "explanation" not in result.timings_s


def test_the_finder_is_asked_about_the_ct_that_is_read(chain):
    asked, ct = [], chain.make_ct()

    def find(volume):
        asked.append(volume)
        return chain.found_levels()

    result = replace(chain.reader, finder=find).read(ct, options=QUICK)
    assert len(asked) == 1 and asked[0] is ct is result.volume


def test_user_points_replace_the_finder(chain):
    def refuse(volume):
        raise AssertionError("the finder was asked")

    result = replace(chain.reader, finder=refuse).read(chain.make_ct(), chain.centers_lps_mm, QUICK)
    assert result.l1.point.source is PointSource.USER
    assert result.l1.point.center_lps_mm == pytest.approx(chain.centers_lps_mm[Level.L1])


def test_points_without_a_body_near_are_refused(chain):
    points = {Level.L1: (90.0, 20.0, 60.0), Level.L2: chain.centers_lps_mm[Level.L2]}
    with pytest.raises(InputRefused, match="for L1") as refusal:
        chain.reader.read(chain.make_ct(), points, QUICK)
    assert refusal.value.reason is Reason.BODY_NOT_LOCALIZED


def test_one_point_alone_is_wrong_usage(chain):
    with pytest.raises(UsageError, match="Only one of the two"):
        chain.reader.read(chain.make_ct(), {Level.L1: chain.centers_lps_mm[Level.L1]}, QUICK)


@pytest.mark.parametrize("by_hand", [False, True])
def test_without_a_localizer_a_fixed_window_is_read_and_said(chain, by_hand):
    reader = replace(chain.reader, detector=None)
    result = reader.read(chain.make_ct(), chain.centers_lps_mm if by_hand else None, QUICK)
    assert doubts(result) == [(Reason.BODY_NOT_LOCALIZED, level) for level in Level]
    assert not result.l1.box.detected
    truth = plane_of(chain, Level.L1)
    mask = mask_to_plane(result.l1.segmentation.mask, result.l1.axial, truth.shape)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.97


def test_a_moved_point_runs_its_own_level_again_and_keeps_the_other(chain):
    x, y, z = chain.centers_lps_mm[Level.L1]
    edited = chain.reader.edit(chain.result, {Level.L2: plane_of(chain, Level.L2, scale=0.9)}, QUICK)
    moved = chain.reader.move(edited, {Level.L1: (x + 3, y, z + 5)}, QUICK)
    assert moved.l1.axial.slice_index == chain.result.l1.axial.slice_index + 1
    assert moved.l1.point.source is PointSource.USER
    assert moved.l2.point is edited.l2.point
    np.testing.assert_array_equal(moved.l2.segmentation.mask, edited.l2.segmentation.mask)
    assert moved.levels.l1 == moved.l1.point
    assert moved.levels.l2 == chain.found_levels().l2
    assert "io" not in moved.timings_s


def test_a_move_does_what_its_options_say_and_nothing_else(chain):
    x, y, z = chain.centers_lps_mm[Level.L1]
    points, seen = {Level.L1: (x, y, z + 5)}, []
    moved = chain.reader.move(chain.result, points, QUICK, lambda stage, _: seen.append(stage))
    assert moved.l1.explanation is None and not moved.l1.segmentation.refined
    assert seen[0] is Stage.LEVELS and Stage.EXPLANATION not in seen
    refined = chain.reader.move(chain.result, points, ReadOptions(refine=True, gradcam=True))
    assert refined.l1.segmentation.refined and refined.l1.explanation is not None
    assert refined.l2.segmentation is chain.result.l2.segmentation


def test_the_level_set_goes_by_the_settings(chain):
    off = plane_of(chain, Level.L1, scale=1.1)  # some 2.5 mm outside the edge
    masks = []
    for max_shift_mm in (1.0, 4.0):
        level_set = replace(chain.reader.config.level_set, max_shift_mm=max_shift_mm)
        reader = replace(chain.reader, config=replace(chain.reader.config, level_set=level_set))
        masks.append(
            reader.edit(chain.result, {Level.L1: off}, ReadOptions(refine=True, gradcam=False)).l1.segmentation
        )
    assert masks[0].area_mm2 > masks[1].area_mm2


def test_analyze_hands_everything_on(chain, monkeypatch):
    asked, seen, limits = [], [], ReadingLimits(thick_mm=4.0)

    def read_ct(path, **settings):
        asked.append((path, settings))
        return chain.make_ct()

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", read_ct)
    points, progress = chain.centers_lps_mm, lambda stage, _: seen.append(stage)
    result = analyze("ct.nrrd", lambda: chain.reader, points, QUICK, progress, limits)
    assert asked == [("ct.nrrd", {"limits": limits})]
    assert result.l1.point.source is PointSource.USER and result.l1.explanation is None
    assert seen[:3] == [Stage.IO, Stage.MODEL, Stage.LEVELS]
    assert {"io", "model"} < set(result.timings_s)


def test_a_move_of_nothing_is_wrong_usage(chain):
    with pytest.raises(UsageError, match="No point was moved"):
        moved_levels(chain.result.volume, chain.result.levels, {})


def test_the_column_s_doubts_stay_as_long_as_one_point_is_the_network_s(chain):
    unsure = Flag(Reason.LEVELS_UNCERTAIN, "Perhaps one off.")
    levels, volume, points = replace(chain.found_levels(), flags=(unsure,)), chain.make_ct(), chain.centers_lps_mm
    for level in Level:
        moved = moved_levels(volume, levels, {level: points[level]})
        assert moved.flags == (unsure,)
        assert [moved.l1.source, moved.l2.source].count(PointSource.USER) == 1
        assert moved_levels(volume, moved, points).flags == ()


def test_points_nearer_than_neighbors_make_the_class_unreliable_until_one_is_moved_back(chain):
    points = chain.centers_lps_mm
    (x, y, z), (_, _, below) = points[Level.L1], points[Level.L2]
    near = moved_levels(chain.result.volume, chain.result.levels, {Level.L1: (x, y, below + 15.0)})
    codes = {flag.code for flag in all_flags(chain.result.volume, near, ())}
    assert {Reason.POINTS_DOUBTFUL, Reason.CLASS_NOT_RELIABLE} <= codes
    back = moved_levels(chain.result.volume, near, {Level.L1: (x, y, z)})
    assert Reason.POINTS_DOUBTFUL not in {flag.code for flag in back.flags}
    with pytest.raises(InputRefused, match="on one body"):
        chain.reader.move(chain.result, {Level.L2: (x, y, z - 0.7)}, QUICK)


def test_refining_with_an_edit_moves_the_edited_mask_alone(chain):
    options = ReadOptions(refine=True, gradcam=False)
    for level, other in (("l1", "l2"), ("l2", "l1")):
        edited = chain.reader.edit(
            chain.result, {Level[level.upper()]: plane_of(chain, Level[level.upper()], scale=0.8)}, options
        )
        assert getattr(edited, level).segmentation.refined and getattr(edited, level).segmentation.edited
        assert getattr(edited, other).segmentation is getattr(chain.result, other).segmentation


def test_an_edit_runs_only_what_follows_it(chain):
    seen = []
    reader = chain.make_reader()
    reader.edit(
        chain.result, {Level.L1: plane_of(chain, Level.L1, scale=0.8)}, None, lambda stage, _: seen.append(stage)
    )
    assert seen == [Stage.MEASURE, Stage.CLASSIFICATION, Stage.EXPLANATION]


def test_an_edited_mask_is_kept_as_drawn_and_reaches_measure_and_class(chain):
    drawn = plane_of(chain, Level.L1, scale=0.6)
    edited = chain.reader.edit(chain.result, {Level.L1: drawn})
    segmentation = edited.l1.segmentation
    np.testing.assert_array_equal(mask_to_plane(segmentation.mask, edited.l1.axial, drawn.shape), drawn)
    np.testing.assert_array_equal(segmentation.network_mask, chain.result.l1.segmentation.network_mask)
    assert segmentation.heatmap is chain.result.l1.segmentation.heatmap
    assert segmentation.area_mm2 == pytest.approx(0.36 * chain.result.l1.segmentation.area_mm2, rel=0.05)
    assert edited.l1.measurement.voxels < chain.result.l1.measurement.voxels
    assert edited.classification.probabilities != chain.result.classification.probabilities
    assert edited.l2.segmentation is chain.result.l2.segmentation
    assert edited.l1.crop is chain.result.l1.crop


def test_box_and_crop_follow_a_mask_drawn_elsewhere(chain):
    drawn = plane_of(chain, Level.L1, shift_mm=(24.0, -10.0, 0.0))
    edited = chain.reader.edit(chain.result, {Level.L1: drawn}, QUICK)
    assert edited.l1.explanation is None and edited.l2.explanation is None and edited.options == QUICK
    pixel = edited.l1.axial.pixel_mm
    shift_px = np.subtract(edited.l1.crop.corner_yx, chain.result.l1.crop.corner_yx)
    np.testing.assert_allclose(shift_px, np.array([-10.0, 24.0]) / pixel, atol=3)
    said = {code for code, _ in doubts(edited)}
    # half of it lies beside the bone, and of the body that follows it too little is left to be measured
    assert said == {Reason.CLASS_NOT_RELIABLE, Reason.LEVELS_CONTRADICT, Reason.ROI_TOO_SMALL}


def test_the_network_s_mask_given_back_takes_box_and_crop_back(chain):
    first, size = chain.result.l1, chain.make_ct().grid.shape_zyx[1:]
    own = mask_to_plane(first.segmentation.network_mask, first.axial, size)
    result = chain.result
    for shift_mm in ((24.0, -10.0, 0.0), (-20.0, 4.0, 0.0)):
        drawn = plane_of(chain, Level.L1, shift_mm=shift_mm)
        result = chain.reader.edit(result, {Level.L1: drawn}, QUICK)
        assert result.l1.box != first.box
    back = chain.reader.edit(result, {Level.L1: own}, QUICK)
    assert (back.l1.box, back.l1.crop.corner_yx) == (first.box, first.crop.corner_yx)
    np.testing.assert_array_equal(back.l1.crop.image, first.crop.image)
    assert_same_classification(back, chain.result)


def test_classifying_again_as_it_is_changes_nothing(chain):
    again = chain.reader.edit(chain.result, {})
    assert_same_classification(again, chain.result)
    assert again.l1.segmentation is chain.result.l1.segmentation


def test_an_erased_mask_is_flagged_and_not_measured(chain):
    edited = chain.reader.edit(chain.result, {Level.L2: np.zeros((90, 120), dtype=bool)}, QUICK)
    of_l2 = [(Reason.MASK_EMPTY, Level.L2), (Reason.ROI_TOO_SMALL, Level.L2)]
    assert doubts(edited) == [(Reason.CLASS_NOT_RELIABLE, None), *of_l2]
    assert edited.l2.measurement.hu_mean is None
    assert edited.classification.probabilities == pytest.approx(chain.result.classification.probabilities)


def test_edits_do_not_change_the_result_before(chain):
    before = chain.result.l1.segmentation.mask.copy()
    chain.reader.edit(chain.result, {Level.L1: plane_of(chain, Level.L1, scale=0.5)}, ReadOptions(refine=True))
    np.testing.assert_array_equal(chain.result.l1.segmentation.mask, before)


def slice_pair(chain) -> CtSlicePair:
    volume = chain.make_ct()

    def one(level) -> CtVolume:
        index = round(chain.centers_lps_mm[level][2] / 5)
        grid = Grid.axis_aligned((1, 90, 120), (2.0, 2.0, 5.0), (-119.0, -89.0, 5.0 * index))
        return CtVolume(volume.hu[index : index + 1], grid, volume.source)

    return CtSlicePair(one(Level.L1), one(Level.L2))


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_paper_s_slice_pair_is_read_like_the_volume(chain, by_hand):
    points = {level: (x, y, z + 40.0) for level, (x, y, z) in chain.centers_lps_mm.items()} if by_hand else None
    result = chain.reader.read(slice_pair(chain), points, QUICK)
    for level, point in zip(Level, (result.levels.l1, result.levels.l2), strict=True):
        assert (point.level, point.confidence) == (level, 1.0 if by_hand else None)
        assert point.source is (PointSource.USER if by_hand else PointSource.ASSUMED)
    assert (Reason.LEVELS_ASSUMED in {flag.code for flag in result.flags}) is not by_hand
    for reading, whole in zip(result.readings, chain.result.readings, strict=True):
        np.testing.assert_array_equal(reading.segmentation.mask, whole.segmentation.mask)
        assert reading.axial.slice_index == 0
        if not by_hand:
            assert reading.point.center_lps_mm == pytest.approx(whole.point.center_lps_mm, abs=2.0)
    assert result.classification.probabilities == pytest.approx(chain.result.classification.probabilities)


def test_levels_in_doubt_are_read_without_a_class(chain):
    result = chain.doubtful
    assert (result.classification, result.l1.explanation, result.l2.explanation) == (None, None, None)
    assert [reading.measurement.hu_mean for reading in result.readings] == [
        reading.measurement.hu_mean for reading in chain.result.readings
    ]
    assert [result.levels.in_doubt(reading.point) for reading in result.readings] == [True, True]
    assert "no class" in repr(result)


@pytest.mark.parametrize("first", Level)
def test_the_class_returns_when_both_points_are_the_users(chain, first):
    """Moving one confirms that one; the other stays in doubt until it is confirmed, which takes its point as it is."""
    second = Level.L2 if first is Level.L1 else Level.L1
    x, y, z = chain.centers_lps_mm[first]
    once = chain.reader.move(chain.doubtful, {first: (x + 1.0, y, z)}, QUICK)
    doubts = {reading.level: once.levels.in_doubt(reading.point) for reading in once.readings}
    assert (doubts, once.classification) == ({first: False, second: True}, None)
    twice = chain.reader.move(once, {second: chain.centers_lps_mm[second]}, QUICK)
    assert twice.levels.doubt is None
    assert twice.levels.names == ("T12", "L1", "L2")
    assert twice.classification is not None
    assert class_is_reliable(twice.flags)


def test_points_that_contradict_the_column_take_its_names_away(chain):
    centers = [body.center_lps_mm for body in chain.doubtful.levels.column]
    levels = moved_levels(chain.make_ct(), chain.doubtful.levels, dict(zip(Level, centers, strict=False)))
    assert levels.names == ("", "", "")


def test_bad_input_is_refused_before_anything_is_loaded(tmp_path):
    def load():
        raise AssertionError("the weights were loaded")

    fake = tmp_path / "ct.nii.gz"
    fake.write_text("this is no CT")
    with pytest.raises(InputRefused):
        analyze(fake, load)


def test_what_is_not_known_of_the_scan_is_a_note_and_makes_no_class_unreliable(chain):
    from OsteoJointLib.output.result_json import result_document

    volume = chain.make_ct()
    unknown = replace(volume, source=replace(volume.source, kvp=None, kernel=None, contrast=None))
    codes = {flag["code"] for flag in result_document(chain.reader.read(unknown, options=QUICK))["flags"]}
    assert {Reason.KVP_UNKNOWN, Reason.KERNEL_UNKNOWN, Reason.CONTRAST_UNKNOWN} <= codes
    assert Reason.CLASS_NOT_RELIABLE not in codes


def test_the_segmenter_runs_only_for_crops_it_has_not_seen(chain):
    reader, alone = chain.make_reader(), replace(QUICK, volume=False)
    result = reader.read(chain.make_ct(), options=alone)
    calls = lambda: reader.network.segmenter.calls  # noqa: E731
    assert calls() == 1
    edited = reader.edit(result, {Level.L1: plane_of(chain, Level.L1, scale=0.8)}, alone)
    refined = reader.refine(edited, [Level.L1, Level.L2], options=alone)
    assert calls() == 1
    assert edited.l1.encoded is refined.l1.encoded is result.l1.encoded
    x, y, z = chain.centers_lps_mm[Level.L1]
    moved = reader.move(refined, {Level.L1: (x, y, z + 5)}, alone)
    assert calls() == 2
    assert moved.l1.encoded is not result.l1.encoded and moved.l2.encoded is result.l2.encoded
    elsewhere = reader.edit(moved, {Level.L2: plane_of(chain, Level.L2, shift_mm=(24.0, -10.0, 0.0))}, alone)
    assert calls() == 3
    assert elsewhere.l2.encoded is not result.l2.encoded


def test_an_edit_gives_what_a_segmenter_that_runs_again_gives(chain):
    planes = {Level.L2: plane_of(chain, Level.L2, scale=0.8)}
    forgetful = replace(chain.result, l1=replace(chain.result.l1, encoded=None))
    forgetful = replace(forgetful, l2=replace(chain.result.l2, encoded=None))
    assert_same_classification(
        chain.reader.edit(chain.result, planes, QUICK), chain.reader.edit(forgetful, planes, QUICK)
    )


def test_other_weights_take_nothing_of_these(chain):
    model = replace(chain.reader.model, sha256="e" * 64)
    other = chain.make_reader(seed=1, model=model)
    edited = other.edit(chain.result, {}, QUICK)
    assert_same_classification(edited, other.read(chain.make_ct(), options=QUICK))
    assert edited.l1.encoded is not chain.result.l1.encoded


@pytest.mark.parametrize("left_out", Level)
def test_a_vertebra_left_out_changes_nothing_of_the_class(chain, left_out):
    """Grey values and mask of the one left out may be anything; those of the other decide."""
    other = Level.L2 if left_out is Level.L1 else Level.L1
    options = replace(QUICK, leave_out=left_out, gradcam=True)
    alone = chain.reader.edit(chain.result, {}, options)

    def classified_with_brighter(level):
        ct = chain.make_ct()
        heights_mm = np.arange(ct.hu.shape[0]) * ct.grid.spacing_xyz_mm[2]
        of_level = np.abs(heights_mm - chain.centers_lps_mm[level][2])[:, None, None] <= 12.5
        body = of_level & chain.body_plane(ct.grid, chain.centers_lps_mm[level])
        brighter = replace(ct, hu=np.where(body, ct.hu + 40, ct.hu).astype(np.int16))
        return chain.reader.read(brighter, options=replace(options, gradcam=False)).classification.probabilities

    said = alone.classification
    assert classified_with_brighter(left_out) == pytest.approx(said.probabilities, abs=1e-7)
    assert classified_with_brighter(other) != pytest.approx(said.probabilities, abs=1e-7)
    assert said.left_out is left_out
    influence = {reading.level: float(reading.explanation.values.sum()) for reading in alone.readings}
    assert influence[left_out] == 0.0
    weights = (said.fusion_weight_l1, said.fusion_weight_l2)
    assert weights == ((0.0, 1.0) if left_out is Level.L1 else (1.0, 0.0))


def test_the_plain_rule_and_the_doubts_follow_the_vertebra_that_counts(chain):
    empty = {Level.L1: np.zeros(chain.make_ct().hu.shape[1:], dtype=bool)}
    both = chain.reader.edit(chain.result, empty, QUICK)
    alone = chain.reader.edit(chain.result, empty, replace(QUICK, leave_out=Level.L1))
    assert (class_is_reliable(both.flags), class_is_reliable(alone.flags)) == (False, True)
    assert {flag.code for flag in alone.flags if flag.level is Level.L1} >= {Reason.MASK_EMPTY}  # and still is said
    baselines = [result_document(result)["baseline"] for result in (both, alone)]
    assert baselines[0] is None
    assert baselines[1]["hu_mean"] == pytest.approx(alone.l2.measurement.hu_mean, abs=0.1)
    assert "of L2 against" in baselines[1]["method"]
