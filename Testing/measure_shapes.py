"""How near the phantom's vertebrae come to real ones: ``python Testing/measure_shapes.py --shapes ../shared/shapes``.

The phantom's mean vertebra (every draw at its middle, a person of scale 1, no disease) is meshed on a 1 mm grid, the
real one is moved, turned and given *one* scale until it fits best (iterative closest points, both ways), and the mean
of the distances from either surface to the other is told in mm of the phantom. The Visible Human's bodies have meshes
of their own; of the mean of 87 patients the body is what lies in front of the pedicles, of the phantom likewise.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from OsteoJointLib.phantom.draws.person import draw_person
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.scene import Shape
from OsteoJointLib.phantom.solids.shapes import Frame
from OsteoJointLib.phantom.spine.arch import build_arch
from OsteoJointLib.phantom.spine.column import build_column

VISIBLE_HUMAN, MEAN_OF_87 = "visible-human-male", "mean-of-87"
MEAN_LEVELS = ("L2", "L3", "L4", "L5")
TO_LPS = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # both sources: x to the front, y to the left, z up
MM_PER_M = 1000.0
GRID_MM, REACH_MM = 1.0, (75.0, 95.0, 60.0)  # of the phantom's mesh: step, half the box
POINTS, FIT_POINTS = 100_000, 3_000  # on each surface, to measure (0.3 mm apart) and to fit
TURNS_DEG, ROUNDS = (-20.0, 0.0, 20.0), 30  # pitch to start from; steps of each fit
BODY_ENDS_MM = 4.0  # in front of the phantom's back wall: what lies further back is the pedicles'


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh: ``points`` (N, 3) LPS mm, ``faces`` (M, 3)."""

    points: np.ndarray
    faces: np.ndarray

    def sample(self, count: int) -> np.ndarray:
        """(count, 3) points spread evenly over the area."""
        a, b, c = (self.points[self.faces[:, corner]] for corner in range(3))
        rng = np.random.default_rng(0)
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        at = rng.choice(len(area), count, p=area / area.sum())
        u, v = rng.random((2, count, 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        return a[at] + u * (b - a)[at] + v * (c - a)[at]


class Middle:
    """A generator whose every draw is the middle of what it could be: the mean vertebra comes of it."""

    def uniform(self, low: float, high: float) -> float:
        return 0.5 * (low + high)

    def normal(self, mean: float, sd: float, size: int | tuple[int, ...] = ()) -> np.ndarray:
        return np.full(size, mean)

    def random(self, size: int | tuple[int, ...] = ()) -> np.ndarray:
        return np.full(size, 0.5)

    def spawn(self, count: int) -> list[Middle]:
        return [self] * count

    def poisson(self, mean: float) -> int:
        return 0


def mean_vertebra(name: str) -> tuple[BodyShape, list[Shape]]:
    """Build body and arch of the phantom's mean vertebra, upright around the origin."""
    rng: np.random.Generator = Middle()  # type: ignore[assignment]
    anyone = draw_person(np.random.default_rng(0))
    person = replace(anyone, scale=1.0, degeneration=0.0, fractured=(), lumbar_bodies=5)
    column = build_column(person, rng)
    vertebra = next(v for v in column.vertebrae if v.sizes.name == name)
    body = replace(vertebra.body, frame=Frame(np.zeros(3)))
    return body, list(build_arch(vertebra.sizes, body, person, rng).bone)


def mesh(shapes: Sequence[Shape]) -> Surface:
    """Mesh the union of solids by marching cubes on the grid of GRID_MM."""
    from skimage.measure import marching_cubes

    x, y, z = (np.arange(-reach, reach + GRID_MM, GRID_MM) for reach in REACH_MM)
    union = np.min([shape.distance(x, y, z) for shape in shapes], axis=0)
    points, faces, _, _ = marching_cubes(union, 0.0, spacing=(GRID_MM,) * 3)
    return Surface(points[:, ::-1] - np.array(REACH_MM), faces)


def read_obj(path: Path) -> Surface:
    """Read an OBJ of triangles in meters."""
    rows = [line.split() for line in path.read_text().splitlines()]
    points = np.array([[float(t) for t in row[1:4]] for row in rows if row[:1] == ["v"]]) * MM_PER_M
    faces = np.array([[int(t.split("/")[0]) - 1 for t in row[1:4]] for row in rows if row[:1] == ["f"]])
    return Surface(points @ TO_LPS.T, faces)


def read_mean_of_87(folder: Path) -> dict[str, Surface]:
    """Read the four vertebrae, which one list of points and one of triangles hold."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    points = np.loadtxt(folder / "vertices.csv", delimiter=",") @ TO_LPS.T
    faces = np.loadtxt(folder / "faces.csv", delimiter=",", dtype=int) - 1
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(points),) * 2)
    count, part = connected_components(graph, directed=False)
    order = sorted(range(count), key=lambda p: -points[part == p][:, 2].mean())
    return {name: Surface(points, faces[part[faces[:, 0]] == p]) for name, p in zip(MEAN_LEVELS, order, strict=True)}


def fit(moving: np.ndarray, target: np.ndarray, pitch_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit points to points by closest pairs in both directions: (3, 3) rotation times scale, (3,) shift."""
    angle = np.deg2rad(pitch_deg)
    linear = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    shift = target.mean(axis=0) - linear @ moving.mean(axis=0)
    tree = cKDTree(target)
    for _ in range(ROUNDS):
        now = moving @ linear.T + shift
        source = np.concatenate([moving, moving[cKDTree(now).query(target)[1]]])
        goal = np.concatenate([target[tree.query(now)[1]], target])
        # Umeyama's similarity, but with Horn's scale, which treats both sides alike and does not shrink with misfit
        a, b = source - source.mean(axis=0), goal - goal.mean(axis=0)
        u, _, vt = np.linalg.svd(b.T @ a)
        proper = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        linear = (u * proper) @ vt * np.sqrt((b * b).sum() / (a * a).sum())
        shift = goal.mean(axis=0) - linear @ source.mean(axis=0)
    return linear, shift


def distance_mm(real: Surface, phantom: Surface, front_of_mm: float | None = None) -> tuple[float, float]:
    """Fit the real surface to the phantom's: symmetric mean distance in mm, and the scale it took.

    Args:
        real, phantom: whole surfaces.
        front_of_mm: measure only what lies in front of this y of the phantom.
    """
    few, few_real = phantom.sample(FIT_POINTS), real.sample(FIT_POINTS)
    many, many_real = phantom.sample(POINTS), real.sample(POINTS)
    best = (np.inf, 1.0)
    for turn in TURNS_DEG:
        linear, shift = fit(few_real, few, turn)
        if front_of_mm is not None:
            for _ in range(2):
                moved = few_real @ linear.T + shift
                again, more = fit(moved[moved[:, 1] < front_of_mm], few[few[:, 1] < front_of_mm], 0.0)
                linear, shift = again @ linear, again @ shift + more
        moved, limit = many_real @ linear.T + shift, np.inf if front_of_mm is None else front_of_mm
        there, back = (
            cKDTree(many).query(moved[moved[:, 1] < limit])[0],
            cKDTree(moved).query(many[many[:, 1] < limit])[0],
        )
        mean = 0.5 * float(there.mean() + back.mean())
        best = min(best, (mean, float(np.cbrt(np.linalg.det(linear)))))
    return best


def measure(shapes: Path, names: Sequence[str] = ("L1", *MEAN_LEVELS)) -> Iterator[tuple[str, str, str, float, float]]:
    """Measure vertebrae of both sources: (source, level, part, distance in mm, scale)."""
    whole_87 = read_mean_of_87(shapes / MEAN_OF_87)
    for name in names:
        body, arch = mean_vertebra(name)
        body_mesh, whole_mesh = mesh([body]), mesh([body, *arch])
        front = body.half_depth - BODY_ENDS_MM
        real = shapes / VISIBLE_HUMAN
        yield VISIBLE_HUMAN, name, "body", *distance_mm(read_obj(real / f"{name}_body.obj"), body_mesh)
        yield VISIBLE_HUMAN, name, "whole", *distance_mm(read_obj(real / f"{name}_Schrumpfverpacken.obj"), whole_mesh)
        if name in whole_87:
            yield MEAN_OF_87, name, "body", *distance_mm(whole_87[name], whole_mesh, front)
            yield MEAN_OF_87, name, "whole", *distance_mm(whole_87[name], whole_mesh)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--shapes", type=Path, required=True, help="folder of the real meshes")
    print(f"{'source':20}{'level':7}{'part':7}{'distance mm':>12}{'scale':>8}")
    for source, name, part, distance, scale in measure(parser.parse_args().shapes):
        print(f"{source:20}{name:7}{part:7}{distance:12.2f}{scale:8.3f}")


if __name__ == "__main__":
    main()
