"""The column: bodies stacked along lordosis and scoliosis, with their arches and discs.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.morphometry`; mm are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.arch import build_arch
from OsteoJointLib.phantom.chance import Range, around, between
from OsteoJointLib.phantom.morphometry import (
    CANAL_DEPTH_SD,
    CANAL_WIDTH_SD,
    DEPTH_SD,
    HEIGHT_SD,
    SACRAL_PITCH_DEG,
    SLANT_SD,
    VERTEBRAE,
    WIDTH_SD,
    VertebraSizes,
)
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.shapes import BodyShape, Ellipsoid, Frame, rotation

_L1, _L6, _S1 = 20, 25, 26  # VerSe numbers
_USUAL_LUMBAR = 5
_L6_PITCH_DEG = 28.0
_WEDGE: Range = (0.0, 0.015)  # mean and SD of the front's loss of height in a whole body, as a fraction
_WEDGE_SHARE, _BROKEN_WEDGE = 0.6, (0.15, 0.4)  # wedge fractures among all, loss in front
_CRUSH, _CRUSH_WEDGE = (0.15, 0.35), 0.05  # biconcave fractures: loss in the middle, in front
_SPURS, _SPUR_MM, _RIMS = 4.0, (2.0, 9.0), (-1.0, 1.0)  # mean number, reach in the most degenerate; lower, upper
_JITTER: Range = (1.0, 0.025)  # mean and SD of the factor on one body's width, depth and height
_WAIST, _SQUARENESS, _BACK_FLAT = (0.0, 0.14), (0.0, 0.3), (0.62, 0.86)  # see BodyShape; middles fitted
_BACK_DENT_MM, _UPPER_BOWL_MM, _LOWER_BOWL_MM = (0.0, 2.5), (0.2, 2.4), (0.3, 3.2)  # not scaled

_DISC_LOSS, _LEAST_DISC_MM = 0.6, 2.0  # share that the most degenerate disc may lose, height it keeps
_ROLL_SD_DEG, _PITCH_SD_DEG, _LEAN_SD_DEG = 0.8, 1.5, 3.0  # of one body, one body, the whole column
_YAW_WITH_ROLL = 0.5  # a scoliotic column turns half as much as it tilts
_SACRAL_FLAT, _SACRAL_LORDOSIS, _SACRAL_SD_DEG = 0.3, 0.75, 5.0  # share of the slope without lordosis, and with
_S1_HEIGHT_MM = 28.0
_BODY_SD_HU = 8.0  # between the bodies of one person

_ARCH_OVER_BODY_HU, _ARCH_CORTEX_MM, _GRAIN_MM = (40.0, 140.0), (0.9, 1.8), (0.8, 2.0)  # arches are denser than bodies
_VEIN_Y, _VEIN_DARKER_HU = 0.62, (0.0, 60.0)  # basivertebral: of the half depth
_VEIN_MM: tuple[Range, Range, Range] = ((1.5, 4.0), (3.0, 7.0), (1.0, 3.0))  # half sizes

DISC_SQUARENESS = 0.4
_DISC_IN_MM, _DISC_SD_HU, _DISC_TEXTURE_HU = 5.0, 8.0, 4.0  # it reaches into the bowls above, below
_GAS_WIDE, _GAS_DEEP, _GAS_MM, _GAS_HU = 0.6, 0.5, 1.2, (-600.0, -100.0)  # of the disc's; half height


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One placed vertebra: its sizes (scaled, mm), its body and the trabecular HU inside it."""

    sizes: VertebraSizes
    body: BodyShape
    trabecular_hu: float

    @property
    def frame(self) -> Frame:
        return self.body.frame


@dataclass(frozen=True, eq=False)
class Column:
    """The placed vertebrae, top to bottom, and the frame of the first sacral body."""

    vertebrae: tuple[Vertebra, ...]
    sacrum: Frame
    sacrum_sizes: VertebraSizes

    def find(self, verse_label: int) -> Vertebra:
        """Find the vertebra with that number; StopIteration when the column has none."""
        return next(v for v in self.vertebrae if v.sizes.verse_label == verse_label)

    def track(self) -> tuple[np.ndarray, np.ndarray]:
        """Centers from the sacrum upward as (z knots ascending, (N, 2) x and y)."""
        centers = np.array([self.sacrum.center] + [v.frame.center for v in reversed(self.vertebrae)])
        return centers[:, 2], centers[:, :2]


def _plan(person: Person, rng: np.random.Generator) -> list[VertebraSizes]:
    """Vertebrae of this person, top to bottom, scaled, in drawn proportions."""
    plan = list(VERTEBRAE)
    if person.lumbar_bodies < _USUAL_LUMBAR:
        plan = plan[:-1]
    if person.lumbar_bodies > _USUAL_LUMBAR:
        plan.append(replace(plan[-1], name="L6", verse_label=_L6, pitch_deg=_L6_PITCH_DEG))
    lengths = [f for f in VertebraSizes.__dataclass_fields__ if f.endswith("_mm")]
    spreads = (WIDTH_SD, DEPTH_SD, HEIGHT_SD, CANAL_WIDTH_SD, CANAL_DEPTH_SD)
    wide, deep, tall, canal_wide, canal_deep = (around(rng, (1.0, sd)) for sd in spreads)
    proportions = {"width_mm": wide, "depth_mm": deep, "height_mm": tall}
    return [
        replace(
            v,
            **{f: getattr(v, f) * person.scale * proportions.get(f, 1.0) for f in lengths},
            canal_width=canal_wide,
            canal_depth=canal_deep,
        )
        for v in plan
    ]


def _body(sizes: VertebraSizes, frame: Frame, person: Person, rng: np.random.Generator) -> BodyShape:
    """Draw one body's shape."""
    wedge, crush = around(rng, _WEDGE), 0.0
    if sizes.verse_label in person.fractured:
        broken_front = rng.random() < _WEDGE_SHARE
        wedge, crush = (between(rng, _BROKEN_WEDGE), 0.0) if broken_front else (_CRUSH_WEDGE, between(rng, _CRUSH))
    spurs = tuple(
        (float(rng.uniform(0, 2 * np.pi)), between(rng, _SPUR_MM) * person.degeneration, float(rng.choice(_RIMS)))
        for _ in range(rng.poisson(_SPURS * person.degeneration))
    )
    return BodyShape(
        frame,
        half_width=0.5 * sizes.width_mm * around(rng, _JITTER),
        half_depth=0.5 * sizes.depth_mm * around(rng, _JITTER),
        half_height=0.5 * sizes.height_mm * around(rng, _JITTER),
        waist=between(rng, _WAIST),
        squareness=between(rng, _SQUARENESS),
        back_flat=between(rng, _BACK_FLAT),
        back_dent_mm=between(rng, _BACK_DENT_MM),
        concavity_mm=(between(rng, _UPPER_BOWL_MM), between(rng, _LOWER_BOWL_MM)),
        wedge=wedge,
        slant=sizes.slant + around(rng, (0.0, SLANT_SD)),
        crush=crush,
        spurs=spurs,
    )


def build_column(person: Person, rng: np.random.Generator, trabecular_hu: dict[int, float], base_hu: float) -> Column:
    """Stack the vertebrae from the sacrum upward; the L1/L2 disc ends near the world's origin.

    Args:
        person: whose column.
        rng: source of the shapes.
        trabecular_hu: HU by VerSe label where it is prescribed (L1, L2).
        base_hu: mean HU of the other bodies.
    """
    plan = _plan(person, rng)
    disc_thinning = 1.0 - _DISC_LOSS * person.degeneration * rng.random(len(plan))
    bend = np.linspace(-1, 1, len(plan))
    roll = person.scoliosis_deg * np.sin(np.pi * bend + rng.uniform(0, np.pi)) + rng.normal(0, _ROLL_SD_DEG, len(plan))
    yaw = person.rotation_deg + person.scoliosis_deg * np.cos(np.pi * bend) * _YAW_WITH_ROLL
    pitch = np.array([v.pitch_deg for v in plan]) * person.lordosis + rng.normal(0, _PITCH_SD_DEG, len(plan))
    pitch = pitch + rng.normal(0, _LEAN_SD_DEG)
    slope = SACRAL_PITCH_DEG * (_SACRAL_FLAT + _SACRAL_LORDOSIS * person.lordosis) + rng.normal(0, _SACRAL_SD_DEG)

    def frame_at(center: np.ndarray, pitch_deg: float, roll_deg: float, yaw_deg: float) -> Frame:
        # positive pitch leans the axis to the front (-y): rotation about +x by +pitch moves z toward -y
        return Frame(center, rotation(*np.deg2rad((pitch_deg, roll_deg, yaw_deg))))

    sacrum = frame_at(np.zeros(3), slope, roll[-1], yaw[-1])
    sacrum_sizes = replace(plan[-1], name="S1", verse_label=_S1, height_mm=_S1_HEIGHT_MM * person.scale)
    frames: list[Frame] = []
    top = sacrum.point(0, 0, 0.5 * sacrum_sizes.height_mm)
    for index in range(len(plan) - 1, -1, -1):
        sizes, oriented = plan[index], frame_at(np.zeros(3), pitch[index], roll[index], yaw[index])
        up = oriented.axes[:, 2]
        disc = max(sizes.disc_below_mm * disc_thinning[index], _LEAST_DISC_MM)
        center = top + up * (disc + 0.5 * sizes.height_mm)
        frames.insert(0, Frame(center, oriented.axes))
        top = center + up * 0.5 * sizes.height_mm
    at_l1 = next(i for i, v in enumerate(plan) if v.verse_label == _L1)
    shift = 0.5 * (frames[at_l1].center + frames[at_l1 + 1].center)
    vertebrae = tuple(
        Vertebra(
            sizes,
            _body(sizes, Frame(frame.center - shift, frame.axes), person, rng),
            trabecular_hu.get(sizes.verse_label, base_hu + float(rng.normal(0, _BODY_SD_HU))),
        )
        for sizes, frame in zip(plan, frames, strict=True)
    )
    return Column(vertebrae, Frame(sacrum.center - shift, sacrum.axes), sacrum_sizes)


def add_vertebra(
    scene: Scene, vertebra: Vertebra, person: Person, cortex_hu: float, texture_hu: float, rng: np.random.Generator
) -> None:
    """Put one vertebra into the scene: arch first, then the body on top of the pedicles' roots."""
    arch_hu = vertebra.trabecular_hu + between(rng, _ARCH_OVER_BODY_HU)
    arch_material = Material(arch_hu, cortex_hu, between(rng, _ARCH_CORTEX_MM), texture_hu)
    arch = build_arch(vertebra.sizes, vertebra.body, person, rng)
    scene.skeleton.extend(Solid(shape, arch_material, Tissue.POSTERIOR) for shape in arch.bone)
    grain_mm = between(rng, _GRAIN_MM)
    body_material = Material(vertebra.trabecular_hu, cortex_hu, person.cortex_mm, texture_hu, grain_mm)
    scene.skeleton.append(Solid(vertebra.body, body_material, Tissue.BODY, vertebra.sizes.verse_label))
    marrow = Material(vertebra.trabecular_hu, texture_hu=texture_hu, grain_mm=grain_mm)
    scene.skeleton.extend(Solid(shape, marrow) for shape in arch.marrow)  # no truth: it opens the wall to the pedicles
    vein = Frame(vertebra.frame.point(0, _VEIN_Y * vertebra.body.half_depth, 0), vertebra.frame.axes)
    vein_hu = vertebra.trabecular_hu - between(rng, _VEIN_DARKER_HU)
    a, b, c = (between(rng, half_mm) for half_mm in _VEIN_MM)
    scene.skeleton.append(Solid(Ellipsoid(vein, (a, b, c)), Material(vein_hu), Tissue.BODY))


def add_discs(scene: Scene, column: Column, disc_hu: float, gas_chance: float, rng: np.random.Generator) -> None:
    """Put discs between the bodies (painted before the bones), some with vacuum gas."""
    frames = [v.frame for v in column.vertebrae] + [column.sacrum]
    for vertebra, below in zip(column.vertebrae, frames[1:], strict=True):
        middle = Frame(0.5 * (vertebra.frame.center + below.center), vertebra.frame.axes)
        wide, deep = vertebra.body.half_width, vertebra.body.half_depth
        disc = Ellipsoid(middle, (wide, deep, 0.5 * vertebra.sizes.disc_below_mm + _DISC_IN_MM), DISC_SQUARENESS)
        hu = disc_hu + float(rng.normal(0, _DISC_SD_HU))
        scene.skeleton.append(Solid(disc, Material(hu, texture_hu=_DISC_TEXTURE_HU)))
        if rng.random() < gas_chance:
            gas = Ellipsoid(middle, (wide * _GAS_WIDE, deep * _GAS_DEEP, _GAS_MM))
            scene.skeleton.append(Solid(gas, Material(between(rng, _GAS_HU))))
