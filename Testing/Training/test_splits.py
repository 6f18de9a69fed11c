"""The split: shares of each class, no patient on two sides, a hash that tells a change, ten folds."""

import json
from collections import Counter

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, UsageError
from OsteoJointLib.records import STATUSES, Status
from training.__main__ import main
from training.data.splits import FOLDS, Part, Split, make_split, statuses_in

SHARES = {Part.TRAIN: 0.5, Part.VALIDATION: 0.1, Part.TEST: 0.4}
COUNTS = {Status.NORMAL: 83, Status.OSTEOPENIA: 41, Status.OSTEOPOROSIS: 17, None: 9}
PATIENTS = {f"{status or 'x'}-{number}": status for status, count in COUNTS.items() for number in range(count)}


def test_no_patient_is_on_two_sides_and_none_is_left_out():
    split = make_split(PATIENTS, seed=3)
    for groups in (split.parts.values(), split.folds):
        members = [patient for group in groups for patient in group]
        assert sorted(members) == sorted(PATIENTS)  # each once


def test_each_class_has_the_papers_shares_to_within_one_patient():
    split = make_split(PATIENTS, seed=3)
    for part, share in SHARES.items():
        counts = Counter(PATIENTS[patient] for patient in split.parts[part])
        for status, count in COUNTS.items():
            assert abs(counts[status] - share * count) <= 1.0
            assert split.classes[part].get(status.value if status else "unknown", 0) == counts[status]
        assert abs(len(split.parts[part]) - share * len(PATIENTS)) <= 1.0
    for fold in split.folds:
        counts = Counter(PATIENTS[patient] for patient in fold)
        assert all(abs(counts[status] - count / FOLDS) < 1.0 for status, count in COUNTS.items())


def test_the_order_follows_from_the_seed_and_not_from_the_listing():
    again = dict(reversed(PATIENTS.items()))
    assert make_split(again, 3) == make_split(PATIENTS, 3)
    assert make_split(PATIENTS, 3).sha256 == make_split(PATIENTS, 3).sha256 != make_split(PATIENTS, 4).sha256
    chances = [set(make_split(PATIENTS, seed).parts[Part.TEST]) for seed in range(40)]
    often = [np.mean([patient in chance for chance in chances]) for patient in PATIENTS]
    assert min(often) > 0.05 and max(often) < 0.85  # everybody tests now and then: about 0.4, 40 draws


def test_a_split_is_stored_whole_and_a_change_by_hand_is_told(tmp_path):
    path = tmp_path / "split.json"
    split = make_split(PATIENTS, 3)
    split.save(path)
    assert Split.load(path) == split
    content = json.loads(path.read_text())
    assert content["sha256"] == split.sha256
    moved = content["parts"]["test"].pop()
    content["parts"]["train"].append(moved)
    path.write_text(json.dumps(content))
    with pytest.raises(InputRefused, match="changed after it was made: its sha256 is another. Make it anew .* 3"):
        Split.load(path)
    path.write_text("{}")
    with pytest.raises(InputRefused, match="can't be read as a split"):
        Split.load(path)


def test_a_patient_on_two_sides_is_refused_even_under_a_right_hash(tmp_path):
    split = make_split(PATIENTS, 3)
    leaking = Split(
        seed=3,
        parts={**split.parts, Part.TEST: (*split.parts[Part.TEST], split.parts[Part.TRAIN][0])},
        folds=split.folds,
        classes=split.classes,
    )
    leaking.save(tmp_path / "split.json")
    with pytest.raises(InputRefused, match=f"patient {split.parts[Part.TRAIN][0]} on two sides"):
        Split.load(tmp_path / "split.json")


def test_a_fold_tests_what_the_others_train():
    split = make_split(PATIENTS, 3)
    tested = []
    for number in range(FOLDS):
        train, test = split.fold(number)
        assert not train & test and train | test == set(PATIENTS)
        tested += sorted(test)
    assert sorted(tested) == sorted(PATIENTS)
    with pytest.raises(UsageError, match="no fold 10: they are 0 to 9"):
        split.fold(10)


def test_patients_who_came_later_are_in_no_part():
    split = make_split(PATIENTS, 3)
    some = list(PATIENTS)[:5]
    parts = [split.patients(part, some) for part in Part]
    assert set.union(*parts) == set(some) and sum(map(len, parts)) == len(some)
    with pytest.raises(UsageError, match="1 patients are in no part of the split, such as new"):
        split.patients(Part.TRAIN, [*some, "new"])


def test_the_command_writes_a_split_once(pair_folder, tmp_path, capsys):
    out = tmp_path / "split.json"
    assert main(["split", str(pair_folder), "--seed", "5", "--out", str(out)]) == 0
    assert "train: 6 patients (normal 2, osteopenia 2, osteoporosis 2)" in capsys.readouterr().out
    assert Split.load(out) == make_split(statuses_in(pair_folder), 5)
    assert statuses_in(pair_folder)["phantom-0000004"] is STATUSES[1]
    assert main(["split", str(pair_folder), "--out", str(out)]) == 2
    assert "There is a split at" in capsys.readouterr().err


def test_too_few_patients_are_refused():
    with pytest.raises(UsageError, match="9 patients, and a split with 10 folds needs 10"):
        make_split({str(number): None for number in range(9)}, 0)
