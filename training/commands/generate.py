"""The commands that write phantoms: whole CTs, pairs of slices, coarse samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from OsteoJointLib.level_config import LevelNetConfig
from training.commands.option_types import above_zero, at_least
from training.seeds import SEEDS_IN_WORDS, TRAINING_SEEDS, VALIDATION_SEEDS, require_seeds


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare phantoms, pairs and samples."""
    phantoms = _command(commands, "phantoms", "write phantom CTs with their truth and a manifest")
    phantoms.add_argument("--dicom", action="store_true", help="write each as a DICOM series as well")
    phantoms.add_argument("--rods", action="store_true", help="lay calibration rods under the back")
    phantoms.set_defaults(run=_phantoms)
    _command(commands, "pairs", "write training pairs: four slices of a phantom").set_defaults(run=_pairs)
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
    parser.add_argument("--count", type=at_least(1), required=True, metavar="N", help="how many phantoms")
    return parser


def _phantoms(options: argparse.Namespace) -> None:
    from training.data.phantom_files import write_phantoms

    write_phantoms(options.seed, options.count, options.out, options.dicom, options.rods)


def _pairs(options: argparse.Namespace) -> None:
    from training.data.pairs import make_pairs

    print(f"{make_pairs(options.out, _seeds(options))} pairs made in {options.out}")


def _samples(options: argparse.Namespace) -> None:
    from training.data.level_samples import make_samples

    spacing_mm = options.spacing_mm or LevelNetConfig().spacing_mm
    print(f"{make_samples(options.out, _seeds(options), spacing_mm)} level samples made in {options.out}")


def _seeds(options: argparse.Namespace) -> range:
    return require_seeds(options.seed, options.count, TRAINING_SEEDS, VALIDATION_SEEDS)
