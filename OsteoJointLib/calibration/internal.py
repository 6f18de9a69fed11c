"""Calibration by the scan's own tissues: which beam can have made air, fat, muscle and blood look like this.

After Michalski et al. 2020 (Med Eng Phys 78:55, doi 10.1016/j.medengphy.2020.01.009): the HU of reference tissues are
regressed on what each is at every effective energy, the energy that fits best is the scan's, and bone is then mineral
and marrow at this energy. Here the energies are the beams of the project's own table (tube voltage and thickness of the
patient), and no single best one is taken: beams, shares of fat in the marrow and the line's two coefficients are
weighed by how well they fit what is known of tissues, scanner and patient, so that the BMD comes with its error.
Written from the paper; cortical bone is left out, since its HU depend on how thin it is.

**Tested on phantoms whose HU come from the same table**: their numbers say that the search works, not that the table is
right for a scanner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from OsteoJointLib.calibration.errors_of_bmd import Scan, at_reference, beam_names, told
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.records import BoneStandard, CalibratedBmd, CalibrationKind


class ReferenceMaterial(StrEnum):
    """What is measured beside bone."""

    AIR = "air"
    FAT = "fat"
    MUSCLE = "muscle"
    BLOOD = "blood"


@dataclass(frozen=True)
class Sample:
    """One material in the scan: its HU, and their standard error."""

    material: ReferenceMaterial
    hu: float
    se_hu: float


@dataclass(frozen=True)
class _Usual:
    """A material at 120 kVp: its row in the table of attenuation, HU, their SD between persons, and HU it can have."""

    tissue: str
    hu: float
    sd_hu: float
    limits_hu: tuple[float, float]


_USUAL = {
    # limits: Ogo's ranges; HU: radiological values, as in the phantom; fat under the skin and in the belly together
    ReferenceMaterial.FAT: _Usual("adipose", -101.0, 5.0, (-140.0, -65.0)),
    ReferenceMaterial.MUSCLE: _Usual("muscle", 50.0, 8.0, (0.0, 95.0)),
    ReferenceMaterial.BLOOD: _Usual("blood", 42.0, 4.0, (15.0, 75.0)),
}
_AIR_HU, _AIR_SD_HU, _AIR_LIMITS_HU = -1000.0, 4.0, (-1030.0, -970.0)

_GAIN_SD, _OFFSET_SD_HU = 0.01, 4.0
"""How far a scanner's scale may be off: water at 0 +- 4 to 5 HU is what is asked of it (ACR); chosen."""
_THICKNESS_CM, _THICKNESS_SD_CM = np.arange(14.0, 51.0, 4.0), 4.0
"""Water before the detector that is tried, and how far it is off the trunk's own thickness; chosen."""
_ANY_THICKNESS_CM, _ANY_THICKNESS_SD_CM = 30.0, 7.0
"""A trunk that isn't wholly in the image."""
_FAT_SHARES, _FAT_WEIGHTS = (0.4, 0.5, 0.6), (0.25, 0.5, 0.25)
"""Lipid in the marrow's mass, and how likely; chosen about docs/explain/phantom.md's 27 to 57 percent."""
_MODEL_SHARE = 0.03
"""What no table knows of this scanner, as a share of BMD; calibrated BMD spreads by 4.9 % between scanners (doi
10.1186/s41747-024-00483-9), of which the samples tell a part; chosen."""
_LEAST_SAMPLES = 3
_MOST_MISFIT = 2.5
"""Root mean square, in standard deviations, by which the samples may miss the beam that fits best; chosen."""


@dataclass(frozen=True)
class Candidate:
    """One beam with its line HU' = (HU - offset) / gain, and how likely it is.

    Args:
        beam: it.
        fat: share of lipid in the marrow.
        gain, offset_hu: of the scanner.
        covariance: (2, 2) of these two.
        weight: all candidates' sum to 1.
    """

    beam: Beam
    fat: float
    gain: float
    offset_hu: float
    covariance: np.ndarray
    weight: float


@dataclass(frozen=True)
class InternalCalibration:
    """The beams that can have made a scan.

    Args:
        samples: that it was made from.
        candidates: the beams.
        misfit: root mean square of what the samples miss the best of them by, in standard deviations.
    """

    samples: tuple[Sample, ...]
    candidates: tuple[Candidate, ...]
    misfit: float

    def bmd(self, hu: float, scan: Scan) -> CalibratedBmd:
        """Turn the mean HU of a region into BMD, as QCT at 120 kVp beside K2HPO4 would report it."""
        values, errors, slopes = [], [], []
        for one in self.candidates:
            true_hu = (hu - one.offset_hu) / one.gain
            value = at_reference(true_hu, one.beam, one.fat)
            slope = (at_reference(true_hu + 10.0, one.beam, one.fat) - value) / 10.0 / one.gain
            gradient = np.array([true_hu, 1.0])
            values.append(value)
            slopes.append(slope)
            errors.append(slope**2 * float(gradient @ one.covariance @ gradient))
        weights = np.array([one.weight for one in self.candidates])
        mean = float(weights @ values)
        spread = float(weights @ (np.square(values) - mean**2 + np.array(errors)))
        own = float(np.sqrt(max(spread, 0.0) + (_MODEL_SHARE * mean) ** 2))
        name = f"internal ({', '.join(sample.material for sample in self.samples)})"
        slope = float(weights @ slopes)
        return told(name, CalibrationKind.INTERNAL, BoneStandard.K2HPO4, mean, own, slope, scan)


def usable(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Keep the samples that can be what they are called: blood with contrast agent is no reference."""
    limits = {material: usual.limits_hu for material, usual in _USUAL.items()}
    limits[ReferenceMaterial.AIR] = _AIR_LIMITS_HU
    return tuple(one for one in samples if limits[one.material][0] <= one.hu <= limits[one.material][1])


def enhanced(samples: Sequence[Sample]) -> bool | None:
    """Say whether blood is brighter than blood is; None where none was seen."""
    found = [one.hu for one in samples if one.material is ReferenceMaterial.BLOOD]
    return found[0] > _USUAL[ReferenceMaterial.BLOOD].limits_hu[1] if found else None


def calibrate_internally(
    samples: Sequence[Sample], scan: Scan, thickness_cm: float | None
) -> InternalCalibration | str:
    """Weigh the beams that can have made a scan.

    Args:
        samples: of its tissues.
        scan: what is known of it.
        thickness_cm: of the trunk, as the diameter of a circle of its area; None where it isn't wholly in the image.

    Returns:
        The calibration; a sentence that says why there is none.
    """
    kept = usable(samples)
    if len(kept) < _LEAST_SAMPLES:
        seen = " and ".join(one.material for one in kept) or "nothing"
        return (
            f"The scan's own tissues can't calibrate it: of air, fat, muscle and blood only {seen} could be measured, "
            "and three are needed."
        )
    middle, sd = (_ANY_THICKNESS_CM, _ANY_THICKNESS_SD_CM) if thickness_cm is None else (thickness_cm, _THICKNESS_SD_CM)
    fits = []
    for name in beam_names(scan.kvp):
        for cm in _THICKNESS_CM:
            coefficients, covariance, misfit = _line(kept, Beam(name, float(cm)))
            log_weight = -0.5 * (misfit + ((cm - middle) / sd) ** 2)
            fits.append((Beam(name, float(cm)), coefficients, covariance, misfit, log_weight))
    best = min(fits, key=lambda one: one[3])
    rms = float(np.sqrt(best[3] / len(kept)))
    if rms > _MOST_MISFIT:
        return (
            "The scan's own tissues can't calibrate it: their HU fit no tube voltage and no patient's size. Check the "
            "HU scale."
        )
    likely = np.exp([one[4] - max(fit[4] for fit in fits) for one in fits])
    likely /= likely.sum()
    candidates = tuple(
        Candidate(beam, fat, float(line[0]), float(line[1]), covariance, float(weight * share))
        for (beam, line, covariance, _, _), weight in zip(fits, likely, strict=True)
        if weight > _NEGLIGIBLE
        for fat, share in zip(_FAT_SHARES, _FAT_WEIGHTS, strict=True)
    )
    total = sum(one.weight for one in candidates)
    candidates = tuple(
        Candidate(one.beam, one.fat, one.gain, one.offset_hu, one.covariance, one.weight / total) for one in candidates
    )
    return InternalCalibration(kept, candidates, rms)


_NEGLIGIBLE = 1e-4


def _line(samples: Sequence[Sample], beam: Beam) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit gain and offset to the samples and to what is known of scanners.

    Returns:
        (2,) gain and offset, their (2, 2) covariance, and the sum of squared misses in standard deviations.
    """
    rows, seen, weights = [[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [1.0 / _GAIN_SD, 1.0 / _OFFSET_SD_HU]
    for sample in samples:
        expected, sd = _AIR_HU, _AIR_SD_HU
        if sample.material is not ReferenceMaterial.AIR:
            usual = _USUAL[sample.material]
            expected, sd = beam.like(usual.tissue, usual.hu), usual.sd_hu
        rows.append([expected, 1.0])
        seen.append(sample.hu)
        weights.append(1.0 / float(np.hypot(sd, sample.se_hu)))
    scale = np.array(weights)
    matrix, target = np.array(rows) * scale[:, None], np.array(seen) * scale
    covariance = np.linalg.inv(matrix.T @ matrix)
    line = covariance @ matrix.T @ target
    return line, covariance, float(((matrix @ line - target) ** 2).sum())
