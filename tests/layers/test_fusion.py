"""A modality's input and cross-attention fusion, against loops one head and one step at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mer_core.layers.fusion import CrossAttentionFusion, CrossAttentionLayer, ModalityInput
from mer_core.types import Features

AUDIO, VIDEO, HEADS = 6, 8, 2


def perturbed(module, seed=0):
    torch.manual_seed(seed)
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return module.double().eval()


def layer(query=AUDIO, key=VIDEO):
    return perturbed(CrossAttentionLayer(query, key, HEADS, 0.1))


def fusion(audio=AUDIO, video=VIDEO, **settings):
    return perturbed(CrossAttentionFusion(audio, video, HEADS, **settings))


def tokens(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def features(lengths, width, seed=1):
    """Rows of `lengths` valid steps, 99.0 behind them."""
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    made = torch.where(mask[:, :, None], tokens(*mask.shape, width, seed=seed), 99.0)
    return Features(made, mask, mask.any(dim=1))


def projections(attention):
    """W_q, W_k, W_v as torch keeps them, packed or, for keys of another width, apart."""
    if attention.in_proj_weight is not None:
        return attention.in_proj_weight.chunk(3)
    return attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight


@torch.no_grad()
def slow_layer(module, query, key):
    """One utterance without padding: tokens (Tq, Dq) and head-averaged weights (Tq, Tk)."""
    attention, width = module.attention, query.shape[1]
    size = width // HEADS
    wq, wk, wv = projections(attention)
    bq, bk, bv = attention.in_proj_bias.chunk(3)
    result, weights = [], torch.zeros(len(query), len(key), dtype=torch.float64)
    for i, token in enumerate(query):
        heads = []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            q = wq[part] @ token + bq[part]
            keys = [wk[part] @ k + bk[part] for k in key]
            values = [wv[part] @ k + bv[part] for k in key]
            scores = [math.exp(float(q @ k) / math.sqrt(size)) for k in keys]
            shares = [s / sum(scores) for s in scores]
            heads.append(sum(s * v for s, v in zip(shares, values, strict=True)))
            weights[i] += torch.tensor(shares, dtype=torch.float64) / HEADS
        total = token + attention.out_proj.weight @ torch.cat(heads) + attention.out_proj.bias
        mean = total.sum() / width
        spread = (((total - mean) ** 2).sum() / width + module.norm.eps).sqrt()
        result.append((total - mean) / spread * module.norm.weight + module.norm.bias)
    return torch.stack(result), weights


@pytest.mark.parametrize(("query", "key"), [(AUDIO, VIDEO), (VIDEO, AUDIO), (VIDEO, VIDEO)])
def test_a_layer_equals_the_slow_loops_over_valid_keys(query, key):
    module = layer(query, key)
    queries, keys = tokens(2, 3, query), features((5, 2), key)
    result, weights = module(queries, keys.tokens, keys.mask)
    for row, length in enumerate((5, 2)):
        expected, shares = slow_layer(module, queries[row], keys.tokens[row, :length])
        assert torch.allclose(result[row], expected, atol=1e-10)
        assert torch.allclose(weights[row, :, :length], shares, atol=1e-10)
        assert (weights[row, :, length:] == 0).all()


def test_a_query_without_keys_is_only_normalised():
    module = layer()
    queries = tokens(2, 3, AUDIO).requires_grad_()
    mask = torch.tensor([[True, True], [False, False]])
    result, weights = module(queries, tokens(2, 2, VIDEO), mask)
    assert torch.allclose(result[1], module.norm(queries[1]))
    assert (weights[1] == 0).all()
    result.sum().backward()
    assert torch.isfinite(queries.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_dropout_acts_on_the_result_and_not_on_the_weights():
    module = CrossAttentionLayer(AUDIO, VIDEO, HEADS, 0.5).double().train()
    queries, keys = tokens(2, 3, AUDIO), features((5, 2), VIDEO)
    torch.manual_seed(0)
    first, weights = module(queries, keys.tokens, keys.mask)
    second, again = module(queries, keys.tokens, keys.mask)
    assert not torch.allclose(first, second)
    assert torch.equal(weights, again)
    assert torch.allclose(weights.sum(dim=2), torch.ones(2, 3).double())
    module.dropout.p = 1.0  # only the residual path is left
    assert torch.allclose(module(queries, keys.tokens, keys.mask)[0], module.norm(queries))


def slow_fusion(module, audio, video, layers, *, updated=False):
    """One utterance: both pooled vectors; with `updated`, layers read the other's last state."""
    a, v = audio, video
    for i in range(layers):
        keys_of_video, keys_of_audio = (a, v) if updated else (audio, video)
        a, a_weights = slow_layer(module.audio_to_video.layers[i], a, keys_of_audio)
        v, v_weights = slow_layer(module.video_to_audio.layers[i], v, keys_of_video)
    return a.mean(dim=0), v.mean(dim=0), a_weights, v_weights


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_layer_attends_to_the_other_modalitys_input(layers):
    module = fusion(audio=VIDEO, layers=layers)  # equal widths, so that the mistake is possible
    audio, video = features((4, 2), VIDEO), features((3, 5), VIDEO, seed=2)
    result = module(audio, video)
    for row, (a, v) in enumerate(((4, 3), (2, 5))):
        mine = audio.tokens[row, :a], video.tokens[row, :v]
        expected = slow_fusion(module, *mine, layers)
        assert torch.allclose(result.audio[row], expected[0], atol=1e-10)
        assert torch.allclose(result.video[row], expected[1], atol=1e-10)
        mistake = slow_fusion(module, *mine, layers, updated=True)
        assert torch.allclose(result.audio[row], mistake[0], atol=1e-4) == (layers == 1)
        assert torch.allclose(result.video[row], mistake[1], atol=1e-4) == (layers == 1)


def test_fusion_of_two_widths_equals_the_slow_loops():
    module = fusion()
    audio, video = features((4, 2), AUDIO), features((3, 5), VIDEO, seed=2)
    result = module(audio, video)
    assert result.audio.shape == (2, AUDIO)
    assert result.video.shape == (2, VIDEO)
    for row, (a, v) in enumerate(((4, 3), (2, 5))):
        mine = audio.tokens[row, :a], video.tokens[row, :v]
        pooled_a, pooled_v, a_weights, v_weights = slow_fusion(module, *mine, 2)
        assert torch.allclose(result.audio[row], pooled_a, atol=1e-10)
        assert torch.allclose(result.video[row], pooled_v, atol=1e-10)
        # of the last layer, and rows over valid keys
        assert torch.allclose(result.audio_to_video[row, :a, :v], a_weights, atol=1e-10)
        assert torch.allclose(result.video_to_audio[row, :v, :a], v_weights, atol=1e-10)
        assert (result.audio_to_video[row, :, v:] == 0).all()
        assert (result.video_to_audio[row, :, a:] == 0).all()
    assert torch.allclose(result.audio_to_video.sum(dim=2), torch.ones(2, 4).double())
    assert torch.allclose(result.video_to_audio.sum(dim=2), torch.ones(2, 5).double())


def test_one_direction_can_be_called_with_other_partners():
    module = fusion()
    audio, video = features((4, 2), AUDIO), features((3, 5), VIDEO, seed=2)
    swapped = Features(video.tokens.flip(0), video.mask.flip(0), video.present.flip(0))
    result = module.audio_to_video(audio, swapped).pooled
    assert torch.equal(result, module(audio, swapped).audio)
    assert not torch.allclose(result, module(audio, video).audio, atol=1e-3)


def test_more_padding_of_99_changes_nothing():
    module = fusion()
    audio, video = features((4, 2), AUDIO), features((3, 5), VIDEO, seed=2)

    def padded(made):
        junk = F.pad(made.tokens, (0, 0, 0, 3), value=99.0)
        return Features(junk, F.pad(made.mask, (0, 3)), made.present)

    alone, result = module(audio, video), module(padded(audio), padded(video))
    assert torch.allclose(result.audio, alone.audio, atol=1e-10)
    assert torch.allclose(result.video, alone.video, atol=1e-10)
    assert torch.allclose(result.audio_to_video[:, :4, :5], alone.audio_to_video, atol=1e-10)


@pytest.mark.parametrize("settings", [{"heads": 4}, {"heads": 0}, {"layers": 0}])
def test_invalid_shapes_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        CrossAttentionFusion(AUDIO, VIDEO, **{"heads": HEADS, **settings})


def test_an_input_without_width_keeps_the_tokens_and_clears_the_padding():
    module = ModalityInput(AUDIO, None)
    assert [name for name, _ in module.named_parameters()] == ["stand_in"]
    made = features((4, 2), AUDIO)
    made = Features(made.tokens.float(), made.mask, made.present)
    result = module(made)
    assert torch.equal(result.tokens[made.mask], made.tokens[made.mask])
    assert (result.tokens[~made.mask] == 0).all()
    assert torch.equal(result.mask, made.mask)


@pytest.mark.parametrize("width", [None, AUDIO, 5])
def test_the_stand_in_is_one_valid_step_and_replaces_the_tokens(width):
    module = ModalityInput(AUDIO, width)
    mask = torch.tensor([[True, True, False]] * 3)
    mask[1] = False
    present = torch.tensor([True, True, False])  # row 1 is present, but has no valid step
    made = torch.full((3, 3, AUDIO), float("nan"))
    made[0] = 1.0
    result = module(Features(made, mask, present))
    assert result.present.tolist() == [True, False, False]
    assert result.mask.tolist() == [[True, True, False], [True, False, False], [True, False, False]]
    assert torch.equal(result.tokens[1:], module.stand_in.expand(2, 3, -1))
    result.tokens.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_names_of_weights_are_those_of_shipped_checkpoints():
    norm, project = {"norm.weight", "norm.bias"}, {"project.weight", "project.bias"}
    assert set(ModalityInput(AUDIO, 5).state_dict()) == {"stand_in", *norm, *project}
    assert set(ModalityInput(AUDIO, AUDIO).state_dict()) == {"stand_in", *norm}
