"""The sections on other classifiers and on the curves: Table 2, Figures 7 to 10."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.metrics import auc, bootstrap_interval
from training.experiments.modules import ALL, NONE, WITH_OURS
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import Block, Chart, Command, Grid, Prose, Section
from training.experiments.report.charts import CLASS_NAMES, Mark, bars, confusion, dots, lines, roc
from training.experiments.report.common import OURS, class_table, lengths, not_run, roc_points, three, told_overall
from training.experiments.report.results import Results
from training.experiments.roi_baselines import NETWORKS
from training.experiments.tables import in_words
from training.experiments.trials import CLASSES, Measure, Trial, class_numbers, overall

_RULES = {"hu": "mean HU", "hu_header": "HU and header", "hu_header_tissue": "HU, header, tissues"}


def baselines_section(results: Results) -> Section:
    """Show Table 2 and Figures 7 and 8."""
    title, command = (
        "Table 2, Figures 7 and 8: beside other classifiers",
        "python -m training baselines --data DIR --out DIR",
    )
    rivals = {name: results.of("roi_baselines", name) for name in NETWORKS}
    rivals = {name: trials for name, trials in rivals.items() if trials}
    if not rivals:
        return not_run("baselines", title, command)
    rules = {shown: of for name, shown in _RULES.items() if (of := results.of("roi_baselines", name))}
    ours = {shown: of for name, shown in OURS.items() if (of := results.of("modules", name))}
    everything = {**rivals, **rules, **ours}
    told: dict[str, paper.Rows] = {**paper.BASELINES, OURS[ALL]: paper.JOINT}
    marks = [Mark(name, *three(overall(of)), told_overall(told, name), name in ours) for name, of in everything.items()]
    low = 0.1 * np.floor(min(m.low if m.low is not None else m.value for m in marks) / 0.1)
    classes = {name: [class_numbers(of, k)["accuracy"] for k in range(CLASSES)] for name, of in everything.items()}
    f1 = {name: [class_numbers(of, k)["f1"] for k in range(CLASSES)] for name, of in everything.items()}
    theirs = {name: [row[0] for row in rows] for name, rows in told.items()}
    theirs_f1 = {name: [row[3] for row in rows] for name, rows in told.items()}
    first = [confusion(np.mean([t.confusion for t in of], axis=0), name) for name, of in everything.items()]
    seconds = {name: float(np.mean([t.seconds for t in of])) for name, of in rivals.items()}
    size = {name: of[0].parameters / 1e6 for name, of in rivals.items()}
    stuck = [name for name, of in rivals.items() if all(len(np.unique(trial.predicted)) == 1 for trial in of)]
    words = f" {' and '.join(stuck)} say one class of every case: so few steps taught them nothing." if stuck else ""
    blocks: list[Block] = [
        Prose(
            "Eight networks of torchvision, from random weights, see crops in which everything but the body is "
            f"black, by its true mask: {lengths(results.trials['roi_baselines'])}, 64 pixels, AdamW. Below them three "
            "rules of the HU within the true masks, fitted on the same training cases: two thresholds; a line for "
            "each tube voltage and contrast phase; the same with fat, muscle and blood. On these cases, whose tube "
            "voltages, tissues and metal are exaggerated, the rules do worse than on a hospital's mix of phantoms "
            "(0.88 to 0.93, see the model card). Ours see the whole crop: the plain network (Table 3's first row) by "
            "itself, the joint one with the features of a segmenter that was trained before on 6000 other phantoms. "
            "They take 16 cases a step, the eight 8."
            f"{words}"
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
        class_table(everything.items(), told, strong=(OURS[ALL],)),
        Grid(
            ("network", "parameters, million", "seconds of training"),
            [(name, f"{size[name]:.1f}", f"{seconds[name]:.0f}") for name in rivals],
            "On shared cores: the seconds compare roughly.",
            folded="Sizes and times",
        ),
        Command(command),
    ]
    return Section("baselines", title, blocks)


def curves_section(results: Results) -> Section:
    """Show Figures 9 and 10."""
    if not results.of("modules", ALL):
        return not_run(
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
        Grid(("area under the curve", *CLASS_NAMES), rows, "Intervals over patients.", strong=(ALL,)),
        Chart(
            (
                lines(accuracy, 0.3, 1.0, 0.1, "steps (accuracy on the watched cases)", "Accuracy while training"),
                lines(loss, 0.0, float(np.ceil(most)), 1.0, "steps (loss)", "Loss while training"),
            ),
            "Figure 10: how the trainings went, mean over the seeds. The first one's loss is no mere cross-entropy: "
            "its ordinal head adds a term. The paper trains 300 epochs and is stable after 150; these few steps end "
            "where the rate has fallen to nothing, not where nothing more could be learned.",
            stacked=True,
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
    true = np.concatenate([np.array(trial.true) == index for trial in trials])
    return roc_points(true, np.concatenate([trial.scores[:, index] for trial in trials]))


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
