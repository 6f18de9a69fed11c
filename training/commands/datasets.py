"""The commands about labeled CTs: check them, divide them, bring public ones in."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from training.commands.option_types import at_least

BODIES = "vertebral-bodies"
KINDS = ("verse", "ctspine1k", "totalsegmentator", BODIES)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare check, split and import."""
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
    _add_import(commands)


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="bring a public dataset's labeled CTs into one of the project's own format",
        description="Bring a public dataset's labeled CTs into one of the project's own format. What can't be trusted "
        "is left out, and said.",
    )
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("source", type=Path, metavar="DIR", help="as it was downloaded and unpacked")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the dataset to fill")
    parser.add_argument(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help=f"with {BODIES}: the folders of TotalSegmentator and VerSe, which have the CTs",
    )
    parser.add_argument(
        "--bmd", type=Path, metavar="FILE", help="the BMD of VerSe'19: verse19fem_AppendixA.csv of spineFE-benchmark"
    )
    parser.add_argument("--bodies", choices=["cut"], help="cut bodies out of whole vertebrae, by the stated method")
    parser.add_argument("--non-commercial", action="store_true", help="take files whose licence is non-commercial, too")
    parser.add_argument("--most", type=at_least(1), metavar="N", help="so many cases at most")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> None:
    from training.importers import ctspine1k, totalsegmentator, verse, vertebral_bodies
    from training.importers.bmd_table import facts_for, read_bmd_table
    from training.importers.bringing import bring
    from training.importers.found import FoundCase

    if bool(options.images) != (options.kind == BODIES):
        raise UsageError(
            Reason.USAGE, f"--images goes with {BODIES}, whose CTs are in other datasets, and only with it."
        )
    if options.kind == BODIES:
        found = vertebral_bodies.find(options.source, options.images)
    else:
        finders = {"verse": verse.find, "ctspine1k": ctspine1k.find, "totalsegmentator": totalsegmentator.find}
        found = finders[options.kind](options.source)
    if options.bmd is not None:
        table, cases = read_bmd_table(options.bmd), found
        found = (replace(case, facts=facts_for(case, table)) if isinstance(case, FoundCase) else case for case in cases)
    brought = bring(found, options.out, options.bodies is not None, options.non_commercial, options.most)
    if not brought.count + len(brought.left_out):
        raise InputRefused(
            Reason.NOT_FOUND,
            f"There is no case of {options.kind} in {options.source}. Give the folder that was unpacked.",
        )
    print(f"{brought.count} cases brought into {options.out}, {len(brought.left_out)} left out.")


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
