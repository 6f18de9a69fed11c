"""A short attack on everything; ``make attack`` is the long one."""

from __future__ import annotations

import json
import sys

import pytest

from OsteoJointLib.output.result_json import result_document
from Testing.attack.inputs import attack_inputs, faults_of
from Testing.attack.kills import attack_kills, attack_rounds
from Testing.attack.lines import attack_lines, fault_of
from Testing.attack.records import Fault, Records, Tried, summary, table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it makes pipes, sets limits and looks into /proc")


@pytest.fixture
def records(tmp_path) -> Records:
    return Records(tmp_path / "attack.jsonl")


def faults(records: Records) -> list:
    return [one for one in records.read() if one.faults]


@pytest.mark.filterwarnings("ignore")  # pydicom's, of what is made damaged on purpose
def test_damaged_inputs_end_in_a_volume_or_a_sentence(records, tmp_path):
    attack_inputs(range(160), 1, tmp_path, records)
    assert (records.counted("inputs"), faults(records)) == (160, [])


def test_hostile_lines_are_answered_and_the_worker_goes_on(records, tmp_path):
    attack_lines(range(300), 1, tmp_path, records)
    assert (records.counted("lines"), faults(records)) == (300, [])


def test_a_killed_batch_loses_nothing_and_leaves_nothing(records, chain):
    attack_kills(3, 5, result_document(chain.result), records)
    assert records.counted("kills") >= 3
    assert not faults(records)


def test_two_writers_lose_nothing(records, chain):
    attack_rounds(1, result_document(chain.result), records)
    assert (records.counted("rounds"), faults(records)) == (1, [])


def test_an_attack_goes_on_where_it_was_stopped(records, tmp_path):
    for number in (0, 1, 3):
        records.add(Tried("inputs", number, "cut_short", "refused: unreadable"))
    with (tmp_path / "attack.jsonl").open("a") as file:
        file.write('{"part": "inputs", "num')
    assert list(records.missing("inputs", 5)) == [2, 4]
    assert list(records.missing("kills", 2)) == [0, 1]


READ = {"outcome": "read", "codes": [], "messages": [], "finite": True}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (READ, None),
        ({"outcome": "died", "messages": ["exit code -11"]}, Fault.CRASH),
        ({"outcome": "fault", "messages": ["Traceback"]}, Fault.TRACEBACK),
        ({"outcome": "bomb", "messages": []}, Fault.MEMORY),
        (READ | {"messages": ["ValueError: x"]}, Fault.NO_SENTENCE),
        (READ | {"finite": False}, Fault.SILENT),
    ],
)
def test_what_counts_as_a_fault(answer, fault):
    assert [kind for kind, _ in faults_of(answer, None)] == ([fault] if fault else [])


def test_a_judge_s_word_is_a_silent_fault():
    assert faults_of(READ, lambda answer: "half of it is missing") == ((Fault.SILENT, "half of it is missing"),)


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([{"event": "progress"}, {"event": "done"}], None),
        ([{"event": "error", "reason": "usage", "message": "This is no request."}], None),
        ([{"event": "error", "reason": "failed", "message": "It broke."}], Fault.TRACEBACK),
        ([{"event": "error", "reason": "usage", "message": "KeyError"}], Fault.NO_SENTENCE),
        ([], Fault.SILENT),
        (None, Fault.CRASH),
    ],
)
def test_what_counts_as_no_answer(events, fault):
    assert [kind for kind, _ in fault_of(events)] == ([fault] if fault else [])


def test_the_table_counts_by_what_was_done(records):
    records.add(Tried("inputs", 0, "cut_short", "refused: unreadable", seconds=0.5, peak_gib=0.2))
    records.add(Tried("inputs", 1, "cut_short", "read", faults=((Fault.SILENT, "x"),)))
    records.add(Tried("kills", 0, "batch", "whole", count=4))
    said = summary(records.read())
    assert said["tried"] == {"inputs": 2, "kills": 4}
    assert (said["faults"][Fault.SILENT], said["faults"][Fault.LOST]) == (1, 0)
    assert json.loads(json.dumps(said)) == said
    assert "| cut_short | 2 | 1 | 1 |  |" in table(records.read())
    assert "| **kills** | 4 |  |  | 4 |" in table(records.read())
