"""Which phantoms are of the paper's own protocol, and how they are found without being made."""

import itertools
from dataclasses import asdict

import pytest

from OsteoJointLib.phantom.cases import drawn_protocol
from training.evaluation.case_rows.facts import truth_of
from training.evaluation.strata import PAPER, paper_seeds, strata_of


def test_a_protocol_is_told_without_making_the_phantom():
    assert asdict(drawn_protocol(900_003)) == truth_of(900_003).drawn["acquisition"]
    assert asdict(drawn_protocol(900_003)) != asdict(drawn_protocol(900_004))


def test_seeds_of_the_papers_protocol_are_all_of_it_and_none_is_passed_over():
    some = range(900_000, 900_100)
    found = list(paper_seeds(some))
    of_it = [
        seed
        for seed in some
        if (scan := drawn_protocol(seed)).beam == "120"
        and scan.phase == "none"
        and scan.kernel in ("soft", "standard")
        and 1.5 <= scan.thickness_mm <= 2.5
    ]
    assert found == of_it and len(found) > 1


@pytest.fixture
def phantom():
    from OsteoJointLib.phantom.cases import make_phantom

    (seed,) = itertools.islice(paper_seeds(range(900_000, 901_000)), 1)
    from OsteoJointLib.frames import Grid

    return make_phantom(seed, grid=Grid.axis_aligned((16, 12, 12), (20.0, 20.0, 20.0), (-110.0, -110.0, -150.0)))


def test_a_reformat_is_none_of_the_papers(phantom):
    assert strata_of(phantom)["protocol"] == PAPER
    assert strata_of(phantom)["kvp"] == "120 kV" and strata_of(phantom)["phase"] == "none"
    phantom.truth.drawn["field"] = {"protocol": "sagittal"}
    assert strata_of(phantom)["protocol"] == "other"
    phantom.truth.drawn["field"] = {"protocol": "abdomen"}
    phantom.truth.drawn["acquisition"]["phase"] = "portal"
    assert strata_of(phantom)["protocol"] == "other"


@pytest.mark.parametrize(("fat_mm", "size"), [(12.0, "thin"), (12.1, "middle"), (25.1, "large")])
def test_size_is_that_of_the_fat_under_the_skin(phantom, fat_mm, size):
    phantom.truth.drawn["person"]["fat_mm"] = fat_mm
    assert strata_of(phantom)["size"] == size
