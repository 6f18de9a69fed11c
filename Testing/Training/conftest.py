"""Tiny stand-ins for phantoms: slices whose bodies are ellipses, coarse samples whose bodies are boxes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.records import STATUSES, Status
from training.data.level_samples import CachedSample, sample_path, save_sample
from training.data.pairs import save_pair

HU_OF_STATUS = (200.0, 120.0, 50.0)
BMD_OF_STATUS = (150.0, 100.0, 60.0)


def synthetic_pair(seed: int) -> SimpleNamespace:
    """A stand-in for ``make_training_pair``: muscle of 40 HU, air around it, one bright ellipse in the mid-slices.

    In front of it lies a ball of blood; the third slice shows a part of the body, the fourth none.
    """
    generator = np.random.default_rng(seed)
    status = seed % 3
    y, x = np.mgrid[:512, :512]
    hu, masks, tissues, centers = [], [], [], []
    for size in (1.0, 1.0, 0.5, 0.0):
        center_y, center_x = generator.uniform(240, 280, 2)
        mask = ((x - center_x) / 32) ** 2 + ((y - center_y) / 22) ** 2 < size**2
        patient = ((x - 256) / 220) ** 2 + ((y - 256) / 160) ** 2 <= 1.0
        image = np.where(patient, 40.0, -1000.0) + generator.normal(0, 8, (512, 512))
        hu.append(np.where(mask, HU_OF_STATUS[status] + image - 40.0, image))
        masks.append(mask)
        blood = np.hypot(x - center_x, y - center_y + 50) < 12
        tissue = np.where(blood, ReferenceTissue.BLOOD, np.where(patient, ReferenceTissue.MUSCLE, 0))
        tissues.append(np.where(mask, 0, tissue).astype(np.uint8)[::2, ::2].repeat(2, axis=0).repeat(2, axis=1))
        centers.append((center_x, center_y))
    return SimpleNamespace(
        hu=np.array(hu, dtype=np.float32),
        masks=np.array(masks),
        tissues=np.array(tissues),
        centers_px=np.array(centers, dtype=np.float32),
        pixel_mm=0.75,
        level_bmd_mg_cm3=BMD_OF_STATUS[status] + np.array((3.0, -3.0)),
        kvp=120.0,
        phase="none",
        departing=False,
        bmd_mg_cm3=BMD_OF_STATUS[status],
        status=STATUSES[status],
        seed=seed,
    )


@pytest.fixture(scope="session")
def make_pair():
    """The maker of synthetic pairs."""
    return synthetic_pair


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory) -> Path:
    """A folder of twelve synthetic pairs, four a class."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed in range(12):
        save_pair(synthetic_pair(seed), folder)
    return folder


@pytest.fixture(scope="session")
def watched_pairs(tmp_path_factory) -> Path:
    """A folder of three synthetic pairs to watch, one a class."""
    folder = tmp_path_factory.mktemp("watched_pairs")
    for seed in range(800_000, 800_003):
        save_pair(synthetic_pair(seed), folder)
    return folder


def box_sample(seed: int) -> CachedSample:
    """Two bodies over each other, L1 and L2: boxes of 400 HU in 40 HU."""
    rng = np.random.default_rng(seed)
    hu = rng.normal(40, 10, (40, 20, 20))
    classes = np.zeros(hu.shape, np.uint8)
    centers = np.array([[34.0, 10, 10], [24.0, 10, 10]], np.float32)
    for z, y, x in centers.astype(int):
        box = np.s_[z - 3 : z + 4, y - 4 : y + 5, x - 4 : x + 5]
        classes[box], hu[box] = 1, 400.0
    heads = np.array([[35.0, 13, 6], [35.0, 13, 14]], np.float32)  # of L1, on both sides
    return CachedSample(np.rint(hu).astype(np.int16), classes, centers, (20, 21), heads, 4.0, seed)


@pytest.fixture(scope="session")
def make_box_sample():
    return box_sample


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory) -> Path:
    """A folder of three box samples."""
    folder = tmp_path_factory.mktemp("samples")
    for seed in range(3):
        save_sample(sample_path(folder, seed), box_sample(seed))
    return folder


@pytest.fixture(scope="session")
def watched_samples(tmp_path_factory) -> Path:
    """A folder of one box sample to watch."""
    folder = tmp_path_factory.mktemp("watched_samples")
    save_sample(sample_path(folder, 800_000), box_sample(800_000))
    return folder


SLOPES, ENHANCED = {100.0: 1.45, 120.0: 1.25}, {"none": 0.0, "portal": 25.0}


def facts_rows(count: int, seed: int) -> list[dict]:
    """Cases whose HU follow from BMD, tube voltage, phase and an offset of the scanner that fat shows."""
    generator, rows = np.random.default_rng(seed), []
    for _ in range(count):
        bmd, offset = generator.uniform(30, 200), generator.normal(0, 12)
        kvp, phase = float(generator.choice(list(SLOPES))), str(generator.choice(list(ENHANCED)))
        hu = SLOPES[kvp] * bmd + ENHANCED[phase] + offset
        tissue_hu = {"fat": -100 + offset, "muscle": 55 + offset, "blood": 40 + 4 * ENHANCED[phase] + offset}
        facts = {"hu": hu, "kvp": kvp, "contrast": phase != "none", "phase": phase, "tissue_hu": tissue_hu}
        rows.append({"facts": facts, "bmd_mg_cm3": bmd, "status": Status.from_bmd(bmd).value, "own_bone": True})
    return rows


@pytest.fixture(scope="session")
def made_up_rows():
    return facts_rows
