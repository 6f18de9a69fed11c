"""The report's sections in their order, with those that say what it rests on and what it can't say."""

from __future__ import annotations

import numpy as np

from training.experiments.report.ablation_sections import (
    folds_section,
    modules_section,
    rates_section,
    switches_section,
)
from training.experiments.report.blocks import Block, Command, Grid, Prose, Section
from training.experiments.report.charts import CLASS_NAMES
from training.experiments.report.in_short import in_short
from training.experiments.report.outline_section import outline_section
from training.experiments.report.results import Results
from training.experiments.report.rival_sections import baselines_section, curves_section
from training.experiments.report.whole_sections import pictures_section, whole_section


def all_sections(results: Results) -> list[Section]:
    """Write every section; one whose experiment wasn't run says how to run it."""
    return [
        in_short(results),
        _cases(results),
        modules_section(results),
        baselines_section(results),
        curves_section(results),
        rates_section(results),
        folds_section(results),
        whole_section(results),
        pictures_section(results),
        switches_section(results),
        outline_section(results.outlines),
        _limits(results),
    ]


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
