"""The commands that measure: the whole chain on phantoms, and the level stage on samples."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.weights_manifest import DEFAULT_NAME
from training.commands.option_types import at_least
from training.data.level_samples import list_samples
from training.seeds import EVALUATION_SEEDS, SEEDS_IN_WORDS, VALIDATION_SEEDS


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare evaluate and evaluate-levels."""
    first = EVALUATION_SEEDS.start
    chain = commands.add_parser(
        "evaluate", help="run the whole chain on phantoms never seen in training", epilog=SEEDS_IN_WORDS
    )
    chain.add_argument("--phantoms", type=at_least(1), required=True, metavar="N", help="how many")
    chain.add_argument("--seed", type=int, default=first, metavar="N", help=f"the first one's (default: {first})")
    chain.add_argument(
        "--json", type=Path, required=True, metavar="FILE", help="where the numbers go; rows lie beside it (.jsonl)"
    )
    chain.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"default: {DEFAULT_NAME}, which is shipped"
    )
    chain.add_argument("--processes", type=at_least(1), default=2, metavar="N", help="side by side (default: 2)")
    chain.set_defaults(run=_evaluate)
    levels = commands.add_parser(
        "evaluate-levels", help="run the level stage on level samples, and print its numbers", epilog=SEEDS_IN_WORDS
    )
    levels.add_argument("--network", type=Path, required=True, metavar="FILE", help="last.pt of a level network's run")
    levels.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of validation samples")
    levels.add_argument("--cases", type=at_least(1), metavar="N", help="at most so many")
    levels.add_argument("--rows", type=Path, metavar="FILE", help="write one JSON line a case")
    levels.set_defaults(run=_evaluate_levels)


def _evaluate(options: argparse.Namespace) -> None:
    from training.evaluation.whole_chain import evaluate

    evaluate(options.weights, options.seed, options.phantoms, options.json, options.processes)


def _evaluate_levels(options: argparse.Namespace) -> None:
    from training.evaluation.level_scores import score_samples, summarize
    from training.tasks.levels import load_level_network

    network, paths = load_level_network(options.network), list_samples(options.data, VALIDATION_SEEDS)
    rows = score_samples(network, paths[: options.cases])
    if options.rows:
        write_text_whole(options.rows, "".join(json.dumps(asdict(row)) + "\n" for row in rows))
    print(json.dumps(summarize(rows), indent=2))
