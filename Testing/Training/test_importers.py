"""Importers on tiny files of each dataset's own layout, with the traps that the real ones have."""

import gzip
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.dataset.checking import find_faults, open_case
from OsteoJointLib.dataset.labeled_case import LabeledCase, MaskKind, MeanBmd, Origin
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.records import Level, Status
from training.__main__ import main
from training.data.case_pairs import make_case_pairs
from training.importers.cutting import METHOD, body_in_vertebra

CENTERS_LPS_MM = {20: (10.0, 20.0, 72.0), 21: (14.0, 26.0, 36.0)}
GRID = Grid.axis_aligned((28, 64, 72), (2.0, 2.0, 4.0), (-60.0, -30.0, 0.0))
AT_MM = GRID.index_to_lps(np.stack(np.meshgrid(*map(np.arange, GRID.shape_zyx), indexing="ij"), axis=-1))


@pytest.fixture(autouse=True)
def any_hu(monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.volume_files.check_hu", lambda *_: ())


def body(number: int) -> np.ndarray:
    x, y, z = np.moveaxis(AT_MM - np.array(CENTERS_LPS_MM[number]), -1, 0)
    return ((x / 22) ** 2 + (y / 16) ** 2 <= 1) & (np.abs(z) <= 12)


def vertebra(number: int) -> np.ndarray:
    """A body with two pedicles of 8 mm, laminae and a spinous process."""
    x, y, z = np.moveaxis(AT_MM - np.array(CENTERS_LPS_MM[number]), -1, 0)
    pedicles = (np.abs(np.abs(x) - 13) <= 4) & (y > 8) & (y <= 36)
    lamina, process = (np.abs(x) <= 17) & (np.abs(y - 38) <= 4), (np.abs(x) <= 3) & (y > 38) & (y <= 58)
    return body(number) | ((pedicles | lamina | process) & (np.abs(z) <= 8))


def ct(seed: int = 0) -> np.ndarray:
    hu = np.random.default_rng(seed).integers(20, 60, GRID.shape_zyx).astype(np.int16)
    for number in CENTERS_LPS_MM:
        hu[vertebra(number)] += 120
    return hu


def label_map(shape, numbers: dict[int, int]) -> np.ndarray:
    """Draw ``shape`` of each VerSe number in the number of another scheme."""
    labels = np.zeros(GRID.shape_zyx, np.uint8)
    for number, value in numbers.items():
        labels[shape(number)] = value
    return labels


SAME = {20: 20, 21: 21}


def write(path: Path, array: np.ndarray, orientation: str = "LPS", grid: Grid = GRID) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.DICOMOrient(image_on_grid(array, grid), orientation), str(path))


def centroids(path: Path, directions: str, in_mm: bool = False, counted_from: bool = False, **changes) -> None:
    """Write both centroids along directions, or along those away from the corner that the letters name."""
    entries: list[dict] = [] if in_mm else [{"direction": list(directions)}]
    for number, center in CENTERS_LPS_MM.items():
        index = GRID.lps_to_index(np.array(center))
        entry: dict = {"label": number}
        for axis_name, letter in zip("XYZ", directions, strict=True):
            axis = {"L": 2, "R": 2, "P": 1, "A": 1, "S": 0, "I": 0}[letter]
            backward = (letter in "RAI") != counted_from
            steps = GRID.shape_zyx[axis] - 1 - index[axis] if backward else index[axis]
            entry[axis_name] = float(steps * (GRID.spacing_xyz_mm[2 - axis] if in_mm else 1.0))
        entries.append(entry | changes.get(f"at_{number}", {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))


def brought(folder: Path) -> dict[str, LabeledCase]:
    return {case.id: case for case in Manifest(folder).read()} if (folder / "cases.jsonl").exists() else {}


def run(kind: str, source: Path, out: Path, *more) -> int:
    return main(["import", kind, str(source), "--out", str(out), *map(str, more)])


def assert_centers(case: LabeledCase, atol: float = 0.01) -> None:
    for level in Level:
        np.testing.assert_allclose(case.levels[level].center_lps_mm, CENTERS_LPS_MM[level.verse_label], atol=atol)


def verse_by_subject(
    root: Path, subject: str, stem: str, part: str = "dataset-01training", seed: int = 0, **how
) -> None:
    derived = root / part / "derivatives" / subject
    orientation = how.get("orientation", "LPS")
    write(root / part / "rawdata" / subject / f"{stem}_ct.nii.gz", ct(seed), orientation)
    masks = how.get("masks", label_map(vertebra, SAME))
    write(
        derived / f"{stem}_seg-vert_msk.nii.gz", masks, how.get("mask_orientation", orientation), how.get("grid", GRID)
    )
    centroids(derived / f"{stem}_seg-subreg_ctd.json", how.get("directions", "PIR"), **how.get("points", {}))


def test_verse_by_subject_in_mixed_orientations_with_several_series_of_one_person(tmp_path, capsys):
    source, out = tmp_path / "verse", tmp_path / "set"
    verse_by_subject(source, "sub-verse500", "sub-verse500_dir-ax", orientation="PIR")
    for series, part in (("verse090", "dataset-02validation"), ("verse091", "dataset-03test")):
        stem, seed = f"sub-verse400_split-{series}", int(series[-2:])
        verse_by_subject(source, "sub-verse400", stem, part, seed, orientation="RAS", directions="RAS")
    assert run("verse", source, out) == 0
    cases = brought(out)
    assert {name: (case.patient, case.origin.part) for name, case in cases.items()} == {
        "verse500_dir-ax": ("verse500", "training"),
        "verse400_split-verse090": ("verse400", "validation"),
        "verse400_split-verse091": ("verse400", "test"),
    }
    for case in cases.values():
        assert_centers(case)
        assert (case.mask.kind, case.mask.method, case.status) == (MaskKind.WHOLE, None, None)
        assert case.origin.licence == "CC BY-SA 4.0"
        opened = open_case(out, case)
        for level in Level:
            np.testing.assert_array_equal(opened.masks[level].mask.on_grid(GRID), vertebra(level.verse_label))
    assert list(find_faults(out)) == []
    assert main(["pairs", "--cases", str(out), "--out", str(tmp_path / "pairs")]) == 3
    assert "show whole vertebrae" in capsys.readouterr().err


def test_bodies_are_cut_only_when_told_and_the_record_says_how(tmp_path):
    verse_by_subject(tmp_path / "verse", "sub-verse500", "sub-verse500_dir-ax")
    assert run("verse", tmp_path / "verse", tmp_path / "set", "--bodies", "cut") == 0
    case = brought(tmp_path / "set")["verse500_dir-ax"]
    assert (case.mask.kind, case.mask.method) == (MaskKind.BODY, METHOD)
    assert make_case_pairs(tmp_path / "set", tmp_path / "pairs") == (1, 1)
    opened = open_case(tmp_path / "set", case)
    for level in Level:
        cut, true = opened.masks[level].mask.on_grid(GRID), body(level.verse_label)
        assert 2 * np.count_nonzero(cut & true) / (cut.sum() + true.sum()) > 0.95


def test_the_cut_takes_the_arch_away_and_leaves_a_body_alone():
    for number in CENTERS_LPS_MM:
        cut, true = body_in_vertebra(vertebra(number), (2.0, 2.0)), body(number)
        behind = AT_MM[..., 1] > CENTERS_LPS_MM[number][1] + 18
        assert not np.any(cut & behind) and np.any(vertebra(number) & behind)
        assert np.count_nonzero(body_in_vertebra(true, (2.0, 2.0)) ^ true) < 0.02 * true.sum()
    assert not body_in_vertebra(vertebra(20) & ~body(20), (2.0, 2.0)).any()
    # an opening is of millimeters, not of pixels: seen at half the pixel size, the same shape is all arch
    assert not body_in_vertebra(vertebra(20), (0.5, 0.5)).any()


def test_centroids_that_are_missing_or_elsewhere_give_way_to_the_cut_body(tmp_path):
    source = tmp_path / "verse"
    verse_by_subject(source, "sub-verse001", "sub-verse001", points={"at_20": {"X": float("nan")}})
    verse_by_subject(source, "sub-verse002", "sub-verse002", seed=2, points={"at_21": {"Z": 900.0}})
    verse_by_subject(source, "sub-verse003", "sub-verse003", seed=3)
    (source / "dataset-01training/derivatives/sub-verse003/sub-verse003_seg-subreg_ctd.json").unlink()
    assert run("verse", source, tmp_path / "set") == 0
    cases = brought(tmp_path / "set")
    assert len(cases) == 3
    for case in cases.values():
        assert_centers(case, atol=2.5)  # of the cut body: the pedicles' roots draw it back a little


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"grid": replace(GRID, spacing_xyz_mm=(2.0, 2.0, 3.8))}, "masks lie on other voxels than its CT"),
        ({"grid": replace(GRID, origin_lps_mm=(-50.0, -30.0, 0.0))}, "turned, shifted or of other spacing"),
        ({"masks": label_map(vertebra, {20: 20})}, "no mask of L2: the CT doesn't show it"),
        (
            {"masks": label_map(vertebra, {20: 21, 21: 20}), "points": {"at_20": {"X": float("nan")}}},
            "L1 lies below L2",
        ),
        ({"masks": np.roll(label_map(vertebra, SAME), 7, axis=0)}, "the CT's edge cuts L1"),
        (
            {"masks": np.where(np.arange(72) % 12 < 6, label_map(vertebra, SAME), label_map(vertebra, {20: 21}))},
            "in pieces, so that labels are mixed up",
        ),
    ],
)
def test_what_cannot_be_trusted_is_left_out_with_its_reason(tmp_path, capsys, how, why):
    verse_by_subject(tmp_path / "verse", "sub-verse201", "sub-verse201", **how)
    assert run("verse", tmp_path / "verse", tmp_path / "set") == 0
    said = capsys.readouterr().out
    assert "verse201 is left out:" in said and why in said and "0 cases brought into" in said
    assert brought(tmp_path / "set") == {}


def test_masks_stored_in_another_orientation_than_their_ct_still_lie_on_it(tmp_path):
    verse_by_subject(tmp_path / "verse", "sub-verse201", "sub-verse201", orientation="RAS", mask_orientation="PIR")
    assert run("verse", tmp_path / "verse", tmp_path / "set") == 0
    opened = open_case(tmp_path / "set", brought(tmp_path / "set")["verse201"])
    np.testing.assert_array_equal(opened.masks[Level.L1].mask.on_grid(GRID), vertebra(20))


@pytest.mark.parametrize("counted_from", [True, False])
def test_verse_of_the_challenge_counts_centroids_from_a_corner_in_mm(tmp_path, capsys, counted_from):
    source = tmp_path / "verse"
    for name, seed in (("verse504_CT-ax", 0), ("GL017_CT-ax", 1)):
        write(source / f"{name}.nii.gz", ct(seed), "RAS")
        write(source / f"{name}_seg.nii.gz", label_map(vertebra, SAME), "RAS")
        letters = "ASL" if counted_from else "PIR"
        centroids(source / f"{name}_iso-ctd.json", letters, in_mm=True, counted_from=counted_from)
    assert run("verse", source, tmp_path / "set") == 0
    cases = brought(tmp_path / "set")
    assert {name: case.patient for name, case in cases.items()} == {"verse504_CT-ax": "verse504"}
    assert_centers(cases["verse504_CT-ax"])
    assert "GL017_CT-ax is left out: its licence, CC BY-NC-ND, is non-commercial" in capsys.readouterr().out
    assert run("verse", source, tmp_path / "set", "--non-commercial") == 0
    assert brought(tmp_path / "set")["GL017_CT-ax"].patient == "GL017"


def test_one_ct_that_both_editions_of_verse_have_comes_once(tmp_path, capsys):
    verse_by_subject(tmp_path / "verse19", "sub-verse004", "sub-verse004", "dataset-verse19training")
    verse_by_subject(tmp_path / "verse20", "sub-verse004", "sub-verse004_dir-sag", "dataset-01training")
    assert run("verse", tmp_path / "verse19", tmp_path / "set") == 0
    assert run("verse", tmp_path / "verse20", tmp_path / "set") == 0
    assert list(brought(tmp_path / "set")) == ["verse004"]
    assert "has this very CT already as verse004" in capsys.readouterr().out


TABLE = """\ufeffverse_ID,subject_ID,Contrast Enhancement (ce-no|ce-pv|ce-art),Sex,target_vertebra,BMD_assessment,\
Phantomless Calibration vBMD [mg/cc],Phantom Calibration vBMD [mg/cc]
sub-verse004,4,ce-no,F,L1,"T12, L1, L2",75.5,70.1
sub-verse005,5,ce-pv,M,T10,"T10, T11, L1",130.0,
sub-verse090,400,ce-art,M,L1,"L1, L2",99.0,98.0
sub-verse007,7,ce-no,M,L1,,,
"""


def test_the_bmd_table_gives_a_class_only_where_both_levels_were_assessed(tmp_path):
    source, table = tmp_path / "verse", tmp_path / "verse19fem_AppendixA.csv"
    table.write_text(TABLE, encoding="utf-8")
    for seed, (subject, stem) in enumerate(
        [(f"sub-verse00{n}", f"sub-verse00{n}") for n in (4, 5, 6, 7)]
        + [("sub-verse400", "sub-verse400_split-verse090")]
    ):
        verse_by_subject(source, subject, stem, "dataset-verse19training", seed)
    assert run("verse", source, tmp_path / "set", "--bmd", table) == 0
    cases = brought(tmp_path / "set")
    known = {
        name: (case.status, case.mean_bmd and case.mean_bmd.mg_cm3, case.bmd_mg_cm3) for name, case in cases.items()
    }
    assert known == {
        "verse004": (Status.OSTEOPOROSIS, 75.5, None),  # the mean of three levels is no BMD of two
        "verse005": (None, 130.0, None),
        "verse006": (None, None, None),
        "verse007": (None, None, None),
        "verse400_split-verse090": (Status.OSTEOPENIA, 99.0, 99.0),
    }
    method = "phantomless calibration, spineFE-benchmark"
    assert cases["verse004"].mean_bmd == MeanBmd(75.5, ("T12", "L1", "L2"), method)
    contrast = [open_case(tmp_path / "set", case).volume.source.contrast for case in cases.values()]
    assert contrast == [False, True, None, False, True]
    assert list(find_faults(tmp_path / "set")) == []
    table.write_text("a,b\n1,2\n")
    assert run("verse", source, tmp_path / "other", "--bmd", table) == 3


def totalsegmentator(root: Path, name: str, seed: int = 0, shape=vertebra) -> None:
    write(root / name / "ct.nii.gz", ct(seed), "RAS")
    for level in Level:
        write(
            root / name / "segmentations" / f"vertebrae_{level}.nii.gz", label_map(shape, {level.verse_label: 1}), "RAS"
        )


@pytest.mark.parametrize(
    ("meta", "kvp"),
    [
        ("image_id;age;gender;institute;study_type;split\ns0000;60;m;A;ct abdomen;train\ns0002;;;;;test\n", None),
        ("image_id;age;gender;institute;study_type;split;kvp\ns0000;60;m;A;x;train;100.0\ns0002;;;;;test;0\n", 100.0),
    ],
)
def test_totalsegmentator_has_a_file_a_class_and_a_table(tmp_path, capsys, meta, kvp):
    source = tmp_path / "Totalsegmentator_dataset_v201"
    for seed, name in enumerate(("s0000", "s0001", "s0002", "s0941")):
        totalsegmentator(source, name, seed)
    write(source / "s0001/segmentations/vertebrae_L1.nii.gz", np.zeros(GRID.shape_zyx, np.uint8), "RAS")
    (source / "meta.csv").write_text(meta)
    assert run("totalsegmentator", source, tmp_path / "set") == 0
    cases = brought(tmp_path / "set")
    origins = {name: case.origin for name, case in cases.items()}
    assert origins == {
        "s0000": Origin("TotalSegmentator", "CC BY 4.0", "training"),
        "s0002": Origin("TotalSegmentator", "CC BY 4.0", "test"),
    }
    assert [open_case(tmp_path / "set", case).volume.source.kvp for case in cases.values()] == [kvp, None]
    assert_centers(cases["s0000"], atol=2.5)
    said = capsys.readouterr().out
    assert "s0001 is left out: it has no mask of L1" in said
    assert "s0941 is left out: its vertebrae are mixed up (issue 394" in said


@pytest.mark.parametrize("side_by_side", [True, False])
def test_ctspine1k_is_non_commercial_and_names_patients_by_no_uid(tmp_path, capsys, side_by_side):
    source, stem = tmp_path / "ct1k", "1.3.6.1.4.1.9328.50.4.0001"
    for seed, name in enumerate((stem, "1.3.6.1.4.1.9328.50.4.0103", "liver_7")):
        folder = "trainset" if side_by_side else "raw/labels/COLONOG"
        write(source / folder / f"{name}_seg.nii.gz", label_map(vertebra, SAME))
        write(source / (folder if side_by_side else "raw/volumes/COLONOG") / f"{name}.nii.gz", ct(seed))
    if not side_by_side:
        (source / "data_split.txt").write_text(f"trainset:\n{stem}.nii.gz\n\ntest_private:\nliver_7.nii.gz\n")
    assert run("ctspine1k", source, tmp_path / "set") == 0
    assert brought(tmp_path / "set") == {} and "CC BY-NC-SA 4.0, is non-commercial" in capsys.readouterr().out
    assert run("ctspine1k", source, tmp_path / "set", "--non-commercial") == 0
    cases = brought(tmp_path / "set")
    assert list(cases) == [stem, "liver_7"]
    parts = ["training", "training"] if side_by_side else ["training", "test"]
    assert [case.origin.part for case in cases.values()] == parts
    patients = {case.patient for case in cases.values()}
    assert len(patients) == 2 and all(patient.startswith("ct1k") and "." not in patient for patient in patients)
    assert "0103 is left out: its labels skip numbers (issue 13" in capsys.readouterr().out


def test_vertebral_bodies_take_their_cts_from_the_other_two(tmp_path, capsys):
    labels, ts, verse = (tmp_path / name for name in ("labels", "ts", "verse"))
    numbers = {20: 13, 21: 14}
    totalsegmentator(ts, "s0000")
    verse_by_subject(verse, "sub-verse500", "sub-verse500_dir-ax", seed=1)
    drawn = label_map(body, numbers)
    drawn[label_map(body, {20: 1}).astype(bool) & (AT_MM[..., 2] > 1e9)] = 12
    for part, name in (("train", "s0000"), ("test", "sub-verse500_dir-ax"), ("test", "s0009")):
        write(labels / part / f"{name}.nii.gz", drawn, "RAS")
    assert run("vertebral-bodies", labels, tmp_path / "set", "--images", ts, verse) == 0
    cases = brought(tmp_path / "set")
    assert {name: (case.patient, case.origin.part) for name, case in cases.items()} == {
        "s0000": ("s0000", "training"),
        "sub-verse500_dir-ax": ("verse500", "test"),
    }
    for case in cases.values():
        assert (case.mask.kind, case.mask.method, case.origin.licence) == (MaskKind.BODY, None, "CC BY-SA 4.0")
        assert_centers(case, atol=0.6)
        opened = open_case(tmp_path / "set", case)
        np.testing.assert_array_equal(opened.masks[Level.L2].mask.on_grid(GRID), body(21))
    assert "s0009 is left out: its CT is in none of the folders of --images" in capsys.readouterr().out
    assert run("vertebral-bodies", labels, tmp_path / "set") == 2
    assert run("verse", verse, tmp_path / "set", "--images", ts) == 2


def test_a_folder_without_cases_is_refused_and_a_half_download_is_named(tmp_path, capsys):
    tmp_path.joinpath("empty").mkdir()
    assert run("verse", tmp_path / "empty", tmp_path / "set") == 3
    assert "no case of verse in" in capsys.readouterr().err
    verse_by_subject(tmp_path / "verse", "sub-verse004", "sub-verse004")
    shutil.rmtree(tmp_path / "verse/dataset-01training/derivatives")
    assert run("verse", tmp_path / "verse", tmp_path / "set") == 0
    assert "there is no sub-verse004_seg-vert_msk.nii.gz where it should be. Complete" in capsys.readouterr().out


def test_axes_that_miss_a_right_angle_by_rounding_are_no_reason_to_leave_a_ct_out(tmp_path):
    path = tmp_path / "verse/dataset-01training/rawdata/sub-verse004/sub-verse004_ct.nii.gz"
    verse_by_subject(tmp_path / "verse", "sub-verse004", "sub-verse004")
    content = bytearray(gzip.decompress(path.read_bytes()))
    lean = 280 + 4  # the x row of the sform, y's step
    (step,) = struct.unpack_from("<f", content, lean)
    assert step == 0.0
    struct.pack_into("<f", content, lean, 2.0 * 5e-4)
    path.write_bytes(gzip.compress(bytes(content)))
    (flag,) = [flag for flag in read_ct(path).flags if flag.code is Reason.TAGS_REPAIRED]
    assert "axes missed a right angle by 0.029 degrees, as by rounding, and were straightened" in flag.message
    assert run("verse", tmp_path / "verse", tmp_path / "set") == 0
    assert list(brought(tmp_path / "set")) == ["verse004"]
