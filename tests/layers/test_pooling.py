"""Statistics over time, by attention or plain, with padding and absence."""

from __future__ import annotations

import math

import pytest
import torch

from mer_core.layers.pooling import AttentiveStatistics, Statistics, masked_mean

WIDTH = 4


def pool():
    torch.manual_seed(0)
    return AttentiveStatistics(WIDTH, hidden=3)


def tokens(*shape):
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(1)) * 2


def slow_statistics(module, steps):
    """Weighted mean and deviation of one utterance's valid steps, channel by channel."""
    scores = [math.exp(module.score(step).item()) for step in steps]
    weights = [score / sum(scores) for score in scores]
    means, deviations = [], []
    for channel in range(WIDTH):
        values = [step[channel].item() for step in steps]
        mean = sum(w * v for w, v in zip(weights, values, strict=True))
        variance = sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
        means.append(mean)
        deviations.append(math.sqrt(variance + 1e-4))
    return means + deviations


def test_statistics_equal_the_slow_loops():
    module, values = pool(), tokens(2, 5)
    mask = torch.tensor([[True] * 5, [True, False, True, True, False]])
    result = module(values, mask)
    assert result.shape == (2, 2 * WIDTH)
    for row in range(2):
        expected = slow_statistics(module, values[row][mask[row]])
        assert result[row].tolist() == pytest.approx(expected, abs=1e-5)


def test_plain_statistics_are_those_of_the_valid_steps():
    values = tokens(2, 5)
    mask = torch.tensor([[True, False, True, True, False], [False] * 5])
    found = Statistics()(values, mask)
    kept = values[0][mask[0]]
    torch.testing.assert_close(found[0, :WIDTH], kept.mean(dim=0))
    spread = (kept.var(dim=0, correction=0) + 1e-4).sqrt()
    torch.testing.assert_close(found[0, WIDTH:], spread)
    assert found[1, :WIDTH].tolist() == [0.0] * WIDTH


def test_a_single_step_is_its_own_mean_without_spread():
    values = tokens(1, 3)
    result = pool()(values, torch.tensor([[True, False, False]]))
    assert torch.allclose(result[0, :WIDTH], values[0, 0])
    assert torch.allclose(result[0, WIDTH:], torch.full((WIDTH,), 0.01), atol=1e-6)


def test_padding_of_99_changes_nothing():
    module, values = pool(), tokens(2, 4)
    mask = torch.ones(2, 4, dtype=torch.bool)
    padded = torch.cat([values, torch.full((2, 3, WIDTH), 99.0)], dim=1)
    result = module(padded, torch.nn.functional.pad(mask, (0, 3)))
    assert torch.allclose(result, module(values, mask), atol=1e-6)


def test_a_row_without_steps_is_finite_with_finite_gradients():
    module = pool()
    values = tokens(2, 3).requires_grad_()
    result = module(values, torch.tensor([[True, True, True], [False, False, False]]))
    assert torch.isfinite(result).all()
    assert (result[1, :WIDTH] == 0).all()
    result.sum().backward()
    assert torch.isfinite(values.grad).all()
    assert (values.grad[1] == 0).all()


def test_masked_mean_of_valid_steps():
    values = torch.tensor([[[2.0], [4.0], [99.0]]])
    assert masked_mean(values, torch.tensor([[True, True, False]])).item() == 3.0
