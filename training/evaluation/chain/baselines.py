"""Three baselines beside the network, each fitted on training phantoms of the evaluation's plausible kind.

* ``hu``: the product's plain rule, mean trabecular HU and two thresholds;
* ``hu_header``: HU with the tube voltage and the contrast phase that the header tells;
* ``hu_header_tissue``: the same with the HU of fat, muscle and blood, measured inside their true labels. No method has
  these on a patient: it is generous to the baseline.

The last two regress BMD (scikit-learn's ridge, with a slope of HU at each tube voltage) and take the areas of the
normal distribution below 80, from 80 to 120 and above 120 mg/cm³ about it; its width is the error on phantoms left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import NORMAL_ABOVE_MG_CM3, OSTEOPOROSIS_BELOW_MG_CM3, STATUSES, Status
from OsteoJointLib.typed_json import from_json
from training.evaluation.case_rows.facts import BaselineFacts, fitting_row
from training.evaluation.chain.thresholds import fit_thresholds
from training.evaluation.rows import Job, MadeBy, Row, complete_rows, sources_sha256
from training.seeds import TRAINING_SEEDS, require_seeds

FITTED_FROM = 700_000
"""First seed of the phantoms that baselines are fitted on (chosen)."""

_SOURCES = (
    *(f"OsteoJointLib/{name}" for name in ("frames", "phantom", "pipeline")),
    "training/evaluation/case_rows/facts.py",
)
_USUAL_HU = {"fat": -100.0, "muscle": 50.0, "blood": 40.0}  # about which the reference tissues' HU are taken, chosen
_ALPHAS = tuple(10.0 ** np.arange(-4, 3))  # of the ridge, chosen among by leaving one out
_FOLDS = 10  # for the error on phantoms left out


@dataclass(frozen=True, eq=False)
class Said:
    """What a baseline says of N cases.

    Args:
        predicted: (N,) index in ``STATUSES``.
        scores: (N, 3) in the order of ``STATUSES``; higher is likelier.
        bmd_mg_cm3: (N,), None from the rule of HU alone.
    """

    predicted: np.ndarray
    scores: np.ndarray
    bmd_mg_cm3: np.ndarray | None = None


class Baseline(Protocol):
    """Says a class from facts."""

    def said(self, cases: Sequence[BaselineFacts]) -> Said:
        """Judge cases."""


@dataclass(frozen=True)
class HuRule:
    """Mean HU and two thresholds."""

    thresholds: Thresholds

    def said(self, cases: Sequence[BaselineFacts]) -> Said:
        predicted = [STATUSES.index(self.thresholds.status(case.hu)) for case in cases]
        return Said(np.array(predicted, dtype=int), np.array([self.thresholds.scores(case.hu) for case in cases]))


@dataclass(frozen=True, eq=False)
class HeaderRule:
    """BMD from HU and the header, and the areas about it.

    Args:
        model: scikit-learn's, from the rows of :func:`_design` to BMD.
        sd_mg_cm3: its error on phantoms left out.
        kvps, phases: that it was fitted on.
        tissues: whether it takes the reference tissues.
        fitted: the cases it was fitted on, from which what isn't known of another is filled in.
    """

    model: Any
    sd_mg_cm3: float
    kvps: tuple[float, ...]
    phases: tuple[str, ...]
    tissues: bool
    fitted: tuple[BaselineFacts, ...]

    def bmd(self, cases: Sequence[BaselineFacts]) -> np.ndarray:
        """Estimate BMD of N cases, (N,) mg/cm3; the mean over what isn't known."""
        filled = [self._filled(case) for case in cases]
        every = self.model.predict(_design([one for some in filled for one in some], self))
        ends = np.cumsum([len(some) for some in filled])
        return np.array([part.mean() for part in np.split(every, ends)[: len(filled)]])

    def said(self, cases: Sequence[BaselineFacts]) -> Said:
        from scipy.stats import norm

        bmd = self.bmd(cases)
        low = norm.cdf((OSTEOPOROSIS_BELOW_MG_CM3 - bmd) / self.sd_mg_cm3)
        high = norm.sf((NORMAL_ABOVE_MG_CM3 - bmd) / self.sd_mg_cm3)
        predicted = [STATUSES.index(Status.from_bmd(float(value))) for value in bmd]
        return Said(np.array(predicted, dtype=int), np.stack([high, 1.0 - low - high, low], axis=1), bmd)

    def _filled(self, case: BaselineFacts) -> list[BaselineFacts]:
        """Complete a case by those of the fitted ones that agree with what is known of it."""
        tissue_hu = dict(case.tissue_hu or {})
        missing = self.tissues and None in (tissue_hu.get(t.name.lower()) for t in ReferenceTissue)
        if case.kvp in self.kvps and case.phase in self.phases and not missing:
            return [case]
        alike = [one for one in self.fitted if self._agree(case, one)] or list(self.fitted)
        known = {name: hu for name, hu in tissue_hu.items() if hu is not None}
        return [replace(one, hu=case.hu, tissue_hu={**(one.tissue_hu or {}), **known}) for one in alike]

    def _agree(self, case: BaselineFacts, one: BaselineFacts) -> bool:
        """Say whether a fitted case agrees with what is known of another; of tube voltages the nearest one does."""
        return (
            (case.kvp is None or one.kvp == min(self.kvps, key=lambda kvp: abs(kvp - (case.kvp or 0.0))))
            and (case.phase is None or case.phase == one.phase)
            and (case.contrast is None or case.contrast == one.contrast)
        )


def _design(cases: Sequence[BaselineFacts], rule: HeaderRule) -> np.ndarray:
    """Write facts as numbers, (N, columns): a slope of HU and an offset at each tube voltage, an offset at each phase.

    With tissues: how far each is from its usual HU, alone and times HU. HU beyond those that were fitted, of metal in
    the bone, count as the nearest of them.
    """
    fitted_hu = [one.hu for one in rule.fitted]
    rows = []
    for case in cases:
        hu = min(max(case.hu, min(fitted_hu)), max(fitted_hu))
        at_kvp = [float(case.kvp == kvp) for kvp in rule.kvps]
        row = [hu, *(hu * at for at in at_kvp), *at_kvp, *(float(case.phase == phase) for phase in rule.phases)]
        if rule.tissues:
            off = [float((case.tissue_hu or {})[name] or 0.0) - usual for name, usual in _USUAL_HU.items()]
            row += [*off, *(hu * one for one in off)]
        rows.append(row)
    return np.array(rows)


def fit_header_rule(cases: Sequence[BaselineFacts], bmd_mg_cm3: np.ndarray, tissues: bool) -> HeaderRule:
    """Fit BMD on facts.

    Args:
        cases: whose tube voltage and phase are known; those that lack a tissue are left out where ``tissues`` is set.
        bmd_mg_cm3: (N,) of them.
        tissues: whether to take the reference tissues.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    whole = [i for i, case in enumerate(cases) if not tissues or None not in (case.tissue_hu or {}).values()]
    fitted, bmd = tuple(cases[i] for i in whole), np.asarray(bmd_mg_cm3, dtype=float)[whole]
    kvps = tuple(sorted({case.kvp for case in fitted if case.kvp is not None}))
    phases = tuple(sorted({case.phase for case in fitted if case.phase is not None}))
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=_ALPHAS))
    rule = HeaderRule(model, 1.0, kvps, phases, tissues, fitted)
    design = _design(fitted, rule)
    left_out = cross_val_predict(model, design, bmd, cv=min(_FOLDS, len(bmd)))
    model.fit(design, bmd)
    return replace(rule, sd_mg_cm3=float(np.std(bmd - left_out)))


def fit_baselines(rows: Sequence[Row]) -> dict[str, Baseline]:
    """Fit the baselines on those rows of training cases (:func:`fitting_rows`) whose bone is their own.

    The one with tissues is left out where hardly a case has them, as where nobody has labeled them.
    """
    rows = [row for row in rows if row["own_bone"]]
    cases = [from_json(BaselineFacts, row["facts"]) for row in rows]
    bmd = np.array([row["bmd_mg_cm3"] for row in rows])
    statuses = np.array([STATUSES.index(row["status"]) for row in rows])
    baselines: dict[str, Baseline] = {
        "hu": HuRule(fit_thresholds(np.array([case.hu for case in cases]), statuses)),
        "hu_header": fit_header_rule(cases, bmd, tissues=False),
    }
    if sum(None not in (case.tissue_hu or {"": None}).values() for case in cases) >= _FOLDS:
        baselines["hu_header_tissue"] = fit_header_rule(cases, bmd, tissues=True)
    return baselines


def fitting_rows(path: Path, count: int, processes: int = 2) -> list[Row]:
    """Measure the phantoms that baselines are fitted on; rows already there are kept while the sources are the same.

    Args:
        path: of the JSON lines.
        count: of the phantoms, from :data:`FITTED_FROM` on.
        processes: that work side by side.
    """
    seeds = require_seeds(FITTED_FROM, count, TRAINING_SEEDS)
    jobs = [Job((str(seed),), partial(_rows, seed)) for seed in seeds]
    return list(complete_rows(path, MadeBy("", sources_sha256(*_SOURCES)), jobs, processes).values())


def _rows(seed: int, keys: Sequence[str]) -> Mapping[str, Row]:
    """Make the one row of a job."""
    return {key: fitting_row(seed) for key in keys}
