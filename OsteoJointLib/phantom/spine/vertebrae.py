"""One vertebra: its body, whole or broken, and how it is put into the scene with its arch and its vein.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.draws.morphometry`; mm are those of the tables'
man.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between, choose
from OsteoJointLib.phantom.draws.morphometry import SLANT_SD, VertebraSizes
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame
from OsteoJointLib.phantom.spine.arch import build_arch

_WEDGE: Range = (0.0, 0.015)  # mean and SD of the front's loss of height in a whole body, as a fraction
_BROKEN = {"wedge": 0.5, "biconcave": 0.3, "crush": 0.2}  # shares of the fractures
_LOSS: dict[bool, Range] = {False: (0.15, 0.4), True: (0.4, 0.7)}  # of the height; collapsed or not
_BICONCAVE_LOSS, _BICONCAVE_WEDGE = 0.7, 0.05  # the middle loses this share of the loss, the front this of its height
_SPURS, _SPUR_MM, _RIMS = 4.0, (2.0, 9.0), (-1.0, 1.0)  # mean number, reach in the most degenerate; lower, upper
_JITTER: Range = (1.0, 0.025)  # mean and SD of the factor on one body's width, depth and height
_WAIST, _SQUARENESS, _BACK_FLAT = (0.02, 0.16), (0.0, 0.3), (0.62, 0.86)  # see BodyShape; middles fitted
_BACK_DENT_MM, _UPPER_BOWL_MM, _LOWER_BOWL_MM = (0.0, 2.5), (0.3, 2.7), (0.5, 3.5)  # not scaled
_BOWL_ASIDE, _BOWL_BACK = (0.0, 0.2), (0.35, 0.2)  # mean and SD of BodyShape's bowl_lean
_VANISHED_BOWL = 0.15  # of the bowls beside a disc that vanished, or that bone replaced

_ARCH_OVER_BODY_HU, _ARCH_CORTEX_MM = (40.0, 140.0), (0.9, 1.8)  # arches are denser than bodies
_TEXTURE_HU, _TEXTURE_PER_HU = 6.0, 0.08  # SD without bone, and its rise with the trabeculae's HU
_GRAIN_MM, _THINNED_MM, _FULL_BMD = (0.8, 1.4), 0.5, 160.0  # rods that are lost leave larger gaps; mg/cm3 of none lost
_VEIN_Y, _VEIN_DARKER_HU = 0.62, (0.0, 60.0)  # basivertebral: of the half depth
_VEIN_MM: tuple[Range, Range, Range] = ((1.5, 4.0), (3.0, 7.0), (1.0, 3.0))  # half sizes


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One placed vertebra: its sizes (scaled, mm), body, BMD, dents in its endplates, and HU once a scan is chosen."""

    sizes: VertebraSizes
    body: BodyShape
    bmd_mg_cm3: float
    dents: tuple[Ellipsoid, ...] = ()
    trabecular_hu: float = float("nan")  # until Column.seen fills it in

    @property
    def outline(self) -> Shape:
        """The body as a reader outlines it: without the dents in its endplates."""
        return Compound((self.body,), self.dents)

    @property
    def frame(self) -> Frame:
        return self.body.frame


@dataclass(frozen=True)
class Break:
    """A fracture: loss of height as a fraction in front, in the middle, everywhere."""

    wedge: float = 0.0
    middle: float = 0.0
    whole: float = 0.0


def draw_break(collapsed: bool, rng: np.random.Generator) -> Break:
    """Draw how a body broke."""
    kind, loss = choose(rng, _BROKEN), between(rng, _LOSS[collapsed])
    if kind == "biconcave":
        return Break(_BICONCAVE_WEDGE, _BICONCAVE_LOSS * loss)
    return Break(wedge=loss) if kind == "wedge" else Break(whole=loss)


def draw_body(sizes: VertebraSizes, frame: Frame, person: Person, broken: Break, rng: np.random.Generator) -> BodyShape:
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
        half_width=0.5 * sizes.width_mm * around(rng, _JITTER),
        half_depth=0.5 * sizes.depth_mm * around(rng, _JITTER),
        half_height=0.5 * sizes.height_mm * around(rng, _JITTER),
        waist=between(rng, _WAIST),
        squareness=between(rng, _SQUARENESS),
        back_flat=between(rng, _BACK_FLAT),
        back_dent_mm=between(rng, _BACK_DENT_MM),
        bowl_lean=(around(rng, _BOWL_ASIDE), around(rng, _BOWL_BACK)),
        concavity_mm=(upper * between(rng, _UPPER_BOWL_MM), lower * between(rng, _LOWER_BOWL_MM)),
        wedge=wedge,
        slant=sizes.slant + around(rng, (0.0, SLANT_SD)),
        crush=broken.middle,
        spurs=spurs,
    )


def add_vertebra(
    scene: Scene, vertebra: Vertebra, person: Person, cortex_hu: float, coarse: float, rng: np.random.Generator
) -> None:
    """Put one vertebra into the scene: arch first, then the body on top of the pedicles' roots.

    Args:
        scene: into which it is put.
        vertebra: with its HU filled in.
        person: whose.
        cortex_hu: HU of the shell.
        coarse: factor on the usual contrast of the trabeculae.
        rng: source of all that is drawn here.
    """
    arch_hu = vertebra.trabecular_hu + scene.mineral * between(rng, _ARCH_OVER_BODY_HU)
    texture_hu = coarse * (_TEXTURE_HU + _TEXTURE_PER_HU * max(vertebra.trabecular_hu, 0.0))
    arch_material = Material(arch_hu, cortex_hu, between(rng, _ARCH_CORTEX_MM), texture_hu)
    arch = build_arch(vertebra.sizes, vertebra.body, person, rng)
    scene.skeleton.extend(Solid(shape, arch_material, Tissue.POSTERIOR) for shape in arch.bone)
    lost = float(np.clip(1.0 - vertebra.bmd_mg_cm3 / _FULL_BMD, 0.0, 1.0))
    grain_mm = between(rng, _GRAIN_MM) + _THINNED_MM * lost
    body_material = Material(vertebra.trabecular_hu, cortex_hu, person.cortex_mm, texture_hu, grain_mm)
    scene.skeleton.append(Solid(vertebra.outline, body_material, Tissue.BODY, vertebra.sizes.verse_label))
    marrow = Material(vertebra.trabecular_hu, texture_hu=texture_hu, grain_mm=grain_mm)
    scene.skeleton.extend(Solid(shape, marrow) for shape in arch.marrow)  # no truth: it opens the wall to the pedicles
    vein = Frame(vertebra.frame.point(0, _VEIN_Y * vertebra.body.half_depth, 0), vertebra.frame.axes)
    vein_hu = vertebra.trabecular_hu - between(rng, _VEIN_DARKER_HU)
    a, b, c = (between(rng, half_mm) for half_mm in _VEIN_MM)
    scene.skeleton.append(Solid(Ellipsoid(vein, (a, b, c)), Material(vein_hu), Tissue.BODY))
