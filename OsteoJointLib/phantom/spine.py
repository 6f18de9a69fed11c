"""The column: bodies stacked along lordosis and scoliosis, with pedicles, canal, arches and discs.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.morphometry`; mm are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.chance import Range, around, between
from OsteoJointLib.phantom.morphometry import (
    CANAL_HALF_DEPTH_MM,
    CANAL_HALF_WIDTH_MM,
    SACRAL_PITCH_DEG,
    SIDES,
    VERTEBRAE,
    VertebraSizes,
)
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.shapes import BodyShape, Capsule, Ellipsoid, Frame, RoundedBox, rotation

_L1, _L5, _L6, _S1 = 20, 24, 25, 26  # VerSe numbers
_USUAL_LUMBAR = 5
_L6_PITCH_DEG = 28.0
_RUDIMENTARY_DISC, _RIBBED_TRANSVERSE_MM = 0.4, 24.0  # share of its height over the sacrum; of an L1 that bears ribs
_WEDGE: Range = (0.01, 0.025)  # mean and SD of the front's loss of height in a whole body, as a fraction
_WEDGE_SHARE, _BROKEN_WEDGE = 0.6, (0.15, 0.4)  # wedge fractures among all, loss in front
_CRUSH, _CRUSH_WEDGE = (0.15, 0.35), 0.05  # biconcave fractures: loss in the middle, in front
_SPURS, _SPUR_MM, _RIMS = 4.0, (2.0, 9.0), (-1.0, 1.0)  # mean number, reach in the most degenerate; lower, upper
_WIDTH_JITTER, _HEIGHT_JITTER = (1.0, 0.04), (1.0, 0.03)  # mean and SD of the factor on width and depth, on height
_WAIST, _SQUARENESS, _BACK_FLAT = (0.03, 0.15), (0.05, 0.5), (0.62, 0.92)  # see BodyShape
_BACK_DENT_MM, _UPPER_BOWL_MM, _LOWER_BOWL_MM = (0.0, 4.0), (0.5, 3.0), (1.0, 4.0)  # not scaled

_DISC_LOSS, _LEAST_DISC_MM = 0.6, 2.0  # share that the most degenerate disc may lose, height it keeps
_ROLL_SD_DEG, _PITCH_SD_DEG, _LEAN_SD_DEG = 0.8, 1.5, 3.0  # of one body, one body, the whole column
_YAW_WITH_ROLL = 0.5  # a scoliotic column turns half as much as it tilts
_SACRAL_FLAT, _SACRAL_LORDOSIS, _SACRAL_SD_DEG = 0.3, 0.75, 5.0  # share of the slope without lordosis, and with
_SLOPE_DEG: Range = (20.0, 60.0)
_SACRUM_TURN = 0.4  # of the last lumbar body's tilt and rotation: the pelvis lies nearly level
_S1_HEIGHT_MM = 28.0
_BODY_SD_HU = 8.0  # between the bodies of one person

_CANAL_DEPTH_MM, _THORACIC_CANAL = 2.0 * CANAL_HALF_DEPTH_MM, 0.85  # width of the thoracic canal over the lumbar
_ROOT_Z = 0.35  # height of the pedicles over the middle, of the body's half height
_PEDICLE_MM, _THORACIC_PEDICLE_MM, _PEDICLE_SPREAD = 4.0, 3.2, (0.85, 1.2)  # half width, factor
_PEDICLE_IN_MM, _PEDICLE_TAPER, _PEDICLE_TALL = 4.0, 0.95, 1.7  # how deep in the body; back over front; height
_JOINT_BACK_MM, _LAMINA_DOWN_MM = 9.0, 2.0  # facet behind the body; the lamina's root under the pedicle
_LAMINA_AT, _LAMINA_END_MM, _LAMINA_END_Z = 0.8, (2.0, 4.0), -0.55  # of the canal's depth; midline, behind it; height
_LAMINA_MM, _LAMINA_TALL = (4.0, 3.2), 1.9  # half width at the root, at the midline
_UPPER_FACET_MM, _UPPER_FACET_AT_MM, _UPPER_FACET_Z = (5.5, 4.5, 9.0), (3.0, -4.0), 0.9  # half sizes; out, back; height
_LOWER_FACET_MM, _LOWER_FACET_AT_MM, _LOWER_FACET_Z = (5.0, 4.5, 9.5), (1.0, 2.0), -1.05
_TRANSVERSE_SPREAD, _TRANSVERSE_BACK_MM = (0.85, 1.15), 11.0
_TRANSVERSE_UP_MM, _TRANSVERSE_SD_MM = {True: 0.0, False: 3.0}, 2.0  # lumbar, thoracic
_TRANSVERSE_MM, _L5_TRANSVERSE_MM = 3.4, 5.5  # half width; L5's is a stout triangle
_TRANSVERSE_ROOT, _TRANSVERSE_TIP, _TRANSVERSE_TALL = 1.1, {True: 0.75, False: 1.1}, 1.5  # tip: lumbar, thoracic
_SPINOUS_BACK_MM, _SPINOUS_MM, _SPINOUS_ROUND_MM = 4.0, 3.2, 2.8  # behind the canal, half width
_SPINOUS_TALL_MM = {True: 9.0, False: 5.0}  # half height: lumbar, thoracic
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

    @property
    def centers_lps_mm(self) -> np.ndarray:
        """(N, 3) centers of the bodies, top to bottom."""
        return np.array([v.frame.center for v in self.vertebrae])

    def find(self, verse_label: int) -> Vertebra:
        """Find the vertebra with that number; StopIteration when the column has none."""
        return next(v for v in self.vertebrae if v.sizes.verse_label == verse_label)

    def track(self) -> tuple[np.ndarray, np.ndarray]:
        """Centers from the sacrum upward as (z knots ascending, (N, 2) x and y)."""
        centers = np.array([self.sacrum.center] + [v.frame.center for v in reversed(self.vertebrae)])
        return centers[:, 2], centers[:, :2]


def _plan(person: Person) -> list[VertebraSizes]:
    """Vertebrae of this person, top to bottom, scaled."""
    plan = list(VERTEBRAE)
    if person.lumbar_bodies < _USUAL_LUMBAR:
        plan = plan[:-1]
    if person.lumbar_bodies > _USUAL_LUMBAR:
        plan.append(replace(plan[-1], name="L6", verse_label=_L6, pitch_deg=_L6_PITCH_DEG))
    if person.transition == "sacralized":
        plan[-1] = replace(plan[-1], disc_below_mm=_RUDIMENTARY_DISC * plan[-1].disc_below_mm)
    if person.twelfth_rib == "extra":
        plan = [replace(v, transverse_mm=_RIBBED_TRANSVERSE_MM) if v.verse_label == _L1 else v for v in plan]
    lengths = [f for f in VertebraSizes.__dataclass_fields__ if f.endswith("_mm")]
    return [replace(v, **{f: getattr(v, f) * person.scale for f in lengths}) for v in plan]


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
        half_width=0.5 * sizes.width_mm * around(rng, _WIDTH_JITTER),
        half_depth=0.5 * sizes.depth_mm * around(rng, _WIDTH_JITTER),
        half_height=0.5 * sizes.height_mm * around(rng, _HEIGHT_JITTER),
        waist=between(rng, _WAIST),
        squareness=between(rng, _SQUARENESS),
        back_flat=between(rng, _BACK_FLAT),
        back_dent_mm=between(rng, _BACK_DENT_MM),
        concavity_mm=(between(rng, _UPPER_BOWL_MM), between(rng, _LOWER_BOWL_MM)),
        wedge=wedge,
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
    plan = _plan(person)
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

    sacrum = frame_at(np.zeros(3), float(np.clip(slope, *_SLOPE_DEG)), _SACRUM_TURN * roll[-1], _SACRUM_TURN * yaw[-1])
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


def _half_arch(
    vertebra: Vertebra, side: float, scale: float, pedicle_mm: float, root_mm: float, rng: np.random.Generator
) -> list[Shape]:
    """Shape one side's pedicle, lamina, articular and transverse processes (side -1 right, +1 left)."""
    sizes, frame, lumbar = vertebra.sizes, vertebra.frame, vertebra.sizes.verse_label >= _L1
    back, half_height = vertebra.body.half_depth, vertebra.body.half_height
    canal_depth, root_z = _CANAL_DEPTH_MM * scale, _ROOT_Z * half_height
    lamina_y, joint_x = back + canal_depth * _LAMINA_AT, side * (root_mm + 1)
    tip = frame.point(
        side * sizes.transverse_mm * between(rng, _TRANSVERSE_SPREAD),
        back + _TRANSVERSE_BACK_MM + sizes.transverse_back_mm,
        root_z + float(rng.normal(_TRANSVERSE_UP_MM[lumbar], _TRANSVERSE_SD_MM)),
    )
    thick = (_TRANSVERSE_MM if sizes.verse_label < _L5 else _L5_TRANSVERSE_MM) * scale
    root = frame.point(side * root_mm * _PEDICLE_TAPER, back - _PEDICLE_IN_MM, root_z)
    joint = frame.point(joint_x, back + _JOINT_BACK_MM, root_z - 1)
    lamina = frame.point(joint_x, back + _JOINT_BACK_MM, root_z - _LAMINA_DOWN_MM)
    midline_x, behind = _LAMINA_END_MM
    midline = frame.point(side * midline_x, back + canal_depth + behind, _LAMINA_END_Z * half_height)

    def facet(half_mm: tuple[float, float, float], at_mm: tuple[float, float], height: float) -> Ellipsoid:
        a, b, c = half_mm
        center = frame.point(side * (root_mm + at_mm[0]), lamina_y + at_mm[1], half_height * height)
        return Ellipsoid(Frame(center, frame.axes), (a * scale, b * scale, c * scale))

    return [
        Capsule(root, joint, pedicle_mm, pedicle_mm * _PEDICLE_TAPER, _PEDICLE_TALL),
        Capsule(lamina, midline, _LAMINA_MM[0] * scale, _LAMINA_MM[1] * scale, _LAMINA_TALL),
        facet(_UPPER_FACET_MM, _UPPER_FACET_AT_MM, _UPPER_FACET_Z),
        facet(_LOWER_FACET_MM, _LOWER_FACET_AT_MM, _LOWER_FACET_Z),
        Capsule(joint, tip, thick * _TRANSVERSE_ROOT, thick * _TRANSVERSE_TIP[lumbar], _TRANSVERSE_TALL),
    ]


def _arch(vertebra: Vertebra, scale: float, rng: np.random.Generator) -> list[Shape]:
    """Shape both half arches and the spinous process."""
    sizes, frame, lumbar = vertebra.sizes, vertebra.frame, vertebra.sizes.verse_label >= _L1
    canal_half = CANAL_HALF_WIDTH_MM * scale * (1.0 if lumbar else _THORACIC_CANAL)
    pedicle_mm = (_PEDICLE_MM if lumbar else _THORACIC_PEDICLE_MM) * scale * between(rng, _PEDICLE_SPREAD)
    halves = [_half_arch(vertebra, side, scale, pedicle_mm, canal_half + pedicle_mm, rng) for side in SIDES]
    spinous_y = vertebra.body.half_depth + _CANAL_DEPTH_MM * scale + _SPINOUS_BACK_MM
    drop = 0.5 * (vertebra.body.half_height + sizes.spinous_drop_mm)
    middle = frame.point(0, spinous_y + 0.5 * sizes.spinous_mm, -drop)
    lean = rotation(-np.arctan2(sizes.spinous_drop_mm, sizes.spinous_mm), 0, 0)
    half = (_SPINOUS_MM * scale, 0.5 * sizes.spinous_mm, _SPINOUS_TALL_MM[lumbar] * scale)
    return [*halves[0], *halves[1], RoundedBox(Frame(middle, frame.axes @ lean), half, _SPINOUS_ROUND_MM * scale)]


def add_vertebra(
    scene: Scene, vertebra: Vertebra, person: Person, cortex_hu: float, texture_hu: float, rng: np.random.Generator
) -> None:
    """Put one vertebra into the scene: arch first, then the body on top of the pedicles' roots."""
    scale = person.scale
    arch_hu = vertebra.trabecular_hu + between(rng, _ARCH_OVER_BODY_HU)
    arch_material = Material(arch_hu, cortex_hu, between(rng, _ARCH_CORTEX_MM), texture_hu)
    for shape in _arch(vertebra, scale, rng):
        scene.skeleton.append(Solid(shape, arch_material, Tissue.POSTERIOR))
    grain_mm = between(rng, _GRAIN_MM)
    body_material = Material(vertebra.trabecular_hu, cortex_hu, person.cortex_mm, texture_hu, grain_mm)
    scene.skeleton.append(Solid(vertebra.body, body_material, Tissue.BODY, vertebra.sizes.verse_label))
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
