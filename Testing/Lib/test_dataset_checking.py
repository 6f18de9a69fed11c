"""What `python -m training check` finds: each kind of fault by its line, its cause and what to do; and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.checking import find_faults
from OsteoJointLib.dataset.labeled_case import (
    CaseLabel,
    LabeledCase,
    MaskKind,
    MaskSlices,
    MeanBmd,
    Origin,
    file_sha256,
)
from OsteoJointLib.errors import InputRefused
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.records import Level, Status


@pytest.fixture(autouse=True)
def any_hu(monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.volume_files.check_hu", lambda *_: ())


def body_labels(chain, slices: int = 3) -> np.ndarray:
    volume = chain.make_ct()
    labels = np.zeros(volume.hu.shape, np.uint8)
    for level, center in chain.centers_lps_mm.items():
        index = round(volume.grid.lps_to_index(np.asarray(center))[0])
        first = index - slices // 2
        labels[first : first + slices, chain.body_plane(volume.grid, center)] = level.verse_label
    return labels


@pytest.fixture
def dataset(chain, tmp_path):
    """Two cases of two patients, with nothing wrong."""
    label = CaseLabel("P1", chain.centers_lps_mm, MaskSlices.ALL, Status.OSTEOPENIA, dict.fromkeys(Level, 100.0), "QCT")
    add_case(tmp_path, "a", chain.make_ct(), body_labels(chain), label)
    other = chain.make_ct()
    other.hu[0, 0, 0] += 1
    add_case(tmp_path, "b", other, body_labels(chain, 1), replace(label, patient="P2", slices=MaskSlices.MID))
    return tmp_path


def faults(folder) -> list[str]:
    return [str(fault) for fault in find_faults(folder)]


def rewrite(folder, line: int, **changes) -> None:
    path = folder / "cases.jsonl"
    lines = [json.loads(one) for one in path.read_text().splitlines()]
    lines[line - 1] |= changes
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))


def entry(folder, line: int) -> dict:
    return json.loads((folder / "cases.jsonl").read_text().splitlines()[line - 1])


def test_a_good_dataset_has_no_fault(dataset):
    assert faults(dataset) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patient": "Smith, John"}, "may say who the patient is. Give one such as P017"),
        ({"status": "normal"}, "class is normal, and by its mean BMD of 100.0 mg/cm3 it is osteopenia. Correct"),
        ({"bmd": {"L1": {"mg_cm3": 100.0}, "L2": {"mg_cm3": 100.0, "method": "QCT"}}}, "BMD of L1 has no method. Say"),
        ({"bmd": {"L1": {"mg_cm3": 0.98, "method": "QCT"}}}, "looks like g/cm²"),
        ({"id": "A"}, "Its id is that of line 1. Rename or remove"),
        ({"id": "a b"}, "won't do on every system"),
        ({"format": "osteojoint.cases/9"}, "osteojoint.cases/9"),
    ],
)
def test_a_fault_of_a_line_is_told_with_its_cause_and_cure(dataset, changes, words):
    rewrite(dataset, 2, **changes)
    (fault,) = faults(dataset)
    assert fault.startswith(f"Line 2 ({changes.get('id', 'b')}): ") and words in fault


def test_every_fault_is_told_and_a_broken_line_hides_no_other(dataset):
    rewrite(dataset, 1, status="normal", patient="P1")
    with (dataset / "cases.jsonl").open("a") as stream:
        stream.write("no json\n[]\n")
    found = faults(dataset)
    assert [one.split(":")[0] for one in found] == ["Line 1 (a)", "Line 3", "Line 4"]
    assert "no JSON. Mend or remove" in found[1]


@pytest.mark.parametrize("path", ["../ct.nrrd", "/etc/ct.nrrd", "a\\ct.nrrd", "C:/ct.nrrd"])
def test_a_path_out_of_the_dataset_is_refused(dataset, path):
    rewrite(dataset, 1, image=entry(dataset, 1)["image"] | {"path": path})
    (fault,) = faults(dataset)
    assert "leads out of the dataset. Put the file into the dataset's folder" in fault


def test_a_file_that_is_missing_or_another_is_told(dataset):
    (dataset / "a" / "ct.nrrd").unlink()
    (dataset / "b" / "labels.nrrd").write_bytes(b"other")
    missing, other = faults(dataset)
    assert missing.startswith("Line 1 (a): Its CT, a/ct.nrrd, isn't there. Put the file back")
    assert other.startswith("Line 2 (b): Its mask, b/labels.nrrd, isn't the file that was entered")


def redraw(chain, folder, labels, off_mm=0.0) -> None:
    """Put other masks in the place of case a's, with their hash in its line."""
    path, grid = folder / "a" / "labels.nrrd", chain.make_ct().grid
    x_mm, y_mm, z_mm = grid.origin_lps_mm
    write_image(image_on_grid(labels, replace(grid, origin_lps_mm=(x_mm + off_mm, y_mm, z_mm))), path)
    rewrite(folder, 1, mask=entry(folder, 1)["mask"] | {"sha256": file_sha256(path)})


def test_masks_that_do_not_fit_their_case_are_told(chain, dataset):
    labels = body_labels(chain)
    redraw(chain, dataset, np.where(labels == 20, 0, labels))
    assert "no mask of L1. Draw it" in faults(dataset)[0]
    redraw(chain, dataset, np.where(labels > 0, 41 - labels, 0).astype(np.uint8))
    assert "L1 lies below that of L2, so the two are exchanged" in faults(dataset)[0]
    redraw(chain, dataset, labels, off_mm=0.7)
    assert "was not drawn on this CT" in faults(dataset)[0]
    redraw(chain, dataset, body_labels(chain, 1))
    found = faults(dataset)
    assert len(found) == 2 and 'says "all" of its slices, and L1 is drawn on one slice' in found[0]


def test_a_center_beside_its_body_or_the_ct_is_told(dataset):
    levels = entry(dataset, 1)["levels"]
    x, y, z = levels["L1"]["center_lps_mm"]
    rewrite(dataset, 1, levels=levels | {"L1": {"center_lps_mm": [x, y, z - 20.0]}})
    (fault,) = faults(dataset)
    assert "On the slice through the center of L1 nothing is drawn of it. Place the point of L1" in fault
    rewrite(dataset, 1, levels=levels | {"L2": {"center_lps_mm": [x, y, z + 900.0]}})
    (fault,) = faults(dataset)
    assert "The center of L2 lies outside the CT" in fault


def test_one_ct_that_stands_twice_is_told(dataset):
    first = entry(dataset, 1)
    rewrite(dataset, 2, **{name: first[name] for name in ("image", "mask", "levels")})
    (fault,) = faults(dataset)
    assert fault.startswith("Line 2 (b): Its CT is that of line 1, so that it could stand in training and test alike")


def test_voxels_that_were_changed_are_told_though_the_file_is_right(dataset):
    rewrite(dataset, 1, image=entry(dataset, 1)["image"] | {"voxels_sha256": "0" * 64})
    (fault,) = faults(dataset)
    assert "voxels_sha256 differs" in fault


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="no case in .* no cases.jsonl, or an empty one"):
        list(find_faults(tmp_path))


def test_a_public_case_says_where_it_is_from_and_how_its_mask_was_made(chain, tmp_path):
    origin = Origin("VerSe", "CC BY-SA 4.0", "training")
    label = CaseLabel("P1", chain.centers_lps_mm, MaskSlices.ALL, kind=MaskKind.WHOLE, mask_method="cut", origin=origin)
    written = add_case(tmp_path, "a", chain.make_ct(), body_labels(chain), label).entry
    assert LabeledCase.from_line(written.line()) == written
    assert (written.mask.kind, written.mask.method, written.origin) == (MaskKind.WHOLE, "cut", origin)


def test_the_mean_bmd_is_that_of_both_levels_or_not_known(chain, tmp_path):
    label = CaseLabel("P1", chain.centers_lps_mm, MaskSlices.ALL, None, {Level.L1: 90.0, Level.L2: 110.0}, "QCT")
    case = add_case(tmp_path, "a", chain.make_ct(), body_labels(chain), label).entry
    assert case.bmd_mg_cm3 == 100.0
    assert replace(case, bmd={Level.L1: case.bmd[Level.L1]}).bmd_mg_cm3 is None
    assert replace(case, bmd=None, mean_bmd=MeanBmd(70.0, ("L1", "L2"))).bmd_mg_cm3 == 70.0
    assert replace(case, bmd=None, mean_bmd=MeanBmd(70.0, ("L1", "L2", "L3"))).bmd_mg_cm3 is None
