"""Calibrations: the file's checks, rods in painted images, the search over beams, and what the errors hold."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.calibration.errors_of_bmd import Scan, at_reference, beam_error_mg_cm3, k2hpo4_over_ha
from OsteoJointLib.calibration.file import FILE_FORMAT, CalibrationFile, read_calibration
from OsteoJointLib.calibration.internal import ReferenceMaterial, Sample, calibrate_internally, enhanced, usable
from OsteoJointLib.calibration.rods import find_rods, fit_line, read_rod_sets, rod_sets, why_not
from OsteoJointLib.cli.calibrate import make_calibration, rods_text
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.phantom.physics.bone import trabecular_hu
from OsteoJointLib.records import BoneStandard, CalibrationKind, CtVolume, SourceInfo

PLAIN = Scan(120.0, False)
LINE = CalibrationFile("Scanner 2", BoneStandard.K2HPO4, 120.0, "2026-03-01", 0.75, -4.0)
APART_MM, ROD_MM, PIXEL_MM, SLICE_MM = 30.0, 9.0, 1.0, 5.0


def document(**changes) -> dict:
    return {
        "format": FILE_FORMAT,
        "name": "Scanner 2",
        "standard": "HA",
        "kvp": 120,
        "date": "2026-03-01",
        "slope_mg_cm3_per_hu": 0.9,
        "intercept_mg_cm3": -3.5,
    } | changes


def written(tmp_path, content) -> object:
    path = tmp_path / "line.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_file_is_read_and_written_back(tmp_path):
    line = read_calibration(written(tmp_path, document()))
    assert line == CalibrationFile("Scanner 2", BoneStandard.HA, 120.0, "2026-03-01", 0.9, -3.5)
    line.save(tmp_path / "again.json")
    assert read_calibration(tmp_path / "again.json") == line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no json", "is no JSON"),
        ([1], "osteojoint.calibration/1"),
        (document(format="osteojoint.calibration/2"), "osteojoint.calibration/1"),
        (document(standard="CaCO3"), "standard must be K2HPO4 or HA"),
        (document(slope_mg_cm3_per_hu=None), "slope_mg_cm3_per_hu"),
        (document(slope_mg_cm3_per_hu="0.8"), "slope_mg_cm3_per_hu must be a number"),
        (document(slope_mg_cm3_per_hu=1.9), "between 0.3 and 1.5"),
        (document(slope_mg_cm3_per_hu=0), "between 0.3 and 1.5"),
        (document(slope_mg_cm3_per_hu=float("nan")), "can't be used"),
        (document(intercept_mg_cm3=float("inf")), "can't be used"),
        (document(slope_mg_cm3_per_hu=-0.8), "between 0.3 and 1.5"),
        (document(intercept_mg_cm3=400.0), "intercept_mg_cm3 is 400"),
        (document(kvp=0), "kvp is 0"),
        (document(date="1.3.2026"), "isoformat"),
        (document(date="2999-01-01"), "lies in the future"),
        (document(name=" "), "1 to 80 characters"),
        (document(slope=0.8), "slope, which no calibration has"),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence(content, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        read_calibration(written(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="can't be opened"):
        read_calibration(tmp_path / "none.json")


def test_a_file_serves_its_own_tube_voltage_only():
    assert LINE.why_not(PLAIN) == "" and LINE.why_not(Scan(120.4, None)) == ""
    assert "is for 120 kV" in LINE.why_not(Scan(100.0, False)) and "100 kV" in LINE.why_not(Scan(100.0, False))
    assert "isn't known" in LINE.why_not(Scan(None, False))


def test_a_line_is_worked_by_hand():
    bmd = LINE.bmd(140.0, PLAIN)
    assert (bmd.mg_cm3, bmd.k2hpo4_mg_cm3, bmd.kind) == (101.0, 101.0, CalibrationKind.FILE)
    assert bmd.calibration == f"{LINE.name} (120 kV, {LINE.date})"
    assert bmd.se_mg_cm3 == pytest.approx(np.hypot(0.08 * 101.0, 0.75 * 2.0))
    assert LINE.bmd(140.0, Scan(120.0, True)).se_mg_cm3 > LINE.bmd(140.0, PLAIN).se_mg_cm3 + 3.0
    assert LINE.bmd(140.0, Scan(120.0, None)).se_mg_cm3 == LINE.bmd(140.0, Scan(120.0, True)).se_mg_cm3


def test_ha_is_told_beside_k2hpo4_too_and_with_a_larger_error():
    plain, ha = LINE.bmd(140.0, PLAIN), replace(LINE, standard=BoneStandard.HA).bmd(140.0, PLAIN)
    assert (ha.mg_cm3, ha.k2hpo4_mg_cm3) == (101.0, pytest.approx(101.0 * k2hpo4_over_ha(120.0)))
    assert k2hpo4_over_ha(80.0) == 0.86 and k2hpo4_over_ha(140.0) == 0.81
    assert ha.se_mg_cm3 / ha.k2hpo4_mg_cm3 > 1.2 * plain.se_mg_cm3 / plain.k2hpo4_mg_cm3


def painted(
    slope_hu=1.35, water_hu=4.0, mirrored=False, noise_hu=8.0, bent_hu=0.0, densities=None, slices=16
) -> CtVolume:
    """A block of soft tissue on a table of five rods that run along it."""
    densities = np.array(rod_sets()[0].mg_cm3 if densities is None else densities)
    y, x = np.mgrid[:260, :320] * PIXEL_MM
    plane = np.full(y.shape, -1000.0)
    plane[((x - 160) / 140) ** 2 + ((y - 110) / 95) ** 2 < 1] = 40.0
    hu = water_hu + slope_hu * densities + bent_hu * (np.arange(densities.size) == 2)
    for index, rod in enumerate(hu[::-1] if mirrored else hu):
        plane[np.hypot(x - 160 - (index - (len(hu) - 1) / 2) * APART_MM, y - 222) < ROD_MM] = rod
    noise = np.random.default_rng(5).normal(0.0, 8.0, (slices, *plane.shape))
    grid = Grid.axis_aligned((slices, *plane.shape), (PIXEL_MM, PIXEL_MM, SLICE_MM), (0, 0, 0))
    source = SourceInfo("memory", kvp=120.0, contrast=False)
    return CtVolume(np.clip(plane + noise, -1024, 3000).astype(np.int16), grid, source)


@pytest.mark.parametrize("mirrored", [False, True])
def test_rods_are_found_whichever_way_they_lie(mirrored):
    fit = find_rods(painted(mirrored=mirrored), PLAIN)
    assert fit is not None and fit.rods == rod_sets()[0] and why_not(fit) == ""
    assert fit.slope_hu == pytest.approx(1.35, abs=0.02) and fit.intercept_hu == pytest.approx(4.0, abs=2.0)
    assert fit.hu[0] < fit.hu[-1] and fit.r2 > 0.999 and max(map(abs, fit.residuals_hu)) < 3.0
    bmd = fit.bmd(4.0 + 1.35 * 110.0, PLAIN)
    assert bmd.mg_cm3 == pytest.approx(110.0, abs=2.0) and 2.0 < bmd.se_mg_cm3 < 5.0


def test_the_slope_tells_ha_from_k2hpo4_where_the_voltage_is_known():
    volume = painted(slope_hu=1.35 * k2hpo4_over_ha(120.0))
    fit = find_rods(volume, PLAIN)
    assert fit is not None and fit.rods is not None and fit.rods.standard is BoneStandard.HA
    unknown = find_rods(volume, Scan(None, False))
    assert unknown is not None and unknown.rods is None and "can't be told which" in why_not(unknown)
    odd = find_rods(painted(slope_hu=1.95), PLAIN)
    assert odd is not None and odd.rods is None and "1.95 HU" in why_not(odd)


def test_rods_off_the_line_are_told_of_and_not_used():
    fit = find_rods(painted(bent_hu=45.0), PLAIN)
    assert fit is not None and fit.r2 < 0.99 and "don't follow a line" in why_not(fit)


@pytest.mark.parametrize("densities", [(0.0,) * 5, (0.0, 200.0, 50.0, 150.0, 100.0), (60.0,)])
def test_no_rods_are_seen_where_there_are_none(densities):
    assert find_rods(painted(densities=densities), PLAIN) is None


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rods_in_view", [2.5, 3.0, 3.5, 4.5])
def test_rods_that_the_image_cuts_give_no_line(rods_in_view, mirrored):
    volume = painted(mirrored=mirrored)
    edge = round((160 + (rods_in_view - 3.0) * APART_MM) / PIXEL_MM)
    fit = find_rods(replace(volume, hu=np.ascontiguousarray(volume.hu[:, :, :edge])), PLAIN)
    assert fit is None or why_not(fit)


def test_a_row_in_one_part_of_the_scan_alone_is_no_row_of_rods():
    volume = painted(slices=24)
    hu = volume.hu.copy()
    hu[8:, 200:] = -1000
    assert find_rods(replace(volume, hu=hu), PLAIN) is None


def test_mindways_rods_count_as_their_water_and_displace_some():
    (mindways,) = (rods for rods in rod_sets() if rods.water_mg_cm3)
    # the phantom's own equations (QCT PRO): HU of a rod = its water - 999.6 + (slope in bone + .2174) density + offset
    hu = np.array(mindways.water_mg_cm3) - 999.6 + (1.3 + 0.2174) * np.array(mindways.mg_cm3) + 2.0
    fit = fit_line(mindways, hu)
    assert fit.bone_slope_hu == pytest.approx(1.3) and fit.intercept_hu == pytest.approx(2.0)
    assert fit.bmd(132.0, PLAIN).mg_cm3 == pytest.approx(100.0)


@pytest.mark.parametrize("content", ['{"name": "x"}', "[", '{"name": "x", "standard": "HA", "mg_cm3": [0, 100]}'])
def test_a_file_that_describes_no_rods_is_refused(content, tmp_path):
    with pytest.raises(UsageError, match="The file of rods"):
        read_rod_sets(written(tmp_path, content))


def samples_of(beam: Beam, gain=1.0, offset=0.0, but=()) -> list[Sample]:
    hu = {
        ReferenceMaterial.AIR: -1000.0,
        ReferenceMaterial.FAT: beam.like("adipose", -101.0),
        ReferenceMaterial.MUSCLE: beam.like("muscle", 50.0),
        ReferenceMaterial.BLOOD: beam.like("blood", 42.0),
    }
    return [Sample(material, gain * value + offset, 1.0) for material, value in hu.items() if material not in but]


@pytest.mark.parametrize("kvp", [80, 100, 120, 140])
@pytest.mark.parametrize("thickness_cm", [22.0, 40.0])
def test_the_tissues_of_a_beam_give_back_the_bone_in_it(kvp, thickness_cm):
    beam, scan = Beam(str(kvp), thickness_cm), Scan(float(kvp), False)
    found = calibrate_internally(samples_of(beam), scan, thickness_cm)
    assert not isinstance(found, str) and found.misfit < 0.5
    for truth in (60.0, 150.0):
        bmd = found.bmd(trabecular_hu(truth, 0.5, 0.0, beam), scan)
        assert bmd.k2hpo4_mg_cm3 == pytest.approx(truth, abs=3.0)
        assert 1.0 < bmd.se_mg_cm3 < 9.0 and bmd.calibration == "internal (air, fat, muscle, blood)"


def test_an_unknown_voltage_is_told_by_the_tissues_and_costs_certainty():
    low, high = Beam("80", 30.0), Beam("140", 30.0)
    hu = trabecular_hu(100.0, 0.5, 0.0, low)
    known, unknown = Scan(80.0, False), Scan(None, False)
    of_low = calibrate_internally(samples_of(low), unknown, 30.0)
    of_high = calibrate_internally(samples_of(high), unknown, 30.0)
    sure = calibrate_internally(samples_of(low), known, 30.0)
    assert of_high.bmd(hu, unknown).mg_cm3 > of_low.bmd(hu, unknown).mg_cm3 + 15.0
    assert of_low.bmd(hu, unknown).mg_cm3 == pytest.approx(100.0, abs=8.0)
    assert of_low.bmd(hu, unknown).se_mg_cm3 > sure.bmd(hu, known).se_mg_cm3


def test_a_scale_that_is_off_is_put_right():
    beam = Beam("120", 30.0)
    found = calibrate_internally(samples_of(beam, gain=1.01, offset=6.0), PLAIN, 30.0)
    shown = 1.01 * trabecular_hu(120.0, 0.5, 0.0, beam) + 6.0
    assert found.bmd(shown, PLAIN).mg_cm3 == pytest.approx(120.0, abs=3.0)


def test_a_scale_that_is_too_far_off_calibrates_nothing():
    found = calibrate_internally(
        samples_of(Beam("120", 30.0), offset=24.0, but=(ReferenceMaterial.MUSCLE,)), PLAIN, 30.0
    )
    assert isinstance(found, str) and "HU scale" in found


def test_blood_with_contrast_is_no_reference_and_is_seen():
    bright = [Sample(ReferenceMaterial.BLOOD, 160.0, 1.0)]
    others = samples_of(Beam("120", 30.0), but=(ReferenceMaterial.BLOOD,))
    assert enhanced(bright) is True and enhanced(others) is None
    assert enhanced(samples_of(Beam("120", 30.0))) is False
    assert usable(others + bright) == tuple(others)
    found = calibrate_internally(others[:2] + bright, PLAIN, 30.0)
    assert isinstance(found, str) and "only air and fat" in found


def test_at_120_kv_the_two_materials_are_what_qct_reports():
    beam = Beam("120")
    for truth in (50.0, 130.0):
        assert at_reference(trabecular_hu(truth, 0.5, 0.0, beam), beam) == pytest.approx(truth)
    assert beam_error_mg_cm3(105.0, 120.0) == pytest.approx(0.0, abs=1e-6)
    assert beam_error_mg_cm3(105.0, 80.0) > 4.0 and beam_error_mg_cm3(105.0, None) >= beam_error_mg_cm3(105.0, 80.0)


def test_calibrate_makes_a_file_from_a_scan_with_rods(tmp_path):
    volume = painted(slices=30)
    path = tmp_path / "scan.nrrd"
    write_image(image_on_grid(volume.hu, volume.grid), path)
    with pytest.raises(UsageError, match="--kvp"):
        make_calibration(path)
    made = make_calibration(path, name="Scanner 2", kvp=120.0, day="2026-03-01")
    line = made.calibration
    assert (line.name, line.kvp, line.standard) == ("Scanner 2", 120.0, BoneStandard.K2HPO4)
    assert line.bmd(4.0 + 135.0, PLAIN).mg_cm3 == pytest.approx(100.0, abs=2.0)
    text = rods_text(made, path)
    assert "off the line" in text and "R² " in text and "Scanner 2" in text


def test_calibrate_refuses_a_scan_without_rods(tmp_path):
    volume = painted(densities=(60.0,), slices=30)
    path = tmp_path / "scan.nrrd"
    write_image(image_on_grid(volume.hu, volume.grid), path)
    with pytest.raises(InputRefused, match="No calibration rods") as ending:
        make_calibration(path, kvp=120.0)
    assert ending.value.reason is Reason.NO_RODS
