"""The column: vertebrae stacked along lordosis and scoliosis, and the discs between them.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.draws.morphometry`; mm are those of the tables'
man.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between
from OsteoJointLib.phantom.draws.morphometry import (
    CANAL_DEPTH_SD,
    CANAL_WIDTH_SD,
    DEPTH_SD,
    FROM_T6,
    HEIGHT_SD,
    SACRAL_PITCH_DEG,
    VERTEBRAE,
    WIDTH_SD,
    VertebraSizes,
)
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.shapes import Frame, rotation
from OsteoJointLib.phantom.spine.upper_column import build_upper_column
from OsteoJointLib.phantom.spine.vertebrae import Break, Vertebra, draw_body, draw_break
from OsteoJointLib.records import Level

_L1, _L6, _S1 = 20, 25, 26  # VerSe numbers
_USUAL_LUMBAR = 5
_L6_PITCH_DEG = 28.0
_RUDIMENTARY_DISC, _RIBBED_TRANSVERSE_MM = 0.4, 24.0  # share of its height over the sacrum; of an L1 that bears ribs
_KYPHOSIS = 0.5  # share of a wedge's angle that the discs beside it do not take up

_DISC_LOSS, _LEAST_DISC_MM = 0.6, 2.0  # share that the most degenerate disc may lose, height it keeps
_VANISHED_MM, _FUSED_MM = (0.0, 1.0), (0.5, 4.0)  # what is left of the space; bone in a block
_DISC_GIVES_MM = 1.5  # by which a disc's rims may come closer than its height
_ROLL_SD_DEG, _PITCH_SD_DEG, _LEAN_SD_DEG = 0.8, 1.5, 3.0  # of one body, one body, the whole column
_YAW_WITH_ROLL = 0.5  # a scoliotic column turns half as much as it tilts
_SACRAL_FLAT, _SACRAL_LORDOSIS, _SACRAL_SD_DEG = 0.3, 0.75, 5.0  # share of the slope without lordosis, and with
_SLOPE_DEG: Range = (20.0, 60.0)
_SACRUM_TURN = 0.4  # of the last lumbar body's tilt and rotation: the pelvis lies nearly level
_S1_HEIGHT_MM = 28.0
_BODY_SD = 6.0  # mg/cm3, between the bodies of one person, L1 and L2 apart

DISC_SQUARENESS = 0.4


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

    @property
    def centers_lps_mm(self) -> np.ndarray:
        """(N, 3) centers of the bodies, top to bottom."""
        return np.array([v.frame.center for v in self.vertebrae])

    def seen(self, trabecular_hu: Callable[[float], float]) -> Column:
        """Fill in the bodies' HU, from what they are at a BMD in mg/cm3."""
        vertebrae = tuple(replace(v, trabecular_hu=trabecular_hu(v.bmd_mg_cm3)) for v in self.vertebrae)
        return replace(self, vertebrae=vertebrae)

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

    def track(self, up_to: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Centers from the sacrum up to the body of that VerSe number as (z knots ascending, (N, 2) x and y)."""
        bodies = [v.frame.center for v in reversed(self.vertebrae) if v.sizes.verse_label >= up_to]
        centers = np.array([self.sacrum.center, *bodies])
        return centers[:, 2], centers[:, :2]


def _plan(person: Person, rng: np.random.Generator) -> list[VertebraSizes]:
    """Vertebrae of this person, top to bottom, scaled, in drawn proportions."""
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


def build_column(person: Person, rng: np.random.Generator) -> Column:
    """Stack the vertebrae from the sacrum to T6, and the upper column on top; the L1/L2 disc ends near the origin.

    Args:
        person: whose column.
        rng: source of the shapes.
    """
    own = rng.spawn(1)[0]  # what is broken changes nothing else
    breaks = {label: draw_break(label in person.collapsed, own) for label in person.fractured}
    planned = _plan(person, rng)
    whole = planned[FROM_T6:]
    broken = [breaks.get(v.verse_label, Break()) for v in whole]
    plan = [replace(v, height_mm=v.height_mm * (1 - b.whole)) for v, b in zip(whole, broken, strict=True)]
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
    prescribed = {level.verse_label: person.bmd(level) for level in Level}
    vertebrae = tuple(
        Vertebra(
            sizes,
            draw_body(sizes, Frame(frame.center - shift, frame.axes), person, deformed, rng),
            prescribed.get(sizes.verse_label, person.mean_bmd_mg_cm3 + around(rng, (0.0, _BODY_SD))),
        )
        for sizes, deformed, frame in zip(plan, broken, frames, strict=True)
    )
    upper = build_upper_column(planned[:FROM_T6], vertebrae[0], person, own.spawn(1)[0])
    return Column((*upper, *vertebrae), Frame(sacrum.center - shift, sacrum.axes), sacrum_sizes)
