"""The sections on what is switched on and off: Table 3, Table 1, our own switches, the folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.experiments.learning_rates import RATES
from training.experiments.modules import ALL, FIELDS, NONE, WITH_OURS
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import Block, Chart, Command, Grid, Prose, Section
from training.experiments.report.charts import CLASS_NAMES, Mark, dots
from training.experiments.report.common import class_table, lengths, main_effect, not_run, pairs_of, three, told_overall
from training.experiments.report.results import Results
from training.experiments.tables import in_words
from training.experiments.trials import Trial, by_seed, class_numbers, gain, mean_over_both, overall


def modules_section(results: Results) -> Section:
    """Show Table 3: every combination of the three modules."""
    title, command = (
        "Table 3, Figure 13: the three modules",
        "python -m training ablate --config modules --data DIR --out DIR",
    )
    trials = results.trials["modules"]
    names = [name for name in (*paper.MODULES, WITH_OURS) if results.of("modules", name)]
    if NONE not in names:
        return not_run("modules", title, command)
    base = results.of("modules", NONE)
    marks = [
        Mark(
            name,
            *three(overall(results.of("modules", name))),
            told_overall(paper.MODULES, name),
            name in (ALL, WITH_OURS),
        )
        for name in names
    ]
    low = 0.05 * np.floor(min(m.low if m.low is not None else m.value for m in marks) / 0.05)
    blocks: list[Block] = [
        Prose(
            "Layered fusion (LF), gated convolution (GC) and feature fusion (FF) in all eight combinations, "
            "everything else as the paper describes it and our own switches off, "
            + lengths(trials)
            + ". The last row turns ours "
            "on as well: ordinal head, header facts and mask guidance."
        ),
        Chart(
            (dots(marks, float(low), 1.0, 0.05, "Accuracy over three classes of each combination of modules"),),
            "Accuracy over three classes: dots and bars are ours with their 95 % interval, hollow diamonds the "
            "paper's (computed from its Table 3). A diamond further right is no better: other cases, another scale.",
        ),
    ]
    blocks += _words_on_ours(results)
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
    blocks.append(class_table(((name, results.of("modules", name)) for name in names), paper.MODULES, strong=(ALL,)))
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


def _words_on_ours(results: Results) -> list[Block]:
    """Say what our switches did to the paper's network in trainings of this length."""
    ours, base = results.of("modules", WITH_OURS), results.of("modules", ALL)
    off = [abs(value) for trial in ours for value in trial.bmd_off or ()]
    if not ours or not base or not off:
        return []
    measure = gain(ours, base)
    words = f"Our switches change the accuracy by {in_words(measure, signed=True)} here"
    if measure.high is not None and measure.high < 0.0:
        words += (
            f": the ordinal head, whose BMD is still {np.mean(off):.0f} mg/cm³ off, takes longer to learn than the "
            "softmax beside it, and half of the class is its. Trained longer on more cases they pay (see below)"
        )
    return [Prose(words + ".")]


def rates_section(results: Results) -> Section:
    """Show Table 1: five learning rates."""
    title, command = (
        "Table 1: the learning rate",
        "python -m training sweep --config learning_rates --data DIR --out DIR",
    )
    names = [name for rate in RATES if results.of("learning_rates", name := f"{rate:g}")]
    if not names:
        return not_run("rates", title, command)
    marks = [
        Mark(name, *three(overall(results.of("learning_rates", name))), told_overall(paper.LEARNING_RATES, name))
        for name in names
    ]
    best = max(marks, key=lambda mark: mark.value).name
    blocks: list[Block] = [
        Prose(
            "The paper's network (LF, GC and FF, our switches off) with SGD at five rates, "
            + lengths(results.trials["learning_rates"])
            + f". Here {best} is best; in the paper 0.001 is, after 300 epochs. A rate and a length belong "
            "together: in so few steps a small rate gets nowhere, so this table says which rate suits this length, "
            "and can't confirm the paper's."
        ),
        Chart(
            (dots(marks, 0.2, 1.0, 0.1, "Accuracy at five learning rates"),),
            "Accuracy over three classes; diamonds are the paper's.",
        ),
        class_table(
            ((name, results.of("learning_rates", name)) for name in names), paper.LEARNING_RATES, strong=(best,)
        ),
        Command(command),
    ]
    return Section("rates", title, blocks)


def folds_section(results: Results) -> Section:
    """Show the ten folds of each setting."""
    title, command = "Ten-fold cross-validation", "python -m training crossval --data DIR --out DIR"
    trials = results.trials["ten_folds"]
    if not trials:
        return not_run("folds", title, command)
    blocks: list[Block] = []
    for name in sorted({trial.setting for trial in trials}, key=lambda name: name != ALL):
        blocks += _folds_of(name, sorted(results.of("ten_folds", name), key=lambda trial: trial.fold or 0))
    return Section("folds", title, [*blocks, Command(command)])


def _folds_of(name: str, trials: Sequence[Trial]) -> list[Block]:
    accuracies = np.array([float(trial.right.mean()) for trial in trials])
    off = np.array([abs(value) for trial in trials for value in trial.bmd_off or ()])
    rows = []
    for index, kind in enumerate(CLASS_NAMES):
        per_fold = [class_numbers([trial], index) for trial in trials]
        measures = (np.array([fold[measure] for fold in per_fold]) for measure in (*paper.MEASURES, "auc"))
        rows.append((kind, *(f"{values.mean():.3f} ± {values.std():.3f}" for values in measures)))
    words = (
        f"{name}: each of {sum(len(t.true) for t in trials)} patients is tested once, by a network that never saw "
        "them: "
        f"{len(trials)} of 10 folds, {lengths(trials)} each. Accuracy {in_words(overall(trials))}, over the folds "
        f"{accuracies.min():.3f} to {accuracies.max():.3f} (standard deviation {accuracies.std():.3f})"
    )
    words += f"; BMD is {off.mean():.1f} mg/cm³ off on the mean." if len(off) else "."
    folds = [Mark(f"fold {trial.fold}", *three(overall([trial]))) for trial in trials]
    head = ("class", "accuracy", "sensitivity", "specificity", "F1", "AUC")
    return [
        Prose(words),
        Chart(
            (dots(folds, 0.6, 1.0, 0.05, f"Accuracy of each fold of {name}"),),
            "Each fold, with its patients' interval.",
        ),
        Grid(head, rows, "Mean ± standard deviation over the folds."),
    ]


_SWITCHES = (
    "From the whole network each part is taken away by itself, so that nothing is confounded. A minus is what the "
    "part is worth. "
)


def switches_section(results: Results) -> Section:
    """Show what each of our switches is worth."""
    title, command = (
        "Our own switches, one at a time",
        "python -m training ablate --config own_switches --data DIR --out DIR",
    )
    blocks: list[Block] = []
    trials = results.trials["own_switches"]
    if trials:
        names = list(dict.fromkeys(trial.setting for trial in trials))
        rights = {name: by_seed(results.of("own_switches", name)) for name in names}
        off = {name: [abs(v) for t in results.of("own_switches", name) for v in t.bmd_off or ()] for name in names}
        mae = {name: float(np.mean(values)) for name, values in off.items() if values}
        blocks += [Prose(_SWITCHES + lengths(trials) + "."), _switch_table(rights, mae)]
    if results.earlier:
        names = list(dict.fromkeys(row["variant"] for row in results.earlier))
        rights = {name: np.array([r["right"] for r in results.earlier if r["variant"] == name], bool) for name in names}
        known = {
            name: [r["bmd_mae"] for r in results.earlier if r["variant"] == name and "bmd_mae" in r] for name in names
        }
        mae = {name: float(np.mean(values)) for name, values in known.items() if values}
        words = (
            "The same switches on 28 November 2026, in longer trainings: 400 steps of 16 cases out of 2986, crops of "
            "160 pixels drawn anew each time, tested on 566 other phantoms on whole crops, about the segmenter of "
            "minute 64 of the run of the shipped weights."
        )
        blocks += [Prose(words if trials else _SWITCHES + words[:1].lower() + words[1:]), _switch_table(rights, mae)]
    if not blocks:
        return not_run("switches", title, command)
    return Section("switches", title, [*blocks, Command(command)])


def _switch_table(rights: Mapping[str, np.ndarray], mae: Mapping[str, float]) -> Grid:
    """Lay out (seeds, N) right or wrong of each setting; the first is the whole network."""
    whole = next(iter(rights))
    rows = []
    for name, right in rights.items():
        change = "" if name == whole else in_words(mean_over_both(right.astype(float) - rights[whole]), signed=True)
        bmd = f"{mae[name]:.1f}" if name in mae else "–"
        rows.append((name, str(len(right)), in_words(mean_over_both(right)), change, bmd))
    return Grid(
        ("what changes", "trainings", "accuracy", "change", "BMD off, mg/cm³"), rows, strong=(whole,), signed=(3,)
    )
