"""From labeled CTs to training pairs: the slices that the pipeline reads, labels that may be missing, memory flat."""

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.checking import open_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskKind, MaskSlices
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.errors import InputRefused, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.preprocess import axial_slice
from OsteoJointLib.records import CtVolume, Level, LevelPoint, PointSource, SourceInfo, Status
from training.__main__ import main
from training.data.augment import AugmentConfig
from training.data.case_pairs import case_pair, make_case_pairs
from training.data.pair_batches import PairBatchConfig, PairBatches
from training.data.pairs import UNKNOWN_TISSUE, PairFolder, load_pair, refuse_shared_patients
from training.data.splits import Part, Split
from training.seeds import TRAINING_SEEDS

CENTERS_LPS_MM = {Level.L1: (10.0, 20.0, 72.0), Level.L2: (14.0, 26.0, 36.0)}


@pytest.fixture(autouse=True)
def any_hu(monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.volume_files.check_hu", lambda *_: ())


def tiny_case(seed: int = 0) -> tuple[CtVolume, np.ndarray]:
    """A CT of 4 mm slices and 2 mm pixels: two elliptic bodies, L1 above and to the front of L2."""
    grid = Grid.axis_aligned((26, 100, 120), (2.0, 2.0, 4.0), (-110.0, -80.0, 4.0))
    hu = np.full(grid.shape_zyx, 40, np.int16)
    hu += np.random.default_rng(seed).integers(-9, 10, hu.shape).astype(np.int16)
    labels = np.zeros(grid.shape_zyx, np.uint8)
    z, y, x = np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij")
    points = grid.index_to_lps(np.stack([z, y, x], axis=-1))
    for level, (cx, cy, cz) in CENTERS_LPS_MM.items():
        inside = ((points[..., 0] - cx) / 22) ** 2 + ((points[..., 1] - cy) / 16) ** 2 <= 1
        labels[inside & (np.abs(points[..., 2] - cz) <= 12)] = level.verse_label
    hu[labels > 0] += 110
    source = SourceInfo("memory", ("tiny",), None, 100.0, None, True)
    return CtVolume(hu, grid, source), labels


def label(patient="P1", **changes) -> CaseLabel:
    return CaseLabel(patient, CENTERS_LPS_MM, **{"slices": MaskSlices.ALL, "status": Status.OSTEOPENIA, **changes})


def dataset(folder, count=1, **changes):
    for number in range(count):
        volume, labels = tiny_case(number)
        add_case(folder, f"case-{number}", volume, labels, label(f"P{number}", **changes))
    return folder


def first(folder):
    return open_case(folder, Manifest(folder).read()[0])


def test_a_pair_is_what_the_pipeline_reads_of_the_case(tmp_path):
    folder = dataset(tmp_path / "set", bmd_mg_cm3={Level.L1: 90.0, Level.L2: 110.0}, bmd_method="QCT")
    assert make_case_pairs(folder, tmp_path / "pairs") == (1, 1)
    (path,) = (tmp_path / "pairs").iterdir()
    assert path.name == "P0.case-0-osteopenia.npz"
    pair = load_pair(path)
    volume, _ = tiny_case()
    for place, (level, center) in enumerate(CENTERS_LPS_MM.items()):
        axial = axial_slice(volume, LevelPoint(level, center, 1.0, PointSource.USER))
        np.testing.assert_array_equal(pair.hu[place], np.rint(axial.hu))
        area_mm2 = np.count_nonzero(pair.masks[place]) * pair.pixel_mm**2
        assert area_mm2 == pytest.approx(np.pi * 22 * 16, rel=0.05)
        assert pair.hu[place][pair.masks[place]].mean() == pytest.approx(150, abs=4)
        middle = np.argwhere(pair.masks[place]).mean(axis=0)[::-1]
        np.testing.assert_allclose(pair.centers_px[place], middle, atol=1.5)
    assert pair.pixel_mm == axial.pixel_mm
    assert (pair.bmd_mg_cm3, pair.level_bmd_mg_cm3.tolist()) == (100.0, [90.0, 110.0])
    assert (pair.kvp, pair.header, pair.departing, pair.status) == (100.0, (100.0, True), False, Status.OSTEOPENIA)
    assert np.all(pair.tissues == UNKNOWN_TISSUE)
    assert (pair.patient, pair.case, pair.seed, pair.name) == ("P0", "case-0", None, path.stem)


def test_slices_at_any_height_lie_between_the_levels_and_show_both(tmp_path):
    case = first(dataset(tmp_path))
    shown = [case_pair(case, number).masks[2:] for number in range(12)]
    areas = np.array([masks.sum(axis=(1, 2)) for masks in shown]).ravel()
    assert np.any(areas == 0) and np.any(areas > 0)  # in the disc, and in a body
    assert not np.any(np.array([case_pair(case, number).masks[:2].sum(axis=(1, 2)) for number in range(12)]) == 0)


def test_further_pairs_lie_off_the_middle_and_the_first_on_it(tmp_path):
    folder = dataset(tmp_path / "set")
    assert make_case_pairs(folder, tmp_path / "pairs", per_case=3) == (3, 1)
    names = sorted(path.name for path in (tmp_path / "pairs").iterdir())
    assert names == ["P0.case-0-osteopenia.npz", "P0.case-0_1-osteopenia.npz", "P0.case-0_2-osteopenia.npz"]
    assert make_case_pairs(folder, tmp_path / "pairs", per_case=4) == (1, 1)
    case = first(folder)
    numbers = [case_pair(case, number).hu[0] for number in range(8)]
    assert any(not np.array_equal(numbers[0], other) for other in numbers[1:])
    np.testing.assert_array_equal(case_pair(case, 5).hu, case_pair(case, 5).hu)


def test_mid_slices_stand_in_for_slices_at_any_height(tmp_path):
    volume, labels = tiny_case()
    for level, center in CENTERS_LPS_MM.items():
        index = round(volume.grid.lps_to_index(np.asarray(center))[0])
        labels[:index][labels[:index] == level.verse_label] = 0
        labels[index + 1 :][labels[index + 1 :] == level.verse_label] = 0
    add_case(tmp_path / "set", "a", volume, labels, label(slices=MaskSlices.MID))
    assert make_case_pairs(tmp_path / "set", tmp_path / "pairs", per_case=4) == (1, 1)
    pair = load_pair(next((tmp_path / "pairs").iterdir()))
    np.testing.assert_array_equal(pair.hu[:2], pair.hu[2:])
    assert pair.masks.any(axis=(1, 2)).all()


def test_what_is_not_known_stays_unknown_and_teaches_nothing(tmp_path, pair_folder):
    volume, labels = tiny_case()
    volume = replace(volume, source=SourceInfo("memory"))
    add_case(tmp_path / "set", "a", volume, labels, label(status=None))
    make_case_pairs(tmp_path / "set", tmp_path / "pairs")
    pair = load_pair(next((tmp_path / "pairs").iterdir()))
    assert pair.status is None and np.isnan(pair.bmd_mg_cm3) and pair.header == (None, None)
    listed = PairFolder.listed(tmp_path / "pairs", TRAINING_SEEDS)
    assert (listed.statuses.tolist(), listed.lawful.tolist(), listed.patients) == ([-1], [False], ("P1",))
    data = PairBatchConfig(rows=2, further_rows=1, class_rows=2, images=1, minimum_pairs=1)
    alone = PairBatches(tmp_path / "pairs", 0, data, AugmentConfig())[0]
    assert not alone.status_rows.any() and alone.mask_rows.tolist() == [True] * 3  # no row for the class at all
    assert alone.masks.flatten(1).any(dim=1)[:2].all() and (alone.tissues == UNKNOWN_TISSUE).any()
    beside = PairBatches(tmp_path / "pairs", 0, replace(data, replay=str(pair_folder)), AugmentConfig())
    for step in range(6):
        batch = beside[step]
        for name, counts, status in zip(batch.case_ids, batch.status_rows, batch.status, strict=True):
            assert not counts or (not name.startswith("P1.") and float(status.sum()) == 1.0)


def test_a_class_without_a_bmd_teaches_the_class_alone(tmp_path):
    folder = dataset(tmp_path / "set", count=2)
    make_case_pairs(folder, tmp_path / "pairs")
    data = PairBatchConfig(rows=1, further_rows=0, class_rows=6, images=1, minimum_pairs=1, mixup_alpha=1.0)
    batch = PairBatches(tmp_path / "pairs", 1, data, AugmentConfig(intensity_probability=0.0))[0]
    assert batch.status_rows.all() and batch.bmd.isnan().all()
    assert any("*" in name for name in batch.case_ids)  # a mixture, too
    assert batch.status[:, 1].tolist() == pytest.approx([1.0] * 7)


def test_replayed_pairs_are_drawn_with_their_share(tmp_path, pair_folder):
    make_case_pairs(dataset(tmp_path / "set"), tmp_path / "pairs")
    data = PairBatchConfig(rows=8, class_rows=8, further_rows=0, images=1, minimum_pairs=1, mixup_alpha=None)
    for share in (0.25, 0.75):
        batches = PairBatches(
            tmp_path / "pairs", 0, replace(data, replay=str(pair_folder), replay_share=share), AugmentConfig()
        )
        names = [name for step in range(1, 7) for name in batches[step].case_ids]
        replayed = np.mean([not name.startswith("P0.") for name in names])
        assert replayed == pytest.approx(share, abs=0.14)  # 3 SD of 96 draws
    with pytest.raises(UsageError, match="replay_share is 0 to 1"):
        replace(data, replay_share=1.0)


def test_whole_vertebrae_are_no_bodies(tmp_path):
    folder = dataset(tmp_path / "set", kind=MaskKind.WHOLE)
    with pytest.raises(InputRefused, match="masks of case-0 show whole vertebrae.*--bodies cut"):
        make_case_pairs(folder, tmp_path / "pairs")


def test_a_case_that_cannot_be_used_is_named(tmp_path):
    folder = dataset(tmp_path / "set")
    (folder / "case-0" / "labels.nrrd").unlink()
    with pytest.raises(InputRefused, match="case-0 can't be used: .*python -m training check"):
        make_case_pairs(folder, tmp_path / "pairs")


def test_parts_of_a_split_make_pairs_of_different_patients(tmp_path, capsys):
    folder = dataset(tmp_path / "set", count=10)
    assert main(["split", str(folder), "--seed", "1"]) == 0
    split = Split.load(folder / "split.json")
    for part in Part:
        out = tmp_path / part
        arguments = ["pairs", "--cases", str(folder), "--out", str(out)]
        assert main([*arguments, "--split", str(folder / "split.json"), "--part", part.value]) == 0
        assert {load_pair(path).patient for path in out.iterdir()} == set(split.parts[part])
    refuse_shared_patients([tmp_path / part for part in Part])
    with pytest.raises(UsageError, match="is in .*train and in .*all, so that the network would be watched on what"):
        make_case_pairs(folder, tmp_path / "all")
        refuse_shared_patients([tmp_path / "train", tmp_path / "all"])
    add_case(folder, "later", *tiny_case(99), label("P99"))
    assert main([*arguments, "--split", str(folder / "split.json")]) == 2
    assert "in no part of the split, such as P99" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "how many phantoms with --count N, or give labeled CTs with --cases"),
        (["--count", "2", "--split", "s.json"], "a --split goes with these"),
        (["--count", "2", "--cases", "set"], "--count is for phantoms"),
    ],
)
def test_pairs_of_phantoms_and_of_cases_are_asked_for_apart(tmp_path, capsys, given, words):
    assert main(["pairs", "--out", str(tmp_path), *given]) == 2
    assert words in capsys.readouterr().err
