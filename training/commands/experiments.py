"""The paper's experiments: sweep, ablate, baselines and crossval train, report makes the page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.batch.ray_cluster import RayOptions
from training.seeds import SEEDS_IN_WORDS

if TYPE_CHECKING:
    from training.data.crop_bank import CropBank
    from training.experiments.experiment import Experiment

_EXPERIMENTS = {
    "sweep": ("learning_rates", "train at several learning rates (Table 1)"),
    "ablate": ("modules", "train the classifier anew with its parts on and off (Table 3, Figure 13)"),
    "baselines": ("roi_baselines", "train eight of torchvision's networks on the bodies alone (Table 2)"),
    "crossval": ("ten_folds", "train and test ten times, by patient"),
}
_ENGINES = ("sequence", "ray")
_SHIPPED = Path(__file__).resolve().parents[2] / "Resources" / "Weights" / "compact.safetensors"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare sweep, ablate, baselines, crossval and report."""
    for name, (config, text) in _EXPERIMENTS.items():
        parser = commands.add_parser(name, help=text, epilog=SEEDS_IN_WORDS)
        parser.add_argument(
            "--config", default=config, metavar="NAME", help=f"module of training/experiments (default: {config})"
        )
        parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="pairs to train and test on")
        parser.add_argument(
            "--multitask",
            type=Path,
            default=_SHIPPED,
            metavar="FILE",
            help="a run's last.pt, or weights: whose segmenter (default: the shipped weights)",
        )
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="rows (NAME.jsonl); what is there isn't made again"
        )
        parser.add_argument(
            "--cache", type=Path, metavar="DIR", help="crops that were cut, a few hundred MB (default: OUT/crops)"
        )
        parser.add_argument(
            "--engine",
            choices=_ENGINES,
            default=_ENGINES[0],
            help="one after another, or each setting, seed and fold as a task of a Ray cluster",
        )
        parser.add_argument(
            "--ray-address",
            default="",
            metavar="HOST:PORT",
            help="auto or local too (default: RAY_ADDRESS's, else local: a cluster of this machine); its machines must "
            "see --out's and --cache's paths",
        )
        parser.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", help="instead of the config's, e.g. steps=400"
        )
        parser.set_defaults(run=_experiment)
    report = commands.add_parser(
        "report", help="make one page of all experiments beside the paper's numbers, HTML and Markdown"
    )
    report.add_argument("--results", type=Path, required=True, metavar="DIR", help="where the rows are")
    report.add_argument("--html", type=Path, required=True, metavar="FILE", help="the page, everything within it")
    report.add_argument("--markdown", type=Path, metavar="FILE", help="the same without charts")
    report.set_defaults(run=_report)


def _experiment(options: argparse.Namespace) -> None:
    from training.data.crop_bank import make_bank
    from training.experiments.about import write_about
    from training.experiments.experiment import Experiment, experiment_of
    from training.experiments.hu_rules import pair_facts
    from training.experiments.outline_trials import complete_outlines

    experiment = experiment_of(options.config, options.set)
    bank = make_bank(options.data, experiment.bank, options.cache or options.out / "crops", pair_facts)
    options.out.mkdir(parents=True, exist_ok=True)
    write_about(options.out, bank, experiment.bank, experiment.split_seed)
    path = options.out / f"{experiment.name}.jsonl"
    if isinstance(experiment, Experiment):
        _classes(experiment, bank, path, options)
    else:
        for trial in complete_outlines(experiment, bank, path):
            print(f"{trial.setting}, seed {trial.seed}: Dice {trial.pooled_dice:.4f} pooled")


def _classes(experiment: Experiment, bank: CropBank, path: Path, options: argparse.Namespace) -> None:
    from training.experiments.engines import Engine, complete
    from training.experiments.hu_rules import rule_trials
    from training.experiments.running import Place
    from training.experiments.tables import trials_table
    from training.experiments.trials import add_trials, read_trials

    ours = not all(setting.roi_network for setting in experiment.settings)
    place = Place.of(bank.folder, options.multitask if ours else None)
    trials = complete(experiment, place, path, Engine(options.engine), cluster=RayOptions(options.ray_address))
    if not ours:
        rules = rule_trials(bank, experiment)
        there = {(trial.setting, trial.recipe_sha256, trial.split_sha256) for trial in read_trials(path)}
        add_trials(path, [r for r in rules if (r.setting, r.recipe_sha256, r.split_sha256) not in there])
        trials += rules
    print(trials_table(trials))


def _report(options: argparse.Namespace) -> None:
    from training.experiments.report.page import make_report

    make_report(options.results, options.html, options.markdown)
    print(f"Report: {options.html}")
