"""The report's sections: what was run, what came out, and in plain words what that can and can't say."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from training.evaluation.metrics import auc, bootstrap_interval
from training.experiments.learning_rates import RATES
from training.experiments.modules import ALL, FIELDS, NONE, WITH_OURS
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import (
    Block,
    Chart,
    Command,
    Grid,
    Picture,
    Pictures,
    Prose,
    Section,
    Verdict,
    Verdicts,
)
from training.experiments.report.charts import CLASS_NAMES, Mark, bars, confusion, dots, lines, roc
from training.experiments.report.outline_section import outline_section
from training.experiments.report.results import Results
from training.experiments.roi_baselines import NETWORKS
from training.experiments.tables import in_words
from training.experiments.trials import CLASSES, Measure, Trial, class_numbers, gain, gains, mean_over_both, overall

_RULES = {"hu": "mean HU", "hu_header": "HU and header", "hu_header_tissue": "HU, header, tissues"}
_OURS = {ALL: "joint network", WITH_OURS: "with our switches"}
"""As they are called beside others."""
_FOLDED = "Every class: accuracy, sensitivity, specificity and F1 beside the paper's"


def all_sections(results: Results) -> list[Section]:
    """Write every section; one whose experiment wasn't run says how to run it."""
    return [
        _in_short(results),
        _cases(results),
        _modules(results),
        _baselines(results),
        _curves(results),
        _learning_rates(results),
        _folds(results),
        _whole(results),
        _pictures(results),
        _switches(results),
        outline_section(results.outlines),
        _limits(results),
    ]


# --- in short ---------------------------------------------------------------------------------------------------------


def _in_short(results: Results) -> Section:
    verdicts = [_module_verdict(results, module) for module in FIELDS]
    verdicts += [_joint_verdict(results), _roi_verdict(results), _hu_verdict(results)]
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
        "open": "The four pairs of networks that differ by it alone disagree, or hardly differ.",
        "against": "The networks with it are worse, on the mean of the four pairs that differ by it alone.",
    }
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
    measure = gain(ours, rivals[best])
    outcome = outcome_of(measure)
    words = {
        "holds": f"The best of them here is {best}. It is given true masks, ours its own.",
        "open": f"The best of them here is {best}, about as good. It is given true masks, ours its own.",
        "against": f"{best} is better here: with true masks, a body cut out of the image tells its grey values at "
        "once.",
    }[outcome]
    return Verdict(claim, told, in_words(measure, signed=True), outcome, words)


def _hu_verdict(results: Results) -> Verdict:
    claim = "A network knows more than the mean HU (ours to ask)"
    ours, rule = results.of("modules", WITH_OURS), results.of("roi_baselines", "hu")
    if not ours or not rule:
        return _absent(claim, "not asked")
    first = [trial for trial in ours if trial.seed == rule[0].seed]
    measure = gain(first, rule)
    outcome = outcome_of(measure)
    words = {
        "holds": "The scans mix tube voltages and contrast, so that one threshold of HU can't do.",
        "open": "With so few cases a network doesn't get past two thresholds of HU, measured within true masks.",
        "against": "With so few cases two thresholds of HU, measured within true masks, are better.",
    }[outcome]
    return Verdict(claim, "not asked", in_words(measure, signed=True), outcome, words)


def _absent(claim: str, told: str) -> Verdict:
    return Verdict(claim, told, "–", "absent", "The experiment was not run; its section says how.")


def outcome_of(measure: Measure) -> str:
    """Say whether an interval lies above zero, below it, or holds it."""
    if measure.low is None or measure.high is None or measure.low <= 0.0 <= measure.high:
        return "open"
    return "holds" if measure.low > 0.0 else "against"


def main_effect(results: Results, module: str) -> Measure | None:
    """Measure what a module adds: the mean over the pairs of networks that differ by it alone, and over their seeds.

    None where not all eight networks are there.
    """
    parts = []
    for name, without in pairs_of(module):
        on, off = results.of("modules", name), results.of("modules", without)
        if not on or not off:
            return None
        parts.append(gains(on, off))
    return mean_over_both(np.concatenate(parts))


def pairs_of(module: str) -> list[tuple[str, str]]:
    """Name the four networks with a module, each with the one that lacks it alone.

    >>> pairs_of("GC")
    [('GC', 'none'), ('LF + GC', 'LF'), ('GC + FF', 'FF'), ('LF + GC + FF', 'LF + FF')]
    """
    others = [name for name in FIELDS if name != module]
    pairs = []
    for chosen in ((), (others[0],), (others[1],), tuple(others)):
        with_it = " + ".join(name for name in FIELDS if name in chosen or name == module)
        pairs.append((with_it, " + ".join(chosen) or NONE))
    return pairs


# --- cases ------------------------------------------------------------------------------------------------------------


def _cases(results: Results) -> Section:
    about = results.about
    blocks: list[Block] = [
        Prose(
            "A patient is a synthetic lumbar CT (see the page on the phantom): its bone mineral density is known, "
            "its levels and bodies are known to the pixel. Tube voltage (80 to 140 kVp), contrast phase, noise, "
            "kernel, slice thickness, body size and old age's changes are mixed and exaggerated on purpose, so the "
            "task is harder than the paper's, which reads 120 kVp scans without contrast from one scanner. As many "
            "cases as the paper's 1048, split 50 : 10 : 40 by patient with each class in its proportion (Figure 6)."
        )
    ]
    if about is not None:
        parts = ("training", "watched", "tested")
        rows = [(part, *map(str, counts), str(sum(counts))) for part, counts in zip(parts, about.classes, strict=True)]
        rows.append(("all", *(str(sum(c)) for c in zip(*about.classes, strict=True)), str(np.sum(about.classes))))
        note = (
            f"Split {about.split_sha256[:12]}. Crops are the middle {about.window_px} pixels about the bodies, one "
            f"plain and {about.views} augmented views of each case."
        )
        blocks.append(Grid(("part", *CLASS_NAMES, "all"), rows, note, strong=("all",)))
    blocks += [
        Prose(
            "To train dozens of networks on two CPU cores, everything is small: the compact profile (2 million "
            "parameters), a few hundred steps, and for our networks a segmenter that was trained before on 6000 "
            "other phantoms and stays frozen, so that only classifier and fusion are trained. Intervals are 95 %, "
            "from drawing patients and training seeds with replacement; differences are taken on the same patients "
            "and seeds."
        ),
        Command(
            "python -m training pairs --out runs/pool --seed 100000 --count 2096\npython -m training ablate --config "
            "modules --data runs/pool --out runs/experiments   # and so on, below\npython -m training report "
            "--results runs/experiments --html report.html --markdown report.md"
        ),
    ]
    return Section("cases", "The cases", blocks)


# --- Table 3 ----------------------------------------------------------------------------------------------------------


def _modules(results: Results) -> Section:
    title, command = (
        "Table 3, Figure 13: the three modules",
        "python -m training ablate --config modules --data DIR --out DIR",
    )
    trials = results.trials["modules"]
    names = [name for name in (*paper.MODULES, WITH_OURS) if results.of("modules", name)]
    if NONE not in names:
        return _not_run("modules", title, command)
    base = results.of("modules", NONE)
    marks = [
        Mark(name, *_three(overall(results.of("modules", name))), _told(paper.MODULES, name), name in (ALL, WITH_OURS))
        for name in names
    ]
    low = 0.05 * np.floor(min(m.low if m.low is not None else m.value for m in marks) / 0.05)
    blocks: list[Block] = [
        Prose(
            "Layered fusion (LF), gated convolution (GC) and feature fusion (FF) in all eight combinations, "
            "everything else as the paper describes it and our own switches off, "
            + _lengths(trials)
            + ". The last row turns ours "
            "on as well: ordinal head, header facts and mask guidance."
        ),
        Chart(
            (dots(marks, float(low), 1.0, 0.05, "Accuracy over three classes of each combination of modules"),),
            "Accuracy over three classes: dots and bars are ours with their 95 % interval, hollow diamonds the "
            "paper's (computed from its Table 3). A diamond further right is no better: other cases, another scale.",
        ),
    ]
    effects = [(module, main_effect(results, module)) for module in FIELDS]
    if all(effect is not None for _, effect in effects):
        rows = []
        for module, effect in effects:
            assert effect is not None
            told = paper.overall(paper.MODULES[module]) - paper.overall(paper.MODULES[NONE])
            parts = [
                f"{gain(results.of('modules', on), results.of('modules', off)).value:+.3f}"
                for on, off in pairs_of(module)
            ]
            rows.append(
                (module, in_words(effect, signed=True), *(part.replace("-", "−") for part in parts), f"{told:+.3f}")
            )
        blocks.append(
            Grid(
                ("module", "what it adds", "alone", "to the second", "to the third", "to both", "paper, alone"),
                rows,
                "The first number is the mean of the four that follow; for LF the second module is GC and the third "
                "FF, for GC they are LF and FF, for FF they are LF and GC.",
                signed=(1,),
            )
        )
    blocks.append(_class_table(((name, results.of("modules", name)) for name in names), paper.MODULES, strong=(ALL,)))
    differences = [(name, gain(results.of("modules", name), base)) for name in names if name != NONE]
    blocks.append(
        Grid(
            ("against the plain network", "trainings", "accuracy", "gain"),
            [
                (
                    name,
                    str(len(results.of("modules", name))),
                    in_words(overall(results.of("modules", name))),
                    in_words(d, signed=True),
                )
                for name, d in differences
            ],
            signed=(3,),
        )
    )
    blocks.append(Command(command))
    return Section("modules", title, blocks)


def _lengths(trials: Sequence[Trial]) -> str:
    """Say how long the trainings were.

    Returns:
        Such as "240 steps of 3 seeds".
    """
    trained = [trial for trial in trials if trial.steps]
    steps, seeds = sorted({t.steps for t in trained}), sorted({t.seed for t in trained})
    some = " or ".join(map(str, steps))
    return f"{some} steps, {len(seeds)} seed{'s' * (len(seeds) > 1)}, {trained[0].train_cases} training cases"


def _three(measure: Measure) -> tuple[float, float | None, float | None]:
    return measure.value, measure.low, measure.high


def _told(table: Mapping[str, paper.Rows], name: str) -> float | None:
    return paper.overall(table[name]) if name in table else None


def _class_table(
    groups: Iterable[tuple[str, Sequence[Trial]]], told: Mapping[str, paper.Rows], strong: tuple[str, ...] = ()
) -> Grid:
    """Lay out the four measures of each class beside the paper's, as its tables do."""
    rows = []
    for name, trials in groups:
        for index, kind in enumerate(CLASS_NAMES):
            of = class_numbers(trials, index)
            theirs = [f" / {value:.3f}" for value in told[name][index]] if name in told else [""] * 4
            cells = (f"{of[measure]:.3f}{their}" for measure, their in zip(paper.MEASURES, theirs, strict=True))
            rows.append((name if index == 0 else "", kind, *cells))
    note = "Each class against the other two, means over the seeds; ours first, then the paper's."
    return Grid(("", "class", "accuracy", "sensitivity", "specificity", "F1"), rows, note, strong, folded=_FOLDED)


def _not_run(anchor: str, title: str, command: str) -> Section:
    return Section(anchor, title, [Prose("Not run yet. This runs it:"), Command(command)])


# --- Table 2 ----------------------------------------------------------------------------------------------------------


def _baselines(results: Results) -> Section:
    title, command = (
        "Table 2, Figures 7 and 8: beside other classifiers",
        "python -m training baselines --data DIR --out DIR",
    )
    rivals = {name: results.of("roi_baselines", name) for name in NETWORKS}
    rivals = {name: trials for name, trials in rivals.items() if trials}
    if not rivals:
        return _not_run("baselines", title, command)
    rules = {shown: of for name, shown in _RULES.items() if (of := results.of("roi_baselines", name))}
    ours = {shown: of for name, shown in _OURS.items() if (of := results.of("modules", name))}
    everything = {**rivals, **rules, **ours}
    told: dict[str, paper.Rows] = {**paper.BASELINES, _OURS[ALL]: paper.JOINT}
    marks = [Mark(name, *_three(overall(of)), _told(told, name), name in ours) for name, of in everything.items()]
    low = 0.1 * np.floor(min(m.low if m.low is not None else m.value for m in marks) / 0.1)
    classes = {name: [class_numbers(of, k)["accuracy"] for k in range(CLASSES)] for name, of in everything.items()}
    f1 = {name: [class_numbers(of, k)["f1"] for k in range(CLASSES)] for name, of in everything.items()}
    theirs = {name: [row[0] for row in rows] for name, rows in told.items()}
    theirs_f1 = {name: [row[3] for row in rows] for name, rows in told.items()}
    first = [confusion(sum(t.confusion for t in of) / len(of), name) for name, of in everything.items()]
    seconds = {name: float(np.mean([t.seconds for t in of])) for name, of in rivals.items()}
    size = {name: of[0].parameters / 1e6 for name, of in rivals.items()}
    blocks: list[Block] = [
        Prose(
            "Eight networks of torchvision, from random weights, see crops in which everything but the body is "
            f"black, by its true mask: {_lengths(results.trials['roi_baselines'])}, 64 pixels, AdamW. Below them "
            "three rules of the HU within the true masks, fitted on the same training cases: two thresholds; a line "
            "for each tube voltage and contrast phase; the same with fat, muscle and blood. Ours sees the whole crop "
            "and finds the body itself."
        ),
        Chart(
            (dots(marks, float(low), 1.0, 0.1, "Accuracy of eight networks, three rules and ours"),),
            "Accuracy over three classes with 95 % intervals; diamonds are the paper's.",
        ),
        Chart(
            tuple(first),
            "Figure 7: confusion matrices, mean over the seeds. Rows are the truth: normal (N), osteopenia (Pe), "
            "osteoporosis (Po).",
        ),
        Chart(
            (bars(classes, theirs, 0.3, "Accuracy of each class"), bars(f1, theirs_f1, 0.3, "F1 of each class")),
            "Figure 8: accuracy (above) and F1 (below) of each class against the others: normal, osteopenia, "
            "osteoporosis from left to right. Dark ticks are the paper's.",
            stacked=True,
        ),
        _class_table(everything.items(), told, strong=(_OURS[ALL],)),
        Grid(
            ("network", "parameters, million", "seconds of training"),
            [(name, f"{size[name]:.1f}", f"{seconds[name]:.0f}") for name in rivals],
            "On shared cores: the seconds compare roughly.",
        ),
        Command(command),
    ]
    return Section("baselines", title, blocks)


# --- Figures 9 and 10 -------------------------------------------------------------------------------------------------


def _curves(results: Results) -> Section:
    trials = results.of("modules", WITH_OURS) or results.of("modules", ALL)
    name = WITH_OURS if results.of("modules", WITH_OURS) else ALL
    if not trials:
        return _not_run(
            "curves", "Figures 9 and 10: ROC and convergence", "python -m training ablate --data DIR --out DIR"
        )
    groups = {one: of for one in (ALL, WITH_OURS) if (of := results.of("modules", one))}
    charts, rows = [], []
    for one, of in groups.items():
        said = [_auc(of, k) for k in range(CLASSES)]
        labels = [f"{CLASS_NAMES[k]} {said[k].value:.3f}" for k in range(CLASSES)]
        charts.append(roc([_roc(of, k) for k in range(CLASSES)], labels, f"ROC curves of {one}"))
        rows.append((one, *(in_words(measure) for measure in said)))
    rows.append(("paper", *(f"{value:.3f}" for value in paper.AUC)))
    shown = (WITH_OURS, ALL, NONE)
    accuracy = {one: _watched(results.of("modules", one)) for one in shown if results.of("modules", one)}
    loss = {one: _losses(results.of("modules", one)) for one in shown if results.of("modules", one)}
    most = max(y for points in loss.values() for _, y in points)
    blocks: list[Block] = [
        Chart(
            tuple(charts),
            "Figure 9: ROC curves of each class against the others, all seeds together: "
            + " (first), ".join(groups)
            + ".",
        ),
        Grid(("area under the curve", *CLASS_NAMES), rows, "Intervals over patients.", strong=(name,)),
        Chart(
            (
                lines(accuracy, 0.3, 1.0, 0.1, "steps (accuracy on the watched cases)", "Accuracy while training"),
                lines(loss, 0.0, float(np.ceil(most)), 1.0, "steps (loss)", "Loss while training"),
            ),
            "Figure 10: how the trainings went, mean over the seeds. The first one's loss is no mere cross-entropy: "
            "its ordinal head adds a term. The paper trains 300 epochs and is stable after 150; these few steps end "
            "where the rate has fallen to nothing, not where nothing more could be learned.",
        ),
    ]
    return Section("curves", "Figures 9 and 10: ROC and convergence", blocks)


def _auc(trials: Sequence[Trial], index: int) -> Measure:
    true = np.array(trials[0].true) == index
    scores = np.stack([trial.scores[:, index] for trial in trials])
    value = float(np.mean([auc(one, true) for one in scores]))
    low, high = bootstrap_interval(
        lambda i: float(np.mean([auc(one[i], true[i]) for one in scores])), len(true), draws=200
    )
    return Measure(value, low, high)


def _roc(trials: Sequence[Trial], index: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.metrics import roc_curve

    true = np.concatenate([np.array(trial.true) == index for trial in trials])
    false, sensitivity, _ = roc_curve(true, np.concatenate([trial.scores[:, index] for trial in trials]))
    return false, sensitivity


def _watched(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    steps = [point.step for point in trials[0].curve]
    return [
        (float(step), float(np.mean([t.curve[i].accuracy for t in trials if t.curve[i].accuracy is not None])))
        for i, step in enumerate(steps)
    ]


def _losses(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    return [
        (float(point.step), float(np.mean([trial.curve[i].loss for trial in trials])))
        for i, point in enumerate(trials[0].curve)
    ]


# --- Table 1 ----------------------------------------------------------------------------------------------------------


def _learning_rates(results: Results) -> Section:
    title, command = (
        "Table 1: the learning rate",
        "python -m training sweep --config learning_rates --data DIR --out DIR",
    )
    names = [name for rate in RATES if results.of("learning_rates", name := f"{rate:g}")]
    if not names:
        return _not_run("rates", title, command)
    marks = [
        Mark(name, *_three(overall(results.of("learning_rates", name))), _told(paper.LEARNING_RATES, name))
        for name in names
    ]
    best = max(marks, key=lambda mark: mark.value).name
    blocks: list[Block] = [
        Prose(
            "The paper's network (LF, GC and FF, our switches off) with SGD at five rates, "
            + _lengths(results.trials["learning_rates"])
            + f". Here {best} is best; in the paper 0.001 is, after 300 epochs. A rate and a length belong "
            "together: in so few steps a small rate gets nowhere, so this table says which rate suits *this* length, "
            "and can't confirm the paper's."
        ),
        Chart(
            (dots(marks, 0.2, 1.0, 0.1, "Accuracy at five learning rates"),),
            "Accuracy over three classes; diamonds are the paper's.",
        ),
        _class_table(
            ((name, results.of("learning_rates", name)) for name in names), paper.LEARNING_RATES, strong=(best,)
        ),
        Command(command),
    ]
    return Section("rates", title, blocks)


# --- cross-validation -------------------------------------------------------------------------------------------------


def _folds(results: Results) -> Section:
    title, command = "Ten-fold cross-validation", "python -m training crossval --data DIR --out DIR"
    trials = results.trials["ten_folds"]
    if not trials:
        return _not_run("folds", title, command)
    accuracies = np.array([float(trial.right.mean()) for trial in trials])
    off = np.array([abs(value) for trial in trials for value in trial.bmd_off or ()])
    rows = []
    for index, kind in enumerate(CLASS_NAMES):
        per_fold = [class_numbers([trial], index) for trial in trials]
        rows.append(
            (
                kind,
                *(
                    f"{np.mean([f[m] for f in per_fold]):.3f} ± {np.std([f[m] for f in per_fold], ddof=1):.3f}"
                    for m in (*paper.MEASURES, "auc")
                ),
            )
        )
    words = (
        f"Each of {sum(len(t.true) for t in trials)} patients is tested once, by a network that never saw him: "
        f"{len(trials)} of 10 folds, {_lengths(trials)} each, all switches on. Accuracy {in_words(overall(trials))}, "
        f"over the folds {accuracies.min():.3f} to {accuracies.max():.3f} (standard deviation "
        f"{accuracies.std(ddof=1):.3f})"
    )
    words += f"; BMD is {off.mean():.1f} mg/cm³ off on the mean." if len(off) else "."
    folds = [
        Mark(
            f"fold {t.fold}",
            float(t.right.mean()),
            *bootstrap_interval(lambda i, t=t: float(t.right[i].mean()), len(t.true), draws=300),
        )
        for t in trials
    ]  # type: ignore[misc]
    blocks: list[Block] = [
        Prose(words),
        Chart(
            (dots(folds, 0.6, 1.0, 0.05, "Accuracy of each fold"),),
            "Accuracy of each fold, with its interval over its patients.",
        ),
        Grid(
            ("class", "accuracy", "sensitivity", "specificity", "F1", "AUC"),
            rows,
            "Mean ± standard deviation over the folds.",
        ),
        Command(command + "                # --engine ray: one fold a task"),
    ]
    return Section("folds", title, blocks)


# --- whole network ----------------------------------------------------------------------------------------------------


def _whole(results: Results) -> Section:
    title = "The whole network: boxes, masks, class"
    command = "python -m training evaluate --pairs DIR --json DIR/whole_network.json"
    whole = results.whole
    if whole is None:
        return _not_run("whole", title, command)
    true, said = np.array(whole["true"]), np.array(whole["per_mille"])
    right = said.argmax(axis=1) == true
    accuracy = mean_over_both(right[None])
    areas = [auc(said[:, k].astype(float), true == k) for k in range(CLASSES)]
    masks, boxes = whole["masks"], whole["boxes"]
    off = [abs(value) for value in whole["bmd_off"] if value is not None]

    def mask(name: str, told: str) -> tuple[str, ...]:
        of = masks[name]
        each = f"{of['mean']:.3f} ± {of['sd']:.3f}"
        return (
            name.replace("dice", "Dice").replace("iou", "IoU"),
            each,
            f"{of['interval'][0]:.3f} to {of['interval'][1]:.3f}",
            f"{of['pooled']:.3f}",
            f"{of['least']:.3f}",
            told,
        )

    counts = np.zeros((CLASSES, CLASSES))
    np.add.at(counts, (true, said.argmax(axis=1)), 1)
    blocks: list[Block] = [
        Prose(
            f"The shipped weights (trained jointly, all six terms, on 6000 other phantoms) on the {len(true)} tested "
            f"cases: accuracy {in_words(accuracy)}, areas under the curve "
            + ", ".join(f"{CLASS_NAMES[k]} {areas[k]:.3f}" for k in range(CLASSES))
            + f", BMD {np.mean(off):.1f} mg/cm³ off on the mean. What eleven times the cases and whole joint "
            "training give, beside the short trainings above."
        ),
        Grid(
            ("masks", "mean ± sd", "interval", "pooled", "least", "paper"),
            [mask("dice", f"{paper.DICE} ± {paper.DICE_SD}"), mask("iou", f"{paper.IOU} ± {paper.IOU_SD}")],
            f"Of {masks['masks']} bodies. For one mask IoU = Dice / (2 − Dice): the paper's Dice of 0.983 gives "
            "0.967, so its 0.972 is another kind of mean. Both kinds stand here.",
        ),
        Grid(
            ("boxes", "ours", "paper"),
            [
                ("mAP50, L1 and L2 apart", f"{boxes['map50']:.3f}", f"{paper.AP}"),
                ("mAP75, L1 and L2 apart", f"{boxes['map75']:.3f}", "–"),
                ("AP50, a body of either label", f"{boxes['ap50_any_label']:.3f}", "–"),
                ("center off, mm", f"{boxes['center_off_mm']:.1f}", "–"),
            ],
            "One slice hardly tells L1 from L2; the level stage names them.",
        ),
        Chart(
            (confusion(counts, "shipped weights"),),
            "Rows are the truth: normal (N), osteopenia (Pe), osteoporosis (Po).",
        ),
        Command(command),
    ]
    return Section("whole", title, blocks)


def _pictures(results: Results) -> Section:
    title = "Figures 11 and 12: where the network looks"
    whole = results.whole
    if whole is None:
        return _not_run("pictures", title, "python -m training evaluate --pairs DIR --json DIR/whole_network.json")
    groups: dict[bool, list[Picture]] = {True: [], False: []}
    for one in sorted(whole["pictures"], key=lambda one: one["true"]):
        path = results.folder / one["file"]
        if not path.is_file():
            continue
        uri = "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()
        said = int(np.argmax(one["per_mille"]))
        right = said == one["true"]
        words = f"said {CLASS_NAMES[said]}, {one['per_mille'][said] / 10:.0f} %"
        if one["bmd_off"] is not None:
            words += f"; BMD {one['bmd_off']:+d} mg/cm³ off".replace("-", "−")
        groups[right].append(Picture(uri, CLASS_NAMES[one["true"]], words, not right))
    about = "In each picture L1 above L2: the crop with the outline that was found, Grad-CAM (the paper's), "
    "HiResCAM (the product's)."
    blocks: list[Block] = [
        Pictures(tuple(groups[True]), f"Figure 11: right cases of each class. {about}"),
        Pictures(
            tuple(groups[False]), "Figure 12: wrong cases. The paper sees the focus leave the body where it errs."
        ),
    ]
    return Section("pictures", title, blocks)


# --- own switches -----------------------------------------------------------------------------------------------------


def _switches(results: Results) -> Section:
    title, command = (
        "Our own switches, one at a time",
        "python -m training ablate --config own_switches --data DIR --out DIR",
    )
    trials = results.trials["own_switches"]
    if not trials:
        return _not_run("switches", title, command)
    names = list(dict.fromkeys(trial.setting for trial in trials))
    base = results.of("own_switches", names[0])
    rows = []
    for name in names:
        of = results.of("own_switches", name)
        off = [abs(value) for trial in of for value in trial.bmd_off or ()]
        rows.append(
            (
                name,
                str(len(of)),
                in_words(overall(of)),
                "" if name == names[0] else in_words(gain(of, base), signed=True),
                f"{np.mean(off):.1f}" if off else "–",
            )
        )
    blocks: list[Block] = [
        Prose(
            "From the whole network each part is taken away by itself, so that nothing is confounded: "
            + _lengths(trials)
            + ". A minus is what the part is worth."
        ),
        Grid(
            ("what changes", "trainings", "accuracy", "change", "BMD off, mg/cm³"),
            rows,
            strong=(names[0],),
            signed=(3,),
        ),
        Command(command),
    ]
    return Section("switches", title, blocks)


# --- limits -----------------------------------------------------------------------------------------------------------


def _limits(results: Results) -> Section:
    seeds = {len({t.seed for t in of}) for name, of in results.trials.items() if of and name != "ten_folds"}
    blocks: list[Block] = [
        Prose(
            "What phantoms can say: whether a part of the method does what it is for when everything else is equal; "
            "whether the code does what the paper describes; how large a difference must be to be seen with four "
            "hundred tested cases (about 0.03); where a network goes wrong, since the truth is known."
        ),
        Prose(
            "What they can't: how accurate any of this is on patients. A phantom has no disease but those it was "
            "given, its texture follows its density by a rule that a network can learn, and its class is a threshold "
            "on a number that the image was made from. A part that adds nothing here may add something there, and "
            "the other way round. No number on this page is comparable with the paper's as a level; only the order "
            "of effects is."
        ),
        Prose(
            "What is missing here and why: the paper profile (ResNet-101, Darknet-53, 300 epochs on 512-pixel "
            "slices) was not trained, for it takes hours of a GPU; the tables use the compact profile, a frozen "
            "segmenter, crops of 96 pixels and a few hundred steps. The eight baselines start from random weights at "
            f"64 pixels, not at 512, and with one rate each. Seeds: {' or '.join(map(str, sorted(seeds))) or 'none'} "
            "a table, and the intervals count them. Joint training of all six terms is shown by the shipped weights "
            "alone, not switched on and off."
        ),
    ]
    return Section("limits", "What this can and can't say", blocks)
