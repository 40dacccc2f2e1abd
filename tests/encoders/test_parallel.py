"""Encoders side by side say what each says alone."""

from __future__ import annotations

import pytest
import torch

from mer_core.data import collate
from mer_core.encoders.base import CachedEncoder
from mer_core.encoders.classifying import ClassifyingEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.encoders.parallel import ParallelEncoder
from mer_core.encoders.registry import build_encoder
from mer_core.types import Utterance


def test_tokens_are_the_members_own_joined(voice):
    shapes = [CompactSpeechConfig(channels=(4, 8), blocks=1, width=width) for width in (6, 10)]
    members = [CompactSpeechEncoder(shape).eval() for shape in shapes]
    both = ParallelEncoder(members).eval()
    batch = collate([Utterance(waveform=voice(1.0)), Utterance(waveform=voice(0.5))])
    found = both(batch)
    assert both.width == 16
    assert both.modality == "speech"
    assert torch.equal(found.tokens[:, :, :6], members[0](batch).tokens)
    assert torch.equal(found.tokens[:, :, 6:], members[1](batch).tokens)
    assert torch.equal(found.mask, members[0](batch).mask)
    again = build_encoder(both.architecture()).eval()
    again.load_state_dict(both.state_dict())
    assert torch.equal(again(batch).tokens, found.tokens)


def test_modalities_do_not_mix():
    with pytest.raises(ValueError, match="one modality"):
        ParallelEncoder([CachedEncoder("speech", 2), CachedEncoder("text", 2)])
    with pytest.raises(ValueError, match="one modality"):
        ParallelEncoder([])


def test_a_committee_averages_the_classifiers_its_members_keep(voice):
    torch.manual_seed(0)
    labels = ("calm", "happy", "sad")
    members = []
    for width in (6, 10):
        shape = CompactSpeechConfig(channels=(4, 8), blocks=1, width=width)
        members.append(ClassifyingEncoder(CompactSpeechEncoder(shape), labels).eval())
    batch = collate([Utterance(waveform=voice(1.0)), Utterance(waveform=voice(0.5))])
    both = ParallelEncoder(members).eval()
    wanted = ("sad", "calm")
    found = both.classify(both(batch), wanted)
    expected = 0
    for member in members:
        features = member.encoder(batch)
        logits = member.classifier(member.pool(features.tokens, features.mask))[:, [2, 0]]
        expected = expected + logits.log_softmax(dim=1) / 2
    assert torch.allclose(found, expected, atol=1e-6)
    bare = ParallelEncoder([m.encoder for m in members])
    assert bare.classify(bare(batch), wanted) is None
