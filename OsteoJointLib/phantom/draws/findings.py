"""What age, illness and surgery left in a phantom patient: which bodies and discs have which finding.

Every chance is chosen so that a hospital's mix comes out, and grows with ``degeneration``; training draws them often.
Bodies are named by their VerSe numbers, discs by the number of the body above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose

_T6, _L1, _T9 = 13, 20, 16  # VerSe numbers
_DISC_WEIGHT = {
    18: 0.6,
    19: 0.6,
    20: 0.6,
    21: 0.6,
    22: 0.75,
    23: 1.0,
    24: 1.0,
    25: 1.0,
}  # low lumbar, then thoracolumbar
_OTHER_WEIGHT = 0.4  # of the thoracic discs above
_VANISHED, _SCLEROTIC, _BRIDGED, _ERODED = 0.6, 0.55, 0.6, 0.4  # chance in the most degenerate, at weight 1
_SCLEROTIC_IF_VANISHED = 0.75
_OLD_SPINE, _OLD_SPINE_DEGENERATION = 0.5, (0.45, 1.0)  # share of the varied patients, whatever their age

_FLOWING = {False: (0.02, 0.12), True: (0.1, 0.25)}  # DISH: chance at degeneration 0 and 1; plausible, varied
_FLOWING_DISCS = (4, 9)  # at least, fewer than
_FUSED = {False: 0.01, True: 0.12}  # of a person, congenital or by an operation
_FUSED_TWO = 0.25  # share of them with two discs gone
_NODE = {False: 0.04, True: 0.08}  # Schmorl's node, of one body
_COLLAPSED = 0.25  # share of the fractures with a loss of 40 to 70 %
_ALSO_BROKEN = {False: 0.0, True: 0.04}  # of one body from T9 on, beyond those that density broke
_NEIGHBOR_BREAKS = {False: 0.15, True: 0.3}  # of the body under a fracture

_LESIONS = {"hemangioma": 0.010, "bone island": 0.010, "lytic": 0.002, "sclerotic": 0.003, "fatty": 0.004}  # of a body
_LESIONS_VARIED = 4.0  # times as often in training
_CEMENT = {False: 0.08, True: 0.3}  # share of the fractures

_IMPLANTS = {
    "none": 0.905,
    "screws": 0.015,
    "rods": 0.005,
    "cage": 0.005,
    "hip": 0.02,
    "stent": 0.015,
    "filter": 0.005,
    "clips": 0.03,
}
_IMPLANTS_VARIED = {
    "none": 0.55,
    "screws": 0.12,
    "rods": 0.08,
    "cage": 0.05,
    "hip": 0.05,
    "stent": 0.05,
    "filter": 0.03,
    "clips": 0.07,
}
_SCREW_BOTTOM = {24: 0.55, 23: 0.25, 22: 0.1, 20: 0.05, 19: 0.05}  # lowest body with screws: L5, L4, L3, L1, T12
_ROD_BOTTOM = {21: 0.2, 20: 0.25, 19: 0.3, 18: 0.25}
_SCREW_LEVELS, _ROD_LEVELS = (2, 6), (4, 8)  # at least, fewer than
_CAGE_AT = {24: 0.4, 23: 0.4, 22: 0.2}

_ASCITES, _EFFUSION, _ARMS, _FATTY_LIVER = (0.03, 0.12), (0.06, 0.2), (0.1, 0.3), (0.2, 0.4)  # plausible, varied
_EFFUSION_SIDES = {"right": 0.35, "left": 0.25, "both": 0.4}
_LIVER_FAT: Range = (0.15, 0.6)
_FRAME = {False: {"usual": 0.90, "obese": 0.07, "wasted": 0.03}, True: {"usual": 0.66, "obese": 0.2, "wasted": 0.14}}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is unusual in one patient.

    Args:
        degeneration: 0 none to 1 heavy (spurs, thin discs, sclerosis, calcified vessels).
        fractured: broken bodies (wedge, biconcave or crush).
        collapsed: those that lost 40 to 70 % of their height.
        vanished: discs of 0 to 1 mm.
        sclerotic: discs with a dense band under a neighboring endplate.
        bridged: discs spanned by bone in front or at the side.
        eroded: discs with irregular endplates.
        fused: discs replaced by bone.
        nodes: bodies with a Schmorl's node.
        lesions: (body, "hemangioma", "bone island", "lytic", "sclerotic", "fatty" or "cement").
        implant: "none", "screws", "rods", "cage", "hip", "stent", "filter", "clips", or "cement".
        implanted: bodies with screws, or the disc with the cage.
        ascites, arms_down: fluid in the belly, arms beside the trunk.
        effusion: "none", "right", "left" or "both".
        liver_fat: fraction of fat in the liver.
        habitus: "usual", "obese" or "wasted".
    """

    degeneration: float
    fractured: tuple[int, ...] = ()
    collapsed: tuple[int, ...] = ()
    vanished: tuple[int, ...] = ()
    sclerotic: tuple[int, ...] = ()
    bridged: tuple[int, ...] = ()
    eroded: tuple[int, ...] = ()
    fused: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()
    lesions: tuple[tuple[int, str], ...] = ()
    implant: str = "none"
    implanted: tuple[int, ...] = ()
    ascites: bool = False
    arms_down: bool = False
    effusion: str = "none"
    liver_fat: float = 0.0
    habitus: str = "usual"

    def has_finding(self, label: int) -> bool:
        """Whether a body isn't plain trabecular bone throughout: broken, with a node, a lesion, cement or screws.

        >>> Findings(degeneration=0.0, lesions=((20, "hemangioma"),)).has_finding(20)
        True
        """
        lesions = tuple(body for body, _ in self.lesions)
        return label in (*self.fractured, *self.collapsed, *self.nodes, *self.implanted, *lesions)


def _by_disc(rng: np.random.Generator, bodies: range, chance: float, degeneration: float) -> tuple[int, ...]:
    """Draw discs: the chance grows with the square of degeneration, most in the low lumbar spine."""
    return tuple(
        label for label in bodies if rng.random() < chance * degeneration**2 * _DISC_WEIGHT.get(label, _OTHER_WEIGHT)
    )


def _draw_discs(
    rng: np.random.Generator, bodies: range, degeneration: float, varied: bool
) -> dict[str, tuple[int, ...]]:
    """Draw which discs vanished, are fused, bridged, eroded, or lie between sclerotic endplates."""
    vanished, fused = _by_disc(rng, bodies, _VANISHED, degeneration), tuple[int, ...]()
    if rng.random() < _FUSED[varied]:
        first = int(rng.choice(bodies[:-2]))
        fused = (first, first + 1) if rng.random() < _FUSED_TWO else (first,)
    vanished = tuple(label for label in vanished if label not in fused)
    sclerotic = set(_by_disc(rng, bodies, _SCLEROTIC, degeneration))
    sclerotic |= {label for label in vanished if rng.random() < _SCLEROTIC_IF_VANISHED}
    bridged = set(_by_disc(rng, bodies, _BRIDGED, degeneration))
    if rng.random() < np.interp(degeneration, (0.0, 1.0), _FLOWING[varied]):
        first = int(rng.choice(bodies[:-4]))
        bridged |= set(range(first, min(first + int(rng.integers(*_FLOWING_DISCS)), bodies[-1])))
    eroded = _by_disc(rng, bodies, _ERODED, degeneration)
    kept = {"sclerotic": sclerotic, "bridged": bridged, "eroded": set(eroded)}
    named = {name: tuple(sorted(discs - set(fused))) for name, discs in kept.items()}
    return {"vanished": vanished, "fused": fused, **named}


def _draw_lesions(
    rng: np.random.Generator, bodies: range, fractured: tuple[int, ...], varied: bool
) -> tuple[tuple[int, str], ...]:
    """Draw at most one lesion a body; cement only where a body broke."""
    often = _LESIONS_VARIED if varied else 1.0
    shares = {name: chance * often for name, chance in _LESIONS.items()}
    shares["none"] = 1.0 - sum(shares.values())
    drawn = {label: choose(rng, shares) for label in bodies}
    drawn |= {label: "cement" for label in fractured if rng.random() < _CEMENT[varied]}
    return tuple((label, name) for label, name in sorted(drawn.items()) if name != "none")


def _draw_implant(rng: np.random.Generator, bodies: range, varied: bool) -> tuple[str, tuple[int, ...]]:
    """Draw an implant and where it is."""
    implant = choose(rng, _IMPLANTS_VARIED if varied else _IMPLANTS)
    if implant == "cage":
        return implant, (min(choose(rng, _CAGE_AT), bodies[-1]),)
    if implant not in ("screws", "rods"):
        return implant, ()
    bottom, levels = (_SCREW_BOTTOM, _SCREW_LEVELS) if implant == "screws" else (_ROD_BOTTOM, _ROD_LEVELS)
    last = min(choose(rng, bottom), bodies[-1])
    return implant, tuple(range(max(last + 1 - int(rng.integers(*levels)), bodies[0]), last + 1))


def draw_findings(
    rng: np.random.Generator, degeneration: float, fractured: tuple[int, ...], lumbar_bodies: int, varied: bool
) -> Findings:
    """Draw a patient's findings.

    Args:
        rng: source of all randomness.
        degeneration: 0 to 1, as age gives it.
        fractured: bodies that density broke.
        lumbar_bodies: how many there are.
        varied: make every finding frequent (training); half of the patients then have an old spine.
    """
    bodies = range(_T6, _L1 + lumbar_bodies)
    if varied and rng.random() < _OLD_SPINE:
        degeneration = between(rng, _OLD_SPINE_DEGENERATION)
    fractured += tuple(label for label in bodies if label >= _T9 and rng.random() < _ALSO_BROKEN[varied])
    below = {label + 1 for label in fractured if label < bodies[-1] and rng.random() < _NEIGHBOR_BREAKS[varied]}
    fractured = tuple(sorted(below.union(fractured)))
    implant, implanted = _draw_implant(rng, bodies, varied)
    lesions = _draw_lesions(rng, bodies, fractured, varied)
    if implant == "none" and any(name == "cement" for _, name in lesions):
        implant = "cement"
    return Findings(
        degeneration=degeneration,
        fractured=fractured,
        collapsed=tuple(label for label in fractured if rng.random() < _COLLAPSED),
        nodes=tuple(label for label in bodies if rng.random() < _NODE[varied]),
        lesions=lesions,
        implant=implant,
        implanted=implanted,
        ascites=bool(rng.random() < _ASCITES[varied]),
        arms_down=bool(rng.random() < _ARMS[varied]),
        effusion=choose(rng, _EFFUSION_SIDES) if rng.random() < _EFFUSION[varied] else "none",
        liver_fat=between(rng, _LIVER_FAT) if rng.random() < _FATTY_LIVER[varied] else 0.0,
        habitus=choose(rng, _FRAME[varied]),
        **_draw_discs(rng, bodies, degeneration, varied),
    )
