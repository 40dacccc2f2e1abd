"""The masked attention block and the masked mean, against loops and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mer_core.layers.attention import MaskedAttention, attend
from mer_core.layers.pooling import masked_mean

WIDTH, HEADS = 8, 2


def block(**settings):
    torch.manual_seed(0)
    module = MaskedAttention(WIDTH, HEADS, **settings).double().eval()
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return module


def tokens(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, WIDTH, dtype=torch.float64, generator=generator)


@torch.no_grad()
def slow_attention(module, query, key):
    """One utterance without padding: tokens (Tq, D) and head-averaged weights (Tq, Tk)."""
    q, k = module.query_norm(query), module.key_norm(key)
    wq, wk, wv = module.attention.in_proj_weight.chunk(3)
    bq, bk, bv = module.attention.in_proj_bias.chunk(3)
    q, k, v = q @ wq.T + bq, k @ wk.T + bk, k @ wv.T + bv
    size = WIDTH // HEADS
    rows, weights = [], torch.zeros(len(query), len(key), dtype=torch.float64)
    for i in range(len(query)):
        heads = []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            scores = [math.exp(float(q[i, part] @ k[j, part]) / size**0.5) for j in range(len(key))]
            heads.append(sum(s / sum(scores) * v[j, part] for j, s in enumerate(scores)))
            weights[i] += torch.tensor([s / sum(scores) / HEADS for s in scores])
        rows.append(query[i] + module.attention.out_proj(torch.cat(heads)))
    result = torch.stack(rows)
    if module.feed_forward is not None:
        result = result + module.feed_forward(result)
    return result, weights


@pytest.mark.parametrize("feed_forward", [0.0, 2.0])
def test_block_equals_the_slow_loops_over_valid_keys(feed_forward):
    module = block(feed_forward=feed_forward)
    assert (module.feed_forward is None) == (feed_forward == 0)
    query, key = tokens(2, 3), tokens(2, 5, seed=2)
    mask = torch.tensor([[True] * 5, [True, False, True, False, False]])
    result, weights = module(query, key, mask)
    for row in range(2):
        expected, expected_weights = slow_attention(module, query[row], key[row][mask[row]])
        assert torch.allclose(result[row], expected, atol=1e-10)
        assert torch.allclose(weights[row][:, mask[row]], expected_weights, atol=1e-10)
        assert (weights[row][:, ~mask[row]] == 0).all()


def test_rows_of_weights_sum_to_one():
    mask = torch.tensor([[True] * 5, [False, False, True, False, False]])
    _, weights = block()(tokens(2, 3), tokens(2, 5, seed=2), mask)
    assert torch.allclose(weights.sum(dim=2), torch.ones(2, 3).double())
    assert torch.allclose(weights[1, :, 2], torch.ones(3).double())


def test_self_attention_norms_its_keys_like_its_queries():
    module, query = block(), tokens(1, 3)
    mask = torch.ones(1, 3, dtype=torch.bool)
    result, _ = module(query, query, mask)
    module.key_norm = module.query_norm
    again, _ = module(query, query.clone(), mask)
    assert torch.allclose(result, again)


def test_padded_keys_of_99_change_nothing():
    module, query, key = block(), tokens(2, 3), tokens(2, 4, seed=2)
    mask = torch.ones(2, 4, dtype=torch.bool)
    padded = torch.cat([key, torch.full((2, 3, WIDTH), 99.0).double()], dim=1)
    alone, weights = module(query, key, mask)
    result, found_weights = module(query, padded, F.pad(mask, (0, 3)))
    assert torch.allclose(result, alone, atol=1e-10)
    assert torch.allclose(found_weights[:, :, :4], weights, atol=1e-10)


def test_the_mask_is_read_as_true_is_valid():
    module, query, key = block(), tokens(1, 2), tokens(1, 4, seed=2)
    mask = torch.tensor([[True, True, False, False]])
    result, _ = module(query, key, mask)
    changed = key.clone()
    changed[0, 3] *= -1  # the norm would remove a shift
    assert torch.equal(module(query, changed, mask)[0], result)
    changed[0, 0] *= -1
    assert not torch.allclose(module(query, changed, mask)[0], result)


def test_a_query_without_keys_keeps_its_own_value():
    module = block(feed_forward=0.0)
    query = tokens(2, 3).requires_grad_()
    mask = torch.tensor([[True, True], [False, False]])
    result, weights = module(query, tokens(2, 2, seed=2), mask)
    assert torch.equal(result[1], query[1])
    assert (weights[1] == 0).all()
    result.sum().backward()
    assert torch.isfinite(query.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_the_block_keeps_the_names_of_shipped_weights():
    names = {name.rsplit(".", 1)[0] for name in block(feed_forward=0.0).state_dict()}
    assert names == {"query_norm", "key_norm", "attention", "attention.out_proj"}


def test_attend_reads_keys_of_another_width_and_nothing_that_is_padded():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(WIDTH, HEADS, kdim=5, vdim=5, batch_first=True).double()
    query, key = tokens(3, 2), torch.randn(3, 4, 5).double()
    mask = torch.tensor([[True] * 4, [False, True, False, False], [False] * 4])
    result, weights = attend(attention, query, torch.where(mask[:, :, None], key, 99.0), mask)
    assert result.shape == (3, 2, WIDTH)
    assert torch.allclose(weights[0].sum(dim=1), torch.ones(2).double())
    assert weights[1].tolist() == [[0.0, 1.0, 0.0, 0.0]] * 2
    value = attention.v_proj_weight @ key[1, 1] + attention.in_proj_bias[-WIDTH:]
    assert torch.allclose(result[1], attention.out_proj(value).expand(2, -1))
    assert (result[2] == 0).all()
    assert (weights[2] == 0).all()


def test_masked_mean_is_the_mean_of_the_valid_steps():
    values = torch.tensor([[[1.0], [3.0], [99.0]], [[7.0], [99.0], [99.0]], [[99.0]] * 3])
    mask = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    assert masked_mean(values, mask).tolist() == [[2.0], [7.0], [0.0]]
