"""The command line: demo, analyze, batch, calibrate, worker, doctor.

Only argparse is loaded to print help or to refuse a wrong usage; each command imports what it needs. A refusal is one
sentence on stderr with its reason code, never a traceback (set OSTEOJOINT_TRACEBACK=1 to see one for a fault).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib import __version__
from OsteoJointLib.atomic import check_writable
from OsteoJointLib.batch.ray_cluster import RayOptions
from OsteoJointLib.cli.interrupting import interruptible
from OsteoJointLib.cli.saying import say
from OsteoJointLib.device import check_device_name, give_back_memory, prepare_process
from OsteoJointLib.errors import ExitCode, Reason, UsageError
from OsteoJointLib.failures import as_ending, ending_document, trace_of
from OsteoJointLib.names import Names
from OsteoJointLib.output.report_pdf import check_pdf
from OsteoJointLib.pipeline.stages import Stage

if TYPE_CHECKING:
    from OsteoJointLib.io.limits import ReadingLimits
    from OsteoJointLib.pipeline.settings import ReadOptions
    from OsteoJointLib.records import ContrastPhase, Level

NOTICE = "Research only: not a medical device."
Commands = Any
"""argparse's own type of what ``add_subparsers`` gives is private."""

CALIBRATION_WORDS = ("auto", "rods", "internal", "none")
"""The values of :class:`OsteoJointLib.pipeline.settings.CalibrationUse`, which a test compares."""

_INTERRUPTED = {"batch": "stopped. What is done stays; the same command goes on from there."}
"""What is said of a command that was interrupted, where there is more to say."""

DEFAULT_DEMO_OUT = Path("out/demo")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 2 usage, 3 input refused, 4 model refused, 5 failed.

    Args:
        argv: the arguments without the program's name; None for the process's own.
    """
    arguments = build_parser().parse_args(join_points(sys.argv[1:] if argv is None else argv))
    prepare_process()
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        words = _INTERRUPTED.get(arguments.command, "interrupted. What was written is whole.")
        say(f"osteojoint: {words}", sys.stderr)
        return ExitCode.INTERRUPTED
    except Exception as error:
        return report_ending(error, as_json=getattr(arguments, "json", False))


def report_ending(error: Exception, as_json: bool = False, program: str = "osteojoint") -> int:
    """Say on stderr (and, when asked, as JSON on stdout) why a command ended, and return its exit code."""
    ending = as_ending(error)
    if os.environ.get("OSTEOJOINT_TRACEBACK"):
        sys.stderr.write(trace_of(error))
    if as_json:
        say(json.dumps({"error": ending_document(ending)}, ensure_ascii=False))
    say(f"{program}: {ending.message} [{ending.reason}]", sys.stderr)
    return int(ending.exit_code)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="osteojoint", description=f"Bone status of L1 and L2 from CT. {NOTICE}", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"osteojoint {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_analyze(commands)
    _add_batch(commands)
    _add_calibrate(commands)
    _add_worker(commands)
    _add_doctor(commands)
    return parser


def join_points(argv: Sequence[str]) -> list[str]:
    """Write ``--l1 -12,3,4`` as ``--l1=-12,3,4``: argparse takes a value that starts with a minus for an option.

    >>> join_points(["--l1", "-12,3,4", "--out", "x"])
    ['--l1=-12,3,4', '--out', 'x']
    """
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] in ("--l1", "--l2") and re.match(r"-[\d.]", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def parse_point(text: str) -> tuple[float, float, float]:
    """Read a RAS point.

    >>> parse_point("12.5,-30,-410")
    (12.5, -30.0, -410.0)
    """
    try:
        r, a, s = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no point: give three numbers R,A,S in mm such as 12.5,-30,-410"
        ) from None
    if not all(map(math.isfinite, (r, a, s))):
        raise argparse.ArgumentTypeError(f"{text!r} is no point: its numbers must be finite")
    return (r, a, s)


def device_name(text: str) -> str:
    """Check the spelling of a device for argparse."""
    try:
        return check_device_name(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def level_name(text: str) -> Level | None:
    """Read the name of a level, or none, for argparse."""
    from OsteoJointLib.records import Level

    if text.lower() == "none":
        return None
    try:
        return Level(text.upper())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither L1 nor L2 nor none") from None


def contrast_phase(text: str) -> ContrastPhase:
    """Read a contrast phase for argparse, by the words that a header may have, too."""
    from OsteoJointLib.io.contrast_words import phase_of
    from OsteoJointLib.records import ContrastPhase

    phase = phase_of(text)
    if phase is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no contrast phase: give one of {', '.join(ContrastPhase)}")
    return phase


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what is loaded and what a reading does; a default that isn't named here is the library's own."""
    unsaid = argparse.SUPPRESS
    parser.add_argument("--device", type=device_name, default=unsaid, help="auto (the default), cpu, cuda or cuda:N")
    parser.add_argument("--weights", default=unsaid, metavar="NAME|PATH", help="other weights than those shipped")
    parser.add_argument("--refine", action="store_true", default=unsaid, help="let the level set move the masks")
    parser.add_argument(
        "--no-gradcam", dest="gradcam", action="store_false", default=unsaid, help="leave the explanation maps out"
    )
    parser.add_argument(
        "--no-volume",
        dest="volume",
        action="store_false",
        default=unsaid,
        help="segment the two mid-slices only, not the whole bodies",
    )
    parser.add_argument(
        "--calibration",
        default=CALIBRATION_WORDS[0],
        metavar=f"FILE|{'|'.join(CALIBRATION_WORDS)}",
        help="by what HU become BMD: a calibration file, rods in the scan, its own tissues (internal). auto, the "
        "default: rods and tissues; a file goes before both",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the stages, a JSON file")
    parser.add_argument("--pdf", action="store_true", help="write the report as a PDF, too (needs WeasyPrint)")


def _add_names(parser: argparse.ArgumentParser, choices: Sequence[Names], words: str) -> None:
    parser.add_argument("--names", choices=[str(choice) for choice in choices], default=str(Names.NEUTRAL), help=words)


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    """Add what a user knows of one case."""
    unsaid = argparse.SUPPRESS
    parser.add_argument(
        "--leave-out",
        type=level_name,
        default=unsaid,
        metavar="L1|L2|none",
        help="make the class without this vertebra, such as one with cement; none: with both, whatever is proposed",
    )
    reasons = ("fracture", "cement", "focal-lesion", "metal", "other")
    parser.add_argument("--reason", dest="leave_out_reason", choices=reasons, default=unsaid, help="why it is left out")
    parser.add_argument("--kvp", type=float, default=unsaid, metavar="N", help="tube voltage, kV, before the header's")
    parser.add_argument(
        "--kernel",
        choices=("soft", "standard", "sharp", "lung"),
        default=unsaid,
        help="kind of reconstruction kernel, before the header's",
    )
    parser.add_argument(
        "--contrast",
        type=contrast_phase,
        default=unsaid,
        metavar="none|given|arterial|portal|excretory",
        help="contrast phase, before the header's; venous and delayed are understood, too",
    )


def _read_options(arguments: argparse.Namespace) -> ReadOptions:
    """Collect what a reading does, and read the calibration file where one is given; --leave-out none: no proposal."""
    from OsteoJointLib.calibration.file import read_calibration
    from OsteoJointLib.pipeline.settings import CalibrationUse, ReadOptions
    from OsteoJointLib.records import Kernel, LeftOutReason

    given = _given(arguments, ReadOptions) | {"own_names": arguments.names == Names.OWN}
    for name, kind in (("kernel", Kernel), ("leave_out_reason", LeftOutReason)):
        if name in given:
            given[name] = kind(given[name].replace("-", "_"))
    given["propose"] = given.get("leave_out", ...) is not None
    word = given.pop("calibration")
    if word in CALIBRATION_WORDS:
        return ReadOptions(**given, calibration=CalibrationUse(word))
    return ReadOptions(**given, calibration_file=read_calibration(Path(word)))


def _given(arguments: argparse.Namespace, record: type) -> dict[str, Any]:
    """Collect the options of a record that were given on the command line."""
    return {field.name: getattr(arguments, field.name) for field in fields(record) if hasattr(arguments, field.name)}


def _add_demo(commands: Commands) -> None:
    parser = commands.add_parser("demo", help="phantom CT, full chain, comparison with its truth", allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=DEFAULT_DEMO_OUT, metavar="DIR", help="default: out/demo")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="which phantom (default: a fixed one)")
    parser.set_defaults(run=_demo)


def _add_analyze(commands: Commands) -> None:
    parser = commands.add_parser("analyze", help="read one CT", allow_abbrev=False)
    parser.add_argument("input", type=Path, metavar="INPUT", help=".nrrd, .nii.gz, .mha, or a DICOM folder")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new or empty folder, or an earlier result's"
    )
    parser.add_argument(
        "--series", metavar="N|SHA256", help="which series of the folder: its number, or how its UID's SHA-256 begins"
    )
    _add_reading_options(parser)
    parser.add_argument("--l1", type=parse_point, metavar="R,A,S", help="center of L1 in RAS mm, as Slicer shows it")
    parser.add_argument("--l2", type=parse_point, metavar="R,A,S", help="center of L2; both or none")
    _add_case_options(parser)
    parser.add_argument("--case", default="", metavar="NAME", help="what the report and its PDF call the case")
    _add_names(parser, [Names.NEUTRAL, Names.OWN], "let the input's file names stand in the results (default: neutral)")
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="FILE",
        help="corrected masks of L1 and L2, .seg.nrrd or DICOM SEG: measure and classify by them",
    )
    parser.add_argument(
        "--dicom-seg", action="store_true", help="write the masks as DICOM Segmentation, too, with the patient's name"
    )
    parser.add_argument(
        "--dicom-sr", action="store_true", help="write the numbers as DICOM Structured Report, and that segmentation"
    )
    parser.add_argument("--json", action="store_true", help="print the result document instead of the summary")
    parser.set_defaults(run=_analyze)


def _add_batch(commands: Commands) -> None:
    parser = commands.add_parser("batch", help="read many CTs into one table", allow_abbrev=False)
    parser.add_argument(
        "inputs", type=Path, nargs="+", metavar="INPUT", help="CT files, DICOM folders, or folders of them"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the table and the cases")
    parser.add_argument(
        "--workers",
        type=int,
        default=argparse.SUPPRESS,
        metavar="N",
        help="cases side by side (default: 1; with --engine ray as many as the cluster has room for)",
    )
    parser.add_argument("--fresh", action="store_true", help="read done and unchanged cases again, too")
    _add_names(parser, list(Names), "case-0001 and so on; the same with a private keys.csv; or the files' own names")
    parser.add_argument(
        "--facts",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="CSV",
        help="tube voltage, kernel and contrast by case: columns case, kvp, kernel, contrast",
    )
    parser.add_argument(
        "--series",
        default=argparse.SUPPRESS,
        metavar="best|all|SHA256,…",
        help="of each DICOM study the series that suits best (the default), each that can be read, or those whose "
        "UID's SHA-256 begins so",
    )
    parser.add_argument("--dates", action="store_true", default=argparse.SUPPRESS, help="let the table say study dates")
    parser.add_argument(
        "--word", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )  # Slicer knows its batch's cases in the ledger by it
    _add_engine(parser)
    _add_reading_options(parser)
    parser.set_defaults(run=_batch)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    """Add on which machines a batch's cases are read, and where their files go."""
    unsaid = argparse.SUPPRESS
    parser.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="read on this machine, or on a Ray cluster"
    )
    parser.add_argument(
        "--ray-address",
        dest="address",
        default=unsaid,
        metavar="HOST:PORT|auto|local",
        help="of the cluster; auto: this machine's; local: one for this batch (default: $RAY_ADDRESS, else local)",
    )
    parser.add_argument("--ray-cpus", dest="cpus", type=int, default=unsaid, metavar="N", help="cores of each worker")
    parser.add_argument(
        "--ray-gpus",
        dest="gpus",
        type=float,
        default=unsaid,
        metavar="SHARE",
        help="GPU of each worker, such as 0.25 (default: 0, the CPU)",
    )
    parser.add_argument(
        "--store",
        default=unsaid,
        metavar="URL",
        help="where the cases' files go in place of --out, such as s3://bucket/readings (needs the package s3fs)",
    )


def _add_calibrate(commands: Commands) -> None:
    parser = commands.add_parser(
        "calibrate", help="make a calibration file from a scan with calibration rods", allow_abbrev=False
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="CT file or DICOM folder, with a patient or without")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the calibration, a new JSON file")
    parser.add_argument("--name", help="of the calibration (default: that of its rods); no patient's name")
    parser.add_argument("--rods", type=Path, metavar="FILE", help="what lies there, where OsteoJoint doesn't know it")
    parser.add_argument("--kvp", type=float, metavar="KV", help="tube voltage, where the header doesn't say it")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="of the scan (default: today)")
    parser.set_defaults(run=_calibrate)


def _add_worker(commands: Commands) -> None:
    parser = commands.add_parser("worker", help="answer JSON lines on stdin; what Slicer talks to", allow_abbrev=False)
    parser.add_argument("--ends-with", type=int, metavar="PID", help=argparse.SUPPRESS)  # a batch's own workers
    parser.set_defaults(run=_worker)


def _add_doctor(commands: Commands) -> None:
    parser = commands.add_parser("doctor", help="what is installed, which device, which weights", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_doctor)


def _demo(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.cli.demo import DEMO_SEED, run_demo
    from OsteoJointLib.cli.terminal import progress_bar

    seed = DEMO_SEED if arguments.seed is None else arguments.seed
    with progress_bar() as progress:
        table = run_demo(arguments.out, seed, progress)
    say(table)
    return ExitCode.DONE


def _analyze(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.cli.terminal import progress_bar, summary
    from OsteoJointLib.output.case_folder import Additions, check_case_folder, deliver_case
    from OsteoJointLib.output.dicom.files import DicomFiles
    from OsteoJointLib.output.result_json import read_result
    from OsteoJointLib.pipeline.config_file import read_config
    from OsteoJointLib.pipeline.loading import load_reader
    from OsteoJointLib.pipeline.reader import analyze
    from OsteoJointLib.pipeline.settings import LoadOptions

    points = _user_points(arguments)
    if points is not None and arguments.masks is not None:
        raise UsageError(Reason.USAGE, "--masks says where L1 and L2 lie. Give it, or --l1 and --l2, but not both.")
    config, options = read_config(arguments.config), _read_options(arguments)
    check_case_folder(arguments.out)
    check_writable(arguments.out)
    if arguments.pdf:
        check_pdf()
    dicom = DicomFiles(arguments.dicom_seg, arguments.dicom_sr)
    with progress_bar() as progress:
        result = analyze(
            _source(arguments, config.input),
            lambda: load_reader(**_given(arguments, LoadOptions), config=config),
            points,
            options,
            progress,
            config.input,
            dicom.check,
            arguments.masks,
        )
        if progress is not None:
            progress(Stage.OUTPUT, Stage.OUTPUT.fraction)
        give_back_memory()
        files = deliver_case(
            result, arguments.out, Additions(case=arguments.case, pdf=arguments.pdf, writers=dicom.writers)
        )
    document = read_result(arguments.out)
    say(json.dumps(document, indent=2, ensure_ascii=False) if arguments.json else summary(document, files))
    return ExitCode.DONE


def _source(arguments: argparse.Namespace, limits: ReadingLimits) -> Path | tuple[Path, ...]:
    """Give what is to be read: the input, or the files of its series that is asked for."""
    from OsteoJointLib.io.dicom_headers import list_files, read_headers
    from OsteoJointLib.io.dicom_series import files_of_series

    if arguments.series is None:
        return Path(arguments.input)
    if not arguments.input.is_dir():
        raise UsageError(Reason.USAGE, "--series is for DICOM folders. Give the folder, or leave it out.")
    return files_of_series(read_headers(list_files(arguments.input, limits)), arguments.series, limits)


def _user_points(arguments: argparse.Namespace) -> dict[Any, tuple[float, float, float]] | None:
    """Collect the points in LPS by level, or None."""
    from OsteoJointLib.frames import flip_lps_ras
    from OsteoJointLib.records import Level

    given = {Level.L1: arguments.l1, Level.L2: arguments.l2}
    if not any(given.values()):
        return None
    if not all(given.values()):
        raise UsageError(Reason.USAGE, "--l1 and --l2 belong together; only one was given. Give both or none.")
    points = {level: flip_lps_ras(point) for level, point in given.items()}
    return {level: (float(x), float(y), float(z)) for level, (x, y, z) in points.items()}


def _batch(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.batch.run import BatchOptions, run_batch
    from OsteoJointLib.cli.terminal import batch_summary, case_bar
    from OsteoJointLib.pipeline.config_file import read_config
    from OsteoJointLib.pipeline.settings import LoadOptions

    records: dict[str, Any] = {
        "load": LoadOptions(**_given(arguments, LoadOptions)),
        "read": _read_options(arguments),
        "config": read_config(arguments.config),
    }
    ray = _given(arguments, RayOptions)
    if arguments.engine == "ray":
        records["ray"] = RayOptions(**ray)
    elif ray:
        raise UsageError(
            Reason.USAGE, "The options --ray-… are for a Ray cluster. Add --engine ray, or leave them out."
        )
    options = BatchOptions(**_given(arguments, BatchOptions) | records | {"names": Names(arguments.names)})
    with interruptible(), case_bar() as progress:
        report = run_batch(arguments.inputs, arguments.out, options, progress)
    say(batch_summary(report))
    return report.exit_code


def _calibrate(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.cli.calibrate import make_calibration, rods_text

    if arguments.out.exists():
        message = f"{arguments.out} is there already. Name another file."
        raise UsageError(Reason.OUTPUT_EXISTS, message)
    made = make_calibration(arguments.input, arguments.name, arguments.rods, arguments.kvp, arguments.date)
    made.calibration.save(arguments.out)
    say(rods_text(made, arguments.out))
    return ExitCode.DONE


def _worker(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.worker.serving import run_worker

    return run_worker(arguments.ends_with)


def _doctor(arguments: argparse.Namespace) -> int:
    from OsteoJointLib.cli.doctor import examine, findings_text

    findings = examine()
    say(json.dumps(findings.document(), indent=2) if arguments.json else findings_text(findings))
    return ExitCode.DONE if findings.fit else ExitCode.MODEL_REFUSED
