"""Padding and masks: what is real is marked exactly, what is absent takes one padded step."""

from __future__ import annotations

import numpy as np
import torch

from mer_core.data.collate import collate, collate_features, pad
from mer_core.types import Utterance


def tokenize(text: str) -> list[int]:
    return [ord(c) for c in text]


def test_every_row_is_kept_and_masked() -> None:
    random = np.random.default_rng(0)
    waves = [random.standard_normal(n).astype(np.float32) for n in (3, 7, 1)]
    texts = ["hi", "h", "hello"]
    batch = collate(
        [Utterance(waveform=w, text=t) for w, t in zip(waves, texts, strict=True)], tokenize
    )
    assert batch.waveform is not None
    assert batch.waveform_mask is not None
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    assert batch.waveform.shape == batch.waveform_mask.shape == (3, 7)
    assert batch.input_ids.shape == batch.attention_mask.shape == (3, 5)
    assert (batch.waveform.dtype, batch.input_ids.dtype) == (torch.float32, torch.int64)
    assert (batch.waveform_mask.dtype, batch.attention_mask.dtype) == (torch.bool, torch.bool)
    for i, (wave, text) in enumerate(zip(waves, texts, strict=True)):
        np.testing.assert_array_equal(batch.waveform[i][batch.waveform_mask[i]].numpy(), wave)
        assert batch.input_ids[i][batch.attention_mask[i]].tolist() == tokenize(text)
    assert not batch.waveform[~batch.waveform_mask].any()
    assert not batch.input_ids[~batch.attention_mask].any()


def test_absent_modalities_keep_one_padded_step() -> None:
    batch = collate([Utterance(), Utterance(waveform=np.zeros(0, np.float32), text="")], tokenize)
    for tensor, mask, present in (
        (batch.waveform, batch.waveform_mask, batch.speech_present),
        (batch.input_ids, batch.attention_mask, batch.text_present),
    ):
        assert tensor is not None
        assert mask is not None
        assert present is not None
        assert tensor.shape == mask.shape == (2, 1)
        assert not mask.any()
        assert not present.any()


def test_presence_is_marked_row_by_row() -> None:
    wave = np.zeros(4, np.float32)  # silence is present
    rows = [Utterance(waveform=wave), Utterance(text="a"), Utterance(waveform=wave, text="b")]
    batch = collate(rows, tokenize)
    assert batch.speech_present is not None
    assert batch.text_present is not None
    assert batch.speech_present.tolist() == [True, False, True]
    assert batch.text_present.tolist() == [False, True, True]
    assert collate(rows).input_ids is None
    assert collate(rows).text_present is None


def test_the_batch_owns_its_samples() -> None:
    wave = np.ones(4, np.float32)
    batch = collate([Utterance(waveform=wave)])
    wave[:] = 5.0
    assert batch.waveform is not None
    assert batch.waveform.tolist() == [[1.0] * 4]


def test_features_are_padded_like_inputs() -> None:
    speech, text = torch.randn(3, 4).half(), torch.randn(2, 6)
    rows = [{"speech": speech, "text": None}, {"speech": None, "text": text}]
    cached = collate_features(rows, {"speech": 4, "text": 6}).cached
    assert cached["speech"].tokens.shape == (2, 3, 4)
    assert cached["text"].tokens.shape == (2, 2, 6)
    assert cached["speech"].tokens.dtype == torch.float32
    assert torch.equal(cached["speech"].tokens[0], speech.float())
    assert torch.equal(cached["text"].tokens[1], text)
    assert cached["speech"].mask.tolist() == [[True] * 3, [False] * 3]
    assert cached["text"].present.tolist() == [False, True]
    absent = collate_features([{"speech": None}, {}], {"speech": 4}).cached["speech"]
    assert absent.tokens.shape == (2, 1, 4)
    assert not absent.present.any()


def test_pad_keeps_shape_type_and_gradient() -> None:
    rows = [torch.zeros(0, 2), torch.ones(3, 2, requires_grad=True)]
    padded, mask = pad(rows)
    assert padded.shape == (2, 3, 2)
    padded[mask].sum().backward()
    assert torch.equal(rows[1].grad, torch.ones(3, 2))
    integers, _ = pad([torch.tensor([5])])
    assert integers.dtype == torch.int64
