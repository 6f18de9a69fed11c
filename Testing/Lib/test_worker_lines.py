"""What goes onto a line comes off it again: requests, events and answers of the worker, and how they stand in JSON."""

import io
import json
import os
from pathlib import Path

import pytest

from OsteoJointLib.errors import InputRefused, Reason, RunFailed, UsageError
from OsteoJointLib.hardware import Card, Hardware
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.records import Flag, Level, PointSource, Status
from OsteoJointLib.typed_json import WrongField
from OsteoJointLib.worker import answers, requests
from OsteoJointLib.worker.lines import (
    Done,
    Failed,
    Progressed,
    answer_event,
    event_line,
    read_event,
    read_request,
    request_line,
)
from OsteoJointLib.worker.serving import serve
from OsteoJointLib.worker.session import Session

L1, L2 = Level
POINTS = {L1: (1.0, -2.5, 30.0), L2: (0.0, 4.0, -5.0)}
MASKS = {L1: Path("/a/L1.nrrd"), L2: Path("/a/L2.nrrd")}
MADE = {L2: requests.Making(edited=True, refined=False)}
FLAG = Flag(Reason.METAL, "Metal.", L2)

ASKED = [
    requests.Ping(),
    requests.Load(device="cuda:1", threads=3),
    requests.Open(input=Path("/ct")),
    requests.FindLevels(case="case-1", points=POINTS),
    requests.FindLevels(input=Path("/ct")),
    requests.Segment(case="case-1", points={L2: POINTS[L2]}, gradcam=False, views=Path("/v.npz")),
    requests.Analyze(input=Path("/ct"), out=Path("/out"), refine=True),
    requests.Edit(case="case-1", segmentation=MASKS, made=MADE),
    requests.Edit(case="case-1", segmentation=Path("/both.nrrd")),
    requests.Refine(case="case-1", levels=(L2,), parameters={"rest_mm": 0.5, "max_shift_mm": 1.5}),
    requests.Classify(case="case-1"),
    requests.Deliver(case="case-1", out=Path("/o"), screenshots=(requests.PictureFile(Path("/p.png"), "Axial"),)),
    requests.Label(case="c", folder=Path("/d"), name="n", patient="P", status=Status.NORMAL, bmd={L2: 99.5}),
    requests.Convert(input=Path("/ct"), out=Path("/o.nrrd")),
    requests.Close(case="case-1"),
    requests.Shutdown(),
]


@pytest.mark.parametrize("request_", ASKED, ids=lambda one: one.op)
def test_a_request_is_read_as_it_was_written(request_):
    read = read_request(request_line(3, request_))
    assert read == request_
    assert type(read) is type(request_)


def test_every_operation_is_among_them():
    assert {one.op for one in ASKED} == set(requests.OPERATIONS)


def test_a_default_is_left_out_and_what_is_null_takes_it():
    line = request_line(3, requests.Segment(case="case-1", gradcam=False))
    assert json.loads(line) == {"id": 3, "op": "segment", "case": "case-1", "gradcam": False}
    read = read_request('{"id": 3, "op": "refine", "case": "case-1", "levels": null, "gradcam": null, "more": 1}')
    assert read == requests.Refine(case="case-1", levels=(L1, L2), gradcam=True)


def test_a_point_is_three_numbers_that_are_numbers():
    line = '{"id": 1, "op": "segment", "case": "c", "points": {"L2": [1, 2, NaN]}}'
    with pytest.raises(UsageError, match="points.L2 must be a number; it is nan"):
        read_request(line)


ANSWERS = [
    (requests.Ping(), answers.Alive("1.0", "osteojoint.worker/1", 7)),
    (
        requests.Load(),
        answers.Loaded(
            answers.LoadedModel("compact", "compact", "0" * 64),
            "cuda:0",
            False,
            Hardware("2.8", "12.8", "570.1", (Card("A", 23.9), Card("B", 8.0)), 16, 8),
        ),
    ),
    (
        requests.FindLevels(case="case-1"),
        answers.LevelsTold(
            "case-1",
            {
                L1: answers.PlacedLevel(POINTS[L1], 12, 0.9, PointSource.AUTO),
                L2: answers.PlacedLevel(POINTS[L2], 5, 1.0, PointSource.USER),
            },
            (answers.ColumnBody("T12", (0.0, 0.0, 60.0), 0.8),),
            (FLAG,),
        ),
    ),
    (requests.FindLevels(case="case-1"), answers.LevelsTold("case-1", None, (), ())),
    (requests.Edit(case="c", segmentation=MASKS), answers.CaseRead("c", {"a": 1}, (Path("/r"),), edited=(L2,))),
    (requests.Classify(case="c"), answers.CaseRead("c", {"a": 1}, (), views={"file": "/v.npz"})),
    (requests.Shutdown(), answers.Ended()),
]


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
def test_an_answer_is_read_as_it_was_written(request_, answer):
    event = read_event(event_line(answer_event("ü", answer)))
    assert isinstance(event, Done) and event.id == "ü"
    assert event.answer_to(request_) == answer


def test_an_answer_to_another_request_is_none():
    with pytest.raises(WrongField, match="pid must be a whole number; it is missing"):
        answer_event(1, answers.Alive("1", "p", None)).answer_to(requests.Ping())


def test_progress_and_endings_are_read_as_they_were_written():
    progress = Progressed(5, Stage.MEASURE, 0.25)
    assert read_event(event_line(progress)) == progress
    event = read_event(event_line(Failed(5, InputRefused(Reason.NOT_CT, "An MR."))))
    assert isinstance(event, Failed) and isinstance(event.ending, InputRefused)
    assert (event.id, event.ending.reason, event.ending.message) == (5, Reason.NOT_CT, "An MR.")
    unknown = '{"id": 5, "event": "error", "reason": "of_tomorrow", "message": "Words.", "exit_code": 9}'
    ending = read_event(unknown).ending
    assert (type(ending), ending.reason, ending.message) == (RunFailed, Reason.FAILED, "Words.")


@pytest.mark.parametrize(
    "line",
    [
        "words",
        "[1]",
        '{"id": 1}',
        '{"event": "done"}',
        '{"id": 1, "event": "progress", "stage": "lunch", "fraction": 0}',
        '{"id": 1, "event": "progress", "stage": "io"}',
        '{"id": 1, "event": "error", "reason": "failed", "exit_code": 5}',
    ],
)
def test_what_is_no_event_is_none(line):
    assert read_event(line) is None


HOSTILE = [
    "[" * 100_000,
    '{"id": 1, "op": ' + '{"a": ' * 5000 + "1" + "}" * 5001,
    '{"id": ' + "[" * 900 + "]" * 900 + ', "op": "ping"}',
    '{"id": NaN, "op": "ping"}',
    '{"id": 1e999, "op": "ping"}',
    '{"id": true, "op": "ping"}',
    '{"id": ' + "9" * 5000 + ', "op": "ping"}',
    '{"id": "' + "x" * 5000 + '", "op": "ping"}',
    '{"id": 1, "op": "' + "x" * 5000 + '"}',
    '{"id": 1, "op": "open", "input": "a\\u0000b"}',
    '{"id": 1, "op": "open", "input": "\\ud800"}',
    '{"id": 1, "op": "close", "case": "' + "y" * 100_000 + '"}',
    '{"id": 1, "op": "close", "case": ' + "[" * 500 + "]" * 500 + "}",
    '{"id": 1, "op": "load", "threads": ' + "9" * 4000 + "}",
    '{"id": 1, "op": "segment", "case": "c", "points": {"L1": [1e999, 0, 0]}}',
    "\ufeff{}",
    '{"id": 1, "id": {}, "op": "ping"}',
    "z" * 300,
]


def test_no_line_ends_the_worker(monkeypatch):
    monkeypatch.setattr("OsteoJointLib.worker.serving.LONGEST_LINE", 200_000)
    lines = [*HOSTILE, '{"id": 1, "op": "ping", "more": "' + "w" * 500_000 + '"}']
    asked = '{"id": "\\ud83d\\udc00\\udcff", "op": "ping"}'
    told = []

    def load(**_):
        raise RunFailed(Reason.FAILED, "no weights")

    serve(io.StringIO("\n".join([*lines, asked, ""])), told.append, Session(load))
    ends = [type(event) for event in told if not isinstance(event, Progressed)]
    assert ends == [Failed] * len(lines) + [Done]
    for event in told:
        line = event_line(event)
        assert len(line) < 2500
        assert isinstance(read_event(line.encode("ascii").decode()), type(event))
    assert told[-1].id == "\U0001f400\udcff"


def test_a_name_that_is_no_utf8_reaches_the_worker():
    path = Path(os.fsdecode(b"/ct/\xff\xfe.nrrd"))
    assert read_request(request_line(1, requests.Analyze(input=path))).input == path
    files = requests.Analyze(input=(path, Path("/ct/b")))
    assert read_request(request_line(1, files)) == files
