"""HU against what is published, and against what is worked out by hand from NIST's coefficients."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from OsteoJointLib.phantom.draws.contrast import NO_CONTRAST, draw_iodine
from OsteoJointLib.phantom.draws.person import draw_person
from OsteoJointLib.phantom.draws.tissue import TissueHu, draw_tissue_hu
from OsteoJointLib.phantom.patient import build_patient
from OsteoJointLib.phantom.physics import beam as beam_module
from OsteoJointLib.phantom.physics.beam import PHOTON_COUNTING, REFERENCE, Beam
from OsteoJointLib.phantom.physics.bone import bone_share, least_fat, marrow_hu, trabecular_hu
from OsteoJointLib.phantom.scanner.acquisition import draw_acquisition
from OsteoJointLib.records import Level

KVP = ("80", "100", "120", "140")
ATTENUATION = Path(beam_module.__file__).with_name("attenuation.json")
# NIST XCOM, cm2/g at 60 and 80 keV (Hubbell and Seltzer 1995, NISTIR 5632)
NIST = {
    "H": (0.3260, 0.3091),
    "C": (0.1753, 0.1610),
    "N": (0.1817, 0.1639),
    "O": (0.1907, 0.1678),
    "P": (0.2873, 0.2174),
    "K": (0.5678, 0.3251),
    "Ca": (0.6578, 0.3656),
    "I": (7.579, 3.510),
}


def script():
    """Load the script that made the table."""
    path = Path(__file__).resolve().parents[2] / "make_attenuation.py"
    spec = spec_from_file_location("make_attenuation", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_table_was_made_by_the_script_as_it_is():
    made, document = script(), json.loads(ATTENUATION.read_text(encoding="utf-8"))
    assert document["made_by_sha256"] == made.sha256(), "run Testing/make_attenuation.py again"
    for name, (density, source, composition) in made.TISSUES.items():
        row = document["tissues"][name]
        assert (row["density_g_cm3"], row["source"], row["composition"]) == (density, source, composition)
        assert sum(float(v) for v in made.re.findall(r"[\d.]+", composition)) == pytest.approx(100.0, abs=0.15)
    assert ATTENUATION.stat().st_size < 50_000


@pytest.mark.parametrize("name", ["adipose", "K2HPO4", "iodine", "bone", "yellow marrow"])
def test_ratios_at_70_kev_are_nists(name):
    made = script()

    def at_70_kev(composition: str) -> float:
        known = {e: share for e, share in made.fractions(composition).items() if e in NIST}
        logs = {e: np.interp(np.log(70), np.log([60, 80]), np.log(NIST[e])) for e in known}
        return sum(share * np.exp(logs[e]) for e, share in known.items()) / sum(known.values())

    by_hand = at_70_kev(made.TISSUES[name][2]) / at_70_kev(made.WATER)
    assert Beam(PHOTON_COUNTING).relative(name) == pytest.approx(by_hand, rel=0.015)


def native(beam: Beam) -> TissueHu:
    """The mean of many persons."""
    drawn = [draw_tissue_hu(beam, NO_CONTRAST, False, np.random.default_rng(seed)) for seed in range(60)]
    return TissueHu(*(float(np.mean([getattr(t, name) for t in drawn])) for name in TissueHu.__dataclass_fields__))


def test_soft_tissues_are_as_bright_as_in_patients_at_each_voltage():
    by_kvp = {name: native(Beam(name)) for name in (*KVP, PHOTON_COUNTING)}
    usual = by_kvp["120"]
    assert -107 < usual.fat < usual.visceral_fat < -90
    assert 45 < usual.muscle < 60
    assert 35 < usual.aorta < 50
    assert 50 < usual.liver < 65
    fat = [by_kvp[name].fat for name in KVP]
    assert fat == sorted(fat)
    assert -130 < fat[0] < -115, "-115 to -130 HU at 80 kVp (doi 10.1186/s41747-019-0125-2)"
    for name in KVP:
        assert by_kvp[name].muscle == pytest.approx(usual.muscle, abs=3.0), "nearly water"
        assert by_kvp[name].aorta == pytest.approx(usual.aorta, abs=7.0)
    assert by_kvp[PHOTON_COUNTING].fat == pytest.approx(usual.fat, abs=4.0)


def test_icru_densities_give_about_the_same():
    assert REFERENCE.of("muscle") == pytest.approx(50.0, abs=8.0)
    assert REFERENCE.of("liver") == pytest.approx(58.0, abs=5.0)
    assert REFERENCE.of("subcutaneous fat") == pytest.approx(-104.0, abs=9.0)
    assert REFERENCE.of("red marrow") > 0 > REFERENCE.of("yellow marrow")


def test_k2hpo4_and_iodine_by_voltage():
    slope = {name: Beam(name).k2hpo4_hu for name in KVP}
    # 80 and 120 mg/cm3 lie at about 110 and 160 HU of 120 kVp (Pickhardt et al. 2013 against the ACR's thresholds)
    assert (80 * slope["120"], 120 * slope["120"]) == pytest.approx((110.0, 160.0), abs=5.0)
    assert 1.4 < slope["80"] / slope["140"] < 1.6
    assert slope["100"] / slope["120"] == pytest.approx(1.12, abs=0.03)
    iodine = {name: Beam(name).iodine_hu for name in KVP}
    assert iodine["120"] == pytest.approx(25.0, abs=2.0)
    assert iodine["80"] == pytest.approx(41.0, abs=3.0)
    assert 1.5 < iodine["80"] / iodine["120"] < 1.75


def test_a_larger_trunk_hardens_every_tissue_but_not_monoenergetic_images():
    slim, large = Beam("120", 22.0), Beam("120", 42.0)
    assert slim.k2hpo4_hu > large.k2hpo4_hu + 0.1
    assert slim.iodine_hu > large.iodine_hu + 4.0
    assert slim.of("subcutaneous fat") < large.of("subcutaneous fat") - 4.0
    assert Beam(PHOTON_COUNTING, 22.0).k2hpo4_hu == Beam(PHOTON_COUNTING, 42.0).k2hpo4_hu
    assert Beam("120", 99.0).k2hpo4_hu == Beam("120", 50.0).k2hpo4_hu


@pytest.mark.parametrize("fat", [0.2, 0.45, 0.7])
def test_bmd_is_what_qct_at_120_kvp_reports_whatever_the_marrow(fat):
    for bmd in (70.0, 120.0, 200.0):
        assert trabecular_hu(bmd, fat, 0.0, REFERENCE) / REFERENCE.k2hpo4_hu == pytest.approx(bmd)
    assert marrow_hu(0.3, REFERENCE) - marrow_hu(0.4, REFERENCE) == pytest.approx(15.0, abs=2.0)
    # the same QCT with more fat is more mineral: brighter where mineral is brighter
    assert bone_share(120.0, 0.7) > bone_share(120.0, 0.3)
    assert trabecular_hu(120.0, 0.7, 0.0, Beam("80")) > trabecular_hu(120.0, 0.3, 0.0, Beam("80"))


def test_no_bone_is_without_mineral():
    for seed in range(300):
        person = draw_person(np.random.default_rng(seed), spread_bmd=seed % 2 == 0)
        assert all(bone_share(person.bmd(level), person.marrow_fat) > 0.015 for level in Level)
    assert bone_share(50.0, least_fat(50.0)) == pytest.approx(0.02)


def people(count: int = 3000) -> list:
    return [draw_person(np.random.default_rng([seed, 9])) for seed in range(count)]


def test_l1_by_age_is_that_of_20374_persons():
    # Jang et al. 2019: 226 +- 44 HU under 30 years, 89 +- 38 over 90, 2.5 HU less a year; the phantoms end at 90
    drawn = people()
    hu = np.array([trabecular_hu(p.bmd_l1_mg_cm3, p.marrow_fat, 0.0, REFERENCE) for p in drawn])
    age = np.array([p.age_years for p in drawn])
    young, old = hu[age < 30], hu[age > 87]
    assert (young.mean(), young.std()) == (pytest.approx(226.0, abs=14.0), pytest.approx(44.0, abs=12.0))
    assert (old.mean(), old.std()) == (pytest.approx(89.0, abs=12.0), pytest.approx(38.0, abs=8.0))
    assert np.polyfit(age, hu, 1)[0] == pytest.approx(-2.5, abs=0.35)


def test_l1_by_voltage_is_that_of_16747_scans():
    # AAPM 2026 #1859: 148.1, 140.9 and 131.3 HU at 100, 120 and 140 kVp without contrast, over 60 years
    old = [p for p in people(1500) if p.age_years > 60]
    at = {
        name: np.mean([trabecular_hu(p.bmd_l1_mg_cm3, p.marrow_fat, 0.0, Beam(name)) for p in old])
        for name in ("100", "120", "140")
    }
    assert at["140"] / at["120"] == pytest.approx(131.3 / 140.9, abs=0.02)
    assert at["100"] / at["120"] == pytest.approx(148.1 / 140.9, abs=0.05)


def test_women_have_less_fat_in_their_marrow_when_young_and_more_when_old():
    by = {
        (sex, old): np.mean([p.marrow_fat for p in people(2000) if p.sex == sex and abs(p.age_years - age) < 5])
        for sex in "FM"
        for old, age in ((False, 27.0), (True, 80.0))
    }
    assert by["F", False] < by["M", False] < by["M", True] < by["F", True]


def enhancement(phase: str, beam: Beam = REFERENCE) -> np.ndarray:
    drawn = [draw_iodine(phase, 0.45, np.random.default_rng([seed, 5])) for seed in range(600)]
    return np.array([iodine.marrow * beam.iodine_hu for iodine in drawn])


def test_marrow_is_enhanced_by_phase_and_in_its_red_part():
    assert enhancement("none").max() == 0.0
    assert enhancement("portal").mean() == pytest.approx(10.0, abs=1.5)
    assert enhancement("excretory").mean() == pytest.approx(2.0, abs=0.5)
    assert 2.0 < enhancement("portal").std() < 6.0
    assert enhancement("portal", Beam("80")).mean() > 1.4 * enhancement("portal").mean()
    red, yellow = (draw_iodine("portal", fat, np.random.default_rng(0)).marrow for fat in (0.3, 0.6))
    assert red / yellow == pytest.approx(0.7 / 0.4)


def test_the_aorta_tells_how_much_iodine_the_marrow_holds():
    drawn = [draw_iodine("portal", 0.45, np.random.default_rng(seed)) for seed in range(500)]
    r = np.corrcoef(np.log([i.aorta for i in drawn]), np.log([i.marrow for i in drawn]))[0, 1]
    assert 0.35 < r < 0.9


def test_the_arterial_aorta_is_brightest_and_the_portal_liver():
    phases = [
        draw_tissue_hu(REFERENCE, draw_iodine(p, 0.45, np.random.default_rng(1)), False, np.random.default_rng(0))
        for p in ("none", "arterial", "portal", "excretory")
    ]
    assert np.argmax([tissue.aorta for tissue in phases]) == 1
    assert np.argmax([tissue.liver for tissue in phases]) == 2
    assert np.argmax([tissue.renal_pelvis for tissue in phases]) == 3
    assert phases[0].aorta == phases[0].cava, "the same blood"


def test_only_training_persons_depart_from_physics_and_only_half_of_them():
    departing = [build_patient(np.random.default_rng(s), True).departing for s in range(40)]
    assert 8 < sum(departing) < 32
    assert not any(build_patient(np.random.default_rng(s), False).departing for s in range(10))
    rng = np.random.default_rng
    plain, wild = (
        np.std([draw_tissue_hu(REFERENCE, NO_CONTRAST, apart, rng(s)).fat for s in range(200)])
        for apart in (False, True)
    )
    assert plain < 5.0 < 10.0 < wild


def test_the_scanner_does_to_fat_what_it_does_to_bone():
    acquisition = replace(
        draw_acquisition(np.random.default_rng(0), False), beam="120", hardness_cm=0.0, gain=1.01, offset_hu=-4.0
    )
    assert acquisition.shown(-100.0) == pytest.approx(-105.0)
    assert acquisition.shown(200.0) == pytest.approx(198.0)
    assert acquisition.behind(30.0) == REFERENCE
    hard = replace(acquisition, hardness_cm=6.0).behind(30.0)
    assert hard.of("subcutaneous fat") > REFERENCE.of("subcutaneous fat")
    assert hard.mineral < 1.0 == REFERENCE.mineral


def test_voltages_are_shared_as_in_a_hospital():
    drawn = [draw_acquisition(np.random.default_rng(s), False) for s in range(1000)]
    shares = {name: np.mean([a.beam == name for a in drawn]) for name in (*KVP, PHOTON_COUNTING)}
    assert max(shares, key=shares.get) == "120"
    assert all(share > 0.03 for share in shares.values())
    assert {a.kvp for a in drawn if a.beam == PHOTON_COUNTING} == {120.0}, "what the header says"
