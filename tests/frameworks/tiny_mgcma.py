"""An MGCMA of a few numbers on features made by chance, for the tests beside it."""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional as F

from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.mgcma import MGCMA
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.types import Batch, Features

LABELS = ("angry", "happy", "sad")
SPEECH, TEXT, WIDTH = 6, 8, 8
LENGTHS = ((5, 3), (2, 4), (4, 1), (3, 2))
SWITCHES = list(itertools.product([False, True], repeat=3))
SWITCH_NAMES = ("distribution", "token", "instance")
WIDTHS = {"speech": SPEECH, "text": TEXT}


def mgcma(**settings):
    config = MGCMAConfig(**{"width": WIDTH, "heads": 2, "feed_forward": 2.0, **settings})
    speech, text = CachedEncoder("speech", SPEECH), CachedEncoder("text", TEXT)
    return MGCMA(speech, text, LABELS, config).eval()


def rows(absent=()):
    """One {modality: tokens} an utterance; `absent` holds (row, modality) to leave out."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for i, (speech, text) in enumerate(LENGTHS):
        row = {
            "speech": torch.randn(speech, SPEECH, generator=generator),
            "text": torch.randn(text, TEXT, generator=generator),
        }
        result.append({k: None if (i, k) in absent else v for k, v in row.items()})
    return result


def padded(batch, steps, value=99.0):
    """The same batch with `steps` more positions of junk and a mask that excludes them."""
    cached = {}
    for modality, features in batch.cached.items():
        junk = torch.full((len(features.tokens), steps, features.tokens.shape[2]), value)
        cached[modality] = Features(
            torch.cat([features.tokens, junk], dim=1),
            F.pad(features.mask, (0, steps)),
            features.present,
        )
    return Batch(cached=cached)


def mgcma_losses(model, batch, labels):
    return model.losses(model(batch), labels)
