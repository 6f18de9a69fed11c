"""Every method from every start on every case: mean surface distance to the truth, and time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from training.evaluation.outlines.cases import OutlineCase, starts
from training.evaluation.outlines.rivals import METHODS

WORSE_MM = 0.05
"""A mask is made worse when its distance grows by more than this (issue 9)."""
_WIDTH = 54


@dataclass(frozen=True)
class OutlineRow:
    """One method from one start on one case: distance in mm before and after, and seconds."""

    method: str
    start: str
    case: str
    before_mm: float
    after_mm: float
    seconds: float


def surface_distance_mm(mask: np.ndarray, truth: np.ndarray, pixel_mm: float) -> float:
    """Mean distance between the outlines of two (y, x) bool masks, both ways, each through its pixels' sides.

    >>> square = np.pad(np.ones((8, 8), dtype=bool), 4)
    >>> surface_distance_mm(square, square, 0.7), surface_distance_mm(square, np.roll(square, 1, 0), 0.5) > 0.1
    (0.0, True)
    """
    from scipy.spatial import cKDTree
    from skimage.measure import find_contours

    one, other = (np.concatenate(find_contours(np.pad(m, 1).astype(float), 0.5)) for m in (mask, truth))
    there, back = cKDTree(other).query(one)[0], cKDTree(one).query(other)[0]
    return 0.5 * float(there.mean() + back.mean()) * pixel_mm


def compare(cases: Iterable[OutlineCase]) -> list[OutlineRow]:
    """Run every method from every start of every case; the starts of a case follow from its place in the list."""
    rows = []
    for number, case in enumerate(cases):
        for name, start in starts(case, np.random.default_rng(number)).items():
            before = surface_distance_mm(start, case.truth, case.pixel_mm)
            for method, run in METHODS.items():
                began = time.perf_counter()
                mask = run(case.hu, start, case.pixel_mm)
                seconds = time.perf_counter() - began
                after = surface_distance_mm(mask, case.truth, case.pixel_mm)
                rows.append(OutlineRow(method, name, case.name, before, after, seconds))
    return rows


def table(rows: Iterable[OutlineRow]) -> str:
    """Write rows as a table: mean distance by start in mm, share of the starts made worse, median time."""
    by_method: Mapping[str, list[OutlineRow]] = {method: [] for method in METHODS}
    for row in rows:
        by_method[row.method].append(row)
    names = list(dict.fromkeys(row.start for row in by_method[next(iter(METHODS))]))
    head = "mean distance to the true outline, mm"
    lines = [f"{head:{_WIDTH}}" + "".join(f"{name:>9}" for name in names) + f"{'mean':>9}{'worse %':>9}{'ms':>7}"]
    first = by_method[next(iter(METHODS))]
    lines.append(_line("start", [np.mean([r.before_mm for r in first if r.start == name]) for name in names]))
    for method, own in by_method.items():
        distances = [np.mean([r.after_mm for r in own if r.start == name]) for name in names]
        worse = 100 * np.mean([r.after_mm > r.before_mm + WORSE_MM for r in own if r.start != "true"])
        milliseconds = 1000 * np.median([r.seconds for r in own])
        lines.append(_line(method, distances) + f"{worse:9.0f}{milliseconds:7.0f}")
    return "\n".join(lines)


def _line(name: str, distances: list[np.floating]) -> str:
    return f"{name:{_WIDTH}}" + "".join(f"{d:9.2f}" for d in distances) + f"{np.mean(distances):9.2f}"
