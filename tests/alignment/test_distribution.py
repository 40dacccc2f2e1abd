"""The Gaussian constructor, W2 and Sim against hand computation and scipy's matrix square root."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.special import erf
from torch import nn

from mer_core.alignment.distribution import (
    LOG_STD_RANGE,
    DistributionSimilarity,
    GaussianConstructor,
    similarity,
    squared_wasserstein,
)
from mer_core.alignment.gaussians import Gaussians

WIDTH, HEADS = 8, 4


def gaussians(n, seed, width=5):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, width, dtype=torch.float64, generator=generator)
    std = torch.rand(n, width, dtype=torch.float64, generator=generator) + 0.1
    return Gaussians(mean, std)


def general_squared_wasserstein(mean_a, covariance_a, mean_b, covariance_b):
    root = sqrtm(covariance_a)
    cross = sqrtm(root @ covariance_b @ root)
    spread = np.trace(covariance_a + covariance_b - 2 * np.real(cross))
    return float(((mean_a - mean_b) ** 2).sum() + spread)


def test_wasserstein_equals_the_general_form():
    a, b = gaussians(3, seed=1), gaussians(4, seed=2)
    distance = squared_wasserstein(a, b)
    assert distance.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            expected = general_squared_wasserstein(
                a.mean[i].numpy(),
                np.diag(a.std[i].numpy() ** 2),
                b.mean[j].numpy(),
                np.diag(b.std[j].numpy() ** 2),
            )
            assert distance[i, j].item() == pytest.approx(expected, rel=1e-6)


def test_wasserstein_closed_forms():
    a, b = gaussians(3, seed=1), gaussians(4, seed=2)
    assert (squared_wasserstein(a, a).diagonal() == 0).all()
    zero, one = torch.zeros(1, 1), torch.ones(1, 1)
    gap = squared_wasserstein(Gaussians(zero, one), Gaussians(zero + 3, one + 4))
    assert gap.item() == pytest.approx(25)  # a gap of 3 between the means, of 4 between the stds
    assert torch.allclose(squared_wasserstein(a, b), squared_wasserstein(b, a).T)


def test_wasserstein_keeps_small_distances_of_far_gaussians():
    # |a|² + |b|² - 2 a·b would lose this gap, or turn it negative, in float32.
    mean = torch.full((1, 64), 1000.0)
    near = mean.clone()
    near[0, 0] += 0.125
    std = torch.ones(1, 64)
    distance = squared_wasserstein(Gaussians(mean, std), Gaussians(near, std))
    assert distance.item() == pytest.approx(0.125**2)


def test_wasserstein_has_finite_gradients_at_zero_distance():
    a = gaussians(3, seed=1)
    others = a.mean.clone()
    a.mean.requires_grad_()
    squared_wasserstein(a, Gaussians(others, a.std)).sum().backward()
    assert a.mean.grad is not None
    expected = torch.stack([2 * sum(m - o for o in others) for m in a.mean.detach()])
    assert torch.allclose(a.mean.grad, expected)


def test_wasserstein_reads_bfloat16_beside_float32():
    a = gaussians(3, seed=1)
    exact = Gaussians(a.mean.float(), a.std.float())
    rounded = Gaussians(exact.mean.bfloat16(), exact.std)
    distance = squared_wasserstein(rounded, rounded)
    assert distance.dtype == torch.float32
    assert torch.allclose(distance, squared_wasserstein(exact, exact), atol=0.1)


def test_arrays_and_tensors_have_the_same_points():
    a = gaussians(3, seed=1)
    points = Gaussians(a.mean.numpy(), a.std.numpy()).points
    assert points.shape == (3, 10)
    assert np.array_equal(points, a.points.numpy())


def test_similarity_forms():
    distance = torch.tensor([[0.0, 100.0]])
    assert similarity(distance, "scaled", 50, 0.5)[0].tolist() == pytest.approx([0.0, -4.0])
    logits = similarity(distance, "map", 50, 0.07)[0].tolist()
    assert logits == pytest.approx([4 / 0.07, (4 - 100 / 200) / 0.07])
    assert similarity(distance, "sigmoid", 50, 2.0, 0.5)[0].tolist() == pytest.approx([0.5, -0.5])
    with pytest.raises(ValueError, match="cosine"):
        similarity(distance, "cosine", 50, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "first"), [("scaled", 1.0), ("map", 0.07), ("sigmoid", 1.0)])
def test_similarity_module_starts_as_written_and_learns(kind, first):
    module = DistributionSimilarity(kind, 5)
    a, b = gaussians(3, seed=1), gaussians(3, seed=2)
    assert module.log_temperature.exp().item() == pytest.approx(first)
    shift = 0.0 if module.shift is None else module.shift.item()
    expected = similarity(squared_wasserstein(a, b), kind, 5, first, shift)
    logits = module(a, b)
    assert torch.allclose(logits, expected, rtol=1e-5)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs() > 0 for p in module.parameters())


@pytest.mark.parametrize(("wild", "bound"), [(-50.0, 0.01), (50.0, 10.0)])
def test_temperature_is_brought_back_and_keeps_its_gradient(wild, bound):
    module = DistributionSimilarity("scaled", 5)
    nn.init.constant_(module.log_temperature, wild)
    module.constrain_()
    assert module.log_temperature.exp().item() == pytest.approx(bound)
    module(gaussians(3, seed=1), gaussians(3, seed=2)).sum().backward()
    assert module.log_temperature.grad is not None
    assert module.log_temperature.grad.abs() > 0


def test_forward_reads_the_temperature_and_does_not_change_it():
    module = DistributionSimilarity("scaled", 5).train()
    nn.init.constant_(module.log_temperature, math.log(20.0))  # an optimiser's overshoot
    a, b = gaussians(3, seed=1), gaussians(3, seed=2)
    result = module(a, b)
    assert torch.allclose(result, -squared_wasserstein(a, b) / 5 / 20.0)
    assert module.log_temperature.exp().item() == pytest.approx(20.0)


def test_unknown_similarity_is_refused():
    with pytest.raises(ValueError, match="scaled, map, sigmoid"):
        DistributionSimilarity("cosine", 5)  # type: ignore[arg-type]


def constructor(pool="mean", heads=HEADS):
    torch.manual_seed(0)
    module = GaussianConstructor(WIDTH, heads, feed_forward=2.0, dropout=0.1, pool=pool)
    for p in module.parameters():  # norms start as 1 and 0, which would hide a forgotten one
        nn.init.normal_(p, std=0.5)
    return module.double().eval()


def layer_norm(x, norm):
    x = (x - x.mean()) / math.sqrt(x.var() + norm.eps)
    return x * norm.weight.detach().numpy() + norm.bias.detach().numpy()


def linear(x, layer):
    y = layer.weight.detach().numpy() @ x
    return y if layer.bias is None else y + layer.bias.detach().numpy()


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def mlp(x, layers):
    return linear(gelu(linear(layer_norm(x, layers[0]), layers[1])), layers[4])


def slow_constructor(module, tokens):
    """MAP's wiring for one utterance without padding, one token and one head at a time."""
    normed = [layer_norm(gelu(linear(x, module.input)), module.input_norm) for x in tokens]
    qkv = [linear(x, module.query_key_value) for x in normed]
    size = WIDTH // HEADS
    means, log_stds = [], []
    for n, x in enumerate(tokens):
        heads = []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            scores = [
                float(qkv[n][:WIDTH][part] @ other[WIDTH : 2 * WIDTH][part]) / math.sqrt(size)
                for other in qkv
            ]
            weights = [math.exp(s) / sum(math.exp(t) for t in scores) for s in scores]
            heads.append(sum(w * o[2 * WIDTH :][part] for w, o in zip(weights, qkv, strict=True)))
        half = HEADS // 2
        mean = x + linear(np.concatenate(heads[:half]), module.mean_out)
        means.append(mean + mlp(mean, module.mean_mlp))
        log_std = linear(np.concatenate(heads[half:]), module.log_std_out)
        log_stds.append(np.clip(log_std + mlp(log_std, module.log_std_mlp), *LOG_STD_RANGE))
    return np.stack(means), np.stack(log_stds)


def random_tokens(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_constructor_equals_the_slow_loops(pool):
    module = constructor(pool)
    tokens = random_tokens(2, 4, WIDTH)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    built = module(tokens, mask)
    for row, steps in enumerate((4, 2)):
        own = tokens[row, :steps].numpy()
        if pool == "cls":
            own = np.concatenate([module.cls.detach().numpy()[None], own])
        means, log_stds = slow_constructor(module, own)
        first = 1 if pool == "cls" else 0
        mean = means[0] if pool == "cls" else means.mean(axis=0)
        log_std = log_stds[0] if pool == "cls" else log_stds.mean(axis=0)
        close = {"rtol": 1e-5, "atol": 1e-5}  # the spread is kept in float32
        np.testing.assert_allclose(built.mean[row, :steps].detach(), means[first:], atol=1e-10)
        np.testing.assert_allclose(built.log_std[row, :steps].detach(), log_stds[first:], **close)
        np.testing.assert_allclose(built.utterance.mean[row].detach(), mean, atol=1e-10)
        np.testing.assert_allclose(built.utterance.std[row].detach(), np.exp(log_std), **close)


def test_only_the_mean_has_a_residual_path():
    module = constructor()
    with torch.no_grad():
        for layer in (module.mean_out, module.mean_mlp[4]):
            layer.weight.zero_()
            layer.bias.zero_()
        for layer in (module.log_std_out, module.log_std_mlp[4]):
            layer.weight.zero_()
            layer.bias.zero_()
    tokens, mask = random_tokens(2, 4, WIDTH), torch.ones(2, 4, dtype=torch.bool)
    built = module(tokens, mask)
    assert torch.allclose(built.mean, tokens)
    assert (built.utterance.std == 1).all()


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_constructor_is_blind_to_padding(pool):
    module = constructor(pool)
    tokens, mask = random_tokens(2, 4, WIDTH), torch.ones(2, 4, dtype=torch.bool)
    padded = torch.cat([tokens, torch.full((2, 3, WIDTH), 99.0).double()], dim=1)
    alone = module(tokens, mask)
    built = module(padded, nn.functional.pad(mask, (0, 3)))
    assert torch.allclose(built.utterance.mean, alone.utterance.mean, atol=1e-9)
    assert torch.allclose(built.utterance.std, alone.utterance.std, atol=1e-6)
    assert torch.allclose(built.mean[:, :4], alone.mean, atol=1e-9)


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_constructor_survives_a_row_without_tokens(pool):
    module = constructor(pool)
    tokens = random_tokens(2, 3, WIDTH).requires_grad_()
    mask = torch.tensor([[True, True, False], [False, False, False]])
    built = module(tokens, mask)
    (built.utterance.mean.sum() + built.utterance.std.sum() + built.mean.sum()).backward()
    assert all(torch.isfinite(t).all() for t in (built.mean, built.log_std, built.utterance.points))
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())
    assert torch.isfinite(tokens.grad).all()


def test_spread_is_bounded_even_for_wild_weights():
    module = constructor()
    with torch.no_grad():
        module.log_std_out.bias.fill_(500.0)
        module.log_std_out.bias[::2] = -500.0
    built = module(random_tokens(1, 3, WIDTH), torch.ones(1, 3, dtype=torch.bool))
    low, high = (math.exp(bound) for bound in LOG_STD_RANGE)
    assert built.utterance.std.min().item() == pytest.approx(low, rel=1e-5)
    assert built.utterance.std.max().item() == pytest.approx(high, rel=1e-5)


def test_draws_have_the_mean_and_spread_of_their_tokens():
    module = constructor()
    built = module(random_tokens(1, 2, WIDTH), torch.ones(1, 2, dtype=torch.bool))
    torch.manual_seed(1)
    draws = torch.stack([built.draw() for _ in range(4000)])
    std = built.log_std.exp().double()
    assert ((draws.mean(dim=0) - built.mean).abs() < 5 * std / math.sqrt(4000)).all()
    assert torch.allclose(draws.std(dim=0), std, rtol=0.08)


@pytest.mark.parametrize("heads", [3, 1, 16])
def test_heads_that_cannot_be_halved_are_refused(heads):
    with pytest.raises(ValueError, match="even"):
        GaussianConstructor(WIDTH, heads)


def test_unknown_pool_is_refused():
    with pytest.raises(ValueError, match="mean, cls"):
        GaussianConstructor(WIDTH, HEADS, pool="max")  # type: ignore[arg-type]
