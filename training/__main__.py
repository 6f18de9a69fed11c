"""Command line of the training package: ``python -m training train | evaluate | phantoms``.

Modules are imported when their command runs, so that help is quick.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason, UsageError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train and evaluate OsteoJoint's networks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train the multitask network, or go on training"))
    _add_evaluate(commands.add_parser("evaluate", help="run the whole chain on phantoms never seen in training"))
    _add_phantoms(commands.add_parser("phantoms", help="write phantom CTs with their truth and a manifest"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="compact", help="module of training/configs (default: compact)")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of training pairs (python -m training.pairs)")
    parser.add_argument("--validation", type=Path, help="folder of pairs to watch")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME); resumed when it has last.pt")
    parser.add_argument("--minutes", type=float, help="minutes of training in all")
    parser.add_argument("--steps", type=int, help="steps in all")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="default: cpu")
    parser.add_argument("--threads", type=int, help="PyTorch's threads")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches (default: 1)")
    parser.add_argument("--seed", type=int, help="instead of the config's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="strict override, e.g. data.rows=8"
    )
    parser.set_defaults(run=_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--phantoms", type=int, required=True, help="how many")
    parser.add_argument("--seed", type=int, default=900_000, help="the first one's seed (default: 900000)")
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go; rows lie beside it (.jsonl)")
    parser.add_argument("--weights", default="compact", help="name or path (default: compact)")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    parser.set_defaults(run=_evaluate)


def _add_phantoms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, required=True, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--dicom", action="store_true", help="write each as a DICOM series as well")
    parser.add_argument("--rods", action="store_true", help="lay calibration rods under the back")
    parser.set_defaults(run=_phantoms)


def _train(options: argparse.Namespace) -> None:
    from training.config import overridden
    from training.train import Budget, train

    try:
        config = import_module(f"training.configs.{options.config}").get_config()
    except ModuleNotFoundError as error:
        raise UsageError(
            Reason.USAGE, f"A config was expected in training/configs/{options.config}.py: {error}."
        ) from error
    for item in options.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(Reason.USAGE, f'--set takes FIELD=VALUE; came "{item}".')
        config = overridden(config, name, value)
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    train(
        config,
        options.pairs,
        options.out or Path("runs") / config.name,
        Budget(options.steps, options.minutes),
        validation=options.validation,
        device=options.device,
        threads=options.threads,
        workers=options.workers,
    )


def _evaluate(options: argparse.Namespace) -> None:
    from training.evaluate import evaluate

    evaluate(options.weights, options.seed, options.phantoms, options.json, options.processes)


def _phantoms(options: argparse.Namespace) -> None:
    from training.phantoms import write_phantoms

    write_phantoms(options.seed, options.count, options.out, options.dicom, options.rods)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except OsteoJointError as error:
        print(f"{error.reason}: {error}", file=sys.stderr)
        return int(error.exit_code)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    raise SystemExit(main())
