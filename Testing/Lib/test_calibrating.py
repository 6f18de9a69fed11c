"""What a case is calibrated by: tissues under the segmenter's masks, air, the trunk's size, the order, the flags."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from OsteoJointLib.calibration.errors_of_bmd import Scan
from OsteoJointLib.calibration.file import CalibrationFile
from OsteoJointLib.calibration.internal import ReferenceMaterial
from OsteoJointLib.calibration.rods import fit_line, rod_sets
from OsteoJointLib.cli.main import CALIBRATION_WORDS
from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.calibrating import (
    air_samples,
    calibrated,
    calibration_flags,
    case_bmd,
    find_calibrations,
    scan_of,
    tissue_samples,
    trunk_cm,
)
from OsteoJointLib.pipeline.settings import CalibrationUse, ReadOptions
from OsteoJointLib.records import (
    AxialSlice,
    BmdEstimate,
    BoneStandard,
    CalibrationKind,
    Classification,
    Crop,
    CtVolume,
    Level,
    RoiKind,
    RoiMeasurement,
    SourceInfo,
    Status,
)

PIXEL_MM = 0.8
LINE = CalibrationFile("Scanner 2", BoneStandard.K2HPO4, 120.0, "2026-03-01", 0.75, -4.0)
HU = {"fat": -103.0, "muscle": 52.0, "blood": 43.0}
PLACES = {"fat": (slice(150, 190), slice(60, 200)), "muscle": (slice(100, 140), slice(150, 200)), "blood": (40, 60, 20)}


def slice_of(level: Level, hu=HU, shift=0.0) -> AxialSlice:
    """A round trunk of 26 cm in air, with patches of tissue in the crop's window."""
    rng = np.random.default_rng(int(level is Level.L2))
    y, x = np.mgrid[:512, :512]
    plane = np.where(np.hypot(y - 256, x - 256) * PIXEL_MM < 130.0, 20.0, -1000.0)
    for name, mask in masks().items():
        window = plane[144:368, 144:368]
        window[mask] = hu[name]
    plane = plane + shift + rng.normal(0.0, 6.0, plane.shape)
    return AxialSlice(level, np.zeros((512, 512)), plane.astype(np.float32), PIXEL_MM, 4, (0.0, 0.0), (1.0, 1.0))


def masks() -> dict[str, np.ndarray]:
    y, x = np.mgrid[:224, :224]
    found = {name: np.zeros((224, 224), dtype=bool) for name in HU}
    found["fat"][PLACES["fat"]] = True
    found["muscle"][PLACES["muscle"]] = True
    cy, cx, radius = PLACES["blood"]
    found["blood"][np.hypot(y - cy, x - cx) < radius] = True
    return found


def reading(level: Level, hu=HU, known=True, shift=0.0, hu_mean=140.0) -> SimpleNamespace:
    """As much of a level as calibrations look at; the tissues' masks reach 2 pixels over their edges."""
    grown = [np.roll(mask, 2, axis=0) | np.roll(mask, -2, axis=1) | mask for mask in masks().values()]
    logits = torch.tensor(np.stack(grown), dtype=torch.float32)[None] * 2 - 1
    segmentation = SimpleNamespace(tissue_logits=logits if known else None)
    measurement = RoiMeasurement(level, RoiKind.BODY, np.ones((1, 1, 1), bool), 4.0, 1, hu_mean, hu_mean, 9.0)
    return SimpleNamespace(
        level=level,
        axial=slice_of(level, hu, shift),
        crop=Crop(np.zeros((224, 224), np.float32), (144, 144)),
        encoded=SimpleNamespace(segmentation=segmentation),
        measurement=measurement,
    )


def case(kvp=120.0, contrast=False) -> CtVolume:
    source = SourceInfo("memory", kvp=kvp, contrast=contrast)
    return CtVolume(np.zeros((2, 8, 8), np.int16), Grid.axis_aligned((2, 8, 8), (1, 1, 5), (0, 0, 0)), source)


def pair(**changes) -> tuple[SimpleNamespace, SimpleNamespace]:
    return reading(Level.L1, **changes), reading(Level.L2, **changes)


def test_each_tissue_has_its_own_hu_and_none_of_its_edge():
    found = {sample.material.value: sample for sample in tissue_samples(pair())}
    assert set(found) == {"fat", "muscle", "blood"}
    for name, hu in HU.items():
        assert found[name].hu == pytest.approx(hu, abs=2.0) and 1.0 <= found[name].se_hu < 2.0


def test_a_segmenter_that_knows_no_tissues_gives_none():
    assert tissue_samples(pair(known=False)) == ()


def test_air_is_what_lies_beside_the_patient_and_padding_is_not():
    (air,) = air_samples(pair(shift=3.0))
    assert air.material is ReferenceMaterial.AIR and air.hu == pytest.approx(-997.0, abs=0.5)
    cut = pair()
    for one in cut:
        one.axial.hu[one.axial.hu < -500] = -1000.0
    assert air_samples(cut) == ()


def test_the_trunk_is_measured_where_it_is_whole():
    assert trunk_cm(pair()) == pytest.approx(26.0, abs=0.3)
    cut = pair()
    for one in cut:
        one.axial.hu[:, :300] = 30.0
    assert trunk_cm(cut) is None


def test_enhanced_blood_outweighs_a_header_that_says_none():
    bright = tissue_samples(pair(hu=HU | {"blood": 150.0}))
    plain = tissue_samples(pair())
    assert [scan_of(case(contrast=said), bright).contrast for said in (False, None, True)] == [True, True, True]
    assert [scan_of(case(contrast=said), plain).contrast for said in (False, None, True)] == [False, False, True]


def rods(slope_hu: float, off_hu: float = 0.0):
    hu = slope_hu * np.array(rod_sets()[0].mg_cm3)
    hu[2] += off_hu
    return fit_line(rod_sets()[0], hu)


def test_the_file_goes_before_rods_and_rods_before_tissues():
    found = find_calibrations(case(), pair(), rods(1.35), ReadOptions(calibration_file=LINE))
    measured = calibrated(reading(Level.L1).measurement, found)
    assert [bmd.kind.value for bmd in measured.bmd] == ["file", "rods", "internal"]
    assert measured.best_bmd.calibration == "Scanner 2 (120 kV, 2026-03-01)" and measured.best_bmd.mg_cm3 == 101.0
    assert measured.bmd[1].mg_cm3 == pytest.approx(140.0 / 1.35)
    assert measured.bmd[2].mg_cm3 == pytest.approx(140.0 / 1.35, abs=8.0)
    assert calibration_flags((SimpleNamespace(level=Level.L1, measurement=measured),), found) == ()


@pytest.mark.parametrize(
    ("use", "kinds"),
    [("auto", ["rods", "internal"]), ("rods", ["rods"]), ("internal", ["rods", "internal"]), ("none", ["rods"])],
)
def test_what_is_wanted_is_had(use, kinds):
    # rods that were found are handed in: whether they are looked for is the caller's part
    found = find_calibrations(case(), pair(), rods(1.35), ReadOptions(calibration=CalibrationUse(use)))
    assert [bmd.kind.value for bmd in calibrated(reading(Level.L1).measurement, found).bmd] == kinds


def test_a_file_for_another_voltage_is_named_and_not_used():
    found = find_calibrations(case(kvp=100.0), pair(), None, ReadOptions(calibration_file=LINE))
    (flag,) = calibration_flags((), found)
    assert flag.code is Reason.CALIBRATION_NOT_USED and "100 kV" in flag.message
    assert [bmd.kind.value for bmd in calibrated(reading(Level.L1).measurement, found).bmd] == ["internal"]


def test_rods_off_the_line_are_named_and_not_used():
    found = find_calibrations(case(), pair(known=False), rods(1.35, 40.0), ReadOptions())
    codes = [flag.code for flag in calibration_flags(pair(), found)]
    assert codes == [Reason.CALIBRATION_NOT_USED, Reason.NOT_CALIBRATED] and found.found == ()


def test_nothing_to_calibrate_with_says_why():
    found = find_calibrations(case(), pair(known=False), None, ReadOptions())
    (flag,) = calibration_flags(pair(), found)
    assert flag.code is Reason.NOT_CALIBRATED and flag.level is None
    assert "only air could be measured" in flag.message
    asked = find_calibrations(case(), pair(known=False), None, ReadOptions(calibration=CalibrationUse.RODS))
    assert "No calibration rods" in calibration_flags(pair(), asked)[0].message


def test_a_level_without_hu_has_no_bmd_and_a_flag():
    found = find_calibrations(case(), pair(), None, ReadOptions())
    l1, l2 = (replace(one.measurement, hu_mean=hu) for one, hu in zip(pair(), (None, 120.0), strict=True))
    done = [SimpleNamespace(level=one.level, measurement=calibrated(one, found)) for one in (l1, l2)]
    (flag,) = calibration_flags(done, found)
    assert (flag.code, flag.level) == (Reason.NOT_CALIBRATED, Level.L1)
    assert case_bmd(done, None) == ()


def test_a_case_has_the_mean_of_the_levels_that_count_and_the_network_last():
    found = find_calibrations(case(), pair(), None, ReadOptions(calibration=CalibrationUse.NONE, calibration_file=LINE))
    done = [
        SimpleNamespace(level=level, measurement=calibrated(reading(level, hu_mean=hu).measurement, found))
        for level, hu in ((Level.L1, 140.0), (Level.L2, 120.0))
    ]
    said = Classification(Status.OSTEOPENIA, (0.2, 0.7, 0.1), 0.5, 0.5, BmdEstimate(97.0, 6.0))
    of_file, network = case_bmd(done, said)
    assert (of_file.mg_cm3, of_file.levels, of_file.kind) == (93.5, ("L1", "L2"), CalibrationKind.FILE)
    low, high = of_file.interval_90_mg_cm3
    assert high - low == pytest.approx(2 * 1.6449 * of_file.se_mg_cm3) and (low + high) / 2 == pytest.approx(93.5)
    assert (network.kind, network.mg_cm3, network.se_mg_cm3) == (CalibrationKind.NETWORK, 97.0, 6.0)
    alone = case_bmd(done, replace(said, left_out=Level.L1, bmd=None))
    assert [(one.mg_cm3, one.levels) for one in alone] == [(86.0, ("L2",))]
    assert found.scan == Scan(120.0, False)


def test_the_command_line_knows_every_use():
    assert [use.value for use in CalibrationUse] == list(CALIBRATION_WORDS)
