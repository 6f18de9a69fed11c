"""The stress on a tiny CT whose two bodies are single bright voxels: truth and content move together, or not at all."""

import json
from functools import partial

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.records import CtVolume, Flag, Level, LevelPoint, LevelsFound, PointSource, SourceInfo
from training.__main__ import main
from training.evaluation import base_cts, ct_changes, stress
from training.evaluation.base_cts import BaseCt, KnownLevels, listed_cts
from training.evaluation.ct_changes import CHANGES, Scan
from training.evaluation.phantom_levels import FinderSource

GRID = Grid.axis_aligned((140, 60, 64), (3.0, 4.0, 2.0), (-100.0, -90.0, -70.0))
L1, L2 = (-40.0, 30.0, 52.0), (-43.0, 26.0, 16.0)
L1_ZYX, L2_ZYX = (61, 30, 20), (43, 29, 19)
MARK_HU = {Level.L1: 2000, Level.L2: 1500}


def tiny_scan(direction=None):
    hu = np.full(GRID.shape_zyx, 40, np.int16)
    hu[:, :5] = -1024
    grid = GRID if direction is None else Grid(GRID.shape_zyx, GRID.spacing_xyz_mm, GRID.origin_lps_mm, direction)
    hu[L1_ZYX], hu[L2_ZYX] = MARK_HU.values()
    points = {
        level: tuple(float(v) for v in grid.index_to_lps(np.array(zyx)))
        for level, zyx in ((Level.L1, L1_ZYX), (Level.L2, L2_ZYX))
    }
    return Scan(CtVolume(hu, grid, SourceInfo("memory"), stored=GRID), points)


def brightest(scan, level, around=None):
    """LPS of the level's mark in the content, looked for about the expected point."""
    expected = scan.volume.grid.lps_to_index(np.array(scan.expected[level]))
    low = np.maximum(np.rint(expected).astype(int) - 2, 0)
    part = scan.volume.hu[tuple(slice(a, a + 5) for a in low)].astype(float)
    weight = np.clip(part - 60.0, 0.0, None)
    assert weight.sum() > 0, "the content isn't where the truth says"
    zyx = [(np.indices(part.shape)[axis] * weight).sum() / weight.sum() for axis in range(3)]
    return scan.volume.grid.index_to_lps(low + np.array(zyx))


def test_the_tiny_scan_is_as_its_numbers_say():
    scan = tiny_scan()
    assert scan.expected == {Level.L1: L1, Level.L2: L2}


OBLIQUE = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(0.2), -np.sin(0.2)], [0.0, np.sin(0.2), np.cos(0.2)]])


@pytest.mark.parametrize("direction", [None, OBLIQUE], ids=["upright", "oblique"])
@pytest.mark.parametrize("change", [name for name in CHANGES if "noise" not in name and name != "upside down"])
def test_truth_and_content_stay_together(change, direction):
    changed = CHANGES[change](tiny_scan(direction))
    assert changed is not None
    assert changed.volume.hu.shape == changed.volume.grid.shape_zyx and changed.volume.hu.dtype == np.int16
    assert change == "stored" or changed.volume.stored is None
    apart = 6.0 if "slices of 8" in change else 4.0  # a mark of one voxel within a thick slice
    for level in Level:
        if changed.expected[level] is not None and "40 HU" not in change:
            assert np.linalg.norm(brightest(changed, level) - changed.expected[level]) < apart
    assert changed.expected[Level.L1] is not None


def test_mirrored_truth_is_mirrored_about_the_ct_and_nothing_else_moves():
    scan = tiny_scan()
    changed = ct_changes.mirrored(scan)
    middle = GRID.origin_lps_mm[0] + 0.5 * 63 * 3.0
    assert changed.expected[Level.L1] == pytest.approx((2 * middle - L1[0], *L1[1:]))
    assert changed.volume.hu[61, 30, 63 - 20] == MARK_HU[Level.L1]
    np.testing.assert_array_equal(ct_changes.mirrored(changed).volume.hu, scan.volume.hu)


def test_slices_are_left_out_at_the_named_end():
    scan = tiny_scan()
    below, above = (CHANGES[f"2 slices fewer {end}"](scan).volume for end in ("below", "above"))
    np.testing.assert_array_equal(below.hu, scan.volume.hu[2:])
    np.testing.assert_array_equal(above.hu, scan.volume.hu[:-2])
    assert below.grid.origin_lps_mm[2] == -66.0 and above.grid.origin_lps_mm[2] == -70.0


def test_a_cut_makes_the_truth_unknown_where_it_cuts_it_off():
    scan = tiny_scan()
    cut = ct_changes.fewer_slices(scan, bottom=44)
    assert cut.expected == {Level.L1: L1, Level.L2: None}
    assert ct_changes.cut_above(cut, 1.0) is None, "without L2 there is no step to cut by"
    assert ct_changes.fewer_slices(scan, top=79).expected == {Level.L1: None, Level.L2: L2}


def test_cuts_are_counted_in_steps_from_l1_to_l2():
    scan = tiny_scan()  # a step is 18 slices: L1 at 61, L2 at 43
    assert ct_changes.cut_below(scan, 1.0).volume.grid.shape_zyx[0] == 140 - 25
    assert ct_changes.cut_above(scan, 0.5).volume.grid.shape_zyx[0] == 70
    assert ct_changes.cut_above(scan, 5.0) is None, "the CT ends before"


def test_a_narrow_field_is_square_and_lies_before_l1():
    grid = ct_changes.narrow_field(tiny_scan(), 40.0).volume.grid
    x, y, _ = grid.index_to_lps((np.array(grid.shape_zyx) - 1) / 2)
    assert abs(x - L1[0]) <= 1.5 and abs(y - (L1[1] - 15.0)) <= 2.0
    width, depth = grid.shape_zyx[2] * 3.0, grid.shape_zyx[1] * 4.0
    assert abs(width - 80.0) <= 4.5 and abs(depth - 80.0) <= 6.0
    assert ct_changes.narrow_field(tiny_scan(), 400.0) is None


def test_thick_slices_are_means_and_lie_where_the_thin_ones_were():
    scan = tiny_scan()
    changed = ct_changes.thick_slices(scan, 5.0)
    assert changed.volume.grid.spacing_xyz_mm == (3.0, 4.0, 5.0)
    assert changed.volume.grid.origin_lps_mm[2] == pytest.approx(-71.0 + 2.5)
    assert changed.volume.source.slice_thickness_mm == 5.0
    # 2.5 thin slices a thick one; the mark, 1960 HU above the rest, lies wholly within its one
    assert changed.volume.hu[:, L1_ZYX[1], L1_ZYX[2]].max() == round(40 + 1960 / 2.5)
    on = ct_changes.thick_slices(scan, 5.0, half_a_slice_on=True)
    assert on.volume.grid.origin_lps_mm[2] == pytest.approx(-71.0 + 2 * 1.0 * 2 - 2.0 + 2.5)
    assert ct_changes.thick_slices(scan, 2.0) is None


def test_noise_has_its_sd_and_one_seed_and_padding_keeps_its_value():
    scan = tiny_scan()
    first, again = (ct_changes.noisy(scan, 50.0).volume.hu for _ in range(2))
    np.testing.assert_array_equal(first, again)
    difference = (first - scan.volume.hu.astype(float))[:, 10:]
    assert difference.std() == pytest.approx(50.0, rel=0.05) and abs(difference.mean()) < 3.0
    assert (first[:, :5] == -1024).all()
    shifted = ct_changes.shifted_hu(scan, 40.0).volume.hu
    assert (shifted[:, :5] == -1024).all() and shifted[0, 10, 10] == 80


@pytest.mark.parametrize(
    ("axis", "degrees", "moved"),
    [("x", 10.0, (0, -1)), ("x", -10.0, (0, 1)), ("y", 10.0, (1, 0)), ("y", -10.0, (-1, 0))],
)
def test_a_tilt_moves_the_truth_about_the_middle_of_the_two(axis, degrees, moved):
    changed = ct_changes.tilted(tiny_scan(), axis, degrees)
    arm = 18.0 * np.sin(np.radians(10.0))  # L1 lies 18 mm above the middle
    middle = (np.array(L1) + L2) / 2
    shift = (np.array(changed.expected[Level.L1]) - L1)[:2]
    kept_mm = 1.0 - np.cos(np.radians(10.0))
    assert shift == pytest.approx(np.array(moved) * arm, abs=kept_mm * 5.0)
    both = np.array([changed.expected[level] for level in Level])
    np.testing.assert_allclose(both.mean(axis=0), middle)


def test_upside_down_content_has_no_right_answer():
    changed = ct_changes.upside_down(tiny_scan())
    assert set(changed.expected.values()) == {None}
    assert changed.volume.hu[139 - 61, 30, 20] == MARK_HU[Level.L1]


def finder(volume):
    """Find the marks; one level off and silent in thick slices, in doubt when noisy, refuse a narrow field."""
    if volume.grid.shape_zyx[2] < 64:
        raise InputRefused(Reason.LEVELS_UNDECIDED, "The field is narrow. Place them by hand.")
    noisy = volume.hu[5:, 20:25, :5].std() > 100
    flags = (Flag(Reason.LEVELS_UNCERTAIN, "Noisy."),) if noisy else ()
    flat = np.argsort(volume.hu, axis=None)[::-1][:2]
    marks = [volume.grid.index_to_lps(np.array(np.unravel_index(index, volume.hu.shape))) for index in flat]
    if volume.grid.spacing_xyz_mm[2] == 8.0:
        marks = [mark - (0.0, 0.0, 36.0) for mark in marks]
    l1, l2 = (
        LevelPoint(level, tuple(float(v) for v in mark), 0.93, PointSource.AUTO)
        for level, mark in zip(Level, marks, strict=True)
    )
    return LevelsFound(l1, l2, flags=flags)


def load():
    return finder


@pytest.fixture
def bases(tmp_path, monkeypatch):
    """A CT with its levels, the same with L2 named as out of view and doubtful, and one that can't be read."""
    read = {"good": tiny_scan().volume, "half": tiny_scan().volume}

    def read_ct(path):
        if path.name in read:
            return read[path.name]
        raise InputRefused(Reason.UNEVEN_SLICES, "The slices are uneven.")

    monkeypatch.setattr(base_cts, "read_ct", read_ct)
    known = {"good": KnownLevels(L1, L2), "half": KnownLevels(L1, None, doubtful=True), "broken": KnownLevels(L1, L2)}
    return [BaseCt(name, tmp_path / name, levels) for name, levels in known.items()]


def test_a_whole_stress_run_by_hand(bases, tmp_path, capsys):
    path = tmp_path / "stress.json"
    numbers = stress.stress(FinderSource("fake", "abc", load), bases, path, processes=1)
    by_ct, by_change = numbers["by_ct"], numbers["by_change"]
    assert by_change["stored"] == by_change["stored"] | {"n": 3, "right": 1, "wrong_silent": 1, "refused": 1}
    assert by_change["slices of 8 mm"]["wrong_silent"] == 2
    assert by_change["noise of 120 HU"]["right_flagged"] == 1 and by_change["noise of 120 HU"]["wrong_flagged"] == 1
    assert by_ct["good"]["refused"] == 3, "two narrow fields, one of them a slice shorter too"
    assert by_ct["broken"] == by_ct["broken"] | {"n": 1, "refused": 1}
    assert by_ct["half"]["right"] == by_ct["half"]["right_flagged"] == 0
    upside_down = next(run for run in numbers["runs"] if run["change"] == "upside down" and run["name"] == "good")
    assert upside_down["outcome"] == "wrong_silent" and upside_down["error_mm"] is None
    refused = next(run for run in numbers["runs"] if run["name"] == "broken")
    assert (refused["reason"], refused["message"]) == ("uneven_slices", "The slices are uneven.")
    assert numbers["stress"]["n"] == len(numbers["runs"]) == sum(one["n"] for one in by_ct.values())
    assert json.loads(path.read_text())["stress"] == numbers["stress"]
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("good"))
    assert line.split()[1:4] == ["R", "R", "R"] and "W" in line and "r" in line and "-" in line
    assert "half (?)" in shown and "6 " in shown and "2 slices fewer above" in shown


def test_a_stress_run_that_is_given_again_makes_nothing_anew(bases, tmp_path):
    path = tmp_path / "stress.json"
    first = stress.stress(FinderSource("fake", "abc", load), bases, path, processes=1)
    lines = path.with_suffix(".jsonl").read_text()
    forbidden = FinderSource("fake", "abc", partial(pytest.fail, "asked again"))
    assert stress.stress(forbidden, bases, path, processes=1) == first
    assert path.with_suffix(".jsonl").read_text() == lines
    with pytest.raises(pytest.fail.Exception, match="asked again"):
        stress.stress(FinderSource("fake", "others", forbidden.load), bases, path, processes=1)
    moved = [BaseCt("good", bases[0].source, KnownLevels((-37.0, 34.0, 88.0), L1))]
    again = stress.stress(FinderSource("fake", "abc", load), moved, path, processes=1)
    assert again["by_change"]["stored"]["wrong_silent"] == 1, "its levels were corrected, so it is judged anew"


def test_further_cts_are_listed_by_their_file_of_levels(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ct.nii.gz").touch()
    levels = tmp_path / "levels.json"
    levels.write_text(json.dumps({"a/ct.nii.gz": {"L1": [1, 2, 3.5], "L2": None}}))
    (base,) = listed_cts(tmp_path, levels)
    assert base.source == tmp_path / "a" / "ct.nii.gz" and base.near_mm == 12.0
    assert base.expected() == {Level.L1: (1.0, 2.0, 3.5), Level.L2: None}
    for wrong, words in (
        ({"a/ct.nii.gz": {"L1": [1, 2]}}, "L1"),
        ({"a/ct.nii.gz": {"L1": [1, 2, 3], "l2": [1, 2, 3]}}, "L1 or L2 of a/ct.nii.gz is missing"),
        ({"b": {"L1": None, "L2": None}}, "There is no b in"),
        ([], "can't be read"),
    ):
        levels.write_text(json.dumps(wrong))
        with pytest.raises(UsageError, match=words):
            listed_cts(tmp_path, levels)


def test_the_evaluations_own_cts_are_there_with_levels_inside(real_ct):
    for base in listed_cts(real_ct, base_cts.REAL_LEVELS):
        scan = base.scan()
        for point in scan.expected.values():
            assert point is None or scan.volume.grid.contains(np.array(point)), base.name


def test_levels_told_anew_take_the_place_of_the_evaluations_own(real_ct):
    own = base_cts.own_cts()
    assert len(own) == 8 and sum(base.known.doubtful for base in own) == 2
    anew = BaseCt("x", real_ct / "awkward" / ".." / own[0].name, KnownLevels(L1, L2))
    assert base_cts.own_cts(but=[anew]) == own[1:]


def test_without_real_ct_the_stress_says_so_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(base_cts, "REAL_CT", tmp_path / "nowhere")
    assert base_cts.own_cts() == []
    assert "going on without it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--stress --levels-only", "--levels-only says nothing more"),
        ("--stress --ct x", "Give --levels too"),
        ("--levels y", "Give --ct too"),
        ("--levels-only --ct x --levels y", "for phantoms"),
        ("--network x", "no masks and no class"),
        ("--stress --seed 5 --phantoms 2", "kept for something else"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, words, tmp_path, capsys):
    assert main(["evaluate", "--json", str(tmp_path / "e.json"), *arguments.split()]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
