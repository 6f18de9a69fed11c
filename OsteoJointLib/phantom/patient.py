"""A drawn person in a drawn scanner, put together into one scene.

Numbers are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.acquisition import Acquisition, draw_acquisition
from OsteoJointLib.phantom.chance import Range, between
from OsteoJointLib.phantom.organs import add_bowel, add_chest, add_muscles, add_organs, add_wall
from OsteoJointLib.phantom.pelvis import add_pelvis
from OsteoJointLib.phantom.person import Person, draw_person
from OsteoJointLib.phantom.rib_cage import RibHeads, RibLengths, add_ribs, draw_rib_lengths
from OsteoJointLib.phantom.sacral_bone import add_sacrum
from OsteoJointLib.phantom.scene import Material, Scene, Solid
from OsteoJointLib.phantom.shapes import Frame, RoundedBox, Tube
from OsteoJointLib.phantom.spine import Column, add_discs, add_vertebra, build_column
from OsteoJointLib.phantom.tissue import draw_tissue_hu
from OsteoJointLib.phantom.torso import REACH_MM, build_torso
from OsteoJointLib.phantom.vessels import add_canal, add_vessels
from OsteoJointLib.records import Level

_SPREAD_SHARE, _WILD_TISSUE = 0.6, 2.5  # randomized: share with BMD drawn evenly, factor on the spread of tissues
_CORTEX_HU, _CORTEX_PER_HU = (450.0, 1100.0), 1.2  # a dense body has a dense shell
_RIB_CORE, _RIB_OVER_HU, _PELVIS_OF_RIB = 0.8, (-40.0, 110.0), 0.8  # of the bodies' HU, plus; of the ribs' HU
_SACRUM_CORE, _SACRUM_OVER_HU = 0.7, 30.0
_GAS_CHANCE = 0.25  # of one disc in the most degenerate
_TEXTURE_HU: Range = (6.0, 30.0)  # SD of the bodies' trabeculae

_TABLE_TOP_MM, _TABLE_RADII_MM = 380.0, (420.0, 381.5)  # a flat arch: its middle over the top, half width and depth
_TABLE_INSIDE, _TABLE_SKIN_HU, _TABLE_SKIN_MM = -1000.0, 60.0, 1.0  # air in a carbon shell
_BOARD_BELOW_MM, _BOARD_HALF_MM, _BOARD_ROUND_MM, _BOARD_HU = 50.0, (190.0, 1.5), 1.0, -150.0
_ROD_BMD_MG_CM3 = (0.0, 50.0, 100.0, 150.0, 200.0)
_ROD_APART_MM, _ROD_UP_MM, _ROD_MM = 30.0, 12.0, 9.0  # middle to middle, over the table, radius


@dataclass(frozen=True, eq=False)
class Patient:
    """A drawn person in a drawn scanner: the scene, what it was drawn from, and where its ribs begin."""

    person: Person
    acquisition: Acquisition
    column: Column
    scene: Scene
    rib_lengths_mm: RibLengths
    rib_heads_mm: RibHeads


def build_patient(rng: np.random.Generator, randomized: bool, rods: bool = False) -> Patient:
    """Draw person and acquisition and build the scene."""
    person = draw_person(rng, spread_bmd=randomized and rng.random() < _SPREAD_SHARE, varied=randomized)
    acquisition = draw_acquisition(rng, randomized, rods)
    bmd = {level.verse_label: acquisition.trabecular_hu(person.bmd(level)) for level in Level}
    base = acquisition.trabecular_hu(person.mean_bmd_mg_cm3)
    column = build_column(person, rng, bmd, base)
    torso = build_torso(person, column, rng)
    tissue = draw_tissue_hu(acquisition.phase, _WILD_TISSUE if randomized else 1.0, rng)
    cortex_hu = between(rng, _CORTEX_HU) + _CORTEX_PER_HU * base
    scene = Scene()
    add_wall(scene, torso, tissue, person)
    add_chest(scene, torso, column, tissue, rng)
    add_bowel(scene, torso, tissue, acquisition.oral_contrast, rng)
    add_organs(scene, torso, column, tissue, rng)
    add_muscles(scene, column, tissue, person, rng)
    add_vessels(scene, column, tissue, person, rng)
    add_canal(scene, column, tissue, person)
    _add_table(scene, torso.skin, acquisition)
    lengths = draw_rib_lengths(person, torso, rng)
    rib_core = base * _RIB_CORE + between(rng, _RIB_OVER_HU)
    heads = add_ribs(scene, column, torso, lengths, person, cortex_hu, rib_core, rng)
    add_pelvis(scene, column, cortex_hu, rib_core * _PELVIS_OF_RIB, rng)
    add_sacrum(scene, column, person, cortex_hu, base * _SACRUM_CORE + _SACRUM_OVER_HU, tissue.disc, rng)
    add_discs(scene, column, tissue.disc, _GAS_CHANCE * person.degeneration, rng)
    texture = between(rng, _TEXTURE_HU)
    for vertebra in column.vertebrae:
        add_vertebra(scene, vertebra, person, cortex_hu, texture, rng)
    return Patient(person, acquisition, column, scene, lengths, heads)


def _add_table(scene: Scene, skin: Tube, acquisition: Acquisition) -> None:
    """Put the patient table under the back, with calibration rods when asked for."""
    back = float((skin.center_y + skin.radius_y).max()) + acquisition.table_mm
    z, (wide, deep) = np.array([-REACH_MM, REACH_MM]), _TABLE_RADII_MM
    top = Tube(z, np.zeros(2), np.full(2, back - _TABLE_TOP_MM), np.full(2, wide), np.full(2, deep))
    scene.background.insert(0, Solid(top, Material(_TABLE_INSIDE, _TABLE_SKIN_HU, _TABLE_SKIN_MM)))
    board = RoundedBox(Frame(np.array([0, back + _BOARD_BELOW_MM, 0])), (*_BOARD_HALF_MM, REACH_MM), _BOARD_ROUND_MM)
    scene.background.insert(1, Solid(board, Material(_BOARD_HU)))
    if acquisition.rods:
        for index, bmd in enumerate(_ROD_BMD_MG_CM3):
            x, y = np.full(2, (index - 2) * _ROD_APART_MM), np.full(2, back - _ROD_UP_MM)
            rod = Tube(z, x, y, np.full(2, _ROD_MM), np.full(2, _ROD_MM))
            scene.background.append(Solid(rod, Material(acquisition.bmd_slope * bmd)))
