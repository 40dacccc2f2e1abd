"""How the lab describes a change, compared with the sound that is judged and with the cards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.panels.lab import lab_summary, render_lab
from mer_core.demo.sections.lab_settings import CLIPS_INFO, LabSettings, describe, to_changes
from mer_core.demo.services.atlases import EDITABLE_SECONDS, stored_inputs
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.perturb import changed
from mer_core.types import SAMPLE_RATE, FloatArray, Prediction
from tests.demo.clip_ids import recorded
from tests.demo.markup_page import Page

WORDS = "we won"


def judged(emotion: str | None) -> Prediction:
    by_modality: dict[str, Any] = {"speech": None, "text": None, "both": None}
    return Prediction(emotion, {emotion: 1.0} if emotion else {}, by_modality)


def recording(peak: float) -> VisitorClip:
    wave = (peak * np.sin(np.arange(16_000) / 20)).astype(np.float32)
    reading = SpeechTextInputs(wave, None, None, 1.0, WORDS, None)
    return VisitorClip(recorded("c"), "Clip 1", "mgcma", {"none": judged("happy")}, reading)


class SpeechTextReader:
    """Hands back the sound that it is given."""

    def read(self, audio: Any, text: str | None) -> SpeechTextInputs:
        return SpeechTextInputs(audio[0], None, None, None, text, None)


def changed_sound(clip: VisitorClip, settings: LabSettings) -> FloatArray:
    reader: Any = SpeechTextReader()
    return np.asarray(changed(clip.reading, to_changes(clip, settings), reader).waveform)


@pytest.mark.parametrize("peak", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.0, 5.0, 30.0, 40.0])
@pytest.mark.parametrize("gain", [-12.0, 3.0, 5.0, 20.0])
def test_the_described_loudness_is_the_real_one(peak: float, noise: float, gain: float) -> None:
    clip = recording(peak)
    plain = changed_sound(clip, LabSettings(WORDS, noise=noise)) if noise else clip.reading.waveform
    louder = changed_sound(clip, LabSettings(WORDS, noise=noise, gain=gain))
    true = 20 * math.log10(float(np.abs(louder).max()) / float(np.abs(plain).max()))
    sentence = describe(clip, LabSettings(WORDS, noise=noise, gain=gain))
    if math.isclose(true, gain, abs_tol=0.01):
        assert sentence.endswith(
            f"he sound is {abs(gain):g} dB {'louder' if gain > 0 else 'quieter'}."
        )
    else:
        assert true < gain
        assert float(np.abs(louder).max()) == pytest.approx(1.0)
        assert sentence.endswith("he sound is as loud as it can be without clipping.")


def test_noise_takes_the_headroom_that_a_gain_needs() -> None:
    clip = recording(0.5)  # 6 dB below the top
    assert describe(clip, LabSettings(WORDS, gain=5)) == "The sound is 5 dB louder."
    sentence = describe(clip, LabSettings(WORDS, noise=40, gain=5))
    assert sentence == (
        "Noise is as loud as the voice; the sound is as loud as it can be without clipping."
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("hhh", "hhh", "The category stays the same under all 3 strategies."),
        ("hhh", "sas", "All 3 strategies now assign another category."),
        ("hhh", "shh", "1 of 3 strategies now assigns another category."),
        ("hhh", "s--", "1 of 3 strategies now assigns another category; 2 assign none."),
        ("hhh", "sa-", "2 of 3 strategies now assign another category; 1 assigns none."),
        ("hhh", "h--", "The category stays the same under 1 of 3 strategies; 2 assign none."),
        ("h-h", "h-h", "The category stays the same under 2 of 3 strategies; 1 assigns none."),
        ("-hh", "shh", "1 of 3 strategies now assigns another category."),
        ("hhh", "---", "No strategy can assign a category to the changed clip."),
    ],
)
def test_the_summary_counts_all_cards(before: str, after: str, expected: str) -> None:
    names = {"h": "happy", "s": "sad", "a": "angry", "-": None}
    first, second = (
        {f"strategy {i}": judged(names[letter]) for i, letter in enumerate(row)}
        for row in (before, after)
    )
    assert lab_summary(first, second) == expected
    assert expected in Page(render_lab(first, second, {})).text


def test_a_clip_too_long_to_be_changed_is_not_stored() -> None:
    assert f"up to {EDITABLE_SECONDS:g} seconds" in CLIPS_INFO
    for seconds, stays in ((EDITABLE_SECONDS, True), (EDITABLE_SECONDS + 0.1, False)):
        wave = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
        reading = SpeechTextInputs(wave, None, None, seconds, None, None)
        assert (stored_inputs(reading) is not None) == stays
