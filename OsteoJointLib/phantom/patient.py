"""A drawn person in a drawn scanner, put together into one scene.

Numbers are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.person import Person, draw_person
from OsteoJointLib.phantom.draws.tissue import draw_tissue_hu
from OsteoJointLib.phantom.scanner.acquisition import Acquisition, draw_acquisition
from OsteoJointLib.phantom.solids.scene import Scene
from OsteoJointLib.phantom.spine.column import Column, build_column
from OsteoJointLib.phantom.spine.discs import add_bridges, add_discs, join_blocks
from OsteoJointLib.phantom.spine.endplates import add_sclerosis, dent_endplates
from OsteoJointLib.phantom.spine.implants import add_dense_joints, add_implant
from OsteoJointLib.phantom.spine.lesions import add_lesions
from OsteoJointLib.phantom.spine.pelvis import add_pelvis
from OsteoJointLib.phantom.spine.sacral_bone import add_sacrum
from OsteoJointLib.phantom.spine.vertebrae import add_vertebra
from OsteoJointLib.phantom.trunk.bedside import add_arms, add_leads, add_table
from OsteoJointLib.phantom.trunk.chest import add_chest
from OsteoJointLib.phantom.trunk.great_vessels import add_great_vessels
from OsteoJointLib.phantom.trunk.muscles import add_muscles, add_wall
from OsteoJointLib.phantom.trunk.organs import add_ascites, add_bowel, add_organs
from OsteoJointLib.phantom.trunk.rib_cage import RibHeads, RibLengths, add_ribs, draw_rib_lengths
from OsteoJointLib.phantom.trunk.shoulders import add_shoulders, build_shoulders
from OsteoJointLib.phantom.trunk.sternum import add_sternum, draw_sternum
from OsteoJointLib.phantom.trunk.torso import build_torso
from OsteoJointLib.phantom.trunk.vessels import add_canal, add_vessels
from OsteoJointLib.records import Level

_SPREAD_SHARE, _WILD_TISSUE = 0.6, 2.5  # randomized: share with BMD drawn evenly, factor on the spread of tissues
_CORTEX_HU, _CORTEX_PER_HU = (450.0, 1100.0), 1.2  # a dense body has a dense shell
_RIB_CORE, _RIB_OVER_HU, _PELVIS_OF_RIB = 0.8, (-40.0, 110.0), 0.8  # of the bodies' HU, plus; of the ribs' HU
_SACRUM_CORE, _SACRUM_OVER_HU = 0.7, 30.0
_FATTY_LIVER_HU = 110.0  # how much darker fat is than liver, roughly
_TEXTURE_HU: Range = (6.0, 30.0)  # SD of the bodies' trabeculae


@dataclass(frozen=True, eq=False)
class Patient:
    """A drawn person in a drawn scanner: the scene, what it was drawn from, and where its ribs begin."""

    person: Person
    acquisition: Acquisition
    column: Column
    scene: Scene
    rib_lengths_mm: RibLengths
    rib_heads_mm: RibHeads


def draw_scan(rng: np.random.Generator, randomized: bool, rods: bool = False) -> tuple[Person, Acquisition]:
    """Draw who is scanned, and how, without building anything."""
    person = draw_person(rng, spread_bmd=randomized and rng.random() < _SPREAD_SHARE, varied=randomized)
    return person, draw_acquisition(rng, randomized, rods)


def build_patient(rng: np.random.Generator, randomized: bool, rods: bool = False) -> Patient:
    """Draw person and acquisition and build the scene."""
    own = rng.spawn(1)[0]  # for the findings: one more changes nothing else of the patient
    for_table, for_ribs, for_shoulders, for_vessels = own.spawn(4)
    person, acquisition = draw_scan(rng, randomized, rods)
    bmd = {level.verse_label: acquisition.trabecular_hu(person.bmd(level)) for level in Level}
    base = acquisition.trabecular_hu(person.mean_bmd_mg_cm3)
    column = dent_endplates(build_column(person, rng, bmd, base), person, own)
    torso = build_torso(person, column, rng)
    tissue = draw_tissue_hu(acquisition.phase, _WILD_TISSUE if randomized else 1.0, rng)
    tissue = replace(tissue, liver=tissue.liver - _FATTY_LIVER_HU * person.liver_fat)
    cortex_hu = between(rng, _CORTEX_HU) + _CORTEX_PER_HU * base
    scene = Scene()
    shoulders = build_shoulders(person, column, torso, for_shoulders)
    add_wall(scene, torso, shoulders, column, tissue, person)
    add_chest(scene, torso, column, tissue, person, rng, for_vessels)
    add_ascites(scene, torso, person, own)
    add_bowel(scene, torso, tissue, acquisition.oral_contrast, rng)
    add_organs(scene, torso, column, tissue, rng)
    add_muscles(scene, column, tissue, person, rng)
    aorta = add_vessels(scene, column, tissue, person, rng)
    add_great_vessels(scene, column, aorta, tissue, person, for_vessels)
    add_canal(scene, column, tissue, person)
    add_table(scene, torso.skin, acquisition, for_table)
    add_leads(scene, torso.skin, own)
    if person.arms_down:
        add_arms(scene, torso.skin, shoulders.joints, tissue, person, own)
    lengths = draw_rib_lengths(person, torso, rng)
    rib_core = base * _RIB_CORE + between(rng, _RIB_OVER_HU)
    add_shoulders(scene, shoulders, cortex_hu, rib_core, for_shoulders)
    sternum = draw_sternum(column, person, for_ribs)
    add_sternum(scene, sternum, torso, cortex_hu, rib_core, for_ribs)
    heads = add_ribs(scene, column, torso, lengths, person, sternum, cortex_hu, rib_core, for_ribs)
    add_pelvis(scene, column, cortex_hu, rib_core * _PELVIS_OF_RIB, rng)
    add_sacrum(scene, column, person, cortex_hu, base * _SACRUM_CORE + _SACRUM_OVER_HU, tissue.disc, rng)
    add_discs(scene, column, person, tissue.disc, rng)
    add_bridges(scene, column, person, cortex_hu, own)
    texture = between(rng, _TEXTURE_HU)
    for vertebra in column.vertebrae:
        add_vertebra(scene, vertebra, person, cortex_hu, texture, rng)
    join_blocks(scene, column, person)
    add_sclerosis(scene, column, person, own)
    add_lesions(scene, column, person, own)
    add_dense_joints(scene, column, person, own)
    add_implant(scene, column, person, own)
    return Patient(person, acquisition, column, scene, lengths, heads)
