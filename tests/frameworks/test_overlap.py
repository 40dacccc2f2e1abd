"""What closes the gap between two modalities: the variants on made-up embeddings, trained.

A small Foal-Net on frozen vectors of two modalities that share four emotions and nothing else, as
in the probe that led to the variants. Figures are of items that were not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from mer_core.data.collate import collate_features
from mer_core.encoders.base import CachedEncoder
from mer_core.frameworks.base import total_loss
from mer_core.frameworks.foal_net import FoalNet, FoalNetConfig
from mer_core.types import Batch

EMOTIONS, WIDTH, BATCH, STEPS, HELD_OUT, NEAREST = 4, 24, 64, 250, 200, 15
RATE = 3e-3
SHARP = {"temperature": 0.07, "learn_temperature": False}
# What is beside the sharp pairwise contrast, or in its place.
SETTINGS = {
    "sharp": SHARP,
    "sharp, centred": {**SHARP, "centred": True},
    "sharp, joint": {**SHARP, "joint": True},
    "sharp, joint, centred": {**SHARP, "joint": True, "centred": True},
    "soft": {"temperature": 2.659, "temperature_floor": 0.5},
    "soft, joint, centred": {
        "temperature": 2.659, "temperature_floor": 0.5, "joint": True, "joint_temperature": 0.5,
        "centred": True,
    },
}  # fmt: skip

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Overlap:
    """Of held-out embeddings.

    Attributes:
        gap: Distance of the modalities' centroids.
        mixing: Share of an item's nearest that are of the other modality; 0.5 = one cloud.
        precision: Share of an item's nearest of the other modality with its emotion.
    """

    gap: float
    mixing: float
    precision: float


class Source:
    """Draws items: an emotion's direction, a modality's own place, and noise."""

    def __init__(self) -> None:
        self.random = torch.Generator().manual_seed(0)
        self.emotions = {m: self.normal(EMOTIONS, WIDTH) * 0.8 for m in ("speech", "video")}
        self.places = {m: self.normal(WIDTH) for m in ("speech", "video")}

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random)

    def draw(self, count: int) -> tuple[Batch, Tensor]:
        labels = torch.arange(count) % EMOTIONS
        vectors = {
            m: self.emotions[m][labels] + self.places[m] + self.normal(count, WIDTH)
            for m in self.emotions
        }
        rows = [{m: v[i : i + 1] for m, v in vectors.items()} for i in range(count)]
        return collate_features(rows, dict.fromkeys(vectors, WIDTH)), labels


@cache
def trained(name: str) -> Overlap:
    torch.manual_seed(0)
    source = Source()
    config = FoalNetConfig(
        width=16, projection_width=16, heads=2, layers=1, projection_dropout=0.1, mem=False,
        **SETTINGS[name],
    )  # fmt: skip
    encoders = CachedEncoder("speech", WIDTH), CachedEncoder("video", WIDTH)
    model = FoalNet(*encoders, tuple("abcd"), config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch, labels = source.draw(BATCH)
        loss = total_loss(model.losses(model(batch), labels), {})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        model.constrain_()
    model.eval()
    batch, labels = source.draw(HELD_OUT)
    with torch.inference_mode():
        features = model(batch).features
    return overlap(
        *(features[f"{m}_embedding"].double().numpy() for m in ("audio", "video")), labels.numpy()
    )


def overlap(
    audio: NDArray[np.float64], video: NDArray[np.float64], labels: NDArray[np.int64]
) -> Overlap:
    both = np.concatenate([audio, video])
    modality = np.arange(len(both)) // len(audio)
    similar = both @ both.T
    np.fill_diagonal(similar, -np.inf)
    nearest = np.argsort(-similar, axis=1)[:, :NEAREST]
    across = np.argsort(-(audio @ video.T), axis=1)[:, :NEAREST]
    return Overlap(
        float(np.linalg.norm(audio.mean(axis=0) - video.mean(axis=0))),
        float((modality[nearest] != modality[:, None]).mean()),
        float((labels[across] == labels[:, None]).mean()),
    )


def test_a_sharp_pairwise_contrast_sorts_emotions_and_parts_the_clouds() -> None:
    sharp = trained("sharp")
    assert sharp.precision > 0.9
    assert sharp.gap > 0.3
    assert sharp.mixing < 0.1


@pytest.mark.parametrize("name", ["sharp, centred", "sharp, joint", "sharp, joint, centred"])
def test_joint_and_centred_close_the_gap_beside_it(name: str) -> None:
    assert trained(name).gap < trained("sharp").gap / 2
    assert trained(name).precision > 0.9


@pytest.mark.parametrize("name", ["soft", "soft, joint, centred"])
def test_a_soft_temperature_also_mixes_the_clouds(name: str) -> None:
    soft = trained(name)
    assert soft.gap < trained("sharp").gap / 2
    assert soft.mixing > 0.2
    assert soft.precision > 0.9
