"""The column: bodies stacked along lordosis and scoliosis, with pedicles, canal, arches, discs and sacrum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.morphometry import (
    CANAL_HALF_DEPTH_MM,
    CANAL_HALF_WIDTH_MM,
    SACRAL_PITCH_DEG,
    VERTEBRAE,
    VertebraSizes,
)
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.shapes import BodyShape, Capsule, Ellipsoid, Frame, RoundedBox, rotation

_SIDES = (-1.0, 1.0)


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
        """The vertebra with that number; StopIteration when the column has none."""
        return next(v for v in self.vertebrae if v.sizes.verse_label == verse_label)

    def track(self) -> tuple[np.ndarray, np.ndarray]:
        """Centers from the sacrum upward as (z knots ascending, (N, 2) x and y)."""
        centers = np.array([self.sacrum.center] + [v.frame.center for v in reversed(self.vertebrae)])
        return centers[:, 2], centers[:, :2]


def _plan(person: Person) -> list[VertebraSizes]:
    """Vertebrae of this person, top to bottom, scaled."""
    plan = list(VERTEBRAE)
    if person.lumbar_bodies == 4:
        plan = plan[:-1]
    if person.lumbar_bodies == 6:
        plan.append(replace(plan[-1], name="L6", verse_label=25, pitch_deg=28.0))
    lengths = [f for f in VertebraSizes.__dataclass_fields__ if f.endswith("_mm")]
    return [replace(v, **{f: getattr(v, f) * person.scale for f in lengths}) for v in plan]


def _body(sizes: VertebraSizes, frame: Frame, person: Person, rng: np.random.Generator) -> BodyShape:
    """Draw one body's shape."""
    wedge, crush = float(rng.normal(0.01, 0.025)), 0.0
    if sizes.verse_label in person.fractured:
        wedge, crush = (
            (float(rng.uniform(0.15, 0.4)), 0.0) if rng.random() < 0.6 else (0.05, float(rng.uniform(0.15, 0.35)))
        )
    spurs = tuple(
        (float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(2, 9) * person.degeneration), float(rng.choice((-1, 1))))
        for _ in range(rng.poisson(4 * person.degeneration))
    )
    return BodyShape(
        frame,
        half_width=0.5 * sizes.width_mm * float(rng.normal(1, 0.04)),
        half_depth=0.5 * sizes.depth_mm * float(rng.normal(1, 0.04)),
        half_height=0.5 * sizes.height_mm * float(rng.normal(1, 0.03)),
        waist=float(rng.uniform(0.03, 0.15)),
        squareness=float(rng.uniform(0.05, 0.5)),
        back_flat=float(rng.uniform(0.62, 0.92)),
        back_dent_mm=float(rng.uniform(0.0, 4.0)),
        concavity_mm=(float(rng.uniform(0.5, 3.0)), float(rng.uniform(1.0, 4.0))),
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
        base_hu: HU of the other bodies, before a spread of 8 HU.
    """
    plan = _plan(person)
    disc_thinning = 1.0 - 0.6 * person.degeneration * rng.random(len(plan))
    bend = np.linspace(-1, 1, len(plan))
    roll = person.scoliosis_deg * np.sin(np.pi * bend + rng.uniform(0, np.pi)) + rng.normal(0, 0.8, len(plan))
    yaw = person.rotation_deg + person.scoliosis_deg * np.cos(np.pi * bend) * 0.5
    pitch = np.array([v.pitch_deg for v in plan]) * person.lordosis + rng.normal(0, 1.5, len(plan)) + rng.normal(0, 3)
    sacral_pitch = SACRAL_PITCH_DEG * (0.3 + 0.75 * person.lordosis) + rng.normal(0, 5)

    def frame_at(center: np.ndarray, pitch_deg: float, roll_deg: float, yaw_deg: float) -> Frame:
        # positive pitch leans the axis to the front (-y): rotation about +x by +pitch moves z toward -y
        return Frame(center, rotation(*np.deg2rad((pitch_deg, roll_deg, yaw_deg))))

    sacrum = frame_at(np.zeros(3), sacral_pitch, roll[-1], yaw[-1])
    sacrum_sizes = replace(plan[-1], name="S1", verse_label=26, height_mm=28.0 * person.scale)
    frames: list[Frame] = []
    top = sacrum.point(0, 0, 0.5 * sacrum_sizes.height_mm)
    for index in range(len(plan) - 1, -1, -1):
        sizes, oriented = plan[index], frame_at(np.zeros(3), pitch[index], roll[index], yaw[index])
        up = oriented.axes[:, 2]
        disc = max(sizes.disc_below_mm * disc_thinning[index], 2.0)
        center = top + up * (disc + 0.5 * sizes.height_mm)
        frames.insert(0, Frame(center, oriented.axes))
        top = center + up * 0.5 * sizes.height_mm
    at_l1 = next(i for i, v in enumerate(plan) if v.verse_label == 20)
    shift = 0.5 * (frames[at_l1].center + frames[at_l1 + 1].center)
    vertebrae = tuple(
        Vertebra(
            sizes,
            _body(sizes, Frame(frame.center - shift, frame.axes), person, rng),
            trabecular_hu.get(sizes.verse_label, base_hu + float(rng.normal(0, 8))),
        )
        for sizes, frame in zip(plan, frames, strict=True)
    )
    return Column(vertebrae, Frame(sacrum.center - shift, sacrum.axes), sacrum_sizes)


def _half_arch(
    vertebra: Vertebra, side: float, scale: float, pedicle_mm: float, root_mm: float, rng: np.random.Generator
) -> list:
    """Shapes of one side's pedicle, lamina, articular and transverse processes (side -1 right, +1 left)."""
    sizes, frame, lumbar = vertebra.sizes, vertebra.frame, vertebra.sizes.verse_label >= 20
    back, half_height = vertebra.body.half_depth, vertebra.body.half_height
    canal_depth, root_z = 2.0 * CANAL_HALF_DEPTH_MM * scale, 0.35 * half_height
    lamina_y = back + canal_depth * 0.8
    tip = frame.point(
        side * sizes.transverse_mm * float(rng.uniform(0.85, 1.15)),
        back + 11.0 + sizes.transverse_back_mm,
        root_z + float(rng.normal(0 if lumbar else 3, 2)),
    )
    thick = (3.4 if sizes.verse_label < 24 else 5.5) * scale
    joint = frame.point(side * (root_mm + 1), back + 9.0, root_z - 1)
    return [
        Capsule(frame.point(side * root_mm * 0.95, back - 4.0, root_z), joint, pedicle_mm, pedicle_mm * 0.95, 1.7),
        Capsule(
            frame.point(side * (root_mm + 1), back + 9, root_z - 2),
            frame.point(side * 2.0, back + canal_depth + 4.0, -0.55 * half_height),
            4.0 * scale,
            3.2 * scale,
            1.9,
        ),
        Ellipsoid(
            Frame(frame.point(side * (root_mm + 3), lamina_y - 4, half_height * 0.9), frame.axes),
            (5.5 * scale, 4.5 * scale, 9.0 * scale),
        ),
        Ellipsoid(
            Frame(frame.point(side * (root_mm + 1), lamina_y + 2.0, -half_height * 1.05), frame.axes),
            (5.0 * scale, 4.5 * scale, 9.5 * scale),
        ),
        Capsule(joint, tip, thick * 1.1, thick * (0.75 if lumbar else 1.1), 1.5),
    ]


def _arch(vertebra: Vertebra, scale: float, rng: np.random.Generator) -> list:
    """Shapes of both half arches and the spinous process."""
    sizes, frame, lumbar = vertebra.sizes, vertebra.frame, vertebra.sizes.verse_label >= 20
    canal_half = CANAL_HALF_WIDTH_MM * scale * (1.0 if lumbar else 0.85)
    pedicle_mm = (4.0 if lumbar else 3.2) * scale * float(rng.uniform(0.85, 1.2))
    halves = [_half_arch(vertebra, side, scale, pedicle_mm, canal_half + pedicle_mm, rng) for side in _SIDES]
    spinous_y = vertebra.body.half_depth + 2.0 * CANAL_HALF_DEPTH_MM * scale + 4.0
    drop = 0.5 * (vertebra.body.half_height + sizes.spinous_drop_mm)
    middle = frame.point(0, spinous_y + 0.5 * sizes.spinous_mm, -drop)
    lean = rotation(-np.arctan2(sizes.spinous_drop_mm, sizes.spinous_mm), 0, 0)
    tall = (9.0 if lumbar else 5.0) * scale
    half = (3.2 * scale, 0.5 * sizes.spinous_mm, tall)
    return [*halves[0], *halves[1], RoundedBox(Frame(middle, frame.axes @ lean), half, 2.8 * scale)]


def add_vertebra(
    scene: Scene, vertebra: Vertebra, person: Person, cortex_hu: float, texture_hu: float, rng: np.random.Generator
) -> None:
    """Put one vertebra into the scene: arch first, then the body on top of the pedicles' roots."""
    scale = person.scale
    arch_material = Material(
        vertebra.trabecular_hu + float(rng.uniform(40, 140)), cortex_hu, float(rng.uniform(0.9, 1.8)), texture_hu
    )
    for shape in _arch(vertebra, scale, rng):
        scene.skeleton.append(Solid(shape, arch_material, Tissue.POSTERIOR))
    body_material = Material(
        vertebra.trabecular_hu, cortex_hu, person.cortex_mm, texture_hu, grain_mm=float(rng.uniform(0.8, 2.0))
    )
    scene.skeleton.append(Solid(vertebra.body, body_material, Tissue.BODY, vertebra.sizes.verse_label))
    vein = Frame(vertebra.frame.point(0, 0.62 * vertebra.body.half_depth, 0), vertebra.frame.axes)
    vein_hu = float(vertebra.trabecular_hu - rng.uniform(0, 60))
    scene.skeleton.append(
        Solid(
            Ellipsoid(vein, (float(rng.uniform(1.5, 4)), float(rng.uniform(3, 7)), float(rng.uniform(1, 3)))),
            Material(vein_hu),
            Tissue.BODY,
        )
    )


def add_discs(scene: Scene, column: Column, disc_hu: float, gas_chance: float, rng: np.random.Generator) -> None:
    """Put discs between the bodies (painted before the bones), some with vacuum gas."""
    frames = [v.frame for v in column.vertebrae] + [column.sacrum]
    for vertebra, below in zip(column.vertebrae, frames[1:], strict=True):
        middle = 0.5 * (vertebra.frame.center + below.center)
        axes = vertebra.frame.axes
        radii = (
            vertebra.body.half_width * 1.0,
            vertebra.body.half_depth * 1.0,
            0.5 * vertebra.sizes.disc_below_mm + 5.0,
        )
        scene.skeleton.append(
            Solid(
                Ellipsoid(Frame(middle, axes), radii, 0.4), Material(disc_hu + float(rng.normal(0, 8)), texture_hu=4.0)
            )
        )
        if rng.random() < gas_chance:
            gas = Ellipsoid(Frame(middle, axes), (radii[0] * 0.6, radii[1] * 0.5, 1.2))
            scene.skeleton.append(Solid(gas, Material(float(rng.uniform(-600, -100)))))


def add_sacrum(
    scene: Scene,
    column: Column,
    person: Person,
    cortex_hu: float,
    core_hu: float,
    disc_hu: float,
    rng: np.random.Generator,
) -> None:
    """Put the sacrum into the scene: five shrinking bodies on a backward curve, remnant discs, alae and a median crest.

    Marrow of the alae is fatty and may be darker than muscle; the S1/S2 disc often persists.
    """
    s, frame, sizes = person.scale, column.sacrum, column.sacrum_sizes
    bone = Material(core_hu, cortex_hu * 0.8, 0.9, 12.0)
    wing = Material(float(rng.uniform(-40.0, core_hu + 20.0)), cortex_hu * 0.8, 1.2, 15.0)

    def add(shape, material: Material = bone, tissue: Tissue = Tissue.SACRUM) -> None:
        scene.skeleton.append(Solid(shape, material, tissue))

    center, axes, bend = frame.center, frame.axes, rotation(np.deg2rad(float(rng.uniform(6, 18))), 0, 0)
    width, depth, height = 0.48 * sizes.width_mm, 0.46 * sizes.depth_mm, 0.5 * sizes.height_mm
    gap_mm = float(rng.uniform(0.0, 8.0))
    for segment in range(5):
        body = Frame(center, axes)
        reach = (38.0 - 6.5 * segment) * s
        for side in _SIDES:
            ala_center = body.point(side * (width * 0.6 + 0.5 * reach), 4.0 + 2.0 * segment, 0)
            ala = Frame(ala_center, axes @ rotation(0, 0, -side * 0.35))
            add(Ellipsoid(ala, (0.62 * reach, (15.0 - 2.0 * segment) * s, height * 1.1), 0.3), wing)
        if gap_mm > 0.5:
            disc = Frame(body.point(0, 0, -height), axes)
            add(Ellipsoid(disc, (width, depth, gap_mm), 0.4), Material(disc_hu))
        bowl = (float(rng.uniform(0.3, 2.0)), 0.4 * gap_mm)
        add(BodyShape(body, width, depth, height + 0.8 - 0.5 * gap_mm, waist=0.1, concavity_mm=bowl))
        crest = Frame(body.point(0, depth + (16.0 - 2.0 * segment) * s, 0), axes)
        add(RoundedBox(crest, ((13.0 - 2 * segment) * s, 4.0 * s, height), 3.0 * s))
        center = body.point(0, 2.0 * s, -height)
        axes = axes @ bend
        width, depth, height = width * 0.84, depth * 0.78, height * 0.86
        gap_mm *= float(rng.uniform(0.3, 0.8))
        center = center - axes[:, 2] * height
