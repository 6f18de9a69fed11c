"""The commands that write phantoms: whole CTs, pairs of slices, coarse samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from training.commands.option_types import above_zero, at_least
from training.seeds import SEEDS_IN_WORDS, TRAINING_SEEDS, VALIDATION_SEEDS, require_seeds

PARTS = ("train", "validation", "test")
"""Of a split, as :class:`training.data.splits.Part` names them."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare phantoms, pairs and samples."""
    phantoms = _command(commands, "phantoms", "write phantom CTs with their truth and a manifest")
    phantoms.add_argument("--dicom", action="store_true", help="write each as a DICOM series as well")
    phantoms.add_argument("--rods", action="store_true", help="lay calibration rods under the back")
    phantoms.set_defaults(run=_phantoms)
    pairs = _command(commands, "pairs", "write training pairs: four slices of a phantom, or of labeled CTs")
    pairs.add_argument("--cases", type=Path, metavar="DIR", help="of the labeled CTs of a dataset, not of phantoms")
    pairs.add_argument("--split", type=Path, metavar="FILE", help="with --cases: take one part of this split alone")
    pairs.add_argument("--part", choices=PARTS, default=PARTS[0], help="with --split: which (default: %(default)s)")
    pairs.add_argument(
        "--per-case",
        type=at_least(1),
        default=1,
        metavar="N",
        help="with --cases: pairs of a case with whole bodies (default: 1)",
    )
    pairs.set_defaults(run=_pairs)
    samples = _command(commands, "samples", "write level samples: a phantom on the level network's coarse grid")
    samples.add_argument(
        "--spacing-mm", type=above_zero, metavar="N", help="edge of the coarse voxels (default: the network's)"
    )
    samples.set_defaults(run=_samples)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, epilog=SEEDS_IN_WORDS)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first phantom's (default: 0)")
    parser.add_argument("--count", type=at_least(1), required=name != "pairs", metavar="N", help="how many phantoms")
    return parser


def _phantoms(options: argparse.Namespace) -> None:
    from training.data.phantom_files import write_phantoms

    write_phantoms(options.seed, options.count, options.out, options.dicom, options.rods)


def _pairs(options: argparse.Namespace) -> None:
    if options.cases is not None:
        _case_pairs(options)
        return
    from training.data.pairs import make_pairs

    if options.count is None or options.split is not None:
        raise UsageError(
            Reason.USAGE,
            "Say how many phantoms with --count N, or give labeled CTs with --cases DIR; a --split goes with these.",
        )
    print(f"{make_pairs(options.out, _seeds(options))} pairs made in {options.out}")


def _case_pairs(options: argparse.Namespace) -> None:
    from training.data.case_pairs import make_case_pairs
    from training.data.splits import Part, Split, statuses_in

    if options.count is not None:
        raise UsageError(Reason.USAGE, "--count is for phantoms, and --cases takes all labeled CTs. Leave one out.")
    patients = None
    if options.split is not None:
        patients = Split.load(options.split).patients(Part(options.part), set(statuses_in(options.cases)))
    made, cases = make_case_pairs(options.cases, options.out, patients, options.per_case)
    print(f"{made} pairs of {cases} cases made in {options.out}")


def _samples(options: argparse.Namespace) -> None:
    from training.data.level_samples import make_samples

    spacing_mm = options.spacing_mm or LevelNetConfig().spacing_mm
    print(f"{make_samples(options.out, _seeds(options), spacing_mm)} level samples made in {options.out}")


def _seeds(options: argparse.Namespace) -> range:
    return require_seeds(options.seed, options.count, TRAINING_SEEDS, VALIDATION_SEEDS)
