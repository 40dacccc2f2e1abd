"""An encoder that keeps its classifier answers from restricted logits."""

from __future__ import annotations

import torch

from mer_core.data import collate
from mer_core.encoders.classifying import ClassifyingEncoder
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.encoders.registry import build_encoder
from mer_core.types import Utterance

LABELS = ("calm", "happy", "sad")


def test_logits_are_the_classifiers_own_in_the_order_asked(voice):
    torch.manual_seed(0)
    bare = CompactSpeechEncoder(CompactSpeechConfig(channels=(4, 8), blocks=1, width=6))
    kept = ClassifyingEncoder(bare, LABELS).eval()
    batch = collate([Utterance(waveform=voice(1.0)), Utterance(waveform=voice(0.5))])
    features = kept(batch)
    assert torch.equal(features.tokens, bare(batch).tokens)
    whole = kept.classifier(kept.pool(features.tokens, features.mask))
    assert torch.equal(kept.classify(features, ("sad", "calm")), whole[:, [2, 0]])
    assert bare.classify(features, LABELS) is None
    again = build_encoder(kept.architecture()).eval()
    again.load_state_dict(kept.state_dict())
    assert torch.equal(again.classify(again(batch), LABELS), whole)
