"""Makes ``OsteoJointLib/phantom/physics/attenuation.json``: how much each tissue attenuates, over water, in each beam.

Run once, where numpy, xraydb 4.5.8 and spekpy 2.5.4 are installed; nothing of these is needed at run time:

    python Testing/make_attenuation.py

For every beam and every thickness of water before it, the spectrum that reaches the detector weighs the mass
attenuation coefficients; their ratio to water's is all that a Hounsfield unit needs. The file carries the hash of this
script: whoever changes the one makes the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "OsteoJointLib" / "phantom" / "physics" / "attenuation.json"

THICKNESS_CM = (14.0, 20.0, 26.0, 32.0, 38.0, 44.0, 50.0)  # of water: what a trunk takes out of the beam
KVP = (80, 100, 120, 140)
KEV = 70  # of the monoenergetic images that photon-counting scanners store
FILTER_MM = (("Al", 3.6), ("Cu", 0.1))  # tube, filter and bowtie's middle; 7.1 mm Al of half-value layer at 120 kVp
ANODE_DEG = 8.0
DETECTOR, DETECTOR_G_CM2 = "Gd2O2S", 0.6  # a ceramic of 1.4 mm, 60 % filled: it sums up energies

ICRU44, ICRU46, WOODARD = "ICRU 44", "ICRU 46", "Woodard and White"
# density in g/cm3, source, composition in % by mass
TISSUES = {
    "adipose": (0.95, ICRU44, "H11.4 C59.8 N0.7 O27.8 Na0.1 S0.1 Cl0.1"),
    "subcutaneous fat": (0.93, f"{WOODARD}, adipose tissue 3", "H11.6 C68.1 N0.2 O19.8 Na0.1 S0.1 Cl0.1"),
    "muscle": (1.05, ICRU44, "H10.2 C14.3 N3.4 O71.0 Na0.1 P0.2 S0.3 Cl0.1 K0.4"),
    "blood": (1.06, ICRU44, "H10.2 C11.0 N3.3 O74.5 Na0.1 P0.1 S0.2 Cl0.3 K0.2 Fe0.1"),
    "liver": (1.06, ICRU46, "H10.2 C13.9 N3.0 O71.6 Na0.2 P0.3 S0.3 Cl0.2 K0.3"),
    "spleen": (1.06, ICRU46, "H10.3 C11.3 N3.2 O74.1 Na0.1 P0.3 S0.2 Cl0.2 K0.3"),
    "kidney": (1.05, ICRU46, "H10.3 C13.2 N3.0 O72.4 Na0.2 P0.2 S0.2 Cl0.2 K0.2 Ca0.1"),
    "skin": (1.09, ICRU46, "H10.0 C20.4 N4.2 O64.5 Na0.2 P0.1 S0.2 Cl0.3 K0.1"),
    "bowel wall": (1.03, f"{ICRU46}, intestine", "H10.6 C11.5 N2.2 O75.1 Na0.1 P0.1 S0.1 Cl0.2 K0.1"),
    "cartilage": (1.10, ICRU46, "H9.6 C9.9 N2.2 O74.4 Na0.5 P2.2 S0.9 Cl0.3"),
    "urine": (1.02, ICRU46, "H11.0 C0.5 N1.0 O86.2 Na0.4 P0.1 Cl0.6 K0.2"),
    "cerebrospinal fluid": (1.01, WOODARD, "H11.1 O88.0 Na0.5 Cl0.4"),
    "red marrow": (1.03, ICRU46, "H10.5 C41.4 N3.4 O43.9 P0.1 S0.2 Cl0.2 K0.2 Fe0.1"),
    "yellow marrow": (0.98, ICRU46, "H11.5 C64.4 N0.7 O23.1 Na0.1 S0.1 Cl0.1"),
    "bone": (1.92, f"{ICRU44}, cortical bone", "H3.4 C15.5 N4.2 O43.5 Na0.1 Mg0.2 P10.3 S0.3 Ca22.5"),
    "K2HPO4": (4.6, "in water it takes the place of 0.2174 g/g (Mindways' phantom)", "K44.895 H0.579 P17.783 O36.743"),
    "iodine": (4.93, "solid", "I100"),
}
WATER, WATER_G_CM3 = "H11.19 O88.81", 0.998  # at 20 degrees: what scanners are set to 0 HU with

SOURCES = {
    "coefficients": "xraydb: Elam, Ravel and Sieber 2002, doi 10.1016/S0969-806X(01)00227-4",
    "spectra": "spekpy: Poludniowski et al. 2021, doi 10.1002/mp.14945",
    "compositions": "ICRU Reports 44 (1989) and 46 (1992); Woodard and White 1986, doi 10.1259/0007-1285-59-708-1209",
    "filter": "tube of the TASMICS model in AAPM 2026 #1859",
}


def fractions(composition: str) -> dict[str, float]:
    """Read a composition: shares of the mass by element, which add up to 1."""
    found = {element: float(share) for element, share in re.findall(r"([A-Z][a-z]?)([\d.]+)", composition)}
    return {element: share / sum(found.values()) for element, share in found.items()}


def sha256() -> str:
    """Hash this script, however its lines end."""
    return hashlib.sha256(Path(__file__).read_text(encoding="utf-8").encode()).hexdigest()


def main() -> None:
    """Compute the table and write it."""
    import numpy as np
    import spekpy
    import xraydb

    def attenuation(composition: str, kev: np.ndarray) -> np.ndarray:
        """Return the mass attenuation coefficients, cm2/g."""
        return sum(share * xraydb.mu_elam(element, 1000.0 * kev) for element, share in fractions(composition).items())

    gos = {element: count * xraydb.atomic_mass(element) for element, count in xraydb.chemparse(DETECTOR).items()}
    ceramic = " ".join(f"{element}{mass:.4f}" for element, mass in gos.items())
    relative: dict[str, dict[str, list[float]]] = {name: {} for name in TISSUES}
    for kvp in KVP:
        tube = spekpy.Spek(kvp=kvp, th=ANODE_DEG, dk=1)
        for metal, mm in FILTER_MM:
            tube.filter(metal, mm)
        kev, photons = tube.get_spectrum()
        seen = photons * kev * (1 - np.exp(-DETECTOR_G_CM2 * attenuation(ceramic, kev)))
        water = attenuation(WATER, kev)
        weights = [seen * np.exp(-cm * WATER_G_CM3 * water) for cm in THICKNESS_CM]
        for name, (_, _, composition) in TISSUES.items():
            tissue = attenuation(composition, kev)
            relative[name][str(kvp)] = [round(float(w @ tissue / (w @ water)), 5) for w in weights]
    one = np.array([float(KEV)])
    for name, (_, _, composition) in TISSUES.items():
        ratio = float((attenuation(composition, one) / attenuation(WATER, one))[0])
        relative[name][f"{KEV} keV"] = [round(ratio, 5)] * len(THICKNESS_CM)
    document = {
        "made_by": f"Testing/{Path(__file__).name}",
        "made_by_sha256": sha256(),
        "sources": SOURCES,
        "water_g_cm3": WATER_G_CM3,
        "thickness_cm": THICKNESS_CM,
        "tissues": {
            name: {"density_g_cm3": density, "source": source, "composition": composition, "relative": relative[name]}
            for name, (density, source, composition) in TISSUES.items()
        },
    }
    text = json.dumps(document, indent=1)
    rows = re.sub(r"\[[^\]]+\]", lambda row: re.sub(r"\s+", " ", row[0]).replace("[ ", "[").replace(" ]", "]"), text)
    OUT.write_text(rows + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
