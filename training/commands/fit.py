"""The commands that fit something to phantoms: networks, anchors, the plain rule's thresholds."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.cli.main import device_name
from OsteoJointLib.errors import Reason, UsageError
from training.commands.option_types import above_zero, at_least
from training.run_config import named_config
from training.schedule import Budget
from training.seeds import SEEDS_IN_WORDS

if TYPE_CHECKING:
    from training.task import Task


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare train, anchors and thresholds."""
    _add_train(commands)
    anchors = commands.add_parser(
        "anchors", help="cluster the localizer's anchors on training pairs, and print them", epilog=SEEDS_IN_WORDS
    )
    anchors.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of training pairs")
    anchors.add_argument("--most", type=at_least(1), default=1000, metavar="N", help="pairs to use (default: 1000)")
    anchors.set_defaults(run=_anchors)
    thresholds = commands.add_parser(
        "thresholds", help="fit the plain rule's two HU thresholds on whole phantoms", epilog=SEEDS_IN_WORDS
    )
    thresholds.add_argument("--seed", type=int, default=700_000, metavar="N", help="the first one's (default: 700000)")
    thresholds.add_argument("--count", type=at_least(1), default=300, metavar="N", help="how many (default: 300)")
    thresholds.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON; the shipped one is OsteoJointLib/pipeline/baseline_thresholds.json",
    )
    thresholds.set_defaults(run=_thresholds)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network, or go on training",
        description="Train a network, or go on: a run folder with a last.pt is resumed, under the same settings only.",
        epilog=SEEDS_IN_WORDS,
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="module of training/configs: compact (the multitask network), paper (that of the paper's sizes, as the "
        "paper trains it), compact_levels (the level network) or finetune; default: compact, with --from finetune",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="what is trained on: pairs, or level samples"
    )
    parser.add_argument("--validation", type=Path, metavar="DIR", help="what is watched, of the same kind")
    parser.add_argument(
        "--from", dest="start", metavar="NAME or PATH", help="begin with these weights, or a run's last.pt"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="DIR", help="draw pairs from here as well, so that they aren't forgotten"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run (default: runs/NAME)")
    parser.add_argument("--epochs", type=above_zero, metavar="N", help="epochs in all: draws as many as cases, each")
    parser.add_argument("--minutes", type=above_zero, metavar="N", help="minutes of training in all")
    parser.add_argument("--steps", type=at_least(1), metavar="N", help="steps in all")
    parser.add_argument("--device", type=device_name, default="cpu", help="auto, cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument(
        "--devices", type=at_least(1), default=1, metavar="N", help="cards of each machine (default: 1)"
    )
    parser.add_argument("--machines", type=at_least(1), default=1, metavar="N", help="that train together (default: 1)")
    parser.add_argument("--threads", type=at_least(1), metavar="N", help="of PyTorch (default: the usable cores)")
    parser.add_argument("--workers", type=at_least(0), default=1, metavar="N", help="that make batches (default: 1)")
    parser.add_argument(
        "--imagenet", type=Path, metavar="FILE", help="torchvision's ResNet weights, for the classifier to begin with"
    )
    parser.add_argument("--seed", type=at_least(0), metavar="N", help="of weights and draws, instead of the config's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="instead of the config's, e.g. data.rows=8"
    )
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    from training.data.pairs import refuse_shared_patients
    from training.imagenet import from_imagenet
    from training.loop import train
    from training.tasks.finished import continued

    overrides = [*options.set, *([f"data.replay={options.replay}"] if options.replay else [])]
    task = chosen_task(options.config or ("finetune" if options.start else "compact"), overrides, options.seed)
    if options.start and options.imagenet:
        raise UsageError(
            Reason.USAGE, "--from and --imagenet both say which weights the classifier begins with. Leave one out."
        )
    task, beginning = continued(task, options.start) if options.start else (task, None)
    if options.imagenet:
        beginning = partial(from_imagenet, path=options.imagenet)
    if options.validation is not None:
        for taught in filter(None, (options.data, options.replay)):
            refuse_shared_patients([taught, options.validation])
    train(
        task,
        options.data,
        options.out or Path("runs") / task.config.name,
        Budget(options.steps, options.minutes, options.epochs),
        options.validation,
        options.device,
        options.threads,
        options.workers,
        devices=options.devices,
        machines=options.machines,
        beginning=beginning,
    )


def chosen_task(name: str, overrides: list[str], seed: int | None) -> Task:
    """Return the task of an experiment with some fields replaced.

    Args:
        name: module of ``training/configs``.
        overrides: "FIELD=VALUE" each.
        seed: of the run; None leaves the config's.

    Raises:
        UsageError: there is no such experiment or field.
    """
    config = named_config("configs", name, overrides)
    if seed is not None:
        config = replace(config, seed=seed)
    return config.task()


def _anchors(options: argparse.Namespace) -> None:
    from training.data.anchors import anchors_in_words

    print(anchors_in_words(options.data, options.most))


def _thresholds(options: argparse.Namespace) -> None:
    from training.evaluation.chain.thresholds import fit_on_phantoms

    thresholds = fit_on_phantoms(options.seed, options.count)
    thresholds.save(options.out)
    print(thresholds)
