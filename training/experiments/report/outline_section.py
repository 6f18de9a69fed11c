"""The report's section on the segmenter's switches."""

from __future__ import annotations

import numpy as np

from training.experiments.outline_trials import OutlineTrial
from training.experiments.report.blocks import Block, Chart, Command, Grid, Prose, Section
from training.experiments.report.charts import lines
from training.experiments.tables import in_words
from training.experiments.trials import Measure, mean_over_both

_PER_TEN_THOUSAND = 10_000
TITLE, COMMAND = "Boundary branch and level set", "python -m training ablate --config outlines --data DIR --out DIR"


def outline_section(trials: list[OutlineTrial]) -> Section:
    """Show how good the masks are with and without each, and how fast they became so."""
    names = list(dict.fromkeys(trial.setting for trial in trials))
    if not names:
        return Section("outlines", TITLE, [Prose("Not run yet. This runs it:"), Command(COMMAND)])
    seeds = sorted({trial.seed for trial in trials})
    many = "s" * (len(seeds) > 1)
    rows = []
    for name in names:
        pooled = [trial.pooled_dice for trial in trials if trial.setting == name]
        change = "" if name == names[0] else in_words(outline_change(trials, name, names[0]), signed=True, digits=4)
        rows.append(
            (
                name,
                in_words(_mean(trials, name, "dice"), digits=4),
                change,
                f"{np.mean(pooled):.4f}",
                in_words(_mean(trials, name, "iou"), digits=4),
            )
        )
    curves = {name: _curve(trials, name) for name in names}
    low = 0.1 * np.floor(min(y for points in curves.values() for _, y in points) / 0.1)
    blocks: list[Block] = [
        Prose(
            f"Segmenters of compact size from random weights, {trials[0].steps} steps of six cases, {len(seeds)} "
            f"seed{many}, on the same batches: with both decoders, without the boundary branch, and with half of the "
            "boundary target from the contour that the level set evolves from the label. The paper says that the "
            "branch speeds convergence up and sharpens the masks."
        ),
        Grid(
            ("segmenter", "Dice, mean of cases", "change", "Dice, pooled", "IoU, mean of cases"),
            rows,
            strong=(names[0],),
            signed=(2,),
        ),
        Chart(
            (lines(curves, float(low), 1.0, 0.1, "steps (Dice on the watched cases)", "Dice while training"),),
            "Dice on the watched cases, mean over the seeds. Early points are rough: the rate is at its top, and the "
            "averages of batch normalization lag behind.",
        ),
        Command(COMMAND),
    ]
    return Section("outlines", TITLE, blocks)


def _values(trials: list[OutlineTrial], name: str, measure: str) -> dict[int, np.ndarray]:
    return {t.seed: np.array(getattr(t, measure)) / _PER_TEN_THOUSAND for t in trials if t.setting == name}


def _mean(trials: list[OutlineTrial], name: str, measure: str) -> Measure:
    return mean_over_both(np.stack(list(_values(trials, name, measure).values())))


def outline_change(trials: list[OutlineTrial], name: str, base: str) -> Measure:
    """Measure the gain in Dice over a base, on the same cases and seeds."""
    first, second = (_values(trials, one, "dice") for one in (name, base))
    return mean_over_both(np.stack([first[seed] - second[seed] for seed in first if seed in second]))


def _curve(trials: list[OutlineTrial], name: str) -> list[tuple[float, float]]:
    of = [trial.curve for trial in trials if trial.setting == name]
    return [(of[0][i][0], float(np.mean([curve[i][1] for curve in of]))) for i in range(len(of[0]))]
