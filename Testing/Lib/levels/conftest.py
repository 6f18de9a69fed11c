"""Columns for the tests of the level stage: what is seen at every body, or the maps of a whole scene of simple shapes.

A scene is made of boxes (bodies), tubes (ribs) and blocks (posterior elements, sacrum), with the landmarks a perfect
network would mark. It can be seen directly, or through a CT whose every voxel tells where it lies, by a network that
reads that and answers with the scene there: so it sees the same in cut, shifted and mirrored copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Landmark, LevelNetConfig, Tissue
from OsteoJointLib.levels.assignment import VisibleColumn
from OsteoJointLib.levels.body_evidence import read_column
from OsteoJointLib.levels.finding import choose_levels
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.records import BodyEvidence, CtVolume, SourceInfo

SPACING_MM = 4.0
AXIS_MM = (120.0, 220.0)
"""y and x of the column."""

CORNER_LPS_MM = (-180.0, -120.0, 1000.0)
"""The center of the scene's first voxel."""

PLACE_STEP_MM = {-5: 25.0, -4: 26.0, -3: 27.0, -2: 29.0, -1: 31.0, 0: 33.5, 1: 35.5, 2: 37.0, 3: 37.0, 4: 35.0, 5: 35.0}
"""From each body to the next one's below, by its place from L1: T8 to L6."""

RIB_MM = {-5: 300.0, -4: 265.0, -3: 230.0, -2: 180.0, -1: 102.0}


def body(rib=0.0, **changes) -> BodyEvidence:
    """What is seen of a body: ``rib``: length or (right, left); a rib has its joint unless ``joint`` says else."""
    sides = rib if isinstance(rib, tuple) else (rib, rib)
    joint = changes.pop("joint", tuple(0.8 if mm else 0.0 for mm in sides))
    heads = joint if isinstance(joint, tuple) else (joint, joint)
    plain = BodyEvidence((0.0, 0.0, 0.0), 0.9, sides, (True, True), False, False, rib_head=heads)
    return replace(plain, **changes)


def spine(first: int = -2, last: int = 4, sacrum: bool = True, **changes) -> VisibleColumn:
    """What is seen of the plain anatomy from one place to another, counted from L1: T11 to L5 when nothing is said.

    ``changes`` is by name of the body, ``T12={"rib": 0.0}``; ``lumbar=False`` leaves their looks unknown.
    """
    looks = changes.pop("lumbar", True)
    z, bodies = 0.0, []
    for place in range(first, last + 1):
        name = f"L{place + 1}" if place >= 0 else f"T{13 + place}"
        look = (0.9 if place >= 0 else 0.1) if looks else 0.5
        here = {"rib": RIB_MM.get(max(place, -5), 0.0), "lumbar": look, "center_lps_mm": (0.0, 0.0, z)}
        if place == last:
            here["sacrum_below"] = sacrum
        bodies.append(body(**{**here, **changes.pop(name, {})}))
        z -= PLACE_STEP_MM[max(place, -5)]
    assert not changes, f"no such bodies: {list(changes)}"
    return VisibleColumn(tuple(bodies), None, (0.0, 0.0, z) if sacrum else None)


@dataclass
class Scene:
    """A column of bodies in a volume of (slices, 70, columns) voxels of 4 mm.

    Args:
        rib_mm: (right, left) length per body from top to bottom.
        sacrum: whether there is one, a pitch below the last body.
        top_mm: height of the first body's center.
        slices: along z.
        columns: along x.
        pitch_mm: between neighboring centers.
        dropped: indices of bodies the network doesn't mark.
        jointless: indices of bodies at whose ribs it marks no joints.
        joints_only: indices of bodies without ribs where it marks joints.
        l1: index of the first body that looks lumbar; None where no look tells.
        lean_mm: how far to the left the column goes with every body down.
    """

    rib_mm: list
    sacrum: bool = True
    top_mm: float = 380.0
    slices: int = 104
    columns: int = 111
    pitch_mm: float = 34.0
    dropped: tuple = ()
    jointless: tuple = ()
    joints_only: tuple = ()
    l1: int | None = None
    lean_mm: float = 0.0

    @property
    def shape(self):
        return (self.slices, 70, self.columns)

    @property
    def grid(self):
        return Grid.axis_aligned(self.shape, (SPACING_MM,) * 3, CORNER_LPS_MM)

    def centers(self):
        """(N, 3) z, y, x in mm."""
        steps = np.arange(len(self.rib_mm))
        return np.stack(
            [self.top_mm - self.pitch_mm * steps, steps * 0.0 + AXIS_MM[0], AXIS_MM[1] + self.lean_mm * steps], axis=1
        )

    def first_sacral_mm(self):
        return self.centers()[-1] + np.array([-self.pitch_mm, 4.0, self.lean_mm])

    def index_of(self, center_lps_mm):
        """Which body lies nearest to a point of the world."""
        z, y, x = (np.asarray(center_lps_mm) - CORNER_LPS_MM)[::-1]
        return int(np.argmin(np.linalg.norm(self.centers() - [z, y, x], axis=1)))

    def maps(self, z_step_mm=SPACING_MM, count=None):
        """Classes, landmarks and lumbar probability of voxels that lie ``z_step_mm`` apart along z."""
        shape = (count or self.slices, *self.shape[1:])
        z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
        z, y, x = z * np.float32(z_step_mm), y * np.float32(SPACING_MM), x * np.float32(SPACING_MM)
        classes = np.zeros(shape, np.uint8)
        landmarks = np.zeros((len(Landmark), *shape), np.float32)
        lumbar = np.full(shape, 0.5, np.float32)

        def mark(landmark, center):
            bells = [np.exp(-((axis - c) ** 2) / (2 * 5.5**2)) for axis, c in zip((z, y, x), center, strict=True)]
            np.maximum(landmarks[landmark], np.float32(0.9) * (bells[1] * bells[2]) * bells[0], out=landmarks[landmark])

        for index, center in enumerate(self.centers()):
            dz, dy, dx = z - center[0], y - center[1], x - center[2]
            for sign, length in zip((-1, 1), self.rib_mm[index], strict=True):
                along = sign * dx - 22.0
                rib = (along >= 0) & (along < length) & (abs(dy - 16) < 5) & (abs(dz - 6 + 0.15 * along) < 5)
                classes[rib] = Tissue.RIB
                if (length and index not in self.jointless) or index in self.joints_only:
                    mark(Landmark.RIB_HEAD, center + np.array([0.15 * self.pitch_mm, 13.0, sign * 22.0]))
            classes[(abs(dz) < 10) & (dy > 20) & (dy < 52) & (abs(dx) < 9)] = Tissue.POSTERIOR
            here = (abs(dz) < 13) & (abs(dy) < 17) & (abs(dx) < 22)
            classes[here] = Tissue.BODY
            if self.l1 is not None:
                lumbar[here] = 0.95 if index >= self.l1 else 0.05
            if index not in self.dropped:
                mark(Landmark.BODY, center)
        if self.sacrum:
            first = self.first_sacral_mm()
            dz, dy, dx = z - first[0], y - first[1], x - first[2]
            classes[(dz < 13) & (dz > -50) & (abs(dy) < 20) & (abs(dx) < 45)] = Tissue.SACRUM
            mark(Landmark.SACRUM, first)
        return classes, landmarks, lumbar

    def predict(self) -> LevelPrediction:
        classes, landmarks, lumbar = self.maps()
        return LevelPrediction(self.grid, classes, (classes == Tissue.RIB).astype(np.float32), landmarks, lumbar)

    def read(self):
        return read_column(self.predict())

    def find(self):
        """Name the column from four views that see the same."""
        return choose_levels([self.read()] * 4)

    def ct(self) -> CtVolume:
        """A CT of 2 mm slices whose HU tell where each voxel lies; slice 2 k and 2 k + 1 are the scene's slice k."""
        count_z, count_y, count_x = self.shape
        codes = np.arange(2 * count_z * count_y * count_x, dtype=np.float64).reshape(2 * count_z, count_y, count_x)
        x, y, z = CORNER_LPS_MM
        grid = Grid.axis_aligned(codes.shape, (SPACING_MM, SPACING_MM, 0.5 * SPACING_MM), (x, y, z - 1.0))
        return CtVolume((codes * (HU_MOST / codes.size)).astype(np.float32), grid, SourceInfo("memory"))

    def network(self):
        return SceneNetwork(self)


HU_MOST = 999.0
CONFIG = LevelNetConfig()


class SceneNetwork:
    """Answers with the scene at the place that each voxel's HU tell; counts its calls and the voxels of each."""

    config = CONFIG

    def __init__(self, scene: Scene):
        # A coarse voxel lies between two slices of the CT, in either phase; the last one may hold half of one only.
        self.classes, self.landmarks, self.lumbar = scene.maps(0.5 * SPACING_MM, 2 * scene.slices)
        self.slice_codes = scene.shape[1] * scene.shape[2]
        self.code_hu = HU_MOST / (2 * scene.slices * self.slice_codes)
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, image):
        import torch

        from OsteoJointLib.network.level_net import LevelNetOutput

        self.shapes.append(tuple(image.shape))
        low, high = CONFIG.windows_hu[0]
        codes = (image[:, 0].double() * (high - low) + low) / self.code_hu - 0.5 * self.slice_codes
        places = codes.round()
        assert float((codes - places).abs().max()) < 0.4, "the HU don't tell where the voxels lie"
        places = places.long().numpy()
        classes = torch.from_numpy(self.classes.ravel()[places]).long()
        logits = 12.0 * torch.nn.functional.one_hot(classes, len(Tissue)).movedim(-1, 1).float()
        landmarks = torch.from_numpy(self.landmarks.reshape(len(Landmark), -1)[:, places]).movedim(0, 1)
        return LevelNetOutput(logits, landmarks, torch.logit(torch.from_numpy(self.lumbar.ravel()[places])))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers of this file: ``body``, ``spine`` and ``scene``."""
    return SimpleNamespace(body=body, spine=spine, scene=Scene, config=CONFIG, corner_lps_mm=CORNER_LPS_MM)
