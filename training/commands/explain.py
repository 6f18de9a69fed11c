"""The command that holds explanation maps against the network: where they point, and whether hiding it moves the class.

The masks of real CTs are the chain's own, for there is no truth to them; a phantom's are its truth.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.records import ExplanationMethod
from OsteoJointLib.weights_manifest import DEFAULT_NAME
from training.commands.option_types import at_least
from training.seeds import SEEDS_IN_WORDS, VALIDATION_SEEDS

_FIRST = VALIDATION_SEEDS.start


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare explain."""
    explain = commands.add_parser(
        "explain", help="hide what the explanation maps mark, and see how the class moves", epilog=SEEDS_IN_WORDS
    )
    explain.add_argument("inputs", nargs="*", type=Path, metavar="CT", help="DICOM folders or image files")
    explain.add_argument(
        "--phantoms", type=at_least(0), default=0, metavar="N", help="and so many phantoms (default: 0)"
    )
    explain.add_argument("--seed", type=int, default=_FIRST, metavar="N", help=f"the first one's (default: {_FIRST})")
    explain.add_argument(
        "--method",
        type=ExplanationMethod,
        choices=list(ExplanationMethod),
        default=ExplanationMethod.HIRESCAM,
        help="how the maps are made (default: hirescam)",
    )
    explain.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"default: {DEFAULT_NAME}, which is shipped"
    )
    explain.add_argument("--json", type=Path, metavar="FILE", help="where means and rows go")
    explain.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> None:
    from training.evaluation.chain.explained_cases import explained_cases, summarize

    rows = explained_cases(options.weights, options.method, options.inputs, options.seed, options.phantoms)
    numbers = {"method": options.method.value, "weights": options.weights, **summarize(rows)}
    print(json.dumps(numbers, indent=2))
    if options.json:
        write_text_whole(options.json, json.dumps({**numbers, "rows": rows}, indent=2) + "\n")
