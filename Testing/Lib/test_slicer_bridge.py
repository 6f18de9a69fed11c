"""The plain half of the bridge to Slicer: the command, its environment, what is missing, and a result in words."""

import json
import os
from pathlib import Path

import OsteoJointLib
from OsteoJointLib.slicer_bridge import command
from OsteoJointLib.slicer_bridge.words import failure_sentence, read_case


def write_result(folder: Path, **changes) -> Path:
    folder.mkdir()
    classification = {
        "status": "osteopenia",
        "probabilities": {"normal": 0.2, "osteopenia": 0.75, "osteoporosis": 0.05},
    }
    result = {"classification": classification, "flags": []} | changes
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return folder


def test_the_command_is_the_command_lines_own():
    assert command.analyze_arguments(Path("/tmp/a b/ct.nrrd"), Path("/tmp/out")) == [
        *("-m", "OsteoJointLib", "analyze", "/tmp/a b/ct.nrrd", "--out", "/tmp/out")
    ]


def test_the_child_finds_this_library_first_and_keeps_off_slicers_plugins():
    checkout = str(Path(OsteoJointLib.__file__).parents[1])
    current = {"PYTHONPATH": "/slicer/python", "ITK_AUTOLOAD_PATH": "/slicer/itk", "HOME": "/home/a"}
    environment = command.process_environment(current)
    assert environment["PYTHONPATH"] == os.pathsep.join([checkout, "/slicer/python"])
    assert "ITK_AUTOLOAD_PATH" not in environment
    assert environment["HOME"] == "/home/a"
    assert current["ITK_AUTOLOAD_PATH"] == "/slicer/itk"
    assert command.process_environment({})["PYTHONPATH"] == checkout


def test_a_case_in_words(tmp_path):
    flags = [{"code": "contrast", "level": level, "message": "Contrast was given."} for level in ("L1", "L2")]
    case = read_case(write_result(tmp_path / "case", flags=flags))
    assert case.headline == "Osteopenia (probability 0.75)"
    assert case.notes == ("Contrast was given.",)
    assert case.report == tmp_path / "case" / "report.html"


def test_a_failure_is_told_in_its_own_last_words():
    assert failure_sentence(3, "reading\nThe input holds no CT.\n\n") == "The input holds no CT."
    assert "exit code -9" in failure_sentence(-9, "")
