"""Trains the settings of an experiment with one seed on one split, side by side on the same batches, and tests them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from OsteoJointLib.device import set_threads
from training.data.crop_bank import BankBatches, CropBank, plain_batch
from training.data.pair_batches import PairBatchConfig
from training.data.splits import FOLDS, Part, make_split
from training.experiments.experiment import Experiment, Setting
from training.experiments.learners import Learner, Meeting, frozen_network, make_learner
from training.experiments.trials import CurvePoint, Trial, per_mille
from training.optimizing import make_optimizer
from training.run_config import OptimizerConfig
from training.schedule import learning_rate

_TESTED_ROWS = 16
"""Cases that are tested together (chosen: as in training)."""
_SEEDS_A_RUN = 1_000_000
"""More than a run has steps, so that no two steps share a seed."""


@dataclass(frozen=True)
class Place:
    """Where a job finds what it works on; a machine of a cluster must see the same paths.

    Args:
        bank: folder of the crops.
        multitask: checkpoint or weights whose segmenter is taken; None where torchvision's networks are trained.
        multitask_sha256: of that file.
    """

    bank: Path
    multitask: Path | None = None
    multitask_sha256: str = ""

    @classmethod
    def of(cls, bank: Path, multitask: Path | None) -> Place:
        """Hash the file, and make the paths whole."""
        if multitask is None:
            return cls(bank.resolve())
        with multitask.open("rb") as stream:
            return cls(bank.resolve(), multitask.resolve(), hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class Job:
    """Settings that are trained together: one seed on one split.

    Args:
        experiment: the whole.
        settings: names of those that are trained.
        seed: of weights and draws.
        fold: of the cross-validation; None for the split.
    """

    experiment: Experiment
    settings: tuple[str, ...]
    seed: int
    fold: int | None = None


def jobs_of(experiment: Experiment, place: Place, done: Sequence[Trial], apart: bool) -> list[Job]:
    """List what is left to train.

    Args:
        experiment: the whole.
        place: where.
        done: rows that are there; those of another recipe count for nothing.
        apart: whether each setting is a job of its own, so that machines may share them.
    """
    have = {(t.setting, t.seed, t.fold) for t in current(experiment, place, done)}
    folds: Sequence[int | None] = range(FOLDS) if experiment.folds else [None]
    jobs = []
    for seed in experiment.seeds:
        for index in folds:
            left = tuple(s.name for s in experiment.settings if (s.name, seed, index) not in have)
            groups = [(name,) for name in left] if apart else [left] * bool(left)
            jobs += [Job(experiment, group, seed, index) for group in groups]
    return jobs


def current(experiment: Experiment, place: Place, trials: Sequence[Trial]) -> list[Trial]:
    """Return the rows of the experiment as it now is, in the order of its settings, seeds and folds."""
    recipes = {s.name: experiment.recipe_sha256(s, place.multitask_sha256) for s in experiment.settings}
    names = list(recipes)
    rows = [t for t in trials if recipes.get(t.setting) == t.recipe_sha256]
    return sorted(rows, key=lambda t: (names.index(t.setting), t.seed, t.fold or 0))


@dataclass(frozen=True)
class Cases:
    """Names of the cases that train, are watched and are tested; nobody is watched in a cross-validation."""

    train: tuple[str, ...]
    watched: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Two rows of one hash were trained and tested on the same cases."""
        return hashlib.sha256(json.dumps([self.train, self.watched, self.test]).encode()).hexdigest()


def cases_of(bank: CropBank, split_seed: int, fold: int | None) -> Cases:
    """Return who trains and who is tested, by patient."""
    statuses = {case.patient: case.status for case in bank.cases}
    split = make_split(statuses, split_seed)
    if fold is None:
        train, watched, test = (set(split.parts[part]) for part in Part)
    else:
        (train, test), watched = split.fold(fold), set()

    def names(patients: set[str]) -> tuple[str, ...]:
        return tuple(case.name for case in bank.cases if case.patient in patients)

    return Cases(names(train), names(watched), names(test))


def run_job(job: Job, place: Place) -> list[Trial]:
    """Train and test; the same job gives the same rows, whatever else was trained beside it."""
    set_threads(1)
    bank, experiment = CropBank(place.bank), job.experiment
    split = cases_of(bank, experiment.split_seed, job.fold)
    frozen = frozen_network(place.multitask) if place.multitask else None
    rivals = _rivals(job, None if frozen is None else frozen.config)
    segmenter = None if frozen is None else frozen.segmenter
    groups: dict[PairBatchConfig, list[_Rival]] = {}
    for rival in rivals:
        groups.setdefault(_batches_of(experiment, rival.setting), []).append(rival)
    sources = {of: BankBatches(bank, split.train, job.seed, of) for of in groups}
    every = max(experiment.steps // experiment.curve_points, 1)
    for step in range(experiment.steps):
        for of, members in groups.items():
            meeting = Meeting(sources[of][step], segmenter)
            for rival in members:
                rival.learn(meeting, step / experiment.steps, _SEEDS_A_RUN * job.seed + step)
        if (step + 1) % every == 0 or step + 1 == experiment.steps:
            accuracies = _accuracies(rivals, bank, split, segmenter)
            for rival in rivals:
                rival.note(step + 1, accuracies.get(rival.setting.name))
            print(f"{experiment.name}, seed {job.seed}, fold {job.fold}, step {step + 1}: {accuracies}", flush=True)
    said = _said(rivals, bank, split.test, segmenter)
    return [_trial(job, place, split, bank, rival, said[rival.setting.name]) for rival in rivals]


class _Rival:
    """A setting in training."""

    def __init__(self, setting: Setting, learner: Learner, optimizer: OptimizerConfig):
        self.setting, self.learner, self.config = setting, learner, optimizer
        self.optimizer = make_optimizer(learner, optimizer)
        self.seconds = 0.0
        self.losses: list[float] = []
        self.curve: list[CurvePoint] = []

    def learn(self, meeting: Meeting, progress: float, seed: int) -> None:
        """Take one step; what drops out follows from the seed, not from who else is in training."""
        began = time.perf_counter()
        self.learner.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, self.config)
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16):
            torch.manual_seed(seed)
            loss = self.learner.loss(meeting)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.losses.append(float(loss.detach()))
        self.seconds += time.perf_counter() - began

    def note(self, step: int, accuracy: float | None) -> None:
        """Add a point to the curve."""
        self.curve.append(CurvePoint(step, round(float(np.mean(self.losses)), 4), accuracy))
        self.losses.clear()


def _rivals(job: Job, network: object) -> list[_Rival]:
    experiment, rivals = job.experiment, []
    for name in job.settings:
        setting = experiment.setting(name)
        learner = make_learner(setting, job.seed, experiment.roi_px, network)  # type: ignore[arg-type]
        rivals.append(_Rival(setting, learner, replace(experiment.optimizer, **setting.optimizer)))
    return rivals


def _batches_of(experiment: Experiment, setting: Setting) -> PairBatchConfig:
    return replace(PairBatchConfig(class_rows=experiment.rows), **setting.data)


Said = tuple[np.ndarray, np.ndarray | None]
"""(N, 3) probabilities, and (N,) BMD or None."""


@torch.no_grad()
def _said(rivals: Sequence[_Rival], bank: CropBank, names: Sequence[str], segmenter: object) -> Mapping[str, Said]:
    """Ask every rival about cases, in the order of their names."""
    probabilities: dict[str, list[torch.Tensor]] = {rival.setting.name: [] for rival in rivals}
    bmd: dict[str, list[torch.Tensor]] = {rival.setting.name: [] for rival in rivals}
    indices = bank.indices(names)
    for first in range(0, len(indices), _TESTED_ROWS):
        meeting = Meeting(plain_batch(bank, indices[first : first + _TESTED_ROWS]), segmenter)  # type: ignore[arg-type]
        for rival in rivals:
            rival.learner.eval()
            with torch.autocast("cpu", torch.bfloat16):
                said, estimate = rival.learner.say(meeting)
            probabilities[rival.setting.name].append(said)
            if estimate is not None:
                bmd[rival.setting.name].append(estimate.float())
    return {
        name: (torch.cat(said).double().numpy(), torch.cat(bmd[name]).numpy() if bmd[name] else None)
        for name, said in probabilities.items()
    }


def _accuracies(rivals: Sequence[_Rival], bank: CropBank, split: Cases, segmenter: object) -> dict[str, float]:
    if not split.watched:
        return {}
    true = bank.statuses[bank.indices(split.watched)]
    said = _said(rivals, bank, split.watched, segmenter)
    return {name: round(float((of.argmax(axis=1) == true).mean()), 4) for name, (of, _) in said.items()}


def _trial(job: Job, place: Place, split: Cases, bank: CropBank, rival: _Rival, said: Said) -> Trial:
    indices = bank.indices(split.test)
    probabilities, bmd = said
    true_bmd = np.array([bank.cases[index].bmd_mg_cm3 for index in indices])
    return Trial(
        experiment=job.experiment.name,
        setting=rival.setting.name,
        seed=job.seed,
        fold=job.fold,
        recipe_sha256=job.experiment.recipe_sha256(rival.setting, place.multitask_sha256),
        split_sha256=split.sha256,
        train_cases=len(split.train),
        steps=job.experiment.steps,
        parameters=sum(parameter.numel() for parameter in rival.learner.parameters()),
        seconds=round(rival.seconds, 1),
        true=tuple(int(bank.statuses[index]) for index in indices),
        per_mille=per_mille(probabilities),
        bmd_off=None if bmd is None else tuple(round(float(off)) for off in bmd - true_bmd),
        curve=tuple(rival.curve),
    )
