"""The commands about labeled CTs: check them, divide them, bring public ones in."""

from __future__ import annotations

import argparse
from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare check."""
    check = commands.add_parser(
        "check",
        help="say what is wrong with a dataset of labeled CTs",
        description="Say what is wrong with a dataset of labeled CTs: a sentence a fault, with its line in "
        "cases.jsonl. The exit code is 3 where there is any.",
    )
    check.add_argument("dataset", type=Path, metavar="DIR", help="folder with cases.jsonl")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> None:
    from OsteoJointLib.dataset.checking import find_faults, lines_of

    lines = sum(1 for _ in lines_of(options.dataset))
    faults = 0
    for fault in find_faults(options.dataset):
        print(fault, flush=True)
        faults += 1
    if faults:
        raise InputRefused(
            Reason.UNREADABLE,
            f"{options.dataset} has {faults} fault{'s' * (faults > 1)} in {lines} case{'s' * (lines > 1)}. Mend "
            f"{'them' if faults > 1 else 'it'} as said above, and check again.",
        )
    print(f"{lines} case{'s' * (lines > 1)}, and nothing wrong with {'them' if lines > 1 else 'it'}.")
