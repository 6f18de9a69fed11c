"""Gated channel transformation, worked on paper (Eq. 12-15)."""

import math

import torch

from OsteoJointLib.network.gct import GatedChannelTransformation, channel_gate


def vector(*values):
    return torch.tensor(values).view(1, -1, 1, 1)


def test_gate_of_two_channels_worked_by_hand():
    # channel 0 has the norm 5 (3, 4), channel 1 the norm 10 (6, 8); with alpha = (2, 1) both embed to 10,
    # so s_hat = sqrt(2) * 10 / sqrt(200) = 1 for both
    x = torch.tensor([[[[3.0, 4.0]], [[6.0, 8.0]]]])
    gate = channel_gate(x, vector(2.0, 1.0), vector(0.5, -1.0), vector(0.25, 0.0), eps=0.0)
    expected = vector(1 + math.tanh(0.5 + 0.25), 1 + math.tanh(-1.0))
    torch.testing.assert_close(gate, expected)


def test_embedding_is_compared_with_the_other_channels():
    # norms 3 and 4, alpha 1: s_hat = sqrt(2) * (3, 4) / 5
    x = torch.tensor([[[[3.0]], [[4.0]]]])
    gate = channel_gate(x, vector(1.0, 1.0), vector(1.0, 1.0), vector(0.0, 0.0), eps=0.0)
    expected = vector(1 + math.tanh(math.sqrt(2) * 0.6), 1 + math.tanh(math.sqrt(2) * 0.8))
    torch.testing.assert_close(gate, expected)


def test_paper_formula_step_by_step():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 4, 5, 6, generator=generator)
    alpha, gamma, beta = (torch.randn(1, 4, 1, 1, generator=generator) for _ in range(3))
    gate = channel_gate(x, alpha, gamma, beta)
    for b in range(2):
        s = [alpha[0, c, 0, 0] * math.sqrt(sum(v * v for v in x[b, c].flatten().tolist()) + 1e-5) for c in range(4)]
        norm = math.sqrt(sum(float(v) ** 2 for v in s) + 4e-5)
        for c in range(4):
            s_hat = math.sqrt(4) * float(s[c]) / norm
            expected = 1 + math.tanh(float(gamma[0, c, 0, 0]) * s_hat + float(beta[0, c, 0, 0]))
            assert abs(float(gate[b, c, 0, 0]) - expected) < 1e-5


def test_identity_at_the_start():
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(GatedChannelTransformation(8)(x), x, rtol=0, atol=0)


def test_a_common_factor_cancels():
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = vector(1.0, 2.0, 3.0), vector(0.3, 0.6, -0.4), vector(0.1, 0.0, 0.2)
    torch.testing.assert_close(channel_gate(10 * x, *weights), channel_gate(x, *weights), rtol=1e-4, atol=1e-4)


def test_empty_activation_stays_finite_and_has_a_gradient():
    x = torch.zeros(1, 3, 4, 4, requires_grad=True)
    gate = GatedChannelTransformation(3)
    torch.nn.init.ones_(gate.gamma)
    gate(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_half_precision_input_is_summed_in_single_precision():
    x = torch.full((1, 2, 64, 64), 60.0, dtype=torch.bfloat16)
    gate = channel_gate(x, vector(1.0, 1.0), vector(1.0, 1.0), vector(0.0, 0.0))
    torch.testing.assert_close(gate, torch.full((1, 2, 1, 1), 1 + math.tanh(1.0)))
