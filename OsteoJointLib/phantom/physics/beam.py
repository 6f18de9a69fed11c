"""A beam and the HU in it.

Masses in a volume add up in attenuation, so that HU = 1000 (sum of d_i r_i / d_water - 1), with d the partial density
of a tissue in the voxel and r its mass attenuation over water's in this beam. The ratios lie in ``attenuation.json``,
made by ``Testing/make_attenuation.py`` from compositions (ICRU), coefficients and spectra, for tube voltages of 80 to
140 kVp behind 14 to 50 cm of water, and for monoenergetic images at 70 keV. A patient hardens the beam as water does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

PHOTON_COUNTING = "70 keV"
"""Name of the beam that photon-counting scanners' monoenergetic images correspond to."""
REFERENCE_CM = 30.0  # of water: a usual trunk


@dataclass(frozen=True)
class Tissue:
    """One row of the table: density in g/cm3, and ratios of mass attenuation to water's, by beam, by thickness."""

    density_g_cm3: float
    relative: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Table:
    """What ``attenuation.json`` holds."""

    water_g_cm3: float
    thickness_cm: tuple[float, ...]
    tissues: Mapping[str, Tissue]


@cache
def table() -> Table:
    """Read the table of attenuation."""
    document = json.loads((Path(__file__).parent / "attenuation.json").read_text(encoding="utf-8"))
    tissues = {
        name: Tissue(row["density_g_cm3"], {beam: tuple(values) for beam, values in row["relative"].items()})
        for name, row in document["tissues"].items()
    }
    return Table(document["water_g_cm3"], tuple(document["thickness_cm"]), tissues)


@dataclass(frozen=True)
class Beam:
    """X-rays as they reach the detector.

    Args:
        name: "80", "100", "120" or "140" (kVp), or "70 keV".
        thickness_cm: of the water that has hardened it; from 14 to 50, what lies beyond counts as the nearest.

    >>> [round(Beam(name).of("muscle")) for name in ("80", "120", "140")]
    [47, 45, 45]
    """

    name: str
    thickness_cm: float = REFERENCE_CM

    def relative(self, tissue: str) -> float:
        """Mass attenuation of a tissue over water's."""
        known = table()
        return float(np.interp(self.thickness_cm, known.thickness_cm, known.tissues[tissue].relative[self.name]))

    def hu(self, parts_g_cm3: Mapping[str, float]) -> float:
        """HU of a mixture, given the mass of each part in g per cm3 of the whole."""
        attenuation = sum(density * self.relative(tissue) for tissue, density in parts_g_cm3.items())
        return 1000.0 * (attenuation / table().water_g_cm3 - 1.0)

    def of(self, tissue: str) -> float:
        """HU of a tissue at its tabulated density."""
        return self.hu({tissue: table().tissues[tissue].density_g_cm3})

    def like(self, tissue: str, hu_at_reference: float) -> float:
        """HU here of a tissue of that composition, and as dense as gives it ``hu_at_reference`` at 120 kVp."""
        return (1000.0 + hu_at_reference) * self.relative(tissue) / REFERENCE.relative(tissue) - 1000.0

    @property
    def iodine_hu(self) -> float:
        """HU that 1 mg of iodine per ml adds."""
        return self.relative("iodine") / table().water_g_cm3

    @property
    def k2hpo4_hu(self) -> float:
        """HU that 1 mg of K2HPO4 per cm3 of solution adds; the salt takes the place of some water."""
        displaced = 1.0 / table().tissues["K2HPO4"].density_g_cm3
        return self.relative("K2HPO4") / table().water_g_cm3 - displaced

    @property
    def mineral(self) -> float:
        """How much brighter over water bone mineral is here than at 120 kVp."""
        return self.of("bone") / REFERENCE.of("bone")


REFERENCE = Beam("120")
"""Where "HU at 120 kVp" are at home: behind 30 cm of water."""
