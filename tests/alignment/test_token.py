"""Token alignment: which stream attends to which, row sums, padding and absence."""

from __future__ import annotations

import pytest
import torch

from mer_core.alignment.token import TokenAlignment

WIDTH = 8


def alignment(**shape):
    torch.manual_seed(0)
    return TokenAlignment(WIDTH, 2, feed_forward=2.0, **shape).eval()


def inputs():
    generator = torch.Generator().manual_seed(1)
    speech = torch.randn(3, 5, WIDTH, generator=generator)
    text = torch.randn(3, 4, WIDTH, generator=generator)
    speech_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]).bool()
    text_mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0]]).bool()
    return speech, speech_mask, text, text_mask


@pytest.mark.parametrize("cross_layers", [1, 2])
@pytest.mark.parametrize("self_layers", [0, 1, 2])
def test_shapes_and_rows_that_sum_to_one_over_valid_tokens(self_layers, cross_layers):
    speech, speech_mask, text, text_mask = inputs()
    result = alignment(self_layers=self_layers, cross_layers=cross_layers)(*inputs())
    assert result.speech.shape == result.speech_prefusion.shape == speech.shape
    assert result.text.shape == result.text_prefusion.shape == text.shape
    assert result.speech_to_text.shape == (3, 5, 4)
    assert result.text_to_speech.shape == (3, 4, 5)
    assert torch.allclose(result.speech_to_text.sum(dim=2), torch.ones(3, 5))
    assert torch.allclose(result.text_to_speech.sum(dim=2), torch.ones(3, 4))
    assert (result.speech_to_text.transpose(1, 2)[~text_mask] == 0).all()
    assert (result.text_to_speech.transpose(1, 2)[~speech_mask] == 0).all()


@pytest.mark.parametrize("cross_layers", [1, 2])
def test_streams_meet_in_cross_attention_and_not_before(cross_layers):
    module = alignment(cross_layers=cross_layers)
    speech, speech_mask, text, text_mask = inputs()
    first = module(speech, speech_mask, text, text_mask)
    other = module(speech, speech_mask, text.flip(0), text_mask.flip(0))
    assert torch.equal(first.speech_prefusion, other.speech_prefusion)
    assert not torch.allclose(first.speech, other.speech, atol=1e-3)
    other = module(speech.flip(0), speech_mask.flip(0), text, text_mask)
    assert torch.equal(first.text_prefusion, other.text_prefusion)
    assert not torch.allclose(first.text, other.text, atol=1e-3)


def test_every_cross_block_attends_to_the_other_stream_before_fusion():
    module = alignment(cross_layers=2)
    speech, speech_mask, text, text_mask = inputs()
    result = module(speech, speech_mask, text, text_mask)
    from_speech, from_text = result.speech_prefusion, result.text_prefusion
    for to_text, to_speech in zip(module.speech_cross, module.text_cross, strict=True):
        from_speech, speech_weights = to_text(from_speech, result.text_prefusion, text_mask)
        from_text, text_weights = to_speech(from_text, result.speech_prefusion, speech_mask)
    assert torch.equal(result.speech, from_speech)
    assert torch.equal(result.text, from_text)
    assert torch.equal(result.speech_to_text, speech_weights)  # of the last block
    assert torch.equal(result.text_to_speech, text_weights)


def test_without_self_attention_the_prefusion_streams_are_the_input():
    speech, speech_mask, text, text_mask = inputs()
    result = alignment(self_layers=0)(speech, speech_mask, text, text_mask)
    assert result.speech_prefusion is speech
    assert result.text_prefusion is text


def test_modalities_do_not_share_weights():
    module = alignment()
    speech, speech_mask, _, _ = inputs()
    result = module(speech, speech_mask, speech, speech_mask)
    assert not torch.allclose(result.speech_prefusion, result.text_prefusion, atol=1e-3)
    assert not torch.allclose(result.speech, result.text, atol=1e-3)


def test_padding_changes_nothing():
    module = alignment(self_layers=2, cross_layers=2)
    speech, speech_mask, text, text_mask = inputs()
    alone = module(speech, speech_mask, text, text_mask)
    result = module(
        torch.cat([speech, torch.full((3, 2, WIDTH), 99.0)], dim=1),
        torch.nn.functional.pad(speech_mask, (0, 2)),
        torch.cat([text, torch.full((3, 3, WIDTH), 99.0)], dim=1),
        torch.nn.functional.pad(text_mask, (0, 3)),
    )
    assert torch.allclose(result.speech[:, :5], alone.speech, atol=1e-5)
    assert torch.allclose(result.text[:, :4], alone.text, atol=1e-5)
    assert torch.allclose(result.text_to_speech[:, :4, :5], alone.text_to_speech, atol=1e-6)
    assert (result.text_to_speech[:, :, 5:] == 0).all()


def test_a_row_without_text_is_finite_and_gets_no_weights():
    module = alignment()
    speech, speech_mask, text, text_mask = inputs()
    text_mask[1] = False
    result = module(speech, speech_mask, text, text_mask)
    sum(t.sum() for t in vars(result).values()).backward()
    assert all(torch.isfinite(t).all() for t in vars(result).values())
    assert (result.speech_to_text[1] == 0).all()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


@pytest.mark.parametrize("shape", [{"cross_layers": 0}, {"self_layers": -1}])
def test_invalid_depths_are_refused(shape):
    with pytest.raises(ValueError, match="cross_layers"):
        alignment(**shape)
