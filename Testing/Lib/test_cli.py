"""The command line: exit codes, sentences, quick starts, and nothing written on refusal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from OsteoJointLib import __version__
from OsteoJointLib.batch.run import BatchReport
from OsteoJointLib.cli.main import join_points, main, parse_point
from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.pipeline.settings import PipelineConfig

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny(chain, monkeypatch):
    """Reading gives the tiny CT, loading the tiny reader."""
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: chain.make_ct())
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", lambda config: chain.reader)


def code_of(*arguments) -> int:
    """The exit code, argparse's own included."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def test_help_and_version(capsys):
    assert code_of("--help") == 0
    assert "Research only" in capsys.readouterr().out
    assert code_of("--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("command", ["demo", "analyze", "batch", "calibrate", "worker", "doctor"])
def test_every_command_has_help(command, capsys):
    assert code_of(command, "--help") == 0
    assert f"osteojoint {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("analyze",),
        ("analyze", "ct.nrrd"),
        ("analyze", "ct.nrrd", "--out", "o", "--volume"),
        ("analyze", "ct.nrrd", "--out", "o", "--device", "gpu"),
        ("analyze", "ct.nrrd", "--out", "o", "--l1", "1,2"),
        ("analyze", "ct.nrrd", "--out", "o", "--l1", "1,2,nan", "--l2", "1,2,3"),
        ("analyze", "ct.nrrd", "--out", "o", "--l1", "1,2,3"),
        ("batch", "x", "--out", "o", "--workers", "0"),
        ("demo", "--seed", "one"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert code_of(*arguments) == 2
    assert capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_cluster_without_one_are_refused(capsys, tmp_path):
    assert code_of("batch", tmp_path, "--out", tmp_path / "out", "--ray-gpus", "0.5") == 2
    assert "Add --engine ray" in capsys.readouterr().err


def test_points_may_begin_with_a_minus():
    assert join_points(["--l1", "-1,2,3", "--l2=-4,5,6", "--out", "-x"]) == [
        "--l1=-1,2,3",
        "--l2=-4,5,6",
        "--out",
        "-x",
    ]
    assert parse_point("-1.5,2,-3e1") == (-1.5, 2.0, -30.0)


def test_analyze_writes_and_sums_up(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert code_of("analyze", "ct.nrrd", "--out", out) == 0
    assert {path.name for path in out.iterdir()} == {
        "result.json",
        "segmentation.seg.nrrd",
        "report.html",
        "overview.png",
    }
    printed = capsys.readouterr()
    for word in ("L1", "Bone status", "Mean HU", "not a medical device", str(out / "result.json")):
        assert word in printed.out
    assert printed.err == ""


def test_json_prints_the_result_document_alone(tiny, tmp_path, capsys):
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out", "--json", "--no-gradcam", "--refine") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "out" / "result.json").read_text())
    assert document["segmentation"]["L1"]["refined"]
    assert "explanation" not in document["timings_s"]
    assert {"io", "model", "levels", "segmentation", "total"} <= set(document["timings_s"])


@pytest.mark.parametrize("command", ["analyze", "batch"])
def test_a_pdf_that_can_t_be_made_is_refused_before_anything_is_read(command, chain, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise AssertionError("something was read or loaded")

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", fail)
    monkeypatch.setattr("OsteoJointLib.batch.run.LocalEngine", fail)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    (tmp_path / "ct.nrrd").write_text("")
    assert code_of(command, tmp_path / "ct.nrrd", "--out", tmp_path / "out", "--pdf") == 2
    said = capsys.readouterr().err
    assert "WeasyPrint isn't installed" in said and "[dependency_missing]" in said
    assert not (tmp_path / "out").exists()


def test_analyze_writes_the_pdf_when_asked(tiny, tmp_path):
    pytest.importorskip("weasyprint", reason="WeasyPrint makes the PDF, and isn't installed")
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out", "--pdf") == 0
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_vertebra_can_be_left_out(tiny, tmp_path, capsys):
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out", "--leave-out", "l1") == 0
    assert ", L1 left out" in capsys.readouterr().out
    said = json.loads((tmp_path / "out" / "result.json").read_text())["classification"]
    assert (said["left_out"], said["fusion_weights"]) == ("L1", {"L1": 0.0, "L2": 1.0})
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "other", "--leave-out", "T12") == 2
    assert "neither L1 nor L2" in capsys.readouterr().err


def test_points_are_ras(tiny, chain, tmp_path, capsys):
    (x1, y1, z1), (x2, y2, z2) = chain.centers_lps_mm.values()
    points = ("--l1", f"{-x1},{-y1},{z1}", "--l2", f"{-x2},{-y2},{z2}")
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out", "--json", *points) == 0
    level = json.loads(capsys.readouterr().out)["levels"]["L1"]
    assert level["source"] == "user"
    assert level["center_ras_mm"] == [-x1, -y1, z1]


def test_a_settings_file_reaches_reader_input_and_batch(chain, tmp_path, monkeypatch):
    seen = {}

    def read_ct(path, limits):
        seen["limits"] = limits
        return chain.make_ct()

    def load(config):
        seen["reader"] = config
        return chain.reader

    def run_batch(inputs, out, options, progress):
        seen["batch"] = options.config
        return BatchReport({}, out)

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", read_ct)
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", load)
    monkeypatch.setattr("OsteoJointLib.batch.run.run_batch", run_batch)
    (tmp_path / "s.json").write_text('{"input": {"thick_mm": 4}, "recenter_px": 5}')
    settings = ("--config", tmp_path / "s.json")
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out", "--no-gradcam", *settings) == 0
    assert code_of("batch", "ct.nrrd", "--out", tmp_path / "many", *settings) == 0
    expected = PipelineConfig(input=ReadingLimits(thick_mm=4.0), recenter_px=5.0)
    assert seen == {"limits": expected.input, "reader": expected, "batch": expected}


def test_bad_input_ends_with_3_in_a_sentence_and_writes_nothing(tmp_path, capsys):
    fake = tmp_path / "ct.nii.gz"
    fake.write_text("text")
    assert code_of("analyze", fake, "--out", tmp_path / "a" / "out") == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("osteojoint: ")
    assert printed.err.endswith("[unreadable]\n")
    assert [path.name for path in tmp_path.iterdir()] == ["ct.nii.gz"]


def test_json_of_a_refusal(tmp_path, capsys):
    assert code_of("analyze", tmp_path / "nowhere", "--out", tmp_path / "out", "--json") == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["reason"], error["exit_code"]) == ("not_found", 3)


def test_refused_weights_end_with_4_and_write_nothing(chain, tmp_path, capsys, monkeypatch):
    def refuse(config):
        raise ModelRefused(Reason.WEIGHTS_HASH, "Another hash was expected.")

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: chain.make_ct())
    monkeypatch.setattr("OsteoJointLib.pipeline.loading.load_reader", refuse)
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out") == 4
    assert "[weights_hash]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_fault_ends_with_5_without_a_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: 1 / 0)
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out") == 5
    message = capsys.readouterr().err
    assert "ZeroDivisionError" in message
    assert "Traceback" not in message
    monkeypatch.setenv("OSTEOJOINT_TRACEBACK", "1")
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out") == 5
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")])
def test_a_lack_of_memory_has_its_reason(tmp_path, capsys, monkeypatch, error):
    def fail(path, **settings):
        raise error

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", fail)
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path / "out") == 5
    assert "[out_of_memory]" in capsys.readouterr().err


def test_others_files_in_the_output_are_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: 1 / 0)
    (tmp_path / "notes.txt").write_text("mine")
    assert code_of("analyze", "ct.nrrd", "--out", tmp_path) == 2
    assert "[output_exists]" in capsys.readouterr().err


def heavy_modules_after(arguments: list[str], tmp_path) -> tuple[int, set[str]]:
    code = """
import json, sys
from OsteoJointLib.batch.run import BatchReport
from OsteoJointLib.cli.main import main
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.pipeline.settings import PipelineConfig
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=REPOSITORY, timeout=300
    )
    code, modules = json.loads(child.stdout.splitlines()[-1])
    return code, {"torch", "ultralytics", "captum", "matplotlib", "cv2"} & set(modules)


def test_help_and_refusals_load_nothing_heavy(tmp_path):
    fake = tmp_path / "ct.nrrd"
    fake.write_text("text")
    assert heavy_modules_after(["--help"], tmp_path) == (0, set())
    assert heavy_modules_after(["analyze", str(fake), "--out", str(tmp_path / "out")], tmp_path) == (3, set())


def test_the_module_runs_as_a_command():
    child = subprocess.run(
        [sys.executable, "-m", "OsteoJointLib", "--version"], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert child.stdout == f"osteojoint {__version__}\n"
