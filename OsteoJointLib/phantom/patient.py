"""A drawn person in a drawn scanner, put together into one scene.

Numbers are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.contrast import Iodine, draw_iodine
from OsteoJointLib.phantom.draws.person import Person, draw_person
from OsteoJointLib.phantom.draws.tissue import draw_tissue_hu
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.phantom.physics.bone import trabecular_hu
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

_SPREAD_SHARE, _DEPARTING_SHARE = 0.6, 0.5  # randomized: with BMD drawn evenly; with tissues that no patient has
_CORTEX_HU, _CORTEX_PER_BMD = (450.0, 1100.0), 1.6  # at 120 kVp; HU per mg/cm3: a dense body has a dense shell
_RIB_CORE, _RIB_OVER_HU, _PELVIS_OF_RIB = 0.8, (-40.0, 110.0), 0.8  # of the bodies' HU, plus; of the ribs' HU
_SACRUM_CORE, _SACRUM_OVER_HU = 0.7, 30.0
_FATTY_LIVER = 0.7  # share of the liver's fraction of fat that counts as adipose tissue
_COARSE: Range = (0.6, 1.6)  # factor on the contrast of the trabeculae


@dataclass(frozen=True, eq=False)
class Patient:
    """A drawn person in a drawn scanner.

    Args:
        person, acquisition: what was drawn.
        column, scene: what was built of it.
        beam: in which all of it is seen.
        iodine: in the tissues.
        departing: whether soft tissues depart from what physics says of them.
        rib_lengths_mm, rib_heads_mm: how long the ribs are and where they begin.
    """

    person: Person
    acquisition: Acquisition
    column: Column
    scene: Scene
    beam: Beam
    iodine: Iodine
    departing: bool
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
    column = dent_endplates(build_column(person, rng), person, own)
    torso = build_torso(person, column, rng)
    beam = acquisition.behind(torso.thickness_cm)
    iodine = draw_iodine(acquisition.phase, person.marrow_fat, rng)
    departing = randomized and bool(rng.random() < _DEPARTING_SHARE)
    tissue = draw_tissue_hu(beam, iodine, departing, rng)
    fat = _FATTY_LIVER * person.liver_fat
    tissue = replace(tissue, liver=(1.0 - fat) * tissue.liver + fat * tissue.visceral_fat)

    def bone_hu(bmd_mg_cm3: float) -> float:
        return trabecular_hu(bmd_mg_cm3, person.marrow_fat, iodine.marrow, beam)

    column, base = column.seen(bone_hu), bone_hu(person.mean_bmd_mg_cm3)
    cortex_hu = beam.mineral * (between(rng, _CORTEX_HU) + _CORTEX_PER_BMD * person.mean_bmd_mg_cm3)
    scene = Scene(mineral=beam.mineral)
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
    add_table(scene, torso.skin, acquisition, beam, for_table)
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
    coarse = between(rng, _COARSE)
    for vertebra in column.vertebrae:
        add_vertebra(scene, vertebra, person, cortex_hu, coarse, rng)
    join_blocks(scene, column, person)
    add_sclerosis(scene, column, person, own)
    add_lesions(scene, column, person, own)
    add_dense_joints(scene, column, person, own)
    add_implant(scene, column, person, own)
    return Patient(person, acquisition, column, scene, beam, iodine, departing, lengths, heads)
