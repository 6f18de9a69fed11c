"""Facts about a scan: a user before the header, the header before the image, and an estimate only where it is sure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from OsteoJointLib.batch.facts_file import CaseFacts, facts_by_case, read_facts
from OsteoJointLib.batch.inputs import FoundCase
from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.contrast_words import phase_of
from OsteoJointLib.network.encoded import EncodedCrops
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.pipeline.classification import facts_tensor
from OsteoJointLib.pipeline.estimates import estimate_kernel, estimate_phase
from OsteoJointLib.pipeline.known_facts import completed, with_facts
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import ContrastPhase, Kernel, Knowing, Origin, SourceInfo

SILENT = SourceInfo("nrrd")
SAID = SourceInfo("dicom", kvp=120.0, kernel="B30f", contrast=False)
PIXEL_MM = 0.75


def scan(chain, blood_hu=45.0, pelvis_hu=30.0, noise_hu=12.0, grain_px=0.8, seed=0):
    """A level whose segmenter sees blood before the body and muscle behind it, in noise of a certain grain."""
    import scipy.ndimage as ndimage

    y, x = np.mgrid[:224, :224]
    blood = np.hypot(y - 50, x - 122) < 14
    muscle = (y > 165) & (y < 215) & (x > 30) & (x < 194)
    body = ((y - 112) / 22) ** 2 + ((x - 112) / 30) ** 2 < 1
    hu = np.where(blood, blood_hu, np.where(body, 180.0, 50.0))
    hu[np.hypot(y - 105, x - 112 - 60) < 6] = pelvis_hu
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=hu.shape), grain_px)
    noise -= 0.7 * ndimage.gaussian_filter(noise, 2 * grain_px)
    hu = hu + noise_hu * noise / noise.std()
    logits = torch.full((1, len(ReferenceTissue), 224, 224), -5.0)
    logits[0, ReferenceTissue.BLOOD - 1][torch.from_numpy(blood)] = 5.0
    logits[0, ReferenceTissue.MUSCLE - 1][torch.from_numpy(muscle)] = 5.0
    level = chain.result.l1
    axial = replace(level.axial, hu=hu.astype(np.float32), pixel_mm=PIXEL_MM, step_yx=(1.0, 1.0))
    crop = replace(level.crop, corner_yx=(0, 0))
    said = replace(level.encoded.segmentation, tissue_logits=logits)
    encoded = EncodedCrops(level.encoded.crops, said, "")
    segmentation = replace(level.segmentation, mask=body)
    return replace(level, axial=axial, crop=crop, encoded=encoded, segmentation=segmentation)


@pytest.mark.parametrize(
    ("blood_hu", "pelvis_hu", "kvp", "phase"),
    [
        (45.0, 30.0, None, ContrastPhase.NONE),
        (160.0, 30.0, 120.0, ContrastPhase.PORTAL),
        (110.0, 600.0, 120.0, ContrastPhase.EXCRETORY),
        (300.0, 30.0, 120.0, ContrastPhase.ARTERIAL),
    ],
)
def test_the_phase_is_told_by_the_blood_and_the_renal_pelvis(chain, blood_hu, pelvis_hu, kvp, phase):
    found = estimate_phase([scan(chain, blood_hu, pelvis_hu)], kvp)
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.get) is phase
    assert found[phase] > 0.8


def test_iodine_is_brighter_at_a_low_voltage(chain):
    """Blood of 215 HU is portal at 80 kV, where iodine has half as many HU again; at 140 kV it is arterial."""
    portal = [estimate_phase([scan(chain, 215.0)], kvp)[ContrastPhase.PORTAL] for kvp in (80.0, 140.0)]
    assert portal[0] > 0.8 > 0.5 > portal[1]


@pytest.mark.parametrize(
    ("grain_px", "kernel"), [(1.1, Kernel.SOFT), (0.8, Kernel.STANDARD), (0.5, Kernel.SHARP), (0.0, Kernel.LUNG)]
)
def test_the_kernel_is_told_by_the_noise_however_strong_it_is(chain, grain_px, kernel):
    for noise_hu in (8.0, 25.0):
        found = estimate_kernel([scan(chain, noise_hu=noise_hu, grain_px=grain_px)])
        assert max(found, key=found.get) is kernel


def test_nothing_is_estimated_where_nothing_can_be_seen(chain):
    seen = scan(chain)
    unseeing = replace(seen, encoded=chain.result.l1.encoded)  # a segmenter that knows no tissues
    assert (estimate_phase([unseeing], None), estimate_kernel([unseeing])) == (None, None)
    assert estimate_kernel([scan(chain, noise_hu=1.0)]) is None
    assert estimate_kernel([replace(seen, axial=replace(seen.axial, step_yx=(0.5, 0.5)))]) is None  # resampled


def test_a_user_goes_before_the_header_and_the_header_before_the_image(chain):
    enhanced = [scan(chain, 160.0)]
    by_user = ReadOptions(kvp=100.0, kernel=Kernel.SHARP, contrast=ContrastPhase.ARTERIAL)

    def origins(source):
        return tuple(source.fact(name).origin for name in ("kvp", "kernel", "contrast"))

    said = completed(SAID, enhanced, ReadOptions())
    assert (said.kvp, said.kernel, said.contrast) == (120.0, "B30f", False)
    assert origins(said) == (Origin.HEADER,) * 3
    over = completed(SAID, enhanced, by_user)
    assert (over.kvp, over.kernel, over.contrast, over.phase) == (100.0, "sharp", True, ContrastPhase.ARTERIAL)
    assert origins(over) == (Origin.USER,) * 3
    seen = completed(SILENT, enhanced, ReadOptions())
    assert (seen.kvp, seen.kernel, seen.contrast, seen.phase) == (None, "standard", True, ContrastPhase.PORTAL)
    assert origins(seen) == (Origin.UNKNOWN, Origin.ESTIMATED, Origin.ESTIMATED)
    assert 0.9 < seen.fact("contrast").confidence <= 1.0
    assert completed(over, enhanced, ReadOptions()).kvp == 120.0  # what a user takes back is the header's again


def test_an_estimate_that_is_not_sure_stays_unknown(chain):
    blood_hu = 76.0  # between none and the excretory phase
    assert completed(SILENT, [scan(chain, blood_hu)], ReadOptions()).fact("contrast").origin is Origin.UNKNOWN


def test_what_is_known_in_the_end_reaches_the_network(chain):
    device = torch.device("cpu")
    ct = replace(chain.make_ct(), source=SILENT)
    assert facts_tensor(ct, device).tolist() == [[0.0, 0.0, 0.0, 0.0]]
    both = [scan(chain, 160.0), scan(chain, 160.0, seed=1)]
    assert facts_tensor(with_facts(ct, both, ReadOptions(kvp=100.0)), device).tolist() == [[1.0, -1.0, 1.0, 1.0]]


def test_result_and_flags_name_value_origin_and_confidence(chain):
    options = ReadOptions(gradcam=False, kvp=80.0, contrast=ContrastPhase.PORTAL)
    result = chain.reader.read(replace(chain.make_ct(), source=SILENT), options=options)
    image = result_document(result)["input"]
    assert (image["kvp"], image["kvp_origin"], image["kvp_confidence"]) == (80.0, "user", None)
    assert (image["contrast"], image["contrast_phase"], image["contrast_origin"]) == (True, "portal", "user")
    assert (image["kernel"], image["kernel_origin"]) == (None, "unknown")
    flags = {flag.code: flag.message for flag in result.flags}
    assert "80 kV (stated by the user)" in flags[Reason.KVP_OTHER]
    assert Reason.KVP_UNKNOWN not in flags
    assert Reason.CLASS_NOT_RELIABLE not in flags  # a fact, known or not, makes no class unreliable


def test_an_estimate_is_told_as_one():
    known = replace(SILENT, contrast=True, known_by={"contrast": Knowing(Origin.ESTIMATED, 0.97)})
    assert known.fact("contrast").confidence == 0.97


@pytest.mark.parametrize(
    ("word", "phase"),
    [
        *(("venous", ContrastPhase.PORTAL), ("Portal Venous", ContrastPhase.PORTAL), ("YES", ContrastPhase.GIVEN)),
        *(("no", ContrastPhase.NONE), ("delayed", ContrastPhase.EXCRETORY), ("maybe", None), ("", None)),
    ],
)
def test_words_of_a_header_are_understood_or_not_never_guessed(word, phase):
    assert phase_of(word) is phase


@pytest.mark.parametrize("kvp", [0.0, 1e4, float("nan")])
def test_a_voltage_that_no_ct_has_is_refused(kvp):
    with pytest.raises(UsageError, match="none of a CT's"):
        ReadOptions(kvp=kvp)


def found_case(path: str) -> FoundCase:
    return FoundCase(Path(path), path)


def facts_file(tmp_path, text):
    path = tmp_path / "facts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_facts_of_a_batch_are_read_and_found_by_name_or_path(tmp_path):
    path = facts_file(tmp_path, "case,kvp,contrast\na,100,portal\n/data/b.nrrd,,none\n\nc.nrrd,80,\n")
    facts = read_facts(path)
    assert facts["a"] == CaseFacts(100.0, None, ContrastPhase.PORTAL)
    cases = {found_case(f"/data/{name}.nrrd"): None for name in "abcd"}
    found = facts_by_case(facts, cases)
    assert {case.path.stem for case in found} == set("abc")
    assert found[found_case("/data/c.nrrd")].added_to(ReadOptions(contrast=ContrastPhase.NONE)) == ReadOptions(
        kvp=80.0, contrast=ContrastPhase.NONE
    )
    with pytest.raises(UsageError, match="name a, which is none of the cases"):
        facts_by_case(facts, {case: name for case, name in cases.items() if case.path.stem != "a"})
    with pytest.raises(UsageError, match="name a, which is 2 cases"):
        facts_by_case(facts, {**cases, found_case("/data/other/a.nrrd"): None})


def test_a_case_of_an_earlier_batch_may_be_told_by_the_name_it_has():
    cases = {found_case("/data/a.nrrd"): "case-0002", found_case("/data/case-0001.nrrd"): None}
    facts = {"case-0002": CaseFacts(100.0), "case-0001": CaseFacts(80.0)}
    assert list(facts_by_case(facts, cases)) == list(cases)


def test_facts_are_told_in_the_words_of_a_header(tmp_path):
    facts = read_facts(facts_file(tmp_path, "case,kernel,contrast\na,Soft,Venous\nb,,NONE\nc,lung,\n"))
    assert [(one.kernel, one.contrast) for one in facts.values()] == [
        (Kernel.SOFT, ContrastPhase.PORTAL),
        (None, ContrastPhase.NONE),
        (Kernel.LUNG, None),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("name,kvp\na,100\n", "must name the columns"),
        ("case,kvp\na,hundred\n", "Line 2 of the facts has 'hundred' for kvp"),
        ("case,kvp\na,1\n", "none of a CT's"),
        ("case,contrast\na,perhaps\n", "'perhaps' for contrast, which must be one of none, given, arterial"),
        ("case,kernel\na,B30f\n", "'B30f' for kernel, which must be one of soft"),
        ("case,kvp\na,100,more\n", "has 3 cells"),
        ("case,kvp\na,100\na,120\n", "a second time"),
        ("case,kvp\n,100\n", "names no case"),
    ],
)
def test_facts_that_cannot_be_understood_stop_the_batch_with_the_line(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        read_facts(facts_file(tmp_path, text))
