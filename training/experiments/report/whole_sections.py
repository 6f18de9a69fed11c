"""The sections on the whole network: boxes, masks, class, and where it looks (Figures 11 and 12)."""

from __future__ import annotations

import base64

import numpy as np

from training.evaluation.metrics import auc
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import Block, Chart, Command, Grid, Picture, Pictures, Prose, Section
from training.experiments.report.charts import CLASS_NAMES, confusion, roc
from training.experiments.report.common import not_run, roc_points
from training.experiments.report.results import Results
from training.experiments.tables import in_words
from training.experiments.trials import CLASSES, mean_over_both


def whole_section(results: Results) -> Section:
    """Show what the shipped weights do on the tested cases."""
    title = "The whole network: boxes, masks, class"
    command = "python -m training evaluate --pairs DIR --json DIR/whole_network.json"
    whole = results.whole
    if whole is None:
        return not_run("whole", title, command)
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
    curves = [roc_points(true == k, said[:, k].astype(float)) for k in range(CLASSES)]
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
                ("mAP50, L1 and L2 apart", _number(boxes["map50"], 3), f"{paper.AP}"),
                ("mAP75, L1 and L2 apart", _number(boxes["map75"], 3), "–"),
                ("AP50, a body of either label", _number(boxes["ap50_any_label"], 3), "–"),
                ("center off, mm", _number(boxes["center_off_mm"], 1), "–"),
            ],
            "One slice hardly tells L1 from L2; the level stage names them.",
        ),
        Chart(
            (
                confusion(counts, "shipped weights"),
                roc(curves, [f"{CLASS_NAMES[k]} {areas[k]:.3f}" for k in range(CLASSES)], "ROC of the shipped weights"),
            ),
            "Rows are the truth: normal (N), osteopenia (Pe), osteoporosis (Po); each class against the others.",
        ),
        Command(command),
    ]
    return Section("whole", title, blocks)


def pictures_section(results: Results) -> Section:
    """Show right and wrong cases with their maps."""
    title = "Figures 11 and 12: where the network looks"
    whole = results.whole
    if whole is None:
        return not_run("pictures", title, "python -m training evaluate --pairs DIR --json DIR/whole_network.json")
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
    about = (
        "In each picture L1 above L2: the crop with the outline that was found, Grad-CAM (the paper's), HiResCAM (the "
        "product's)."
    )
    blocks: list[Block] = [
        Pictures(tuple(groups[True]), f"Figure 11: right cases of each class. {about}"),
        Pictures(
            tuple(groups[False]), "Figure 12: wrong cases. The paper sees the focus leave the body where it errs."
        ),
    ]
    return Section("pictures", title, blocks)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
