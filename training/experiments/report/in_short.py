"""The report's first section: claims of the paper, and what the phantoms say of them."""

from __future__ import annotations

from collections.abc import Sequence

from training.experiments.modules import ALL, FIELDS, NONE
from training.experiments.outlines import ALONE, BOTH
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import Block, Prose, Section, Verdict, Verdicts
from training.experiments.report.common import main_effect, outcome_of
from training.experiments.report.outline_section import outline_change
from training.experiments.report.results import Results
from training.experiments.roi_baselines import NETWORKS
from training.experiments.tables import in_words
from training.experiments.trials import Measure, Trial, by_seed, gain, mean_over_both, overall

_WOULD_SHOW = " A gain as large as the paper's would have shown."


def in_short(results: Results) -> Section:
    """Hold the claims against the phantoms."""
    verdicts = [_module_verdict(results, module) for module in FIELDS]
    verdicts += [_joint_verdict(results), _roi_verdict(results), _boundary_verdict(results), _hu_verdict(results)]
    blocks: list[Block] = [
        Prose(
            "Each card holds a claim of the paper against the phantoms. A claim “holds here” when the 95 % interval "
            "of the difference leaves zero out on the paper's side, and is “not shown” when zero lies within it: "
            "then these trainings are too few or too short to tell, or there is nothing to tell."
        ),
        Verdicts(tuple(verdicts)),
    ]
    return Section("short", "In short", blocks)


def _module_verdict(results: Results, module: str) -> Verdict:
    names = {"LF": "layered fusion", "GC": "gated convolution", "FF": "feature fusion"}
    claim = f"{names[module].capitalize()} ({module}) raises the accuracy"
    told = paper.overall(paper.MODULES[module]) - paper.overall(paper.MODULES[NONE])
    effect = main_effect(results, module)
    if effect is None:
        return _absent(claim, f"{told:+.3f}")
    words = {
        "holds": "On the mean of the four pairs of networks that differ by it alone.",
        "open": "The four pairs of networks that differ by it alone hardly differ, or disagree.",
        "against": "The networks with it are worse, on the mean of the four pairs that differ by it alone.",
    }
    if effect.high is not None and effect.high < told:
        words["open"] += _WOULD_SHOW
    outcome = outcome_of(effect)
    return Verdict(claim, f"{told:+.3f} alone", in_words(effect, signed=True), outcome, words[outcome])


def _joint_verdict(results: Results) -> Verdict:
    claim = "All three together beat the plain network"
    told = paper.overall(paper.JOINT) - paper.overall(paper.MODULES[NONE])
    whole, base = results.of("modules", ALL), results.of("modules", NONE)
    if not whole or not base:
        return _absent(claim, f"{told:+.3f}")
    measure = gain(whole, base)
    outcome = outcome_of(measure)
    words = {
        "holds": "As the paper says; by how much depends on how hard the cases are.",
        "open": "Together they neither help nor hurt by more than chance.",
        "against": "Together they cost accuracy in trainings as short as these.",
    }[outcome]
    if outcome == "open" and measure.high is not None and measure.high < told:
        words += _WOULD_SHOW
    return Verdict(claim, f"{told:+.3f}", in_words(measure, signed=True), outcome, words)


def _roi_verdict(results: Results) -> Verdict:
    claim = "The joint network beats classifiers that see the bodies alone"
    best_told = max(paper.overall(rows) for rows in paper.BASELINES.values())
    told = f"{paper.overall(paper.JOINT) - best_told:+.3f} over the best"
    ours = results.of("modules", ALL)
    rivals = {name: results.of("roi_baselines", name) for name in NETWORKS}
    rivals = {name: trials for name, trials in rivals.items() if trials}
    if not ours or not rivals:
        return _absent(claim, told)
    best = max(rivals, key=lambda name: overall(rivals[name]).value)
    measure = _against(ours, rivals[best])
    outcome = outcome_of(measure)
    words = {
        "holds": f"The best of them here is {best}. It is given true masks and half as many cases a step; ours sees "
        "the whole crop.",
        "open": f"The best of them here is {best}, about as good. It is given true masks, ours sees the whole crop.",
        "against": f"{best} is better here: with true masks, a body cut out of the image tells its grey values at "
        "once.",
    }[outcome]
    return Verdict(claim, told, in_words(measure, signed=True), outcome, words)


def _hu_verdict(results: Results) -> Verdict:
    claim = "The joint network knows more than mean HU (we ask)"
    ours, rule = results.of("modules", ALL), results.of("roi_baselines", "hu")
    if not ours or not rule:
        return _absent(claim, "not asked")
    measure = _against(ours, rule)
    outcome = outcome_of(measure)
    words = {
        "holds": "The scans mix tube voltages and contrast, so that one threshold of HU can't do.",
        "open": "With so few cases a network doesn't get past two thresholds of HU, measured within true masks.",
        "against": "With so few cases two thresholds of HU, measured within true masks, are better.",
    }[outcome]
    return Verdict(claim, "not asked", in_words(measure, signed=True), outcome, words)


def _boundary_verdict(results: Results) -> Verdict:
    claim = "The boundary branch makes the masks better"
    if len({trial.setting for trial in results.outlines} & {BOTH, ALONE}) < 2:
        return _absent(claim, "said, not measured")
    measure = outline_change(results.outlines, BOTH, ALONE)
    outcome = outcome_of(measure)
    words = {
        "holds": "In Dice, in short trainings of the segmenter from random weights.",
        "open": "In Dice, short trainings with it and without it end alike.",
        "against": "In Dice, short trainings end better without it.",
    }[outcome]
    return Verdict(claim, "said, not measured", in_words(measure, signed=True, digits=4), outcome, words)


def _against(ours: Sequence[Trial], others: Sequence[Trial]) -> Measure:
    """Measure the gain over other methods on the same patients, every training of ours against the mean of theirs."""
    return mean_over_both(by_seed(ours) - by_seed(others).mean(axis=0))


def _absent(claim: str, told: str) -> Verdict:
    return Verdict(claim, told, "–", "absent", "The experiment was not run; its section says how.")
