"""The factor on the SD of BMD, and the source of the probabilities: whether they find what was put in."""

import numpy as np
import pytest
import torch

from OsteoJointLib.network.fusion import FeatureFusion
from OsteoJointLib.records import STATUSES, Status
from training.tasks.calibration import Sayings, choose


def sayings(true_sd: float, said_sd: float, softmax: torch.Tensor | None = None, count: int = 4000) -> Sayings:
    """Phantoms whose BMD lies about what is said with one SD, where another is said."""
    generator = np.random.default_rng(0)
    mean = generator.uniform(40, 160, count)
    true = mean + generator.normal(0, true_sd, count)
    statuses = torch.tensor([STATUSES.index(Status.from_bmd(bmd)) for bmd in true])
    bmd = torch.tensor(np.stack([mean, np.full(count, said_sd)], axis=1))
    return Sayings(
        torch.full((count, 3), 1 / 3).double() if softmax is None else softmax, bmd, torch.tensor(true), statuses
    )


@pytest.mark.parametrize(("true_sd", "said_sd"), [(6.0, 10.0), (10.0, 10.0), (15.0, 10.0)])
def test_the_factor_is_what_the_errors_say(true_sd, said_sd):
    assert choose(sayings(true_sd, said_sd))[0] == pytest.approx(true_sd / said_sd, abs=0.05)


def test_the_source_is_the_one_that_knows_more():
    ignorant = sayings(8.0, 8.0)
    assert choose(ignorant)[1] == "areas"
    knowing = torch.nn.functional.one_hot(ignorant.statuses, 3).double()
    assert choose(sayings(8.0, 8.0, knowing))[1] == "softmax"
    assert choose(sayings(8.0, 8.0, torch.roll(knowing, 1, dims=1)))[1] == "areas"


def test_the_factor_reaches_the_estimate_and_nothing_else():
    def said(factor):
        torch.manual_seed(0)
        return FeatureFusion(4, 4, ordinal=True, sd_factor=factor)(torch.ones(2, 4), torch.zeros(2, 4))

    one, half = said(1.0), said(0.5)
    torch.testing.assert_close(half.bmd, one.bmd * torch.tensor([1.0, 0.5]))
    torch.testing.assert_close(half.logits, one.logits)
