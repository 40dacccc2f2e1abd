"""The same clips under every condition, through a predictor that knows one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.data import load_corpus
from mer_core.emotions import FOUR
from mer_core.types import SAMPLE_RATE, Prediction, State
from tests.train.conftest import PITCH
from train.data.recordings import Recordings
from train.protocols.robustness import CHANGES, joined, measure, robustness_table, save_curves


class ByPitch:
    """Names the emotion whose tone is strongest; refuses clips that are too quiet."""

    labels = FOUR

    def predict_many(self, items: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        return [self._predict(*item["audio"]) for item in items]

    def _predict(self, wave: Any, rate: int) -> Prediction:
        assert rate == SAMPLE_RATE
        if np.abs(wave).max() < 0.2:
            return Prediction(None, {}, {}, state=State.SILENCE)
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
        bins = {e: round(pitch * len(wave) / rate) for e, pitch in PITCH.items()}
        power = {e: spectrum[i - 2 : i + 3].sum() for e, i in bins.items()}
        named = {e: float(e == max(power, key=power.__getitem__)) for e in FOUR}
        return Prediction(max(named, key=named.__getitem__), named, {})


def test_every_condition_is_measured_and_refusals_count(corpora: Path, tmp_path: Path) -> None:
    clips = load_corpus("ravdess", corpora, split="test", labels=FOUR)
    rows = measure(ByPitch(), clips, Recordings(clips))  # type: ignore[arg-type]
    assert list(rows) == [*CHANGES, "20 s"]
    assert rows["clean"]["unweighted_accuracy"] == 1.0
    assert rows["gain -12 dB"]["refused"] == 1.0
    assert rows["gain -12 dB"]["difference"] == -1.0
    assert rows["20 s"]["unweighted_accuracy"] == 1.0  # joined clips have one label
    assert rows["noise 20 dB"]["unweighted_accuracy"] > 0.9
    assert rows == measure(ByPitch(), clips, Recordings(clips))  # type: ignore[arg-type]
    result = {"labels": list(FOUR), "corpora": {"ravdess": rows}}
    assert "| gain -12 dB | 0.000 | -1.000 | 100.0 % |" in robustness_table(result)
    save_curves(result, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_long_clips_have_one_speaker_and_one_label(corpora: Path) -> None:
    clips = load_corpus("ravdess", corpora, split="test", labels=FOUR)
    waves = [np.full(SAMPLE_RATE, i + 1, np.float32) for i in range(len(clips))]
    for i, long in enumerate(joined(clips, waves)):
        assert len(long) == 20 * SAMPLE_RATE
        assert long[0] == i + 1
        heard = {int(value) - 1 for value in np.unique(long) if value}
        assert {(clips[j].group, clips[j].emotion) for j in heard} == {
            (clips[i].group, clips[i].emotion)
        }
        assert len(heard) == 2  # both takes


@pytest.mark.parametrize("condition", CHANGES)
def test_conditions_keep_what_a_waveform_is(condition: str, tone: Any) -> None:
    wave = tone(3.0)
    changed = CHANGES[condition](wave, np.random.default_rng(0))
    assert changed.dtype == np.float32
    assert len(changed) == (2 * SAMPLE_RATE if condition == "2 s" else len(wave))
    assert np.array_equal(changed, wave) == (condition == "clean")
