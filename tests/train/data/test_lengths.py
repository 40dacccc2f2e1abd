"""Batches of similar length hold little padding, on the lengths that IEMOCAP has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mer_core.data import Example
from mer_core.types import SAMPLE_RATE
from tests.iemocap_lengths import iemocap_seconds
from tests.train.conftest import write_tone
from train.config import SourceConfig
from train.data.draws import CLIP_BUCKET, batches_by_length
from train.data.lengths import heard_size, padding_share, pair_length
from train.data.material import Material
from train.data.pairs import Pair


def test_the_sample_has_the_published_lengths() -> None:
    seconds = iemocap_seconds(5_531)
    assert seconds.mean() == pytest.approx(4.55, rel=0.02)  # papers.md D.1
    assert np.median(seconds) == pytest.approx(3.58, rel=0.02)
    assert np.percentile(seconds, 95) == pytest.approx(11.1, rel=0.03)
    assert seconds.max() == pytest.approx(34.1, rel=0.01)


@pytest.mark.parametrize("batch_size", [16, 32])
def test_padding_is_a_tenth_where_random_batches_have_two_thirds(batch_size: int) -> None:
    lengths = (iemocap_seconds(5_531) * 50).astype(int).tolist()
    random = np.random.default_rng(1)
    order = random.permutation(len(lengths))
    at_random = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    bucketed = list(batches_by_length(order, lengths, batch_size, random, CLIP_BUCKET))
    assert sorted(i for batch in bucketed for i in batch) == list(range(len(lengths)))
    assert padding_share(lengths, at_random) > 0.6
    assert padding_share(lengths, bucketed) <= 0.10


def test_padding_is_what_lies_beyond_the_items() -> None:
    assert padding_share([1, 3, 2, 2], [[0, 1], [2, 3]]) == pytest.approx(1 - 8 / 10)
    assert padding_share([5, 5], [[0, 1]]) == 0.0


def test_a_clip_is_as_long_as_its_crop_and_a_pair_as_both_halves(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 200, 0)  # 0.6 s
    clip = Example("ravdess", "train", "sad", "1", path=tmp_path / "tone.wav")
    text = Example("meld", "train", "sad", "2", text="tears " * 10)

    def material(crop: float) -> Material:
        return Material([clip], {"speech": SourceConfig(crop_seconds=crop)})

    assert heard_size(clip, material(0.0)) == heard_size(clip, material(3.0)) == 9_600
    assert heard_size(clip, material(0.25)) == SAMPLE_RATE // 4
    assert pair_length(Pair(speech=clip, text=text), material(0.0)) == 30 + 15
    assert pair_length(Pair(text=text), material(0.0)) == 15
    assert pair_length(Pair(speech=clip, text=text), None) == 60
    assert pair_length(Pair(speech=clip), None) == 0
