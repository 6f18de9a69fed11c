"""The command that turns two trainings into a weights file."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.option_types import at_least


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare export."""
    parser = commands.add_parser(
        "export",
        help="write one weights file of both networks, with its manifest",
        description="Write one weights file of both networks, with its manifest. OsteoJoint reads with it by --weights "
        "DIR/NAME.safetensors; the shipped weights are those in Resources/Weights.",
    )
    parser.add_argument(
        "--multitask",
        required=True,
        metavar="FILE or NAME",
        help="last.pt of the multitask run, or weights whose multitask network is kept",
    )
    parser.add_argument(
        "--levels",
        required=True,
        metavar="FILE or NAME",
        help="last.pt of the level network's run, or weights whose level network is kept",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the weights and the manifest")
    parser.add_argument("--name", required=True, help="of the weights: letters, digits, - and _")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="enter these numbers: the JSON of evaluate")
    parser.add_argument(
        "--calibrate",
        type=at_least(0),
        default=0,
        metavar="N",
        help="choose how sure the network may be on so many validation phantoms (default: as it is)",
    )
    parser.add_argument("--replace", action="store_true", help="write over weights of this name in the folder")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    from training.tasks.export import export

    path = export(
        options.multitask,
        options.levels,
        options.name,
        options.out,
        options.metrics,
        options.replace,
        options.calibrate,
    )
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
