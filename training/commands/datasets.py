"""The commands about labeled CTs: check them, divide them, bring public ones in."""

from __future__ import annotations

import argparse
from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from training.commands.option_types import at_least


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare check and split."""
    check = commands.add_parser(
        "check",
        help="say what is wrong with a dataset of labeled CTs",
        description="Say what is wrong with a dataset of labeled CTs: a sentence a fault, with its line in "
        "cases.jsonl. The exit code is 3 where there is any.",
    )
    check.add_argument("dataset", type=Path, metavar="DIR", help="folder with cases.jsonl")
    check.set_defaults(run=_check)
    split = commands.add_parser(
        "split",
        help="divide the patients of a dataset into training, validation and test, and into ten folds",
        description="Divide the patients of a dataset, or of a folder of pairs, into training (50 %%), validation "
        "(10 %%) and test (40 %%), each class alike, and into ten folds; the file has a hash over its content.",
    )
    split.add_argument("dataset", type=Path, metavar="DIR", help="folder with cases.jsonl, or of pairs")
    split.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="of the order (default: 0)")
    split.add_argument("--out", type=Path, metavar="FILE", help="default: split.json in DIR")
    split.set_defaults(run=_split)


def _split(options: argparse.Namespace) -> None:
    from training.data.splits import SPLIT_FILE, make_split, statuses_in

    split, path = make_split(statuses_in(options.dataset), options.seed), options.out or options.dataset / SPLIT_FILE
    if path.exists():
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"There is a split at {path} already, and what was trained by it would be tested by another. Delete it, or "
            "choose another --out.",
        )
    split.save(path)
    print(f"{path}\n{split}")


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
