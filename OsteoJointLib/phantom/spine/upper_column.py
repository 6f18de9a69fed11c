"""The column above T6: thoracic bodies up to T1 along the kyphosis and the last cervical ones, put on the others.

It is drawn by itself, so that it changes nothing of the column below. Numbers are chosen unless they come from
:mod:`OsteoJointLib.phantom.draws.morphometry`.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between
from OsteoJointLib.phantom.draws.morphometry import FROM_T6, VERTEBRAE, VertebraSizes
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.shapes import Frame, rotation
from OsteoJointLib.phantom.spine.vertebrae import Break, Vertebra, draw_body

_KYPHOSIS: Range = (0.7, 1.3)  # factor on the tables' curve
_MOST_DEG = 40.0  # that a body may lean to the front
_PITCH_SD_DEG, _STRAIGHTENS = 1.5, 0.75  # of one body; share of a body's tilt to the side that the next one keeps
_DISC_LOSS, _BODY_SD = 0.4, 6.0  # share that the most degenerate disc may lose; mg/cm3, between one person's bodies


def build_upper_column(
    plan: list[VertebraSizes], below: Vertebra, person: Person, rng: np.random.Generator
) -> tuple[Vertebra, ...]:
    """Stack the upper vertebrae.

    Args:
        plan: their sizes, top to bottom, scaled to the person.
        below: the body that carries them, T6.
        person: whose column.
        rng: source of all that is drawn here.
    """
    up, kyphosis = below.frame.axes[:, 2], between(rng, _KYPHOSIS)
    pitch, roll = np.rad2deg(np.arctan2(-up[1], up[2])), np.rad2deg(np.arctan2(up[0], up[2]))
    top = below.frame.point(0, 0, 0.5 * below.sizes.height_mm)
    found: list[Vertebra] = []
    steps = -np.diff([sizes.pitch_deg for sizes in VERTEBRAE[: FROM_T6 + 1]])
    for sizes, step in zip(reversed(plan), reversed(steps), strict=True):
        pitch, roll = min(pitch + kyphosis * step + around(rng, (0.0, _PITCH_SD_DEG)), _MOST_DEG), roll * _STRAIGHTENS
        axes = rotation(*np.deg2rad((pitch, roll, 0.0)))
        disc = sizes.disc_below_mm * (1.0 - _DISC_LOSS * person.degeneration * rng.random())
        frame = Frame(top + axes[:, 2] * (disc + 0.5 * sizes.height_mm), axes)
        top = frame.point(0, 0, 0.5 * sizes.height_mm)
        body = draw_body(sizes, frame, person, Break(), rng)
        found.append(Vertebra(sizes, body, person.mean_bmd_mg_cm3 + around(rng, (0.0, _BODY_SD))))
    return tuple(reversed(found))
