"""What the baselines are told of a case: mean HU, what the header says, and the HU of reference tissues.

The evaluation takes the HU from the ROI that the chain measured. The phantoms that baselines are fitted on are of the
same plausible kind as the evaluation's (not the randomized pairs, whose grey values are no scanner's); of them only the
two mid-slices are rendered, and the ROI is that of the true masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.cases import SLICE_PIXELS, Phantom, PhantomTruth, make_phantom
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi
from OsteoJointLib.records import Level
from OsteoJointLib.typed_json import to_json
from training.evaluation.rows import Row

_EDGE_PX = 2
"""What is left out at a reference tissue's edge, pixels (chosen: the blur of a soft kernel)."""

_LEAST_PIXELS = 25
"""Of a reference tissue on both slices, to be measured (chosen: a noise of 20 HU leaves 4 HU)."""


@dataclass(frozen=True)
class BaselineFacts:
    """What the baselines are told of a case.

    Args:
        hu: mean trabecular HU of L1 and L2.
        kvp: tube voltage in kV; None: not known.
        contrast: whether a contrast agent was given; None: not known.
        phase: its phase, "none" without; None: not known.
        tissue_hu: mean HU of fat, muscle and blood by name, None for one that isn't in view; None: not measured.
    """

    hu: float
    kvp: float | None = None
    contrast: bool | None = None
    phase: str | None = None
    tissue_hu: Mapping[str, float | None] | None = None


def phantom_facts(phantom: Phantom, hu: float) -> BaselineFacts:
    """Gather the facts of a phantom, whose header tells tube voltage and phase.

    The reference tissues are measured inside their true labels: more than any method has on a patient, and so generous
    to the baseline.
    """
    truth = phantom.truth
    phase = truth.contrast_phase
    return BaselineFacts(hu, truth.kvp, phase != "none", phase, tissue_hu([phantom]))


def tissue_hu(phantoms: Sequence[Phantom]) -> dict[str, float | None]:
    """Measure the mean HU of fat, muscle and blood on the mid-slices of L1 and L2, None where there is too little."""
    planes = []
    for phantom in phantoms:
        grid = phantom.volume.grid
        for level, labels in phantom.tissues.items():
            center = np.asarray(phantom.truth.centers_lps_mm[level.verse_label])
            planes.append((phantom.volume.hu[round(float(grid.lps_to_index(center)[0]))], labels))
    return tissue_hu_on(planes)


def tissue_hu_on(planes: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float | None]:
    """Measure the same on planes: of each the (y, x) HU and the (y, x) labels of :class:`ReferenceTissue`."""
    from scipy import ndimage

    found: dict[str, list[np.ndarray]] = {tissue.name.lower(): [] for tissue in ReferenceTissue}
    for plane, labels in planes:
        for tissue in ReferenceTissue:
            core = ndimage.binary_erosion(labels == tissue, iterations=_EDGE_PX)
            found[tissue.name.lower()].append(plane[core].astype(float))
    pooled = {name: np.concatenate(values) if values else np.zeros(0) for name, values in found.items()}
    return {name: float(np.mean(hu)) if len(hu) >= _LEAST_PIXELS else None for name, hu in pooled.items()}


def fitting_row(seed: int) -> Row:
    """Measure a phantom that baselines are fitted on: its facts, BMD and class, and whether its bone is its own.

    Screws, cement and lesions in L1 or L2 read as hundreds of HU: nobody fits a calibration on those.
    """
    truth, slices = phantom_slices(seed)
    hu = []
    for level, phantom in slices.items():
        mask = phantom.labels[0] == level.verse_label
        pixel_mm = phantom.volume.grid.spacing_xyz_mm[0]
        mean_hu = measure_roi(phantom.volume.hu[0].astype(float), mask, pixel_mm, level, MeasureConfig()).hu_mean
        if mean_hu is None:
            raise RunFailed(
                Reason.FAILED,
                f"The ROI of {level} of the phantom of seed {seed} is too small to measure: a fault of the phantom.",
            )
        hu.append(mean_hu)
    phase = truth.contrast_phase
    tissues = tissue_hu(list(slices.values()))
    facts = BaselineFacts(float(np.mean(hu)), truth.kvp, phase != "none", phase, tissues)
    person, bodies = truth.drawn["person"], {level.verse_label for level in Level}
    strange = {*person["implanted"], *(body for body, _ in person["lesions"])}
    return {
        "facts": to_json(facts),
        "bmd_mg_cm3": truth.mean_bmd_mg_cm3,
        "status": truth.status.value,
        "own_bone": bodies.isdisjoint(strange),
    }


def truth_of(seed: int) -> PhantomTruth:
    """Draw a plausible phantom and tell its truth: on a coarse grid, since nothing of its image is wanted."""
    # 320 x 240 x 240 mm in voxels of 20 mm
    around = Grid.axis_aligned((16, 12, 12), (20.0, 20.0, 20.0), (-110.0, -110.0, -150.0))
    return make_phantom(seed, grid=around).truth


def phantom_slices(seed: int) -> tuple[PhantomTruth, dict[Level, Phantom]]:
    """Render the mid-slices of L1 and L2 of a plausible phantom, each as a CT of one slice."""
    truth, slices = truth_of(seed), {}
    pixel_mm, thickness_mm = (float(truth.drawn["acquisition"][key]) for key in ("pixel_mm", "thickness_mm"))
    half_mm = 0.5 * pixel_mm * (SLICE_PIXELS - 1)
    for level in Level:
        x, y, z = truth.centers_lps_mm[level.verse_label]
        shape, spacing = (1, SLICE_PIXELS, SLICE_PIXELS), (pixel_mm, pixel_mm, thickness_mm)
        slices[level] = make_phantom(seed, grid=Grid.axis_aligned(shape, spacing, (x - half_mm, y - half_mm, z)))
    return truth, slices
