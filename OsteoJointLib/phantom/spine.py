"""The column: bodies stacked along lordosis and scoliosis, with pedicles, canal, arches and discs.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.morphometry`; mm are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.chance import Range, around, between, choose
from OsteoJointLib.phantom.combined import Without
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
_BROKEN = {"wedge": 0.5, "biconcave": 0.3, "crush": 0.2}  # shares of the fractures
_LOSS: dict[bool, Range] = {False: (0.15, 0.4), True: (0.4, 0.7)}  # of the height; collapsed or not
_BICONCAVE_LOSS, _BICONCAVE_WEDGE = 0.7, 0.05  # the middle loses this share of the loss, the front this of its height
_KYPHOSIS = 0.5  # share of a wedge's angle that the discs beside it do not take up
_SPURS, _SPUR_MM, _RIMS = 4.0, (2.0, 9.0), (-1.0, 1.0)  # mean number, reach in the most degenerate; lower, upper
_WIDTH_JITTER, _HEIGHT_JITTER = (1.0, 0.04), (1.0, 0.03)  # mean and SD of the factor on width and depth, on height
_WAIST, _SQUARENESS, _BACK_FLAT = (0.03, 0.15), (0.05, 0.5), (0.62, 0.92)  # see BodyShape
_BACK_DENT_MM, _UPPER_BOWL_MM, _LOWER_BOWL_MM = (0.0, 4.0), (0.5, 3.0), (1.0, 4.0)  # not scaled

_DISC_LOSS, _LEAST_DISC_MM = 0.6, 2.0  # share that the most degenerate disc may lose, height it keeps
_VANISHED_MM, _VANISHED_BOWL, _FUSED_MM = (0.0, 1.0), 0.15, (0.5, 4.0)  # of the bowls beside it; bone in a block
_DISC_GIVES_MM = 1.5  # by which a disc's rims may come closer than its height
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


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One placed vertebra: its sizes (scaled, mm), its body, the trabecular HU inside it, dents in its endplates."""

    sizes: VertebraSizes
    body: BodyShape
    trabecular_hu: float
    dents: tuple[Ellipsoid, ...] = ()

    @property
    def outline(self) -> Shape:
        """The body as a reader outlines it: without the dents in its endplates."""
        return Without(self.body, self.dents) if self.dents else self.body

    @property
    def frame(self) -> Frame:
        return self.body.frame


def _turned(axes: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Turn (3, 3) axes so that the last points along ``up``; the first stays as near as it can."""
    up = up / np.linalg.norm(up)
    left = axes[:, 0] - (axes[:, 0] @ up) * up
    left = left / np.linalg.norm(left)
    return np.stack([left, np.cross(up, left), up], axis=1)


@dataclass(frozen=True, eq=False)
class Disc:
    """The space under one body.

    Args:
        label: VerSe number of the body above.
        frame: its middle, turned half as the two bodies.
        height_mm: between the two endplates' planes, in the middle.
        half_width, half_depth: of the body above, mm.
        upper, lower: the bodies beside it; None for the sacrum.
    """

    label: int
    frame: Frame
    height_mm: float
    half_width: float
    half_depth: float
    upper: Vertebra
    lower: Vertebra | None


@dataclass(frozen=True, eq=False)
class Column:
    """The placed vertebrae, top to bottom, and the frame of the first sacral body."""

    vertebrae: tuple[Vertebra, ...]
    sacrum: Frame
    sacrum_sizes: VertebraSizes

    def find(self, verse_label: int) -> Vertebra:
        """Find the vertebra with that number; StopIteration when the column has none."""
        return next(v for v in self.vertebrae if v.sizes.verse_label == verse_label)

    @property
    def discs(self) -> tuple[Disc, ...]:
        """The spaces between the bodies, top to bottom; the last lies on the sacrum."""
        found = []
        for upper, lower in zip(self.vertebrae, (*self.vertebrae[1:], None), strict=True):
            under = lower.frame if lower else self.sacrum
            rise = lower.body.half_height if lower else 0.5 * self.sacrum_sizes.height_mm
            ceiling, floor = upper.frame.point(0, 0, -upper.body.half_height), under.point(0, 0, rise)
            up = upper.frame.axes[:, 2] + under.axes[:, 2]
            turn = _turned(upper.frame.axes, up)
            height = float((ceiling - floor) @ turn[:, 2])
            body, label = upper.body, upper.sizes.verse_label
            middle = Frame(0.5 * (ceiling + floor), turn)
            found.append(Disc(label, middle, height, body.half_width, body.half_depth, upper, lower))
        return tuple(found)

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


@dataclass(frozen=True)
class _Break:
    """A fracture: loss of height as a fraction in front, in the middle, everywhere."""

    wedge: float = 0.0
    middle: float = 0.0
    whole: float = 0.0


def _draw_break(collapsed: bool, rng: np.random.Generator) -> _Break:
    """Draw how a body broke."""
    kind, loss = choose(rng, _BROKEN), between(rng, _LOSS[collapsed])
    if kind == "biconcave":
        return _Break(_BICONCAVE_WEDGE, _BICONCAVE_LOSS * loss)
    return _Break(wedge=loss) if kind == "wedge" else _Break(whole=loss)


def _body(sizes: VertebraSizes, frame: Frame, person: Person, broken: _Break, rng: np.random.Generator) -> BodyShape:
    """Draw one body's shape."""
    wedge = max(around(rng, _WEDGE), broken.wedge)
    flat = (1.0 - broken.middle) * (1.0 - broken.whole)  # a low body has no room for a deep bowl
    upper, lower = (
        flat * (_VANISHED_BOWL if disc in person.vanished + person.fused else 1.0)
        for disc in (sizes.verse_label - 1, sizes.verse_label)
    )
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
        concavity_mm=(upper * between(rng, _UPPER_BOWL_MM), lower * between(rng, _LOWER_BOWL_MM)),
        wedge=wedge,
        crush=broken.middle,
        spurs=spurs,
    )


def _disc_heights(plan: list[VertebraSizes], person: Person, rng: np.random.Generator) -> np.ndarray:
    """Height in mm of the disc under each body; degeneration thins them, to nothing where they vanished."""
    own = rng.spawn(1)[0]
    thinning = 1.0 - _DISC_LOSS * person.degeneration * rng.random(len(plan))
    heights = []
    for sizes, factor in zip(plan, thinning, strict=True):
        usual = max(sizes.disc_below_mm * factor, _LEAST_DISC_MM)
        vanished, fused = (sizes.verse_label in discs for discs in (person.vanished, person.fused))
        heights.append(between(own, _VANISHED_MM) if vanished else between(own, _FUSED_MM) if fused else usual)
    return np.array(heights)


def _limited(angles_deg: np.ndarray, most_deg: np.ndarray, kept: int) -> np.ndarray:
    """Limit the tilt of each body against the one below; that of body ``kept`` stays.

    Args:
        angles_deg: (N + 1,) of the bodies and the sacrum, top to bottom.
        most_deg: (N,) each disc's largest change.
        kept: index of the body that does not turn.
    """
    steps = np.clip(np.diff(angles_deg), -most_deg, most_deg)
    turned = np.concatenate([[0.0], np.cumsum(steps)])
    return turned - turned[kept] + angles_deg[kept]


def build_column(person: Person, rng: np.random.Generator, trabecular_hu: dict[int, float], base_hu: float) -> Column:
    """Stack the vertebrae from the sacrum upward; the L1/L2 disc ends near the world's origin.

    Args:
        person: whose column.
        rng: source of the shapes.
        trabecular_hu: HU by VerSe label where it is prescribed (L1, L2).
        base_hu: mean HU of the other bodies.
    """
    own = rng.spawn(1)[0]  # what is broken changes nothing else
    breaks = {label: _draw_break(label in person.collapsed, own) for label in person.fractured}
    broken = [breaks.get(v.verse_label, _Break()) for v in _plan(person)]
    plan = [replace(v, height_mm=v.height_mm * (1 - b.whole)) for v, b in zip(_plan(person), broken, strict=True)]
    discs = _disc_heights(plan, person, rng)
    bend = np.linspace(-1, 1, len(plan))
    roll = person.scoliosis_deg * np.sin(np.pi * bend + rng.uniform(0, np.pi)) + rng.normal(0, _ROLL_SD_DEG, len(plan))
    yaw = person.rotation_deg + person.scoliosis_deg * np.cos(np.pi * bend) * _YAW_WITH_ROLL
    pitch = np.array([v.pitch_deg for v in plan]) * person.lordosis + rng.normal(0, _PITCH_SD_DEG, len(plan))
    pitch = pitch + rng.normal(0, _LEAN_SD_DEG)
    slope = SACRAL_PITCH_DEG * (_SACRAL_FLAT + _SACRAL_LORDOSIS * person.lordosis) + rng.normal(0, _SACRAL_SD_DEG)
    at_l1 = next(i for i, v in enumerate(plan) if v.verse_label == _L1)
    depth, width = (np.array([getattr(v, side) for v in plan]) for side in ("depth_mm", "width_mm"))
    pitch = _limited(
        np.append(pitch, np.clip(slope, *_SLOPE_DEG)), np.rad2deg((discs + _DISC_GIVES_MM) / (0.5 * depth)), at_l1
    )
    roll = _limited(
        np.append(roll, _SACRUM_TURN * roll[-1]), np.rad2deg((discs + _DISC_GIVES_MM) / (0.5 * width)), at_l1
    )
    # a wedged body leans what is above it to the front, half of that at either endplate
    lost = np.array([b.wedge * v.height_mm for v, b in zip(plan, broken, strict=True)])
    lean = np.append(_KYPHOSIS * np.rad2deg(np.arctan2(lost, depth)), 0.0)
    fall = np.cumsum(lean) - 0.5 * lean
    pitch = pitch - (fall - fall[at_l1])

    def frame_at(center: np.ndarray, pitch_deg: float, roll_deg: float, yaw_deg: float) -> Frame:
        # positive pitch leans the axis to the front (-y): rotation about +x by +pitch moves z toward -y
        return Frame(center, rotation(*np.deg2rad((pitch_deg, roll_deg, yaw_deg))))

    sacrum = frame_at(np.zeros(3), pitch[-1], roll[-1], _SACRUM_TURN * yaw[-1])
    sacrum_sizes = replace(plan[-1], name="S1", verse_label=_S1, height_mm=_S1_HEIGHT_MM * person.scale)
    frames: list[Frame] = []
    top = sacrum.point(0, 0, 0.5 * sacrum_sizes.height_mm)
    for index in range(len(plan) - 1, -1, -1):
        sizes, oriented = plan[index], frame_at(np.zeros(3), pitch[index], roll[index], yaw[index])
        up = oriented.axes[:, 2]
        center = top + up * (discs[index] + 0.5 * sizes.height_mm)
        frames.insert(0, Frame(center, oriented.axes))
        top = center + up * 0.5 * sizes.height_mm
    shift = 0.5 * (frames[at_l1].center + frames[at_l1 + 1].center)
    vertebrae = tuple(
        Vertebra(
            sizes,
            _body(sizes, Frame(frame.center - shift, frame.axes), person, deformed, rng),
            trabecular_hu.get(sizes.verse_label, base_hu + float(rng.normal(0, _BODY_SD_HU))),
        )
        for sizes, deformed, frame in zip(plan, broken, frames, strict=True)
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
    scene.skeleton.append(Solid(vertebra.outline, body_material, Tissue.BODY, vertebra.sizes.verse_label))
    vein = Frame(vertebra.frame.point(0, _VEIN_Y * vertebra.body.half_depth, 0), vertebra.frame.axes)
    vein_hu = vertebra.trabecular_hu - between(rng, _VEIN_DARKER_HU)
    a, b, c = (between(rng, half_mm) for half_mm in _VEIN_MM)
    scene.skeleton.append(Solid(Ellipsoid(vein, (a, b, c)), Material(vein_hu), Tissue.BODY))
