"""Command line of the training package: ``python -m training COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from OsteoJointLib.cli.main import report_ending
from OsteoJointLib.errors import ExitCode, ModelRefused, Reason
from training.commands import datasets, evaluate, experiments, explain, fit, generate, ship
from training.seeds import SEEDS_IN_WORDS

PROGRAM = "python -m training"
INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Train OsteoJoint's networks on phantoms, and evaluate them.", epilog=SEEDS_IN_WORDS
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (datasets, generate, fit, experiments, evaluate, explain, ship):
        group.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 2 usage, 3 input refused, 4 device or package missing, 5 failed.

    Args:
        arguments: without the program's name; None for the process's own.
    """
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; the same command goes on from what it had saved.", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        missing = ModelRefused(
            Reason.DEPENDENCY_MISSING,
            f"The Python package {error.name} is missing. Install what training needs: pip install -e '.[train]'.",
        )
        return report_ending(missing, program=PROGRAM)
    except Exception as error:
        return report_ending(error, program=PROGRAM)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    raise SystemExit(main())
