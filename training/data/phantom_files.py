"""Phantom CTs on disk, with their truth and a dataset manifest (:mod:`OsteoJointLib.dataset`)."""

from __future__ import annotations

from pathlib import Path

from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, LabeledCase, MaskSlices
from OsteoJointLib.phantom.cases import PhantomTruth, make_phantom
from OsteoJointLib.phantom.writing import write_dicom_series, write_truth
from OsteoJointLib.records import Level
from training.seeds import TRAINING_SEEDS, VALIDATION_SEEDS, require_seeds


def write_phantoms(
    first_seed: int, count: int, folder: Path, dicom: bool = False, rods: bool = False
) -> list[LabeledCase]:
    """Write phantoms of consecutive seeds and their manifest.

    Args:
        first_seed, count: which.
        folder: gets the cases as :func:`~OsteoJointLib.dataset.adding.add_case` writes them, each with
            ``<id>/truth.json``; a manifest that is there already keeps its other cases.
        dicom: write ``<id>/dicom`` as well, a DICOM series.
        rods: lay calibration rods under the back.

    Returns:
        The manifest's entries of these phantoms.

    Raises:
        UsageError: a seed is kept for the evaluation.
    """
    seeds = require_seeds(first_seed, count, TRAINING_SEEDS, VALIDATION_SEEDS)
    made = []
    for seed in seeds:
        phantom = make_phantom(seed, rods=rods)
        name = f"phantom-{seed:07d}"
        label = phantom_label(name, phantom.truth)
        made.append(add_case(folder, name, phantom.volume, phantom.labels, label, replace=True).entry)
        write_truth(phantom, folder / name)
        if dicom:
            write_dicom_series(phantom, folder / name)
        print(f"{name}: {phantom.truth.status.value}, {phantom.truth.mean_bmd_mg_cm3:.0f} mg/cm3", flush=True)
    return made


def phantom_label(name: str, truth: PhantomTruth) -> CaseLabel:
    """Say what a phantom's truth says of it; each phantom is a patient of its own."""
    centers = {level: truth.centers_lps_mm[level.verse_label] for level in Level}
    bmd = {level: truth.bmd_mg_cm3[level] for level in Level}
    return CaseLabel(name, centers, MaskSlices.ALL, truth.status, bmd, "phantom truth")
