"""A Foal-Net of a few numbers on features made by chance, for the tests beside it."""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional as F

from mer_core.data.collate import collate_features
from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.types import Batch, Features

LABELS = ("angry", "happy", "sad")
AUDIO, VIDEO, WIDTH, HEADS = 6, 8, 5, 2
WIDTHS = {"speech": AUDIO, "video": VIDEO}
LENGTHS = ((5, 3), (2, 4), (4, 1), (3, 2))
TARGETS = torch.tensor([0, 1, 2, 0])
SWITCHES = list(itertools.product([False, True], repeat=2))
SETTINGS = {"projection_width": WIDTH, "heads": HEADS}
STILL = {"dropout": 0.0, "projection_dropout": 0.0, "classifier_dropout": 0.0}


def foal_net(second="video", **settings):
    first, other = CachedEncoder("speech", AUDIO), CachedEncoder(second, VIDEO)
    return FoalNet(first, other, LABELS, FoalNetConfig(**{**SETTINGS, **settings})).eval()


def rows(absent=(), second="video"):
    """One {modality: tokens} an utterance; `absent` holds (row, modality) to leave out."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for i, (audio, video) in enumerate(LENGTHS):
        row = {
            "speech": torch.randn(audio, AUDIO, generator=generator),
            second: torch.randn(video, VIDEO, generator=generator),
        }
        result.append({k: None if (i, k) in absent else v for k, v in row.items()})
    return result


def batch_of(utterances):
    return collate_features(utterances, WIDTHS)


def padded(batch, steps, value=99.0):
    """The same batch with `steps` more positions of junk and a mask that excludes them."""
    cached = {}
    for modality, features in batch.cached.items():
        junk = F.pad(features.tokens, (0, 0, 0, steps), value=value)
        cached[modality] = Features(junk, F.pad(features.mask, (0, steps)), features.present)
    return Batch(cached=cached)


def losses_of(model, batch, labels=TARGETS):
    return model.losses(model(batch), labels)
