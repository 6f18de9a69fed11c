"""The commands that measure: the whole chain on phantoms, the levels under stress, the level stage on samples."""

from __future__ import annotations

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.weights import load_weights
from OsteoJointLib.weights_manifest import DEFAULT_NAME
from training.commands.option_types import at_least
from training.data.level_samples import list_samples
from training.evaluation.base_cts import listed_cts, own_cts, phantoms, real_cts
from training.evaluation.chain.baselines import fit_baselines, fitting_rows
from training.evaluation.chain.real_classes import classes_table, read_classes
from training.evaluation.phantom_levels import FinderSource, evaluate_levels
from training.evaluation.stress import stress
from training.seeds import EVALUATION_SEEDS, SEEDS_IN_WORDS, VALIDATION_SEEDS, require_seeds

_PHANTOMS, _STRESSED_PHANTOMS = 400, 20  # how many there are where the command doesn't say it
_PAPER_SHARE = 4  # one case of the paper's protocol to so many phantoms, at least
_OUTLINED = 30  # phantoms of the tables of the level set and of whole bodies
_FITTED_ON, _LEAST_FITTED = 400, 20  # phantoms of the baselines (chosen: the thresholds' own error is then 2 HU)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare evaluate and evaluate-levels."""
    first = EVALUATION_SEEDS.start
    chain = commands.add_parser(
        "evaluate", help="run the whole chain on phantoms never seen in training", epilog=SEEDS_IN_WORDS
    )
    chain.add_argument(
        "--phantoms",
        type=at_least(0),
        metavar="N",
        help=f"how many (default: {_PHANTOMS}; with --stress {_STRESSED_PHANTOMS})",
    )
    chain.add_argument("--seed", type=int, default=first, metavar="N", help=f"the first one's (default: {first})")
    chain.add_argument(
        "--json", type=Path, required=True, metavar="FILE", help="where the numbers go; rows lie beside it (.jsonl)"
    )
    chain.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"default: {DEFAULT_NAME}, which is shipped"
    )
    chain.add_argument(
        "--paper",
        type=at_least(0),
        metavar="N",
        help="cases of the paper's own protocol at least, for that stratum (default: a quarter of --phantoms)",
    )
    chain.add_argument(
        "--fitted-on",
        type=at_least(_LEAST_FITTED),
        default=_FITTED_ON,
        metavar="N",
        help=f"training phantoms that the baselines are fitted on (default: {_FITTED_ON})",
    )
    chain.add_argument("--diagram", type=Path, metavar="FILE", help="draw the reliability diagram (SVG)")
    chain.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="measure the network alone, on the 40 %% of these pairs that the experiments test on; pictures go "
        "beside --json",
    )
    chain.add_argument("--processes", type=at_least(1), default=2, metavar="N", help="side by side (default: 2)")
    chain.add_argument("--levels-only", action="store_true", help="name the levels only: no masks, no class")
    chain.add_argument(
        "--stress",
        action="store_true",
        help="name the levels of phantoms and of real CT (../shared/ct), each as it is and under many changes",
    )
    chain.add_argument(
        "--ct",
        type=Path,
        metavar="FOLDER",
        help="list the classes on real CTs, beside the baselines; with --stress: further CTs, named by --levels",
    )
    chain.add_argument(
        "--levels",
        type=Path,
        metavar="FILE",
        help='with --ct: JSON {name: {"L1": [x, y, z], "L2": [x, y, z]}} in LPS mm, null where not in view; a name is '
        "a path below FOLDER",
    )
    chain.add_argument(
        "--network",
        type=Path,
        metavar="FILE",
        help="with --levels-only or --stress: last.pt of a level network's run, instead of the weights'",
    )
    chain.set_defaults(run=_evaluate)
    levels = commands.add_parser(
        "evaluate-levels", help="run the level stage on level samples, and print its numbers", epilog=SEEDS_IN_WORDS
    )
    levels.add_argument("--network", type=Path, required=True, metavar="FILE", help="last.pt of a level network's run")
    levels.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of validation samples")
    levels.add_argument("--cases", type=at_least(1), metavar="N", help="at most so many")
    levels.add_argument("--rows", type=Path, metavar="FILE", help="write one JSON line a case")
    levels.set_defaults(run=_evaluate_levels)
    outlines = commands.add_parser(
        "level-set", help="compare the level set with those of scikit-image and ITK, from good and spoiled masks"
    )
    outlines.add_argument("--phantoms", type=at_least(1), default=_OUTLINED, metavar="N", help="(default: %(default)s)")
    outlines.add_argument(
        "--seed", type=int, default=VALIDATION_SEEDS.start, metavar="N", help="the first one's (default: %(default)s)"
    )
    outlines.add_argument("--ct", type=Path, metavar="FOLDER", help="also on the real CTs there with reference masks")
    outlines.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"default: {DEFAULT_NAME}, which is shipped"
    )
    outlines.set_defaults(run=_level_set)
    bodies = commands.add_parser("bodies", help="compare whole bodies with true ones", epilog=SEEDS_IN_WORDS)
    bodies.add_argument(
        "--phantoms",
        type=at_least(0),
        default=_OUTLINED,
        metavar="N",
        help="how many, half of them chosen for a fracture of L1 or L2 (default: %(default)s)",
    )
    bodies.add_argument("--seed", type=int, default=first, metavar="N", help="the first one's (default: %(default)s)")
    bodies.add_argument("--ct", type=Path, metavar="FOLDER", help="also the real CTs there with reference masks")
    bodies.add_argument("--json", type=Path, metavar="FILE", help="write the numbers and a row a body")
    bodies.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"default: {DEFAULT_NAME}, which is shipped"
    )
    bodies.set_defaults(run=_bodies)


def _evaluate(options: argparse.Namespace) -> None:
    _refuse_what_does_not_go_together(options)
    count = options.phantoms
    if options.stress:
        _stress(options, _STRESSED_PHANTOMS if count is None else count)
        return
    count_or_default = _PHANTOMS if count is None else count
    if options.levels_only:
        evaluate_levels(_finder_source(options), options.seed, count_or_default, options.json, options.processes)
    elif options.ct:
        _real_classes(options)
    elif options.pairs:
        from training.experiments.whole_network import measure_whole

        measure_whole(options.weights, options.pairs, options.json)
    else:
        from training.evaluation.chain.whole_chain import Extent, evaluate

        paper = count_or_default // _PAPER_SHARE if options.paper is None else options.paper
        extent = Extent(options.seed, count_or_default, paper, options.fitted_on)
        evaluate(options.weights, extent, options.json, options.processes, options.diagram)


def _refuse_what_does_not_go_together(options: argparse.Namespace) -> None:
    if options.stress and options.levels_only:
        problem = "--stress names the levels only, so --levels-only says nothing more. Give one of them."
    elif options.levels is not None and options.ct is None:
        problem = "--levels says where the levels of the CTs of --ct are. Give --ct too."
    elif options.stress and options.ct is not None and options.levels is None:
        problem = "Under stress the levels of --ct must be known. Give --levels too."
    elif options.levels_only and options.ct is not None:
        problem = "--levels-only is for phantoms. Give it without --ct."
    elif options.network is not None and not (options.stress or options.levels_only):
        problem = "--network has no masks and no class. Give --levels-only or --stress too, or --weights instead."
    else:
        return
    raise UsageError(Reason.USAGE, problem)


def _stress(options: argparse.Namespace, count: int) -> None:
    further = listed_cts(options.ct, options.levels) if options.ct else []
    bases = own_cts(but=further) + further
    bases += phantoms(require_seeds(options.seed, count, EVALUATION_SEEDS)) if count else []
    stress(_finder_source(options), bases, options.json, options.processes)


def _real_classes(options: argparse.Namespace) -> None:
    from training.evaluation.case_rows.chain_row import shipped_reader

    cts = real_cts(options.ct, options.levels)
    rows = fitting_rows(
        options.json.with_suffix(".baselines.jsonl"), count=options.fitted_on, processes=options.processes
    )
    classes = read_classes(shipped_reader(options.weights), cts, fit_baselines(rows))
    write_text_whole(options.json, json.dumps(to_json(classes), indent=2) + "\n")
    print(classes_table(classes))


def _finder_source(options: argparse.Namespace) -> FinderSource:
    """Say where the level stage comes from: the weights, or the checkpoint of a run."""
    if options.network:
        from training.tasks.levels import checkpoint_finder

        checkpoint_finder(options.network)  # refuses what is none, before it is hashed
        with options.network.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FinderSource(str(options.network), sha256, partial(checkpoint_finder, options.network))
    from training.evaluation.case_rows.chain_row import shipped_finder

    sha256 = load_weights(options.weights).info.sha256
    return FinderSource(options.weights, sha256, partial(shipped_finder, options.weights))


def _evaluate_levels(options: argparse.Namespace) -> None:
    from training.evaluation.level_scores import score_samples, summarize
    from training.tasks.levels import load_level_network

    network, paths = load_level_network(options.network), list_samples(options.data, VALIDATION_SEEDS)
    rows = score_samples(network, paths[: options.cases])
    if options.rows:
        write_text_whole(options.rows, "".join(json.dumps(to_json(row)) + "\n" for row in rows))
    print(json.dumps(summarize(rows), indent=2))


def _level_set(options: argparse.Namespace) -> None:
    from training.evaluation.case_rows.chain_row import shipped_reader
    from training.evaluation.outlines.cases import phantom_cases, real_cases
    from training.evaluation.outlines.comparison import compare, table

    reader = shipped_reader(options.weights)
    seeds = require_seeds(options.seed, options.phantoms, VALIDATION_SEEDS, EVALUATION_SEEDS)
    print(f"{len(seeds)} phantoms from seed {seeds.start} on\n{table(compare(phantom_cases(reader, seeds)))}")
    if options.ct:
        print(f"\nReal CT of {options.ct}\n{table(compare(real_cases(reader, options.ct)))}")


def _bodies(options: argparse.Namespace) -> None:
    from training.evaluation.case_rows.chain_row import shipped_reader
    from training.evaluation.outlines.bodies_summary import bodies_table, summaries, timed
    from training.evaluation.outlines.whole_bodies import BodyRow, half_broken, phantom_bodies, real_bodies

    reader, told = shipped_reader(options.weights), {}
    if options.phantoms:
        seeds = half_broken(require_seeds(options.seed, options.phantoms, VALIDATION_SEEDS, EVALUATION_SEEDS))
        title = f"{len(seeds)} phantoms from seed {options.seed} on, half of them chosen for a fracture of L1 or L2"
        told[title] = list(phantom_bodies(reader, seeds))
    for one in real_bodies(reader, options.ct) if options.ct else ():
        told.setdefault(one.case, []).append(one)
    document = []
    for title, found in told.items():
        rows = [one for one in found if isinstance(one, BodyRow)]
        left_out = [one for one in found if not isinstance(one, BodyRow)]
        print(f"\n{title}\n{bodies_table(summaries(rows))}")
        for one in left_out:
            print(f"{one.case} is left out: {one.why}")
        if rows:
            print(timed(rows))
        document.append({"title": title, "summaries": summaries(rows), "left_out": left_out, "rows": rows})
    if options.json:
        write_text_whole(options.json, json.dumps(to_json(document), indent=2) + "\n")
