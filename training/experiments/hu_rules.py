"""The baselines of HU on the split of the experiments: fitted on its training cases, tested on its test cases.

They are those of :mod:`training.evaluation.chain.baselines`, told the mean HU of the ROI within the *true* masks: as
good as HU can be measured, and so generous to them.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi
from OsteoJointLib.records import Level
from OsteoJointLib.typed_json import from_json, to_json
from training.data.crop_bank import BankCase, CropBank
from training.data.pairs import StoredPair
from training.evaluation.case_rows.facts import BaselineFacts, tissue_hu_on
from training.evaluation.chain.baselines import Baseline, HuRule, fit_baselines
from training.experiments.experiment import Experiment, Setting
from training.experiments.running import cases_of
from training.experiments.trials import Trial, per_mille

_SOFTNESS_HU = 40.0
"""Over which the plain rule turns from one class to the next, for its ROC curves; chosen, the classes don't depend."""
_MOST_BONE_HU = 500.0
"""Spongy bone has less at any tube voltage; above it is metal or cement, on which nobody fits a rule (chosen)."""


def pair_facts(pair: StoredPair) -> dict[str, Any]:
    """Measure what the rules are told of a pair; {} where the ROI of a body is too small."""
    hu = []
    for level, plane, mask in zip(Level, pair.hu, pair.masks, strict=False):
        mean = measure_roi(plane.astype(float), mask, pair.pixel_mm, level, MeasureConfig()).hu_mean
        if mean is None:
            return {}
        hu.append(mean)
    tissues = tissue_hu_on(zip(pair.hu[:2], pair.tissues[:2], strict=True))
    facts = BaselineFacts(float(np.mean(hu)), pair.kvp, pair.phase != "none", pair.phase, tissues)
    return dict(to_json(facts))


def rule_trials(bank: CropBank, experiment: Experiment) -> list[Trial]:
    """Fit and test the rules; a test case whose HU can't be measured counts as the mean of the training cases."""
    split = cases_of(bank, experiment.split_seed, None)
    train, test = ([bank.cases[i] for i in bank.indices(names)] for names in (split.train, split.test))
    known = [case for case in train if case.baseline]
    usual = to_json(BaselineFacts(float(np.mean([case.baseline["hu"] for case in known]))))
    told = [
        {
            "facts": case.baseline,
            "bmd_mg_cm3": case.bmd_mg_cm3,
            "status": case.status.value,
            "own_bone": case.baseline["hu"] < _MOST_BONE_HU,
        }
        for case in known
    ]
    began = time.perf_counter()
    rules = fit_baselines(told)
    seconds = round(time.perf_counter() - began, 1)
    facts = [from_json(BaselineFacts, case.baseline or usual) for case in test]
    true = tuple(int(i) for i in bank.statuses[bank.indices(split.test)])
    trials = []
    for name, rule in rules.items():
        recipe = experiment.recipe_sha256(Setting(name), "")
        common = (recipe, split.sha256, len(split.train), 0, 0, seconds, true)
        trials.append(Trial(experiment.name, name, 0, None, *common, *_said(rule, facts, test)))
    return trials


def _said(
    rule: Baseline, facts: list[BaselineFacts], test: list[BankCase]
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...] | None]:
    said = rule.said(facts)
    if isinstance(rule, HuRule):
        hu, thresholds = np.array([case.hu for case in facts]), rule.thresholds
        high, low = (hu - thresholds.high_hu) / _SOFTNESS_HU, (thresholds.low_hu - hu) / _SOFTNESS_HU
        odds = np.exp(np.clip(np.stack([high, np.zeros_like(hu), low], axis=1), -50.0, 50.0))
        return per_mille(odds / odds.sum(axis=1, keepdims=True)), None
    scores, bmd = said.scores.copy(), said.bmd_mg_cm3
    assert bmd is not None
    # the rule's class is that of its BMD; where the areas favor another one, they are put level with it
    rows = np.arange(len(scores))
    scores[rows, said.predicted] = np.maximum(scores[rows, said.predicted], scores.max(axis=1) + 1e-3)
    scores /= scores.sum(axis=1, keepdims=True)
    off = tuple(round(float(b - case.bmd_mg_cm3)) for b, case in zip(bmd, test, strict=True))
    return per_mille(scores), off
