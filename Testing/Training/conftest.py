"""Tiny stand-ins for the phantom: bodies that are ellipses whose HU follows their status."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.records import STATUSES
from training.data.pairs import save_pair

HU_OF_STATUS = (200.0, 120.0, 50.0)


def synthetic_pair(seed: int) -> SimpleNamespace:
    """A stand-in for ``make_training_pair``: soft tissue of 40 HU, air around it, one bright ellipse a slice."""
    generator = np.random.default_rng(seed)
    status = seed % 3
    y, x = np.mgrid[:512, :512]
    hu, masks = [], []
    for _ in range(2):
        center_y, center_x = generator.uniform(240, 280, 2)
        mask = ((x - center_x) / 32) ** 2 + ((y - center_y) / 22) ** 2 <= 1.0
        patient = ((x - 256) / 220) ** 2 + ((y - 256) / 160) ** 2 <= 1.0
        image = np.where(patient, 40.0, -1000.0) + generator.normal(0, 8, (512, 512))
        hu.append(np.where(mask, HU_OF_STATUS[status] + image - 40.0, image))
        masks.append(mask)
    return SimpleNamespace(
        hu=np.array(hu, dtype=np.float32),
        masks=np.array(masks),
        pixel_mm=0.75,
        bmd_mg_cm3=(150.0, 100.0, 60.0)[status],
        status=STATUSES[status],
        seed=seed,
    )


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory) -> Path:
    """A folder of twelve synthetic pairs, four a class."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed in range(12):
        save_pair(synthetic_pair(seed), folder)
    return folder
