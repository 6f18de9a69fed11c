"""Pairs go to disk whole and come back the same."""

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.records import STATUSES, Status
from training.data.pairs import PairFolder, load_pair, make_pairs, pair_path


def test_a_stored_pair_comes_back(pair_folder):
    cases = PairFolder.listed(pair_folder, at_least=12)
    assert len(cases) == 12
    np.testing.assert_array_equal(np.bincount(cases.statuses), [4, 4, 4])
    pair = load_pair(cases.paths[4])
    assert pair.hu.shape == pair.masks.shape == (2, 512, 512)
    assert pair.hu.dtype == np.int16 and pair.masks.dtype == bool
    assert pair.seed == 4 and pair.status is STATUSES[1] and pair.pixel_mm == 0.75
    area = pair.masks.sum(axis=(1, 2))
    np.testing.assert_allclose(area, np.pi * 32 * 22, rtol=0.02)
    np.testing.assert_allclose(pair.hu[pair.masks].mean(), 120.0, atol=1.0)


def test_too_few_pairs_and_broken_files_are_refused(pair_folder, tmp_path):
    with pytest.raises(InputRefused, match="At least 13 training pairs"):
        PairFolder.listed(pair_folder, at_least=13)
    with pytest.raises(InputRefused, match="training.data.pairs"):
        PairFolder.listed(tmp_path / "nowhere")
    broken = pair_path(tmp_path, 7, Status.NORMAL)
    broken.write_bytes(b"no zip")
    with pytest.raises(InputRefused, match="0000007-normal"):
        load_pair(broken)


def test_unfinished_files_are_not_listed(pair_folder, tmp_path):
    source = PairFolder.listed(pair_folder).paths[0]
    (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / f".osteojoint-{source.name}").write_bytes(b"half")
    assert len(PairFolder.listed(tmp_path)) == 1


def test_pairs_of_the_phantom_are_made_once(tmp_path):
    pytest.importorskip("OsteoJointLib.phantom.cases")
    assert make_pairs(tmp_path, range(2, 4)) == 2
    assert make_pairs(tmp_path, range(2, 5)) == 1
    cases = PairFolder.listed(tmp_path, at_least=3)
    pair = load_pair(cases.paths[0])
    assert pair.hu.shape == (2, 512, 512) and pair.masks.any(axis=(1, 2)).all()
