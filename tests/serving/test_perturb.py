"""Changed sound by measured decibels, and readings that stay honest about what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mer_core.media import MediaError, load_audio
from mer_core.media.effects import headroom, louder, pink_noise, with_noise
from mer_core.media.speech_activity import detect_speech
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.perturb import Changes, changed
from mer_core.serving.predictor import DEFAULT_MODEL
from mer_core.serving.video_inputs import VideoInputs
from mer_core.types import SAMPLE_RATE, FloatArray

CLIP = DEFAULT_MODEL.parent / "examples" / "bright.flac"
SECOND = SAMPLE_RATE


class FakeTokens:
    """One token a word; words with a "q" are unknown."""

    def detail(self, text: str) -> Any:
        from mer_core.encoders.text_tokens import TokenizedText

        words = tuple(text.split())
        unknown = sum("q" in word for word in words) / len(words)
        return TokenizedText(list(range(len(words))), words, list(range(len(words))), unknown)


@pytest.fixture
def reader() -> SpeechTextReader:
    return SpeechTextReader(FakeTokens(), ("speech", "text"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def spoken() -> FloatArray:
    return load_audio(CLIP)


@pytest.fixture
def reading(reader: SpeechTextReader, spoken: FloatArray) -> SpeechTextInputs:
    return reader.read((spoken, SAMPLE_RATE), "we won")


@pytest.fixture
def film(spoken: FloatArray) -> VideoInputs:
    pictures = np.zeros((5, 4, 4, 3), np.uint8)
    times = np.linspace(0, 1, 5, dtype=np.float32)
    track: Any = object()
    return VideoInputs(len(spoken) / SECOND, spoken, detect_speech(spoken), track, pictures, times)


def power(waveform: FloatArray) -> float:
    return sum(float(x) * float(x) for x in waveform) / len(waveform)


@pytest.mark.parametrize("decibels", [-30.0, -6.0, 0.0, 5.0])
def test_louder_by_the_given_decibels(tone: Any, decibels: float) -> None:
    quiet = tone(0.2, amplitude=0.5)
    measured = 10 * np.log10(power(louder(quiet, decibels)) / power(quiet))
    assert measured == pytest.approx(decibels, abs=0.01)


def test_gain_stops_before_clipping(tone: Any) -> None:
    wave = tone(0.2, amplitude=0.5)
    loud = louder(wave, 20.0)
    assert np.abs(loud).max() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(loud, wave * (loud.max() / wave.max()), atol=1e-6)  # same shape
    assert headroom(wave) == pytest.approx(6.02, abs=0.01)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.0, 40.0])
def test_noise_has_the_given_ratio(voice: Any, snr_db: float) -> None:
    clean = voice(1.0)
    noisy = with_noise(clean, snr_db, seed=3)
    # What was mixed is `level · (clean + noise)`; project the clean part out, by its level.
    assert np.abs(noisy).max() <= 1
    noise = pink_noise(len(clean), 3)
    design = np.stack([clean, noise], axis=1).astype(np.float64)
    (level, share), *_ = np.linalg.lstsq(design, noisy.astype(np.float64), rcond=None)
    np.testing.assert_allclose(noisy, design @ [level, share], atol=1e-5)
    measured = 10 * np.log10(power(level * clean) / power(share * noise))
    assert measured == pytest.approx(snr_db, abs=0.05)
    assert level == pytest.approx(1.0, abs=1e-4) or np.abs(noisy).max() > 0.999


def test_noise_falls_by_three_decibels_an_octave() -> None:
    spectrum = np.abs(np.fft.rfft(pink_noise(60 * SECOND, 0))) ** 2
    bands = [spectrum[60 * f : 120 * f].mean() for f in (125, 250, 500, 1000, 2000, 4000)]
    np.testing.assert_allclose(10 * np.log10(np.divide(bands[1:], bands[:-1])), -3.01, atol=0.3)


def test_noise_by_seed(voice: Any) -> None:
    clean = voice(0.5)
    np.testing.assert_array_equal(with_noise(clean, 10, seed=1), with_noise(clean, 10, seed=1))
    assert not np.array_equal(with_noise(clean, 10, seed=1), with_noise(clean, 10, seed=2))


def test_silence_stays_silent() -> None:
    silence = np.zeros(SECOND, np.float32)
    for result in (louder(silence, 20.0), with_noise(silence, 0.0)):
        np.testing.assert_array_equal(result, silence)
        assert result.dtype == np.float32


@pytest.mark.parametrize(
    "wrong",
    [{"mute": frozenset({"smell"})}, {"snr_db": float("nan")}, {"snr_db": -99}, {"gain_db": 1e9}],
)
def test_invalid_changes_are_refused_with_a_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|cannot be muted"):
        Changes(**wrong)


def test_no_change_returns_the_same_inputs(
    reading: SpeechTextInputs, film: VideoInputs, reader: SpeechTextReader
) -> None:
    assert changed(reading, Changes(seed=4), reader) is reading
    assert changed(film, Changes(text="ignored")) is film


def test_new_words_are_tokenized_again(reading: SpeechTextInputs, reader: SpeechTextReader) -> None:
    swapped = changed(reading, Changes(text="leave me alone"), reader)
    assert (swapped.text, swapped.state) == ("leave me alone", "ok")
    assert swapped.tokens is not None
    assert swapped.tokens.words == ("leave", "me", "alone")
    assert reading.waveform is not None
    np.testing.assert_array_equal(swapped.waveform, reading.waveform)
    foreign = changed(reading, Changes(text="qqq qq"), reader)
    assert (foreign.text, foreign.state) == (None, "unreadable_text")
    assert "Only the speech was judged" in foreign.message
    assert changed(reading, Changes(text=" \n"), reader).text is None


def test_muted_parts_are_absent(
    reading: SpeechTextInputs, film: VideoInputs, reader: SpeechTextReader
) -> None:
    words = changed(reading, Changes(mute=frozenset({"speech"})), reader)
    assert (words.waveform, words.activity, words.text) == (None, None, "we won")
    sound = changed(reading, Changes(mute=frozenset({"text"})), reader)
    assert (sound.tokens, sound.text, sound.state) == (None, None, "ok")
    faceless = changed(film, Changes(mute=frozenset({"video"})))
    assert (faceless.pictures, faceless.track, len(faceless.times)) == (None, None, 0)
    assert faceless.state == "ok"
    voiceless = changed(film, Changes(mute=frozenset({"audio"})))
    assert (voiceless.waveform, voiceless.activity, voiceless.state) == (None, None, "ok")
    assert voiceless.utterance.frames is not None


def test_nothing_left_is_refused_with_a_sentence(
    reading: SpeechTextInputs, film: VideoInputs, reader: SpeechTextReader
) -> None:
    both = frozenset({"speech", "text"})
    silent = replace(film, waveform=None, activity=None)
    attempts: list[tuple[Any, Changes]] = [
        (reading, Changes(mute=both)),
        (reading, Changes(mute=frozenset({"speech"}), text="")),
        (film, Changes(mute=frozenset({"audio", "video"}))),
        (silent, Changes(mute=frozenset({"video"}))),
    ]
    for item, changes in attempts:
        with pytest.raises(MediaError, match="Nothing is left to judge"):
            changed(item, changes, reader)


def test_a_voice_lost_in_the_change_has_its_reason(
    reading: SpeechTextInputs, film: VideoInputs, reader: SpeechTextReader
) -> None:
    drowned = changed(reading, Changes(snr_db=-20), reader)
    assert (drowned.waveform, drowned.state) == (None, "no_speech")
    assert "Only the text was judged" in drowned.message
    whispered = changed(film, Changes(gain_db=-60))
    assert whispered.state == "silence"
    assert whispered.utterance.waveform is None
    assert "Only the face was judged" in whispered.message
    alone = changed(film, Changes(gain_db=-60, mute=frozenset({"video"})))
    assert (alone.spoken, alone.pictures, alone.state) == (False, None, "silence")


def test_sound_that_was_unfit_stays_unfit(reader: SpeechTextReader) -> None:
    silent = reader.read((np.zeros(SECOND, np.float32), SAMPLE_RATE), "we won")
    swapped = changed(silent, Changes(text="leave me", gain_db=10), reader)
    assert (swapped.state, swapped.text, swapped.duration) == ("silence", "leave me", 1.0)
    assert "Only the text was judged" in swapped.message
    assert changed(silent, Changes(mute=frozenset({"speech"})), reader).state == "ok"


def test_words_that_were_unfit_stay_unfit(reader: SpeechTextReader, spoken: FloatArray) -> None:
    foreign = reader.read((spoken, SAMPLE_RATE), "qqq qq")
    quieter = changed(foreign, Changes(gain_db=-3), reader)
    assert (quieter.state, quieter.waveform is None) == ("unreadable_text", False)
    assert changed(foreign, Changes(text="we won"), reader).state == "ok"
