"""What header and reference tissues tell beyond HU: ``python Testing/measure_physics.py --persons 1000``.

Of each evaluated person the HU of L1 and L2 together, of fat, muscle and aorta are taken as the scanner shows them,
with the error that a region of interest has; BMD is fitted to them by a quadratic and told in five folds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.records import Level, Status

ROI_SD_HU = np.array([2.0, 0.5, 1.0, 0.7])  # error of a mean in bone, fat, muscle, aorta: texture and noise; chosen
PENALTIES = np.logspace(-2, 3, 12)
FOLDS = 5


@dataclass(frozen=True)
class Row:
    """What one person's scan shows.

    Args:
        bmd_mg_cm3: the truth.
        hu: of bone, fat, muscle and aorta in the image.
        said: kVp and phase, as the header says them.
        thickness_cm: of the trunk.
    """

    bmd_mg_cm3: float
    hu: np.ndarray
    said: tuple[str, str]
    thickness_cm: float


def reference_hu(patient: Patient, tissue: ReferenceTissue) -> float:
    """HU of the fat under the skin, or of the solid of that tissue that is painted last: it is without fat."""
    solids = [patient.scene.skin, *reversed(patient.scene.background)]
    return next(solid.material.core_hu for solid in solids if solid and solid.reference is tissue)


def scan(seed: int) -> Row:
    """Build one evaluated person and read the scan."""
    patient = build_patient(np.random.default_rng([seed, 1, 77]), randomized=False)
    acquisition = patient.acquisition
    bone = np.mean([patient.column.find(level.verse_label).trabecular_hu for level in Level])
    hu = np.array([bone, *(reference_hu(patient, tissue) for tissue in ReferenceTissue)])
    shown = acquisition.shown(hu) + ROI_SD_HU * np.random.default_rng(seed).normal(size=4)
    said = str(acquisition.kvp), acquisition.phase
    return Row(patient.person.mean_bmd_mg_cm3, shown, said, patient.beam.thickness_cm)


def main() -> None:
    """Build the persons, fit and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1000)
    rows = [scan(seed) for seed in range(parser.parse_args().persons)]
    bmd, hu = (np.array([getattr(row, name) for row in rows]) for name in ("bmd_mg_cm3", "hu"))
    said = OneHotEncoder(sparse_output=False).fit_transform([row.said for row in rows])
    size = np.array([[row.thickness_cm] for row in rows])
    known = {
        "HU": (hu[:, :1],),
        "HU, kVp, phase": (hu[:, :1], said),
        "HU, fat, muscle, blood": (hu,),
        "HU, kVp, phase, fat, muscle, blood": (hu, said),
        "and the trunk's size": (hu, said, size),
    }
    for name, columns in known.items():
        model = make_pipeline(StandardScaler(), PolynomialFeatures(2), RidgeCV(PENALTIES))
        folds = KFold(FOLDS, shuffle=True, random_state=0)
        told = cross_val_predict(model, np.hstack(columns), bmd, cv=folds)
        right = np.mean([Status.from_bmd(a) is Status.from_bmd(b) for a, b in zip(told, bmd, strict=True)])
        print(f"{name:36s} RMSE {np.sqrt(np.mean((told - bmd) ** 2)):5.2f} mg/cm3, class right {right:.3f}")


if __name__ == "__main__":
    main()
